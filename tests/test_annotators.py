"""One row an annotator: counts, agreement, confusion and weak spots."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import multiannotator_core as mc
from multiannotator_core.aggregation.dawid_skene import confusion_of
from multiannotator_core.quality.annotators import annotator_metrics, confusion_counts, disagreements
from multiannotator_core.quality.spammers import spammer_scores
from tests import naive_quality as naive


def small() -> mc.CrowdLabels:
    """Three annotators and four examples; carl labels example d alone, and dora nothing."""
    rows = [
        ("a", "anna", "cat"), ("a", "bob", "cat"), ("a", "carl", "dog"),
        ("b", "anna", "dog"), ("b", "bob", "dog"), ("b", "carl", "dog"),
        ("c", "anna", "cat"), ("c", "bob", "cat"), ("c", "carl", "dog"),
        ("d", "carl", "dog"), ("e", "dora", "cat"),
    ]  # fmt: skip
    labels = mc.CrowdLabels.from_long(pd.DataFrame(rows, columns=["example", "annotator", "label"]))
    keep = (labels.annotator < 3).nonzero()[0]
    return mc.CrowdLabels(
        labels.examples, labels.annotators, labels.classes, *(c[keep] for c in (labels.example, labels.annotator, labels.label))
    )


def test_counts_and_agreement_by_hand():
    """Every count and share of a crowd of four is what one gets with pen and paper."""
    labels = small()
    metrics = annotator_metrics(labels, mc.aggregate(labels, "majority_vote"), gold={"a": "dog", "d": "dog", "e": "cat"})

    assert metrics.index.tolist() == ["anna", "bob", "carl", "dora"]
    assert metrics["n_labels"].tolist() == [3, 3, 4, 0]
    assert metrics["n_shared"].tolist() == [3, 3, 3, 0]
    assert metrics["agreement_with_consensus"].tolist() == [1, 1, 1 / 2, pd.NA]
    assert pytest.approx([2 / 3, 2 / 3, 1 / 3]) == metrics["agreement_with_others"].tolist()[:3]
    assert metrics["n_gold"].tolist() == [1, 1, 2, 0]
    assert metrics["accuracy_on_gold"].tolist() == [0, 0, 1, pd.NA]
    assert "agreement_with_model" not in metrics


def test_the_worst_class_and_the_mistake_of_one_who_says_dog():
    """Carl calls cats dogs: cat is his worst class, (cat, dog) his mistake; who makes no mistake has none."""
    labels = small()
    metrics = annotator_metrics(labels, mc.aggregate(labels, "majority_vote"))

    assert metrics.loc["carl", "worst_class"] == "cat"
    assert tuple(metrics.loc["carl", ["mixup_true", "mixup_given"]]) == ("cat", "dog")
    assert metrics.loc[["anna", "bob", "dora"], ["mixup_true", "mixup_given"]].isna().all(axis=None)
    assert metrics.loc["dora", "worst_class"] is pd.NA


def test_label_entropy_runs_from_one_class_to_all_alike():
    """Who always says one class has entropy 0, who uses all equally often has 1, and who says nothing has none."""
    labels = small()
    entropy = annotator_metrics(labels, mc.aggregate(labels, "majority_vote"))["label_entropy"]

    assert entropy["carl"] == 0.0
    assert pytest.approx(-(1 / 3 * np.log2(1 / 3) + 2 / 3 * np.log2(2 / 3))) == entropy["anna"]
    assert entropy["dora"] is pd.NA


@pytest.mark.parametrize("repeats", [False, True], ids=["once", "repeated"])
def test_agreement_with_others_equals_the_loop(repeats):
    """Counts minus one's own labels give the same leave-one-out agreement as a loop over all pairs."""
    for seed in range(60):
        labels = naive.random_crowd(seed, repeats)
        if not len(labels):
            continue
        metrics = annotator_metrics(labels, mc.aggregate(labels, "majority_vote"))
        expected = naive.agreement_with_others(labels)

        assert [n for n, _ in expected] == metrics["n_shared"].tolist()
        for (_, share), got in zip(expected, metrics["agreement_with_others"], strict=True):
            assert got is pd.NA if share is None else pytest.approx(share, abs=1e-12) == got


def test_nothing_is_nan_and_missing_numbers_are_na():
    """A ranking never holds a NaN: unknown numbers are pd.NA in nullable columns, for any method and crowd."""
    for seed in range(20):
        labels = naive.random_crowd(seed, repeats=True)
        for method in ("majority_vote", "dawid_skene"):
            metrics = annotator_metrics(labels, mc.aggregate(labels, method), labels.votes * 0 + 1 / len(labels.classes))

            assert len(labels.annotators) == len(metrics)
            for column in metrics.columns.difference(["worst_class", "mixup_true", "mixup_given"]):
                values = metrics[column]
                assert not np.isnan(values.to_numpy(np.float64, na_value=0.0)).any(), column
                assert values.isna().any() <= (metrics["n_shared"] == 0).any()


