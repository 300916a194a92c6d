"""The voting methods against plain loops, small cases worked by hand, and what they promise."""

import numpy as np
import pandas as pd
import pytest

import multiannotator_core as mc
from tests import naive_aggregation as naive
from tests.naive_difficulty import random_crowd

SEEDS = range(40)
ITERATED = ["zero_based_skill", "iwmv", "plantnet"]


def run(method, labels, gold=None, **options):
    return mc.METHODS[method].run(labels, gold=gold, **options)


def crowd_of(seed):
    """A random crowd of two to four classes, with gold for every other seed."""
    labels, _, gold = random_crowd(seed, n_examples=14, n_annotators=5, n_classes=2 + seed % 3, density=0.5)
    return labels, gold if seed % 2 else None


@pytest.mark.parametrize("seed", SEEDS)
class TestTwins:
    def test_wawa(self, seed):
        """Wawa equals the loops."""
        labels, gold = crowd_of(seed)

        np.testing.assert_allclose(run("wawa", labels, gold).posterior, naive.wawa(labels, gold), atol=1e-12)

    def test_zero_based_skill(self, seed):
        """The skills take the same steps as the loops, over the first halving of the rate."""
        labels, gold = crowd_of(seed)
        actual = run("zero_based_skill", labels, gold, learning_rate=0.7, max_iter=22, tol=0)

        np.testing.assert_allclose(actual.posterior, naive.zero_based_skill(labels, gold, 0.7, 22), atol=1e-9)

    def test_iwmv(self, seed):
        """The iterated vote equals the loops."""
        labels, gold = crowd_of(seed)

        np.testing.assert_allclose(run("iwmv", labels, gold, max_iter=4, tol=0).posterior, naive.iwmv(labels, gold, 4), atol=1e-9)

    def test_gold_majority_vote(self, seed):
        """Skills from gold equal the loops, with and without prior."""
        labels, _, gold = random_crowd(seed)
        gold[0] = 0
        for strength in (0.0, 1.0, 4.0):
            actual = run("gold_majority_vote", labels, gold, prior_strength=strength).posterior

            np.testing.assert_allclose(actual, naive.gold_majority_vote(labels, gold, strength), atol=1e-12)

    def test_plantnet(self, seed):
        """Weights, shares and validity equal the loops, also with thresholds that small crowds reach."""
        labels, gold = crowd_of(seed)
        options = {"min_confidence": 1.5, "min_accuracy": 0.6, "alpha": 0.8, "beta": 0.3}
        actual = run("plantnet", labels, gold, max_iter=3, tol=0, **options)
        shares, undecided = naive.plantnet(labels, gold, max_iter=3, **options)

        np.testing.assert_allclose(actual.posterior, shares, atol=1e-12)
        np.testing.assert_array_equal(actual.undecided, undecided)

    def test_two_thirds(self, seed):
        """Shares and the undecided mask equal the loops."""
        labels, gold = crowd_of(seed)
        actual = run("two_thirds", labels, gold)
        shares, undecided = naive.two_thirds(labels, gold)

        np.testing.assert_allclose(actual.posterior, shares, atol=1e-12)
        np.testing.assert_array_equal(actual.undecided, undecided)


class TestByHand:
    def test_two_thirds_is_decided(self):
        """Two of three labels decide, one of two does not, and neither does an example without labels."""
        wide = np.array([[0, 0, 1], [0, 1, np.nan], [np.nan, np.nan, np.nan], [1, np.nan, np.nan]])
        result = mc.aggregate(mc.CrowdLabels.from_wide(wide), "two_thirds")

        np.testing.assert_array_equal(result.undecided, [False, True, True, False])

    def test_gold_decides(self):
        """A reviewer's decision ends the doubt of the rules that may leave an example undecided."""
        labels = mc.CrowdLabels.from_wide(np.array([[0, 1], [0, 1]]))
        for method in ("two_thirds", "plantnet"):
            np.testing.assert_array_equal(mc.aggregate(labels, method, gold={0: 1}).undecided, [False, True])

    def test_wawa_skills(self):
        """Two annotators agree on all three examples, the third on one: skills 1, 1 and 1/3."""
        result = mc.aggregate(mc.CrowdLabels.from_wide(np.array([[0, 0, 1], [1, 1, 1], [0, 0, 1]])), "wawa")

        np.testing.assert_allclose(result.annotator_scores["skill"], [1, 1, 1 / 3])
        np.testing.assert_allclose(result.posterior[0], [6 / 7, 1 / 7])

    def test_iwmv_turns_an_adversary_round(self):
        """Someone who always says the contrary weighs minus one, so their word alone counts for the other class."""
        wide = np.array([[0, 0, 0, 1], [1, 1, 1, 0]] * 5 + [[np.nan, np.nan, np.nan, 1]])
        result = mc.aggregate(mc.CrowdLabels.from_wide(wide), "iwmv")

        assert result.label[-1] == 0
        np.testing.assert_allclose(result.annotator_scores["accuracy"], [1, 1, 1, 0], atol=0.1)

    def test_gold_majority_vote_trusts_the_tested(self):
        """Two annotators who fail on gold do not outvote the one who was right."""
        frame = pd.DataFrame([[0, 1, 1], [0, 1, 1], [0, 1, 1], [0, 1, 1], [1, 0, 0]])
        labels = mc.CrowdLabels.from_wide(frame)
        result = mc.aggregate(labels, "gold_majority_vote", gold={0: 0, 1: 0, 2: 0, 3: 0})

        assert result.label[4] == 1

    def test_gold_without_labels_is_majority_vote(self):
        """Gold on an example that nobody labelled says nothing about anybody: all weigh the same."""
        wide = pd.DataFrame([[0, 0, 1], [np.nan] * 3], index=["a", "b"])
        result = mc.aggregate(mc.CrowdLabels.from_wide(wide), "gold_majority_vote", gold={"b": 0}, prior_strength=0)

        np.testing.assert_allclose(result.posterior, [[2 / 3, 1 / 3], [1, 0]])

    def test_plantnet_experts_outweigh_novices(self):
        """Two who have identified many classes outvote three who have identified none."""
        many = [[k, k, k, np.nan, np.nan, np.nan] for k in range(30)]
        labels = mc.CrowdLabels.from_wide(np.array([*many, [5, 5, np.nan, 7, 7, 7]]))
        result = mc.aggregate(labels, "plantnet")

        assert result.label[-1] == 5
        np.testing.assert_array_equal(result.annotator_scores["classes_identified"], [30, 30, 30, 0, 0, 0])
        assert mc.aggregate(labels, "majority_vote").label[-1] == 7


