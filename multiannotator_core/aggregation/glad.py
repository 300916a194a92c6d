"""GLAD: annotators differ in ability, examples in difficulty."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from ..consensus import Consensus, build
from ..labels import CrowdLabels
from .em import OnIteration, check_iterations, check_strength, run_em, softmax
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
class Strengths:
    """ability (J,), any sign; log_beta (N,), log of the paper's 1/difficulty."""

    ability: Floats
    log_beta: Floats


def glad(
    labels: CrowdLabels,
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
    model = _Glad(labels, gold, max(prior_strength, LEAST_STRENGTH))
    now = Strengths(np.full(len(labels.annotators), MEAN_ABILITY), np.full(len(labels.examples), MEAN_LOG_BETA))
    start, _ = model.posterior(now)

    def m_step(posterior: Floats) -> Strengths:
        nonlocal now  # a Newton step starts where the last one ended
        now = model.improve(now, posterior)
        return now

    fit = run_em(m_step, model.posterior, start, max_iter=max_iter, tol=tol, n_labels=len(labels), on_iteration=on_iteration)
    return build(
        labels,
        fit.posterior,
        difficulty=np.exp(-fit.parameters.log_beta),
        annotator_scores={"ability": fit.parameters.ability},
        trace=fit.trace,
        converged=fit.converged,
    )


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


class _Glad:
    """The two steps of the EM for one table of labels; everything is a sum over labels, by annotator or by example."""

    def __init__(self, labels: CrowdLabels, gold: NDArray[np.int32] | None, precision: float) -> None:
        self.gold = gold
        self.precision = precision
        self.shape = (len(labels.examples), len(labels.classes))
        self.n_annotators = len(labels.annotators)
        # bincount and indexing want this width; converting 20 times an iteration would cost more than the sums.
        self.example = labels.example.astype(np.intp)
        self.annotator = labels.annotator.astype(np.intp)
        self.cell = self.example * self.shape[1] + labels.label
        self.log_wrong_classes = np.log(max(self.shape[1] - 1, 1))

    def posterior(self, now: Strengths) -> tuple[Floats, float]:
        """Posterior (N, K), and log likelihood plus log prior density at these parameters."""
        n_examples, n_classes = self.shape
        logit = now.ability[self.annotator] * np.exp(now.log_beta)[self.example]
        # log P(label | it is right) - log P(label | it is wrong) = logit + log(K - 1)
        log_joint = _sums(self.cell, logit + self.log_wrong_classes, n_examples * n_classes)
        posterior, evidence = softmax(log_joint.reshape(n_examples, n_classes), self.gold)
        constant = len(logit) * self.log_wrong_classes + n_examples * np.log(n_classes)
        return posterior, evidence - float(_softplus(logit).sum()) - constant + self._log_prior(now)

    def improve(self, now: Strengths, posterior: Floats) -> Strengths:
        """The M step: parameters whose expected log joint probability is at least that of `now`."""
        right = posterior.ravel()[self.cell]  # (L,) chance that each label is right
        beta = np.exp(now.log_beta)[self.example]
        ability = self._better_ability(now.ability, beta, right)
        return Strengths(ability, self._better_log_beta(now.log_beta, ability[self.annotator], right))

    def _better_ability(self, ability: Floats, beta: Floats, right: Floats) -> Floats:
        def by_annotator(values: Floats) -> Floats:
            return _sums(self.annotator, values, self.n_annotators)

        def objective(at: Floats) -> Floats:
            logit = at[self.annotator] * beta
            return by_annotator(right * logit - _softplus(logit)) - 0.5 * self.precision * (at - MEAN_ABILITY) ** 2

        chance = expit(ability[self.annotator] * beta)
        slope = by_annotator((right - chance) * beta) - self.precision * (ability - MEAN_ABILITY)
        curvature = by_annotator(chance * (1 - chance) * beta**2) + self.precision
        return _newton_step(ability, slope, curvature, objective)

    def _better_log_beta(self, log_beta: Floats, ability: Floats, right: Floats) -> Floats:
        def by_example(values: Floats) -> Floats:
            return _sums(self.example, values, self.shape[0])

        def objective(at: Floats) -> Floats:
            logit = ability * np.exp(at)[self.example]
            within = np.where(np.abs(at) <= LARGEST_LOG_BETA, 0.0, np.inf)
            return by_example(right * logit - _softplus(logit)) - 0.5 * self.precision * (at - MEAN_LOG_BETA) ** 2 - within

        logit = ability * np.exp(log_beta)[self.example]
        chance = expit(logit)
        slope = by_example((right - chance) * logit) - self.precision * (log_beta - MEAN_LOG_BETA)
        # The expected curvature: unlike the exact one it is never negative, so that a step always goes uphill.
        curvature = by_example(chance * (1 - chance) * logit**2) + self.precision
        return _newton_step(log_beta, slope, curvature, objective)

    def _log_prior(self, now: Strengths) -> float:
        squares = ((now.ability - MEAN_ABILITY) ** 2).sum() + ((now.log_beta - MEAN_LOG_BETA) ** 2).sum()
        n_parameters = len(now.ability) + len(now.log_beta)
        return float(0.5 * n_parameters * np.log(self.precision / (2 * np.pi)) - 0.5 * self.precision * squares)


def _newton_step(at: Floats, slope: Floats, curvature: Floats, objective: Callable[[Floats], Floats]) -> Floats:
    """One Newton step for each coordinate by itself, halved where it would lower that coordinate's own objective."""
    before = objective(at)
    least = before - ROUNDING * np.abs(before)
    step = np.clip(slope / curvature, -LONGEST_STEP, LONGEST_STEP)
    for _ in range(HALVINGS):
        worse = objective(at + step) < least
        if not worse.any():
            return at + step
        step[worse] /= 2
    step[worse] = 0.0  # this half was not looked at
    return at + step


def _sums(groups: NDArray[np.intp], values: Floats, n_groups: int) -> Floats:
    """(n_groups,) sum of the values of each group."""
    return np.bincount(groups, weights=values, minlength=n_groups).astype(np.float64, copy=False)


def _softplus(values: Floats) -> Floats:
    """log(1 + exp(values)), without overflow."""
    return np.maximum(values, 0.0) + np.log1p(np.exp(-np.abs(values)))
