"""Slow, obviously right twins of the metrics in evaluate.py: plain loops over plain lists."""

from __future__ import annotations

import math


def macro_f1(truth, label):
    """Mean F1 over all classes that are true or chosen."""
    scores = []
    for c in sorted(set(truth) | set(label)):
        hit = sum(t == c and p == c for t, p in zip(truth, label, strict=True))
        false_alarm = sum(t != c and p == c for t, p in zip(truth, label, strict=True))
        miss = sum(t == c and p != c for t, p in zip(truth, label, strict=True))
        scores.append(2 * hit / (2 * hit + false_alarm + miss))
    return sum(scores) / len(scores)


def accuracy_ties_split(truth, posterior):
    """Each example scores 1 / (number of tied classes) if the truth is among those at the top."""
    score = 0.0
    for t, row in zip(truth, posterior, strict=True):
        top = [k for k, p in enumerate(row) if math.isclose(p, max(row), abs_tol=1e-12)]
        score += (t in top) / len(top)
    return score / len(truth)


def log_loss(truth, posterior, floor):
    """Mean of -log of the chance of the true class; a class outside the table has none."""
    return sum(-math.log(max(row[t] if t < len(row) else 0.0, floor)) for t, row in zip(truth, posterior, strict=True)) / len(truth)


def ece(quality, correct, n_bins):
    """Mean gap of quality and accuracy over bins (b / n_bins, (b + 1) / n_bins], weighted by their size."""
    total = 0.0
    for b in range(n_bins):
        inside = [i for i, q in enumerate(quality) if b / n_bins < q <= (b + 1) / n_bins or (b == 0 and q == 0)]
        if inside:
            total += abs(sum(correct[i] for i in inside) - sum(quality[i] for i in inside))
    return total / len(quality)


def auroc(quality, correct):
    """Share of pairs (wrong, right) in which the wrong one has the lower quality; ties half."""
    wrong = [q for q, c in zip(quality, correct, strict=True) if not c]
    right = [q for q, c in zip(quality, correct, strict=True) if c]
    return sum((w < r) + 0.5 * (w == r) for w in wrong for r in right) / (len(wrong) * len(right))


def auprc(quality, correct):
    """Mean over the wrong examples of the share of wrong ones among all of no higher quality."""
    precisions = []
    for q, c in zip(quality, correct, strict=True):
        if not c:
            looked_at = [other for p, other in zip(quality, correct, strict=True) if p <= q]
            precisions.append(sum(not other for other in looked_at) / len(looked_at))
    return sum(precisions) / len(precisions)


def lift(quality, correct, size):
    """Errors among the `size` lowest, averaged over the orders of tied examples, against the error rate."""
    cut = sorted(quality)[size - 1]
    below = [c for q, c in zip(quality, correct, strict=True) if q < cut]
    at = [c for q, c in zip(quality, correct, strict=True) if q == cut]
    found = sum(not c for c in below) + (size - len(below)) * sum(not c for c in at) / len(at)
    return (found / size) / (sum(not c for c in correct) / len(correct))


def spearman(x, y):
    """Pearson correlation of mid-ranks."""

    def ranks(values):
        return [sum(v < u for v in values) + (sum(v == u for v in values) + 1) / 2 for u in values]

    a, b = ranks(x), ranks(y)
    ma, mb = sum(a) / len(a), sum(b) / len(b)
    above = sum((p - ma) * (q - mb) for p, q in zip(a, b, strict=True))
    return above / math.sqrt(sum((p - ma) ** 2 for p in a) * sum((q - mb) ** 2 for q in b))
