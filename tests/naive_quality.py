"""Slow, obviously right twins of the annotator metrics and the agreement coefficients, and small random crowds."""

from __future__ import annotations

from itertools import combinations, permutations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from multiannotator_core import CrowdLabels


def random_crowd(seed: int, repeats: bool = False) -> CrowdLabels:
    """A few examples, annotators and classes; about a third of the cells labelled; some pairs repeated if asked."""
    rng = np.random.default_rng(seed)
    n, j, k = (int(rng.integers(2, high)) for high in (12, 7, 5))
    example, annotator = np.nonzero(rng.random((n, j)) < rng.uniform(0.2, 1.0))
    if repeats and len(example):
        again = rng.integers(0, len(example), 5)
        example, annotator = np.append(example, example[again]), np.append(annotator, annotator[again])
    truth = rng.integers(0, k, n)
    label = np.where(rng.random(len(example)) < 0.6, truth[example], rng.integers(0, k, len(example)))
    names = [pd.Index([f"{letter}{i}" for i in range(size)]) for letter, size in (("e", n), ("a", j), ("c", k))]
    return CrowdLabels(*names, example, annotator, label)


def by_example(labels: CrowdLabels) -> list[dict[int, list[int]]]:
    """For each example: annotator -> the labels they gave it."""
    given: list[dict[int, list[int]]] = [{} for _ in labels.examples]
    for i, j, g in zip(labels.example.tolist(), labels.annotator.tolist(), labels.label.tolist(), strict=True):
        given[i].setdefault(j, []).append(g)
    return given


def weighted_labels(given: dict[int, list[int]]) -> list[tuple[int, int, float]]:
    """(annotator, label, weight): who labelled an example twice counts half with each label."""
    return [(j, g, 1 / len(own)) for j, own in given.items() for g in own]


def krippendorff_alpha(labels: CrowdLabels, level: str) -> float:
    """Krippendorff's alpha from all pairs of labels of different annotators, within examples and in the whole crowd."""
    units = [weighted_labels(given) for given in by_example(labels) if len(given) >= 2]
    share = np.zeros(len(labels.classes))
    for unit in units:
        for _, g, w in unit:
            share[g] += w

    def apart(g: int, h: int) -> float:
        if level == "nominal":
            return float(g != h)
        if level == "interval":
            return float((g - h) ** 2)
        low, high = min(g, h), max(g, h)
        return float((share[low : high + 1].sum() - (share[g] + share[h]) / 2) ** 2)

    if not units:
        return 0.0
    observed = 0.0
    for unit in units:
        m = len({j for j, _, _ in unit})
        for j, g, w in unit:
            for i, h, v in unit:
                observed += w * v * apart(g, h) / (m - 1) if i != j else 0.0
    everything = [(u, j, g, w) for u, unit in enumerate(units) for j, g, w in unit]
    expected = 0.0
    for u, j, g, w in everything:
        for t, i, h, v in everything:
            expected += w * v * apart(g, h) if (u, j) != (t, i) else 0.0
    expected /= share.sum() - 1
    return 1.0 if expected < 1e-12 else 1 - observed / expected


def agreement_and_shares(labels: CrowdLabels, weight: NDArray[np.float64]) -> tuple[list[float], NDArray[np.float64]]:
    """Weighted agreement of each example with two annotators, and the mean share of each class."""
    agreements, shares = [], []
    for given in by_example(labels):
        unit = weighted_labels(given)
        m = len(given)
        if m:
            shares.append([sum(w for _, g, w in unit if g == c) / m for c in range(len(labels.classes))])
        if m >= 2:
            total = sum(w * v * weight[g, h] for j, g, w in unit for i, h, v in unit if i != j)
            agreements.append(total / (m * (m - 1)))
    return agreements, np.mean(shares, axis=0)


def fleiss_kappa(labels: CrowdLabels) -> float:
    """Fleiss' kappa, a loop over pairs of labels."""
    agreements, share = agreement_and_shares(labels, np.eye(len(labels.classes)))
    if not agreements:
        return 0.0
    chance = sum(p * p for p in share)
    return 1.0 if chance > 1 - 1e-12 else (np.mean(agreements) - chance) / (1 - chance)


def gwet_ac2(labels: CrowdLabels, weight: NDArray[np.float64]) -> float:
    """Gwet's AC2, a loop over pairs of labels."""
    agreements, share = agreement_and_shares(labels, weight)
    k = len(share)
    if not agreements:
        return 0.0
    chance = weight.sum() * sum(p * (1 - p) for p in share) / (k * (k - 1))
    return 1.0 if chance > 1 - 1e-12 else (np.mean(agreements) - chance) / (1 - chance)


def pair_statistics(labels: CrowdLabels) -> dict[tuple[int, int], tuple[int, float, float, float]]:
    """(a, b) -> shared examples, agreement, Cohen's kappa, Scott's pi."""
    given, k = by_example(labels), len(labels.classes)
    result = {}
    for a, b in combinations(range(len(labels.annotators)), 2):
        shared = [unit for unit in given if a in unit and b in unit]
        if not shared:
            continue
        agreement = np.mean([np.mean([g == h for g in unit[a] for h in unit[b]]) for unit in shared])
        p, q = ([np.mean([np.mean([g == c for g in unit[j]]) for unit in shared]) for c in range(k)] for j in (a, b))
        cohen = sum(x * y for x, y in zip(p, q, strict=True))
        scott = sum(((x + y) / 2) ** 2 for x, y in zip(p, q, strict=True))
        kappa, pi = (1.0 if chance > 1 - 1e-12 else (agreement - chance) / (1 - chance) for chance in (cohen, scott))
        result[a, b] = (len(shared), float(agreement), float(kappa), float(pi))
    return result


def agreement_with_others(labels: CrowdLabels) -> list[tuple[int, float | None]]:
    """For each annotator: labels on examples with others, and the mean share of the others' labels that agree."""
    shares: list[list[float]] = [[] for _ in labels.annotators]
    for given in by_example(labels):
        for j, own in given.items():
            others = [h for i, theirs in given.items() if i != j for h in theirs]
            if others:
                shares[j] += [float(np.mean([g == h for h in others])) for g in own]
    return [(len(values), float(np.mean(values)) if values else None) for values in shares]


def raykar_yu(confusion: NDArray[np.float64], prior: NDArray[np.float64]) -> float:
    """The score of Raykar & Yu for one confusion (K, K), a loop over pairs of rows."""
    k = len(prior)
    total = sum(prior[c] * prior[d] * ((confusion[c] - confusion[d]) ** 2).sum() / 2 for c, d in permutations(range(k), 2))
    most = sum(prior[c] * prior[d] for c, d in permutations(range(k), 2))
    return total / most if most > 0 else 0.0
