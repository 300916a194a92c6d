"""Wide tables of class numbers, as the drop-in functions take them: read, checked, and turned into CrowdLabels."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from .aggregation.crowdlab import Models
from .align import aligned_pred_probs
from .labels import CrowdLabels


@dataclass(frozen=True)
class Wide:
    """A wide table as numbers (N, J), NaN = not labelled, and the names it had; None for arrays.

    whole says that the table came as whole numbers, for which cleanlab counts shares otherwise (see `packed_shares`).
    """

    values: NDArray[np.float64]
    index: pd.Index | None = None
    columns: pd.Index | None = None
    whole: bool = False


def read_wide(table: Any) -> Wide:
    """A DataFrame or array of class numbers as a `Wide`.

    Raises:
        ValueError: another kind of table, or text in it.
    """
    text = "Labels cannot be strings, they must be class numbers from 0; code them first, for example with pd.factorize."
    if isinstance(table, pd.DataFrame):
        try:
            return Wide(table.to_numpy(dtype=np.float64, na_value=np.nan), table.index, table.columns)
        except (TypeError, ValueError):
            raise ValueError(text) from None
    if not isinstance(table, np.ndarray):
        raise ValueError("labels_multiannotator must be either a NumPy array or Pandas DataFrame.")
    try:
        if table.dtype.kind in "US":  # numpy would read "1" as a number
            raise TypeError
        values = np.where(pd.isna(table), np.nan, table) if table.dtype == object else table
        return Wide(values.astype(np.float64), whole=table.dtype.kind in "iu")
    except (TypeError, ValueError):
        raise ValueError(text) from None


def checked(
    wide: Wide, pred_probs: Any, *, several: bool = False, structure: bool = True, one_label: bool = False
) -> tuple[CrowdLabels, Models]:
    """The labels, and the models (none without pred_probs), after all checks in cleanlab's order."""
    values = wide.values
    if values.ndim != 2:
        raise ValueError(
            f"labels_multiannotator must be a 2D array or dataframe (examples x annotators); it has {values.ndim} dimension(s)."
        )
    labelled = ~np.isnan(values)
    if structure:
        _check_structure(wide, labelled, one_label)
    said = values[labelled]
    if not np.all(said % 1 == 0):
        raise ValueError("Labels must be class numbers from 0; there is one that is no whole number.")
    if (said < 0).any():
        raise ValueError("Labels must be class numbers from 0; there is a negative one. Mark what is not labelled with NaN.")
    n_needed = int(said.max(initial=-1)) + 1
    n_classes = n_needed if pred_probs is None else _n_classes(values, pred_probs, several, n_needed)
    row, column = np.nonzero(labelled)
    names = (pd.RangeIndex(values.shape[0]), pd.RangeIndex(values.shape[1]), pd.RangeIndex(n_classes))
    labels = CrowdLabels(*names, row.astype(np.int32), column.astype(np.int32), said.astype(np.int32))
    if structure and not one_label and not (labels.votes > 1).any():
        warnings.warn("Annotators do not agree on any example. Check input data.", UserWarning, stacklevel=3)
    if pred_probs is None:
        return labels, []
    return labels, [aligned_pred_probs(labels, model) for model in (pred_probs if several else [pred_probs])]


def _check_structure(wide: Wide, labelled: NDArray[np.bool_], one_label: bool) -> None:
    empty = np.flatnonzero(~labelled.any(axis=1)).tolist()
    if empty:
        raise ValueError(
            "labels_multiannotator cannot have rows with all NaN, each example must have at least one label.\n"
            f"Examples {empty} do not have any labels."
        )
    silent = np.flatnonzero(~labelled.any(axis=0))
    if silent.size:
        names = silent.tolist() if wide.columns is None else wide.columns[silent].tolist()
        raise ValueError(
            "labels_multiannotator cannot have columns with all NaN, each annotator must label at least one example.\n"
            f"Annotators {names} did not label any examples."
        )
    if one_label:
        return
    if labelled.shape[1] <= 1:
        raise ValueError("labels_multiannotator must have more than one column: with one annotator there is nothing to compare.")
    if (labelled.sum(axis=1) == 1).all():
        raise ValueError("Each example only has one label, so there is nothing to compare; judge the labels by the model alone.")


def _n_classes(values: NDArray[np.float64], pred_probs: Any, several: bool, n_needed: int) -> int:
    check_dimensions(pred_probs, "pred_probs", several)
    if pred_probs.shape[-2] != len(values):
        raise ValueError(f"pred_probs and labels_multiannotator must have same length, not {pred_probs.shape[-2]} and {len(values)} rows.")
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
