"""Files that our own writers made: crowdlens.json beside them says which names the rows, columns and numbers stand for."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from .document import Document
from .errors import IngestError
from .reader import Reader, Request
from .rows import Coded, Parsed, coded
from .times import utc_times

MANIFEST = "crowdlens.json"
LABELS = ("labels.parquet", "labels.csv", "labels.npy", "answers.json", "crowd_labels.csv")
BESIDE = {"gold.parquet", "content.parquet", "mapping.csv", "metadata.json", "consensus.npy", "gt.csv", "consensus.csv"}
LONG = {"crowdlens": ("example", "annotator", "label"), "crowd_kit": ("task", "worker", "label")}  # columns, by format
NAMES = ("classes", "examples", "annotators")


@dataclass(frozen=True)
class Manifest:
    """What crowdlens.json says: the format of the labels, the files that belong to it, and all names in their order."""

    format: str
    files: tuple[str, ...]
    classes: pd.Index
    examples: pd.Index
    annotators: pd.Index


def manifest_of(documents: Iterable[Document]) -> Manifest | None:
    """The manifest among some files, if there is one.

    Raises:
        IngestError: there are several, or a list of names is missing or names something twice.
    """
    found = [document for document in documents if is_manifest(document)]
    if not found:
        return None
    if len(found) > 1:
        raise IngestError(f"{found[1].name}: there are {len(found)} exports of Crowdlens. Add them one after the other.")
    about, name = found[0].value["crowdlens"], found[0].name
    lists = {key: about.get(key) for key in (*NAMES, "files")}
    for key, names in lists.items():
        if not isinstance(names, list) or not all(isinstance(entry, str) for entry in names) or len(set(names)) < len(names):
            raise IngestError(f"{name}: {key!r} is no list of different names. Export the file from Crowdlens again.")
    return Manifest(str(about.get("format")), tuple(lists["files"]), *(pd.Index(lists[key], dtype="str") for key in NAMES))


def is_manifest(document: Document) -> bool:
    """Whether a file is the list of names that our writers put beside numbers."""
    value = document.value
    return isinstance(value, dict) and list(value) == ["crowdlens"] and isinstance(value["crowdlens"], dict)


def matches(document: Document, request: Request) -> str | None:
    """The file with the labels beside crowdlens.json."""
    if _last(document) not in LABELS or not any(map(is_manifest, request.others)):
        return None
    manifest = manifest_of(request.others)
    return "crowdlens.json lies beside it" if manifest is not None and _last(document) in manifest.files else None


def without_beside(documents: Sequence[Document]) -> Sequence[Document]:
    """All files but those that our writers put beside the labels: our reader takes what it needs of them by itself."""
    if not any(map(is_manifest, documents)):
        return documents
    return [document for document in documents if not is_manifest(document) and _last(document) not in BESIDE]


def _last(document: Document) -> str:
    return document.name.rpartition("/")[2]


def parse(document: Document, request: Request) -> Parsed:
    """Rows under the names of the manifest, exactly as they were written.

    Raises:
        IngestError: a name or number that the manifest does not have.
    """
    manifest = manifest_of(request.others)
    if manifest is None:
        raise IngestError(f"{document.name}: there is no crowdlens.json beside it. Add the whole file that Crowdlens wrote.")
    document.notes.assume(f"{document.name}: written by Crowdlens; names, their order and unused classes come from crowdlens.json.")
    value = document.value
    if isinstance(value, np.ndarray):
        example, annotator, label = _of_matrix(value, manifest, document.name)
    elif isinstance(value, pa.Table):
        if set(LONG.get(manifest.format, ("",))) <= set(value.column_names):
            return _of_long(value, manifest, document, request.others)
        cells = [_numbers(value[column]) for column in value.column_names[1:]]
        example, annotator, label = _of_matrix(np.column_stack(cells), manifest, document.name)
    else:
        rows = [(i, j, k) for i, inner in value.items() for j, k in inner.items()]
        example, annotator, label = np.array(rows, dtype=np.int64).reshape(-1, 3).T
    document.notes.rows_read += len(label)
    return Parsed(
        _checked(example, manifest.examples, document.name),
        _checked(annotator, manifest.annotators, document.name),
        _checked(label, manifest.classes, document.name),
        ordered=True,
        exact=True,
        classes=tuple(manifest.classes),
        notes=document.notes,
    )


def _numbers(column: pa.ChunkedArray) -> NDArray[np.float64]:
    """The whole numbers in a column of text; NaN where the cell is empty."""
    cells = coded(column)
    values = np.array([*(float(name) if name else np.nan for name in cells.names), np.nan])
    return values[cells.codes]


def _of_matrix(cells: NDArray[Any], manifest: Manifest, file: str) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    expected = (len(manifest.examples), len(manifest.annotators))
    if cells.shape != expected:
        raise IngestError(f"{file} has shape {cells.shape}, but crowdlens.json has names for {expected}. Export it from Crowdlens again.")
    rows, columns = np.nonzero(~np.isnan(cells.astype(np.float64)))
    return rows, columns, cells[rows, columns]


def _checked(codes: NDArray[Any], names: pd.Index, file: str) -> Coded:
    whole = codes.astype(np.int32)
    if len(codes) and ((whole != codes).any() or whole.min() < 0 or whole.max() >= len(names)):
        raise IngestError(f"{file} holds a number for which crowdlens.json has no name. Export the file from Crowdlens again.")
    return Coded(whole, names)


def _of_long(table: pa.Table, manifest: Manifest, document: Document, others: Sequence[Document]) -> Parsed:
    file = document.name
    document.notes.rows_read += table.num_rows
    titles = LONG[manifest.format]
    named = zip(titles, (manifest.examples, manifest.annotators, manifest.classes), strict=True)
    example, annotator, label = (_placed(table[title], names, file) for title, names in named)
    gold, truth, content = (_beside(others, manifest, name, titles[0]) for name in ("gold.parquet", "gt.csv", "content.parquet"))
    known = gold["gold"] if gold is not None else None if truth is None else truth["true_label"]
    return Parsed(
        example,
        annotator,
        label,
        utc_times(table["timestamp"].to_pandas()) if "timestamp" in table.column_names else None,
        np.array([float(v) for v in table["seconds"].to_pylist()]) if "seconds" in table.column_names else None,
        known,
        content,
        ordered=True,
        exact=True,
        classes=tuple(manifest.classes),
        notes=document.notes,
    )


def _placed(column: pa.ChunkedArray, names: pd.Index, file: str) -> Coded:
    cells = coded(column)
    place = np.append(names.get_indexer(cells.names), -1)
    return _checked(place[cells.codes], names, file)


def _beside(others: Sequence[Document], manifest: Manifest, name: str, index: str) -> pd.DataFrame | None:
    """A table of the same export, indexed by example."""
    for other in others:
        if _last(other) == name and name in manifest.files and isinstance(other.value, pa.Table):
            return other.value.to_pandas().astype("str").set_index(index).rename_axis("example")
    return None


READER = Reader("Crowdlens", matches, parse)
