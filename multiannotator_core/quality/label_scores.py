"""How well a label fits the probabilities of its example: three scores, with or without each class's own threshold."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..aggregation.blending import CLIP
from .examples import normalised_entropy

SCORING_METHODS = ("self_confidence", "normalized_margin", "confidence_weighted_entropy")

# Confident thresholds (Northcutt et al. 2021): of a class that nobody says, and the lowest of all.
NO_THRESHOLD = 2.0
LOWEST_THRESHOLD = 2e-6


def label_scores(
    posterior: NDArray[np.float64],
    row: NDArray[Any],
    label: NDArray[np.int32],
    group: NDArray[Any],
    *,
    method: str = "self_confidence",
    adjust_pred_probs: bool = False,
) -> NDArray[np.float64]:
    """(M,) score of saying `label` (M,) about the examples `row` (M,), in [0, 1].

    Args:
        group: (M,) labels whose thresholds belong together: those of one annotator, or all.
        method: the probability; the margin to the likeliest other class; or the entropy over the probability.
        adjust_pred_probs: subtract each class's mean confidence first, for classes that the model finds hard.

    Raises:
        ValueError: an unknown method, or one that cannot be adjusted.
    """
    if method not in SCORING_METHODS:
        raise ValueError(f"{method} is not a valid scoring method for rank_by! Please choose a valid rank_by: {', '.join(SCORING_METHODS)}")
    if adjust_pred_probs and method == "confidence_weighted_entropy":
        raise ValueError(f"adjust_pred_probs is not currently supported for {method}.")
    if method == "self_confidence" and not adjust_pred_probs:
        plain: NDArray[np.float64] = posterior[row, label]
        return plain
    each, probabilities = np.arange(len(label)), posterior[row]
    if adjust_pred_probs:
        probabilities = _adjusted(probabilities, label, group)
    confidence: NDArray[np.float64] = probabilities[each, label]
    if method == "self_confidence":
        return confidence
    if method == "confidence_weighted_entropy":
        ratio = normalised_entropy(probabilities) / np.maximum(confidence, CLIP)
        entropy: NDArray[np.float64] = np.log1p(ratio) / np.maximum(ratio, CLIP)
        return entropy
    probabilities[each, label] = 0.0  # what is left are the other classes
    margin: NDArray[np.float64] = (confidence - probabilities.max(axis=1) + 1) / 2
    return margin


def _adjusted(probabilities: NDArray[np.float64], label: NDArray[np.int32], group: NDArray[Any]) -> NDArray[np.float64]:
    """Probabilities (M, K) less the mean confidence in each class of their group, shifted to be positive and scaled to 1."""
    n_groups, n_classes = int(group.max(initial=-1)) + 1, probabilities.shape[1]
    cell = group.astype(np.int64) * n_classes + label
    n = np.bincount(cell, minlength=n_groups * n_classes)
    total = np.bincount(cell, weights=probabilities[np.arange(len(label)), label], minlength=len(n))
    threshold = np.divide(total, n, out=np.full(len(n), NO_THRESHOLD), where=n > 0).reshape(n_groups, n_classes)
    threshold = np.maximum(threshold, LOWEST_THRESHOLD)
    shifted: NDArray[np.float64] = probabilities + (threshold.max(axis=1, keepdims=True) - threshold)[group]
    shifted /= shifted.sum(axis=1, keepdims=True)
    return shifted
