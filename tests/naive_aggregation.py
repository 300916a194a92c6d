"""Slow, obviously right versions of the voting, confusion and Bayesian methods: plain loops over (example, annotator, class)."""

import math

import numpy as np
from scipy.special import digamma, gammaln

TINY = 1e-10


def triples(labels):
    """The labels as a list of (example, annotator, class) codes."""
    return list(zip(labels.example.tolist(), labels.annotator.tolist(), labels.label.tolist(), strict=True))


def sizes(labels):
    return len(labels.examples), len(labels.annotators), len(labels.classes)


def clamp(rows, gold):
    if gold is not None:
        for i, k in enumerate(gold):
            if k >= 0:
                rows[i] = [1.0 if c == k else 0.0 for c in range(len(rows[i]))]
    return rows


def weighted_sums(labels, weight):
    n, _, k = sizes(labels)
    sums = [[0.0] * k for _ in range(n)]
    for i, j, g in triples(labels):
        sums[i][g] += weight[j]
    return sums


def shares(labels, weight=None, gold=None):
    """Weighted shares; plain shares where all weigh nothing; even where nobody labelled."""
    n, j, k = sizes(labels)
    plain = weighted_sums(labels, [1.0] * j)
    votes = plain if weight is None else weighted_sums(labels, weight)
    rows = []
    for i in range(n):
        row = votes[i] if sum(votes[i]) > 0 else plain[i]
        rows.append([v / sum(row) for v in row] if sum(row) > 0 else [1 / k] * k)
    return clamp(rows, gold)


def winners(rows):
    result = []
    for row in rows:
        tied = [v >= max(row) - 1e-9 for v in row]
        result.append([t / sum(tied) for t in tied])
    return result


def agreement(labels, rows):
    """Share of each annotator's labels that agree with rows; the crowd's for annotators without labels."""
    _, n_annotators, _ = sizes(labels)
    values = [[rows[i][g] for i, j, g in triples(labels) if j == a] for a in range(n_annotators)]
    crowd = np.mean([v for of in values for v in of])
    return [float(np.mean(of)) if of else float(crowd) for of in values]


def softmax(row, gold=-1):
    """The posterior of one example from log joint probabilities, and its evidence."""
    if gold >= 0:
        return [1.0 if k == gold else 0.0 for k in range(len(row))], row[gold]
    top = max(row)
    total = sum(math.exp(v - top) for v in row)
    return [math.exp(v - top) / total for v in row], top + math.log(total)


# ---------------------------------------------------------------------- voting


def two_thirds(labels, gold=None):
    rows = shares(labels, gold=gold)
    return rows, [
        max(row) < 2 / 3 - 1e-9 or (n == 0 and (gold is None or gold[i] < 0))
        for i, (row, n) in enumerate(zip(rows, labels.labels_per_example, strict=True))
    ]


def wawa(labels, gold=None):
    return shares(labels, agreement(labels, winners(shares(labels, gold=gold))), gold)


