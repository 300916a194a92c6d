"""Which classes are mixed up, and how far the crowd agrees."""

import numpy as np
import pandas as pd
import pytest

import multiannotator_core as mc
from multiannotator_core.quality.classes import (
    careful_labels,
    class_difficulty,
    confused_examples,
    confused_pairs,
    crowd_confusion,
    said_on_true,
)
from multiannotator_core.quality.crowd_agreement import crowd_agreement
from multiannotator_core.quality.difficulty import why_disputed
from multiannotator_core.quality.verdicts import annotator_verdicts
from tests.crowds import crowd


def labels_of(**options):
    return mc.CrowdLabels.from_long(crowd(**options)[0])


def test_crowd_confusion_counts_each_label_with_its_posterior():
    """Said is the sum over labels of the posterior of their examples, and the rates of a class sum to 1."""
    labels = labels_of()
    result = mc.aggregate(labels)
    said = np.zeros((3, 3))
    for i, g in zip(labels.example, labels.label, strict=True):
        said[:, g] += result.posterior[i]

    np.testing.assert_allclose(said_on_true(labels, result), said)
    np.testing.assert_allclose(crowd_confusion(labels, result), said / said.sum(axis=1, keepdims=True))


def test_a_class_without_labels_has_no_rates():
    """An unused class is NaN in the matrix, which figures leave blank, and is not among the classes that are hard."""
    labels = mc.CrowdLabels.from_long(crowd()[0], classes=["c0", "c1", "c2", "unused"])
    result = mc.aggregate(labels, "majority_vote")

    assert np.isnan(crowd_confusion(labels, result)[3]).all()
    assert "unused" not in class_difficulty(labels, result).index


def test_confused_examples_have_votes_for_both_classes():
    """The examples of a pair are those of one class that somebody called the other, the most even votes first."""
    labels = labels_of(accuracy=(0.6, 0.8))
    result = mc.aggregate(labels, "majority_vote")
    found = confused_examples(labels, result, "c0", "c2")
    expected = {
        name
        for i, name in enumerate(labels.examples)
        if (labels.classes[result.label[i]] == "c0" and labels.votes[i, 2] > 0)
        or (labels.classes[result.label[i]] == "c2" and labels.votes[i, 0] > 0)
    }
    even = found[["said_a", "said_b"]].min(axis=1) / found["n_labels"]

    assert set(found.index) == expected
    assert even.is_monotonic_decreasing
    assert (found["reason"] == why_disputed(labels, result)["reason"][found.index]).all()
    with pytest.raises(ValueError, match="no class 'x'"):
        confused_examples(labels, result, "c0", "x")


def test_spammers_do_not_make_classes_confusable():
    """One who always says c1 is left out of the mix-ups; where nobody else is left, everybody stays."""
    frame, _ = crowd(n_examples=400, accuracy=(0.9, 0.95))
    frame.loc[frame["worker"] == "a0", "label"] = "c1"
    labels = mc.CrowdLabels.from_long(frame)
    result = mc.aggregate(labels)
    verdicts = annotator_verdicts(labels, result)["verdict"]
    careful = careful_labels(labels, verdicts)
    with_spam, without = (confused_pairs(part, result)["rate"].max() for part in (labels, careful))

    assert list(labels.annotators.difference(careful.annotators)) == ["a0"]
    assert without < with_spam
    assert careful_labels(labels, pd.Series("always says", index=labels.annotators)) is labels


def test_shares_of_a_class_sum_to_one():
    """Of the examples of a class with two labels or more each is hard, poorly labelled or agreed on."""
    found = class_difficulty(labels_of(n_examples=200), mc.aggregate(labels_of(n_examples=200)))

    np.testing.assert_allclose(found[["hard", "poor", "agreed"]].sum(axis=1), 1)
    assert found["n_examples"].sum() == 200
    assert found["hard"].is_monotonic_decreasing


@pytest.mark.parametrize(
    ("accuracy", "words"), [((0.99, 1.0), "Yes:"), ((0.4, 0.5), "No:"), ((0.92, 0.93), "Fairly:")], ids=["good", "poor", "between"]
)
def test_the_answer_follows_the_interval(accuracy, words):
    """The sentence is judged by the interval of alpha and not by alpha alone."""
    found = crowd_agreement(labels_of(n_examples=1500, accuracy=accuracy))

    assert found.sentence.startswith(words)
    assert found.alpha_low < found.alpha < found.alpha_high
    assert found.n_compared == 1500


def test_who_lowers_alpha_comes_first():
    """One who labels at random is the first of those without whom alpha is higher."""
    frame, _ = crowd(n_examples=300, accuracy=(0.85, 0.9))
    own = frame["worker"] == "a4"
    frame.loc[own, "label"] = np.random.default_rng(0).choice(["c0", "c1", "c2"], own.sum())
    found = crowd_agreement(mc.CrowdLabels.from_long(frame))

    assert found.without.index[0] == "a4"
    assert found.without["gain"].iloc[0] > 0
    assert found.without["n_labels"].iloc[0] == own.sum()


def test_nothing_is_said_where_nobody_can_be_compared():
    """Examples with one label each leave the question open."""
    labels = mc.CrowdLabels.from_long(pd.DataFrame([("e", "a", "c"), ("f", "b", "d")], columns=["task", "worker", "label"]))

    assert crowd_agreement(labels).sentence.startswith("No example was labelled by two")
