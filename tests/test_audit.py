"""The audit: one table that agrees with itself."""

import numpy as np
import pytest

import multiannotator_core as mc
from multiannotator_core.quality.audit import audit
from multiannotator_core.quality.tables import example_metrics, label_table, split_examples, who_said_what
from tests.crowds import crowd


@pytest.mark.parametrize("method", ["majority_vote", "dawid_skene", "glad"])
def test_numbers_follow_from_one_confusion(method):
    """Quality and trace are those of the confusion that is shown, and lie inside their intervals."""
    labels = mc.CrowdLabels.from_long(crowd(n_examples=300)[0])
    found = audit(labels, mc.aggregate(labels, method))
    table = found.table

    np.testing.assert_allclose(found.confusion.sum(axis=2), 1)
    np.testing.assert_allclose(table["trace"], np.einsum("jkk->j", found.confusion))
    assert (table["quality_low"] <= table["quality"]).all()
    assert (table["quality"] <= table["quality_high"]).all()


def test_one_who_labels_at_random_is_told_apart():
    """Among good annotators, one who labels at random gets that verdict and the lowest spammer score."""
    frame, _ = crowd(n_examples=400, accuracy=(0.85, 0.95), seed=3)
    rng = np.random.default_rng(0)
    of_one = frame["worker"] == "a0"
    frame.loc[of_one, "label"] = rng.choice(["c0", "c1", "c2"], of_one.sum())
    labels = mc.CrowdLabels.from_long(frame)
    table = audit(labels, mc.aggregate(labels)).table

    assert table["verdict"]["a0"] == "answers at random"
    assert table["raykar_yu"].idxmin() == "a0"
    assert not table["verdict"].drop("a0").isin(["answers at random", "always says"]).any()


def test_split_examples_are_those_where_runs_differ():
    """Only examples with different labels are named, each with what every run says."""
    frame, _ = crowd(n_examples=80, labels_per_example=2, seed=4)
    labels = mc.CrowdLabels.from_long(frame)
    runs = {"Votes": mc.aggregate(labels, "majority_vote"), "DS": mc.aggregate(labels), "GLAD": mc.aggregate(labels, "glad")}
    split = split_examples(labels, runs)
    expected = {name for i, name in enumerate(labels.examples) if len({result.label[i] for result in runs.values()}) > 1}

    assert set(split.index) == expected
    assert (split[["Votes", "DS", "GLAD"]].nunique(axis=1) > 1).all()
    assert (split["lowest_quality"] == [min(r.quality[labels.examples.get_loc(e)] for r in runs.values()) for e in split.index]).all()


def test_who_said_what_names_everyone_once():
    """Every label of an example is there with its annotator's quality, and the weights sum to 1."""
    labels = mc.CrowdLabels.from_long(crowd()[0])
    result = mc.aggregate(labels)
    said = who_said_what(labels, result, "e3")
    rows = labels.example == labels.examples.get_loc("e3")
    people = said[said["quality"].notna()]

    assert said["weight"].sum() == pytest.approx(1)
    assert sorted(people["source"]) == sorted(labels.annotators[labels.annotator[rows]])
    assert list(people["agrees"]) == list(people["label"] == labels.classes[result.label[labels.examples.get_loc("e3")]])


def test_example_metrics_are_all_that_can_be_computed():
    """Without a model only the qualities of labels are there; all lie in [0, 1]."""
    labels = mc.CrowdLabels.from_long(crowd()[0])
    without = example_metrics(labels, mc.aggregate(labels))
    glad = example_metrics(labels, mc.aggregate(labels, "glad"))

    assert "crowdlab" not in without
    assert "difficulty" not in without
    assert "difficulty" in glad
    assert without.min().min() >= 0
    assert without.max().max() <= 1


def test_every_label_has_a_row_and_a_quality():
    """The least plausible label comes first; quality is the posterior of the class that the label says."""
    labels = mc.CrowdLabels.from_wide(np.array([[0, 0, 1], [1, 1, 1], [0, 1, np.nan]]))
    result = mc.aggregate(labels, "majority_vote")
    table = label_table(labels, result)

    assert len(table) == len(labels)
    assert table["quality"].tolist() == sorted(table["quality"])
    assert table.loc[0, ["example", "annotator", "label", "consensus_label", "agrees"]].tolist() == [0, 2, 1, 0, False]
    assert table.loc[0, "quality"] == pytest.approx(1 / 3)
    assert (table["agrees"] == (table["label"] == table["consensus_label"])).all()
