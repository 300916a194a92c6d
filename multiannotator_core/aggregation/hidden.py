"""Labels that are hidden from a method, and how well it predicts them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ..consensus import Consensus
from ..labels import CrowdLabels
from .dawid_skene import confusion_of
from .ebcc import patterns
from .em import FLOOR

# Share of the labels that are hidden from the methods.
HIDDEN = 0.1


def hide(labels: CrowdLabels, rng: np.random.Generator) -> NDArray[np.bool_]:
    """(L,) True for a tenth of the labels, at least one; each example keeps a label. The same whatever the names."""
    of_example, of_annotator, of_class = patterns(labels)
    by_pattern = np.lexsort((of_class[labels.label], of_annotator[labels.annotator], of_example[labels.example]))
    draw, keep = np.empty(len(labels)), np.empty(len(labels))
    draw[by_pattern], keep[by_pattern] = rng.random((2, len(labels)))
    order = np.lexsort((keep, labels.example))
    kept = np.ones(len(labels), dtype=bool)
    kept[1:] = labels.example[order][1:] != labels.example[order][:-1]  # the first label of each example in this order
    free = order[~kept]
    hidden = np.zeros(len(labels), dtype=bool)
    hidden[free[np.argsort(draw[free], kind="stable")[: max(1, round(HIDDEN * len(labels)))]]] = True
    return hidden


def rows_of(labels: CrowdLabels, rows: NDArray[np.bool_]) -> CrowdLabels:
    """Some of the labels (L,), with the same examples, annotators and classes."""
    times = {name: None if (of := getattr(labels, name)) is None else of[rows] for name in ("timestamp", "seconds")}
    return replace(labels, example=labels.example[rows], annotator=labels.annotator[rows], label=labels.label[rows], **times)


def some_examples(labels: CrowdLabels, most: int, rng: np.random.Generator) -> NDArray[np.intp]:
    """Codes, ascending, of examples that are drawn at random until they have about `most` labels; all if there are no more."""
    if len(labels) <= most:
        return np.arange(len(labels.examples))
    drawn = rng.permutation(len(labels.examples))
    enough = int(np.searchsorted(np.cumsum(labels.labels_per_example[drawn]), most, side="right"))
    return np.sort(drawn[: max(1, enough)])


def with_examples(labels: CrowdLabels, chosen: NDArray[np.intp]) -> CrowdLabels:
    """The labels of some examples (codes, ascending), with the same annotators and classes."""
    if len(chosen) == len(labels.examples):
        return labels
    place = np.full(len(labels.examples), -1, dtype=np.int32)
    place[chosen] = np.arange(len(chosen), dtype=np.int32)
    rows = place[labels.example] >= 0
    example = place[labels.example[rows]]
    return CrowdLabels(labels.examples.take(chosen), labels.annotators, labels.classes, example, labels.annotator[rows], labels.label[rows])


def tempered(posterior: NDArray[np.float64], temperature: float) -> NDArray[np.float64]:
    """A posterior (..., K) to the power of 1 / temperature, rows scaled to sum to 1: above 1 it is less sure."""
    if temperature == 1.0:
        return posterior
    powers: NDArray[np.float64] = np.power(posterior, 1.0 / temperature)
    powers /= powers.sum(axis=-1, keepdims=True)
    return powers


def log_losses(hidden: CrowdLabels, seen: CrowdLabels, result: Consensus, temperatures: Sequence[float]) -> NDArray[np.float64]:
    """losses[temperature, hidden label] of a result for the labels that were seen.

    j's label g of example i has the probability sum over t of posterior[i, t] confusion[j, t, g], where the posterior is at a
    temperature, and the confusion is that of one M step of Dawid-Skene: the same way from a posterior to predictions for all methods.
    """
    confusion = confusion_of(seen, result.posterior)
    given = confusion[hidden.annotator, :, hidden.label]  # (L, K)
    posterior = result.posterior[hidden.example]
    predicted = [np.einsum("lt,lt->l", tempered(posterior, temperature), given) for temperature in temperatures]
    losses: NDArray[np.float64] = -np.log(np.maximum(np.array(predicted), FLOOR))
    return losses


def agreement_with_votes(labels: CrowdLabels, result: Consensus) -> float:
    """Share of the labelled examples whose consensus is the class with most labels; a tie counts as its share."""
    voted = labels.labels_per_example > 0
    most = (labels.votes >= labels.votes.max(axis=1, keepdims=True))[voted]
    right = most[np.arange(len(most)), result.label[voted]] / most.sum(axis=1)
    return float(right.mean())
