"""Iterative weighted majority voting."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..consensus import Consensus, build, expected_agreement
from ..labels import CrowdLabels
from .em import OnIteration, clamp, run_em, softmax, vote_shares
from .wawa import winners


def iwmv(
    labels: CrowdLabels,
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
    n_classes, n = len(labels.classes), labels.labels_per_annotator

    def scores(accuracy: NDArray[np.float64]) -> NDArray[np.float64]:
        return labels.weighted_votes((n_classes * accuracy - 1)[labels.annotator])

    def m_step(chosen: NDArray[np.float64]) -> NDArray[np.float64]:
        return expected_agreement(labels, chosen)

    def e_step(accuracy: NDArray[np.float64]) -> tuple[NDArray[np.float64], float]:
        weighted = scores(accuracy)
        chosen = clamp(winners(weighted), gold)
        return chosen, float((weighted * chosen).sum() - n_classes / 2 * (n * accuracy**2).sum())

    start = winners(vote_shares(labels, gold))
    fit = run_em(m_step, e_step, start, max_iter=max_iter, tol=tol, n_labels=len(labels), on_iteration=on_iteration)
    posterior, _ = softmax(scores(fit.parameters) * (n_classes / max(n_classes - 1, 1)), gold)
    accuracy = {"accuracy": fit.parameters}
    return build(labels, posterior, trace=fit.trace, converged=fit.converged, annotator_scores=accuracy)
