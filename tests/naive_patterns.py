"""Slow, obviously right twins of the patterns: one annotator, one example and one class at a time."""

from __future__ import annotations

from math import exp, log

import numpy as np

from multiannotator_core import Consensus, CrowdLabels
from multiannotator_core.quality.uncertainty import confusion_posterior


def posterior_without(labels: CrowdLabels, result: Consensus, example: int, without: set[int]) -> list[float]:
    """The class of one example by the labels of all annotators but some."""
    found = confusion_posterior(labels, result)
    joint = []
    for t in range(len(labels.classes)):
        total = log(max(found.share[t], 1e-10))
        for i, j, g in zip(labels.example, labels.annotator, labels.label, strict=True):
            if i == example and j not in without:
                total += log(max(found.mean[j, t, g], 1e-10))
        joint.append(exp(total))
    return [value / sum(joint) for value in joint]


def shared_mistakes(labels: CrowdLabels, result: Consensus, a: int, b: int) -> tuple[int, int, float]:
    """Examples that two annotators share, the mistakes that they share, and how many are expected (before the crowd's factor)."""
    confusion = confusion_posterior(labels, result).mean
    k, n, same, expected = len(labels.classes), 0, 0, 0.0
    for i in range(len(labels.examples)):
        said = {j: int(labels.label[(labels.example == i) & (labels.annotator == j)][0]) for j in (a, b) if _labelled(labels, i, j)}
        if len(said) < 2:
            continue
        posterior = posterior_without(labels, result, i, {a, b})
        best = int(np.argmax(posterior))
        n += 1
        same += said[a] == said[b] != best
        expected += sum(posterior[t] * confusion[a, t, g] * confusion[b, t, g] for t in range(k) for g in range(k) if g != best)
    return n, same, expected


def expected_of_class(labels: CrowdLabels, result: Consensus, annotator: int, g: int) -> float:
    """How often a class is right among the examples of an annotator, by the others."""
    rows = np.flatnonzero(labels.annotator == annotator)
    return sum(posterior_without(labels, result, int(labels.example[row]), {annotator})[g] for row in rows)


def _labelled(labels: CrowdLabels, example: int, annotator: int) -> bool:
    return bool(((labels.example == example) & (labels.annotator == annotator)).any())
