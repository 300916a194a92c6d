"""What comes in from a table: its columns, what is refused there, times, and labels that are given twice."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from .names import listed

DUPLICATES = ("keep", "collapse", "first", "last", "drop", "error")

# The words of other tools for our three columns, tried in this order when no column is named.
_COLUMNS = {"example": ("task", "example"), "annotator": ("worker", "annotator"), "label": ("label",)}


def find_column(frame: pd.DataFrame, word: str, column: str | None) -> str:
    """The column that holds a word of ours: the one that is named, else the first with a name that is known."""
    candidates = _COLUMNS[word] if column is None else (column,)
    for candidate in candidates:
        if candidate in frame.columns:
            if isinstance(frame[candidate], pd.DataFrame):
                raise ValueError(f"Two columns are called {candidate!r}; rename one of them.")
            return candidate
    raise ValueError(no_column(frame, candidates[0]) + f" Say which column holds the {word}: {word}='…'.")


def no_column(frame: pd.DataFrame, column: str) -> str:
    """The sentence for a column that is not there."""
    return f"There is no column {column!r}; the table has {listed(frame.columns)}."


def refuse_missing(values: pd.Series, column: str) -> None:
    """Refuse a column with an empty cell, and name the first."""
    missing = values.isna().to_numpy()
    if missing.any():
        row = int(np.flatnonzero(missing)[0])
        raise ValueError(
            f"Column {column!r}, row {row + 1}: the value is missing ({values.iloc[row]!r}), and so in {int(missing.sum()):,} row(s). "
            "Fill it in, or leave such rows out with dropna()."
        )


def check_wide_numbers(
    values: NDArray[Any], rows: NDArray[np.intp], columns: NDArray[np.intp], frame: pd.DataFrame, classes: Sequence[Hashable] | None
) -> None:
    """Refuse numbers (L,) of a wide table that can be no class: below 0 or not whole, unless `classes` names them."""
    allowed = set() if classes is None else set(classes)
    for at, value in enumerate(values):
        number = isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool)
        if number and (value < 0 or float(value) % 1 != 0) and value not in allowed:
            cell = f"Row {frame.index[rows[at]]!r}, column {frame.columns[columns[at]]!r} holds {value}"
            if value == -1:
                raise ValueError(f"{cell}. If it means 'not labelled', say missing=-1; if it is a class, name it in classes=.")
            raise ValueError(f"{cell}; labels must be class names or whole numbers from 0. If it is a class, name it in classes=.")


def utc(values: pd.Series, column: str) -> NDArray[np.datetime64]:
    """Times as UTC instants; numbers are seconds since 1970."""
    unit = "s" if pd.api.types.is_numeric_dtype(values.dtype) else None
    times = pd.to_datetime(values, utc=True, errors="coerce", unit=unit)
    if times.isna().all() and not values.isna().all():
        raise ValueError(f"Column {column!r}, row 1: {values.iloc[0]!r} is not a time. Use ISO times such as 2026-03-02T09:14:05Z.")
    instants: NDArray[np.datetime64] = times.dt.tz_localize(None).to_numpy("datetime64[us]")
    return instants


def rows_to_keep(
    policy: str,
    example: NDArray[np.int32],
    annotator: NDArray[np.int32],
    label: NDArray[np.int32],
    times: NDArray[np.datetime64] | None,
    examples: pd.Index,
    annotators: pd.Index,
) -> NDArray[np.intp] | slice:
    """Which rows stay under a policy for repeated (example, annotator) pairs."""
    if policy == "keep":
        return slice(None)
    pair = example.astype(np.int64) * len(annotators) + annotator
    order = np.arange(pair.size) if times is None else np.argsort(times, kind="stable")  # NaT sorts last
    rows = pd.DataFrame({"pair": pair, "label": label}).iloc[order]
    repeated = rows["pair"].duplicated()
    if not repeated.any():
        return slice(None)
    if policy == "error":
        pairs = rows["pair"][repeated].unique()
        shown = ", ".join(f"({examples[p // len(annotators)]}, {annotators[p % len(annotators)]})" for p in pairs[:5])
        raise ValueError(
            f"{len(pairs):,} pairs of example and annotator occur more than once: {shown}. "
            "Choose duplicates='keep', 'collapse', 'first', 'last' or 'drop'."
        )
    if policy in ("first", "last"):
        keep = ~rows["pair"].duplicated(keep=policy)
    else:
        keep = ~rows.duplicated()
        if policy == "drop":
            keep &= ~rows["pair"].isin(rows["pair"][keep & rows["pair"][keep].duplicated().reindex(rows.index, fill_value=False)])
    return np.sort(order[keep.to_numpy()])
