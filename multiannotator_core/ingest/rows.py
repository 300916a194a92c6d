"""What every reader returns, and the step from there to CrowdLabels."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ..incoming import rows_to_keep
from ..labels import CrowdLabels
from ..names import listed, natural_order
from . import limits
from .errors import IngestError
from .memory import frugal_pool, release
from .report import Notes

NO_LABEL = ("", "na", "n/a", "null", "none", "nan")  # compared in lower case, without blanks around
LONGEST_DAY = 24 * 3600.0


@dataclass(frozen=True, eq=False)
class Coded:
    """A column of names as codes (L,) into unique names; -1 = missing."""

    codes: NDArray[np.int32]
    names: pd.Index

    def take(self, rows: NDArray[np.bool_]) -> Coded:
        """The chosen rows; names stay."""
        return self if rows.all() else Coded(self.codes[rows], self.names)

    def mapped(self, names: Iterable[str | None]) -> Coded:
        """The same rows under other names (one a name, None = missing); equal names fall together."""
        codes, unique = pd.factorize(pd.Series(list(names), dtype="str"))
        return Coded(np.append(codes, -1).astype(np.int32)[self.codes], pd.Index(unique))

    def used(self, order: NDArray[np.intp] | None = None) -> Coded:
        """Only the names that occur, in natural order (or all names in the order given)."""
        if order is None:
            occurs = np.zeros(len(self.names) + 1, dtype=bool)
            occurs[self.codes] = True  # -1 is the last place, which is cut off
            seen = np.flatnonzero(occurs[:-1])
            order = natural_order(self.names) if len(seen) == len(self.names) else seen[natural_order(self.names[seen])]
        ranks = np.full(len(self.names) + 1, -1, dtype=np.int32)
        ranks[order] = np.arange(len(order), dtype=np.int32)
        return Coded(ranks[self.codes], self.names[order])


def coded(values: pa.ChunkedArray | pa.Array | Sequence[str | None]) -> Coded:
    """Codes of a column of text; null is missing."""
    if not isinstance(values, (pa.Array, pa.ChunkedArray)):
        values = pa.array(values, type=pa.large_string())
    values = pa.chunked_array([values]) if isinstance(values, pa.Array) else values
    encoded = pc.dictionary_encode(values, memory_pool=frugal_pool())
    joined = encoded.combine_chunks(memory_pool=frugal_pool())  # one array: pyarrow gives all chunks of a column one dictionary
    if isinstance(joined, pa.ChunkedArray):
        joined = joined.chunk(0) if joined.num_chunks else pa.array([], type=encoded.type)
    codes = (joined.indices.fill_null(-1) if joined.null_count else joined.indices).to_numpy(zero_copy_only=False)
    return Coded(codes, pd.Index(joined.dictionary.to_pandas(), dtype="str"))


def without(column: Coded, missing: Collection[str]) -> Coded:
    """Names that mean "nothing" (compared in lower case, without blanks around) become missing."""
    words = pa.array(sorted({word.strip().lower() for word in missing}), type=pa.large_string())
    names = pc.utf8_trim_whitespace(pa.array(column.names, type=pa.large_string()))
    names = pc.utf8_lower(names) if len(words) > 1 else names
    gone = pc.is_in(names, value_set=words).to_numpy(zero_copy_only=False)
    return column if not gone.any() else Coded(np.where(np.append(gone, False)[column.codes], np.int32(-1), column.codes), column.names)


def stacked(columns: Sequence[Coded]) -> Coded:
    """Columns one below the other, equal names with equal codes."""
    if len(columns) == 1:
        return columns[0]
    codes, names = pd.factorize(pd.Series(np.concatenate([column.names.to_numpy(object) for column in columns]), dtype="str"))
    parts, start = [], 0
    for column in columns:
        parts.append(np.append(codes[start : start + len(column.names)], -1).astype(np.int32)[column.codes])
        start += len(column.names)
    return Coded(np.concatenate(parts), pd.Index(names))


@dataclass(frozen=True, eq=False)
class Parsed:
    """One file's rows in our own words.

    Attributes:
        example, annotator, label: (L,) names; a row that lacks one is dropped and counted.
        timestamp: (L,) datetime64[us] in UTC or None; seconds: (L,) or None.
        gold: class names indexed by example name, possibly with repeats.
        content: one row an example name (unique index), columns of text.
        ordered: examples keep their order and stay even without a label (rows of a wide table, numbered lists).
        exact: written by ourselves: every text is a name, even a blank one or "nan"; annotators too keep their order and stay.
        classes: the whole class list, where the file has one.
    """

    example: Coded
    annotator: Coded
    label: Coded
    timestamp: NDArray[np.datetime64] | None = None
    seconds: NDArray[np.float64] | None = None
    gold: pd.Series | None = None
    content: pd.DataFrame | None = None
    ordered: bool = False
    exact: bool = False
    classes: tuple[str, ...] = ()
    notes: Notes = field(default_factory=Notes)

    def __len__(self) -> int:
        return len(self.label.codes)


def merged(parts: Sequence[Parsed]) -> Parsed:
    """Several files as one."""
    if len(parts) == 1:
        return parts[0]
    notes = Notes()
    for part in parts:
        notes.add(part.notes)
    golds = [part.gold for part in parts if part.gold is not None]
    contents = [part.content for part in parts if part.content is not None]
    content = pd.concat(contents) if contents else None
    return Parsed(
        example=stacked([part.example for part in parts]),
        annotator=stacked([part.annotator for part in parts]),
        label=stacked([part.label for part in parts]),
        timestamp=_joined([(part.timestamp, len(part)) for part in parts], np.datetime64("NaT", "us")),
        seconds=_joined([(part.seconds, len(part)) for part in parts], np.float64(np.nan)),
        gold=pd.concat(golds) if golds else None,
        content=None if content is None else content[~content.index.duplicated()],
        ordered=all(part.ordered for part in parts),
        exact=all(part.exact for part in parts),
        classes=tuple(dict.fromkeys(name for part in parts for name in part.classes)),
        notes=notes,
    )


def _joined(parts: Sequence[tuple[NDArray | None, int]], unknown: np.generic) -> NDArray | None:  # type: ignore[type-arg]
    if all(values is None for values, _ in parts):
        return None
    return np.concatenate([np.full(size, unknown) if values is None else values for values, size in parts])


# ---------------------------------------------------------------------- rows -> CrowdLabels


def crowd_labels(consumed: list[Parsed], gold: pd.Series | None, duplicates: str, missing: Collection[str], file: str) -> CrowdLabels:
    """The immutable table; rows without a name or a label are dropped and counted in their notes.

    The rows come in a list of one and are taken out of it, so that each column can be freed once it is encoded.

    Raises:
        IngestError: no label is left, there are too many classes, or the policy for repeated pairs refuses.
    """
    rows = consumed.pop()
    if not rows.exact:
        example, annotator = without(rows.example, ("",)), without(rows.annotator, ("",))
        rows = replace(rows, example=example, annotator=annotator, label=_labelled(rows, missing))
        del example, annotator
    rows = _complete(rows, file)
    rows = replace(rows, example=rows.example.used(np.arange(len(rows.example.names)) if rows.ordered else None))
    rows = replace(rows, annotator=rows.annotator.used(np.arange(len(rows.annotator.names)) if rows.exact else None))
    rows = replace(rows, label=_classes(rows.label.used(), rows.classes, gold))
    example, annotator, label = rows.example, rows.annotator, rows.label
    _refuse_many(label, file)
    try:
        keep = rows_to_keep(duplicates, example.codes, annotator.codes, label.codes, rows.timestamp, example.names, annotator.names)
    except ValueError as error:
        raise IngestError(f"{file}: {error}") from None
    kept = len(rows) if isinstance(keep, slice) else len(keep)
    rows.notes.drop(f"a repeated pair of example and annotator (duplicates={duplicates!r})", len(rows) - kept)
    release()  # what sorting a million names took
    return CrowdLabels(
        example.names.rename("example"),
        annotator.names.rename("annotator"),
        label.names.rename("class"),
        example.codes[keep],
        annotator.codes[keep],
        label.codes[keep],
        None if rows.timestamp is None else rows.timestamp[keep],
        None if rows.seconds is None else rows.seconds[keep] if rows.exact else _plausible(rows.seconds[keep], rows.notes),
    )


def _labelled(rows: Parsed, missing: Collection[str]) -> Coded:
    """Labels without those that mean "no label"; the words that were found are told."""
    label = without(rows.label, missing)
    gone = np.unique(rows.label.codes[(label.codes < 0) & (rows.label.codes >= 0)])
    words = [name for name in rows.label.names[gone] if name.strip()]
    if words:
        shown = ", ".join(repr(word) for word in words)
        rows.notes.assume(f"The label {shown} counts as no label; if it is a class, say missing=('',).")
    return label


def _complete(rows: Parsed, file: str) -> Parsed:
    keep = np.ones(len(rows), dtype=bool)
    for what in ("example", "annotator", "label"):
        lacks = keep & (getattr(rows, what).codes < 0)
        rows.notes.drop(f"no {what}" if what == "label" else f"no name of the {what}", int(lacks.sum()))
        keep &= ~lacks
    if not keep.any():
        reasons = "; ".join(f"{count:,} rows: {reason}" for reason, count in rows.notes.dropped.items()) or "it has no rows"
        raise IngestError(f"{file} holds no label ({reasons}). Choose a file with at least one label.")
    if keep.all():
        return rows
    return replace(
        rows,
        example=rows.example.take(keep),
        annotator=rows.annotator.take(keep),
        label=rows.label.take(keep),
        timestamp=None if rows.timestamp is None else rows.timestamp[keep],
        seconds=None if rows.seconds is None else rows.seconds[keep],
    )


def _classes(label: Coded, classes: Sequence[str], gold: pd.Series | None) -> Coded:
    """The class list: as the file gives it, or in natural order; with classes that only gold names."""
    known = [*classes, *label.names, *([] if gold is None else gold.tolist())]
    names = pd.Index(pd.Series(list(dict.fromkeys(known)), dtype="str"))
    if len(names) > len(classes):
        names = names[natural_order(names)]
    if names.equals(label.names):
        return label
    ranks = np.append(names.get_indexer(label.names), -1).astype(np.int32)
    return Coded(ranks[label.codes], names)


def _refuse_many(label: Coded, file: str) -> None:
    if len(label.names) > limits.MAX_CLASSES:
        often = label.names[np.argsort(-np.bincount(label.codes, minlength=len(label.names)), kind="stable")[:5]]
        raise IngestError(
            f"{file} has {len(label.names):,} classes, most often {listed([repr(name[:30]) for name in often])}; did you pick a column of "
            f"texts as the label? Choose another with mapping=; {limits.how_to_raise('MAX_CLASSES')}."
        )


def _plausible(seconds: NDArray[np.float64], notes: Notes) -> NDArray[np.float64] | None:
    """Times below zero and above a day become unknown."""
    wrong = (seconds < 0) | (seconds > LONGEST_DAY)
    if wrong.any():
        notes.oddities.append(f"{int(wrong.sum()):,} times spent on a label are negative or longer than a day and count as unknown.")
    seconds = np.where(wrong, np.nan, seconds)
    return None if np.isnan(seconds).all() else seconds


def settled_gold(gold: pd.Series | None, file: str) -> pd.Series | None:
    """One class an example, in natural order of the examples.

    Raises:
        IngestError: two different golds for one example.
    """
    if gold is None or not len(gold):
        return None
    gold = gold[~pd.MultiIndex.from_arrays([gold.index, gold.to_numpy(object)]).duplicated()]
    if not gold.index.is_unique:
        name = gold.index[gold.index.duplicated()][0]
        raise IngestError(f"{file}: example {name!r} has two golds, {listed(gold.loc[[name]])}. Keep one of them.")
    index = pd.Index(gold.index, dtype="str", name="example")
    return pd.Series(gold.to_numpy(object), index=index, name="gold", dtype="str").iloc[natural_order(index)]
