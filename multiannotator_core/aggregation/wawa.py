"""Worker agreement with aggregate: labels count by how often their annotator agrees with the majority."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..consensus import TIE, Consensus, build, expected_agreement
from ..labels import CrowdLabels
from .em import clamp, vote_shares


def wawa(labels: CrowdLabels, *, gold: NDArray[np.int32] | None = None) -> Consensus:
    """Weigh each label by its annotator's agreement with the majority vote, once (Appen's "worker agreement with aggregate").

    Model: none. With y[i] the majority vote of example i,
        skill[j]        = labels of j that equal y / labels of j
        posterior[i, k] = sum of the skills of those who say k / sum of the skills of all who labelled i.
    A tied example counts for each of its tied classes in equal parts, so that no class is preferred by its place.
    `annotator_scores["skill"]` holds the skills; an annotator without labels has the crowd's.
    """
    skill = expected_agreement(labels, winners(vote_shares(labels, gold)))
    return build(labels, weighted_shares(labels, skill, gold), annotator_scores={"skill": skill})


def winners(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """(N, K) the class with the highest score of each row as a certainty; shared evenly among tied classes."""
    tied = scores >= scores.max(axis=1, keepdims=True) - TIE
    shared: NDArray[np.float64] = tied / tied.sum(axis=1, keepdims=True)
    return shared


def weighted_shares(labels: CrowdLabels, weight: NDArray[np.float64], gold: NDArray[np.int32] | None = None) -> NDArray[np.float64]:
    """(N, K) share of each class in the weight (J,), not negative, of an example's labels; plain shares where all weigh nothing."""
    votes = labels.weighted_votes(weight[labels.annotator])
    total = votes.sum(axis=1, keepdims=True)
    weightless = np.flatnonzero(total[:, 0] <= 0)
    shares = np.divide(votes, total, where=total > 0, out=votes)
    shares[weightless] = vote_shares(labels)[weightless]
    return clamp(shares, gold)
