"""What a strategy gets and returns, and the matrices and draws that strategies share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import stable

Floats = NDArray[np.float64]
Codes = NDArray[np.int32]
Random = np.random.Generator


@dataclass(frozen=True)
class Setting:
    """The crowd that is asked for: N examples, J annotators, K classes, and the chance (K,) of each true class."""

    n_examples: int
    n_annotators: int
    n_classes: int
    balance: Floats


@dataclass(frozen=True)
class Rows:
    """Some labels to be given: codes (l,) of example, annotator and true class, and for timed crowds the progress (l,) in [0, 1)."""

    example: Codes
    annotator: Codes
    truth: Codes
    progress: Floats | None = None


@dataclass(frozen=True)
class Crowd:
    """How a crowd behaves.

    Attributes:
        confusion: (J, K, K) [annotator, true class, given class], over all examples of the crowd.
        label: the label (l,) of each of some rows; None: draw from the confusion.
        difficulty: (N,) high = hard, or None.
        extra: what the strategy has of its own, arrays by name.
        timed: whether labels depend on when they are given.
    """

    confusion: Floats
    label: Callable[[Random, Rows], Codes] | None = None
    difficulty: Floats | None = None
    extra: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    timed: bool = False


class Sampler:
    """Draws labels from confusion matrices (J, K, K) by the inverse of each row's distribution function."""

    def __init__(self, confusion: Floats) -> None:
        self.n_classes = confusion.shape[2]
        threshold = np.cumsum(confusion, axis=2)
        threshold[threshold >= threshold[:, :, -1:]] = np.inf  # no rounding gap behind the last possible class
        self._threshold = threshold.reshape(-1)

    def __call__(self, annotator: Codes, truth: Codes, uniform: Floats) -> Codes:
        """The class (l,) whose interval holds uniform (l,): a binary search in all rows at once."""
        row = (annotator.astype(np.int64) * self.n_classes + truth) * self.n_classes
        label = np.zeros(len(row), dtype=np.int64)
        for step in 1 << np.arange((self.n_classes - 1).bit_length())[::-1]:
            probe = np.minimum(label + step, self.n_classes - 1)
            label = np.where(uniform >= self._threshold[row + probe - 1], probe, label)
        return label.astype(np.int32)


def share_of(rng: Random, n: int, share: float) -> NDArray[np.bool_]:
    """(n,) with round(share * n) places True, at random."""
    chosen = np.zeros(n, dtype=bool)
    chosen[stable.permutation(rng, n)[: round(share * n)]] = True
    return chosen


def dirichlet_rows(rng: Random, n: int, n_classes: int, concentration: float = 1.0) -> Floats:
    """(n, K, K) matrices whose rows are drawn from a symmetric Dirichlet; concentration 1 is uniform on the simplex."""
    return stable.dirichlet(rng, concentration, (n, n_classes, n_classes))


def made_dominant(confusion: Floats) -> Floats:
    """The matrices (n, K, K) with the diagonal and the largest entry of each row switched, so that nobody means harm."""
    switched = confusion.copy()
    n, k = confusion.shape[:2]
    j, t = np.arange(n)[:, None], np.arange(k)[None, :]
    largest = confusion.argmax(axis=2)
    switched[j, t, t], switched[j, t, largest] = confusion[j, t, largest], confusion[j, t, t]
    return switched


def one_coin_matrices(right: Floats, n_classes: int) -> Floats:
    """(n, K, K): right (n,) on the diagonal, the rest spread evenly over the other classes."""
    wrong = (1 - right) / (n_classes - 1)
    confusion = np.repeat(wrong, n_classes * n_classes).reshape(len(right), n_classes, n_classes)
    confusion[:, np.arange(n_classes), np.arange(n_classes)] = right[:, None]
    return confusion


def in_range(name: str, value: float, low: float, high: float) -> None:
    """Refuse an option outside [low, high].

    Raises:
        ValueError: it is outside, or not a number.
    """
    if not low <= value <= high:
        bounds = f"from {low:g} to {high:g}" if np.isfinite(high) else f"of {low:g} or more"
        raise ValueError(f"{name} must be a number {bounds}, got {value!r}.")
