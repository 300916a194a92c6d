"""GLAD: annotators differ in ability, examples in difficulty."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from ..consensus import Consensus, build
from ..labels import CrowdLabels
from .block import Block
from .concluding import conclude
from .em import OnIteration, check_iterations, check_strength, run_em, softmax
from .engine import Engine, State, Sums, engine_of
from .with_model import add_models

Floats = NDArray[np.float64]

# Means of the paper's normal priors. An average annotator on an average example is right with chance
# sigmoid(1 * exp(1)) = .94.
MEAN_ABILITY = 1.0
MEAN_LOG_BETA = 1.0

# Without a prior the estimates of annotators who are always right run away: this much of the prior stays.
LEAST_STRENGTH = 1e-3
# No step is longer, and no |log beta| larger: exp() stays finite, and chances were 0 or 1 long before.
LONGEST_STEP = 2.0
LARGEST_LOG_BETA = 10.0
HALVINGS = 4
# Sums of a few thousand terms differ by this share when nothing has changed.
ROUNDING = 1e-13


@dataclass(frozen=True)
class Slopes:
    """What the labels say of each annotator's ability (J,) at the present strengths, without the prior.

    slope and curvature of the expected log probability of the labels, and that itself.
    """

    ability: Floats
    slope: Floats
    curvature: Floats
    expected: Floats


def glad(
    labels: CrowdLabels | Engine,
    *,
    gold: NDArray[np.int32] | None = None,
    on_iteration: OnIteration | None = None,
    prior_strength: float = 1.0,
    max_iter: int = 100,
    tol: float = 1e-6,
) -> Consensus:
    """Estimate the truth, an ability for each annotator and a difficulty for each example (Whitehill et al. 2009).

    Model: P(j is right on i) = sigmoid(ability[j] beta[i]), beta > 0 (eq. 1 there; difficulty is 1 / beta), errors
    spread evenly over the K - 1 wrong classes, all classes equally likely beforehand. Normal priors as in the paper:
    ability ~ N(1, 1), log beta ~ N(1, 1). EM as in section 3 there, but the M step is one damped Newton
    step for all abilities, then one for all log betas: a label involves one of each, so with the others fixed each is a
    problem of its own. The objective is the log likelihood plus the log prior density; it never falls.

    The result has `difficulty` and `annotator_scores["ability"]`; an ability below 0 means worse than chance.

    Args:
        prior_strength: precision (1 / variance) of both priors; 1 is the paper's, 0 almost none.
        max_iter, tol: see `run_em`.
    """
    check_strength(prior_strength)
    check_iterations(max_iter, tol)
    engine, precision = engine_of(labels, gold), max(prior_strength, LEAST_STRENGTH)
    n_examples, n_annotators, n_classes = engine.shape
    log_wrong_classes = float(np.log(max(n_classes - 1, 1)))
    constant = engine.n_labels * log_wrong_classes + n_examples * np.log(n_classes)
    constant -= 0.5 * (n_annotators + n_examples) * np.log(precision / (2 * np.pi))

    def m_step(now: Slopes) -> Floats:
        """The abilities; the first step of the next pass over the blocks finds the log betas that go with them."""

        def objective(at: Floats) -> Floats:
            expected: Floats = engine.each(_expected, at)[0]
            return expected - 0.5 * precision * (at - MEAN_ABILITY) ** 2

        before = now.expected - 0.5 * precision * (now.ability - MEAN_ABILITY) ** 2
        slope = now.slope - precision * (now.ability - MEAN_ABILITY)
        return _newton_step(now.ability, slope, now.curvature + precision, before, objective)

    def e_step(ability: Floats) -> tuple[Slopes, float]:
        *sums, evidence, squares = engine.each(_improve, ability, log_wrong_classes, precision)
        squares += float(((ability - MEAN_ABILITY) ** 2).sum())
        return Slopes(ability, *sums), evidence - constant - 0.5 * precision * squares

    average = np.full(n_annotators, MEAN_ABILITY)
    fit = run_em(
        m_step,
        e_step,
        Slopes(average, *engine.each(_begin, average, log_wrong_classes)),
        max_iter=max_iter,
        tol=tol,
        n_labels=engine.n_labels,
        on_iteration=on_iteration,
        journal=engine.journal,
    )
    ability = {"ability": fit.parameters}
    return conclude(engine, _last, fit.parameters, log_wrong_classes, trace=fit.trace, converged=fit.converged, annotator_scores=ability)


def glad_with_model(
    labels: CrowdLabels,
    *,
    pred_probs: Sequence[Floats],
    gold: NDArray[np.int32] | None = None,
    on_iteration: OnIteration | None = None,
    prior_strength: float = 1.0,
    max_iter: int = 100,
    tol: float = 1e-6,
) -> Consensus:
    """GLAD with the most likely class of each model as the labels of one more annotator (a baseline of Goh et al. 2022).

    The models' labels count in the posterior and the difficulty; the arrays over annotators hold the J people only.
    """
    result = glad(
        add_models(labels, pred_probs),
        gold=gold,
        on_iteration=on_iteration,
        prior_strength=prior_strength,
        max_iter=max_iter,
        tol=tol,
    )
    return build(
        labels,
        result.posterior,
        difficulty=result.difficulty,
        annotator_scores={"ability": result.annotator_scores["ability"][: len(labels.annotators)].copy()},
        trace=result.trace,
        converged=result.converged,
    )


# The state of a block: log_beta (n,), log of the paper's 1 / difficulty; right (l,), the chance that each label is right.


def _begin(block: Block, state: State, ability: Floats, log_wrong_classes: float) -> tuple[State, Sums]:
    """A step: average examples, and what the labels then say of the abilities (J,)."""
    log_beta = np.full(len(block.examples), MEAN_LOG_BETA)
    logit = _logit(block, ability, log_beta)
    posterior, _ = _posterior(block, logit, log_wrong_classes)
    state = {"log_beta": log_beta, "right": posterior[block.example, block.label]}
    return state, _slopes(block, state, logit)


def _improve(block: Block, state: State, ability: Floats, log_wrong_classes: float, precision: float) -> tuple[State, Sums]:
    """A step: better log betas at these abilities (J,), the E step, and what the labels then say of the abilities.

    After the sums of `Slopes` follow the log evidence of the labels, up to a constant, and the squares of the log betas.
    """
    log_beta = _better_log_beta(block, state, ability[block.who], precision)
    logit = _logit(block, ability, log_beta)
    posterior, evidence = _posterior(block, logit, log_wrong_classes)
    state = {"log_beta": log_beta, "right": posterior[block.example, block.label]}
    squares = float(((log_beta - MEAN_LOG_BETA) ** 2).sum())
    slopes = _slopes(block, state, logit)
    return state, (*slopes, evidence - float(_softplus(logit).sum()), squares)


def _expected(block: Block, state: State, ability: Floats) -> tuple[State, Sums]:
    """A step: (J,) expected log probability of the labels of each annotator at these abilities."""
    logit = _logit(block, ability, state["log_beta"])
    return state, (block.by_annotator(state["right"] * logit - _softplus(logit)),)


def _last(block: Block, state: State, ability: Floats, log_wrong_classes: float) -> tuple[State, Sums]:
    posterior, _ = _posterior(block, _logit(block, ability, state["log_beta"]), log_wrong_classes)
    return {"posterior": posterior, "difficulty": np.exp(-state["log_beta"])}, ()


def _logit(block: Block, ability: Floats, log_beta: Floats) -> Floats:
    """(l,) log odds that each label is right."""
    logit: Floats = ability[block.who] * np.exp(log_beta)[block.example]
    return logit


def _posterior(block: Block, logit: Floats, log_wrong_classes: float) -> tuple[Floats, float]:
    """Posterior (n, K), and its log evidence but for what does not depend on the class."""
    # log P(label | it is right) - log P(label | it is wrong) = logit + log(K - 1)
    return softmax(block.weighted_votes(logit + log_wrong_classes), block.gold)


def _slopes(block: Block, state: State, logit: Floats) -> Sums:
    """The sums of `Slopes`."""
    beta, right, chance = np.exp(state["log_beta"])[block.example], state["right"], expit(logit)
    slope = block.by_annotator((right - chance) * beta)
    curvature = block.by_annotator(chance * (1 - chance) * beta**2)
    return slope, curvature, block.by_annotator(right * logit - _softplus(logit))


def _better_log_beta(block: Block, state: State, ability: Floats, precision: float) -> Floats:
    """(n,) one Newton step for the examples of a block, at the ability (l,) behind each label."""
    log_beta, right = state["log_beta"], state["right"]

    def by_example(values: Floats) -> Floats:
        return np.bincount(block.example, weights=values, minlength=len(log_beta)).astype(np.float64, copy=False)

    def objective(at: Floats) -> Floats:
        logit = ability * np.exp(at)[block.example]
        within = np.where(np.abs(at) <= LARGEST_LOG_BETA, 0.0, np.inf)
        return by_example(right * logit - _softplus(logit)) - 0.5 * precision * (at - MEAN_LOG_BETA) ** 2 - within

    logit = ability * np.exp(log_beta)[block.example]
    chance = expit(logit)
    slope = by_example((right - chance) * logit) - precision * (log_beta - MEAN_LOG_BETA)
    # The expected curvature: unlike the exact one it is never negative, so that a step always goes uphill.
    curvature = by_example(chance * (1 - chance) * logit**2) + precision
    return _newton_step(log_beta, slope, curvature, objective(log_beta), objective)


def _newton_step(at: Floats, slope: Floats, curvature: Floats, before: Floats, objective: Callable[[Floats], Floats]) -> Floats:
    """One Newton step for each coordinate by itself, halved where it would lower that coordinate's own objective below `before`."""
    least = before - ROUNDING * np.abs(before)
    step = np.clip(slope / curvature, -LONGEST_STEP, LONGEST_STEP)
    for _ in range(HALVINGS):
        worse = objective(at + step) < least
        if not worse.any():
            return at + step
        step[worse] /= 2
    step[worse] = 0.0  # this half was not looked at
    return at + step


def _softplus(values: Floats) -> Floats:
    """log(1 + exp(values)), without overflow."""
    return np.maximum(values, 0.0) + np.log1p(np.exp(-np.abs(values)))
