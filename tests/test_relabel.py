"""What to buy next: gains against full enumeration, who is asked, promises kept on simulated crowds, and the stop rule."""

import numpy as np
import pandas as pd
import pytest

import multiannotator_core as mc
from multiannotator_core.aggregation.calibration import scaled
from multiannotator_core.relabel import Trust, expected_gains, plan, trust_in
from multiannotator_core.relabel.gains import packages
from multiannotator_core.relabel.trust import consistent_temperature
from tests import naive_relabel


def simulated(seed=0, n_examples=400, labels_per_example=3):
    """A one-coin crowd, its truth and its Dawid-Skene result."""
    crowd = mc.simulate("one-coin", n_examples=n_examples, n_annotators=20, n_classes=3, labels_per_example=labels_per_example, seed=seed)
    return crowd, mc.aggregate(crowd.labels, "dawid_skene")


@pytest.mark.parametrize("k", [1, 2, 3, 4])
def test_gains_equal_full_enumeration(k):
    """With up to four classes the gain is exact for one, two and three labels."""
    rng = np.random.default_rng(k)
    posterior, confusion = rng.dirichlet(np.ones(k), 6), rng.dirichlet(np.ones(k), k) + np.eye(k)
    confusion /= confusion.sum(axis=1, keepdims=True)
    expected = [[naive_relabel.expected_gain(row, confusion, m) for m in (1, 2, 3)] for row in posterior.tolist()]

    np.testing.assert_allclose(expected, expected_gains(posterior, confusion, 3), atol=1e-12)


def test_gains_with_many_classes_are_never_too_high():
    """Beyond four classes the rest counts as never right: a lower bound, close where the posterior is."""
    rng = np.random.default_rng(0)
    posterior = rng.dirichlet(np.full(7, 0.3), 8)
    confusion = 0.6 * np.eye(7) + 0.4 / 7
    exact = np.array([naive_relabel.expected_gain(row, confusion, 2) for row in posterior.tolist()])

    found = expected_gains(posterior, confusion, 2)[:, 1]

    assert (found <= exact + 1e-12).all()
    assert np.abs(found - exact).max() < 0.1


def test_labels_that_help_only_together_are_bought_together():
    """Where one label cannot change a consensus but two can, both are one package."""
    found = packages(np.array([[0.0, 0.3, 0.35], [0.1, 0.12, 0.12]]))

    assert [(i, size) for i, size, _ in found] == [(0, 2), (1, 1), (0, 1), (1, 1)]


def test_the_plan_keeps_its_rules():
    """Not above the budget, nobody above the cap, nobody twice on an example, no example above its most, and none with gold."""
    crowd, result = simulated()
    labels = crowd.labels
    gold = crowd.truth.iloc[:100]
    found = plan(labels, result, 150, gold=gold, most_per_annotator=20, most_per_example=2, not_to_ask=[3, 5]).table
    had = labels.to_long()[["example", "annotator"]]
    asked = pd.concat([had, found[["example", "annotator"]]])

    assert 0 < len(found) <= 150
    assert found["annotator"].value_counts().max() <= 20
    assert found["example"].value_counts().max() <= 2
    assert not found["annotator"].isin([3, 5]).any()
    assert not asked.duplicated().any()
    assert not found["example"].isin(gold.index).any()


def test_the_best_annotators_are_asked_first():
    """Without a cap that binds, labels come from annotators who are better than the crowd."""
    crowd, result = simulated(labels_per_example=5)
    found = plan(crowd.labels, result, 50, most_per_annotator=50)
    accuracy = pd.Series(crowd.annotator_accuracy, index=crowd.labels.annotators)

    assert accuracy.loc[found.table["annotator"]].mean() > accuracy.mean() + 0.05


def test_a_plan_brings_what_it_promises():
    """On simulated crowds the accuracy before and after buying the plan's labels is near what was expected."""
    gaps = []
    for seed in range(6):
        crowd, result = simulated(seed)
        labels, truth = crowd.labels, crowd.truth.to_numpy()
        known = crowd.truth.iloc[::4]
        found = plan(labels, result, 200, trust=trust_in(labels, result, known))
        rng = np.random.default_rng(seed)
        bought = found.table.assign(
            label=[
                rng.choice(3, p=crowd.confusion[a, truth[e]]) for e, a in zip(found.table["example"], found.table["annotator"], strict=True)
            ]
        )
        rows = pd.concat([labels.to_long(), bought[["example", "annotator", "label"]]])
        again = mc.aggregate(mc.CrowdLabels.from_long(rows, classes=[0, 1, 2]), "dawid_skene")
        right = [(r.label == truth).mean() for r in (result, again)]
        gaps.append([found.before.value - right[0], found.after.value - right[1]])
        assert right[1] > right[0]

    np.testing.assert_allclose(0.0, np.mean(gaps, axis=0), atol=0.03)


