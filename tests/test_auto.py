"""The choice among methods without gold."""

import numpy as np
import pandas as pd
import pytest

import multiannotator_core as mc
from multiannotator_core.aggregation import auto as auto_of_methods  # the function, by which METHODS lists it
from multiannotator_core.aggregation.auto import hide, log_losses, ranking, rows_of
from tests import naive_aggregation as naive
from tests.crowds import crowd, model_of
from tests.naive_difficulty import random_crowd
from tests.test_voting import read


def labels_of(**shape):
    return mc.CrowdLabels.from_long(crowd(**shape)[0])


class TestHiding:
    @pytest.mark.parametrize("seed", range(20))
    def test_a_tenth_and_never_the_last_label(self, seed):
        """A tenth of the labels is hidden, and every example keeps at least one."""
        labels = labels_of(n_examples=100, seed=seed)
        hidden = hide(labels, np.random.default_rng(seed))

        assert hidden.sum() == round(len(labels) / 10)
        assert (rows_of(labels, ~hidden).labels_per_example > 0).all()

    def test_nothing_to_hide(self):
        """With one label each nothing is hidden, the table of scores is empty and the result that of majority vote."""
        labels = labels_of(labels_per_example=1)
        result = mc.aggregate(labels, "auto")

        assert not hide(labels, np.random.default_rng(0)).any()
        assert result.selection.empty
        np.testing.assert_array_equal(result.posterior, mc.aggregate(labels, "majority_vote").posterior)

    def test_times_stay_with_their_labels(self):
        """What is known of a label besides its class goes with it."""
        frame, _ = crowd()
        labels = mc.CrowdLabels.from_long(frame.assign(took=np.arange(len(frame), dtype=float)), seconds="took")
        rows = np.zeros(len(labels), dtype=bool)
        rows[[3, 8]] = True

        np.testing.assert_array_equal(rows_of(labels, rows).seconds, labels.seconds[[3, 8]])


class TestScore:
    @pytest.mark.parametrize("seed", range(20))
    def test_log_loss(self, seed):
        """The score equals the loops, with the better of the method's own confusion and that of one M step."""
        labels, _, _ = random_crowd(seed)
        hidden = hide(labels, np.random.default_rng(seed))
        seen, unseen = rows_of(labels, ~hidden), rows_of(labels, hidden)
        result = mc.aggregate(seen, "one_coin")
        prior = naive.crowd_prior(seen, result.posterior, 5.0)
        one_step = np.exp(naive.dawid_skene_m(seen, result.posterior, prior)[0])
        expected = min(naive.log_loss(naive.triples(unseen), result.posterior, c) for c in (result.confusion, one_step))

        assert log_losses(unseen, seen, result).mean() == pytest.approx(expected, abs=1e-9)

    def test_the_table(self):
        """One row for each other method that can run, the best first; one is chosen and the result is its result."""
        labels = labels_of(n_examples=150, accuracy=(0.4, 0.95))
        result = mc.aggregate(labels, "auto")
        table = result.selection
        able = {name for name in mc.METHODS if name != "auto" and mc.obstacle(labels, name) is None}

        assert set(table.index) == able
        assert np.diff(table["log_loss"]).min() > -1e-8
        assert list(table.columns) == ["title", "log_loss", "gain", "standard_error", "chosen"]
        assert table["chosen"].sum() == 1
        assert result.method == "auto"
        np.testing.assert_array_equal(result.posterior, mc.aggregate(labels, table.index[table["chosen"]][0]).posterior)

    def test_the_default_must_be_beaten_clearly(self):
        """A gain within its standard error is luck: then Dawid-Skene stays; a clear gain is taken."""
        rng = np.random.default_rng(0)
        base, noise = rng.exponential(size=400), rng.normal(size=400)
        clear = ranking({"majority_vote": base + 0.1, "dawid_skene": base, "ibcc": base - 0.2 + 0.1 * noise})
        luck = ranking({"majority_vote": base + 0.1, "dawid_skene": base, "ibcc": base - 0.02 + 4 * (noise - noise.mean())})

        assert list(clear.index) == list(luck.index) == ["ibcc", "dawid_skene", "majority_vote"]
        assert list(clear["chosen"]) == [True, False, False]
        assert list(luck["chosen"]) == [False, True, False]

    def test_equal_methods(self):
        """Of methods that predict equally well, the one that stands first in the table of methods comes first."""
        base = np.ones(10)

        assert list(ranking({"wawa": base, "dawid_skene": base * 2, "iwmv": base + 1e-13}).index) == ["wawa", "iwmv", "dawid_skene"]

    def test_needs_that_are_met(self):
        """With a model and gold, the methods that need them take part."""
        frame, truth = crowd()
        labels = mc.CrowdLabels.from_long(frame)
        result = mc.aggregate(labels, "auto", pred_probs=model_of(labels, truth), gold={"e0": "c1"})

        assert {"dawid_skene_with_model", "gold_majority_vote", "crowdlab"} <= set(result.selection.index)
        assert result.quality[labels.examples.get_loc("e0")] == 1

    def test_a_method_that_refuses_is_left_out(self, monkeypatch):
        """A method that raises a ValueError on these labels has no row; all others still have theirs."""

        def refuses(labels, *, gold=None):
            raise ValueError("not today")

        monkeypatch.setitem(mc.METHODS, "wawa", mc.Method("Wawa", refuses))
        selection = mc.aggregate(labels_of(), "auto").selection

        assert "wawa" not in selection.index
        assert "majority_vote" in selection.index


