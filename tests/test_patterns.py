"""Copying, drift, bias, duplicates, and why an example is disputed."""

import numpy as np
import pandas as pd
import pytest

import multiannotator_core as mc
from multiannotator_core.quality.copying import copying, shared_examples
from multiannotator_core.quality.difficulty import REASONS, why_disputed
from multiannotator_core.quality.left_out import false_discovery
from multiannotator_core.quality.patterns import class_bias, drift, duplicates
from multiannotator_core.samples import load_sample
from tests import naive_patterns
from tests.crowds import crowd


@pytest.fixture(scope="module")
def digits():
    """The digits sample and its Dawid-Skene consensus."""
    sample = load_sample("digits")
    return sample, mc.aggregate(sample.labels, gold=sample.gold)


def labels_of(**options):
    return mc.CrowdLabels.from_long(crowd(**options)[0])


def test_false_discovery_is_that_of_the_paper():
    """The fifteen p-values of Benjamini & Hochberg's example (section 3.2): exactly the first four are reported at 5 %."""
    p = [0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.3240, 0.4262, 0.5719, 0.6528, 0.7590, 1.0]
    shuffled = np.random.default_rng(0).permutation(p)

    assert set(shuffled[false_discovery(shuffled) <= 0.05]) == set(p[:4])


def test_the_copier_of_the_sample_is_found(digits):
    """Of all pairs of the sample exactly the copier and their source are suspected, with the evidence in words."""
    sample, result = digits
    kind = sample.annotators["kind"]
    pairs = copying(sample.labels, result, sample.gold)
    suspected = pairs[pairs["suspected"]]

    assert suspected[["annotator_a", "annotator_b"]].to_numpy().tolist() == [[kind.eq("copied").idxmax(), kind.eq("copier").idxmax()]]
    assert "mistakes on 175 examples that both labelled" in suspected["sentence"].iloc[0]


def test_shared_mistakes_are_those_of_the_slow_twin():
    """Counts and expectations of every pair are those of a loop over examples, annotators and classes."""
    labels = labels_of(n_examples=40, n_annotators=5, labels_per_example=4, accuracy=(0.4, 0.8))
    result = mc.aggregate(labels)
    pairs = copying(labels, result)
    slow = [
        naive_patterns.shared_mistakes(labels, result, *labels.annotators.get_indexer(names))
        for names in pairs[["annotator_a", "annotator_b"]].to_numpy()
    ]
    same, expected = (np.array([row[at] for row in slow]) for at in (1, 2))
    factor = np.maximum((same.sum() - same + 1) / (expected.sum() - expected + 1), 1)

    assert len(pairs) == 10
    assert pairs["n_shared"].tolist() == [row[0] for row in slow]
    assert pairs["same_mistakes"].tolist() == same.tolist()
    np.testing.assert_allclose(pairs["expected"], expected * factor, rtol=1e-6)


@pytest.mark.parametrize("strategy", ["independent-confusion", "hammer-spammer", "discrete-difficulty", "glad"])
def test_clean_crowds_raise_no_alarm_of_copying(strategy):
    """Where nobody copies, fewer than one of eight crowds has a suspected pair, hard examples and spammers included."""
    alarms = 0
    for seed in range(8):
        labels = mc.simulate(strategy, n_examples=300, n_annotators=20, n_classes=4, labels_per_example=8, seed=seed).labels
        alarms += copying(labels, mc.aggregate(labels))["suspected"].any()

    assert alarms <= 1


def test_two_who_always_say_one_class_are_no_copiers():
    """Constant annotators share all mistakes without looking at each other: their confusions expect it."""
    frame, _ = crowd(n_examples=300, labels_per_example=6, accuracy=(0.8, 0.9))
    frame.loc[frame["worker"].isin(["a0", "a1"]), "label"] = "c0"
    labels = mc.CrowdLabels.from_long(frame)

    assert not copying(labels, mc.aggregate(labels))["suspected"].any()


def test_the_one_who_tires_is_found(digits):
    """Of the sample exactly the annotator who tires is suspected, and is worse at the end."""
    sample, result = digits
    found = drift(sample.labels, result, sample.gold)

    assert found.index[found["suspected"]].tolist() == [sample.annotators["kind"].eq("tires").idxmax()]
    assert found["late"].iloc[0] < found["early"].iloc[0] - 0.1


def test_a_sudden_change_is_dated():
    """Someone who labels at random from one label on is suspected, and the change is placed near it."""
    frame, _ = crowd(n_examples=400, n_annotators=9, labels_per_example=5, accuracy=(0.85, 0.95), seed=2)
    frame["time"] = pd.Timestamp("2026-01-01") + pd.to_timedelta(np.arange(len(frame)), unit="min")
    own = frame.index[frame["worker"] == "a3"]
    cut = own[int(0.6 * len(own))]
    late = own[own >= cut]
    frame.loc[late, "label"] = np.random.default_rng(0).choice(["c0", "c1", "c2"], len(late))
    labels = mc.CrowdLabels.from_long(frame, timestamp="time")
    found = drift(labels, mc.aggregate(labels))
    place = (frame.loc[own, "time"] < found.loc["a3", "changed_at"]).mean()

    assert found.index[found["suspected"]].tolist() == ["a3"]
    assert place == pytest.approx(0.6, abs=0.1)


