"""Wide tables of class numbers, as the drop-in functions take them: read, checked, and turned into CrowdLabels."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from .aggregation.calibration import Models
from .align import aligned_pred_probs
from .labels import CrowdLabels


@dataclass(frozen=True)
class Wide:
    """The labels of a wide table (N, J), and the names it had; None for arrays.

    The table itself is read once: row, column and said (L,) hold its labels, so that nothing else is quadratic.
    whole says that it came as whole numbers, for which cleanlab counts shares otherwise (see `packed_shares`).
    """

    shape: tuple[int, ...]
    row: NDArray[np.int32]
    column: NDArray[np.int32]
    said: NDArray[np.float64]
    index: pd.Index | None = None
    columns: pd.Index | None = None
    whole: bool = False


def read_wide(table: Any) -> Wide:
    """A DataFrame or array of class numbers as a `Wide`.

    Raises:
        ValueError: another kind of table, not two dimensions, or text in it.
    """
    index = columns = None
    if isinstance(table, pd.DataFrame):
        index, columns = table.index, table.columns
    elif not isinstance(table, np.ndarray):
        raise ValueError("labels_multiannotator must be either a NumPy array or Pandas DataFrame.")
    if table.ndim != 2:
        raise ValueError(
            f"labels_multiannotator must be a 2D array or dataframe (examples x annotators); it has {table.ndim} dimension(s)."
        )
    values = _numbers(table)
    place = np.flatnonzero((values == values).ravel())  # NaN is not itself; isnan and a negation would be one pass more
    row, column = np.divmod(place, max(values.shape[1], 1))
    whole = isinstance(table, np.ndarray) and table.dtype.kind in "iu"
    return Wide(values.shape, row.astype(np.int32), column.astype(np.int32), values.ravel()[place], index, columns, whole)


def _numbers(table: Any) -> NDArray[np.float64]:
    """(N, J) floats, NaN where the table is empty."""
    cells = table.to_numpy() if isinstance(table, pd.DataFrame) else table
    text = cells.dtype.kind in "US" or (cells is table and cells.dtype == object and any(isinstance(cell, str) for cell in cells.ravel()))
    try:
        if text:  # numpy would read "1" as a number; frames of such text are read, as they are there
            raise TypeError
        return np.ascontiguousarray(np.where(pd.isna(cells), np.nan, cells) if cells.dtype == object else cells, dtype=np.float64)
    except (TypeError, ValueError):
        raise ValueError(
            "Labels cannot be strings, they must be class numbers from 0; code them first, for example with pd.factorize."
        ) from None


def checked(
    wide: Wide, pred_probs: Any, *, several: bool = False, structure: bool = True, allow_one_label: bool = False
) -> tuple[CrowdLabels, Models]:
    """The labels and the models (none without pred_probs), after all checks, in cleanlab's order.

    Args:
        several: pred_probs is an ensemble (P, N, K).
        structure: refuse empty rows and columns, and tables without two labels of any example.
        allow_one_label: do not refuse the last.

    Raises:
        ValueError, TypeError: names what is wrong.
    """
    if structure:
        _check_structure(wide, allow_one_label)
    if not (np.isfinite(wide.said) & (np.floor(wide.said) == wide.said)).all():
        raise ValueError("Labels must be class numbers from 0; there is one that is no whole number.")
    if (wide.said < 0).any():
        raise ValueError("Labels must be class numbers from 0; there is a negative one. Mark what is not labelled with NaN.")
    n_needed = int(wide.said.max(initial=-1)) + 1
    n_classes = n_needed if pred_probs is None else _n_classes(wide, pred_probs, several, n_needed)
    names = (pd.RangeIndex(wide.shape[0]), pd.RangeIndex(wide.shape[1]), pd.RangeIndex(n_classes))
    labels = CrowdLabels(*names, wide.row, wide.column, wide.said.astype(np.int32))
    if structure and not allow_one_label and not (labels.votes > 1).any():
        warnings.warn("Annotators do not agree on any example. Check input data.", UserWarning, stacklevel=3)
    if pred_probs is None:
        return labels, []
    return labels, [aligned_pred_probs(labels, model) for model in (pred_probs if several else [pred_probs])]


def one_label_each(wide: Wide) -> bool:
    """Whether every example has exactly one label."""
    return bool((np.bincount(wide.row, minlength=wide.shape[0]) == 1).all())


def _check_structure(wide: Wide, allow_one_label: bool) -> None:
    empty = np.flatnonzero(np.bincount(wide.row, minlength=wide.shape[0]) == 0).tolist()
    if empty:
        raise ValueError(
            "labels_multiannotator cannot have rows with all NaN, each example must have at least one label.\n"
            f"Examples {empty} do not have any labels."
        )
    silent = np.flatnonzero(np.bincount(wide.column, minlength=wide.shape[1]) == 0)
    if silent.size:
        names = silent.tolist() if wide.columns is None else wide.columns[silent].tolist()
        raise ValueError(
            "labels_multiannotator cannot have columns with all NaN, each annotator must label at least one example.\n"
            f"Annotators {names} did not label any examples."
        )
    if allow_one_label:
        return
    if wide.shape[1] <= 1:
        raise ValueError("labels_multiannotator must have more than one column: with one annotator there is nothing to compare.")
    if one_label_each(wide):
        raise ValueError("Each example only has one label, so there is nothing to compare; judge the labels by the model alone.")


def _n_classes(wide: Wide, pred_probs: Any, several: bool, n_needed: int) -> int:
    check_dimensions(pred_probs, "pred_probs", several)
    if pred_probs.shape[-2] != wide.shape[0]:
        raise ValueError(
            f"pred_probs and labels_multiannotator must have same length, not {pred_probs.shape[-2]} and {wide.shape[0]} rows."
        )
    if pred_probs.shape[-1] < n_needed:
        raise ValueError(
            f"pred_probs must have at least {n_needed} columns, one for each class up to the highest label. "
            "Perhaps the model never saw a rare class."
        )
    return int(pred_probs.shape[-1])


def check_dimensions(pred_probs: Any, name: str, several: bool) -> None:
    """Refuse what is no array of two dimensions (three for an ensemble)."""
    if not isinstance(pred_probs, np.ndarray):
        raise TypeError(f"{name} must be a numpy array.")
    wanted, other, which = (3, 2, "non-ensemble") if several else (2, 3, "ensemble")
    if pred_probs.ndim != wanted:
        mend = f" If you have a {other}d {name} array, use the {which} version of this function." if pred_probs.ndim == other else ""
        raise ValueError(f"{name} must be a {wanted}d array.{mend}")
