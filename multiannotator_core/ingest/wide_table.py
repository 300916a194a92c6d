"""One row an example and one column an annotator: CSV, Parquet, Excel or NPY; an empty cell means "not labelled"."""

from __future__ import annotations

import re
from collections.abc import Collection

import numpy as np
import pandas as pd
import pyarrow as pa

from ..names import listed, natural_order
from . import limits
from .columns import ALIASES, CONTENT, checked, guess, plain, private
from .document import Document
from .errors import IngestError
from .reader import Reader, Request
from .rows import NO_LABEL, Coded, Parsed, coded, stacked, without

NOT_LABELLED = {"-1", "-1.0"}  # other libraries' word for an empty cell; whether it is one, the reader asks
MOST_CLASSES = 100  # a table with more values in its cells is rather one of features or texts
EMPTY_SHARE = 0.3
FEW_ROWS = 20  # in fewer, two annotators may well have no class in common
INDEX = {"unnamed0", "column1", "index", "indexlevel0"}  # how pandas and R call the names of rows
_NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?")
_WHOLE = re.compile(r"(-?\d+)\.0*")


def matches(document: Document, request: Request) -> str | None:
    """A matrix of few different values: empty cells, or the same values in all columns."""
    if isinstance(document.value, np.ndarray):
        whole = document.value.ndim == 2 and document.value.shape[1] >= 2 and (document.value.dtype.kind == "U" or _few(document.value))
        return "a matrix of whole numbers: rows are read as examples, columns as annotators" if whole else None
    if document.table is None or not document.table.num_rows or (isinstance(document.value, list) and len(document.value) == 1):
        return None  # a single JSON object rather describes something
    if {"annotator", "label"} & guess(document.columns)[0].keys():
        return None  # rather a table with one row a label, of which a column is missing
    example, annotators = _split(document.table, request)
    if len(annotators) < 2 or document.table.num_rows * len(annotators) > limits.MAX_CELLS:
        return None
    head = document.table.slice(0, 2000).select(annotators)
    columns = [without(coded(column), NO_LABEL) for column in head.columns]
    sets = [frozenset(column.names[np.unique(column.codes[column.codes >= 0])]) for column in columns]
    union = frozenset().union(*sets)
    numbers = [name for name in union - NOT_LABELLED if _NUMBER.fullmatch(name)]
    if not 1 <= len(union) <= MOST_CLASSES or not all(map(_whole, numbers)):
        return None
    empty = float(np.mean([(column.codes < 0).mean() for column in columns]))
    alike = float(np.mean([len(values) / len(union) for values in sets]))
    labelled = sum(int((column.codes >= 0).sum()) for column in columns)
    if len(union) * 2 > labelled + 4 or (empty < EMPTY_SHARE and alike < (0.5 if head.num_rows < FEW_ROWS else 0.51)) or alike < 0.1:
        return None
    if all(title in values and not title.isdigit() for title, values in zip(annotators, sets, strict=True)):
        return None  # the first row holds values, not names
    named = f"{example!r} names the examples" if example else "rows are examples"
    return f"{named} and the other {len(annotators)} columns share {len(union)} values: each is read as an annotator"


def _few(array: np.ndarray) -> bool:
    known = array[np.isfinite(array)]
    return bool(known.size and (known % 1 == 0).all() and len(np.unique(known[:100_000])) <= MOST_CLASSES)


def _whole(name: str) -> bool:
    return name.isdigit() or bool(_WHOLE.fullmatch(name) and name[0] != "-")


def _split(table: pa.Table, request: Request) -> tuple[str | None, list[str]]:
    """The column with the examples' names, if there is one, and those of the annotators."""
    columns = [column for column in table.column_names if column not in private([column])]
    given = {role: column for role, column in request.mapping.items() if column in columns}
    first = given.get("example") or guess([c for c in columns if plain(c) not in CONTENT], ("example",))[0].get("example")
    if first is None:
        first = next((column for column in columns if plain(column) in INDEX and _unique(table, column)), None)
    if first is None and columns and _names_rows(table, columns):
        first = columns[0]
    others = [column for column in columns if column not in (first, given.get("gold"))]
    aside = [column for column in others if plain(column) in CONTENT or plain(column) in ALIASES["gold"]]
    return first, [column for column in others if column not in aside]


def _names_rows(table: pa.Table, columns: list[str]) -> bool:
    """Whether the first column holds a name of its own in each row, and the next column none of these."""
    if not _unique(table, columns[0]) or len(columns) < 2 or table.num_rows < 2:
        return False
    return not set(coded(table[columns[0]]).names) & set(coded(table[columns[1]]).names)


def _unique(table: pa.Table, column: str) -> bool:
    names = coded(table[column])
    return len(names.names) == table.num_rows and bool((names.codes >= 0).all())


