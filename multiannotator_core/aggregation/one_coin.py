"""One-coin Dawid-Skene: each annotator is right with one probability, whatever the class."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..consensus import Consensus
from ..labels import CrowdLabels
from .acceleration import leap
from .block import Block
from .concluding import LARGEST_CONFUSION, conclude, right_labels
from .dawid_skene import PRIOR_STRENGTH, class_log_prior
from .em import FLOOR, OnIteration, check_strength, clamp, run_em, softmax, vote_shares
from .engine import Engine, State, Sums, engine_of


@dataclass(frozen=True)
class Accuracies:
    """accuracy (J,), log_prior (K,) of the classes, and the log density of the prior at these parameters."""

    accuracy: NDArray[np.float64]
    log_prior: NDArray[np.float64]
    log_density: float

    def gains(self, n_classes: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """(J,) what a label adds to the log probability of the class it says, and (J,) the log chance of each single wrong class."""
        log_wrong = np.log1p(-self.accuracy) - np.log(max(n_classes - 1, 1))
        return np.log(self.accuracy) - log_wrong if n_classes > 1 else np.zeros_like(log_wrong), log_wrong


def one_coin(
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
    """Estimate the truth and one accuracy for each annotator, by EM (Zhang, Chen, Zhou & Jordan 2014, section 4).

    Model: P(j says g | truth t) = a[j] if g = t, else (1 - a[j]) / (K - 1). The accuracy has a Beta prior of
    `prior_strength` imagined labels with the crowd's mean agreement; 0 is the maximum-likelihood estimate.
    The objective is the log likelihood plus the log prior density; it never falls. With `accelerate` EM now and then leaps ahead
    (SQUAREM, see `leap`), never to a lower objective.
    """
    check_strength(prior_strength)
    engine = engine_of(labels, gold, start=start)
    (n_examples, n_annotators, n_classes), n = engine.shape, engine.labels_per_annotator
    first = engine.each(_share_sums)
    crowd = first[0].sum() / engine.n_labels
    prior_right, prior_wrong = prior_strength * crowd + FLOOR, prior_strength * (1 - crowd) + FLOOR

    def m_step(sums: Sums) -> Accuracies:
        accuracy = (sums[0] + prior_right) / (n + prior_right + prior_wrong)
        return accuracies(accuracy, class_log_prior(sums[1] / n_examples))

    def accuracies(accuracy: NDArray[np.float64], log_prior: NDArray[np.float64]) -> Accuracies:
        density = float((prior_right * np.log(accuracy) + prior_wrong * np.log1p(-accuracy)).sum())
        return Accuracies(accuracy, log_prior, density)

    def ahead(*path: Accuracies) -> Accuracies | None:
        guess = leap(*([np.stack([of.accuracy, 1 - of.accuracy]), np.exp(of.log_prior)] for of in path))
        return None if guess is None else accuracies(guess[0][0], np.log(guess[1]))

    def e_step(now: Accuracies) -> tuple[Sums, float]:
        gain, log_wrong = now.gains(n_classes)
        *sums, evidence = engine.each(_expect, gain, now.log_prior)
        return tuple(sums), evidence + float((n * log_wrong).sum()) + now.log_density

    fit = run_em(
        m_step,
        e_step,
        engine.each(_start_sums) if "start" in engine.given else first,
        max_iter=max_iter,
        tol=tol,
        n_labels=engine.n_labels,
        on_iteration=on_iteration,
        extrapolate=ahead if accelerate else None,
        journal=engine.journal,
    )
    accuracy, log_prior = fit.parameters.accuracy, fit.parameters.log_prior
    return conclude(
        engine,
        _last,
        fit.parameters.gains(n_classes)[0],
        log_prior,
        confusion=symmetric_confusion(accuracy, n_classes) if n_annotators * n_classes**2 <= LARGEST_CONFUSION else None,
        annotator_quality=accuracy if n_classes > 1 else np.ones(n_annotators),
        trace=fit.trace,
        converged=fit.converged,
        annotator_scores={"accuracy": accuracy},
    )


def _posterior(block: Block, gain: NDArray[np.float64], log_prior: NDArray[np.float64]) -> tuple[NDArray[np.float64], float]:
    return softmax(block.weighted_votes(gain[block.annotator]) + log_prior, block.gold)


def _sums(block: Block, posterior: NDArray[np.float64]) -> Sums:
    """(J,) expected number of right labels of each annotator, and (K,) sums of the posterior (n, K)."""
    return right_labels(block, posterior), posterior.sum(axis=0)


def _share_sums(block: Block, state: State) -> tuple[State, Sums]:
    return state, _sums(block, vote_shares(block, block.gold))


def _start_sums(block: Block, state: State) -> tuple[State, Sums]:
    assert block.start is not None
    return state, _sums(block, clamp(block.start.astype(np.float64), block.gold))


def _expect(block: Block, state: State, gain: NDArray[np.float64], log_prior: NDArray[np.float64]) -> tuple[State, Sums]:
    posterior, evidence = _posterior(block, gain, log_prior)
    return state, (*_sums(block, posterior), evidence)


def _last(block: Block, state: State, gain: NDArray[np.float64], log_prior: NDArray[np.float64]) -> tuple[State, Sums]:
    posterior, evidence = _posterior(block, gain, log_prior)
    return {"posterior": posterior}, (evidence,)


def symmetric_confusion(accuracy: NDArray[np.float64], n_classes: int) -> NDArray[np.float64]:
    """confusion[j, true, given] of annotators who are right with one probability and err evenly."""
    wrong = (1 - accuracy) / max(n_classes - 1, 1)
    confusion = np.repeat(wrong[:, None, None], n_classes, axis=1).repeat(n_classes, axis=2)
    diagonal = np.arange(n_classes)
    confusion[:, diagonal, diagonal] = accuracy[:, None] if n_classes > 1 else 1.0
    return confusion