@pytest.mark.parametrize("method", ["zero_based_skill", "iwmv"])
def test_the_objective_never_falls(method):
    """Both steps raise the objective that the docstring names, on every random crowd."""
    for seed in SEEDS:
        labels, gold = crowd_of(seed)
        trace = np.array(run(method, labels, gold, max_iter=45, tol=0).trace)

        assert (np.diff(trace) >= -1e-9).all()


@pytest.mark.parametrize("method", ["two_thirds", "wawa", "gold_majority_vote", *ITERATED])
@pytest.mark.parametrize("seed", range(10))
def test_order_of_classes_and_annotators(method, seed):
    """Classes, annotators and examples in another order get the same posterior: ties are shared, not broken by place."""
    labels, _, gold = random_crowd(seed, n_examples=20, n_classes=3)
    gold[0] = 1
    rng = np.random.default_rng(seed)
    example, annotator, kind = (rng.permutation(n) for n in (20, 5, 3))
    names = (labels.examples, labels.annotators, labels.classes)
    turned = mc.CrowdLabels(*names, example[labels.example], annotator[labels.annotator], kind[labels.label])
    turned_gold = np.empty_like(gold)
    turned_gold[example] = np.where(gold >= 0, kind[gold], -1)
    expected, actual = run(method, labels, gold), run(method, turned, turned_gold)

    np.testing.assert_allclose(actual.posterior[example][:, kind], expected.posterior, atol=1e-9)


@pytest.mark.parametrize(
    ("method", "options", "message"),
    [
        ("zero_based_skill", {"learning_rate": 0}, "learning_rate=0 must be above 0"),
        ("zero_based_skill", {"learning_rate": 1.5}, "learning_rate=1.5 must be above 0 and at most 1"),
        ("gold_majority_vote", {"prior_strength": -1}, "prior_strength=-1 must be 0"),
        ("plantnet", {"beta": 0.6}, "alpha=0.5 and beta=0.6"),
        ("plantnet", {"max_iter": 0}, "max_iter=0 must be a whole number"),
        ("iwmv", {"max_iter": 1.5}, "max_iter=1.5 must be a whole number"),
    ],
)
def test_wrong_options(method, options, message):
    """Options with which a method cannot run are refused with their name and value."""
    labels = mc.CrowdLabels.from_wide(np.array([[0, 1], [1, 1]]))
    with pytest.raises(ValueError, match=message):
        mc.aggregate(labels, method, gold={0: 0}, **options)


def test_gold_is_needed_in_a_direct_call():
    """Called without the table of methods, gold majority vote still says what it needs."""
    labels = mc.CrowdLabels.from_wide(np.array([[0, 1], [1, 1]]))
    with pytest.raises(ValueError, match="needs gold for some examples"):
        run("gold_majority_vote", labels)


@pytest.mark.parametrize(
    ("name", "wawa", "zero_based_skill"),
    [("bluebirds", 0.7593, 0.7593), ("dog", 0.829, 0.8302), ("rte", 0.9187, 0.9213), ("web", 0.7693, 0.8262)],
)
def test_real_crowds(real_data, name, wawa, zero_based_skill):
    """On real crowds each is at least as good as crowd-kit's method of the same name, less .0065 for other ties."""
    labels, truth = read(real_data / name)
    for method, reference in (("wawa", wawa), ("zero_based_skill", zero_based_skill)):
        assert mc.evaluate(labels, mc.aggregate(labels, method), truth)["accuracy"] >= reference - 0.0065


def read(folder):
    """Labels and gold of a shared set, exact repetitions dropped."""
    answers, truth = (pd.read_csv(folder / name, dtype=str) for name in ("answers.csv", "truth.csv"))
    classes = sorted(set(answers["label"]) | set(truth["truth"]))
    return mc.CrowdLabels.from_long(answers, duplicates="collapse", classes=classes), truth.set_index("task")["truth"]
