"""From CSV and Parquet files of any size to a folder of labels, in bounded memory.

The files are read twice. The first time finds the names of annotators and classes, and from a sample of the examples where to cut
them into parts that fit into memory. The second time writes the rows of each part into a file of their own. Then one part after the
other is encoded and sorted. pyarrow reads, hashes and writes; a database would add a dependency and its own sort, which does not know
the natural order of names.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ..aggregation.size import free_memory
from ..incoming import DUPLICATES, rows_to_keep
from ..names import encode, listed, natural_order, stable_order
from .folder import LabelsFolder, open_labels
from .tables import Batch, batches, table_files
from .writing import FolderWriter, aside

# Bytes that a row takes while its part is encoded and sorted, names included.
OF_A_ROW = 250
# Files that are open at once; with more rows than so many parts hold, the parts grow.
MOST_PARTS = 500
SAMPLE = 1 << 17  # examples that decide where parts begin


def convert_labels(
    files: str | Path | Iterable[str | Path],
    to: str | Path,
    *,
    example: str | None = None,
    annotator: str | None = None,
    label: str | None = None,
    classes: Sequence[Hashable] | None = None,
    duplicates: str = "keep",
    memory: int | None = None,
    force: bool = False,
    on_rows: Callable[[int], object] | None = None,
) -> LabelsFolder:
    """Write the labels of CSV and Parquet files (or folders of them) as a folder; the same labels as `CrowdLabels.from_long` has.

    Names in CSV files are text; those in Parquet are text or whole numbers, the same in all files. Times are not kept.

    Args:
        example, annotator, label: column names, found as in `from_long` without them.
        classes: the K classes in their order; default: those that occur, in natural order.
        duplicates: see `from_long`.
        memory: bytes to work in, at least about 100 MB; default: a quarter of what is free, at most 4 GiB.
        force: replace a folder of labels that has this name.
        on_rows: called with the number of rows that were read so far, of twice as many as there are.

    Raises:
        ValueError: names the file, column and row of what is missing or wrong, and the mend.
    """
    if duplicates not in DUPLICATES:
        raise ValueError(f"duplicates={duplicates!r} is not known; choose one of {', '.join(DUPLICATES)}.")
    paths, named, to = table_files(files), {"example": example, "annotator": annotator, "label": label}, Path(to)
    memory = min(free_memory() // 4, 4 << 30) if memory is None else memory
    with aside(to, force=force) as folder:
        seen = _Seen()
        for batch in _counted(batches(paths, named), on_rows, 0):
            seen.take(batch)
        if not seen.n_rows:
            raise ValueError(f"{listed(paths)}: there are no rows, so there are no labels. Choose files with at least one label.")
        n_parts = max(1, min(MOST_PARTS, -(-seen.n_rows * OF_A_ROW // memory)))
        cuts = seen.cuts(n_parts)
        annotators, kinds = _sorted(seen.names["annotator"].all()), _sorted(seen.names["label"].all())
        if classes is not None:
            kinds = _as_given(classes, kinds.type)
        with ExitStack() as opened:
            parts = [_Part(folder / f"part-{i}.arrow", cuts.type) for i in range(len(cuts) + 1)]
            for part in parts:
                opened.callback(part.close)
            for batch in _counted(batches(paths, named), on_rows, seen.n_rows):
                _deal_out(batch, cuts, annotators, kinds, parts)
        with FolderWriter(folder, annotators, kinds) as writer:
            for part in parts:
                _add_part(part.read(), writer, duplicates, annotators)
                part.path.unlink()
            writer.finish()
    return open_labels(to)


def _counted(read: Iterator[Batch], on_rows: Callable[[int], object] | None, before: int) -> Iterator[Batch]:
    for batch in read:
        yield batch
        before += len(batch)
        if on_rows is not None:
            on_rows(before)


class _Names:
    """The different names of a column, text or whole numbers."""

    def __init__(self, what: str) -> None:
        self.what, self.known, self.new = what, pa.chunked_array([], type=pa.null()), 0

    def take(self, batch: Batch) -> None:
        values = batch.columns[self.what]
        if len(self.known) and values.type != self.known.type:
            raise ValueError(
                f"{batch.file}: the {self.what}s are {_told(values.type)} here and {_told(self.known.type)} in the rows before; "
                "write them alike in all files."
            )
        fresh = values.unique()
        chunks = [*self.known.chunks, fresh] if len(self.known) else [fresh]
        self.known, self.new = pa.chunked_array(chunks), self.new + len(fresh)
        if self.new * 2 > len(self.known):  # so that a merge costs what was added since the last one
            self.known, self.new = pa.chunked_array([self.all()]), 0

    def all(self) -> pa.Array:
        return self.known.unique()


def _told(kind: pa.DataType) -> str:
    return "whole numbers" if pa.types.is_integer(kind) else "text"


@dataclass
class _Seen:
    """What the first reading learns: the number of rows, the names, and a sample of the examples."""

    names: dict[str, _Names] = field(default_factory=lambda: {word: _Names(word) for word in ("annotator", "label")})
    n_rows: int = 0
    sample: list[pa.Array] = field(default_factory=list)
    share: float = 1.0
    rng: np.random.Generator = field(default_factory=lambda: np.random.default_rng(0))

    def take(self, batch: Batch) -> None:
        for names in self.names.values():
            names.take(batch)
        if self.sample and self.sample[0].type != batch.columns["example"].type:
            kinds = f"{_told(batch.columns['example'].type)} here and {_told(self.sample[0].type)} in the rows before"
            raise ValueError(f"{batch.file}: the examples are {kinds}; write them alike in all files.")
        self.n_rows += len(batch)
        self.sample.append(self._some(batch.columns["example"], self.share))
        while sum(map(len, self.sample)) > 2 * SAMPLE:
            self.share /= 2
            self.sample = [self._some(names, 0.5) for names in self.sample]

    def _some(self, names: pa.Array, share: float) -> pa.Array:
        return names if share >= 1 else names.filter(pa.array(self.rng.random(len(names)) < share))

    def cuts(self, n_parts: int) -> pa.Array:
        """Names at which parts begin after the first, in natural order."""
        names = pa.concat_arrays(self.sample)
        if n_parts == 1 or not len(names):
            return names[:0]
        names = names.take(pa.array(_natural(names)))
        return names.take(pa.array(np.linspace(0, len(names), n_parts + 1)[1:-1].astype(np.int64))).unique()


def _natural(names: pa.Array) -> NDArray[np.intp]:
    return natural_order(pd.Index(names.to_pandas())) if pa.types.is_large_string(names.type) else np.argsort(names, kind="stable")


def _sorted(names: pa.Array) -> pa.Array:
    return names.take(pa.array(_natural(names)))


def _as_given(classes: Sequence[Hashable], kind: pa.DataType) -> pa.Array:
    if len(set(classes)) < len(classes):
        twice = next(name for i, name in enumerate(classes) if name in classes[:i])
        raise ValueError(f"classes= names {twice!r} twice; name each class once.")
    try:
        return pa.array(list(classes), type=kind)
    except (pa.ArrowInvalid, pa.ArrowTypeError):
        raise ValueError(f"classes= names {listed(classes)}, but the labels in the files are {_told(kind)}.") from None


class _Part:
    """The rows of one part in a file, in the order they came."""

    def __init__(self, path: Path, kind: pa.DataType) -> None:
        self.path = path
        self.schema = pa.schema([("example", kind), ("annotator", pa.int32()), ("label", pa.int32())])
        self.file = pa.OSFile(str(path), "wb")
        self.writer = pa.ipc.new_stream(self.file, self.schema)

    def close(self) -> None:
        self.writer.close()
        self.file.close()

    def read(self) -> pa.Table:
        with pa.OSFile(str(self.path)) as file:
            return pa.ipc.open_stream(file).read_all()


def _deal_out(batch: Batch, cuts: pa.Array, annotators: pa.Array, classes: pa.Array, parts: Sequence[_Part]) -> None:
    """Write each row of a batch to its part."""
    label = pc.index_in(batch.columns["label"], value_set=classes)
    if label.null_count:
        at = int(np.flatnonzero(label.is_null())[0])
        raise ValueError(
            f"{batch.file}: row {batch.first_row + at + 1}: {batch.columns['label'][at].as_py()!r} is not one of the classes "
            f"{listed(classes.to_pylist())}. Add it to classes=, or correct the label."
        )
    codes = [pc.index_in(batch.columns["annotator"], value_set=annotators), label]
    part_of = _parts_of(batch.columns["example"], cuts)
    order = stable_order(part_of, len(parts))
    rows = pa.record_batch([batch.columns["example"], *codes], schema=parts[0].schema).take(pa.array(order))
    begins = np.concatenate([[0], np.cumsum(np.bincount(part_of, minlength=len(parts)))])
    for part, begin, end in zip(parts, begins[:-1], begins[1:], strict=True):
        if end > begin:
            part.writer.write_batch(rows.slice(begin, end - begin))


def _parts_of(examples: pa.Array, cuts: pa.Array) -> NDArray[np.int32]:
    """The part of each row: how many cuts are at or before its example, in natural order."""
    if not len(cuts):
        return np.zeros(len(examples), np.int32)
    if pa.types.is_integer(examples.type):
        places: NDArray[np.intp] = np.searchsorted(cuts.to_numpy(), examples.to_numpy(), side="right")
        return places.astype(np.int32)
    encoded = examples.dictionary_encode()
    names = pa.concat_arrays([cuts, encoded.dictionary])
    order = _natural(names)  # stable: a cut comes before an example of the same name
    passed = np.cumsum(order < len(cuts), dtype=np.int32)
    part_of = np.empty(len(names), np.int32)
    part_of[order] = passed
    of_rows: NDArray[np.int32] = part_of[len(cuts) :][encoded.indices.to_numpy()]
    return of_rows


def _add_part(table: pa.Table, writer: FolderWriter, duplicates: str, annotators: pa.Array) -> None:
    """Encode and sort the rows of a part, and write them."""
    if not table.num_rows:
        return
    kind = table.schema.field("example").type
    example, names = encode(table["example"].to_pandas(), "example")
    annotator, label = table["annotator"].to_numpy(), table["label"].to_numpy()
    if duplicates != "keep":
        of_annotators = pd.Index(annotators.to_pandas())
        rows = rows_to_keep(duplicates, example, annotator, label, None, names, of_annotators)
        example, annotator, label = example[rows], annotator[rows], label[rows]
    order = stable_order(label, len(writer.classes))
    for codes, size in ((annotator, len(writer.annotators)), (example, len(names))):
        order = order[stable_order(codes[order], size)]
    writer.add(pa.array(names, type=kind), np.bincount(example, minlength=len(names)), annotator[order], label[order])
