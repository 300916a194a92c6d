"""The one EM loop, and what its steps are made of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from ..labels import CrowdLabels
from .block import Block
from .engine import Journal, State, Sums

OnIteration = Callable[[int, float], object]
Parameters = TypeVar("Parameters")
Belief = TypeVar("Belief")

# Probabilities that were never observed: small enough to veto a class, large enough for a finite logarithm.
FLOOR = 1e-10

# Up to here a maximum column by column beats one along the rows.
FEW_CLASSES = 16


@dataclass(frozen=True)
class Fit(Generic[Parameters, Belief]):
    """What the loop ends with: the last parameters, and what the last E step said of them: a posterior, or sums over it."""

    posterior: Belief
    parameters: Parameters
    trace: tuple[float, ...]
    converged: bool


def run_em(
    m_step: Callable[[Belief], Parameters],
    e_step: Callable[[Parameters], tuple[Belief, float]],
    posterior: Belief,
    *,
    max_iter: int,
    tol: float,
    n_labels: int,
    on_iteration: OnIteration | None = None,
    extrapolate: Callable[[Parameters, Parameters, Parameters], Parameters | None] | None = None,
    settled: Callable[[Parameters | None, Parameters], bool] | None = None,
    journal: Journal | None = None,
) -> Fit[Parameters, Belief]:
    """Alternate M and E steps from a start posterior until the objective gains less than `tol` a label.

    Args:
        m_step: posterior (N, K) -> parameters. It may want sums over the posterior in its place, then the E step gives them, and
            whatever else of the last parameters it needs: neither step remembers anything.
        e_step: parameters -> (posterior, objective at these parameters).
        max_iter: most iterations; each is one M step and one E step.
        tol: 0 means exactly `max_iter` iterations.
        on_iteration: called with (iteration from 1, objective); an exception in it ends the run.
        extrapolate: three successive parameters -> a guess of where they lead, or None. The guess takes the place of an M step
            if it does not lower the objective, and is forgotten otherwise; only M steps decide that the run has converged.
        settled: another rule for the end, from the last parameters (None at first) and the present ones.
        journal: takes the state after each iteration, and gives the one from which a run that was killed goes on.
    """
    check_iterations(max_iter, tol)
    left = None if journal is None else journal.begin()
    parameters: Parameters | None = None
    path: list[Parameters] = []
    trace: list[float] = []
    converged = False
    if left is not None:
        posterior, parameters, path, trace, converged = left
    while len(trace) < max_iter and not converged:
        leapt, before = None, parameters
        if extrapolate is not None and len(path) == 3:
            leapt, path = _if_no_worse(extrapolate(*path), e_step, trace[-1]), path[-1:]
        if leapt is None:
            parameters = m_step(posterior)
            posterior, objective = e_step(parameters)
        else:
            parameters, posterior, objective = leapt
        if extrapolate is not None:
            path = [*path, parameters] if leapt is None else [parameters]
        trace.append(float(objective))
        if settled is not None:
            converged = settled(before, parameters)
        else:
            converged = tol > 0 and len(trace) > 1 and leapt is None and trace[-1] - trace[-2] < tol * n_labels
        if journal is not None:
            journal.save((posterior, parameters, path, trace, converged))
        if on_iteration is not None:
            on_iteration(len(trace), trace[-1])
    assert parameters is not None  # max_iter is at least 1
    return Fit(posterior, parameters, tuple(trace), converged)


def _if_no_worse(
    guess: Parameters | None, e_step: Callable[[Parameters], tuple[Belief, float]], least: float
) -> tuple[Parameters, Belief, float] | None:
    """A guess with its posterior and objective, if that is at least `least`."""
    if guess is None:
        return None
    posterior, objective = e_step(guess)
    return (guess, posterior, objective) if objective >= least else None


def check_iterations(max_iter: int, tol: float) -> None:
    """Refuse options with which no loop can run."""
    if max_iter < 1 or int(max_iter) != max_iter:
        raise ValueError(f"max_iter={max_iter} must be a whole number from 1.")
    if not tol >= 0:
        raise ValueError(f"tol={tol} must be 0 (exactly max_iter iterations) or more.")


def check_strength(prior_strength: float) -> None:
    """Refuse a prior that is no number of labels."""
    if not 0 <= prior_strength < np.inf:
        raise ValueError(f"prior_strength={prior_strength} must be 0 (no prior) or more: it counts imagined labels.")


def vote_shares(labels: CrowdLabels | Block, gold: NDArray[np.int32] | None = None) -> NDArray[np.float64]:
    """(N, K) share of each class among the labels of each example; even without labels; gold rows are certain."""
    votes = labels.votes
    total = votes.sum(axis=1, keepdims=True)
    shares = np.where(total > 0, votes / np.maximum(total, 1), 1 / votes.shape[1])
    return clamp(shares, gold)


def clamp(posterior: NDArray[np.float64], gold: NDArray[np.int32] | None) -> NDArray[np.float64]:
    """Make the rows of gold examples certain, in place."""
    if gold is not None:
        known = np.flatnonzero(gold >= 0)
        posterior[known] = 0.0
        posterior[known, gold[known]] = 1.0
    return posterior


def softmax(log_joint: NDArray[np.float64], gold: NDArray[np.int32] | None = None) -> tuple[NDArray[np.float64], float]:
    """Turn log joint probabilities (N, K) into a posterior, in place, and give the log evidence of all rows.

    The evidence of a gold row is the joint probability of its labels and its class.
    """
    known = np.flatnonzero(gold >= 0) if gold is not None else np.empty(0, dtype=np.intp)
    of_gold = log_joint[known, gold[known]] if gold is not None else np.empty(0)
    highest = row_maximum(log_joint)
    log_joint -= highest[:, None]
    np.exp(log_joint, out=log_joint)
    total = log_joint @ np.ones(log_joint.shape[1])
    log_joint /= total[:, None]
    evidence = highest + np.log(total)
    evidence[known] = of_gold
    return clamp(log_joint, gold), float(evidence.sum())


def row_maximum(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """(N,) largest value of each row; numpy's own `max(axis=1)` is four times slower on few columns."""
    if values.shape[1] > FEW_CLASSES:
        return np.asarray(values.max(axis=1))
    highest = values[:, 0].copy()
    for k in range(1, values.shape[1]):
        np.maximum(highest, values[:, k], out=highest)
    return highest


