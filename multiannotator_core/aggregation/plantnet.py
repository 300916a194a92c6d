"""Pl@ntNet's rule: those who have identified many classes weigh more, and a consensus needs enough weight."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from ..consensus import TIE, Consensus
from ..labels import CrowdLabels
from .block import Block
from .concluding import conclude
from .em import OnIteration, check_iterations, row_maximum, run_em
from .engine import Engine, State, Sums, engine_of
from .wawa import weighted_shares

# The weight of annotators who have identified no class, or one; three such labels exceed the default min_confidence.
NOVICE = float(np.log(2.1))


def plantnet(
    labels: CrowdLabels | Engine,
    *,
    gold: NDArray[np.int32] | None = None,
    on_iteration: OnIteration | None = None,
    alpha: float = 0.5,
    beta: float = 0.2,
    min_confidence: float = 2.0,
    min_accuracy: float = 0.7,
    max_iter: int = 100,
    tol: float = 1e-6,
) -> Consensus:
    """Vote with weights that grow with the number of classes that an annotator identified (Lefort et al. 2024, Algorithm 1).

    Model: none. All weights are log 2.1 at first; then each iteration takes, for every example i and annotator j,
        y[i]      = the class with the highest sum of weights,
        valid[i]  = that sum is above `min_confidence`, and above the share `min_accuracy` of all weights of i,
        n[j]      = number of different classes that j said on valid examples where they equal y,
        weight[j] = n[j]^alpha - n[j]^beta + log 2.1.
    The paper counts a class in full where the annotator took the picture, and a tenth where they voted on another's; here
    nobody is known as an author, so each counts in full. Examples that are not valid are `undecided`; gold examples are valid.
    `annotator_scores` holds "weight" and "classes_identified".

    Args:
        alpha, beta: growth of the weight, 0 < beta <= alpha.
        min_confidence, min_accuracy: what a consensus needs.
        max_iter, tol: the loop ends when n changes by at most `tol` an annotator. The trace is the share of valid examples; it
            may fall.
    """
    check_iterations(max_iter, tol)
    if not 0 < beta <= alpha < np.inf:
        raise ValueError(f"alpha={alpha} and beta={beta} must be above 0, and beta at most alpha, so that weights grow.")

    engine = engine_of(labels, gold)
    thresholds = (min_confidence + TIE, min_accuracy + TIE)

    def weight_of(identified: NDArray[np.float64]) -> NDArray[np.float64]:
        weight: NDArray[np.float64] = identified**alpha - identified**beta + NOVICE
        return weight

    def vote(weight: NDArray[np.float64]) -> tuple[NDArray[np.float64], float]:
        said, n_valid = engine.each(_vote, weight, *thresholds)
        return np.diff(said.indptr).astype(np.float64), n_valid / engine.shape[0]

    def settled(before: NDArray[np.float64] | None, now: NDArray[np.float64]) -> bool:
        return tol > 0 and float(np.abs(now - (0 if before is None else before)).mean()) <= tol

    fit = run_em(
        lambda identified: identified,
        lambda identified: vote(weight_of(identified)),
        vote(np.full(engine.shape[1], NOVICE))[0],
        max_iter=max_iter,
        tol=tol,
        n_labels=engine.n_labels,
        on_iteration=on_iteration,
        settled=settled,
        journal=engine.journal,
    )
    weight = weight_of(fit.parameters)
    scores = {"weight": weight, "classes_identified": fit.parameters}
    return conclude(engine, _last, weight, *thresholds, trace=fit.trace, converged=fit.converged, annotator_scores=scores)


def _shares(
    block: Block, weight: NDArray[np.float64], least_confidence: float, least_accuracy: float
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.bool_]]:
    """Shares of the weight (n, K), the highest of each example, and which examples are valid (n,)."""
    shares = weighted_shares(block, weight, block.gold)
    accuracy = row_maximum(shares)
    confidence = accuracy * np.bincount(block.example, weights=weight[block.who], minlength=len(shares))
    valid = (confidence > least_confidence) & (accuracy > least_accuracy)
    return shares, accuracy, valid if block.gold is None else valid | (block.gold >= 0)


def _vote(block: Block, state: State, weight: NDArray[np.float64], *thresholds: float) -> tuple[State, Sums]:
    """A step: said[j, k], stored where j said k on a valid example where it has the highest share; number of valid examples."""
    shares, accuracy, valid = _shares(block, weight, *thresholds)
    needed = np.where(valid, accuracy - TIE, np.inf)
    right = np.flatnonzero(shares[block.example, block.label] >= needed[block.example])
    pairs = (np.ones(len(right)), (block.annotator[right], block.label[right]))
    said = sparse.coo_array(pairs, shape=(len(block.annotators), len(block.classes))).tocsr()  # sums the same pairs
    return state, (said, int(valid.sum()))


def _last(block: Block, state: State, weight: NDArray[np.float64], *thresholds: float) -> tuple[State, Sums]:
    shares, _, valid = _shares(block, weight, *thresholds)
    return {"posterior": shares, "undecided": ~valid}, ()
