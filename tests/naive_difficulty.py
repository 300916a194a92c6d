"""Slow, obviously right versions of the difficulty and spam methods, in plain loops, and the crowds to try them on."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
from scipy.special import digamma
from scipy.stats import dirichlet

from multiannotator_core import CrowdLabels


def random_crowd(seed, n_examples=12, n_annotators=5, n_classes=3, density=0.6):
    """A small crowd of mixed ability, its truth (N,), and gold codes (N,) for some examples; every class occurs in the class list."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(n_classes, size=n_examples)
    chance = rng.uniform(0.2, 0.95, size=n_annotators)
    example, annotator = np.nonzero(rng.random((n_examples, n_annotators)) < density)
    wrong = (truth[example] + 1 + rng.integers(max(n_classes - 1, 1), size=len(example))) % n_classes
    label = np.where(rng.random(len(example)) < chance[annotator], truth[example], wrong)
    gold = np.where(rng.random(n_examples) < 0.2, truth, -1).astype(np.int32)
    names = pd.RangeIndex(n_examples), pd.RangeIndex(n_annotators), pd.RangeIndex(n_classes)
    return CrowdLabels(*names, example, annotator, label), truth, gold


def rows(labels):
    """The labels as a list of (example, annotator, class)."""
    return list(zip(labels.example.tolist(), labels.annotator.tolist(), labels.label.tolist(), strict=True))


def normalise(log_joint, gold):
    """One row of a posterior and its log evidence, from log joint probabilities; gold is a class or -1."""
    if gold >= 0:
        return [1.0 if k == gold else 0.0 for k in range(len(log_joint))], log_joint[gold]
    highest = max(log_joint)
    total = sum(math.exp(v - highest) for v in log_joint)
    return [math.exp(v - highest) / total for v in log_joint], highest + math.log(total)


# ---------------------------------------------------------------------- GLAD


def log_sigmoid(x):
    """log(1 / (1 + exp(-x)))."""
    return -math.log1p(math.exp(-x)) if x > 0 else x - math.log1p(math.exp(x))


def glad_posterior(labels, gold, ability, log_beta, precision):
    """Posterior rows, and log likelihood plus log prior density, of GLAD at given parameters."""
    n_classes, posterior, objective = len(labels.classes), [], 0.0
    for i in range(len(labels.examples)):
        log_joint = [-math.log(n_classes)] * n_classes
        for example, j, given in rows(labels):
            if example == i:
                logit = ability[j] * math.exp(log_beta[i])
                for k in range(n_classes):
                    log_joint[k] += log_sigmoid(logit) if k == given else log_sigmoid(-logit) - math.log(max(n_classes - 1, 1))
        row, evidence = normalise(log_joint, gold[i])
        posterior.append(row)
        objective += evidence
    for value in [*ability, *log_beta]:
        objective += 0.5 * math.log(precision / (2 * math.pi)) - 0.5 * precision * (value - 1) ** 2
    return posterior, objective


def glad_newton(at, labels_of_it, precision, logit_of, slope_of):
    """One damped Newton step for one ability or one log beta; labels_of_it is a list of (chance that it is right, other)."""

    def objective(value):
        total = -0.5 * precision * (value - 1) ** 2
        for right, other in labels_of_it:
            logit = logit_of(value, other)
            total += right * log_sigmoid(logit) + (1 - right) * log_sigmoid(-logit)
        return total

    slope, curvature = -precision * (at - 1), precision
    for right, other in labels_of_it:
        chance = math.exp(log_sigmoid(logit_of(at, other)))
        slope += (right - chance) * slope_of(at, other)
        curvature += chance * (1 - chance) * slope_of(at, other) ** 2
    step = max(-2.0, min(2.0, slope / curvature))
    for _ in range(4):
        if objective(at + step) >= objective(at) - 1e-13 * abs(objective(at)):
            return at + step
        step /= 2
    return at


def glad(labels, gold, precision, n_iter):
    """GLAD by its equations: posterior, ability, log beta and the objective after each iteration."""
    ability, log_beta = [1.0] * len(labels.annotators), [1.0] * len(labels.examples)
    posterior, _ = glad_posterior(labels, gold, ability, log_beta, precision)
    trace = []
    for _ in range(n_iter):
        for j in range(len(ability)):
            mine = [(posterior[i][g], log_beta[i]) for i, who, g in rows(labels) if who == j]
            ability[j] = glad_newton(ability[j], mine, precision, lambda a, b: a * math.exp(b), lambda a, b: math.exp(b))
        for i in range(len(log_beta)):
            mine = [(posterior[i][g], ability[j]) for which, j, g in rows(labels) if which == i]
            log_beta[i] = glad_newton(log_beta[i], mine, precision, lambda b, a: a * math.exp(b), lambda b, a: a * math.exp(b))
        posterior, objective = glad_posterior(labels, gold, ability, log_beta, precision)
        trace.append(objective)
    return np.array(posterior), np.array(ability), np.array(log_beta), trace


