"""The variants of Dawid-Skene against plain loops, and what they promise."""

import numpy as np
import pandas as pd
import pytest

import multiannotator_core as mc
from multiannotator_core.aggregation.dawid_skene_clusters import starting_clusters
from multiannotator_core.aggregation.with_model import add_models
from tests import naive_aggregation as naive
from tests.crowds import crowd, model_of
from tests.naive_difficulty import random_crowd
from tests.test_voting import crowd_of, read, run

SEEDS = range(30)
METHODS = ["fast_dawid_skene", "dawid_skene_clusters", "weighted_dawid_skene"]


@pytest.mark.parametrize("seed", SEEDS)
class TestTwins:
    @pytest.mark.parametrize("hybrid", [False, True], ids=["hard", "hybrid"])
    def test_fast_dawid_skene(self, seed, hybrid):
        """Posterior and objective of each iteration equal the loops."""
        labels, gold = crowd_of(seed)
        strength = (0.5, 5.0)[seed % 2]
        actual = run("fast_dawid_skene", labels, gold, hybrid=hybrid, prior_strength=strength, max_iter=8, tol=0)
        posterior, trace = naive.fast_dawid_skene(labels, gold, strength, 8, hybrid)

        np.testing.assert_allclose(actual.posterior, posterior, atol=1e-9)
        np.testing.assert_allclose(actual.trace, trace, rtol=1e-9)

    def test_clusters(self, seed):
        """Posterior and lower bound of each iteration equal the loops, from the same starting clusters."""
        labels, gold = crowd_of(seed)
        rows = naive.shares(labels, gold=gold)
        prior = naive.crowd_prior(labels, rows, 5.0)
        start = starting_clusters((naive.counts_of(labels, rows) + prior).transpose(0, 2, 1), labels.labels_per_annotator > 0, 3)
        actual = run("dawid_skene_clusters", labels, gold, n_clusters=3, max_iter=6, tol=0)
        posterior, trace = naive.dawid_skene_clusters(labels, start, gold, max_iter=6)

        np.testing.assert_allclose(actual.posterior, posterior, atol=1e-9)
        np.testing.assert_allclose(actual.trace, trace, rtol=1e-9)

    def test_weighted_dawid_skene(self, seed):
        """Votes weighted by the diagonals equal the loops."""
        labels, gold = crowd_of(seed)
        actual = run("weighted_dawid_skene", labels, gold, max_iter=5, tol=0).posterior

        np.testing.assert_allclose(actual, naive.weighted_dawid_skene(labels, gold, max_iter=5), atol=1e-9)

    def test_dawid_skene_with_model(self, seed):
        """A model is a further annotator: the posterior is that of the loops over the longer table."""
        labels, gold = crowd_of(seed)
        rng = np.random.default_rng(seed)
        models = list(rng.dirichlet(np.ones(len(labels.classes)), size=(2, len(labels.examples))))
        n_annotators = len(labels.annotators)
        said = [(i, n_annotators + m, int(row.argmax())) for m, model in enumerate(models) for i, row in enumerate(model)]
        table = pd.DataFrame(naive.triples(labels) + said)
        longer = mc.CrowdLabels(labels.examples, pd.RangeIndex(n_annotators + 2), labels.classes, *(table[c].to_numpy() for c in range(3)))
        actual = run("dawid_skene_with_model", labels, gold, pred_probs=models, max_iter=5, tol=0)
        posterior, confusion = naive.dawid_skene(longer, gold, max_iter=5)

        np.testing.assert_allclose(actual.posterior, posterior, atol=1e-9)
        np.testing.assert_allclose(actual.confusion, confusion[:n_annotators], atol=1e-9)


@pytest.mark.parametrize("method", ["fast_dawid_skene", "dawid_skene_clusters"])
def test_the_objective_never_falls(method):
    """Every step raises the objective that the docstring names, on every random crowd."""
    for seed in SEEDS:
        labels, gold = crowd_of(seed)
        trace = np.array(run(method, labels, gold, max_iter=30, tol=0).trace)

        assert (np.diff(trace) >= -1e-9 * np.abs(trace[1:])).all()


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("seed", range(10))
def test_order_of_classes_and_annotators(method, seed):
    """Classes, annotators and examples in another order get the same posterior."""
    labels, _, gold = random_crowd(seed, n_examples=20, n_classes=3)
    rng = np.random.default_rng(seed)
    example, annotator, kind = (rng.permutation(n) for n in (20, 5, 3))
    names = (labels.examples, labels.annotators, labels.classes)
    turned = mc.CrowdLabels(*names, example[labels.example], annotator[labels.annotator], kind[labels.label])
    turned_gold = np.empty_like(gold)
    turned_gold[example] = np.where(gold >= 0, kind[gold], -1)
    expected, actual = run(method, labels, gold), run(method, turned, turned_gold)

    np.testing.assert_allclose(actual.posterior[example][:, kind], expected.posterior, atol=1e-8)


class TestFastDawidSkene:
    def test_hybrid_ends_where_the_hard_steps_stay(self):
        """The hybrid counts its soft and hard iterations in one trace, numbered on for the caller."""
        labels = mc.CrowdLabels.from_long(crowd(n_examples=200, seed=3)[0])
        calls = []
        result = mc.aggregate(labels, "fast_dawid_skene", hybrid=True, on_iteration=lambda i, objective: calls.append((i, objective)))

        assert [i for i, _ in calls] == list(range(1, result.n_iter + 1))
        assert tuple(objective for _, objective in calls) == result.trace
        assert result.converged

    def test_few_iterations(self):
        """The reason for its existence: it settles in no more iterations than Dawid-Skene."""
        labels = mc.CrowdLabels.from_long(crowd(n_examples=500, accuracy=(0.4, 0.9), seed=1)[0])

        assert mc.aggregate(labels, "fast_dawid_skene").n_iter < mc.aggregate(labels, "dawid_skene").n_iter


