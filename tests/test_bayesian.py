"""IBCC, EBCC and BWA against plain loops and the published accuracies."""

import sys

import numpy as np
import pytest

import multiannotator_core as mc
from multiannotator_core.aggregation.ebcc import SubtypeModel
from multiannotator_core.aggregation.em import run_em
from tests import naive_aggregation as naive
from tests.crowds import crowd
from tests.naive_difficulty import random_crowd
from tests.test_voting import crowd_of, read, run

SEEDS = range(30)
METHODS = ["ibcc", "ebcc", "bwa"]

# Accuracies of Li, Rubinstein & Cohn's published notebooks, ties split.
PUBLISHED = {
    "bluebirds": {"ibcc": 0.8889, "bwa": 0.7593, "ebcc": 0.8611},
    "dog": {"ibcc": 0.8389, "bwa": 0.8315, "ebcc": 0.8401},
    "music_genre": {"ibcc": 0.79, "bwa": 0.7857, "ebcc": 0.7871},
    "rte": {"ibcc": 0.9275, "bwa": 0.9275, "ebcc": 0.9313},
    "weather_amt": {"ibcc": 0.8567, "bwa": 0.86, "ebcc": 0.8567},
    "web": {"ibcc": 0.7508, "bwa": 0.8225, "ebcc": 0.7686},
    "d_product": {"ibcc": 0.9383, "bwa": 0.9194},
    "sentiment_polarity": {"ibcc": 0.915, "bwa": 0.917, "ebcc": 0.9152},
    "trec": {"ibcc": 0.7055, "bwa": 0.6044},
}


@pytest.mark.parametrize("seed", SEEDS)
class TestTwins:
    def test_ibcc(self, seed):
        """Posterior and lower bound of each iteration equal the loops."""
        labels, gold = crowd_of(seed)
        actual = run("ibcc", labels, gold, prior_right=3.0, prior_wrong=0.5, max_iter=6, tol=0)
        posterior, trace = naive.ibcc(labels, gold, 3.0, 0.5, 6)

        np.testing.assert_allclose(actual.posterior, posterior, atol=1e-9)
        np.testing.assert_allclose(actual.trace, trace, rtol=1e-9)

    def test_bwa(self, seed):
        """All classes at once equal one class after the other."""
        labels, gold = crowd_of(seed)
        actual = run("bwa", labels, gold, prior_strength=4.0, max_iter=6, tol=0).posterior

        np.testing.assert_allclose(actual, naive.bwa(labels, gold, 4.0, 6), atol=1e-9)

    def test_ebcc(self, seed):
        """Posterior and lower bound of each iteration equal the loops, from the same start."""
        labels, gold = crowd_of(seed)
        model = SubtypeModel(labels, gold, 3, 4.0, 1.0)
        starts = [start(slice(None)).reshape(-1, len(labels.classes), 3) for start in model.starts(labels, 3, seed)]
        actual = run("ebcc", labels, gold, seed=seed, n_subtypes=3, n_restarts=3, max_iter=5, tol=0)
        posterior, trace = max((naive.ebcc(labels, start, 3, gold, max_iter=5) for start in starts), key=lambda fit: fit[1][-1])

        np.testing.assert_allclose(actual.posterior, posterior, atol=1e-9)
        np.testing.assert_allclose(actual.trace, trace, rtol=1e-9)


@pytest.mark.parametrize("seed", range(5))
def test_ebcc_in_parts(seed, monkeypatch):
    """A few examples at a time give what all at once give."""
    labels, gold = crowd_of(seed)
    whole = run("ebcc", labels, gold, n_restarts=2)
    monkeypatch.setattr(sys.modules[SubtypeModel.__module__], "CELLS", 100)
    parts = run("ebcc", labels, gold, n_restarts=2)

    np.testing.assert_allclose(parts.posterior, whole.posterior, atol=1e-9)
    np.testing.assert_allclose(parts.trace, whole.trace, rtol=1e-9)


@pytest.mark.parametrize("method", METHODS)
def test_the_objective_never_falls(method):
    """Every step raises the objective that the docstring names, on every random crowd."""
    for seed in SEEDS:
        labels, gold = crowd_of(seed)
        trace = np.array(run(method, labels, gold, max_iter=30, tol=0).trace)

        assert (np.diff(trace) >= -1e-9 * np.abs(trace[1:])).all()


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("seed", range(10))
def test_order_of_classes_and_annotators(method, seed):
    """Classes, annotators and examples in another order get the same posterior, even from random starts."""
    labels, _, gold = random_crowd(seed, n_examples=20, n_classes=3)
    rng = np.random.default_rng(seed)
    example, annotator, kind = (rng.permutation(n) for n in (20, 5, 3))
    names = (labels.examples, labels.annotators, labels.classes)
    turned = mc.CrowdLabels(*names, example[labels.example], annotator[labels.annotator], kind[labels.label])
    turned_gold = np.empty_like(gold)
    turned_gold[example] = np.where(gold >= 0, kind[gold], -1)
    expected, actual = run(method, labels, gold), run(method, turned, turned_gold)

    np.testing.assert_allclose(actual.posterior[example][:, kind], expected.posterior, atol=1e-7)


