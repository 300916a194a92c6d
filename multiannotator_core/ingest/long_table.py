"""One row a label: CSV, TSV, JSON lines, Parquet or Excel, with the columns found by their names or told by a mapping.

The readers of tools that export such tables use `rows_of_table` with the columns that the tool prescribes.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import PurePosixPath

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from ..names import listed
from .columns import ALIASES, CONTENT, REQUIRED, checked, guess, plain, private
from .document import Document
from .errors import IngestError
from .jsontext import as_text
from .reader import Reader, Request, one_choice
from .report import Notes
from .rows import NO_LABEL, Coded, Parsed, coded, without
from .times import seconds_spent, utc_times

MOST_GUESSED_CLASSES = 200
LOOKED_AT = 100_000  # rows; enough to tell classes from texts
FEW_CLASSES = 20  # below this, even a short file may have a different label in every other row
CANCELLED = {"wascancelled", "cancelled", "canceled", "skipped"}
COUNTED = {"submitted", "approved", "accepted", "completed", "done", "valid", ""}
NOT_COUNTED = {"skipped", "discarded", "draft", "rejected", "cancelled", "canceled", "expired", "active", "pending", "ignored", "ignore"}


def matches(document: Document, request: Request) -> str | None:
    """A table with columns for the example, the annotator and the label (or told so)."""
    columns = document.columns
    if not columns or document.table is None:
        return None
    found = {**guess(columns)[0], **{role: column for role, column in request.mapping.items() if column in columns}}
    if all(role in found for role in REQUIRED):
        return "the columns " + ", ".join(repr(found[role]) for role in REQUIRED) + " name the example, the annotator and the label"
    if request.several and "annotator" not in found and {"example", "label"} <= found.keys():
        return "each file has columns for the example and the label, and its name tells the annotator"
    return None


def parse(document: Document, request: Request) -> Parsed:
    """Rows of a table whose columns are guessed by their names where the mapping does not tell them.

    Raises:
        IngestError: a column cannot be guessed (names mapping=), or there is no column for the annotator.
    """
    table, name = document.table, document.name
    if table is None:
        raise IngestError(f"{name} is no table with one row a label. Choose another format=, or export the labels as CSV.")
    columns = list(table.column_names)
    elsewhere = {column for other in request.others if other.name != name for column in other.columns} if request.several else set()
    here = {role: column for role, column in request.mapping.items() if column in columns or column not in elsewhere}
    given = checked(here, columns, name)
    if request.question is not None:
        if request.question not in columns:
            raise IngestError(f"{name} has no column {request.question!r} (question=); it has {listed(columns, most=12)}.")
        given.setdefault("label", request.question)
    found, clashes = guess([column for column in columns if column not in given.values()])
    mapping = {**found, **given}
    for role in REQUIRED:
        if role in clashes and role not in mapping:
            two = listed(clashes[role])
            raise IngestError(f"{name}: two columns, {two}, could name the {role}. Choose with mapping={{{role!r}: '…'}}.")
    if not columns:
        raise IngestError(f"{name} holds no columns. Choose a file with one row for each label.")
    if "annotator" not in mapping and not request.several and {"example", "label"} <= mapping.keys():
        raise IngestError(
            f"{name}: no column for the annotator; the file has {listed(columns, most=12)}. One label per example cannot be audited: "
            "say which column names the annotator with mapping={'annotator': '…'}, or add one file for each annotator."
        )
    asked = [role for role in REQUIRED if role not in mapping and not (role == "annotator" and request.several)]
    if asked:
        say = ", ".join(f"{role!r}: '…'" for role in asked)
        raise IngestError(
            f"{name}: which column holds the {' and which the '.join(asked)}? It has {listed(columns, most=12)}. Say mapping={{{say}}}; "
            "if its first row holds no names, add one such as task,worker,label."
        )
    if "label" not in given:
        _refuse_free_text(table, mapping["label"], name)
    if isinstance(document.value, list):  # JSON: a label may be a list of one
        table = changed(table, mapping["label"], lambda cell: _of_list(cell, mapping["label"], name))
    document.notes.assume(_told(mapping, given, name))
    consumed = [table]
    document.forget()
    del table
    return rows_of_table(consumed, mapping, name, document.notes)


def _of_list(cell: str, column: str, name: str) -> str | None:
    """The one entry of a list of labels; any other text as it is."""
    if not (cell.startswith("[") and cell.endswith("]")):
        return cell
    try:
        entries = json.loads(cell)
    except (ValueError, RecursionError):
        return cell
    if any(isinstance(entry, (dict, list)) for entry in entries):
        return cell
    return one_choice([text for text in map(as_text, entries) if text is not None], column, None, f"{name}: a row")


def _told(mapping: Mapping[str, str], given: Mapping[str, str], name: str) -> str:
    roles = ", ".join(f"{column!r} = {role}" for role, column in mapping.items())
    return f"{name}: columns are read as {roles}" + ("." if mapping.keys() <= given.keys() else " (by their names).")


def _refuse_free_text(table: pa.Table, label: str, name: str) -> None:
    if guessed_label(table, label) is None:
        distinct = len(coded(table[label]).names)
        raise IngestError(
            f"{name}: column {label!r} holds {distinct:,} different values in {table.num_rows:,} rows, which does not look like classes. "
            "Say which column is the label with mapping={'label': '…'}."
        )


def guessed_label(table: pa.Table, label: str | None) -> str | None:
    """The column guessed to be the label, unless it holds too many different values for classes."""
    if label is None:
        return None
    table = table.slice(0, LOOKED_AT)
    distinct = len(coded(table[label]).names)
    return None if distinct > MOST_GUESSED_CLASSES or (distinct > FEW_CLASSES and distinct > table.num_rows / 2) else label


def likely_labels(table: pa.Table, columns: Sequence[str]) -> list[str]:
    """Columns that are neither called like a text nor hold as many values as texts do; all of them where none is left."""
    left = [column for column in columns if plain(column) not in CONTENT and guessed_label(table, column) is not None]
    return left or list(columns)


def annotator_of(name: str, names: Sequence[str] = ()) -> str:
    """The annotator that a file's name tells: its last part without the suffix, or its folder where files are called alike.

    Args:
        names: the files with labels that are read together.
    """
    path = PurePosixPath(name.removesuffix(".gz"))
    alike = [other for other in map(PurePosixPath, dict.fromkeys(names)) if _stem(other) == path.stem and str(other) != name]
    if not alike:
        return path.stem
    folders = [str(other.parent.name) for other in alike]
    return path.parent.name if path.parent.name and path.parent.name not in folders else str(path.with_suffix(""))


def with_annotator(rows: Parsed, name: str, names: Sequence[str]) -> Parsed:
    """The rows of one of several files; where none of them names an annotator, its name does."""
    if len(names) < 2 or not len(rows) or (rows.annotator.codes >= 0).any():
        return rows
    annotator = annotator_of(name, names)
    rows.notes.assume(f"{name}: the annotator is {annotator!r}, from the file's name.")
    return replace(rows, annotator=Coded(np.zeros(len(rows), dtype=np.int32), pd.Index([annotator], dtype="str")))


def _stem(path: PurePosixPath) -> str:
    return PurePosixPath(path.name.removesuffix(".gz")).stem


def changed(table: pa.Table, column: str, change: Callable[[str], str | None]) -> pa.Table:
    """The table with each value of a column changed; None = missing."""
    values = coded(table[column])
    names = pa.array([change(name) for name in values.names], type=pa.large_string())
    return table.set_column(table.column_names.index(column), column, names.take(pa.array(values.codes, mask=values.codes < 0)))


def varying(table: pa.Table, example: str, columns: Sequence[str]) -> list[str]:
    """Columns that do not say the same in all rows of an example."""
    names = coded(table[example])
    rows = np.flatnonzero(names.codes >= 0)
    # first[i]: a row of example i; written from the end, so that the first row stays
    first = np.zeros(len(names.names), dtype=np.intp)
    first[names.codes[rows[::-1]]] = rows[::-1]
    codes = {column: coded(table[column]).codes for column in columns}
    return [column for column in columns if (codes[column][first[names.codes[rows]]] != codes[column][rows]).any()]


def rows_of_table(
    consumed: list[pa.Table], mapping: Mapping[str, str], name: str, notes: Notes, drop: Mapping[str, NDArray[np.bool_]] | None = None
) -> Parsed:
    """Rows of a table of text whose columns are known.

    The table comes in a list of one and is taken out of it, so that each column can be freed once it is encoded.

    Args:
        mapping: role -> column; without an annotator all rows lack one, until `with_annotator` takes the file's name.
        drop: reason -> (rows,) mask of rows that are no labels.

    Raises:
        IngestError: the column of times holds no time.
    """
    table = consumed.pop()
    notes.rows_read += table.num_rows
    if not table.num_rows:
        raise IngestError(f"{name} has a header but no rows, so no labels. Choose a file with at least one label.")
    notes.removed += [column for column in private(table.column_names) if column not in mapping.values() and column not in notes.removed]
    keep = np.ones(table.num_rows, dtype=bool)
    for reason, mask in {**_status(table, mapping), **(drop or {})}.items():
        notes.drop(reason, int((keep & mask).sum()))
        keep &= ~mask
    column = {"annotator": Coded(np.full(table.num_rows, -1, dtype=np.int32), pd.Index([], dtype="str"))}
    times = _times(table, mapping, name, notes)
    spent = seconds_spent(table[mapping["seconds"]].to_pandas()) if "seconds" in mapping else None
    roles = [role for role in ("example", "annotator", "label", "gold") if role in mapping]
    for place, role in enumerate(roles):
        column[role] = coded(table[mapping[role]])
        if mapping[role] not in [mapping[later] for later in roles[place + 1 :]]:
            table = table.drop_columns(mapping[role])
    table = table.drop_columns([title for title in dict.fromkeys(mapping.values()) if title in table.column_names])
    gold = _gold(column["example"], column["gold"]) if "gold" in column else None
    content = _content(table, column["example"], notes)
    return Parsed(
        example=column["example"].take(keep),
        annotator=column["annotator"].take(keep),
        label=column["label"].take(keep),
        timestamp=None if times is None else times[keep],
        seconds=None if spent is None else spent[keep],
        gold=gold,
        content=content,
        notes=notes,
    )


def _status(table: pa.Table, mapping: Mapping[str, str]) -> dict[str, NDArray[np.bool_]]:
    """Masks of the rows that a status column calls skipped, rejected, a draft ..."""
    if "status" not in mapping:
        return {}
    status = coded(table[mapping["status"]])
    words = [name.strip().casefold() for name in status.names]
    title = mapping["status"]
    if "".join(filter(str.isalpha, title.casefold())) in CANCELLED:
        return {"skipped": np.append([word in ("true", "1", "yes") for word in words], False)[status.codes]}
    if not set(words) <= COUNTED | NOT_COUNTED:
        return {}
    return {word: status.codes == code for code, word in enumerate(words) if word in NOT_COUNTED}


def _gold(example: Coded, gold: Coded) -> pd.Series | None:
    """The distinct pairs of example and gold."""
    gold = without(gold, NO_LABEL)
    known = (gold.codes >= 0) & (example.codes >= 0)
    pairs = np.unique(example.codes[known].astype(np.int64) * len(gold.names) + gold.codes[known])
    if not len(pairs):
        return None
    width = len(gold.names)
    return pd.Series(gold.names[pairs % width].to_numpy(object), index=example.names[pairs // width])


def _content(table: pa.Table, example: Coded, notes: Notes) -> pd.DataFrame | None:
    """Columns that say the same in every row of an example describe it; the others are not used."""
    left = [column for column in table.column_names if column not in notes.removed]
    if not left:
        return None
    rows = np.flatnonzero(example.codes >= 0)
    # first[i]: a row of example i; written from the end, so that the first row stays
    first = np.full(len(example.names), -1)
    first[example.codes[rows[::-1]]] = rows[::-1]
    shown: dict[str, pd.Series] = {}
    for column in left:
        values = coded(table[column])
        constant = (values.codes[first[example.codes[rows]]] == values.codes[rows]).all()
        if constant and (values.codes >= 0).any():
            picked = pd.Series(values.names, dtype="str").reindex(values.codes[first]).to_numpy(object)
            shown["image_name" if column == "image" else column] = pd.Series(picked, index=example.names, dtype="str")
        else:
            notes.ignored.append(column)
    return pd.DataFrame(shown) if shown else None


def _times(table: pa.Table, mapping: Mapping[str, str], name: str, notes: Notes) -> NDArray[np.datetime64] | None:
    if "timestamp" not in mapping:
        return None
    texts = table[mapping["timestamp"]].to_pandas()
    times = utc_times(texts)
    if np.isnat(times).all():
        notes.oddities.append(f"{name}: column {mapping['timestamp']!r} holds no time that can be read, such as 2026-03-02T09:14:05Z.")
        return None
    return times


READER = Reader("a table with one row a label", matches, parse, maps=tuple(ALIASES))
