"""Worker agreement with aggregate: labels count by how often their annotator agrees with the majority."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..consensus import TIE, Consensus
from ..labels import CrowdLabels
from .block import Block
from .concluding import conclude, mean_of_labels, right_labels
from .em import clamp, row_maximum, vote_shares
from .engine import Engine, State, Sums, engine_of


def wawa(labels: CrowdLabels | Engine, *, gold: NDArray[np.int32] | None = None) -> Consensus:
    """Weigh each label by its annotator's agreement with the majority vote, once (Appen's "worker agreement with aggregate").

    Model: none. With y[i] the majority vote of example i,
        skill[j]        = labels of j that equal y / labels of j
        posterior[i, k] = sum of the skills of those who say k / sum of the skills of all who labelled i.
    A tied example counts for each of its tied classes in equal parts, so that no class is preferred by its place.
    `annotator_scores["skill"]` holds the skills; an annotator without labels has the crowd's.
    """
    engine = engine_of(labels, gold)
    (right,) = engine.each(majority_agreement)
    skill = mean_of_labels(engine, right)
    return conclude(engine, weighted_rows, skill, annotator_scores={"skill": skill})


def majority_agreement(block: Block, state: State) -> tuple[State, Sums]:
    """A step: (J,) number of labels of each annotator that equal the majority vote."""
    return state, (right_labels(block, winners(vote_shares(block, block.gold))),)


def weighted_rows(block: Block, state: State, weight: NDArray[np.float64]) -> tuple[State, Sums]:
    """A last step: shares of the weight (J,)."""
    return {"posterior": weighted_shares(block, weight, block.gold)}, ()


def winners(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """(N, K) the class with the highest score of each row as a certainty; shared evenly among tied classes."""
    tied = scores >= row_maximum(scores)[:, None] - TIE
    shared: NDArray[np.float64] = tied / tied.sum(axis=1, keepdims=True)
    return shared


def weighted_shares(labels: CrowdLabels | Block, weight: NDArray[np.float64], gold: NDArray[np.int32] | None = None) -> NDArray[np.float64]:
    """(N, K) share of each class in the weight (J,), not negative, of an example's labels; plain shares where all weigh nothing."""
    votes = labels.weighted_votes(weight[labels.annotator])
    total = votes.sum(axis=1, keepdims=True)
    weightless = np.flatnonzero(total[:, 0] <= 0)
    shares = np.divide(votes, total, where=total > 0, out=votes)
    shares[weightless] = vote_shares(labels)[weightless]
    return clamp(shares, gold)
