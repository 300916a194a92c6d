"""Fast Dawid-Skene: each example is given to one class in each iteration."""

from __future__ import annotations

from functools import partial

import numpy as np
from numpy.typing import NDArray

from ..consensus import Consensus
from ..labels import CrowdLabels
from .block import Block
from .concluding import conclude
from .dawid_skene import PRIOR_STRENGTH, Confusions, estimate, pooled_rows, soft_step
from .em import (
    FLOOR,
    Fit,
    OnIteration,
    check_iterations,
    check_strength,
    posterior_of,
    run_em,
    share_counts,
    soft_rows,
    vote_shares,
)
from .engine import Engine, State, Sums, engine_of
from .wawa import winners

# The hybrid turns hard once the class shares move by less than this in an iteration, summed over the classes (the authors' value).
SWITCH = 0.005


def fast_dawid_skene(
    labels: CrowdLabels | Engine,
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
    engine = engine_of(labels, gold)
    start = engine.each(share_counts if hybrid else _won_counts)
    prior = prior_strength * pooled_rows(start[0]) + FLOOR  # prior[given, true]

    def m_step(sums: Sums) -> Confusions:
        return estimate(sums[0], prior, sums[1] / engine.shape[0])

    def hard_step(now: Confusions) -> tuple[Sums, float]:
        *sums, evidence = engine.each(_hard_counts, now.log_confusion, now.log_prior)
        return tuple(sums), evidence + now.log_density

    run = partial(run_em, m_step, tol=tol, n_labels=engine.n_labels, journal=engine.journal)
    fit: Fit[Confusions, Sums] | None = None
    trace: tuple[float, ...] = ()
    converged = False
    if hybrid:
        fit = run(partial(soft_step, engine), start, max_iter=max_iter, on_iteration=on_iteration, settled=_settled)
        start, trace = fit.posterior, fit.trace
    if len(trace) < max_iter:
        fit = run(hard_step, start, max_iter=max_iter - len(trace), on_iteration=_shifted(on_iteration, len(trace)))
        trace, converged = (*trace, *fit.trace), fit.converged
    assert fit is not None  # max_iter is at least 1
    now, confusion = fit.parameters, fit.parameters.by_true_class()
    return conclude(engine, soft_rows, now.log_confusion, now.log_prior, confusion=confusion, trace=trace, converged=converged)


def _won_counts(block: Block, state: State) -> tuple[State, Sums]:
    """A step: counts and class sums of the classes with most votes."""
    won = winners(vote_shares(block, block.gold))
    return state, (block.counts(won), won.sum(axis=0))


def _hard_counts(block: Block, state: State, log_confusion: NDArray[np.float64], log_prior: NDArray[np.float64]) -> tuple[State, Sums]:
    """A step: counts and class sums of the most probable classes, and the log probability of labels and classes together."""
    posterior, evidence = posterior_of(block, log_confusion, log_prior)
    won = winners(posterior)
    return state, (block.counts(won), won.sum(axis=0), evidence + float(np.log(posterior.max(axis=1)).sum()))


def _shifted(on_iteration: OnIteration | None, done: int) -> OnIteration | None:
    """The same callback for a loop that begins after `done` iterations."""
    return None if on_iteration is None else lambda i, objective: on_iteration(done + i, objective)


def _settled(before: Confusions | None, now: Confusions) -> bool:
    """Whether the class shares, summed over the classes, hardly moved in one iteration."""
    return before is not None and float(np.abs(np.exp(now.log_prior) - np.exp(before.log_prior)).sum()) < SWITCH
