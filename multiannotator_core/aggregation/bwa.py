"""Bayesian weighted average: classes as numbers from 0 to 1, annotators as measurements of different precision."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from ..consensus import Consensus, build
from ..labels import CrowdLabels
from .em import OnIteration, clamp, run_em, vote_shares

# Labels that all agree have no variance; this share of the largest possible one, 1/4, keeps precisions finite.
LEAST_VARIANCE = 1e-6


@dataclass(frozen=True)
class Precisions:
    """precision[j, k], the mean[k] of the scores, and the score[i, k] that they were estimated from."""

    precision: NDArray[np.float64]
    mean: NDArray[np.float64]


def bwa(
    labels: CrowdLabels,
    *,
    gold: NDArray[np.int32] | None = None,
    on_iteration: OnIteration | None = None,
    prior_strength: float = 15.0,
    max_iter: int = 100,
    tol: float = 1e-6,
) -> Consensus:
    """Average the labels with weights by precision, class by class (BWA, Li, Rubinstein & Cohn 2019, section 4).

    Model, for each class k: x[i, j] = 1 if j says k of example i, else 0; x[i, j] ~ Normal(z[i, k], 1 / v[j, k]);
    z[i, k] ~ Normal(m[k], 1); v[j, k] ~ Gamma(a / 2, b[k] / 2) with a = `prior_strength` and b[k] = a times the mean variance
    of the votes for k, times 4 (1 - 1 / K). From the vote shares on, EM with v as the hidden variable takes
        v[j, k] = (a + labels of j) / (b[k] + sum over labels of j of (z[i, k] - x[i, j])^2),   m[k] = mean of z[., k],
        z[i, k] = (m[k] + sum over labels of i of v[j, k] x[i, j]) / (1 + sum over labels of i of v[j, k]).
    The posterior is z with rows scaled to 1. The objective is the log density of labels and z with v integrated out, up to a
    constant; it never falls. `annotator_scores["precision"]` is v averaged over classes by their share.

    Args:
        prior_strength: a, above 0: imagined labels that set the precision of annotators with few labels.
    """
    if not 0 < prior_strength < np.inf:
        raise ValueError(f"prior_strength={prior_strength} must be more than 0: it counts imagined labels.")
    n_examples, n_classes, n = len(labels.examples), len(labels.classes), labels.labels_per_annotator[:, None]
    said = labels.annotator.astype(np.int64) * n_classes + labels.label
    by_example = sparse.csr_array(
        (np.ones(len(labels)), labels.annotator, np.concatenate([[0], np.cumsum(labels.labels_per_example)])),
        shape=(n_examples, len(n)),
    )
    by_annotator = by_example.T.tocsr()

    def residuals(score: NDArray[np.float64]) -> NDArray[np.float64]:
        """(J, K) sum over the labels of j of (z - x)^2 = z^2, and 1 - 2 z more for the class that was said."""
        of_said = np.bincount(said, weights=1 - 2 * score[labels.example, labels.label], minlength=n.size * n_classes)
        total: NDArray[np.float64] = by_annotator @ score**2 + of_said.reshape(-1, n_classes)
        return np.maximum(total, 0)  # rounding may leave a sum of squares just below 0

    start = vote_shares(labels, gold)
    variance = (labels.labels_per_example @ (start * (1 - start))) / max(len(labels), 1)
    prior = prior_strength * np.maximum(variance * 4 * (1 - 1 / n_classes), LEAST_VARIANCE)

    def log_density(score: NDArray[np.float64], mean: NDArray[np.float64]) -> float:
        of_labels = (prior_strength + n) / 2 * np.log(prior + residuals(score))
        return -float(of_labels.sum()) - float(((score - mean) ** 2).sum()) / 2

    def m_step(score: NDArray[np.float64]) -> Precisions:
        return Precisions((prior_strength + n) / (prior + residuals(score)), score.mean(axis=0))

    def e_step(now: Precisions) -> tuple[NDArray[np.float64], float]:
        weights = now.precision[labels.annotator, labels.label]
        score = (labels.weighted_votes(weights) + now.mean) / (by_example @ now.precision + 1)
        score = clamp(score, gold)
        return score, log_density(score, now.mean)

    fit = run_em(m_step, e_step, start, max_iter=max_iter, tol=tol, n_labels=len(labels), on_iteration=on_iteration)
    posterior = fit.posterior / fit.posterior.sum(axis=1, keepdims=True)
    precision = {"precision": fit.parameters.precision @ fit.parameters.mean / fit.parameters.mean.sum()}
    return build(labels, posterior, trace=fit.trace, converged=fit.converged, annotator_scores=precision)
