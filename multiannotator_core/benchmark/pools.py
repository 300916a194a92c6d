"""What active learning can buy: examples with all labels that are to be had, and examples to test the model on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..labels import CrowdLabels
from ..learning import features_of
from ..samples import load_sample

# Examples of each class, as in the benchmark; the classes in the order of their names.
WALL_ROBOT_CLASSES = {"Move-Forward": 1100, "Sharp-Right-Turn": 900, "Slight-Left-Turn": 300, "Slight-Right-Turn": 700}
TEST_SHARE = 1 / 3
N_ANNOTATORS = 30
MOST_LABELS = 5  # of one example at the start; of one example at all, where nothing else is said
TRACE = 0.85  # of the noise matrix, divided by K: the mean chance of a right label over the classes
SECOND = 0.03  # chance that each further one of MOST_LABELS is kept at the start: 1.12 labels each on average, as published


@dataclass(frozen=True, eq=False)
class Pool:
    """N examples with all labels that can be bought, their true codes (N,) and features, and M examples to test the model.

    Attributes:
        start: (N,) how many labels each example has when it is labelled at the start; None: one.
        fresh: what is bought in a round comes under the name of one new annotator, as in the published benchmark; else each label
            comes under the name of who gave it.
    """

    name: str
    labels: CrowdLabels
    truth: NDArray[np.intp]
    features: NDArray[np.float64]
    test_truth: NDArray[np.intp]
    test_features: NDArray[np.float64]
    start: NDArray[np.intp] | None = None
    fresh: bool = False


def wall_robot_pool(table: pd.DataFrame, seed: int = 0, *, most: int = N_ANNOTATORS) -> Pool:
    """A pool from the wall-following robot data: 2,000 examples to label by 30 simulated annotators, and 1,000 to test.

    Args:
        table: the 4-feature file: columns of numbers, and `class`.
        seed: for the subset, the split, the noise matrix and the labels.
        most: labels of one example that can be had. All 30, as in the published benchmark, where a round is one new
            annotator and an example may be bought again and again; with fewer, labels keep their annotators.

    Raises:
        ValueError: a class is missing or has too few rows.
    """
    rng = np.random.default_rng(seed)
    rows, code = [], []
    for k, (name, n) in enumerate(WALL_ROBOT_CLASSES.items()):
        own = np.flatnonzero(table["class"].to_numpy() == name) if "class" in table else np.empty(0, dtype=np.intp)
        if len(own) < n:
            raise ValueError(f"The table needs {n:,} rows with {name!r} in its column 'class'; it has {len(own):,}.")
        rows.append(rng.choice(own, n, replace=False))
        code.append(np.full(n, k))
    order = rng.permutation(sum(WALL_ROBOT_CLASSES.values()))
    x = table.drop(columns="class").to_numpy(np.float64)[np.concatenate(rows)[order]]
    y = np.concatenate(code)[order]
    n_test = round(TEST_SHARE * len(y))
    labels = _simulated(rng, y[n_test:], list(WALL_ROBOT_CLASSES), most)
    start = 1 + rng.binomial(min(most, MOST_LABELS) - 1, SECOND, len(y) - n_test)
    return Pool("wall_robot", labels, y[n_test:], x[n_test:], y[:n_test], x[:n_test], start.astype(np.intp), most == N_ANNOTATORS)


def digits_pool(seed: int = 0) -> Pool:
    """A pool from the digits sample: two thirds of the images with the labels of its crowd, and the others to test."""
    sample = load_sample("digits")
    assert isinstance(sample.content, pd.DataFrame)
    order = np.random.default_rng(seed).permutation(len(sample.labels.examples))
    n_test = round(TEST_SHARE * len(order))
    train, test = (sample.labels.examples.take(np.sort(part)) for part in (order[n_test:], order[:n_test]))
    labels = sample.labels.select(examples=train)
    y, y_test = (labels.classes.get_indexer(sample.truth.loc[part]) for part in (labels.examples, test))
    x, x_test = (features_of(sample.content, ["image"], part).numbers for part in (labels.examples, test))
    return Pool("digits", labels, y, x, y_test, x_test)


def noise_matrix(rng: np.random.Generator, n_classes: int, trace: float = TRACE) -> NDArray[np.float64]:
    """(K, K) [true class, given class] with trace * K on the diagonal, in unequal parts, and the rest at random."""
    spread = min(trace, 1 - trace)
    right = rng.uniform(-spread, spread, n_classes)
    right = trace + (right - right.mean()) * 0.5
    noise = np.zeros((n_classes, n_classes))
    for t in range(n_classes):
        noise[t, np.arange(n_classes) != t] = (1 - right[t]) * rng.dirichlet(np.ones(n_classes - 1))
        noise[t, t] = right[t]
    return noise


def _simulated(rng: np.random.Generator, truth: NDArray[np.intp], classes: Sequence[str], most: int) -> CrowdLabels:
    """`most` labels of each example, by annotators who share one noise matrix."""
    n, k = len(truth), len(classes)
    noise = noise_matrix(rng, k)
    annotator = rng.permuted(np.tile(np.arange(N_ANNOTATORS), (n, 1)), axis=1)[:, :most].ravel()
    example = np.repeat(np.arange(n), most)
    label = (rng.random(len(example))[:, None] > np.cumsum(noise[truth[example]], axis=1)).sum(axis=1).clip(max=k - 1)
    names = (pd.RangeIndex(n, name="example"), pd.RangeIndex(N_ANNOTATORS, name="annotator"), pd.Index(classes, name="class"))
    return CrowdLabels(*names, example.astype(np.int32), annotator.astype(np.int32), label.astype(np.int32))
