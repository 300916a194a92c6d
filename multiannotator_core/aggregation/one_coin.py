"""One-coin Dawid-Skene: each annotator is right with one probability, whatever the class."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..consensus import Consensus, build
from ..labels import CrowdLabels
from .acceleration import leap
from .dawid_skene import PRIOR_STRENGTH, class_log_prior
from .em import FLOOR, OnIteration, check_strength, clamp, run_em, softmax, vote_shares


@dataclass(frozen=True)
class Accuracies:
    """accuracy (J,), log_prior (K,) of the classes, and the log density of the prior at these parameters."""

    accuracy: NDArray[np.float64]
    log_prior: NDArray[np.float64]
    log_density: float


def one_coin(
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
    """Estimate the truth and one accuracy for each annotator, by EM (Zhang, Chen, Zhou & Jordan 2014, section 4).

    Model: P(j says g | truth t) = a[j] if g = t, else (1 - a[j]) / (K - 1). The accuracy has a Beta prior of
    `prior_strength` imagined labels with the crowd's mean agreement; 0 is the maximum-likelihood estimate.
    The objective is the log likelihood plus the log prior density; it never falls. With `accelerate` EM now and then leaps ahead
    (SQUAREM, see `leap`), never to a lower objective.
    """
    check_strength(prior_strength)
    n_classes, n = len(labels.classes), labels.labels_per_annotator
    shares = vote_shares(labels, gold)

    def right_labels(posterior: NDArray[np.float64]) -> NDArray[np.float64]:
        """(J,) expected number of right labels of each annotator."""
        right = posterior[labels.example, labels.label]
        return np.bincount(labels.annotator, weights=right, minlength=len(n)).astype(np.float64)

    crowd = right_labels(shares).sum() / len(labels)
    prior_right, prior_wrong = prior_strength * crowd + FLOOR, prior_strength * (1 - crowd) + FLOOR

    def m_step(posterior: NDArray[np.float64]) -> Accuracies:
        accuracy = (right_labels(posterior) + prior_right) / (n + prior_right + prior_wrong)
        return accuracies(accuracy, class_log_prior(posterior))

    def accuracies(accuracy: NDArray[np.float64], log_prior: NDArray[np.float64]) -> Accuracies:
        density = float((prior_right * np.log(accuracy) + prior_wrong * np.log1p(-accuracy)).sum())
        return Accuracies(accuracy, log_prior, density)

    def ahead(*path: Accuracies) -> Accuracies | None:
        guess = leap(*([np.stack([of.accuracy, 1 - of.accuracy]), np.exp(of.log_prior)] for of in path))
        return None if guess is None else accuracies(guess[0][0], np.log(guess[1]))

    def e_step(now: Accuracies) -> tuple[NDArray[np.float64], float]:
        log_wrong = np.log1p(-now.accuracy) - np.log(max(n_classes - 1, 1))  # for each single wrong class
        gain = (np.log(now.accuracy) - log_wrong)[labels.annotator]
        if n_classes == 1:
            gain = np.zeros_like(gain)
        log_joint = labels.weighted_votes(gain) + now.log_prior
        posterior, evidence = softmax(log_joint, gold)
        return posterior, evidence + float((n * log_wrong).sum()) + now.log_density

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
    accuracy = fit.parameters.accuracy
    return build(
        labels,
        fit.posterior,
        confusion=symmetric_confusion(accuracy, n_classes),
        trace=fit.trace,
        converged=fit.converged,
        annotator_scores={"accuracy": accuracy},
    )


def symmetric_confusion(accuracy: NDArray[np.float64], n_classes: int) -> NDArray[np.float64]:
    """confusion[j, true, given] of annotators who are right with one probability and err evenly."""
    wrong = (1 - accuracy) / max(n_classes - 1, 1)
    confusion = np.repeat(wrong[:, None, None], n_classes, axis=1).repeat(n_classes, axis=2)
    diagonal = np.arange(n_classes)
    confusion[:, diagonal, diagonal] = accuracy[:, None] if n_classes > 1 else 1.0
    return confusion