def test_steady_annotators_raise_no_alarm_of_drift():
    """Where nobody tires, at most one of twelve crowds has a suspected annotator."""
    alarms = 0
    for seed in range(12):
        labels = mc.simulate("drift", n_examples=300, n_annotators=20, n_classes=4, seed=seed, ratio=0.0).labels
        alarms += drift(labels, mc.aggregate(labels))["suspected"].any()

    assert alarms <= 1


def test_without_times_nothing_drifts():
    """Labels without times give an empty table with the same columns."""
    labels = labels_of()
    found = drift(labels, mc.aggregate(labels))

    assert len(found) == 0
    assert {"early", "late", "suspected", "sentence", "changed_at"} <= set(found)


def test_bias_is_against_the_expectation_of_the_others():
    """Said and expected are those of a loop, and one who says a class too often is the first."""
    frame, _ = crowd(n_examples=120, n_annotators=6, labels_per_example=4, accuracy=(0.85, 0.95))
    own = frame.index[frame["worker"] == "a2"]
    frame.loc[own[::2], "label"] = "c1"
    labels = mc.CrowdLabels.from_long(frame)
    result = mc.aggregate(labels)
    found = class_bias(labels, result)
    first = found.iloc[0]
    j, g = labels.annotators.get_loc("a2"), labels.classes.get_loc("c1")

    assert (first["annotator"], first["class"], bool(first["biased"])) == ("a2", "c1", True)
    assert first["said"] == ((labels.annotator == j) & (labels.label == g)).sum()
    assert first["expected"] == pytest.approx(naive_patterns.expected_of_class(labels, result, j, g))
    assert not found["biased"][1:].any()


def test_duplicates_are_counted():
    """Repeats, contradictions and labels of one instant are counted for each annotator; others are not named."""
    rows = [
        ("e0", "x", "c0", 0),
        ("e0", "x", "c1", 1),
        ("e1", "x", "c0", 2),
        ("e1", "x", "c0", 3),
        ("e2", "x", "c0", 3),
        ("e0", "y", "c0", 9),
    ]
    frame = pd.DataFrame(rows, columns=["task", "worker", "label", "time"])
    frame["time"] = pd.Timestamp("2026-01-01") + pd.to_timedelta(frame["time"], unit="s")
    found = duplicates(mc.CrowdLabels.from_long(frame, timestamp="time"))

    assert found.to_dict("index") == {"x": {"repeated": 2, "contradicting": 1, "same_instant": 2}}


def test_shared_examples_of_a_pair(digits):
    """Each example that both labelled is there once, differences first, and the copier comes after the source."""
    sample, result = digits
    kind = sample.annotators["kind"]
    table = shared_examples(sample.labels, result, kind.eq("copied").idxmax(), kind.eq("copier").idxmax())

    assert len(table) == 175
    assert table["example"].is_unique
    assert table["differ"].is_monotonic_decreasing
    assert ((table["label_a"] != table["label_b"]) == table["differ"]).all()
    assert (table["b_after_a"] > 0).all()


def test_hard_examples_are_told_from_poor_annotators():
    """Dissent among reliable annotators means a hard example, among those at random poor annotators."""
    rng = np.random.default_rng(1)
    rows = []
    for i in range(300):
        good = i < 150
        for j in rng.choice(10, 5, replace=False) + (0 if good else 10):
            sure = good and i >= 20  # the first 20 are hard: even the good ones guess
            rows.append((f"e{i}", f"a{j}", f"c{i % 3}" if rng.random() < (0.97 if sure else 0.4) else f"c{rng.integers(3)}"))
    labels = mc.CrowdLabels.from_long(pd.DataFrame(rows, columns=["task", "worker", "label"]))
    found = why_disputed(labels, mc.aggregate(labels))
    hard, poor = found.loc[[f"e{i}" for i in range(20)], "reason"], found.loc[[f"e{i}" for i in range(150, 300)], "reason"]

    assert set(found["reason"]) <= set(REASONS)
    assert (hard == "hard example").sum() >= 15
    assert (poor == "poor annotators").mean() > 0.7


@pytest.mark.parametrize("rows", [[("e", "a", "c")], [("e", "a", "c"), ("e", "b", "d")]])
def test_tiny_crowds_have_no_patterns(rows):
    """One label or two give tables without a suspicion, and no warning."""
    labels = mc.CrowdLabels.from_long(pd.DataFrame(rows, columns=["task", "worker", "label"]))
    result = mc.aggregate(labels)

    assert len(copying(labels, result)) == 0
    assert len(drift(labels, result)) == 0
    assert not class_bias(labels, result)["biased"].any()
    assert len(duplicates(labels)) == 0
    assert len(why_disputed(labels, result)) == 1
