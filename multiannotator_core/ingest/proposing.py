"""What a file seems to be, before anything is read from it: for the page that asks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from .columns import ALIASES, REQUIRED, guess
from .document import Document
from .errors import IngestError
from .jsontext import table_of_records
from .long_table import guessed_label
from .peerannot import is_metadata
from .reader import Request
from .readers import READERS
from .sorting import documents_of, recognised
from .sources import Sources

PREVIEW_ROWS = 20


@dataclass(frozen=True, eq=False)
class Proposal:
    """What was recognised, to be confirmed or changed.

    Attributes:
        format, title, why: the reader that would be taken, and the reason.
        columns: of the first file with labels; mapping: role -> column, None where it must be asked.
        questions: several where one must be chosen.
        preview: the first rows of the source, all text.
        candidates: key -> title of every reader that knows the file.
        files: names of the files that hold labels.
        asks: arguments of `read` that must be given: mapping, question, format.
    """

    format: str
    title: str
    why: str
    columns: tuple[str, ...]
    mapping: dict[str, str | None]
    questions: tuple[str, ...]
    preview: pd.DataFrame
    candidates: dict[str, str]
    files: tuple[str, ...]
    asks: tuple[str, ...]


def propose(path_or_files: Sources, format: str | None = None) -> Proposal:
    """Recognise files and guess the mapping, without reading the labels.

    Raises:
        IngestError: a file is damaged or dangerous, or holds nothing that may be labels.
    """
    if format is not None and (not isinstance(format, str) or format not in READERS):
        raise IngestError(f"format={format!r} is not known; choose one of {', '.join(READERS)}.")
    documents = documents_of(path_or_files)
    known: list[tuple[Document, dict[str, str]]] = []
    for several in (False, True)[: len(documents)]:  # names of files are annotators only where no file names them inside
        request = Request(others=documents, several=several)
        known = known or [(source, found) for source in documents if (found := recognised(source, request))]
    likely = [source for source in documents if source.table is not None and not is_metadata(source)] or [
        source for source in documents if not source.is_image and not isinstance(source.value, list)
    ]
    if not known and not likely:
        raise IngestError(f"{documents[0].name}: nothing in it may be labels. Expected a table, JSON, NPY or Parquet file.")
    reasons = known[0][1] if known else {}
    key = format or next(iter(reasons), "long")
    with_key = [source for source, found in known if key in found] or likely or documents
    return _proposal(key, reasons.get(key, "no format was recognised by its columns"), with_key, reasons)


def _proposal(key: str, why: str, sources: Sequence[Document], reasons: dict[str, str]) -> Proposal:
    first, reader = sources[0], READERS[key]
    questions = reader.asked(sources)
    mapping = _mapping(key, first, len(sources) > 1)
    needed = [role for role in REQUIRED if mapping.get(role, "") is None and not (role == "annotator" and len(sources) > 1)]
    return Proposal(
        format=key,
        title=reader.title,
        why=why,
        columns=tuple(first.columns),
        mapping=mapping,
        questions=questions,
        preview=preview(first),
        candidates={candidate: READERS[candidate].title for candidate in {key: "", **reasons}},
        files=tuple(source.name for source in sources),
        asks=(*(["mapping"] if needed else []), *(["question"] if len(questions) > 1 else [])),
    )


def _mapping(key: str, source: Document, several: bool) -> dict[str, str | None]:
    """Role -> column: what the format prescribes, or what the names suggest; nothing where there are no columns."""
    reader = READERS[key]
    if reader.columns is not None and source.table is not None:
        fixed: dict[str, str | None] = {**reader.columns(source)}
        return {**fixed, "label": guessed_label(source.table, fixed["label"])}
    if key != "long" or source.table is None:
        return {}
    found = guess(source.columns)[0]
    mapping: dict[str, str | None] = {role: found.get(role) for role in ALIASES if role in REQUIRED or role in found}
    mapping["label"] = guessed_label(source.table, mapping["label"])
    return mapping


def preview(source: Document) -> pd.DataFrame:
    """The first rows as they stand in the file, as text."""
    if source.records:
        return _texts(table_of_records(source.records[:PREVIEW_ROWS], source.name).to_pandas())
    if isinstance(source.value, np.ndarray):
        return _texts(pd.DataFrame(np.atleast_2d(source.value[:PREVIEW_ROWS])))
    if isinstance(source.value, dict):
        rows = [(key, inner, label) for key, entry in source.value.items() if isinstance(entry, dict) for inner, label in entry.items()]
        return _texts(pd.DataFrame(rows[:PREVIEW_ROWS], columns=["outer", "inner", "value"]))
    if source.table is None:
        return pd.DataFrame({"line": [str(line) for line in source.value[:PREVIEW_ROWS]]}, dtype="str")
    return _texts(source.table.slice(0, PREVIEW_ROWS).to_pandas())


def _texts(frame: pd.DataFrame) -> pd.DataFrame:
    cells = frame.astype(object).map(lambda cell: "" if cell is None or cell != cell else str(cell))
    return cells.astype("str").rename(columns=str)