def test_confusion_columns_come_from_the_result_or_its_posterior():
    """With a confusion in the result its scores are shown; without one, those of one estimate from the posterior."""
    labels = naive.random_crowd(3)
    with_own, without = mc.aggregate(labels, "dawid_skene"), mc.aggregate(labels, "naive_soft")
    for result, confusion in ((with_own, with_own.confusion), (without, confusion_of(labels, without.posterior))):
        metrics = annotator_metrics(labels, result)
        expected = spammer_scores(confusion, result.posterior.mean(axis=0))

        assert pytest.approx(np.trace(confusion, axis1=1, axis2=2)) == metrics["trace"].to_numpy()
        assert pytest.approx(expected["frobenius"].to_numpy(), abs=1e-9) == metrics["frobenius"].to_numpy()
        assert pytest.approx(expected["raykar_yu"].to_numpy(), abs=1e-9) == metrics["raykar_yu"].to_numpy()
        assert pytest.approx(result.annotator_quality) == metrics["quality"].to_numpy()


def test_agreement_with_model_takes_the_most_probable_class():
    """A model that always says dog agrees with carl fully and with anna once in three; an ensemble is averaged."""
    labels = small()
    result = mc.aggregate(labels, "majority_vote")
    dog, cat = np.tile([0.1, 0.9], (5, 1)), np.tile([0.6, 0.4], (5, 1))

    assert pytest.approx([1 / 3, 1 / 3, 1.0]) == annotator_metrics(labels, result, dog)["agreement_with_model"].tolist()[:3]
    assert pytest.approx([1 / 3, 1 / 3, 1.0]) == annotator_metrics(labels, result, [dog, cat])["agreement_with_model"].tolist()[:3]


def test_median_seconds_leaves_unknown_times_out():
    """The median is over the known times; an annotator without one has none, and without times there is no column."""
    frame = pd.DataFrame(
        {"example": list("aabbc"), "annotator": list("xyxyx"), "label": list("01010"), "seconds": [1.0, np.nan, 9.0, np.nan, 2.0]}
    )
    timed = mc.CrowdLabels.from_long(frame, seconds="seconds")
    result = mc.aggregate(timed, "majority_vote")

    assert annotator_metrics(timed, result)["median_seconds"].tolist() == [2.0, pd.NA]
    assert "median_seconds" not in annotator_metrics(mc.CrowdLabels.from_long(frame), result)


def test_scores_of_the_method_are_columns():
    """What a method says of its own about annotators stands beside the common metrics."""
    labels = small()
    result = mc.Consensus(labels.votes + 1, np.zeros(5, dtype=np.int32), np.full(4, 0.5), annotator_scores={"ability": np.arange(4.0)})

    assert annotator_metrics(labels, result)["ability"].tolist() == [0.0, 1.0, 2.0, 3.0]


def test_disagreements_are_the_least_plausible_first():
    """Only labels that differ from the consensus are listed, by falling surprise, with names."""
    labels = naive.random_crowd(11)
    result = mc.aggregate(labels, "dawid_skene")
    for name in labels.annotators:
        rows = disagreements(labels, result, name)
        own = labels.to_long().query("annotator == @name").set_index("example")["label"]
        consensus = pd.Series(labels.classes.take(result.label), index=labels.examples)

        assert set(own.index[own != consensus[own.index]]) == set(rows["example"])
        assert rows["quality"].is_monotonic_increasing
        for row in rows.itertuples():
            at = labels.examples.get_loc(row.example), labels.classes.get_loc(row.label)
            assert (own[row.example], consensus[row.example], result.posterior[at]) == (row.label, row.consensus, row.quality)


def test_confusion_counts_count_each_label_once():
    """Rows are consensus classes, columns given ones; the sum is the number of labels."""
    labels = small()
    result = mc.aggregate(labels, "majority_vote")

    assert confusion_counts(labels, result, "carl").tolist() == [[0, 2], [0, 2]]
    assert confusion_counts(labels, result, "anna").tolist() == [[2, 0], [0, 1]]
    assert confusion_counts(labels, result, "dora").sum() == 0


def test_unknown_annotator_is_named():
    """A name that is not there gets a sentence with those that are."""
    labels = small()
    result = mc.aggregate(labels, "majority_vote")

    for function in (disagreements, confusion_counts):
        with pytest.raises(ValueError, match="no annotator 'zoe'; the labels have anna"):
            function(labels, result, "zoe")


def test_numbers_follow_the_names_when_the_order_changes():
    """Other row orders and other names of the same annotators give the same metrics."""
    labels = naive.random_crowd(5)
    frame = labels.to_long()
    reverse = {name: f"z{9 - i}" for i, name in enumerate(labels.annotators)}
    renamed = frame.assign(annotator=frame["annotator"].map(reverse))
    other = mc.CrowdLabels.from_long(renamed.sample(frac=1, random_state=0), classes=labels.classes.tolist())
    first = mc.CrowdLabels.from_long(frame, classes=labels.classes.tolist())
    before = annotator_metrics(first, mc.aggregate(first))
    after = annotator_metrics(other, mc.aggregate(other)).iloc[::-1]

    assert before["n_labels"].tolist() == after["n_labels"].tolist()
    for column in ("agreement_with_others", "quality", "trace", "frobenius", "raykar_yu", "label_entropy"):
        assert np.allclose(before[column].to_numpy(float), after[column].to_numpy(float)), column
    assert before["worst_class"].tolist() == after["worst_class"].tolist()