def test_prefers_what_fits():
    """Annotators who mix up two classes each in their own way need a confusion: votes predict their labels worse."""
    simulated = mc.simulate("independent-confusion", n_examples=300, n_annotators=15, n_classes=4, labels_per_example=8, seed=0)
    result = mc.aggregate(simulated.labels, "auto")
    chosen = result.selection.index[result.selection["chosen"]][0]
    table = result.selection["log_loss"]

    assert mc.METHODS[chosen].family in ("Confusion", "Bayesian")
    assert table["dawid_skene"] < table["majority_vote"] - 0.01


def test_names_do_not_matter():
    """The hidden labels are drawn by their pattern: other names and another order of all codes lead to the same choice."""
    labels = labels_of(n_examples=80, seed=4)
    rng = np.random.default_rng(0)
    codes = [rng.permutation(n) for n in (80, 9, 3)]
    names = (labels.examples, labels.annotators, labels.classes)
    turned = mc.CrowdLabels(*names, codes[0][labels.example], codes[1][labels.annotator], codes[2][labels.label])
    expected, actual = mc.aggregate(labels, "auto"), mc.aggregate(turned, "auto")

    pd.testing.assert_series_equal(
        actual.selection["log_loss"].drop("mace", errors="ignore").sort_index(),
        expected.selection["log_loss"].drop("mace", errors="ignore").sort_index(),
        rtol=1e-6,
    )


def test_progress_counts_methods():
    """The caller hears of each method that runs, in order, and may stop in the middle of one."""
    labels = labels_of()
    calls = []
    result = mc.aggregate(labels, "auto", on_iteration=lambda i, objective: calls.append(i))

    assert calls == sorted(calls)
    assert set(calls) >= set(range(1, len(result.selection) + 1))

    def stop(i, objective):
        if i == 5:
            raise mc.Cancelled

    with pytest.raises(mc.Cancelled):
        mc.aggregate(labels, "auto", on_iteration=stop)


def test_it_never_chooses_itself():
    """The table of methods lists it, and it leaves itself out."""
    assert mc.METHODS["auto"].run is auto_of_methods
    assert "auto" not in mc.aggregate(labels_of(), "auto").selection.index


def test_real_crowds(real_data):
    """Over four real crowds the choice is better than majority vote and close to the best single method."""
    accuracy = {"auto": [], "majority_vote": [], "dawid_skene": []}
    for name in ("bluebirds", "music_genre", "labelme", "weather_amt"):
        labels, truth = read(real_data / name)
        for method, values in accuracy.items():
            values.append(mc.evaluate(labels, mc.aggregate(labels, method), truth)["accuracy"])

    assert np.mean(accuracy["auto"]) > np.mean(accuracy["majority_vote"]) + 0.03
    assert np.mean(accuracy["auto"]) > np.mean(accuracy["dawid_skene"]) - 0.005
