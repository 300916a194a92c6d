"""The frozen result that every aggregation method returns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

if TYPE_CHECKING:
    from .labels import CrowdLabels

# Posteriors closer than this are a tie: sums in another order differ by about 1e-16 times their length.
TIE = 1e-9


@dataclass(frozen=True, eq=False)
class Consensus:
    """What a method says about N examples, J annotators and K classes. Arrays are read-only, nothing is NaN.

    Attributes:
        posterior: (N, K) probability of each class, rows sum to 1.
        label: (N,) code of the consensus class. Ties go to the class with fewer labels in the data, then to the
            earlier class, unless the method has a rule of its own.
        annotator_quality: (J,) in [0, 1]: the chance that the annotator is right, sum over k of
            P(k) confusion[j, k, k]; without a confusion the expected agreement of j's labels with the posterior.
        confusion: (J, K, K) [annotator, true class, given class], rows sum to 1; or None.
        difficulty: (N,) high = hard; or None.
        annotator_scores: (J,) arrays that the method has of its own: ability, trust, weight ...
        trace: objective after each iteration; empty for methods without iterations.
        converged: whether the stop rule was met before max_iter; n_iter is the number of iterations done.
        undecided: (N,) True where the method declines to choose; or None.
        selection: the scores by which `auto` chose, one row a method; or None.
        method, options: what was run, with all options, so that a result can name its origin.
    """

    posterior: NDArray[np.float64]
    label: NDArray[np.int32]
    annotator_quality: NDArray[np.float64]
    confusion: NDArray[np.float64] | None = None
    difficulty: NDArray[np.float64] | None = None
    annotator_scores: Mapping[str, NDArray[np.float64]] = field(default_factory=dict)
    trace: tuple[float, ...] = ()
    converged: bool = True
    undecided: NDArray[np.bool_] | None = None
    selection: pd.DataFrame | None = None
    method: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "annotator_scores", MappingProxyType(dict(self.annotator_scores)))
        object.__setattr__(self, "options", MappingProxyType(dict(self.options)))
        arrays = (self.posterior, self.label, self.annotator_quality, self.confusion, self.difficulty, self.undecided)
        for array in (*arrays, *self.annotator_scores.values()):
            if array is not None:
                array.flags.writeable = False

    @property
    def n_iter(self) -> int:
        """Number of iterations done."""
        return len(self.trace)

    @property
    def quality(self) -> NDArray[np.float64]:
        """(N,) in [0, 1]: the posterior of the consensus label."""
        quality: NDArray[np.float64] = self.posterior[np.arange(len(self.label)), self.label]
        return quality

    @property
    def log_odds(self) -> NDArray[np.float64]:
        """(N,) log odds of the consensus label against all other classes: ranks examples where posteriors saturate at 1."""
        others = self.posterior.copy()
        others[np.arange(len(self.label)), self.label] = 0.0
        smallest = np.finfo(np.float64).tiny
        odds: NDArray[np.float64] = np.log(np.maximum(self.quality, smallest)) - np.log(np.maximum(others.sum(axis=1), smallest))
        return odds

    def to_frame(self, labels: CrowdLabels) -> pd.DataFrame:
        """One row an example: consensus_label, consensus_quality_score, annotator_agreement, num_annotations.

        annotator_agreement is the share of the example's labels that say the consensus label; 0 without labels.
        """
        n = labels.labels_per_example
        agreeing = labels.votes[np.arange(len(self.label)), self.label]
        return pd.DataFrame(
            {
                "consensus_label": labels.classes.take(self.label),
                "consensus_quality_score": self.quality,
                "annotator_agreement": agreeing / np.maximum(n, 1),
                "num_annotations": n,
            },
            index=labels.examples,
        )


def build(
    labels: CrowdLabels,
    posterior: NDArray[np.float64],
    *,
    label: NDArray[np.int32] | None = None,
    confusion: NDArray[np.float64] | None = None,
    annotator_quality: NDArray[np.float64] | None = None,
    **rest: Any,
) -> Consensus:
    """A `Consensus` from a posterior (N, K): labels by the tie rule, and annotator quality by its definition."""
    if label is None:
        label = break_ties(posterior, labels.labels_per_class)
    if annotator_quality is None:
        annotator_quality = (
            expected_agreement(labels, posterior) if confusion is None else np.einsum("k,jkk->j", posterior.mean(axis=0), confusion)
        )
    return Consensus(posterior, label, np.clip(annotator_quality, 0.0, 1.0), confusion, **rest)


def break_ties(scores: NDArray[np.float64], *order: NDArray[Any]) -> NDArray[np.int32]:
    """Code (N,) of the highest score of each row of (N, K).

    Ties go to the smallest value of the first of `order`, each (K,) or (N, K), then of the next, then to the first class.
    """
    tied = scores >= scores.max(axis=1, keepdims=True) - TIE
    for key in order:
        values = np.where(tied, key, np.inf)
        tied &= values <= values.min(axis=1, keepdims=True) + TIE
    return tied.argmax(axis=1).astype(np.int32)


def expected_agreement(labels: CrowdLabels, posterior: NDArray[np.float64]) -> NDArray[np.float64]:
    """(J,) mean posterior of the labels that each annotator gave; the crowd's mean for one who gave none."""
    right = posterior[labels.example, labels.label]
    n = labels.labels_per_annotator
    total = np.bincount(labels.annotator, weights=right, minlength=len(n))
    crowd = right.mean() if len(right) else 0.0
    return np.where(n > 0, total / np.maximum(n, 1), crowd)
