"""Crowds fitted to labels: they look like the crowd, keep to what is asked, and foretell what more labels give."""

import numpy as np
import pandas as pd
import pytest

import multiannotator_core as mc
from multiannotator_core.simulate import fitted
from multiannotator_core.simulate.fitted import Scenario


def fit(strategy="independent-confusion", seed=0, **options):
    known = mc.simulate(strategy, seed=seed, **{"n_examples": 300, "n_annotators": 20, "n_classes": 3, "labels_per_example": 6, **options})
    return known, fitted.fit(known.labels, mc.aggregate(known.labels))


def test_a_drawn_crowd_is_like_the_crowd():
    """Labels an example, loads, class shares and accuracies of annotators are those of the crowd that was fitted."""
    known, crowd = fit(class_balance=[0.6, 0.3, 0.1])

    drawn = [fitted.draw(crowd, seed=seed) for seed in range(20)]
    share = np.mean([truth.value_counts(normalize=True).reindex(range(3)) for _, truth in drawn], axis=0)
    right = [labels.label == truth.to_numpy()[labels.example] for labels, truth in drawn]
    accuracy = np.mean(
        [np.bincount(d[0].annotator, r, 20) / np.bincount(d[0].annotator) for d, r in zip(drawn, right, strict=True)], axis=0
    )
    mean = crowd.alpha / crowd.alpha.sum(axis=2, keepdims=True)
    load = np.mean([labels.labels_per_annotator for labels, _ in drawn], axis=0)

    assert all((labels.labels_per_example == 6).all() and labels.repeated == 0 for labels, _ in drawn)
    np.testing.assert_allclose(share, crowd.balance, atol=0.02)
    np.testing.assert_allclose(load, known.labels.labels_per_annotator, rtol=0.15)
    np.testing.assert_allclose(accuracy, np.einsum("t,jtt->j", crowd.balance, mean), atol=0.06)
    assert abs(accuracy.mean() - known.annotator_accuracy.mean()) < 0.05


def test_scenarios_are_kept_to():
    """More, fewer, so many each, and without somebody: the drawn labels are what was asked."""
    known, crowd = fit()
    worst = tuple(known.labels.annotators[:3])

    more, fewer, each, without = (
        fitted.draw(crowd, scenario)[0]
        for scenario in (Scenario("m", more=2), Scenario("f", fewer=0.3), Scenario("e", each=2.5), Scenario("w", without=worst))
    )

    assert set(more.labels_per_example) == {8}
    assert len(fewer) / 300 == pytest.approx(4.2, abs=0.15)
    assert set(each.labels_per_example) == {2, 3}
    assert not set(worst) & set(without.annotators)
    assert len(without) == 1800


def test_the_same_seed_is_the_same_crowd():
    """A seed gives the same labels again, and scenarios of one seed share their truth."""
    _, crowd = fit()

    one, again, more = (fitted.draw(crowd, scenario, 3) for scenario in (fitted.NOW, fitted.NOW, Scenario("m", more=2)))

    assert one[0].fingerprint == again[0].fingerprint
    assert one[1].equals(more[1])


def test_large_crowds_keep_their_labels_per_annotator(monkeypatch):
    """Above MOST_LABELS examples and annotators are thinned alike, so that annotators stay as well known."""
    _, crowd = fit()
    monkeypatch.setattr(fitted, "MOST_LABELS", 900)

    labels, _ = fitted.draw(crowd)

    assert (len(labels.examples), len(labels.annotators), len(labels)) == (150, 10, 900)


def test_what_if_is_paired_and_ordered():
    """NOW comes first with no gain; more labels cost more and gain, fewer lose; progress counts every draw."""
    _, crowd = fit()
    steps = []
    table = fitted.what_if(
        crowd, [Scenario("more", more=3), Scenario("fewer", fewer=0.5)], draws=6, price=0.1, on_progress=lambda *step: steps.append(step)
    )

    assert list(table["title"]) == ["As it is", "more", "fewer"]
    assert table["cost"].tolist() == pytest.approx([180, 270, 90], abs=3)
    assert table["gain"].iloc[0] == 0
    assert table["gain"].iloc[1] > 0 > table["gain"].iloc[2]
    assert (table["low"] <= table["accuracy"]).all()
    assert (table["accuracy"] <= table["high"]).all()
    assert steps == [(done, 18) for done in range(18)]


def test_the_cost_curve_stays_within_the_crowd():
    """Steps are multiples of the present labels, at least one label each and at most one by each annotator, each step once."""
    _, crowd = fit()

    steps = fitted.cost_curve(crowd, (0.01, 0.1, 0.5, 2.0, 10.0, 20.0))

    assert [scenario.each for scenario in steps] == [1, 3, 12, 20]
    assert len({scenario.title for scenario in steps}) == 4


def test_known_crowds_are_foretold():
    """Over known crowds with a confusion each, the foretold gain is within two points in the mean, and the accuracy within five."""
    table = fitted.recovery(crowds=10, draws=6, n_examples=200)

    assert abs((table["gain_foretold"] - table["gain"]).mean()) < 0.02
    assert abs((table["now_foretold"] - table["now"]).mean()) < 0.05


def test_examples_of_different_difficulty_are_noticed():
    """Where examples are easy or hard the model does not fit, and the warning says so; where they are alike it is silent."""
    silent, hard = [], []
    for seed in range(8):
        for strategy, warnings in (("independent-confusion", silent), ("discrete-difficulty", hard)):
            known, crowd = fit(strategy, seed)
            warnings.append(fitted.likeness(known.labels, crowd, draws=20, seed=seed).warning != "")

    assert sum(hard) == 8
    assert sum(silent) <= 1


def test_agreement_spread_by_hand():
    """Two examples of three labels: all agree (1), and two of three agree (1/3); one label does not count."""
    frame = pd.DataFrame({"task": list("aaabbbc"), "worker": list("xyzxyzx"), "label": list("1111122")})

    assert fitted.agreement_spread(mc.CrowdLabels.from_long(frame)) == pytest.approx(1 / 3)


@pytest.mark.parametrize(
    ("scenario", "words"),
    [
        (Scenario("s", without=("nobody",)), "no annotator 'nobody'"),
        (Scenario("s", without=tuple(range(19))), "fewer than two"),
        (Scenario("s", fewer=1.0), "below 1"),
        (Scenario("s", each=0.5), "1 or above"),
    ],
)
def test_impossible_scenarios_are_refused(scenario, words):
    """A scenario that nobody could answer says why."""
    with pytest.raises(ValueError, match=words):
        fitted.draw(fit()[1], scenario)
