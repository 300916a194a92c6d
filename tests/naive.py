"""Slow, obviously right versions of the table and of Dawid-Skene's two steps."""

import math


def votes(labels):
    """votes[i][k]: how many rows say class k on example i."""
    counts = [[0] * len(labels.classes) for _ in labels.examples]
    for i, k in zip(labels.example, labels.label, strict=True):
        counts[i][k] += 1
    return counts


def dawid_skene(labels, prior_strength, iterations, floor=1e-10):
    """Posterior and log likelihood plus log prior after each iteration, by loops over rows."""
    n, j_all, k_all = len(labels.examples), len(labels.annotators), len(labels.classes)
    rows = list(zip(labels.example, labels.annotator, labels.label, strict=True))
    posterior = [[v / sum(row) for v in row] if sum(row) else [1 / k_all] * k_all for row in votes(labels)]
    pooled = [[floor] * k_all for _ in range(k_all)]  # pooled[t][g]
    for i, _, g in rows:
        for t in range(k_all):
            pooled[t][g] += posterior[i][t]
    pooled = [[value / sum(row) for value in row] for row in pooled]
    trace = []
    for _ in range(iterations):
        prevalence = [sum(posterior[i][t] for i in range(n)) / n + floor for t in range(k_all)]
        prevalence = [value / sum(prevalence) for value in prevalence]
        confusion = [[[prior_strength * pooled[t][g] + floor for g in range(k_all)] for t in range(k_all)] for _ in range(j_all)]
        for i, j, g in rows:
            for t in range(k_all):
                confusion[j][t][g] += posterior[i][t]
        confusion = [[[value / sum(row) for value in row] for row in matrix] for matrix in confusion]
        objective = sum(
            (prior_strength * pooled[t][g] + floor) * math.log(confusion[j][t][g])
            for j in range(j_all)
            for t in range(k_all)
            for g in range(k_all)
        )
        for i in range(n):
            joint = list(prevalence)
            for i2, j, g in rows:
                if i2 == i:
                    joint = [joint[t] * confusion[j][t][g] for t in range(k_all)]
            objective += math.log(sum(joint))
            posterior[i] = [value / sum(joint) for value in joint]
        trace.append(objective)
    return posterior, confusion, trace


def one_coin(labels, iterations, floor=1e-10):
    """Posterior of the maximum-likelihood one-coin model, by loops over rows."""
    n, j_all, k_all = len(labels.examples), len(labels.annotators), len(labels.classes)
    rows = list(zip(labels.example, labels.annotator, labels.label, strict=True))
    posterior = [[v / sum(row) for v in row] if sum(row) else [1 / k_all] * k_all for row in votes(labels)]
    for _ in range(iterations):
        right, given = [floor] * j_all, [2 * floor] * j_all
        for i, j, g in rows:
            right[j] += posterior[i][g]
            given[j] += 1
        prevalence = [sum(posterior[i][t] for i in range(n)) / n + floor for t in range(k_all)]
        prevalence = [value / sum(prevalence) for value in prevalence]
        for i in range(n):
            joint = list(prevalence)
            for i2, j, g in rows:
                if i2 == i:
                    accuracy = right[j] / given[j]
                    joint = [joint[t] * (accuracy if g == t else (1 - accuracy) / (k_all - 1)) for t in range(k_all)]
            posterior[i] = [value / sum(joint) for value in joint]
    return posterior
