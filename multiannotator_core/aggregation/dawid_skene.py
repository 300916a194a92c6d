"""Dawid-Skene: each annotator has a confusion matrix of their own."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..consensus import Consensus
from ..labels import CrowdLabels
from .acceleration import leap
from .concluding import conclude
from .em import FLOOR, Fit, OnIteration, check_strength, run_em, share_counts, soft_counts, soft_rows, start_counts
from .engine import Blocks, Engine, Sums, engine_of

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
    labels: CrowdLabels | Engine,
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
    engine = engine_of(labels, gold, start=start)
    fit = fit_confusions(engine, on_iteration, prior_strength, max_iter, tol, accelerate)
    now = fit.parameters
    confusion = now.by_true_class()
    return conclude(engine, soft_rows, now.log_confusion, now.log_prior, confusion=confusion, trace=fit.trace, converged=fit.converged)


def fit_confusions(
    engine: Engine, on_iteration: OnIteration | None, prior_strength: float, max_iter: int, tol: float, accelerate: bool = False
) -> Fit[Confusions, Sums]:
    """The EM of `dawid_skene`; what the E step says are counts[j, given, true] and class sums of the posterior."""
    check_strength(prior_strength)
    first = engine.each(share_counts)
    prior = prior_strength * pooled_rows(first[0]) + FLOOR  # prior[given, true]

    def ahead(*path: Confusions) -> Confusions | None:
        guess = leap(*([np.exp(of.log_confusion.swapaxes(0, 1)), np.exp(of.log_prior)] for of in path))
        return None if guess is None else confusions(guess[0].swapaxes(0, 1), np.log(guess[1]), prior)

    return run_em(
        lambda sums: estimate(sums[0], prior, sums[1] / engine.shape[0]),
        lambda now: soft_step(engine, now),
        engine.each(start_counts) if "start" in engine.given else first,
        max_iter=max_iter,
        tol=tol,
        n_labels=engine.n_labels,
        on_iteration=on_iteration,
        extrapolate=ahead if accelerate else None,
        journal=engine.journal,
    )


def soft_step(engine: Engine, now: Confusions) -> tuple[Sums, float]:
    """The E step: counts[j, given, true] and class sums of the posterior at these confusions, and the objective."""
    *sums, evidence = engine.each(soft_counts, now.log_confusion, now.log_prior)
    return tuple(sums), evidence + now.log_density


def estimate(counts: NDArray[np.float64], prior: NDArray[np.float64], share: NDArray[np.float64]) -> Confusions:
    """The M step: counts[j, given, true] plus prior[given, true], and the mean (K,) of the posterior."""
    smoothed = counts + prior
    smoothed /= smoothed.sum(axis=1, keepdims=True)
    return confusions(smoothed, class_log_prior(share), prior)


def confusions(confusion: NDArray[np.float64], log_prior: NDArray[np.float64], prior: NDArray[np.float64]) -> Confusions:
    """Logarithms of confusion[j, given, true], with the log density of their Dirichlet prior, prior[given, true]."""
    log_confusion = np.log(confusion)
    return Confusions(log_confusion, log_prior, float(np.vdot(prior, log_confusion.sum(axis=0))))


def class_log_prior(share: NDArray[np.float64]) -> NDArray[np.float64]:
    """(K,) log of the mean posterior (K,), floored so that a class nobody chose stays finite."""
    share = share + FLOOR
    log_prior: NDArray[np.float64] = np.log(share / share.sum())
    return log_prior


def pooled_rows(counts: NDArray[np.float64]) -> NDArray[np.float64]:
    """pooled[given, true]: how the crowd as a whole labels each class; even for a class without labels."""
    pooled: NDArray[np.float64] = counts.sum(axis=0) + FLOOR
    pooled /= pooled.sum(axis=0, keepdims=True)
    return pooled


def confusion_of(labels: CrowdLabels, posterior: NDArray[np.float64], prior_strength: float = PRIOR_STRENGTH) -> NDArray[np.float64]:
    """confusion[j, true, given] that belongs to any posterior (N, K): one M step. For methods that have none."""
    counts = Blocks(labels).counts(posterior)
    return estimate(counts, prior_strength * pooled_rows(counts) + FLOOR, posterior.mean(axis=0)).by_true_class()