# ---------------------------------------------------------------------- MACE


def mace_step(labels, gold, knows, guesses):
    """E step: posterior rows, log evidence, and how often j knew, and guessed each class. guesses[j][g] = P(guesses and says g)."""
    n_annotators, n_classes = len(labels.annotators), len(labels.classes)
    known, guessed = [0.0] * n_annotators, [[0.0] * n_classes for _ in range(n_annotators)]
    posterior, evidence = [], 0.0
    for i in range(len(labels.examples)):
        mine = [(j, g) for which, j, g in rows(labels) if which == i]
        log_joint = [-math.log(n_classes)] * n_classes
        for t in range(n_classes):
            for j, g in mine:
                log_joint[t] += math.log(guesses[j][g] + (knows[j] if g == t else 0.0))
        row, log_evidence = normalise(log_joint, gold[i])
        posterior.append(row)
        evidence += log_evidence
        for j, g in mine:
            for t in range(n_classes):
                knew = knows[j] / (knows[j] + guesses[j][g]) if g == t else 0.0
                known[j] += row[t] * knew
                guessed[j][g] += row[t] * (1 - knew)
    return posterior, evidence, known, guessed


def mace(labels, gold, trust, habit, variational, n_iter):
    """MACE by its equations from a start: posterior, trust, habit, and the objective after each iteration."""
    n_annotators, n_classes = habit.shape
    knows = trust.tolist()
    guesses = [[(1 - trust[j]) * habit[j][g] for g in range(n_classes)] for j in range(n_annotators)]
    trust, habit, trace = [0.0] * n_annotators, [[0.0] * n_classes for _ in range(n_annotators)], []
    posterior, _, known, guessed = mace_step(labels, gold, knows, guesses)
    for _ in range(n_iter):
        density = 0.0
        for j in range(n_annotators):
            total = sum(guessed[j])
            if variational:
                of_trust, of_habit = np.array([0.5 + known[j], 0.5 + total]), 10.0 + np.array(guessed[j])
                log_trust, log_habit = (digamma(c) - digamma(c.sum()) for c in (of_trust, of_habit))
                for counts, prior, mean_log in ((of_trust, 0.5, log_trust), (of_habit, 10.0, log_habit)):
                    if len(counts) > 1:  # with one class there is nothing to learn of a habit
                        density += dirichlet.entropy(counts) + dirichlet_mean_log_density(prior, mean_log)
                trust[j], habit[j] = of_trust[0] / of_trust.sum(), (of_habit / of_habit.sum()).tolist()
                knows[j], guesses[j] = math.exp(log_trust[0]), np.exp(log_trust[1] + log_habit).tolist()
            else:
                delta = 0.01 / n_classes
                trust[j] = (known[j] + delta) / (known[j] + total + 2 * delta)
                habit[j] = [(guessed[j][g] + delta) / (total + n_classes * delta) for g in range(n_classes)]
                knows[j], guesses[j] = trust[j], [(1 - trust[j]) * habit[j][g] for g in range(n_classes)]
                density += delta * (math.log(trust[j]) + math.log(1 - trust[j]) + sum(math.log(h) for h in habit[j]))
        posterior, evidence, known, guessed = mace_step(labels, gold, knows, guesses)
        trace.append(evidence + density)
    return np.array(posterior), np.array(trust), np.array(habit), trace


def dirichlet_mean_log_density(prior, mean_log):
    """Mean of the log density of a symmetric Dirichlet, where the mean logs of the probabilities are mean_log."""
    size = len(mean_log)
    return math.lgamma(size * prior) - size * math.lgamma(prior) + (prior - 1) * sum(mean_log)


# ---------------------------------------------------------------------- KOS


def parts(labels):
    """For each example and annotator, (kind, code) -> a number for its connected part, by flooding."""
    number = {}
    for _, j, _ in rows(labels):
        edge, n = [("annotator", j)], len(number)
        while edge:
            node = edge.pop()
            if node not in number:
                number[node] = n
                for i, k, _ in rows(labels):
                    if node in (("example", i), ("annotator", k)):
                        edge += [("example", i), ("annotator", k)]
    return number


