"""Fast Dawid-Skene: each example is given to one class in each iteration."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ..consensus import Consensus, build
from ..labels import CrowdLabels
from .dawid_skene import PRIOR_STRENGTH, Confusions, estimate, pooled_rows
from .em import FLOOR, Blocks, Fit, OnIteration, check_iterations, check_strength, run_em, vote_shares
from .wawa import winners

# The hybrid turns hard once the class shares move by less than this in an iteration, summed over the classes (the authors' value).
SWITCH = 0.005


def fast_dawid_skene(
    labels: CrowdLabels,
    *,
    gold: NDArray[np.int32] | None = None,
    on_iteration: OnIteration | None = None,
    hybrid: bool = False,
    prior_strength: float = PRIOR_STRENGTH,
    max_iter: int = 100,
    tol: float = 1e-6,
) -> Consensus:
    """Dawid-Skene with a hard E step, which settles in few iterations (Sinha, Rao & Balasubramanian 2018).

    Model: that of `dawid_skene`, with the same M step. The E step gives each example to its most probable class, equations (1)
    and (2) of the paper; tied classes share it. The objective is the log probability of the labels together with the chosen
    classes, plus the log prior density; it never falls. The posterior is one soft E step with the last confusions.

    Args:
        hybrid: take soft steps until the class shares settle, then hard ones, with the accuracy of `dawid_skene` in mind. The
            objective of the soft steps is that of `dawid_skene`, so it falls once, at the switch.
        prior_strength, max_iter, tol: see `dawid_skene`.
    """
    check_strength(prior_strength)
    check_iterations(max_iter, tol)
    blocks, shares = Blocks(labels), vote_shares(labels, gold)
    start = shares if hybrid else winners(shares)
    prior = prior_strength * pooled_rows(blocks.counts(start)) + FLOOR  # prior[given, true]

    def m_step(posterior: NDArray[np.float64]) -> Confusions:
        return estimate(blocks.counts(posterior), prior, posterior)

    def soft_step(now: Confusions) -> tuple[NDArray[np.float64], float]:
        posterior, evidence = blocks.posterior(now.log_confusion, now.log_prior, gold)
        return posterior, evidence + now.log_density

    def hard_step(now: Confusions) -> tuple[NDArray[np.float64], float]:
        posterior, objective = soft_step(now)
        return winners(posterior), objective + float(np.log(posterior.max(axis=1)).sum())

    # A soft phase of one iteration at a time, since what ends it is not the objective but the class shares.
    trace: tuple[float, ...] = ()
    fit: Fit[Confusions] | None = None
    settled = not hybrid
    while not settled and len(trace) < max_iter:
        before = fit
        fit = run_em(m_step, soft_step, start, max_iter=1, tol=0, n_labels=len(labels), on_iteration=_shifted(on_iteration, len(trace)))
        start, trace = fit.posterior, (*trace, *fit.trace)
        settled = before is not None and _moved(before.parameters, fit.parameters) < SWITCH
    if len(trace) < max_iter:
        rest, report = max_iter - len(trace), _shifted(on_iteration, len(trace))
        fit = run_em(m_step, hard_step, start, max_iter=rest, tol=tol, n_labels=len(labels), on_iteration=report)
        trace = (*trace, *fit.trace)
    assert fit is not None  # max_iter is at least 1
    fit = replace(fit, posterior=soft_step(fit.parameters)[0])
    return build(labels, fit.posterior, confusion=fit.parameters.by_true_class(), trace=trace, converged=fit.converged)


def _shifted(on_iteration: OnIteration | None, done: int) -> OnIteration | None:
    """The same callback for a loop that begins after `done` iterations."""
    return None if on_iteration is None else lambda i, objective: on_iteration(done + i, objective)


def _moved(before: Confusions, now: Confusions) -> float:
    """How far the class shares moved in one iteration, summed over the classes."""
    return float(np.abs(np.exp(now.log_prior) - np.exp(before.log_prior)).sum())
