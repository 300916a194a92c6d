"""The choice among methods without gold."""

import dataclasses
import sys

import numpy as np
import pandas as pd
import pytest

import multiannotator_core as mc
from multiannotator_core.aggregation import auto as auto_of_methods  # the function, by which METHODS lists it
from multiannotator_core.aggregation import trials as trials_module
from multiannotator_core.aggregation.hidden import hide, log_losses, rows_of, some_examples, with_examples
from multiannotator_core.aggregation.trials import TEMPERATURES, Trials, scores_of, stacking_weights
from tests import naive_aggregation as naive
from tests.crowds import crowd, model_of
from tests.naive_difficulty import random_crowd
from tests.test_voting import read

auto_module = sys.modules[auto_of_methods.__module__]
slow = auto_module.slow


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


class TestExamples:
    def test_some_examples(self):
        """Examples are drawn until they have about as many labels as wanted; these keep all their labels, annotators and classes."""
        labels = labels_of(n_examples=100)
        chosen = some_examples(labels, 150, np.random.default_rng(0))
        some = with_examples(labels, chosen)

        assert 140 <= len(some) <= 150
        assert np.diff(chosen).min() > 0
        pd.testing.assert_frame_equal(some.to_long(), labels.select(examples=labels.examples[chosen]).to_long())
        assert (len(some.annotators), len(some.classes)) == (len(labels.annotators), len(labels.classes))
        assert with_examples(labels, some_examples(labels, len(labels), np.random.default_rng(0))) is labels

    def test_large_crowds(self, monkeypatch):
        """Above a number of labels methods are judged by some examples, slow ones are out, and the result is for all examples."""
        monkeypatch.setattr(auto_module, "MOST_LABELS", 300)
        labels = labels_of(n_examples=200, labels_per_example=4)
        frame, _ = crowd(n_examples=200, labels_per_example=4)
        result = mc.aggregate(labels, "auto", gold={frame["task"][0]: frame["label"][0]})

        assert result.posterior.shape == (200, 3)
        assert set(result.selection["why_not"][["ebcc", "mmsr"]]) == {"takes long on these labels"}
        assert result.selection["chosen"].any()

    def test_many_labels_on_one_example(self):
        """M-MSR, which looks at pairs, is not tried where thousands labelled the same example."""
        few = [(f"e{i}", f"a{j}", (i + (j == 0)) % 2) for i in range(20) for j in range(4)]
        frame = pd.DataFrame(few + [("big", f"a{j}", j % 10 < 7) for j in range(2500)], columns=["task", "worker", "label"])
        labels = mc.CrowdLabels.from_long(frame.astype({"label": int}))

        assert slow(labels, "mmsr")
        assert not slow(labels, "ebcc")
        assert not slow(labels_of(), "mmsr")