def test_ibcc_is_never_certain_of_an_annotator():
    """One right label does not make an annotator infallible, and a row without labels has the prior's mean."""
    labels = mc.CrowdLabels.from_wide(np.array([[0, 0, 0], [1, 1, np.nan]]))
    confusion = mc.aggregate(labels, "ibcc").confusion

    assert confusion.max() < 0.9
    np.testing.assert_allclose(confusion[2, 1, 1], 0.8, atol=0.02)


def test_bwa_stays_finite_where_all_agree():
    """Labels without any variance give certain answers, not infinite precisions."""
    labels = mc.CrowdLabels.from_wide(np.array([[0, 0, 0], [1, 1, 1], [0, 0, np.nan]]))
    result = mc.aggregate(labels, "bwa")

    np.testing.assert_array_equal(result.label, [0, 1, 0])
    np.testing.assert_allclose(result.quality, 1, atol=1e-4)
    assert np.isfinite(result.annotator_scores["precision"]).all()


class TestRestarts:
    def test_more_starts_are_never_worse(self):
        """The start with the highest bound is taken: more starts of the same seed only raise it."""
        labels = mc.CrowdLabels.from_long(crowd(accuracy=(0.3, 0.8), n_examples=120)[0])
        bounds = [mc.aggregate(labels, "ebcc", n_restarts=n).trace[-1] for n in (1, 2, 8)]

        assert bounds == sorted(bounds)
        assert bounds[2] > bounds[0]

    def test_seeds(self):
        """The first start is the votes, whole; of the others the same seed gives the same, another seed another."""
        labels = mc.CrowdLabels.from_long(crowd(accuracy=(0.3, 0.8))[0])
        model = SubtypeModel(labels, None, 4, 4.0, 1.0)
        one, again, other = ([start(slice(None)) for start in model.starts(labels, 2, seed)] for seed in (1, 1, 2))
        shares = labels.votes / labels.votes.sum(axis=1, keepdims=True)

        np.testing.assert_array_equal(one[0].reshape(-1, 3, 4), shares[:, :, None] * [1, 0, 0, 0])
        np.testing.assert_array_equal(one[1], again[1])
        np.testing.assert_allclose(model.by_class(one[1]), shares, atol=1e-12)
        assert np.abs(one[1] - other[1]).max() > 1e-6

    def test_the_whole_start_is_often_best(self, real_data):
        """On `web` the votes without a split lead to a higher bound than random splits, which is the published accuracy's."""
        labels, truth = read(real_data / "web")
        model = SubtypeModel(labels, None, 10, 4.0, 1.0)
        whole, split = (
            run_em(model.m_step, model.e_step, model.sums(start), max_iter=100, tol=1e-6, n_labels=len(labels))
            for start in model.starts(labels, 2, 0)
        )

        assert whole.trace[-1] > split.trace[-1] + 1
        assert mc.evaluate(labels, mc.aggregate(labels, "ebcc", n_restarts=1), truth)["accuracy_ties_split"] == pytest.approx(
            0.7686, abs=0.005
        )

    @pytest.mark.parametrize("seed", range(3))
    def test_correlated_mistakes(self, seed):
        """Subtypes are worth their price where a class has examples of two kinds, and only there: the bound tells."""
        rng = np.random.default_rng(seed)
        kind = rng.integers(0, 3, 400)  # class 0, an easy kind of class 1, and one on which everybody guesses
        for odd, better in ((0.5, 3), (0.95, 1)):
            said = (rng.random((8, 400)) < np.array([0.05, 0.95, odd])[kind]).T.astype(int)
            labels = mc.CrowdLabels.from_wide(said)
            bound = {n: mc.aggregate(labels, "ebcc", n_subtypes=n, n_restarts=2).trace[-1] for n in (1, 3)}

            assert max(bound, key=bound.get) == better


@pytest.mark.parametrize(
    ("method", "options", "message"),
    [
        ("ibcc", {"prior_right": 0}, "prior_right=0 must be more than 0"),
        ("ebcc", {"prior_wrong": -1}, "prior_wrong=-1 must be more than 0"),
        ("ebcc", {"n_subtypes": 0}, "n_subtypes=0 must be a whole number from 1"),
        ("ebcc", {"n_restarts": 1.5}, "n_restarts=1.5 must be a whole number from 1"),
        ("bwa", {"prior_strength": 0}, "prior_strength=0 must be more than 0"),
    ],
)
def test_wrong_options(method, options, message):
    """Options with which a method cannot run are refused with their name and value."""
    labels = mc.CrowdLabels.from_wide(np.array([[0, 1], [1, 1]]))
    with pytest.raises(ValueError, match=message):
        mc.aggregate(labels, method, **options)


@pytest.mark.parametrize(("name", "method"), [(name, method) for name, of in PUBLISHED.items() for method in of])
def test_published_accuracies(real_data, name, method):
    """Within .01 of what the authors' own notebooks print."""
    labels, truth = read(real_data / name)
    accuracy = mc.evaluate(labels, mc.aggregate(labels, method), truth)["accuracy_ties_split"]

    assert accuracy == pytest.approx(PUBLISHED[name][method], abs=0.01)