def test_gold_narrows_the_range():
    """Without gold the range is wide and comes from simulation; with gold it is narrower, and says on how many."""
    crowd, result = simulated()
    blind, told = (plan(crowd.labels, result, 50, trust=trust_in(crowd.labels, result, gold)) for gold in (None, crowd.truth))

    assert blind.trust.n_gold == 0
    assert told.trust.n_gold == 400
    assert told.before.high - told.before.low < blind.before.high - blind.before.low
    for one in (blind, told):
        assert one.before.low <= one.before.value <= one.before.high
        assert one.before.value < one.after.value


def test_recalibration_finds_a_model_that_is_too_sure():
    """Posteriors sharpened by hand get a temperature above 1, and claims then agree with what is right."""
    crowd, result = simulated()
    posterior = scaled(result.posterior, 0.3)
    sure = mc.Consensus(posterior, result.label, result.annotator_quality, result.confusion)

    found = trust_in(crowd.labels, sure, crowd.truth)

    assert found.temperature > 2
    assert abs(found.claimed - found.right) < 0.03


def test_the_curve_rises_and_the_stop_rule_follows_it():
    """More labels never make it worse, and the sentence says what the next hundred bring."""
    crowd, result = simulated()
    small, large = plan(crowd.labels, result, 10), plan(crowd.labels, result, 1000)

    assert (np.diff(small.curve["accuracy"]) >= -1e-12).all()
    assert "expected to mend" in small.stop
    assert "fewer than 3" in large.stop


def test_nobody_left_is_not_enough():
    """Where all have labelled everything the sentence says so and what new annotators would bring, and never that it is a good place."""
    crowd = mc.simulate("one-coin", n_examples=200, n_annotators=5, n_classes=4, labels_per_example=5, seed=1)
    found = plan(crowd.labels, mc.aggregate(crowd.labels, "dawid_skene"), 20)

    assert len(found.table) == 0
    assert found.stop.startswith("Nobody is left to ask")
    assert found.before == found.after


def test_gains_of_single_labels_add_up():
    """The labels of the table share what the whole plan is expected to bring; where none is left out that is the curve's rise."""
    crowd, result = simulated()
    found = plan(crowd.labels, result, 100)

    assert len(found.table) == 100
    assert (found.table["expected_gain"] > 0).all()
    np.testing.assert_allclose(found.n * (found.after.value - found.before.value), found.table["expected_gain"].sum(), rtol=1e-9)


def test_what_is_claimed_on_gold_is_what_is_right():
    """The temperature matches the mean quality to the share that is right, also where a few examples are wrong and sure."""
    rng = np.random.default_rng(0)
    quality = rng.uniform(0.6, 0.999, 400)
    posterior = np.stack([quality, 1 - quality], axis=1)
    right = rng.random(400) < 0.7
    right[:10], posterior[:10] = False, [1 - 1e-12, 1e-12]

    found = consistent_temperature(right, posterior)

    assert scaled(posterior, found).max(axis=1).mean() == pytest.approx(right.mean(), abs=0.002)
    assert consistent_temperature(np.ones(20, dtype=bool), posterior[20:40]) > 0.05


def test_the_range_holds_the_chance_of_what_comes():
    """Examples that are right with their chance vary around the expected share: few examples have a wider range than many."""
    crowd, result = simulated(n_examples=100)
    many, all_of_them = simulated(n_examples=1600)
    widths = [
        (found := plan(labels, one, 10, trust=Trust(1.0, 1.0, 1.0))).before.high - found.before.low
        for labels, one in ((crowd.labels, result), (many.labels, all_of_them))
    ]

    assert widths[1] > 0
    assert 2 < widths[0] / widths[1] < 8


def test_one_class_and_full_gold():
    """With one class there is nothing to buy; where everything has gold the plan says so."""
    labels = mc.CrowdLabels.from_long(pd.DataFrame({"task": ["a", "b"], "worker": ["w", "v"], "label": ["x", "x"]}))
    result = mc.aggregate(labels, "majority_vote")

    assert len(plan(labels, result, 5).table) == 0
    with pytest.raises(ValueError, match="Every example has gold"):
        plan(labels, result, 5, gold={"a": "x", "b": "x"})
    with pytest.raises(ValueError, match="budget"):
        plan(labels, result, 0)
