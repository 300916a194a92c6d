"""Promises of `evaluate`: numbers by hand, naive twins, and the published majority-vote column."""

import os
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from multiannotator_core.consensus import build
from multiannotator_core.evaluate import LIFT_SIZES, LOG_LOSS_FLOOR, evaluate, reliability, scored
from multiannotator_core.labels import CrowdLabels
from tests import naive_evaluate as naive

DATA = Path(os.environ.get("CROWDLENS_DATA", "../shared/data"))
needs_data = pytest.mark.skipif(not DATA.is_dir(), reason="real crowd data not found: set CROWDLENS_DATA")


def crowd(rows, classes=None):
    """CrowdLabels from (example, annotator, label) rows."""
    return CrowdLabels.from_long(pd.DataFrame(rows, columns=["example", "annotator", "label"]), classes=classes)


def by_hand():
    """Four examples e1..e4, classes x, y, z; the consensus says x, x, y, y."""
    labels = crowd([(e, a, c) for e in ("e1", "e2", "e3", "e4") for a, c in (("p", "x"), ("q", "y"))], classes=["x", "y", "z"])
    posterior = np.array([[0.9, 0.1, 0.0], [0.6, 0.3, 0.1], [0.2, 0.7, 0.1], [0.0, 1.0, 0.0]])
    return labels, build(labels, posterior)


def random_crowd(seed, n=60, k=4):
    """A random posterior on a coarse grid (so that qualities tie), with a truth that follows it loosely."""
    rng = np.random.default_rng(seed)
    labels = crowd([(i, j, int(rng.integers(k))) for i in range(n) for j in rng.permutation(8)[:3].tolist()], classes=range(k))
    weights = rng.integers(0, 4, size=(n, k)) + np.eye(k)[rng.integers(k, size=n)]
    posterior = weights / weights.sum(axis=1, keepdims=True)
    truth = pd.Series(np.where(rng.random(n) < 0.6, posterior.argmax(axis=1), rng.integers(k, size=n)), index=range(n))
    return labels, build(labels, posterior), truth


def test_numbers_by_hand():
    """Every metric has the value that one gets with pencil and paper."""
    labels, result = by_hand()
    found = evaluate(labels, result, {"e1": "x", "e2": "y", "e3": "y", "e4": "y"})

    assert found["n"] == 4
    assert found["accuracy"] == 0.75
    assert found["accuracy_ties_split"] == 0.75
    assert found["macro_f1"] == pytest.approx((2 / 3 + 4 / 5) / 2)  # x: 1 hit, 1 false alarm; y: 2 hits, 1 miss
    assert found["log_loss"] == pytest.approx(-np.log([0.9, 0.3, 0.7, 1.0]).mean())
    assert found["ece"] == pytest.approx((0.1 + 0.6 + 0.3 + 0.0) / 4)  # one example a bin
    assert found["expected_errors"] == pytest.approx(0.1 + 0.4 + 0.3)
    assert found["actual_errors"] == 1
    assert found["auroc"] == 1.0
    assert found["auprc"] == 1.0
    assert {found[f"lift_at_{size}"] for size in LIFT_SIZES} == {None}
    assert found["annotator_spearman"] is None


def test_ties_are_split_evenly():
    """Two classes tied at the top score one half whichever of them the tie rule chose; three score a third."""
    labels = crowd([("e1", "p", "x"), ("e1", "q", "y"), ("e2", "p", "x"), ("e2", "q", "y"), ("e2", "r", "z")])
    result = build(labels, np.array([[0.5, 0.5, 0.0], [1 / 3, 1 / 3, 1 / 3]]))

    assert evaluate(labels, result, {"e1": "x", "e2": "x"})["accuracy_ties_split"] == pytest.approx((1 / 2 + 1 / 3) / 2)
    assert evaluate(labels, result, {"e1": "z"})["accuracy_ties_split"] == 0.0


@pytest.mark.parametrize("seed", range(20))
def test_equals_the_naive_twins(seed):
    """The vectorised metrics are those of plain loops, also where qualities tie."""
    labels, result, truth = random_crowd(seed)
    rng = np.random.default_rng(seed + 1000)
    annotator_truth = np.round(rng.random(len(labels.annotators)), 1)
    found = evaluate(labels, result, truth.sample(frac=1, random_state=seed), annotator_truth)
    known, label = truth.tolist(), result.label.tolist()
    quality, correct = np.round(result.quality, 12).tolist(), (result.label == truth.to_numpy()).tolist()
    expected = {
        "n": len(known),
        "accuracy": sum(correct) / len(correct),
        "accuracy_ties_split": naive.accuracy_ties_split(known, result.posterior.tolist()),
        "macro_f1": naive.macro_f1(known, label),
        "log_loss": naive.log_loss(known, result.posterior.tolist(), LOG_LOSS_FLOOR),
        "ece": naive.ece(quality, correct, 15),
        "expected_errors": sum(1 - q for q in quality),
        "actual_errors": len(correct) - sum(correct),
        "auroc": naive.auroc(quality, correct),
        "auprc": naive.auprc(quality, correct),
        **{f"lift_at_{size}": naive.lift(quality, correct, size) if size <= len(known) else None for size in LIFT_SIZES},
        "annotator_spearman": naive.spearman(annotator_truth.tolist(), np.round(result.annotator_quality, 9).tolist()),
    }

    assert expected == {name: pytest.approx(value, abs=1e-9) if value is not None else None for name, value in found.items()}


