"""Pl@ntNet's rule: those who have identified many classes weigh more, and a consensus needs enough weight."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..consensus import TIE, Consensus, build
from ..labels import CrowdLabels
from .em import OnIteration, check_iterations
from .wawa import weighted_shares

# The weight of annotators who have identified no class, or one; three such labels exceed the default min_confidence.
NOVICE = float(np.log(2.1))


def plantnet(
    labels: CrowdLabels,
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

    def vote(weight: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        """Shares of the weight (N, K), and which examples are valid (N,)."""
        shares = weighted_shares(labels, weight, gold)
        accuracy = shares.max(axis=1)
        confidence = accuracy * np.bincount(labels.example, weights=weight[labels.annotator], minlength=len(shares))
        valid = (confidence > min_confidence + TIE) & (accuracy > min_accuracy + TIE)
        return shares, valid if gold is None else valid | (gold >= 0)

    identified = np.zeros(len(labels.annotators))
    weight = np.full(len(identified), NOVICE)
    shares, valid = vote(weight)
    trace: list[float] = []
    converged = False
    while len(trace) < max_iter and not converged:
        before, identified = identified, classes_identified(labels, shares, valid)
        weight = identified**alpha - identified**beta + NOVICE
        shares, valid = vote(weight)
        trace.append(float(valid.mean()))
        if on_iteration is not None:
            on_iteration(len(trace), trace[-1])
        converged = tol > 0 and float(np.abs(identified - before).mean()) <= tol
    scores = {"weight": weight, "classes_identified": identified}
    return build(labels, shares, undecided=~valid, trace=tuple(trace), converged=converged, annotator_scores=scores)


def classes_identified(labels: CrowdLabels, shares: NDArray[np.float64], valid: NDArray[np.bool_]) -> NDArray[np.float64]:
    """(J,) number of different classes that each annotator said on valid examples where they have the highest share."""
    right = valid[labels.example] & (shares[labels.example, labels.label] >= shares.max(axis=1)[labels.example] - TIE)
    n_classes = len(labels.classes)
    said = np.zeros(len(labels.annotators) * n_classes, dtype=bool)
    said[labels.annotator[right].astype(np.int64) * n_classes + labels.label[right]] = True
    number: NDArray[np.float64] = said.reshape(-1, n_classes).sum(axis=1, dtype=np.float64)
    return number
