"""Slow, obviously right twins of what the review desk computes."""

from __future__ import annotations

import math

import numpy as np

from multiannotator_core.consensus import Consensus
from multiannotator_core.labels import CrowdLabels


def expected_change(labels: CrowdLabels, result: Consensus, pseudocount: float = 1.0) -> list[float]:
    """One example, one class, one label at a time."""
    p = result.posterior
    given = list(zip(labels.example.tolist(), labels.annotator.tolist(), labels.label.tolist(), strict=True))
    classes = range(len(labels.classes))

    def count(j: int, t: int, g: int) -> float:
        return pseudocount + sum(p[i, t] for i, by, said in given if (by, said) == (j, g))

    def ripple(j: int, t: int, g: int) -> float:
        """What all posteriors move when annotator j gets one more count in the cell (t, g)."""
        total = sum(count(j, t, h) for h in classes)
        moved = 0.0
        for i, by, said in given:
            if by == j:
                evidence = 1 / count(j, t, g) - 1 / total if said == g else -1 / total
                moved += abs(evidence) * p[i, t] * (1 - p[i, t])
        return moved

    changes = []
    for i in range(len(labels.examples)):
        expected = 0.0
        for k in classes:
            moved = 1 - p[i, k]
            for t in classes:
                step = abs((1.0 if t == k else 0.0) - p[i, t])
                moved += sum(step * ripple(j, t, g) for at, j, g in given if at == i)
            expected += p[i, k] * moved
        changes.append(expected)
    return changes


def wrong_left(wrong: list[bool], chance: list[float], left: int) -> tuple[int, int, int]:
    """Every number of wrong labels from 0 to `left` is tried, one coin at a time."""
    z, best, kept = 1.959963984540054, (math.inf, 0), []
    for tried in range(left + 1):
        score = information = 0.0
        for t, (outcome, drawn) in enumerate(zip(wrong, chance, strict=True)):
            if not math.isnan(drawn):
                n = 1 / drawn
                p = min(max((tried + sum(wrong[t:])) / n, 0.5 / n), 1 - 0.5 / n)
                score += (outcome - p) / (n * p * (1 - p))
                information += 1 / (n * n * p * (1 - p))
        best = min(best, (abs(score), tried))
        if abs(score) <= z * math.sqrt(information):
            kept.append(tried)
    return best[1], min([*kept, best[1]]), max([*kept, best[1]])


def nearest(vectors: np.ndarray, example: int, most: int) -> list[int]:
    """Sort all others by distance."""
    others = [i for i in range(len(vectors)) if i != example]
    return sorted(others, key=lambda i: (float(((vectors[i] - vectors[example]) ** 2).sum()), i))[:most]
