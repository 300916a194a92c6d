"""Independent Bayesian classifier combination: Dawid-Skene with priors on everything, by variational Bayes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import digamma, gammaln

from ..consensus import Consensus
from ..labels import CrowdLabels
from .concluding import conclude
from .em import OnIteration, run_em, share_counts, soft_counts, soft_rows
from .engine import Engine, Sums, engine_of

# Imagined examples of each class: the flat prior.
CLASS_PRIOR = 1.0


@dataclass(frozen=True)
class Beliefs:
    """Parameters of the Dirichlet posteriors: rows[j, given, true] of the confusions and shares[true] of the classes."""

    rows: NDArray[np.float64]
    shares: NDArray[np.float64]

    def expected_logs(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """E log confusion[j, given, true] and E log p[true]."""
        return expected_log(self.rows, axis=1), expected_log(self.shares, axis=0)


def ibcc(
    labels: CrowdLabels | Engine,
    *,
    gold: NDArray[np.int32] | None = None,
    on_iteration: OnIteration | None = None,
    prior_right: float = 4.0,
    prior_wrong: float = 1.0,
    max_iter: int = 100,
    tol: float = 1e-6,
) -> Consensus:
    """Estimate the truth and a distribution over each annotator's confusion (Kim & Ghahramani 2012, without dependencies).

    Model: p ~ Dirichlet(1, ..., 1); confusion[j, t] ~ Dirichlet(b[t]) with b[t, t] = prior_right and b[t, g] = prior_wrong;
    truth[i] ~ p; P(j says g | t) = confusion[j, t, g]. Mean-field q(truth) q(p) q(confusion), updated in turn:
        rows[j, t, g]  = b[t, g] + sum of q(truth[i] = t) over the examples where j says g
        shares[t]      = 1 + sum of q(truth[i] = t)
        log q(truth[i] = t) = E log p[t] + sum over labels of E log confusion[j, t, g] + constant,
    where E log of a Dirichlet is digamma(parameter) - digamma(their sum). The start is the vote shares, the priors are those of
    Li, Rubinstein & Cohn (2019). The objective is the lower bound of the log evidence; it never falls.

    Args:
        prior_right, prior_wrong: imagined right labels, and imagined labels of each wrong class, for each row of a confusion.
    """
    check_priors(prior_right, prior_wrong)
    engine = engine_of(labels, gold)
    n_classes = engine.shape[2]
    prior = np.full((n_classes, n_classes), prior_wrong)  # prior[given, true]
    np.fill_diagonal(prior, prior_right)
    class_prior = np.full(n_classes, CLASS_PRIOR)

    def m_step(sums: Sums) -> Beliefs:
        return Beliefs(sums[0] + prior, sums[1] + class_prior)

    def e_step(now: Beliefs) -> tuple[Sums, float]:
        log_confusion, log_share = now.expected_logs()
        *sums, evidence = engine.each(soft_counts, log_confusion, log_share)
        gap = divergence(now.rows, prior, log_confusion, axis=1) + divergence(now.shares, class_prior, log_share, axis=0)
        return tuple(sums), evidence - gap

    fit = run_em(
        m_step,
        e_step,
        engine.each(share_counts),
        max_iter=max_iter,
        tol=tol,
        n_labels=engine.n_labels,
        on_iteration=on_iteration,
        journal=engine.journal,
    )
    rows = fit.parameters.rows
    confusion = np.ascontiguousarray((rows / rows.sum(axis=1, keepdims=True)).transpose(0, 2, 1))
    expected = fit.parameters.expected_logs()
    return conclude(engine, soft_rows, *expected, confusion=confusion, trace=fit.trace, converged=fit.converged)


def check_priors(prior_right: float, prior_wrong: float) -> None:
    """Refuse Dirichlet priors that are no numbers of labels."""
    for name, value in (("prior_right", prior_right), ("prior_wrong", prior_wrong)):
        if not 0 < value < np.inf:
            raise ValueError(f"{name}={value} must be more than 0: it counts imagined labels.")


def expected_log(parameters: NDArray[np.float64], axis: int) -> NDArray[np.float64]:
    """E log x of Dirichlet distributions that lie along an axis."""
    mean: NDArray[np.float64] = digamma(parameters) - digamma(parameters.sum(axis=axis, keepdims=True))
    return mean


def divergence(parameters: NDArray[np.float64], prior: NDArray[np.float64], log_mean: NDArray[np.float64], axis: int) -> float:
    """Sum of KL(Dirichlet(parameters) || Dirichlet(prior)) along an axis; log_mean is their `expected_log`; prior is broadcast."""
    prior = np.broadcast_to(prior, parameters.shape)
    of_sums = gammaln(parameters.sum(axis=axis)).sum() - gammaln(prior.sum(axis=axis)).sum()
    return float(of_sums - gammaln(parameters).sum() + gammaln(prior).sum() + np.vdot(parameters - prior, log_mean))
