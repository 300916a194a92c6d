"""Dawid-Skene: each annotator has a confusion matrix of their own."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..consensus import Consensus, build
from ..labels import CrowdLabels
from .acceleration import leap
from .em import FLOOR, Blocks, OnIteration, check_strength, clamp, run_em, vote_shares

# Imagined labels for each row of a confusion, spread like the crowd's rows. Annotators with few labels are
# otherwise certain after one label, and the method falls below majority vote.
PRIOR_STRENGTH = 5.0


@dataclass(frozen=True)
class Confusions:
    """log_confusion[j, given, true], log_prior[true], and the log density of the prior at these parameters."""

    log_confusion: NDArray[np.float64]
    log_prior: NDArray[np.float64]
    log_density: float

    def by_true_class(self) -> NDArray[np.float64]:
        """confusion[j, true, given], rows sum to 1."""
        confusion = np.exp(self.log_confusion).transpose(0, 2, 1)
        return np.ascontiguousarray(confusion / confusion.sum(axis=2, keepdims=True))


def dawid_skene(
    labels: CrowdLabels,
    *,
    gold: NDArray[np.int32] | None = None,
    start: NDArray[np.float64] | None = None,
    on_iteration: OnIteration | None = None,
    prior_strength: float = PRIOR_STRENGTH,
    max_iter: int = 100,
    tol: float = 1e-6,
    accelerate: bool = False,
) -> Consensus:
    """Estimate the truth and a confusion matrix for each annotator together, by EM (Dawid & Skene 1979).

    Model: P(truth t) = p[t]; P(j says g | t) = confusion[j, t, g], independent given t. Equations (2.3) to (2.5)
    of the paper, in logarithms. The rows of each confusion have a Dirichlet prior of `prior_strength` imagined
    labels, spread as the whole crowd's labels are under the vote shares.

    Args:
        prior_strength: imagined labels for each row; 0 is the classical maximum-likelihood estimate.
        max_iter, tol: see `run_em`. The objective is the log likelihood plus the log prior density; it never falls.
        accelerate: now and then leap ahead (SQUAREM, see `leap`), never to a lower objective. For crowds on which EM crawls; the
            fixed points are the same, but where there are several it may end in another.
    """
    check_strength(prior_strength)
    blocks = Blocks(labels)
    shares = vote_shares(labels, gold)
    prior = prior_strength * pooled_rows(blocks.counts(shares)) + FLOOR  # prior[given, true]

    def m_step(posterior: NDArray[np.float64]) -> Confusions:
        return estimate(blocks.counts(posterior), prior, posterior)

    def e_step(confusions: Confusions) -> tuple[NDArray[np.float64], float]:
        posterior, evidence = blocks.posterior(confusions.log_confusion, confusions.log_prior, gold)
        return posterior, evidence + confusions.log_density

    def ahead(*path: Confusions) -> Confusions | None:
        guess = leap(*([np.exp(of.log_confusion.swapaxes(0, 1)), np.exp(of.log_prior)] for of in path))
        return None if guess is None else confusions(guess[0].swapaxes(0, 1), np.log(guess[1]), prior)

    fit = run_em(
        m_step,
        e_step,
        shares if start is None else clamp(start.copy(), gold),
        max_iter=max_iter,
        tol=tol,
        n_labels=len(labels),
        on_iteration=on_iteration,
        extrapolate=ahead if accelerate else None,
    )
    return build(labels, fit.posterior, confusion=fit.parameters.by_true_class(), trace=fit.trace, converged=fit.converged)


def estimate(counts: NDArray[np.float64], prior: NDArray[np.float64], posterior: NDArray[np.float64]) -> Confusions:
    """The M step: counts[j, given, true] plus prior[given, true], and the mean of the posterior (N, K)."""
    smoothed = counts + prior
    return confusions(smoothed / smoothed.sum(axis=1, keepdims=True), class_log_prior(posterior), prior)


def confusions(confusion: NDArray[np.float64], log_prior: NDArray[np.float64], prior: NDArray[np.float64]) -> Confusions:
    """Logarithms of confusion[j, given, true], with the log density of their Dirichlet prior, prior[given, true]."""
    log_confusion = np.log(confusion)
    return Confusions(log_confusion, log_prior, float(np.vdot(prior, log_confusion.sum(axis=0))))


def class_log_prior(posterior: NDArray[np.float64]) -> NDArray[np.float64]:
    """(K,) log of the mean posterior, floored so that a class nobody chose stays finite."""
    share = posterior.mean(axis=0) + FLOOR
    return np.log(share / share.sum())


def pooled_rows(counts: NDArray[np.float64]) -> NDArray[np.float64]:
    """pooled[given, true]: how the crowd as a whole labels each class; even for a class without labels."""
    pooled = counts.sum(axis=0) + FLOOR
    return pooled / pooled.sum(axis=0, keepdims=True)


def confusion_of(labels: CrowdLabels, posterior: NDArray[np.float64], prior_strength: float = PRIOR_STRENGTH) -> NDArray[np.float64]:
    """confusion[j, true, given] that belongs to any posterior (N, K): one M step. For methods that have none."""
    counts = Blocks(labels).counts(posterior)
    return estimate(counts, prior_strength * pooled_rows(counts) + FLOOR, posterior).by_true_class()
