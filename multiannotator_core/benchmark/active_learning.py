"""Which examples to label next: acquisition methods in the loop of the ActiveLab benchmark (Goh & Mueller 2023).

A pool holds all labels that can be bought. Each round trains a model on the consensus of the labels bought so far, scores the
examples, and buys one more label for each of the lowest. The published run of ActiveLab weighs all examples by the labels of one
and the same example; here each has its own weight, as in the paper.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..active import ACQUISITION_METHODS, active_learning_scores
from ..aggregation.crowdlab import crowdlab, majority_label
from ..labels import CrowdLabels
from ..learning import cross_validated, features_of, predicted
from ..samples import load_sample

# Examples of each class, as in the benchmark; the classes in the order of their names.
WALL_ROBOT_CLASSES = {"Move-Forward": 1100, "Sharp-Right-Turn": 900, "Slight-Left-Turn": 300, "Slight-Right-Turn": 700}
TEST_SHARE = 1 / 3
N_ANNOTATORS = 30
TRACE = 0.85  # of the noise matrix, divided by K: the mean chance of a right label over the classes
MOST_LABELS = 5  # of one example

METHODS = ("activelab", "random", "good_random", "entropy", "uncertainty", "active_label_cleaning")
CONSENSUS = ("published", "majority_vote", "crowdlab")


@dataclass(frozen=True, eq=False)
class Pool:
    """N examples with all labels that can be bought, their true codes (N,) and features, and M examples to test the model."""

    name: str
    labels: CrowdLabels
    truth: NDArray[np.intp]
    features: NDArray[np.float64]
    test_truth: NDArray[np.intp]
    test_features: NDArray[np.float64]


def wall_robot_pool(table: pd.DataFrame, seed: int = 0) -> Pool:
    """A pool from the wall-following robot data: 2,000 examples to label, each by 5 of 30 simulated annotators, and 1,000 to test.

    Args:
        table: the 4-feature file: columns of numbers, and `class`.
        seed: for the subset, the split, the noise matrix and the labels.

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
    labels = _simulated(rng, y[n_test:], list(WALL_ROBOT_CLASSES))
    return Pool("wall_robot", labels, y[n_test:], x[n_test:], y[:n_test], x[:n_test])


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


def active_learning(
    pool: Callable[[int], Pool],
    *,
    methods: Sequence[str] = METHODS,
    consensus: str = "published",
    n_start: int | None = None,
    runs: int = 5,
    rounds: int = 20,
    batch: int = 100,
    classifier: str = "extra_trees",
    on_progress: Callable[[int, int], object] | None = None,
) -> pd.DataFrame:
    """Accuracy of consensus and model after each round, one row for each (method, run, round).

    Args:
        pool: seed -> the pool of a run; all methods of a run get the same pool and the same first labels.
        methods: keys of ACQUISITION_METHODS.
        consensus: "majority_vote" (ties by the model) or "crowdlab" (with calibrated probabilities) for all methods; or, as in the
            published benchmark, CROWDLAB for ActiveLab and majority vote for the others, which then differ in two things.
        n_start: examples with one label at the start, chosen by lot; None: all of them, the completely labelled variant.
        rounds, batch: how often labels are bought, and how many at a time.
        on_progress: called with (rounds done, rounds in all); what it raises stops the benchmark.

    Returns:
        method, run, round, n_labels (bought), n_labelled (examples), consensus_accuracy (over labelled examples) and
        model_accuracy (on the test examples).

    Raises:
        ValueError: an unknown method or consensus, or a number out of range.
    """
    unknown = [name for name in methods if name not in ACQUISITION_METHODS]
    if unknown or consensus not in CONSENSUS:
        raise ValueError(
            f"There is no {(unknown or [consensus])[0]!r}; methods: {', '.join(ACQUISITION_METHODS)}; consensus: {', '.join(CONSENSUS)}."
        )
    if min(runs, rounds, batch) < 1 or (n_start is not None and n_start < 1):
        raise ValueError("runs, rounds, batch and n_start must be 1 or more.")
    rows: list[dict[str, object]] = []
    for run in range(runs):
        drawn = pool(run)
        for method in methods:
            for row in _loop(drawn, method, consensus, n_start, rounds, batch, classifier, run):
                rows.append({"method": method, "run": run, **row})
                if on_progress is not None:
                    on_progress(len(rows), runs * len(methods) * (rounds + 1))
    return pd.DataFrame(rows)


def curves(results: pd.DataFrame) -> pd.DataFrame:
    """Mean and band over the runs, one row for each (method, round): of each accuracy its mean, lowest and highest run."""
    by = results.groupby(["method", "round"], sort=False)
    table = by[["n_labels"]].mean()
    for what in ("consensus_accuracy", "model_accuracy"):
        table[[what, f"{what}_low", f"{what}_high"]] = by[what].agg(["mean", "min", "max"]).to_numpy()
    return table.reset_index()