def posterior_of(block: Block, log_confusion: NDArray[np.float64], log_prior: NDArray[np.float64]) -> tuple[NDArray[np.float64], float]:
    """Posterior (n, K) of a block and its log evidence, from log_confusion[j, given, true] and log_prior (K,)."""
    log_joint = block.incidence @ log_confusion.reshape(-1, len(log_prior))
    log_joint += log_prior
    return softmax(log_joint, block.gold)


def soft_rows(block: Block, state: State, log_confusion: NDArray[np.float64], log_prior: NDArray[np.float64]) -> tuple[State, Sums]:
    """A last step: the posterior of the block, and its log evidence."""
    posterior, evidence = posterior_of(block, log_confusion, log_prior)
    return {"posterior": posterior}, (evidence,)


def soft_counts(block: Block, state: State, log_confusion: NDArray[np.float64], log_prior: NDArray[np.float64]) -> tuple[State, Sums]:
    """A step: counts[j, given, true] and class sums of the posterior, and its log evidence."""
    posterior, evidence = posterior_of(block, log_confusion, log_prior)
    return state, (block.counts(posterior), posterior.sum(axis=0), evidence)


def share_rows(block: Block, state: State) -> tuple[State, Sums]:
    """A last step: the vote shares."""
    return {"posterior": vote_shares(block, block.gold)}, ()


def share_counts(block: Block, state: State) -> tuple[State, Sums]:
    """A step: counts[j, given, true] and class sums of the vote shares."""
    shares = vote_shares(block, block.gold)
    return state, (block.counts(shares), shares.sum(axis=0))


def start_counts(block: Block, state: State) -> tuple[State, Sums]:
    """A step: counts[j, given, true] and class sums of the posterior that the run starts from."""
    assert block.start is not None
    posterior = clamp(block.start.astype(np.float64), block.gold)
    return state, (block.counts(posterior), posterior.sum(axis=0))
