"""A model's class probabilities: tables with names, or an NPY array by position."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from ..align import aligned_pred_probs, positions
from ..labels import CrowdLabels
from ..names import listed
from .columns import ALIASES, plain
from .document import Document, document
from .errors import IngestError
from .rows import coded
from .sources import Source, blobs

Pairs = list[tuple[Any, Any, float]]


def is_pred_probs(document: Document) -> bool:
    """A table with names in one column, and numbers that sum to 1 in the others (its first rows are looked at)."""
    if document.table is None or document.table.num_rows == 0 or document.table.num_columns < 3:
        return False
    head = document.table.slice(0, 50)
    example = _example_column(head)
    values = _numbers(head.drop_columns([example]))
    return bool(np.isfinite(values).all() and (values >= 0).all() and np.allclose(values.sum(axis=1), 1, atol=1e-2))


def read_pred_probs(file: Source, labels: CrowdLabels) -> tuple[pd.DataFrame, Pairs]:
    """A model's probabilities in the order of the labels, and pairs to confirm where only positions connect them.

    Args:
        file: CSV, TSV, Parquet or JSON lines with a column that names the example and one column a class, aligned by name;
            or an NPY array (N, K) whose row i belongs to labels.examples[i] and column k to labels.classes[k].

    Returns:
        A float64 DataFrame (N, K) indexed by labels.examples with labels.classes as columns, and for files without names
        three (example, most probable class, its probability): the first, middle and last row.

    Raises:
        IngestError: wrong rows, columns, sums or values; objects (pickles) in the array.
    """
    documents = [document(blob) for blob in blobs(file)]
    if len(documents) != 1:
        raise IngestError(f"There are {len(documents)} files; give one file of predicted probabilities.")
    return pred_probs_of(documents[0], labels)


def pred_probs_of(source: Document, labels: CrowdLabels) -> tuple[pd.DataFrame, Pairs]:
    """Probabilities from a file that was read already."""
    named = _named(source, labels)
    try:
        values = aligned_pred_probs(labels, named)
    except ValueError as error:
        raise IngestError(f"{source.name}: {error}") from None
    frame = pd.DataFrame(values, index=labels.examples, columns=labels.classes)
    if isinstance(named, pd.DataFrame):
        return frame, []
    rows = dict.fromkeys((0, len(frame) // 2, len(frame) - 1))
    best = values.argmax(axis=1)
    return frame, [(labels.examples[i], labels.classes[best[i]], float(values[i, best[i]])) for i in rows]


def _named(source: Document, labels: CrowdLabels) -> pd.DataFrame | NDArray[Any]:
    if isinstance(source.value, np.ndarray):
        if source.value.dtype.kind not in "biuf":
            raise IngestError(f"{source.name} holds text; probabilities are numbers from 0 to 1. Save the model's probabilities.")
        return source.value
    table = source.table
    if table is None or table.num_columns < 2:
        raise IngestError(
            f"{source.name}: predicted probabilities need a column that names the example and one column for each class; "
            f"the file has {listed(source.columns) or 'no columns'}."
        )
    if not table.num_rows:
        raise IngestError(f"{source.name} has a header but no rows. Give one row of probabilities for each example.")
    if table.num_columns == len(labels.classes) and (positions(labels.classes, pd.Index(table.column_names)) >= 0).all():
        if table.num_rows != len(labels.examples):
            raise IngestError(
                f"{source.name} has {table.num_rows:,} rows and no column that names the examples, but there are {len(labels.examples):,} "
                "examples. Add a column with the examples' names, or give one row for each."
            )
        by_position = pd.DataFrame(_checked_numbers(table, source.name, None), columns=table.column_names)
        return by_position.iloc[:, positions(by_position.columns, labels.classes)].to_numpy()
    example = _example_column(table)
    names = coded(table[example])
    if (names.codes < 0).any():
        row = int(np.flatnonzero(names.codes < 0)[0])
        raise IngestError(f"{source.name}, row {row + 2}: column {example!r} names no example. Fill it in.")
    values = _checked_numbers(table.drop_columns([example]), source.name, names.names[names.codes])
    return pd.DataFrame(values, index=names.names[names.codes], columns=[c for c in table.column_names if c != example])


def _example_column(table: pa.Table) -> str:
    """The column that an alias names, else the first."""
    columns = {plain(column): column for column in reversed(table.column_names)}
    return str(next((columns[alias] for alias in ALIASES["example"] if alias in columns), table.column_names[0]))


def _numbers(table: pa.Table) -> NDArray[np.float64]:
    columns = [pd.to_numeric(column.to_pandas(), errors="coerce").to_numpy(np.float64, na_value=np.nan) for column in table.columns]
    return np.column_stack(columns)


def _checked_numbers(table: pa.Table, file: str, names: pd.Index | None) -> NDArray[np.float64]:
    values = _numbers(table)
    bad = np.argwhere(~np.isfinite(values))
    if len(bad):
        row, column = bad[0]
        place = f"row {row + 2}" if names is None else f"example {names[row]!r}"
        found = table.column(int(column))[int(row)].as_py()
        raise IngestError(
            f"{file}, {place}, column {table.column_names[column]!r}: {found!r} is not a number. Give probabilities from 0 to 1, "
            "one column for each class."
        )
    return values
