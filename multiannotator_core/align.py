"""Gold and model probabilities brought into the order of the labels, by name."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from .labels import CrowdLabels
from .names import listed

# Probabilities written with few digits do not sum to 1 exactly; a larger gap means that they are not probabilities.
ROW_SUM_SLACK = 1e-3


def positions(names: pd.Index, wanted: pd.Index) -> NDArray[np.intp]:
    """Where each wanted name stands in names, -1 where it does not; names that differ only in type (1, "1") match."""
    found: NDArray[np.intp] = names.get_indexer(wanted)
    if (found < 0).any():
        text = pd.Index([str(name) for name in names])
        if text.is_unique:
            lost = np.flatnonzero(found < 0)
            found[lost] = text.get_indexer(pd.Index([str(wanted[i]) for i in lost]))
    return found


def gold_codes(labels: CrowdLabels, gold: Mapping[Hashable, Hashable] | pd.Series | None) -> NDArray[np.int32] | None:
    """(N,) class codes of trusted examples, -1 where there is no gold; None without gold.

    Gold for examples that have no row in labels is left out, since labels may be a selection.

    Raises:
        ValueError: a class is unknown, two rows disagree on one example, or no example of gold is known.
    """
    if gold is None or len(gold) == 0:
        return None
    series = gold if isinstance(gold, pd.Series) else _series(gold)
    series = series.dropna()
    if not len(series):
        return None
    example = positions(labels.examples, series.index)
    if (example < 0).all():
        raise ValueError(
            f"No example of gold is among the labels: gold has {listed(series.index)}, the labels have {listed(labels.examples)}."
        )
    known = example >= 0
    series, example = series[known], example[known]
    code = positions(labels.classes, pd.Index(series.tolist(), tupleize_cols=False))
    if (code < 0).any():
        at = int(np.flatnonzero(code < 0)[0])
        raise ValueError(
            f"Gold says {series.iloc[at]!r} for example {series.index[at]!r}, which is not one of the classes {listed(labels.classes)}. "
            "Build the labels with classes= that include it."
        )
    codes = np.full(len(labels.examples), -1, dtype=np.int32)
    codes[example] = code
    clash = np.flatnonzero(codes[example] != code)
    if clash.size:
        raise ValueError(f"Gold names two classes for example {series.index[clash[0]]!r}; keep one.")
    return codes


def aligned_pred_probs(labels: CrowdLabels, pred_probs: ArrayLike | pd.DataFrame) -> NDArray[np.float64]:
    """(N, K) class probabilities in the order of labels.examples and labels.classes.

    Args:
        pred_probs: an (N, K) array in that order, or a DataFrame indexed by example with one column a class.

    Raises:
        ValueError: wrong shape, a missing or unknown name, a value that is no probability, or a row that does not sum to 1.
    """
    if isinstance(pred_probs, pd.DataFrame):
        values = _by_name(labels, pred_probs)
    else:
        values = _numbers(np.asarray(pred_probs))
        expected = (len(labels.examples), len(labels.classes))
        if values.shape != expected:
            raise ValueError(
                f"pred_probs has shape {values.shape}, but the labels have {expected[0]:,} examples and {expected[1]} classes: "
                f"give an array of shape {expected}, or a table with the names of examples and classes."
            )
    for bad, what in ((~np.isfinite(values), "is not a number"), (values < 0, "is negative")):
        if bad.any():
            row, column = np.argwhere(bad)[0]
            raise ValueError(
                f"pred_probs, example {labels.examples[row]!r}, class {labels.classes[column]!r}: {values[row, column]} {what}. "
                "Give probabilities from 0 to 1."
            )
    total = values.sum(axis=1)
    off = np.flatnonzero(np.abs(total - 1) > ROW_SUM_SLACK)
    if off.size:
        raise ValueError(
            f"pred_probs of example {labels.examples[off[0]]!r} sum to {total[off[0]]:.4g}, not 1 ({off.size:,} such row(s)). "
            "Give probabilities (after the softmax), one column for each class."
        )
    return values


def ensemble(labels: CrowdLabels, pred_probs: Any) -> list[NDArray[np.float64]]:
    """The models' probabilities, each (N, K) and aligned; a list, tuple or (models, N, K) array is an ensemble."""
    several = isinstance(pred_probs, (list, tuple)) or (isinstance(pred_probs, np.ndarray) and pred_probs.ndim == 3)
    if isinstance(pred_probs, (list, tuple)) and pred_probs and np.ndim(pred_probs[0]) < 2:
        several = False  # a list of rows is one table
    models: Sequence[Any] = list(pred_probs) if several else [pred_probs]
    if not models:
        raise ValueError("pred_probs is an empty list; give the probabilities of at least one model.")
    return [aligned_pred_probs(labels, model) for model in models]


def _series(gold: Mapping[Hashable, Hashable]) -> pd.Series:
    return pd.Series(list(gold.values()), index=pd.Index(list(gold), tupleize_cols=False), dtype=object)


def _numbers(values: NDArray[Any]) -> NDArray[np.float64]:
    try:
        return np.array(values, dtype=np.float64)
    except (TypeError, ValueError):
        raise ValueError("pred_probs holds values that are not numbers. Give probabilities from 0 to 1.") from None


def _by_name(labels: CrowdLabels, frame: pd.DataFrame) -> NDArray[np.float64]:
    order = []
    for names, given, what in ((labels.examples, frame.index, "example"), (labels.classes, frame.columns, "class")):
        if not given.is_unique:
            raise ValueError(f"pred_probs names the {what} {given[given.duplicated()][0]!r} twice; give one each.")
        found = positions(given, names)
        if (found < 0).any():
            lost = names[found < 0]
            raise ValueError(f"pred_probs has no {what} {lost[0]!r} ({len(lost):,} missing); it has {listed(given)}.")
        if len(given) > len(names):
            extra = given[np.setdiff1d(np.arange(len(given)), found)]
            raise ValueError(f"pred_probs has the {what} {extra[0]!r} that the labels do not have ({len(extra):,} unknown).")
        order.append(found)
    return _numbers(frame.to_numpy()[np.ix_(order[0], order[1])])
