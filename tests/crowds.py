"""Small crowds for tests, independent of the project's own simulator."""

import numpy as np
import pandas as pd


def crowd(n_examples=60, n_annotators=9, n_classes=3, labels_per_example=4, seed=0, accuracy=(0.5, 0.95)):
    """A long table task, worker, label of a one-coin crowd, and the truth."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, n_classes, n_examples)
    skill = rng.uniform(*accuracy, n_annotators)
    rows = []
    for i in range(n_examples):
        for j in rng.choice(n_annotators, labels_per_example, replace=False):
            right = n_classes == 1 or rng.random() < skill[j]
            given = truth[i] if right else (truth[i] + rng.integers(1, n_classes)) % n_classes
            rows.append((f"e{i}", f"a{j}", f"c{given}"))
    return pd.DataFrame(rows, columns=["task", "worker", "label"]), pd.Series(
        [f"c{t}" for t in truth], index=[f"e{i}" for i in range(n_examples)]
    )


def model_of(labels, truth, seed=0):
    """(N, K) probabilities of a model that is right more often than not."""
    rng = np.random.default_rng(seed)
    right = labels.classes.get_indexer(truth.reindex(labels.examples).fillna(truth.iloc[0]))
    logits = rng.normal(size=(len(labels.examples), len(labels.classes)))
    logits[np.arange(len(right)), right] += 2.0
    probs = np.exp(logits)
    return probs / probs.sum(axis=1, keepdims=True)
