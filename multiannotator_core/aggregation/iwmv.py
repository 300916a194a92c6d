"""Iterative weighted majority voting."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..consensus import Consensus
from ..labels import CrowdLabels
from .block import Block
from .concluding import conclude, mean_of_labels, right_labels
from .em import OnIteration, clamp, run_em, softmax
from .engine import Engine, State, Sums, engine_of
from .wawa import majority_agreement, winners


def iwmv(
    labels: CrowdLabels | Engine,
    *,
    gold: NDArray[np.int32] | None = None,
    on_iteration: OnIteration | None = None,
    max_iter: int = 100,
    tol: float = 1e-6,
) -> Consensus:
    """Vote with weights that follow from each annotator's agreement with the vote, until it settles (Li & Yu 2014, Algorithm 1).

    With A[j] the number of j's n[j] labels that equal y:
        w[j] = A[j] / n[j],   y[i] = the class k with the highest score s[i, k] = sum of (K w[j] - 1) over those who say k.
    An annotator who labels at random weighs nothing, and a worse one counts against what they say. Tied classes share y.
    The weight is the first-order log odds of an annotator who is right with probability w, around w = 1 / K, so the
    posterior is softmax(K / (K - 1) s). The objective, sum over j of (K w[j] - 1) A[j] - K n[j] w[j]^2 / 2, is raised by both
    steps, so it never falls.
    """
    engine = engine_of(labels, gold)
    n_classes, n = engine.shape[2], engine.labels_per_annotator

    def e_step(accuracy: NDArray[np.float64]) -> tuple[NDArray[np.float64], float]:
        right, gained = engine.each(_vote, n_classes * accuracy - 1)
        return right, gained - float(n_classes / 2 * (n * accuracy**2).sum())

    fit = run_em(
        lambda right: mean_of_labels(engine, right),
        e_step,
        engine.each(majority_agreement)[0],
        max_iter=max_iter,
        tol=tol,
        n_labels=engine.n_labels,
        on_iteration=on_iteration,
        journal=engine.journal,
    )
    accuracy = fit.parameters
    weight, slope = n_classes * accuracy - 1, n_classes / max(n_classes - 1, 1)
    return conclude(engine, _last, weight, slope, trace=fit.trace, converged=fit.converged, annotator_scores={"accuracy": accuracy})


def _vote(block: Block, state: State, weight: NDArray[np.float64]) -> tuple[State, Sums]:
    """A step: (J,) number of labels that equal the vote weighted by weight (J,), and the weight that the winners have."""
    weighted = block.weighted_votes(weight[block.annotator])
    chosen = clamp(winners(weighted), block.gold)
    return state, (right_labels(block, chosen), float((weighted * chosen).sum()))


def _last(block: Block, state: State, weight: NDArray[np.float64], slope: float) -> tuple[State, Sums]:
    return {"posterior": softmax(block.weighted_votes(weight[block.annotator]) * slope, block.gold)[0]}, ()
