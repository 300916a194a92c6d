"""Majority vote, Dawid-Skene and one-coin against slow twins and by their promises."""

import numpy as np
import pandas as pd
import pytest

import multiannotator_core as mc
from multiannotator_core.aggregation.engine import Blocks
from multiannotator_core.consensus import break_ties
from tests import naive
from tests.crowds import crowd


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("prior_strength", [0, 2.5])
def test_dawid_skene_is_its_twin(seed, prior_strength):
    """Posterior, confusion and objective equal those of plain loops over rows, iteration by iteration."""
    labels = mc.CrowdLabels.from_long(crowd(n_examples=20, n_annotators=5, labels_per_example=3, seed=seed)[0])
    result = mc.aggregate(labels, prior_strength=prior_strength, max_iter=4, tol=0)
    posterior, confusion, trace = naive.dawid_skene(labels, prior_strength, 4)

    np.testing.assert_allclose(result.posterior, posterior, atol=1e-9)
    np.testing.assert_allclose(result.confusion, confusion, atol=1e-9)
    np.testing.assert_allclose(result.trace, trace, rtol=1e-9)


@pytest.mark.parametrize("seed", range(5))
def test_one_coin_is_its_twin(seed):
    """The posterior without a prior equals that of plain loops over rows."""
    labels = mc.CrowdLabels.from_long(crowd(n_examples=20, n_annotators=5, labels_per_example=3, seed=seed)[0])
    result = mc.aggregate(labels, "one_coin", prior_strength=0, max_iter=4, tol=0)

    np.testing.assert_allclose(result.posterior, naive.one_coin(labels, 4), atol=1e-9)


@pytest.mark.parametrize("method", ["dawid_skene", "one_coin"])
@pytest.mark.parametrize("seed", range(10))
def test_the_objective_never_falls(method, seed):
    """Each iteration of EM gains, with and without the prior, also with gold."""
    frame, truth = crowd(seed=seed)
    labels = mc.CrowdLabels.from_long(frame)
    for options in ({}, {"prior_strength": 0}, {"gold": truth.iloc[:10]}):
        trace = mc.aggregate(labels, method, max_iter=30, tol=0, **options).trace

        assert np.diff(trace).min() > -1e-9


def test_few_labels_do_not_make_a_certain_annotator():
    """With six labels each the classical estimate falls below majority vote, the default prior does not."""
    frame, truth = crowd(n_examples=600, n_annotators=400, n_classes=8, labels_per_example=4, accuracy=(0.5, 0.9), seed=1)
    labels = mc.CrowdLabels.from_long(frame)
    right = {
        name: mc.evaluate(labels, mc.aggregate(labels, method, **options), truth)["accuracy_ties_split"]
        for name, method, options in (
            ("votes", "majority_vote", {}),
            ("classical", "dawid_skene", {"prior_strength": 0}),
            ("default", "dawid_skene", {}),
        )
    }

    assert right["classical"] < right["votes"] < right["default"]


def test_one_label_is_no_certainty():
    """An annotator with a single label is not believed to be perfect."""
    frame = pd.DataFrame({"task": [0, 1, 2, 2], "worker": ["a", "a", "b", "a"], "label": [0, 1, 0, 0]})
    confusion = mc.aggregate(mc.CrowdLabels.from_long(frame)).confusion

    assert (confusion < 1).all()


def test_blocks_and_threads_change_nothing(monkeypatch):
    """Many blocks give what one block gives, and the number of threads changes no bit."""
    labels = mc.CrowdLabels.from_long(crowd(n_examples=500)[0])
    whole = mc.aggregate(labels)
    monkeypatch.setattr("multiannotator_core.aggregation.block.BLOCK", 100)
    posterior = np.full((500, 3), 1 / 3)
    one, two = (Blocks(labels, threads) for threads in (1, 2))

    assert len(one.bounds) > 10
    np.testing.assert_array_equal(one.counts(posterior), two.counts(posterior))
    np.testing.assert_allclose(mc.aggregate(labels).posterior, whole.posterior, atol=1e-12)


def test_ties_go_to_the_rarer_class_then_to_the_first():
    """The rule of ties: lower class frequency in the data, then class order."""
    frame = pd.DataFrame({"task": [0, 0, 1, 1, 2], "worker": ["a", "b", "a", "b", "a"], "label": ["x", "y", "y", "z", "y"]})
    labels = mc.CrowdLabels.from_long(frame)
    result = mc.aggregate(labels, "majority_vote")

    assert labels.classes[result.label].tolist() == ["x", "z", "y"]
    assert break_ties(np.array([[0.5, 0.5]]), np.array([3, 3])).tolist() == [0]


def test_quality_of_annotators_follows_its_definition():
    """annotator_quality is the sum over k of P(k) confusion[j, k, k], and without confusion the expected agreement."""
    labels = mc.CrowdLabels.from_long(crowd()[0])
    result = mc.aggregate(labels)
    expected = [sum(result.posterior[:, k].mean() * matrix[k, k] for k in range(3)) for matrix in result.confusion]
    votes = mc.aggregate(labels, "majority_vote")
    first = labels.annotator == 0

    np.testing.assert_allclose(result.annotator_quality, expected)
    np.testing.assert_allclose(votes.annotator_quality[0], votes.posterior[labels.example[first], labels.label[first]].mean())


def test_frame_of_the_result():
    """to_frame has cleanlab's columns, one line an example, and shares counted by hand."""
    labels = mc.CrowdLabels.from_wide(np.array([[0, 0, 1], [1, np.nan, np.nan], [np.nan] * 3]))
    frame = mc.aggregate(labels, "majority_vote").to_frame(labels)

    assert list(frame.columns) == ["consensus_label", "consensus_quality_score", "annotator_agreement", "num_annotations"]
    assert frame["num_annotations"].tolist() == [3, 1, 0]
    np.testing.assert_allclose(frame["annotator_agreement"], [2 / 3, 1, 0])


def test_log_odds_rank_where_posteriors_saturate():
    """Examples whose posterior is 1 to the last digit are still ordered by the number of labels behind them."""
    frame = pd.DataFrame(
        [(i, f"a{j}", 0) for i, n in enumerate((10, 20, 30)) for j in range(n)] + [(3, f"a{j}", 1) for j in range(30)],
        columns=["task", "worker", "label"],
    )
    result = mc.aggregate(mc.CrowdLabels.from_long(frame))

    assert (np.diff(result.log_odds[:3]) > 0).all()


@pytest.mark.parametrize("method", ["dawid_skene", "one_coin"])
def test_going_on_from_an_earlier_run(method):
    """After one more gold label, going on from the last posterior ends where a fresh run ends, in fewer iterations."""
    frame, truth = crowd(n_examples=400, accuracy=(0.6, 0.9))
    labels = mc.CrowdLabels.from_long(frame)
    before = mc.aggregate(labels, method, tol=1e-10, max_iter=1000)
    gold = truth.iloc[:1]
    fresh = mc.aggregate(labels, method, gold=gold, tol=1e-10, max_iter=1000)
    warm = mc.aggregate(labels, method, gold=gold, start=before.posterior, tol=1e-10, max_iter=1000)

    np.testing.assert_allclose(warm.posterior, fresh.posterior, atol=1e-4)
    assert warm.n_iter < fresh.n_iter
    with pytest.raises(ValueError, match="start has shape"):
        mc.aggregate(labels, method, start=before.posterior[:5])