class TestClusters:
    def test_finds_kinds_of_annotators(self):
        """Good annotators and those who answer at random end in different clusters, and good ones get a good confusion."""
        rng = np.random.default_rng(0)
        truth = rng.integers(0, 3, 150)
        said = np.where(rng.random((150, 12)) < 0.9, truth[:, None], rng.integers(0, 3, (150, 12)))
        said[:, 6:] = rng.integers(0, 3, (150, 6))
        result = mc.aggregate(mc.CrowdLabels.from_wide(said), "dawid_skene_clusters", n_clusters=2)
        cluster = result.annotator_scores["cluster"]

        assert len(set(cluster[:6])) == len(set(cluster[6:])) == 1
        assert cluster[0] != cluster[-1]
        assert result.annotator_quality[:6].min() > 0.85
        assert result.annotator_quality[6:].max() < 0.5

    def test_more_clusters_than_annotators(self):
        """There are never more clusters than annotators with labels."""
        labels = mc.CrowdLabels.from_wide(np.array([[0, 1, np.nan], [1, 1, np.nan]]))
        result = mc.aggregate(labels, "dawid_skene_clusters", n_clusters=50)

        assert result.annotator_scores["cluster"].max() <= 1

    def test_annotators_without_labels_say_nothing(self):
        """Those who labelled nothing move no cluster: the posterior is the same with and without them."""
        said = random_crowd(3)[0].to_wide().to_numpy(dtype=object)
        without, and_idle = (mc.CrowdLabels.from_wide(wide) for wide in (said, np.hstack([said, np.full((len(said), 7), None)])))

        np.testing.assert_allclose(
            run("dawid_skene_clusters", and_idle).posterior, run("dawid_skene_clusters", without).posterior, atol=1e-12
        )

    def test_equal_annotators_start_together(self):
        """Rounding does not tear annotators of one kind apart, since their places in the table would decide."""
        rng = np.random.default_rng(0)
        counts = np.repeat(rng.random((2, 3, 3)), [5, 3], axis=0) * (1 + 1e-14 * rng.normal(size=(8, 3, 3)))
        member = starting_clusters(counts, np.ones(8, dtype=bool), 4)

        np.testing.assert_array_equal(member[:5], np.repeat(member[:1], 5, axis=0))
        np.testing.assert_array_equal(member[5:], np.repeat(member[5:6], 3, axis=0))

    def test_one_cluster_is_one_confusion(self):
        """With one cluster all annotators have the same confusion."""
        result = mc.aggregate(mc.CrowdLabels.from_long(crowd()[0]), "dawid_skene_clusters", n_clusters=1)

        np.testing.assert_allclose(result.confusion, np.broadcast_to(result.confusion[0], result.confusion.shape))

    @pytest.mark.parametrize("n_clusters", [0, 2.5])
    def test_wrong_number(self, n_clusters):
        """A number of clusters that is none is refused."""
        labels = mc.CrowdLabels.from_wide(np.array([[0, 1], [1, 1]]))
        with pytest.raises(ValueError, match=f"n_clusters={n_clusters} must be a whole number from 1"):
            mc.aggregate(labels, "dawid_skene_clusters", n_clusters=n_clusters)


class TestWithModel:
    def test_labels_of_the_model(self):
        """Each model labels every example once, after all annotators; equal probabilities go to the rarer class."""
        labels = mc.CrowdLabels.from_wide(np.array([[0, 0], [0, 1], [np.nan, 0]]))
        longer = add_models(labels, [np.array([[0.5, 0.5], [0.9, 0.1], [0.2, 0.8]])])
        models = longer.annotator == 2

        assert len(longer) == len(labels) + 3
        np.testing.assert_array_equal(longer.label[models], [1, 0, 1])
        np.testing.assert_array_equal(longer.example[models], [0, 1, 2])

    def test_example_without_labels(self):
        """Where nobody labelled, the model alone speaks; the result still has the crowd's annotators only."""
        frame, truth = crowd(n_examples=100, accuracy=(0.8, 0.95))
        labels = mc.CrowdLabels.from_long(frame)
        names, others = (labels.examples, labels.annotators, labels.classes), labels.example > 0
        bare = mc.CrowdLabels(*names, labels.example[others], labels.annotator[others], labels.label[others])
        model = model_of(labels, truth)
        result = mc.aggregate(bare, "dawid_skene_with_model", pred_probs=model)

        assert result.label[0] == model[0].argmax()
        assert result.confusion.shape[0] == len(labels.annotators)


@pytest.mark.parametrize("name", ["bluebirds", "dog", "web"])
def test_real_crowds(real_data, name):
    """On real crowds the hybrid is as good as Dawid-Skene, and the hard steps lose little."""
    labels, truth = read(real_data / name)
    accuracy = {
        key: mc.evaluate(labels, mc.aggregate(labels, method, **options), truth)["accuracy"]
        for key, method, options in (
            ("soft", "dawid_skene", {}),
            ("hard", "fast_dawid_skene", {}),
            ("hybrid", "fast_dawid_skene", {"hybrid": True}),
        )
    }

    assert accuracy["hybrid"] >= accuracy["soft"] - 0.005
    assert accuracy["hard"] >= accuracy["soft"] - 0.025
