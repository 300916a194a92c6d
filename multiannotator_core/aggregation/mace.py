"""MACE: annotators who either know the class or answer from a habit of their own."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import digamma, expit, gammaln

from ..consensus import Consensus
from ..labels import CrowdLabels
from .block import Block
from .concluding import LARGEST_CONFUSION, conclude
from .em import Fit, OnIteration, check_iterations, run_em, softmax
from .engine import Engine, State, Sums, engine_of

Floats = NDArray[np.float64]

# Priors of the variational version: Beta on trust, symmetric Dirichlet on habits; and the smoothing (divided by K)
# that the plain version adds to each expected count. All three as in the authors' program.
TRUST_PRIOR = 0.5
HABIT_PRIOR = 10.0
SMOOTHING = 0.01

# Random starts are near-even: each parameter is drawn from [1, 1 + NOISE] before its row is made to sum to 1.
NOISE = 0.5


@dataclass(frozen=True)
class Habits:
    """What is believed of the annotators.

    log_knows (J,): log chance to know the class; log_wrong (J, K): log chance not to know it and to say `given`. In the
    variational version these are expected logs, which need not sum to 1. trust (J,) and habit (J, K) are the plain
    estimates; log_density is what the priors add to the objective.
    """

    log_knows: Floats
    log_wrong: Floats
    trust: Floats
    habit: Floats
    log_density: float

    @property
    def log_odds(self) -> Floats:
        """log_odds[j, given]: of knowing against not knowing, when `given` was said and is the truth."""
        return self.log_knows[:, None] - self.log_wrong

    @property
    def gain(self) -> Floats:
        """gain[j, given]: log P(given | it is the truth) - log P(given | it is not)."""
        return np.logaddexp(0.0, self.log_odds)


def mace(
    labels: CrowdLabels | Engine,
    *,
    gold: NDArray[np.int32] | None = None,
    on_iteration: OnIteration | None = None,
    seed: int = 0,
    variational: bool = True,
    n_restarts: int = 10,
    max_iter: int = 100,
    tol: float = 1e-6,
) -> Consensus:
    """Estimate the truth, and how often each annotator answers without looking (Hovy, Berg-Kirkpatrick, Vaswani & Hovy 2013).

    Model: all classes are equally likely; with chance trust[j] annotator j knows the class and says it, else j says g
    with chance habit[j, g]. So P(j says g | truth t) = trust[j] [g = t] + (1 - trust[j]) habit[j, g]: only the class
    that was said differs from the rest, and one number a label makes the E step. EM as in section 2 of the paper.

    Args:
        variational: variational Bayes with priors Beta(.5, .5) and Dirichlet(10); otherwise EM with a trace of smoothing.
        n_restarts: runs from different random starts, of which the one with the highest objective is kept.
        seed: decides the starts. They follow the order of annotators and classes.
        max_iter, tol: of each run, see `run_em`. The objective is the evidence lower bound (variational), or the log
            likelihood plus the log prior density; it never falls. `on_iteration` counts on through the runs.

    Returns:
        `annotator_scores["trust"]`; a confusion where J K K is at most 50 million.
    """
    check_iterations(max_iter, tol)
    if n_restarts < 1 or int(n_restarts) != n_restarts:
        raise ValueError(f"n_restarts={n_restarts} must be a whole number from 1.")
    engine = engine_of(labels, gold)
    done = 0

    def report(i: int, objective: float) -> None:
        if on_iteration is not None:
            on_iteration(done + i, objective)

    (counts,) = engine.each(_habit_counts)
    best: Fit[Habits, Believed] | None = None
    for rng in np.random.default_rng(seed).spawn(int(n_restarts)):
        fit = _fit(engine, counts, variational, rng, max_iter, tol, report)
        done += len(fit.trace)
        if best is None or fit.trace[-1] > best.trace[-1]:
            best = fit
    assert best is not None
    trust, habit = best.parameters.trust, best.parameters.habit
    small = habit.size * habit.shape[1] <= LARGEST_CONFUSION
    return conclude(
        engine,
        _last,
        best.parameters.gain,
        confusion=confusion_of_habits(trust, habit) if small else None,
        annotator_quality=lambda class_sums, right: trust + (1 - trust) * (habit @ (class_sums / engine.shape[0])),
        annotator_scores={"trust": trust},
        trace=best.trace,
        converged=best.converged,
    )


def confusion_of_habits(trust: Floats, habit: Floats) -> Floats:
    """confusion[j, true, given] of annotators who know the class with chance trust (J,) and else follow habit (J, K)."""
    confusion = np.repeat(((1 - trust)[:, None] * habit)[:, None, :], habit.shape[1], axis=1)
    diagonal = np.arange(habit.shape[1])
    confusion[:, diagonal, diagonal] += trust[:, None]
    return confusion


# What the E step says: (J, K) expected number of right labels of each annotator and given class, and the habits it rests on.
Believed = tuple[Floats, Habits]


def _fit(
    engine: Engine, counts: Floats, variational: bool, rng: np.random.Generator, max_iter: int, tol: float, report: OnIteration
) -> Fit[Habits, Believed]:
    """One run from a random start; counts[j, given] is the number of labels."""
    estimate = variational_habits if variational else smoothed_habits
    n_examples, n_annotators, n_classes = engine.shape

    def m_step(believed: Believed) -> Habits:
        right, now = believed  # whether a right label was known or guessed depends on the habits of the last step
        known = right * expit(now.log_odds)
        return estimate(known.sum(axis=1), counts - known)

    def e_step(now: Habits) -> tuple[Believed, float]:
        right, evidence = engine.each(_expect, now.gain)
        constant = float(np.vdot(counts, now.log_wrong)) - n_examples * np.log(n_classes)
        return (right, now), evidence + constant + now.log_density

    start, _ = e_step(random_habits(rng, (n_annotators, n_classes)))
    return run_em(m_step, e_step, start, max_iter=max_iter, tol=tol, n_labels=engine.n_labels, on_iteration=report, journal=engine.journal)


def _said(block: Block) -> NDArray[np.intp]:
    """(l,) flat position of each label in (J, K)."""
    return block.annotator.astype(np.intp) * len(block.classes) + block.label


def _by_habit(block: Block, values: Floats | None) -> Floats:
    """(J, K) sum of the values (l,) over the labels of each annotator and given class; their number without values."""
    shape = len(block.annotators), len(block.classes)
    sums = np.bincount(block.derived(_said), weights=values, minlength=shape[0] * shape[1])
    return sums.astype(np.float64, copy=False).reshape(shape)


def _posterior(block: Block, gain: Floats) -> tuple[Floats, float]:
    return softmax(block.weighted_votes(gain.ravel()[block.derived(_said)]), block.gold)


def _habit_counts(block: Block, state: State) -> tuple[State, Sums]:
    return state, (_by_habit(block, None),)


def _expect(block: Block, state: State, gain: Floats) -> tuple[State, Sums]:
    """A step: (J, K) expected number of right labels, and the log evidence but for what does not depend on the class."""
    posterior, evidence = _posterior(block, gain)
    return state, (_by_habit(block, posterior[block.example, block.label]), evidence)


def _last(block: Block, state: State, gain: Floats) -> tuple[State, Sums]:
    return {"posterior": _posterior(block, gain)[0]}, ()


def random_habits(rng: np.random.Generator, shape: tuple[int, int]) -> Habits:
    """A start for J annotators and K classes (shape)."""
    trust, habit = rng.uniform(1, 1 + NOISE, (shape[0], 2)), rng.uniform(1, 1 + NOISE, shape)
    knows, habit = trust[:, 0] / trust.sum(axis=1), habit / habit.sum(axis=1, keepdims=True)
    return Habits(np.log(knows), np.log1p(-knows)[:, None] + np.log(habit), knows, habit, 0.0)


def smoothed_habits(known: Floats, guessed: Floats) -> Habits:
    """The M step of plain EM from expected counts: known (J,), guessed (J, K); the smoothing acts as a prior."""
    delta = SMOOTHING / guessed.shape[1]
    n_guessed = guessed.sum(axis=1)
    trust = (known + delta) / (known + n_guessed + 2 * delta)
    habit = guessed + delta
    habit /= habit.sum(axis=1, keepdims=True)
    log_guesses, log_habit = np.log1p(-trust), np.log(habit)
    density = delta * float(np.log(trust).sum() + log_guesses.sum() + log_habit.sum())
    return Habits(np.log(trust), log_guesses[:, None] + log_habit, trust, habit, density)


def variational_habits(known: Floats, guessed: Floats) -> Habits:
    """The variational M step from expected counts: known (J,), guessed (J, K)."""
    of_trust = TRUST_PRIOR + np.column_stack([known, guessed.sum(axis=1)])  # Beta: knows, guesses
    of_habit = HABIT_PRIOR + guessed
    log_trust, log_habit = _expected_log(of_trust), _expected_log(of_habit)
    density = -_divergence(of_trust, TRUST_PRIOR, log_trust) - _divergence(of_habit, HABIT_PRIOR, log_habit)
    trust, habit = of_trust[:, 0] / of_trust.sum(axis=1), of_habit / of_habit.sum(axis=1, keepdims=True)
    return Habits(log_trust[:, 0], log_trust[:, 1:] + log_habit, trust, habit, density)


def _expected_log(counts: Floats) -> Floats:
    """Expected log probabilities under Dirichlet distributions, one a row."""
    expected: Floats = digamma(counts) - digamma(counts.sum(axis=1, keepdims=True))
    return expected


def _divergence(counts: Floats, prior: float, expected_log: Floats) -> float:
    """Kullback-Leibler divergence of Dirichlet distributions, one a row, from the symmetric prior; summed over rows."""
    n_rows, size = counts.shape
    log_norm = gammaln(counts.sum(axis=1)).sum() - gammaln(counts).sum()
    log_norm_prior = n_rows * (gammaln(size * prior) - size * gammaln(prior))
    return float(log_norm - log_norm_prior + ((counts - prior) * expected_log).sum())
