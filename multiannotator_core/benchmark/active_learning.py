"""Which examples to label next: acquisition methods in the loop of the ActiveLab benchmark (Goh & Mueller 2023).

A pool holds all labels that can be bought. Each round finds the consensus of the labels bought so far, trains models on it in five
folds, scores the examples by the probabilities out of sample, and buys one more label for each of the lowest.

The published protocol, which is the default: the consensus of ActiveLab is CROWDLAB with calibrated probabilities, that of the others
is majority vote with ties by the model; the first consensus is majority vote for all. So ActiveLab gains by two things, and
`consensus=` gives all methods the same. The accuracy of a model is the mean over its folds. The published run of ActiveLab weighs all
examples by the labels of one and the same example; here each has its own weight, as in the paper.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..active import active_learning_scores
from ..aggregation.blending import majority_label
from ..aggregation.crowdlab import crowdlab
from ..labels import CrowdLabels
from ..learning import predicted
from ..learning.crossval import folds
from .pools import Pool, digits_pool, noise_matrix, wall_robot_pool

# Changes when the numbers of a run would: kept runs of another version are not taken for these.
VERSION = 1

NEIGHBOURS = "nearest_neighbours"
FOLDS = 5
ROUNDS = 19  # the published runs measure 20 times
BATCH = 100

Models = list[NDArray[np.float64]]
Row = dict[str, Any]


class Entrant(NamedTuple):
    """One line of METHODS: a key of ACQUISITION_METHODS, the models whose probabilities it sees, and its published consensus."""

    title: str
    acquisition: str
    models: tuple[str, ...] = ("extra_trees",)
    consensus: str = "majority_vote"


# The published ensemble has a neural network in place of logistic regression, which takes most of the hours of a run.
ENSEMBLE = ("extra_trees", NEIGHBOURS, "logistic_regression")
METHODS: dict[str, Entrant] = {
    "activelab": Entrant("ActiveLab", "activelab", consensus="crowdlab"),
    "active_label_cleaning": Entrant("Active label cleaning", "active_label_cleaning"),
    "good_random": Entrant("Fewest labels", "good_random"),
    "random": Entrant("Random", "random"),
    "uncertainty": Entrant("Least confidence", "uncertainty"),
    "entropy": Entrant("Entropy", "entropy"),
    "disagreement": Entrant("Disagreement, ensemble", "disagreement", ENSEMBLE),
    "activelab_ensemble": Entrant("ActiveLab, ensemble", "activelab", ENSEMBLE, "crowdlab"),
}
CONSENSUS = ("published", "majority_vote", "crowdlab")


def active_learning(
    pool: Callable[[int], Pool],
    *,
    methods: Sequence[str] = tuple(METHODS),
    consensus: str = "published",
    n_start: int | None = None,
    runs: int = 5,
    rounds: int = ROUNDS,
    batch: int = BATCH,
    models: Sequence[str] | None = None,
    folder: str | Path | None = None,
    finished_only: bool = False,
    on_progress: Callable[[int, int], object] | None = None,
) -> pd.DataFrame:
    """Accuracy of consensus and model after each round, one row for each (method, run, round).

    Args:
        pool: seed -> the pool of a run; all methods of a run get the same pool and the same first labels.
        methods: keys of METHODS.
        consensus: "published": that of the benchmark, see above; "majority_vote" (ties by the model) or "crowdlab" (with calibrated
            probabilities) for all methods.
        n_start: examples that are labelled at the start, chosen by lot; None: all of them.
        rounds, batch: how often labels are bought, and how many at a time.
        models: classifiers in place of those of METHODS.
        folder: where finished runs are kept; those that are there are not computed again.
        finished_only: gather what is in the folder and compute nothing.
        on_progress: called with (rounds done, rounds in all); what it raises stops the benchmark.

    Returns:
        method, run, round, n_labels (bought), n_labelled (examples), consensus_accuracy (over labelled examples) and
        model_accuracy (on the test examples; the mean over the folds).

    Raises:
        ValueError: an unknown method or consensus, or a number out of range.
    """
    unknown = [name for name in methods if name not in METHODS]
    if unknown or consensus not in CONSENSUS:
        raise ValueError(f"There is no {(unknown or [consensus])[0]!r}; methods: {', '.join(METHODS)}; consensus: {', '.join(CONSENSUS)}.")
    if min(runs, rounds, batch) < 1 or (n_start is not None and n_start < 1):
        raise ValueError("runs, rounds, batch and n_start must be 1 or more.")
    rows: list[Row] = []
    told = len(methods) * runs * (rounds + 1)
    for run in range(runs):  # run by run, so that one that is stopped early has compared all methods
        drawn = pool(run)
        for method in methods:
            entrant = METHODS[method]
            if models is not None:
                entrant = entrant._replace(models=tuple(models))
            if consensus != "published":
                entrant = entrant._replace(consensus=consensus)
            path = None if folder is None else Path(folder) / _file(drawn, entrant, n_start, rounds, batch, run)
            done = _kept(path)
            if done is None and finished_only:
                continue
            for row in _loop(drawn, entrant, n_start, rounds, batch, run) if done is None else done:
                rows.append({"method": method, "run": run, **row})
                if on_progress is not None:
                    on_progress(len(rows), told)
            if done is None:
                _keep(path, [{k: v for k, v in row.items() if k not in ("method", "run")} for row in rows[-(rounds + 1) :]])
    return pd.DataFrame(rows)


def curves(results: pd.DataFrame) -> pd.DataFrame:
    """Mean and band over the runs, one row for each (method, round): title, n_labels, of each accuracy its mean, lowest and highest run,
    and the number of runs.
    """
    by = results.groupby(["method", "round"], sort=False)
    table = by[["n_labels"]].mean()
    for what in ("consensus_accuracy", "model_accuracy"):
        table[[what, f"{what}_low", f"{what}_high"]] = by[what].agg(["mean", "min", "max"]).to_numpy()
    table["runs"] = by.size()
    table = table.reset_index()
    table.insert(1, "title", [METHODS[name].title for name in table["method"]])
    return table


def _loop(pool: Pool, entrant: Entrant, n_start: int | None, rounds: int, batch: int, run: int) -> list[Row]:
    rank, bought = _order_of_purchase(pool.labels, run), _first_labels(pool, n_start, run)
    when = np.where(rank < bought[pool.labels.example], 0, rounds + 1)  # the round in which each label was bought
    available, probabilities = pool.labels.labels_per_example, None
    rows: list[Row] = []
    for r in range(rounds + 1):
        labelled = bought > 0
        labels = _part(pool, when, r, labelled)
        seen = None if probabilities is None else [model[labelled] for model in probabilities]
        target = np.full(len(labelled), -1, dtype=np.int32)
        target[labelled] = _consensus(labels, seen, entrant.consensus)
        probabilities, accuracy = _trained(pool, target, entrant.models, 1000 * run + r)
        right = target[labelled] == pool.truth[labelled]
        sizes = {"round": r, "n_labels": len(labels), "n_labelled": int(labelled.sum())}
        rows.append({**sizes, "consensus_accuracy": float(right.mean()), "model_accuracy": accuracy})
        if r == rounds:
            break
        score = np.full(len(labelled), np.inf)
        score[labelled], others = active_learning_scores(
            labels,
            [model[labelled] for model in probabilities],
            None if labelled.all() else [model[~labelled] for model in probabilities],
            method=entrant.acquisition,
            seed=1000 * run + r,
            as_cleanlab=False,
        )
        score[~labelled] = others
        score[bought >= available] = np.inf
        lowest = np.argsort(score, kind="stable")[:batch]
        lowest = lowest[np.isfinite(score[lowest])]
        bought[lowest] += 1
        when[(rank == bought[pool.labels.example] - 1) & np.isin(pool.labels.example, lowest)] = r + 1
    return rows


def _consensus(labels: CrowdLabels, models: Models | None, consensus: str) -> NDArray[np.int32]:
    if models is None or consensus == "majority_vote":
        return majority_label(labels, None if models is None else np.mean(models, axis=0))
    return crowdlab(labels, pred_probs=models, calibrate_probs=True).label


def _trained(pool: Pool, target: NDArray[np.int32], models: Sequence[str], seed: int) -> tuple[Models, float]:
    """Probabilities (N, K) of each model: out of sample for the examples that teach, the mean of the folds for the others; and the
    accuracy on the test examples of the models' mean, averaged over the folds.
    """
    k, teach, others = len(pool.labels.classes), np.flatnonzero(target >= 0), np.flatnonzero(target < 0)
    fold = folds(target[teach].astype(np.intp), np.ones(len(teach), dtype=np.bool_), FOLDS, seed)
    found = [np.zeros((len(target), k)) for _ in models]
    accuracy = []
    for f in range(FOLDS):
        train, held = teach[fold != f], teach[fold == f]
        new = np.vstack([pool.features[held], pool.features[others], pool.test_features])
        on_test = np.zeros((len(pool.test_truth), k))
        for probabilities, model in zip(found, models, strict=True):
            own = _predicted(model, pool.features[train], target[train], new, k, seed)
            probabilities[held] = own[: len(held)]
            probabilities[others] += own[len(held) : len(held) + len(others)] / FOLDS
            on_test += own[len(held) + len(others) :]
        accuracy.append(float((on_test.argmax(axis=1) == pool.test_truth).mean()))
    return found, float(np.mean(accuracy))


def _predicted(
    model: str, features: NDArray[np.float64], target: NDArray[np.int32], new: NDArray[np.float64], k: int, seed: int
) -> NDArray[np.float64]:
    if model != NEIGHBOURS:
        return predicted(features, target, new, k, classifier=model, seed=seed)
    from sklearn.neighbors import KNeighborsClassifier

    fitted = KNeighborsClassifier(min(5, len(target)), weights="distance").fit(features, target)
    found = np.zeros((len(new), k))
    found[:, fitted.classes_] = fitted.predict_proba(new)
    return found


# ---------------------------------------------------------------------- what is bought


def _order_of_purchase(labels: CrowdLabels, seed: int) -> NDArray[np.intp]:
    """(L,) place of each label among those of its example, by lot: the one at place 0 is bought first."""
    shuffled = np.random.default_rng([seed, 1]).permutation(len(labels))
    order = shuffled[np.argsort(labels.example[shuffled], kind="stable")]
    start = np.concatenate([[0], np.cumsum(labels.labels_per_example)[:-1]])
    rank = np.empty(len(labels), dtype=np.intp)
    rank[order] = np.arange(len(labels)) - start[labels.example[order]]
    return rank


def _first_labels(pool: Pool, n_start: int | None, seed: int) -> NDArray[np.intp]:
    """(N,) number of labels of each example at the start: those of the pool, for all examples or for n_start by lot."""
    n = len(pool.labels.examples)
    chosen = np.arange(n) if n_start is None else np.random.default_rng([seed, 2]).permutation(n)[:n_start]
    bought = np.zeros(n, dtype=np.intp)
    bought[chosen] = 1 if pool.start is None else pool.start[chosen]
    return bought


def _part(pool: Pool, when: NDArray[np.intp], now: int, kept: NDArray[np.bool_]) -> CrowdLabels:
    """The labels bought until now, and the examples that have some."""
    labels, rows = pool.labels, when <= now
    place = np.cumsum(kept).astype(np.int32) - 1
    annotator, names = labels.annotator[rows], labels.annotators
    if pool.fresh:  # round r is annotator J + r - 1
        annotator = np.where(when[rows] > 0, len(names) + when[rows] - 1, annotator).astype(np.int32)
        names = pd.RangeIndex(len(names) + now)
    return CrowdLabels(labels.examples[kept], names, labels.classes, place[labels.example[rows]], annotator, labels.label[rows])


# ---------------------------------------------------------------------- what is kept


def _file(pool: Pool, entrant: Entrant, n_start: int | None, rounds: int, batch: int, run: int) -> str:
    """The name of a finished run; equal for equal runs only."""
    start = None if pool.start is None else pool.start.tolist()
    what = [VERSION, pool.name, pool.labels.fingerprint, start, pool.fresh, *entrant[1:], n_start, rounds, batch, run]
    digest = hashlib.blake2b(json.dumps(what).encode(), digest_size=8)
    digest.update(np.ascontiguousarray(pool.features).tobytes())
    return f"{pool.name}-{n_start or 'full'}-{entrant.acquisition}-{run}-{digest.hexdigest()}.json"


def _kept(path: Path | None) -> list[Row] | None:
    """The rows of a finished run; one that is damaged is computed again."""
    try:
        rows = None if path is None else json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return None
    return rows if isinstance(rows, list) and all(isinstance(row, Mapping) for row in rows) else None


def _keep(path: Path | None, rows: list[Row]) -> None:
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        aside = path.with_suffix(f".{os.getpid()}.part")
        aside.write_text(json.dumps(rows), "utf-8")
        aside.replace(path)


__all__ = ["CONSENSUS", "METHODS", "Entrant", "Pool", "active_learning", "curves", "digits_pool", "noise_matrix", "wall_robot_pool"]