def kos(labels, gold, y, prior_strength, n_iter):
    """KOS by its equations from first messages y: log odds of class 1 (N,), decisions (N,), accuracy (J,), cosines."""
    table, number = rows(labels), parts(labels)
    sign = [1.0 if g == 1 else -1.0 for _, _, g in table]
    cosines, y = [], list(y)
    for _ in range(n_iter):
        x = [0.0] * len(table)
        for a, (i, _, _) in enumerate(table):
            x[a] = sum(sign[b] * y[b] for b, (other, _, _) in enumerate(table) if other == i and b != a)
        size = math.sqrt(sum(v * v for v in x) / len(x))
        for a, (i, _, _) in enumerate(table):
            if gold[i] >= 0:
                x[a] = (1.0 if gold[i] == 1 else -1.0) * (size or 1.0)
        new = []
        for a, (_, j, _) in enumerate(table):
            others = [sign[b] * x[b] for b, (_, other, _) in enumerate(table) if other == j and b != a]
            new.append(sum(others) / max(len(others), 1))
        new = kos_scaled(table, number, new)
        lengths = math.sqrt(sum(v * v for v in new) * sum(v * v for v in y))
        cosines.append(sum(v * w for v, w in zip(new, y, strict=True)) / lengths if lengths else 1.0)
        y = new
    score = [sum(sign[a] * y[a] for a, (other, _, _) in enumerate(table) if other == i) for i in range(len(labels.examples))]
    return kos_calibrated(labels, gold, score, prior_strength), score, cosines


def kos_scaled(table, number, y):
    """Messages of mean square 1 in each connected part."""
    scale = {}
    for part in set(number.values()):
        squares = [v * v for v, (i, _, _) in zip(y, table, strict=True) if number["example", i] == part]
        scale[part] = math.sqrt(sum(squares) / len(squares)) or 1.0
    return [v / scale[number["example", i]] for v, (i, _, _) in zip(y, table, strict=True)]


def kos_calibrated(labels, gold, score, prior_strength):
    """Log odds of class 1 of each example (infinite for gold), and the accuracy of each annotator on the decisions."""
    table, ones = rows(labels), []
    for i, value in enumerate(score):
        votes = [g for other, _, g in table if other == i]
        share = sum(votes) / len(votes) if votes else 0.5
        ones.append(float(gold[i]) if gold[i] >= 0 else share if value == 0 else float(value > 0))
    right = [ones[i] if g == 1 else 1 - ones[i] for i, _, g in table]
    crowd, accuracy, odds = sum(right) / len(right), [], []
    for j in range(len(labels.annotators)):
        mine = [r for r, (_, who, _) in zip(right, table, strict=True) if who == j]
        accuracy.append(min(1 - 1e-10, max(1e-10, (sum(mine) + prior_strength * crowd) / (len(mine) + prior_strength))))
    for i, value in enumerate(score):
        total = sum((1 if g == 1 else -1) * math.log(accuracy[j] / (1 - accuracy[j])) for other, j, g in table if other == i)
        odds.append(math.inf * (2 * gold[i] - 1) if gold[i] >= 0 else total if value == 0 else math.copysign(abs(total), value))
    return odds, accuracy


# ---------------------------------------------------------------------- M-MSR


def mmsr_skills(labels, gold, n_iter):
    """Skills (J,) before their bounds, and minus the mean squared misfit after each iteration, by dense loops."""
    n_classes, size = len(labels.classes), len(labels.annotators)
    table = rows(labels)
    if gold is not None:
        table += [(i, size, int(g)) for i, g in enumerate(gold) if g >= 0]
        size += 1
    common, agreed = np.zeros((size, size)), np.zeros((size, size))
    for i, j, g in table:
        for other, k, h in table:
            if i == other and j != k:
                common[j, k] += 1
                agreed[j, k] += g == h
    with np.errstate(invalid="ignore"):
        c = np.where(common > 0, (n_classes * agreed / common - 1) / max(n_classes - 1, 1), 0.0)
    total = common.sum()
    typical = math.sqrt(max((common * c).sum() / total if total else 0.0, 0.01))
    skill = [typical if not n.sum() else min(1.0, max(-1.0, (n * row).sum() / n.sum() / typical)) for n, row in zip(common, c, strict=True)]
    left = right = np.array(skill)
    trace = []
    for _ in range(n_iter):
        right = np.array([mmsr_mean(common[j], c[j], left, right[j], n_classes) for j in range(size)])
        left = np.array([mmsr_mean(common[j], c[j], right, left[j], n_classes) for j in range(size)])
        a, b = math.sqrt((left**2).sum()), math.sqrt((right**2).sum())
        if a and b:
            left, right = left / math.sqrt(a / b), right * math.sqrt(a / b)
        trace.append(-(common * (c - np.outer(left, right)) ** 2).sum() / max(total, 1))
    return ((left + right) / 2)[: len(labels.annotators)], trace


def mmsr_mean(common, c, skill, before, n_classes):
    """One skill from those of the others: least squares, where pairs count less the more standard errors they are off."""
    top = bottom = 0.0
    for n, agreement, other in zip(common, c, skill, strict=True):
        if n > 0:
            chance = min(0.98, max(0.02, (1 + (n_classes - 1) * before * other) / n_classes))
            error = n_classes / max(n_classes - 1, 1) * math.sqrt(chance * (1 - chance) / n)
            off = abs(agreement - before * other) / error
            weight = n * (1.0 if off <= 1.345 else 1.345 / off)
            top += weight * other * agreement
            bottom += weight * other**2
    return top / bottom if bottom > 0 else before