def parse(document: Document, request: Request) -> Parsed:
    """Each filled cell is a label; rows keep their order, also those without a label.

    Raises:
        IngestError: a cell holds a number that is not whole or is negative, or a name occurs twice.
    """
    name, notes = document.name, document.notes
    if isinstance(document.value, np.ndarray):
        table, example, annotators = _table_of(document.value, name), None, [str(i) for i in range(document.value.shape[-1])]
        notes.assume(f"{name}: row i is example i and column j is annotator j, both counted from 0.")
    elif document.table is None:
        raise IngestError(f"{name} is no table with one row an example. Choose another format=, or export the labels as CSV.")
    else:
        table = document.table
        checked(request.mapping, table.column_names, name)
        example, annotators = _split(table, request)
        notes.assume(f"{name}: {f'column {example!r} names the examples' if example else 'rows are examples, counted from 0'}.")
    if not annotators or not table.num_rows:
        raise IngestError(f"{name} holds no label: a wide table has one row an example and one column an annotator.")
    if table.num_rows * len(annotators) > limits.MAX_CELLS:
        raise IngestError(f"{name} has {table.num_rows:,} x {len(annotators):,} cells; {limits.how_to_raise('MAX_CELLS')}.")
    names = _row_names(table, example, name)
    notes.removed += private(table.column_names)
    notes.assume(f"{name}: {len(annotators):,} columns are annotators: {listed(annotators, most=3)}.")
    return _cells(table, names, annotators, document, request.missing)


def _table_of(array: np.ndarray, name: str) -> pa.Table:
    if array.ndim != 2:
        raise IngestError(f"{name} has shape {array.shape}; a wide table has two dimensions, examples and annotators.")
    columns = [pa.array(array[:, j], from_pandas=True) for j in range(array.shape[1])]
    texts = [column if pa.types.is_string(column.type) else column.cast(pa.string()) for column in columns]
    return pa.table(texts, names=[str(j) for j in range(array.shape[1])])


def _row_names(table: pa.Table, example: str | None, name: str) -> pd.Index:
    if example is None:
        return pd.Index([str(i) for i in range(table.num_rows)], dtype="str")
    names = without(coded(table[example]), ("",))
    if (names.codes < 0).any():
        row = int(np.flatnonzero(names.codes < 0)[0]) + 2
        raise IngestError(f"{name}, row {row}: column {example!r} names no example. Fill it in, or choose another with mapping=.")
    if len(names.names) < table.num_rows:
        twice = names.names[np.bincount(names.codes) > 1][0]
        raise IngestError(f"{name}: example {twice!r} has two rows in column {example!r}. A wide table has one row an example; merge them.")
    return names.names


def _cells(table: pa.Table, names: pd.Index, annotators: list[str], document: Document, missing: Collection[str]) -> Parsed:
    rows, who, labels = [], [], []
    for j, annotator in enumerate(annotators):
        column = without(_without_zeros(coded(table[annotator])), missing)
        _refuse_fractions(column, annotator, names, document.name)
        filled = np.flatnonzero(column.codes >= 0)
        rows.append(filled)
        who.append(np.full(len(filled), j))
        labels.append(column.take(column.codes >= 0))
    document.notes.rows_read += sum(map(len, rows))
    order = natural_order(pd.Index(annotators))
    ranks = np.argsort(order)
    aside = _aside(table, names, annotators)
    return Parsed(
        Coded(np.concatenate(rows).astype(np.int32), names),
        Coded(ranks[np.concatenate(who)].astype(np.int32), pd.Index(annotators, dtype="str")[order]),
        stacked(labels),
        gold=aside[0],
        content=aside[1],
        ordered=True,
        notes=document.notes,
    )


def _without_zeros(column: Coded) -> Coded:
    """Whole numbers in a column with empty cells are often written as "1.0"."""
    if not any(_WHOLE.fullmatch(name) for name in column.names):
        return column
    return column.mapped(_WHOLE.sub(r"\1", name) if _WHOLE.fullmatch(name) else name for name in column.names)


def _refuse_fractions(column: Coded, annotator: str, names: pd.Index, file: str) -> None:
    for code, text in enumerate(column.names):
        if _NUMBER.fullmatch(text) and not _whole(text) and (column.codes == code).any():
            row = names[int(np.flatnonzero(column.codes == code)[0])]
            mend = f"Leave the cell empty where there is no label, or say missing=('', {text!r}) if {text} means that."
            raise IngestError(
                f"{file}: example {row!r}, column {annotator!r} holds {text}; labels must be class names or whole numbers from 0. {mend}"
            )


def _aside(table: pa.Table, names: pd.Index, annotators: list[str]) -> tuple[pd.Series | None, pd.DataFrame | None]:
    """Gold and texts that stand beside the labels."""
    gold, shown = None, {}
    for column in table.column_names:
        if column in annotators or column in private([column]):
            continue
        values = table[column].to_pandas()
        if plain(column) in ALIASES["gold"]:
            series = pd.Series(values.to_numpy(object), index=names)
            gold = series[[isinstance(v, str) and v.strip().casefold() not in NO_LABEL for v in series]]
        elif plain(column) in CONTENT:
            shown["image_name" if column == "image" else column] = pd.Series(values.to_numpy(object), index=names, dtype="str")
    return gold, pd.DataFrame(shown) if shown else None


READER = Reader("a wide table, one column an annotator", matches, parse, maps=("example", "gold"))
