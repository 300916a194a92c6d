"""Which score finds wrong consensus labels: consensus methods × quality methods × models, as in the CROWDLAB benchmark.

Goh, Tkachenko & Mueller 2022, section 5, on any crowd with gold; models are taught by the labels of each set.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..aggregation import METHODS, aggregate
from ..consensus import Consensus
from ..evaluate import LIFT_SIZES, Scored, evaluate, lift, scored
from ..labels import CrowdLabels
from ..learning import Features, cross_validated, features_of
from ..quality.examples import QUALITY_METHODS, example_quality
from ..samples import load_sample

CONSENSUS = ("majority_vote", "dawid_skene", "dawid_skene_with_model", "glad", "glad_with_model", "crowdlab")
CLASSIFIERS = ("logistic_regression", "extra_trees")
PERFECT = "perfect"  # a model that is taught by the truth, still out of sample
LABEL_SETS = ("complete", "uniform 1-5", "worst annotators")
MOST_LABELS = 5
SMOOTHING = 1.0  # imagined right and wrong labels of an annotator, so that one wrong label makes nobody the worst


@dataclass(frozen=True, eq=False)
class Case:
    """A crowd with gold: its labels, true classes by example, and features (N rows) for the models; None where these are given."""

    name: str
    labels: CrowdLabels
    truth: pd.Series
    features: Features | None


def digits_case() -> Case:
    """The digits sample, with the pixels of its images."""
    sample = load_sample("digits")
    assert isinstance(sample.content, pd.DataFrame)
    return Case("digits", sample.labels, sample.truth, features_of(sample.content, ["image"], sample.labels.examples))


def folder_case(folder: str | Path) -> Case:
    """A crowd from a folder: answers.csv (task, worker, label), truth.csv (task, truth), and features of the examples.

    Features are features_train.npy, whose row i belongs to task i, or else the columns of items.csv by task.

    Raises:
        ValueError: a file is missing.
    """
    home = Path(folder)
    answers, truth = (table_of(home / file) for file in ("answers.csv", "truth.csv"))
    labels = CrowdLabels.from_long(answers)
    if (home / "features_train.npy").is_file():
        rows = np.load(home / "features_train.npy", allow_pickle=False)
        features = Features(rows[labels.examples.astype(np.int64)].astype(np.float64).reshape(len(labels.examples), -1))
    else:
        items = table_of(home / "items.csv").set_index("task")
        features = features_of(items, [column for column in items.columns if column != "truth"], labels.examples)
    return Case(home.name, labels, truth.set_index("task")["truth"], features)


def cifar10h(table: pd.DataFrame) -> tuple[CrowdLabels, pd.Series]:
    """Labels and truth from cifar10h-raw.csv, which users have at home; attention checks are left out.

    Raises:
        ValueError: a column is missing.
    """
    needed = ["annotator_id", "chosen_category", "true_category", "cifar10_test_test_idx"]
    missing = [column for column in needed if column not in table.columns]
    if missing:
        raise ValueError(f"cifar10h-raw.csv has no column {missing[0]!r}; it has {', '.join(map(str, table.columns))}.")
    rows = table[table["cifar10_test_test_idx"] >= 0]  # rows that test attention name no image of the test set
    labels = CrowdLabels.from_long(rows, "cifar10_test_test_idx", "annotator_id", "chosen_category")
    return labels, rows.drop_duplicates("cifar10_test_test_idx").set_index("cifar10_test_test_idx")["true_category"]


def label_sets(labels: CrowdLabels, truth: pd.Series, seed: int = 0) -> dict[str, CrowdLabels]:
    """The three sets of LABEL_SETS, of the same examples.

    complete: all labels; uniform 1-5: from one to five labels of each example, number and labels by lot; worst annotators: as
    many, but those of the annotators of the example who are least often right.
    """
    rng = np.random.default_rng(seed)
    codes = labels.classes.get_indexer(truth.reindex(labels.examples))
    known = codes[labels.example] >= 0
    right = np.bincount(labels.annotator, weights=known & (labels.label == codes[labels.example]), minlength=len(labels.annotators))
    n = np.bincount(labels.annotator, weights=known, minlength=len(labels.annotators))
    accuracy = (right + SMOOTHING) / (n + 2 * SMOOTHING)
    most = rng.integers(1, MOST_LABELS + 1, len(labels.examples))
    lot = rng.random(len(labels))
    return {
        "complete": labels,
        "uniform 1-5": _first(labels, lot, most),
        "worst annotators": _first(labels, accuracy[labels.annotator], most),
    }


def models_of(
    case: Case, labels: CrowdLabels, *, classifiers: Sequence[str] = CLASSIFIERS, n_folds: int = 5, seed: int = 0
) -> dict[str, NDArray[np.float64]]:
    """Out-of-sample probabilities (N, K) by name: each classifier taught by majority vote, and PERFECT by the truth where it is known."""
    if case.features is None:
        raise ValueError(f"{case.name} has no features, so no model can be trained; give models.")
    k = len(labels.classes)
    vote = np.where(labels.labels_per_example > 0, aggregate(labels, "majority_vote").label, -1).astype(np.int32)
    truth = labels.classes.get_indexer(case.truth.reindex(labels.examples)).astype(np.int32)
    taught = {name: (name, vote) for name in classifiers} | {PERFECT: (classifiers[-1], truth)}
    return {
        name: cross_validated(case.features, target, k, classifier=classifier, n_folds=n_folds, seed=seed)
        for name, (classifier, target) in taught.items()
    }


def quality_benchmark(
    case: Case,
    *,
    consensus: Sequence[str] = CONSENSUS,
    qualities: Sequence[str] = tuple(QUALITY_METHODS),
    sets: Sequence[str] = LABEL_SETS,
    classifiers: Sequence[str] = CLASSIFIERS,
    models: Callable[[CrowdLabels], Mapping[str, NDArray[np.float64]]] | None = None,
    seed: int = 0,
    on_progress: Callable[[int, int], object] | None = None,
) -> pd.DataFrame:
    """One row for each (label set, model, consensus method, quality method) that can be computed.

    Args:
        consensus: keys of METHODS.
        qualities: keys of QUALITY_METHODS.
        sets: names in LABEL_SETS.
        models: probabilities by name for the labels of a set; default: `models_of`.
        on_progress: called with (consensus runs done, in all); what it raises stops the benchmark.

    Returns:
        data, labels (the set), model, consensus, quality; accuracy of the consensus; auroc, auprc and lift_at_10 ... of low
        quality finding wrong consensus labels (NaN where not defined); annotator_spearman, with the annotators' accuracy on gold.

    Raises:
        ValueError: an unknown name.
    """
    for names, known in ((consensus, METHODS), (qualities, QUALITY_METHODS), (sets, LABEL_SETS)):
        unknown = [name for name in names if name not in known]
        if unknown:
            raise ValueError(f"There is no {unknown[0]!r}; choose among {', '.join(known)}.")
    drawn = label_sets(case.labels, case.truth, seed)
    rows: list[dict[str, object]] = []
    done, total = 0, len(sets) * (len(classifiers) + 1) * len(consensus)
    for name in sets:
        labels = drawn[name]
        found = dict(models_of(case, labels, classifiers=classifiers, seed=seed) if models is None else models(labels))
        total = len(sets) * len(found) * len(consensus)
        without: dict[str, Consensus] = {}  # methods that do not look at the model run once
        for model, probabilities in found.items():
            for method in consensus:
                needs_model = "pred_probs" in METHODS[method].needs
                if needs_model or method not in without:
                    result = aggregate(labels, method, pred_probs=probabilities, seed=seed)
                    without |= {} if needs_model else {method: result}
                result = result if needs_model else without[method]
                where = {"data": case.name, "labels": name, "model": model, "consensus": method}
                rows += [where | row for row in _judged(labels, result, case.truth, probabilities, qualities)]
                done += 1
                if on_progress is not None:
                    on_progress(done, total)
    return pd.DataFrame(rows)


def _judged(
    labels: CrowdLabels, result: Consensus, truth: pd.Series, model: NDArray[np.float64], qualities: Sequence[str]
) -> list[dict[str, object]]:
    whole = evaluate(labels, result, truth, _accuracy_on_gold(labels, truth))
    known = scored(labels, result, truth)
    rows: list[dict[str, object]] = []
    for quality in qualities:
        if quality == "difficulty" and result.difficulty is None:
            continue
        # Posteriors saturate at 1, so that their log odds rank examples that are all 1.
        values = result.log_odds if quality == "posterior" else example_quality(labels, result, quality, pred_probs=model)
        finding = _finding(replace(known, log_odds=values[known.example]))
        spearman = whole["annotator_spearman"]
        rows.append({"quality": quality, "accuracy": whole["accuracy"], **finding, "annotator_spearman": spearman})
    return rows


def _finding(known: Scored) -> dict[str, float]:
    """Auroc, auprc and lifts of low values of known.log_odds as a finder of wrong labels; NaN where not defined."""
    from sklearn.metrics import average_precision_score, roc_auc_score

    wrong = ~known.correct
    found = {"auroc": np.nan, "auprc": np.nan}
    if wrong.any() and not wrong.all():
        suspicion = -np.round(known.log_odds, 9)
        found = {"auroc": float(roc_auc_score(wrong, suspicion)), "auprc": float(average_precision_score(wrong, suspicion))}
    lifts = {f"lift_at_{size}": lift(known, size) for size in LIFT_SIZES}
    return found | {name: np.nan if value is None else value for name, value in lifts.items()}


def _accuracy_on_gold(labels: CrowdLabels, truth: pd.Series) -> NDArray[np.float64]:
    """(J,) share of right labels of each annotator on examples with gold, NaN without one."""
    codes = labels.classes.get_indexer(truth.reindex(labels.examples))[labels.example]
    n = np.bincount(labels.annotator, weights=codes >= 0, minlength=len(labels.annotators))
    right = np.bincount(labels.annotator, weights=(codes >= 0) & (labels.label == codes), minlength=len(n))
    accuracy: NDArray[np.float64] = np.divide(right, n, out=np.full(len(n), np.nan), where=n > 0)
    return accuracy


def _first(labels: CrowdLabels, key: NDArray[np.float64], most: NDArray[np.int64]) -> CrowdLabels:
    """The labels of each example with the smallest keys (L,), as many as `most` (N,) says."""
    order = np.lexsort((key, labels.example))
    start = np.concatenate([[0], np.cumsum(labels.labels_per_example)[:-1]])
    kept = np.sort(order[np.arange(len(labels)) - start[labels.example[order]] < most[labels.example[order]]])
    codes = (labels.example[kept], labels.annotator[kept], labels.label[kept])
    return CrowdLabels(labels.examples, labels.annotators, labels.classes, *codes)


def table_of(path: Path) -> pd.DataFrame:
    """A CSV file as it is.

    Raises:
        ValueError: it is not there.
    """
    if not path.is_file():
        raise ValueError(f"There is no file {path.name} in {path.parent}.")
    return pd.read_csv(path)