def zero_based_skill(labels, gold=None, learning_rate=1.0, max_iter=5):
    skill = [1 / sizes(labels)[2]] * sizes(labels)[1]
    chosen = winners(shares(labels, gold=gold))
    for step in range(1, max_iter + 1):
        rate = learning_rate * 0.5 ** (step // 20)
        skill = [s + rate * (a - s) for s, a in zip(skill, agreement(labels, chosen), strict=True)]
        chosen = clamp(winners(shares(labels, skill)), gold)
    return shares(labels, skill, gold)


def iwmv(labels, gold=None, max_iter=5):
    k = sizes(labels)[2]
    chosen = winners(shares(labels, gold=gold))
    for _ in range(max_iter):
        weight = [k * a - 1 for a in agreement(labels, chosen)]
        chosen = clamp(winners(weighted_sums(labels, weight)), gold)
    scaled = [[v * k / max(k - 1, 1) for v in row] for row in weighted_sums(labels, weight)]
    return clamp([softmax(row)[0] for row in scaled], gold)


def gold_majority_vote(labels, gold, prior_strength=1.0):
    judged = [(j, g == gold[i]) for i, j, g in triples(labels) if gold[i] >= 0]
    crowd = sum(right for _, right in judged) / len(judged)
    skill = []
    for a in range(sizes(labels)[1]):
        of = [right for j, right in judged if j == a]
        total = len(of) + prior_strength
        skill.append((sum(of) + prior_strength * crowd) / total if total else crowd)
    return shares(labels, skill, gold)


def plantnet(labels, gold=None, max_iter=5, alpha=0.5, beta=0.2, min_confidence=2.0, min_accuracy=0.7):
    weight = [math.log(2.1)] * sizes(labels)[1]
    for step in range(max_iter + 1):
        rows, sums = shares(labels, weight), weighted_sums(labels, weight)
        valid = [max(s) > min_confidence + 1e-9 and max(r) > min_accuracy + 1e-9 for s, r in zip(sums, rows, strict=True)]
        if gold is not None:
            valid = [v or g >= 0 for v, g in zip(valid, gold, strict=True)]
            rows = clamp(rows, gold)
        if step == max_iter:
            return rows, [not v for v in valid]
        found = [
            {g for i, j, g in triples(labels) if j == a and valid[i] and rows[i][g] >= max(rows[i]) - 1e-9} for a in range(len(weight))
        ]
        weight = [len(f) ** alpha - len(f) ** beta + math.log(2.1) for f in found]
    return None


# ---------------------------------------------------------------------- confusion


def counts_of(labels, rows):
    """counts[j][t][g], nested lists as an array."""
    _, n_annotators, k = sizes(labels)
    counts = np.zeros((n_annotators, k, k))
    for i, j, g in triples(labels):
        for t in range(k):
            counts[j, t, g] += rows[i][t]
    return counts


def crowd_prior(labels, rows, strength):
    """prior[t][g]: the crowd's labels under a start, scaled to `strength` a row."""
    pooled = counts_of(labels, rows).sum(axis=0) + TINY
    return strength * pooled / pooled.sum(axis=1, keepdims=True) + TINY


def log_share(rows):
    share = np.mean(rows, axis=0) + TINY
    return np.log(share / share.sum())


def dawid_skene_m(labels, rows, prior):
    counts = counts_of(labels, rows) + prior
    return np.log(counts / counts.sum(axis=2, keepdims=True)), log_share(rows)


def dawid_skene_e(labels, log_confusion, log_prior, gold=None):
    n, _, _ = sizes(labels)
    rows, evidence = [], 0.0
    for i in range(n):
        joint = np.array(log_prior, dtype=float)
        for e, j, g in triples(labels):
            if e == i:
                joint = joint + log_confusion[j, :, g]
        row, value = softmax(joint.tolist(), -1 if gold is None else gold[i])
        rows.append(row)
        evidence += value
    return rows, evidence


def dawid_skene(labels, gold=None, prior_strength=5.0, max_iter=5):
    rows = shares(labels, gold=gold)
    prior = crowd_prior(labels, rows, prior_strength)
    for _ in range(max_iter):
        log_confusion, log_prior = dawid_skene_m(labels, rows, prior)
        rows, _ = dawid_skene_e(labels, log_confusion, log_prior, gold)
    return rows, np.exp(log_confusion)


def fast_dawid_skene(labels, gold=None, prior_strength=5.0, max_iter=5, hybrid=False):
    """The posterior, and the objective of each iteration."""
    rows = shares(labels, gold=gold)
    rows = rows if hybrid else winners(rows)
    prior = crowd_prior(labels, rows, prior_strength)
    trace, soft, before = [], hybrid, None
    for _ in range(max_iter):
        log_confusion, log_prior = dawid_skene_m(labels, rows, prior)
        rows, evidence = dawid_skene_e(labels, log_confusion, log_prior, gold)
        density = (prior * log_confusion).sum()
        trace.append(evidence + density if soft else evidence + density + sum(math.log(max(row)) for row in rows))
        last = rows
        if not soft:
            rows = winners(rows)
        if soft and before is not None and np.abs(np.exp(log_prior) - np.exp(before)).sum() < 0.005:
            soft = False
        before = log_prior
    return last, trace


def weighted_dawid_skene(labels, gold=None, prior_strength=5.0, max_iter=5):
    n, _, k = sizes(labels)
    _, confusion = dawid_skene(labels, gold, prior_strength, max_iter)
    votes = [[0.0] * k for _ in range(n)]
    for i, j, g in triples(labels):
        votes[i][g] += confusion[j, g, g]
    return clamp([[v / sum(row) for v in row] if sum(row) else [1 / k] * k for row in votes], gold)


def dawid_skene_clusters(labels, member, gold=None, prior_strength=5.0, max_iter=5):
    """From starting memberships (J, C): the posterior and the lower bound of each iteration."""
    n, n_annotators, k = sizes(labels)
    rows = shares(labels, gold=gold)
    prior = crowd_prior(labels, rows, prior_strength)
    active = labels.labels_per_annotator > 0
    trace = []
    for _ in range(max_iter):
        counts = counts_of(labels, rows)
        cluster_rows = np.array([sum(member[j, c] * counts[j] for j in range(n_annotators)) + prior for c in range(member.shape[1])])
        log_rows = np.log(cluster_rows / cluster_rows.sum(axis=2, keepdims=True))
        log_size, log_prior = log_share(member[active]), log_share(rows)
        member = np.array(
            [
                softmax([float((counts[j] * log_rows[c]).sum() + log_size[c]) for c in range(member.shape[1])])[0]
                for j in range(n_annotators)
            ]
        )
        log_confusion = np.array([sum(member[j, c] * log_rows[c] for c in range(member.shape[1])) for j in range(n_annotators)])
        rows, _ = dawid_skene_e(labels, log_confusion, log_prior, gold)
        bound = sum(rows[i][t] * log_confusion[j, t, g] for i, j, g in triples(labels) for t in range(k))
        bound += sum(
            rows[i][t] * (log_prior[t] - (math.log(rows[i][t]) if rows[i][t] else 0)) for i in range(n) for t in range(k) if rows[i][t]
        )
        bound += sum(m * (log_size[c] - math.log(m)) for j in range(n_annotators) if active[j] for c, m in enumerate(member[j]) if m)
        trace.append(bound + sum((prior * log_rows[c]).sum() for c in range(member.shape[1])))
    return rows, trace


# ---------------------------------------------------------------------- Bayesian


def dirichlet_divergence(a, b):
    """KL(Dirichlet(a) || Dirichlet(b)) of two vectors."""
    a, b = np.asarray(a), np.asarray(b)
    return gammaln(a.sum()) - gammaln(b.sum()) - sum(gammaln(a) - gammaln(b)) + sum((a - b) * (digamma(a) - digamma(a.sum())))


def ibcc(labels, gold=None, prior_right=4.0, prior_wrong=1.0, max_iter=5):
    """The posterior, and the lower bound of each iteration."""
    _, n_annotators, k = sizes(labels)
    prior = np.where(np.eye(k, dtype=bool), prior_right, prior_wrong)
    rows, trace = shares(labels, gold=gold), []
    for _ in range(max_iter):
        beliefs = counts_of(labels, rows) + prior
        class_beliefs = np.sum(rows, axis=0) + 1
        log_confusion = digamma(beliefs) - digamma(beliefs.sum(axis=2, keepdims=True))
        rows, evidence = dawid_skene_e(labels, log_confusion, digamma(class_beliefs) - digamma(class_beliefs.sum()), gold)
        gap = dirichlet_divergence(class_beliefs, np.ones(k))
        gap += sum(dirichlet_divergence(beliefs[j, t], prior[t]) for j in range(n_annotators) for t in range(k))
        trace.append(evidence - gap)
    return rows, trace


def ebcc(labels, start, n_subtypes, gold=None, prior_right=4.0, prior_wrong=1.0, max_iter=5):
    """From a start (N, K, M): the posterior of the classes, and the lower bound of each iteration."""
    n, n_annotators, k = sizes(labels)
    q, trace = np.array(start), []
    row_prior = np.where(np.eye(k, dtype=bool), prior_right, prior_wrong)
    size_prior = np.full(n_subtypes, 0.1 / n_subtypes)
    share_prior = np.sum(shares(labels, gold=gold), axis=0) + 0.1
    for _ in range(max_iter):
        beliefs = np.zeros((n_annotators, k, n_subtypes, k)) + row_prior[None, :, None, :]
        for i, j, g in triples(labels):
            beliefs[j, :, :, g] += q[i]
        size_beliefs, share_beliefs = q.sum(axis=0) + size_prior, q.sum(axis=(0, 2)) + share_prior
        log_rows = digamma(beliefs) - digamma(beliefs.sum(axis=3, keepdims=True))
        log_size = digamma(size_beliefs) - digamma(size_beliefs.sum(axis=1, keepdims=True))
        log_class = digamma(share_beliefs) - digamma(share_beliefs.sum())
        bound, q = 0.0, np.zeros((n, k, n_subtypes))
        for i in range(n):
            joint = (
                log_size
                + log_class[:, None]
                + sum((log_rows[j, :, :, g] for e, j, g in triples(labels) if e == i), np.zeros((k, n_subtypes)))
            )
            open_classes = range(k) if gold is None or gold[i] < 0 else [gold[i]]
            row, evidence = softmax([joint[t, m] for t in open_classes for m in range(n_subtypes)])
            for position, value in enumerate(row):
                q[i, open_classes[position // n_subtypes], position % n_subtypes] = value
            bound += evidence
        bound -= dirichlet_divergence(share_beliefs, share_prior)
        bound -= sum(dirichlet_divergence(size_beliefs[t], size_prior) for t in range(k))
        bound -= sum(
            dirichlet_divergence(beliefs[j, t, m], row_prior[t]) for j in range(n_annotators) for t in range(k) for m in range(n_subtypes)
        )
        trace.append(bound)
    return q.sum(axis=2), trace


def bwa(labels, gold=None, prior_strength=15.0, max_iter=5):
    """One class at a time, as in the paper."""
    n, n_annotators, k = sizes(labels)
    columns = []
    for c in range(k):
        z = [row[c] for row in shares(labels, gold=gold)]
        variance = sum(z[i] * (1 - z[i]) for i, _, _ in triples(labels)) / len(labels) * 4 * (1 - 1 / k)
        b = prior_strength * max(variance, 1e-6)
        for _ in range(max_iter):
            mean = sum(z) / n
            v = []
            for a in range(n_annotators):
                of = [(z[i] - (g == c)) ** 2 for i, j, g in triples(labels) if j == a]
                v.append((prior_strength + len(of)) / (b + sum(of)))
            for i in range(n):
                of = [(v[j], g == c) for e, j, g in triples(labels) if e == i]
                z[i] = (mean + sum(w * x for w, x in of)) / (1 + sum(w for w, _ in of))
                if gold is not None and gold[i] >= 0:
                    z[i] = float(gold[i] == c)
        columns.append(z)
    rows = list(zip(*columns, strict=True))
    return [[v / sum(row) for v in row] for row in rows]


def log_loss(hidden, posterior, confusion):
    """Mean log loss of hidden (example, annotator, class) labels."""
    losses = []
    for i, j, g in hidden:
        losses.append(-math.log(max(sum(posterior[i][t] * confusion[j][t][g] for t in range(len(posterior[i]))), TINY)))
    return sum(losses) / len(losses)