class TestScore:
    @pytest.mark.parametrize("seed", range(20))
    def test_log_loss(self, seed):
        """The losses equal the loops, at each temperature, with the confusion of one M step."""
        labels, _, _ = random_crowd(seed)
        hidden = hide(labels, np.random.default_rng(seed))
        seen, unseen = rows_of(labels, ~hidden), rows_of(labels, hidden)
        posterior = mc.aggregate(seen, "one_coin").posterior
        prior = naive.crowd_prior(seen, posterior, 5.0)
        confusion = np.exp(naive.dawid_skene_m(seen, posterior, prior)[0])
        flatter = np.sqrt(posterior) / np.sqrt(posterior).sum(axis=1, keepdims=True)
        expected = [naive.log_loss(naive.triples(unseen), rows, confusion) for rows in (posterior, flatter)]

        actual = log_losses(unseen, seen, mc.aggregate(seen, "one_coin"), (1.0, 2.0))
        np.testing.assert_allclose(actual.mean(axis=1), expected, atol=1e-9)

    def test_weights(self):
        """The weights of a stack are those that a grid finds best, and a method that adds nothing gets none."""
        rng = np.random.default_rng(0)
        probability = rng.uniform(0.05, 0.95, (300, 2))
        grid = np.linspace(0, 1, 1001)
        scores = [np.log(w * probability[:, 0] + (1 - w) * probability[:, 1]).mean() for w in grid]
        worse = np.column_stack([probability, probability.min(axis=1) * 0.5])

        assert stacking_weights(-np.log(probability))[0] == pytest.approx(grid[np.argmax(scores)], abs=2e-3)
        np.testing.assert_allclose(stacking_weights(-np.log(worse)), [*stacking_weights(-np.log(probability)), 0], atol=1e-3)

    def test_who_is_out_and_why(self):
        """Out are methods that stray from the votes, and methods that add nothing; each with its reason."""
        rng = np.random.default_rng(0)
        probability = rng.uniform(0.3, 0.9, 500)
        losses = {
            "dawid_skene": probability,
            "ibcc": rng.permutation(probability),
            "ebcc": np.minimum(probability, 0.2),
            "iwmv": probability + 0.05,
            "glad": probability * 0.8,
        }
        tables = {name: [np.repeat(-np.log(p)[None], len(TEMPERATURES), axis=0)] for name, p in losses.items()}
        trials = Trials(tables, {name: [0.9 if name != "iwmv" else 0.8] for name in losses})
        scores = scores_of(trials)

        assert trials.why_not["iwmv"] == "veto: agrees with the majority on 80% of the examples, Dawid-Skene on 90%"
        assert trials.why_not["ebcc"] == trials.why_not["glad"] == "adds little to the chosen ones: weight 0.00"
        assert set(trials.why_not) == {"iwmv", "ebcc", "glad"}
        assert scores.weight["dawid_skene"] + scores.weight["ibcc"] == pytest.approx(1)
        assert set(scores.temperature.values()) == {1.0}

    def test_the_table(self):
        """One row for each other method, the chosen first by weight; who is out has a reason, who is in has a weight."""
        labels = labels_of(n_examples=150, accuracy=(0.4, 0.95))
        result = mc.aggregate(labels, "auto")
        table = result.selection
        columns = ["title", "log_loss", "gain", "standard_error", "temperature", "weight", "chosen", "why_not"]

        assert set(table.index) == set(mc.METHODS) - {"auto"}
        assert list(table.columns) == columns
        assert table["weight"].sum() == pytest.approx(1)
        assert list(table["chosen"]) == sorted(table["chosen"], reverse=True)
        assert (table["why_not"] == "").tolist() == table["chosen"].tolist()
        assert table["why_not"]["crowdlab"] == mc.obstacle(labels, "crowdlab")
        assert result.method == "auto"

    def test_the_posterior_is_the_stack(self):
        """The posterior is the mean of the chosen methods' posteriors, at their temperatures, with their weights."""
        labels = labels_of(n_examples=150, accuracy=(0.4, 0.95))
        result = mc.aggregate(labels, "auto")
        chosen = result.selection[result.selection["chosen"]]
        total = np.zeros_like(result.posterior)
        for name, row in chosen.iterrows():
            few = {"n_restarts": 2} if "n_restarts" in mc.METHODS[name].options else {}
            powers = mc.aggregate(labels, name, **few).posterior ** (1 / row["temperature"])
            total += row["weight"] * powers / powers.sum(axis=1, keepdims=True)

        np.testing.assert_allclose(result.posterior, total, atol=1e-12)

    def test_a_method_that_strays_at_last(self, monkeypatch):
        """A method that did well on hidden labels, but finds something else on all labels, is left out of the result."""

        def strays(labels, *, gold=None):
            result = mc.aggregate(labels, "majority_vote")
            return result if len(labels) < n_labels else dataclasses.replace(result, label=(result.label + 1) % 3)

        labels = labels_of(n_examples=100)
        n_labels = len(labels)
        expected = mc.aggregate(labels, "auto").selection
        monkeypatch.setitem(mc.METHODS, "dawid_skene_clusters", mc.Method("Strays", strays))
        monkeypatch.setattr(trials_module, "LEAST_WEIGHT", 0.0)
        result = mc.aggregate(labels, "auto")

        assert expected["chosen"].any()
        assert result.selection["why_not"]["dawid_skene_clusters"].startswith("veto: ")
        assert result.selection["weight"].sum() == pytest.approx(1)
        np.testing.assert_allclose(result.posterior.sum(axis=1), 1)

    def test_needs_that_are_met(self):
        """With a model and gold, the methods that need them take part."""
        frame, truth = crowd()
        labels = mc.CrowdLabels.from_long(frame)
        result = mc.aggregate(labels, "auto", pred_probs=model_of(labels, truth), gold={"e0": "c1"})

        assert result.selection["log_loss"][["dawid_skene_with_model", "gold_majority_vote", "crowdlab"]].notna().all()
        assert result.quality[labels.examples.get_loc("e0")] == 1

    def test_a_method_that_refuses_is_left_out(self, monkeypatch):
        """A method that raises a ValueError on these labels is out, for the reason that it gives; all others still have their chance."""

        def refuses(labels, *, gold=None):
            raise ValueError("not today")

        monkeypatch.setitem(mc.METHODS, "wawa", mc.Method("Wawa", refuses))
        selection = mc.aggregate(labels_of(), "auto").selection

        assert selection["why_not"]["wawa"] == "not today"
        assert np.isnan(selection["log_loss"]["wawa"])
        assert np.isfinite(selection["log_loss"]["majority_vote"])


def test_prefers_what_fits():
    """Annotators who mix up two classes each in their own way need a confusion: votes predict their labels worse."""
    simulated = mc.simulate("independent-confusion", n_examples=300, n_annotators=15, n_classes=4, labels_per_example=8, seed=0)
    result = mc.aggregate(simulated.labels, "auto")
    weight, table = result.selection["weight"], result.selection["log_loss"]

    assert sum(w for name, w in weight.items() if mc.METHODS[name].family in ("Confusion", "Bayesian")) > 0.9
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
    assert set(calls) == set(range(1, calls[-1] + 1))
    assert calls[-1] >= 5 * result.selection["log_loss"].notna().sum()

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
    """Over three real crowds the choice is better than majority vote and than Dawid-Skene."""
    accuracy = {"auto": [], "majority_vote": [], "dawid_skene": []}
    for name in ("bluebirds", "music_genre", "labelme"):
        labels, truth = read(real_data / name)
        for method, values in accuracy.items():
            values.append(mc.evaluate(labels, mc.aggregate(labels, method), truth)["accuracy"])

    assert np.mean(accuracy["auto"]) > np.mean(accuracy["majority_vote"]) + 0.03
    assert np.mean(accuracy["auto"]) > np.mean(accuracy["dawid_skene"])


def test_easy_and_hard_examples():
    """Where clusters of annotators predict labels best and find difficulties in place of classes, the choice does not follow them."""
    accuracy = {"auto": [], "dawid_skene": [], "dawid_skene_clusters": []}
    for seed in range(2):
        made = mc.simulate("discrete-difficulty", n_annotators=100, ratio=0.35, seed=seed)
        for method, values in accuracy.items():
            values.append(mc.evaluate(made.labels, mc.aggregate(made.labels, method), made.truth)["accuracy_ties_split"])
    auto, expected, clusters = (np.mean(values) for values in accuracy.values())

    assert clusters < expected - 0.1
    assert auto >= expected - 0.01