def _loop(
    pool: Pool, method: str, consensus: str, n_start: int | None, rounds: int, batch: int, classifier: str, seed: int
) -> list[dict[str, object]]:
    rank, bought = _order_of_purchase(pool.labels, seed), _first_labels(pool, n_start, seed)
    available = pool.labels.labels_per_example
    if consensus == "published":
        consensus = "crowdlab" if method == "activelab" else "majority_vote"
    pred_probs: NDArray[np.float64] | None = None
    rows: list[dict[str, object]] = []
    for r in range(rounds + 1):
        labelled = bought > 0
        labels = _part(pool.labels, rank < bought[pool.labels.example], labelled)
        label = _consensus(labels, None if pred_probs is None else pred_probs[labelled], consensus)
        target = np.full(len(labelled), -1, dtype=np.int32)
        target[labelled] = label
        k = len(pool.labels.classes)
        on_test = predicted(pool.features, target, pool.test_features, k, classifier=classifier, seed=seed)
        rows.append(
            {
                "round": r,
                "n_labels": len(labels),
                "n_labelled": int(labelled.sum()),
                "consensus_accuracy": float((label == pool.truth[labelled]).mean()),
                "model_accuracy": float((on_test.argmax(axis=1) == pool.test_truth).mean()),
            }
        )
        if r == rounds:
            break
        pred_probs = cross_validated(pool.features, target, k, classifier=classifier, seed=seed)
        unlabelled = pred_probs[~labelled] if not labelled.all() else None
        of_labelled, of_others = active_learning_scores(
            labels, pred_probs[labelled], unlabelled, method=method, seed=1000 * seed + r, as_cleanlab=False
        )
        score = np.empty(len(labelled))
        score[labelled], score[~labelled] = of_labelled, of_others
        score[bought >= available] = np.inf
        lowest = np.argsort(score, kind="stable")[:batch]
        bought[lowest[np.isfinite(score[lowest])]] += 1
    return rows


def _consensus(labels: CrowdLabels, model: NDArray[np.float64] | None, consensus: str) -> NDArray[np.int32]:
    if model is None or consensus == "majority_vote":
        return majority_label(labels, model)
    return crowdlab(labels, pred_probs=[model], calibrate_probs=True).label


def _order_of_purchase(labels: CrowdLabels, seed: int) -> NDArray[np.intp]:
    """(L,) place of each label among those of its example, by lot: the one at place 0 is bought first."""
    shuffled = np.random.default_rng([seed, 1]).permutation(len(labels))
    order = shuffled[np.argsort(labels.example[shuffled], kind="stable")]
    start = np.concatenate([[0], np.cumsum(labels.labels_per_example)[:-1]])
    rank = np.empty(len(labels), dtype=np.intp)
    rank[order] = np.arange(len(labels)) - start[labels.example[order]]
    return rank


def _first_labels(pool: Pool, n_start: int | None, seed: int) -> NDArray[np.intp]:
    """(N,) number of labels of each example at the start: one, or one for n_start examples by lot."""
    n = len(pool.labels.examples)
    bought = np.zeros(n, dtype=np.intp)
    chosen = np.arange(n) if n_start is None else np.random.default_rng([seed, 2]).permutation(n)[:n_start]
    bought[chosen] = 1
    return bought


def _part(labels: CrowdLabels, rows: NDArray[np.bool_], kept: NDArray[np.bool_]) -> CrowdLabels:
    """Some rows, and the examples that are kept: those of all the rows."""
    place = np.cumsum(kept).astype(np.int32) - 1
    codes = (place[labels.example[rows]], labels.annotator[rows], labels.label[rows])
    return CrowdLabels(labels.examples[kept], labels.annotators, labels.classes, *codes)


def _simulated(rng: np.random.Generator, truth: NDArray[np.intp], classes: Sequence[str]) -> CrowdLabels:
    """MOST_LABELS labels of each example, by annotators who share one noise matrix."""
    n, k = len(truth), len(classes)
    noise = noise_matrix(rng, k)
    annotator = rng.permuted(np.tile(np.arange(N_ANNOTATORS), (n, 1)), axis=1)[:, :MOST_LABELS].ravel()
    example = np.repeat(np.arange(n), MOST_LABELS)
    label = (rng.random(len(example))[:, None] > np.cumsum(noise[truth[example]], axis=1)).sum(axis=1).clip(max=k - 1)
    names = (pd.RangeIndex(n, name="example"), pd.RangeIndex(N_ANNOTATORS, name="annotator"), pd.Index(classes, name="class"))
    return CrowdLabels(*names, example.astype(np.int32), annotator.astype(np.int32), label.astype(np.int32))


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
