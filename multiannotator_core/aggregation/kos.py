"""KOS: messages between examples and annotators, for two classes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse.csgraph import connected_components
from scipy.special import expit

from ..consensus import Consensus, break_ties, build
from ..labels import CrowdLabels
from .dawid_skene import PRIOR_STRENGTH
from .em import FLOOR, OnIteration, check_iterations, check_strength, clamp, vote_shares
from .one_coin import symmetric_confusion

Floats = NDArray[np.float64]


def kos(
    labels: CrowdLabels,
    *,
    gold: NDArray[np.int32] | None = None,
    on_iteration: OnIteration | None = None,
    seed: int = 0,
    prior_strength: float = PRIOR_STRENGTH,
    max_iter: int = 100,
    tol: float = 1e-6,
) -> Consensus:
    """Decide between two classes by messages along the labels (Karger, Oh & Shah 2011, algorithm 1).

    Write +1 and -1 for the classes. Along each label run x (from example to annotator: the sum of the other annotators'
    signed messages) and y (from annotator to example: the mean agreement on the annotator's other examples), starting
    from y ~ N(1, 1); the decision is the sign of the sum of signed y. The paper takes a sum for y as well: the same up to
    scale for its crowds, in which all annotators label equally many examples, but in others the busiest alone decide.
    After each iteration messages are scaled to mean square 1 in each connected part of the crowd. Examples with gold send
    it. In crowds of a few contradictory annotators messages can circle for ever: then `converged` is False.

    KOS knows signs only. For probabilities, each annotator's accuracy is measured on the decisions (as in `one_coin`) and
    the example's log odds are those of its labels at these accuracies, with the sign of the decision. Where no message
    arrives (all its annotators gave one label), the labels' log odds decide.

    Args:
        seed: draws the first messages, in the order of the labels: other names are another draw.
        prior_strength: imagined labels with the crowd's accuracy, for the measured accuracies.
        max_iter, tol: iterations; stops when the cosine of the angle between successive messages is above 1 - tol.
            `trace` holds these cosines.
    """
    check_strength(prior_strength)
    check_iterations(max_iter, tol)
    messages = _Messages(labels, gold)
    y = np.random.default_rng(seed).normal(1.0, 1.0, len(labels))
    trace: list[float] = []
    converged = False
    while len(trace) < max_iter and not converged:
        y, cosine = messages.next(y)
        trace.append(cosine)
        if on_iteration is not None:
            on_iteration(len(trace), cosine)
        converged = tol > 0 and cosine > 1 - tol
    score = messages.to_example(y)
    accuracy = _accuracy(labels, _decisions(labels, score, gold), prior_strength)
    posterior, label = _calibrated(labels, score, accuracy, gold)
    n = labels.labels_per_annotator
    return build(
        labels,
        posterior,
        label=label,
        confusion=symmetric_confusion(accuracy, 2),
        annotator_scores={
            "reliability": np.bincount(labels.annotator, weights=y, minlength=len(n)) / np.maximum(n, 1),
            "accuracy": accuracy,
        },
        trace=tuple(trace),
        converged=converged,
    )


class _Messages:
    """One number a label in each direction, on the graph of examples and annotators."""

    def __init__(self, labels: CrowdLabels, gold: NDArray[np.int32] | None) -> None:
        self.example, self.annotator = labels.example.astype(np.intp), labels.annotator.astype(np.intp)
        self.sign = np.where(labels.label == 1, 1.0, -1.0)
        self.size = len(labels.examples), len(labels.annotators)
        self.others = np.maximum(labels.labels_per_annotator - 1, 1)[self.annotator]  # (L,) further labels of the annotator
        of_label = np.full(len(labels), -1) if gold is None else gold[self.example]
        self.of_gold, self.gold_sign = np.flatnonzero(of_label >= 0), np.where(of_label[of_label >= 0] == 1, 1.0, -1.0)
        n_nodes = sum(self.size)
        ends = (np.ones(len(labels)), (self.example, self.size[0] + self.annotator))
        self.part = connected_components(sparse.coo_array(ends, shape=(n_nodes, n_nodes)).tocsr(), directed=False)[1][self.example]

    def next(self, y: Floats) -> tuple[Floats, float]:
        """The annotators' messages after one round, scaled, and the cosine of the angle between them and the last ones."""
        signed = self.sign * y
        x = self.to_example(y)[self.example] - signed
        x[self.of_gold] = self.gold_sign * (np.sqrt(np.mean(x**2)) or 1.0)
        agreement = self.sign * x
        total = np.bincount(self.annotator, weights=agreement, minlength=self.size[1])
        new = (total[self.annotator] - agreement) / self.others
        new = self._scaled(new)
        lengths = float(np.linalg.norm(new) * np.linalg.norm(y))
        return new, float(new @ y) / lengths if lengths > 0 else 1.0

    def _scaled(self, y: Floats) -> Floats:
        """Messages of mean square 1 in each connected part."""
        squares = np.bincount(self.part, weights=y**2) / np.maximum(np.bincount(self.part), 1)
        scaled: Floats = y / np.sqrt(np.where(squares > 0, squares, 1.0))[self.part]
        return scaled

    def to_example(self, y: Floats) -> Floats:
        """(N,) sum of the signed messages of all annotators of each example."""
        return np.bincount(self.example, weights=self.sign * y, minlength=self.size[0]).astype(np.float64, copy=False)


def _decisions(labels: CrowdLabels, score: Floats, gold: NDArray[np.int32] | None) -> Floats:
    """(N, 2) the decided class, for certain; the shares of the votes where no message arrived."""
    decided = np.column_stack([score < 0, score > 0]).astype(np.float64)
    return clamp(np.where((score == 0)[:, None], vote_shares(labels), decided), gold)


def _accuracy(labels: CrowdLabels, decisions: Floats, prior_strength: float) -> Floats:
    """(J,) share of labels that agree with the decisions, drawn towards that of the crowd."""
    right = decisions[labels.example, labels.label]
    n, strength = labels.labels_per_annotator, max(prior_strength, FLOOR)
    total = np.bincount(labels.annotator, weights=right, minlength=len(n))
    accuracy: Floats = np.clip((total + strength * right.mean()) / (n + strength), FLOOR, 1 - FLOOR)
    return accuracy


def _calibrated(labels: CrowdLabels, score: Floats, accuracy: Floats, gold: NDArray[np.int32] | None) -> tuple[Floats, NDArray[np.int32]]:
    """Posterior (N, 2) and label (N,): the sign of the score with the weight of the labels."""
    of_votes = labels.weighted_votes((np.log(accuracy) - np.log1p(-accuracy))[labels.annotator])
    log_odds = of_votes[:, 1] - of_votes[:, 0]
    log_odds = np.where(score == 0, log_odds, np.sign(score) * np.abs(log_odds))
    posterior = clamp(np.column_stack([expit(-log_odds), expit(log_odds)]), gold)
    posterior /= posterior.sum(axis=1, keepdims=True)
    label = np.where(score == 0, break_ties(posterior, labels.labels_per_class), score > 0)
    return posterior, (label if gold is None else np.where(gold >= 0, gold, label)).astype(np.int32)
