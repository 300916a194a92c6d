"""CROWDLAB and ActiveLab as slow loops over a wide table, written down from the definitions."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

Wide = Sequence[Sequence[int | None]]
Table = np.ndarray

CLIP = 1e-6


def majority(wide: Wide, model: Table | None, n_classes: int) -> list[int | None]:
    """Majority vote; ties by the model, then the rarer class. None where a tie stays open."""
    frequency = [sum(said == k for row in wide for said in row) for k in range(n_classes)]
    found: list[int | None] = []
    for i, row in enumerate(wide):
        counts = [sum(said == k for said in row) for k in range(n_classes)]
        tied = [k for k in range(n_classes) if counts[k] == max(counts)]
        if model is not None:
            tied = [k for k in tied if model[i][k] == max(model[i][c] for c in tied)]
        tied = [k for k in tied if frequency[k] == min(frequency[c] for c in tied)]
        found.append(tied[0] if len(tied) == 1 else None)
    return found


def agreement(wide: Wide) -> list[float]:
    """For each annotator the share of all other labels of the same examples that are equal, over all such pairs."""
    n_annotators = len(wide[0])
    found: list[float | None] = []
    for j in range(n_annotators):
        pairs = [row[j] == row[o] for row in wide for o in range(n_annotators) if o != j and row[j] is not None and row[o] is not None]
        found.append(sum(pairs) / len(pairs) if pairs else None)
    known = [a for a in found if a is not None]
    return [sum(known) / len(known) if a is None else a for a in found]


def blend(wide: Wide, models: Sequence[Table], consensus: Sequence[int], n_classes: int) -> tuple[Table, list[float], list[float]]:
    """Posterior (N, K), model weights and annotator weights; some example must have two labels."""
    given = [[said for said in row if said is not None] for row in wide]
    several = [i for i, row in enumerate(given) if len(row) > 1]
    likelihood = float(np.mean([np.mean([said == consensus[i] for said in given[i]]) for i in several]))
    most_frequent = max(range(n_classes), key=lambda k: sum(consensus[i] == k for i in several))
    guessing_error = max(float(np.mean([consensus[i] != most_frequent for i in several])), CLIP)
    of_annotator = [max(1 - (1 - a) / guessing_error, CLIP) for a in agreement(wide)]
    root = np.sqrt(np.mean([len(row) for row in given if row]))
    errors = [np.mean([int(np.argmax(model[i])) != consensus[i] for i in several]) for model in models]
    of_model = [max(1 - error / guessing_error, CLIP) * root for error in errors]
    other = (1 - likelihood) / (n_classes - 1) if n_classes > 1 else 0.0
    posterior = np.zeros((len(wide), n_classes))
    for i, row in enumerate(wide):
        for k in range(n_classes):
            terms = [(weight, model[i][k]) for weight, model in zip(of_model, models, strict=True)]
            terms += [(of_annotator[j], likelihood if said == k else other) for j, said in enumerate(row) if said is not None]
            posterior[i, k] = sum(w * p for w, p in terms) / sum(w for w, _ in terms)
    return posterior, of_model, of_annotator


def annotator_quality(
    wide: Wide, posterior: Table, consensus: Sequence[int], of_model: Sequence[float], weights: Sequence[float]
) -> list[float]:
    """Each annotator's mean label quality and agreement with the consensus, averaged by the model's share."""
    n_labels = [sum(said is not None for said in row) for row in wide]
    per_example = np.mean([n for n in n_labels if n])
    share = np.mean(of_model) / (np.mean(of_model) + np.mean(weights) * per_example)
    found = []
    for j in range(len(wide[0])):
        quality = np.mean([posterior[i, row[j]] for i, row in enumerate(wide) if row[j] is not None])
        agree = np.mean([row[j] == consensus[i] for i, row in enumerate(wide) if row[j] is not None and n_labels[i] > 1])
        found.append(float(share * quality + (1 - share) * agree))
    return found


def activelab(wide: Wide, quality: Sequence[float], of_model: Sequence[float], weights: Sequence[float], n_classes: int) -> list[float]:
    """Quality averaged, by weight, with the guess of an average annotator."""
    guess = float(np.mean(weights))
    found = []
    for row, q in zip(wide, quality, strict=True):
        support = sum(of_model) + sum(weights[j] for j, said in enumerate(row) if said is not None)
        found.append((q * support + guess / n_classes) / (support + guess))
    return found