def test_agrees_with_scikit_learn():
    """The metrics that scikit-learn has too are the same there."""
    from sklearn.metrics import average_precision_score, f1_score, log_loss, roc_auc_score

    labels, result, truth = random_crowd(99, n=400)
    found = evaluate(labels, result, truth)
    wrong, doubt = result.label != truth.to_numpy(), -np.round(result.quality, 12)

    assert found["macro_f1"] == pytest.approx(f1_score(truth, result.label, average="macro"))
    assert found["log_loss"] == pytest.approx(log_loss(truth, np.clip(result.posterior, LOG_LOSS_FLOOR, None), labels=range(4)))
    assert found["auroc"] == pytest.approx(roc_auc_score(wrong, doubt))
    assert found["auprc"] == pytest.approx(average_precision_score(wrong, doubt))


def test_perfect_and_hopeless_results_have_no_ranking():
    """Without an error, or without a right label, nothing can be found: None, never NaN."""
    labels, result = by_hand()
    perfect = evaluate(labels, result, {"e1": "x", "e2": "x", "e3": "y", "e4": "y"})
    hopeless = evaluate(labels, result, {"e1": "z", "e2": "z"})

    assert (perfect["accuracy"], perfect["auroc"], perfect["auprc"]) == (1.0, None, None)
    assert (hopeless["accuracy"], hopeless["auroc"], hopeless["auprc"]) == (0.0, None, None)


def test_lift_when_errors_are_at_the_bottom():
    """Ten errors, all of the lowest quality, among 100 examples: the lift at 10 is 10, at 50 it is 2, at 100 it is 1."""
    labels = crowd([(i, "p", "xy"[i % 2]) for i in range(100)])
    quality = np.where(np.arange(100) < 10, 0.6, 0.9)
    result = build(labels, np.column_stack([quality, 1 - quality]))
    found = evaluate(labels, result, {i: "y" if i < 10 else "x" for i in range(100)})

    assert (found["lift_at_10"], found["lift_at_50"], found["lift_at_100"], found["lift_at_300"]) == pytest.approx((10, 2, 1, None))


def test_saturated_posteriors_are_still_ranked():
    """Where all qualities are 1.0 in floating point, log odds still tell the doubtful example from the certain one."""
    labels = crowd([("e1", "p", "x"), ("e2", "p", "y"), ("e3", "p", "x")])
    result = build(labels, np.array([[1.0, 1e-18], [1.0, 1e-40], [1.0, 1e-60]]))
    found = evaluate(labels, result, {"e1": "y", "e2": "x", "e3": "x"})

    assert result.quality.tolist() == [1.0, 1.0, 1.0]
    assert found["auroc"] == 1.0


def test_unknown_classes_count_as_wrong():
    """A true class that no label names is an error, with the floor as its log loss, and a class of its own in macro F1."""
    labels, result = by_hand()
    found = evaluate(labels, result, {"e1": "x", "e2": "new", "e3": "other"})

    assert found["accuracy"] == pytest.approx(1 / 3)
    assert found["log_loss"] == pytest.approx((-np.log(0.9) - 2 * np.log(LOG_LOSS_FLOOR)) / 3)
    assert found["macro_f1"] == pytest.approx((2 / 3) / 4)  # x .67, y 0, new 0, other 0


def test_truth_is_matched_by_name():
    """Rows in any order, names as text or number, and examples without labels: only what can be compared counts."""
    labels = crowd([(1, "p", 0), (2, "p", 1), (10, "p", 1)])
    result = build(labels, labels.votes)
    truth = pd.Series(["1", "0", "1", "1"], index=["10", "1", "77", "2"])

    assert evaluate(labels, result, truth)["n"] == 3
    assert evaluate(labels, result, truth)["accuracy"] == 1.0
    assert evaluate(labels, result, pd.Series([1.0, np.nan, 0.0], index=[10, 2, 1]))["accuracy"] == 1.0


def test_annotators_without_labels_do_not_rank():
    """Their quality is made up, so it must not count; fewer than two annotators or equal ranks give None."""
    labels = crowd([(e, a, c) for e in range(4) for a, c in (("good", "x"), ("bad", "y"), ("idle", "x"))])
    idle = CrowdLabels(
        labels.examples,
        labels.annotators,
        labels.classes,
        *(v[labels.annotator != 2] for v in (labels.example, labels.annotator, labels.label)),
    )
    result = build(idle, np.tile([0.8, 0.2], (4, 1)))
    truth = dict.fromkeys(range(4), "x")

    assert idle.annotators.tolist() == ["bad", "good", "idle"]
    assert evaluate(idle, result, truth, {"good": 0.9, "bad": 0.1, "idle": 0.0})["annotator_spearman"] == pytest.approx(1.0)
    assert evaluate(idle, result, truth, pd.Series({"good": 0.1, "bad": 0.9}))["annotator_spearman"] == pytest.approx(-1.0)
    assert evaluate(idle, result, truth, {"good": 0.9})["annotator_spearman"] is None
    assert evaluate(idle, result, truth, [0.5, 0.5, 0.1])["annotator_spearman"] is None


def test_reliability_counts_every_example_once():
    """The bins of the reliability diagram hold all examples, a quality of exactly 1/15 in the first, of 1 in the last."""
    labels = crowd([(i, "p", i % 15) for i in range(15)])
    quality = (np.arange(15) + 1) / 15
    posterior = np.zeros((15, 15))
    posterior[:, 0], posterior[:, 1:] = quality, (1 - quality[:, None]) / 14
    result = build(labels, posterior, label=np.zeros(15, dtype=np.int32))
    bins = reliability(scored(labels, result, dict.fromkeys(range(15), 0)))

    assert bins["n"].tolist() == [1] * 15
    assert bins["quality"].to_numpy() == pytest.approx(quality)
    assert bins["accuracy"].tolist() == [1.0] * 15


@pytest.mark.parametrize(
    ("truth", "annotator_truth", "words"),
    [
        ({}, None, "truth is empty"),
        ({"other": "x"}, None, "No example of truth is among the labels: truth has other"),
        (pd.Series(["x", "y"], index=["e1", "e1"]), None, "two classes for example 'e1'"),
        ({"e1": "x"}, [0.5], "annotator_truth has shape (1,), but there are 2 annotators"),
        ({"e1": "x"}, {"nobody": 1.0}, "No annotator of annotator_truth is among the labels: it has nobody"),
    ],
)
def test_wrong_input_is_one_clear_sentence(truth, annotator_truth, words):
    """A truth that does not fit names what is wrong."""
    labels, result = by_hand()
    with pytest.raises(ValueError, match=re.escape(words)):
        evaluate(labels, result, truth, annotator_truth)


def test_a_result_of_other_labels_is_refused():
    """A result with another number of examples cannot be scored by mistake."""
    labels, result = by_hand()
    with pytest.raises(ValueError, match="Run it on these labels"):
        evaluate(labels.select(examples=["e1", "e2"]), result, {"e1": "x"})


def majority_vote_column():
    """Name and published tie-split accuracy of majority vote, from the table of the data's README."""
    rows = (line.split("|")[1:-1] for line in (DATA / "README.md").read_text("utf-8").splitlines()) if DATA.is_dir() else ()
    cells = ([cell.strip() for cell in row] for row in rows if len(row) > 8)
    return [(cell[0], float(cell[8])) for cell in cells if re.fullmatch(r"0\.\d+", cell[8])]


@needs_data
def test_majority_vote_is_right_as_often_as_published():
    """Majority vote with ties split has the accuracy of the README on every set with gold, to 4 digits."""
    published = dict(majority_vote_column())
    expected = published | {"s_rel": 0.5423}  # .5411 counts rows that were sent twice; see the next test
    actual = {name: round(majority_vote_accuracy(name, "collapse"), 4) for name in published}

    assert len(expected) == 11
    assert expected == actual


@needs_data
def test_repeated_rows_change_the_published_accuracy():
    """With repeated rows kept, s_rel has the README's figure: the duplicate policy belongs beside every accuracy."""
    assert round(majority_vote_accuracy("s_rel", "keep"), 4) == 0.5411


def majority_vote_accuracy(name, duplicates):
    """accuracy_ties_split of the vote shares on one of the real sets."""
    read = {"dtype": str, "keep_default_na": False}
    labels = CrowdLabels.from_long(pd.read_csv(DATA / name / "answers.csv", **read), duplicates=duplicates)
    truth = pd.read_csv(DATA / name / "truth.csv", **read).set_index("task")["truth"]
    return evaluate(labels, build(labels, labels.votes / labels.labels_per_example[:, None]), truth)["accuracy_ties_split"]
