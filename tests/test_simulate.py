"""Promises of `simulate`: who labels what, how labels are drawn, and that each strategy behaves as its paper says."""

import re
import tracemalloc
from collections import Counter
from itertools import combinations

import numpy as np
import pandas as pd
import pytest

from multiannotator_core.simulate import STRATEGIES, assignment, simulate, strategy_options
from multiannotator_core.simulate.crowd import Sampler, dirichlet_rows, made_dominant

MATRICES = np.array([[[0.9, 0.1, 0.0], [0.2, 0.7, 0.1], [0.0, 0.0, 1.0]], [[0.0, 0.5, 0.5], [1.0, 0.0, 0.0], [0.3, 0.3, 0.4]]])
OPTIONS = {"given-confusion": {"confusion": MATRICES, "labels_per_example": 2}}


def draw(strategy, **more):
    """A crowd of a strategy with the options it needs."""
    return simulate(strategy, **(OPTIONS.get(strategy, {}) | more))


def observed_confusion(crowd):
    """(J, K, K) share of given classes for each annotator and true class, and the number of labels (J, K, 1) behind it."""
    labels, k = crowd.labels, len(crowd.labels.classes)
    counts = np.zeros(crowd.confusion.shape)
    np.add.at(counts, (labels.annotator, crowd.truth.to_numpy()[labels.example], labels.label), 1)
    n = counts.sum(axis=2, keepdims=True)
    return counts / np.maximum(n, 1), n.reshape(-1, k, 1)


# ---------------------------------------------------------------------- every strategy


@pytest.mark.parametrize("strategy", STRATEGIES)
class TestEveryStrategy:
    """What holds for every entry of STRATEGIES; a new one needs no new line here."""

    def test_the_table_is_what_was_asked_for(self, strategy):
        """Sizes, names and classes are as asked, every example has its number of labels by distinct annotators."""
        crowd = draw(strategy, n_examples=50, n_annotators=7, n_classes=4, labels_per_example=2, seed=1)
        labels, (j, k) = crowd.labels, crowd.confusion.shape[:2]

        assert (len(labels.examples), len(labels.annotators), len(labels.classes)) == (50, j, k)
        assert labels.examples.tolist() == list(range(50))
        assert (labels.labels_per_example == 2).all()
        assert labels.repeated == 0
        assert crowd.truth.index.equals(labels.examples)
        assert set(crowd.truth) <= set(labels.classes)
        assert crowd.annotator_accuracy.shape == (j,)
        assert crowd.difficulty is None or crowd.difficulty.shape == (50,)

    def test_labels_follow_the_stated_confusion(self, strategy):
        """Over many labels each annotator's observed confusion is the true one, within four standard errors."""
        crowd = draw(strategy, n_examples=40_000, n_annotators=6, n_classes=3, labels_per_example=2, seed=2)
        observed, n = observed_confusion(crowd)
        # QUANTILES and realised shares of difficulty add a little to the sampling error
        allowed = 4 * np.sqrt(crowd.confusion * (1 - crowd.confusion) / n) + 0.01

        assert (np.abs(observed - crowd.confusion) <= allowed).all()
        assert crowd.confusion.sum(axis=2) == pytest.approx(1)
        accuracy = [
            (crowd.labels.label == crowd.truth.to_numpy()[crowd.labels.example])[crowd.labels.annotator == j].mean() for j in range(len(n))
        ]
        assert crowd.annotator_accuracy == pytest.approx(np.array(accuracy), abs=0.03)

    def test_same_seed_same_crowd(self, strategy):
        """The same arguments give the same table; another seed gives another one."""
        first, again, other = (draw(strategy, seed=seed) for seed in (3, 3, 4))

        assert first.labels.fingerprint == again.labels.fingerprint
        assert first.truth.equals(again.truth)
        assert first.labels.fingerprint != other.labels.fingerprint

    def test_more_labels_ask_the_same_annotators(self, strategy):
        """With the same seed, another number of labels changes neither the annotators nor the truth."""
        few, many = (draw(strategy, labels_per_example=n, seed=5) for n in (1, 2))

        np.testing.assert_array_equal(few.confusion, many.confusion)
        assert few.truth.equals(many.truth)

    def test_results_are_read_only_and_global_randomness_is_untouched(self, strategy):
        """Nobody can change a crowd, and drawing one does not disturb numpy's own generator."""
        before = np.random.get_state()[1].copy()  # noqa: NPY002 - the promise is about it
        crowd = draw(strategy)

        np.testing.assert_array_equal(before, np.random.get_state()[1])  # noqa: NPY002
        with pytest.raises(ValueError, match="read-only"):
            crowd.confusion[0, 0, 0] = 1


def test_a_seed_is_pinned():
    """The crowd of a seed is the same on every machine and in every release; if this must change, the changelog says so."""
    expected = {
        "hammer-spammer": [2, 1, 0, 0, 1, 2, 1, 1],
        "independent-confusion": [1, 1, 0, 0, 0, 1, 2, 2],
    }
    actual = {
        strategy: simulate(strategy, n_examples=4, n_annotators=4, n_classes=3, labels_per_example=2).labels.label.tolist()
        for strategy in expected
    }

    assert expected == actual


# ---------------------------------------------------------------------- each strategy


def test_hammers_are_right_and_spammers_draw():
    """Ratio is the share of spammers: a quarter of 20 annotators answer uniformly, the others have the identity."""
    crowd = simulate("hammer-spammer", n_annotators=20, ratio=0.25, n_classes=4)
    spammer = crowd.extra["spammer"]

    assert spammer.sum() == 5
    np.testing.assert_array_equal(crowd.confusion[~spammer], np.tile(np.eye(4), (15, 1, 1)))
    np.testing.assert_array_equal(crowd.confusion[spammer], np.full((5, 4, 4), 0.25))


def test_independent_rows_are_uniform_on_the_simplex():
    """The diagonal is the largest entry of each row, with the mean of the largest of K uniform spacings: (1 + 1/2 + ... + 1/K) / K."""
    crowd = simulate("independent-confusion", n_annotators=4000, n_classes=5, n_examples=10, seed=1)
    diagonal = crowd.confusion[:, range(5), range(5)]

    assert (diagonal == crowd.confusion.max(axis=2)).all()
    assert diagonal.mean() == pytest.approx((1 + 1 / 2 + 1 / 3 + 1 / 4 + 1 / 5) / 5, abs=0.005)


def test_dominant_switches_two_entries():
    """Only the diagonal and the row's largest entry change places."""
    matrix = np.array([[[0.1, 0.6, 0.3], [0.2, 0.5, 0.3], [0.7, 0.1, 0.2]]])
    expected = np.array([[[0.6, 0.1, 0.3], [0.2, 0.5, 0.3], [0.2, 0.1, 0.7]]])

    np.testing.assert_array_equal(expected, made_dominant(matrix))


def test_students_have_a_teachers_matrix():
    """Ratio is the share of students: 24 of 30 students leave 6 matrices, and each student has their teacher's."""
    crowd = simulate("student-teacher", ratio=0.8, seed=3)
    teacher, student = crowd.extra["teacher"], crowd.extra["student"]

    assert student.sum() == 24
    assert not student[teacher].any()
    np.testing.assert_array_equal(crowd.confusion, crowd.confusion[teacher])
    assert len(np.unique(crowd.confusion.reshape(30, -1), axis=0)) == 6
    assert len(np.unique(simulate("student-teacher", ratio=1.0).extra["teacher"])) == 1


def test_easy_examples_are_labelled_right():
    """ratio_difficulty is P(easy) / P(hard); easy examples have no error, hard ones the hard matrices, random ones chance."""
    crowd = simulate(
        "discrete-difficulty", n_examples=60_000, ratio_difficulty=3, ratio_random=0.2, labels_per_example=2, n_classes=4, seed=2
    )
    right = crowd.labels.label == crowd.truth.to_numpy()[crowd.labels.example]
    at = crowd.difficulty[crowd.labels.example]

    assert np.bincount(crowd.difficulty.astype(int)) / 60_000 == pytest.approx([0.6, 0.2, 0.2], abs=0.01)
    assert right[at == 0].all()
    assert right[at == 1].mean() == pytest.approx(crowd.extra["hard_confusion"][:, range(4), range(4)].mean(), abs=0.01)
    assert right[at == 2].mean() == pytest.approx(0.25, abs=0.01)


def test_good_annotators_are_dominant_and_sharp_bad_ones_are_neither():
    """Good: Dirichlet(0.2) with a dominant diagonal; bad: Dirichlet(1) as drawn, so that the diagonal is 1/K in the mean."""
    crowd = simulate("discrete-difficulty", n_annotators=3000, ratio=0.35, n_examples=10, seed=1)
    good, diagonal = crowd.extra["good"], crowd.extra["hard_confusion"][:, range(5), range(5)]

    assert good.sum() == 1050
    assert (diagonal[good] == crowd.extra["hard_confusion"][good].max(axis=2)).all()
    assert diagonal[~good].mean() == pytest.approx(0.2, abs=0.01)
    assert diagonal[good].mean() > 0.7


def test_glad_is_right_by_ability_times_easiness():
    """Within bins of the stated probability sigmoid(ability / difficulty), that share of labels is right."""
    crowd = simulate("glad", n_examples=30_000, n_annotators=40, labels_per_example=3, seed=4)
    probability = 1 / (1 + np.exp(-crowd.extra["ability"][crowd.labels.annotator] / crowd.difficulty[crowd.labels.example]))
    right = crowd.labels.label == crowd.truth.to_numpy()[crowd.labels.example]
    at = np.minimum((probability * 5).astype(int), 4)

    assert [right[at == b].mean() for b in range(5)] == pytest.approx([probability[at == b].mean() for b in range(5)], abs=0.03)


def test_copiers_repeat_their_source():
    """With copy=1 a copier never differs from the source, nor from another copier of it; with copy=0 nobody copies."""
    wide = {
        copy: simulate("copying", ratio=0.6, copy=copy, n_annotators=10, labels_per_example=10, n_examples=300, seed=1)
        for copy in (0.0, 1.0)
    }
    for copy, crowd in wide.items():
        table = crowd.labels.label.reshape(300, 10)
        differs = [(table[:, j] != table[:, crowd.extra["source"][j]]).mean() for j in np.flatnonzero(crowd.extra["copier"])]

        assert crowd.extra["copier"].sum() == 6
        assert (max(differs) == 0) if copy == 1 else (min(differs) > 0.1)


def test_copiers_agree_even_where_the_source_has_no_label():
    """Two who copy the same source agree on every example they share, whether or not the source was asked."""
    crowd = simulate("copying", ratio=0.9, copy=1.0, n_annotators=10, labels_per_example=3, n_examples=500, seed=2)

    assert crowd.extra["copier"].sum() == 9
    assert (crowd.labels.votes.max(axis=1) == 3).all()


def test_tired_annotators_get_worse_with_time():
    """Timestamps are there, and the last third of a tired annotator's labels is worse than the first; the others stay."""
    crowd = simulate("drift", n_examples=20_000, n_annotators=4, n_classes=3, labels_per_example=2, ratio=0.5, drift=1.0, seed=1)
    labels = crowd.labels
    right = pd.Series(labels.label == crowd.truth.to_numpy()[labels.example])
    late = pd.Series(labels.timestamp).groupby(labels.annotator).rank(pct=True)
    loss = [
        right[(labels.annotator == j) & (late < 1 / 3)].mean() - right[(labels.annotator == j) & (late > 2 / 3)].mean() for j in range(4)
    ]

    assert ((np.array(loss) > 0.1) == crowd.extra["tires"]).all()
    assert np.abs(np.array(loss)[~crowd.extra["tires"]]).max() < 0.05


def test_given_matrices_are_the_crowd():
    """given-confusion takes the number of annotators and classes from its matrices, and leaves them as they are."""
    matrices = MATRICES.copy()
    crowd = simulate("given-confusion", confusion=matrices, labels_per_example=1)

    np.testing.assert_allclose(crowd.confusion, MATRICES)
    np.testing.assert_array_equal(matrices, MATRICES)
    assert matrices.flags.writeable


# ---------------------------------------------------------------------- who labels what


@pytest.mark.parametrize(("size", "degree"), [(5, 2), (5, 4), (6, 3), (4, 4), (5, 1)])
def test_every_set_of_annotators_has_the_same_chance(size, degree):
    """All sets of `degree` distinct annotators occur equally often (chi-square over 20,000 examples), below and above one half."""
    rng = np.random.default_rng(7)
    columns = assignment.distinct_columns(rng, np.full(20_000, degree), size).reshape(-1, degree)
    seen = Counter(map(tuple, columns.tolist()))
    sets = list(combinations(range(size), degree))
    expected = 20_000 / len(sets)
    chi_square = sum((seen[s] - expected) ** 2 / expected for s in sets)

    assert set(seen) == set(sets)
    assert chi_square < len(sets) - 1 + 4 * np.sqrt(2 * (len(sets) - 1)) + 1e-9


def test_degrees_are_kept_in_every_block(monkeypatch):
    """Rows with few and with many of the columns, in blocks of any size, get distinct columns of just the number asked."""
    degree = np.array([1, 5, 3, 0, 2, 5, 4])
    columns = assignment.distinct_columns(np.random.default_rng(0), degree, 5)
    parts = np.split(columns, np.cumsum(degree)[:-1])

    assert [len(set(part.tolist())) for part in parts] == degree.tolist()
    for block in (1, 3, 7, 100):
        monkeypatch.setattr(assignment, "BLOCK", block)
        slices = list(assignment.blocks(degree))
        assert [row for rows, _ in slices for row in range(7)[rows]] == list(range(7))
        assert [entry for _, entries in slices for entry in range(20)[entries]] == list(range(20))
        assert all(degree[rows].sum() == entries.stop - entries.start for rows, entries in slices)


def test_loads_are_spread():
    """Balanced: each annotator labels about N D / J examples, within five standard deviations of the random assignment."""
    load = simulate("one-coin", n_examples=10_000, n_annotators=50, labels_per_example=10).labels.labels_per_annotator

    assert load.sum() == 100_000
    assert np.abs(load - 2000).max() < 5 * np.sqrt(10_000 * 0.2 * 0.8)


def test_imbalance_is_uniform_up_to_the_most():
    """With imbalance an example gets from 1 to labels_per_example labels, each number equally often."""
    n = simulate("one-coin", n_examples=10_000, n_annotators=30, labels_per_example=10, imbalance=True).labels.labels_per_example

    assert (n.min(), n.max()) == (1, 10)
    assert np.bincount(n)[1:] == pytest.approx(np.full(10, 1000), abs=150)


def test_load_per_annotator():
    """labels_per_annotator gives every annotator that many distinct examples, or with imbalance at most that many."""
    fixed = simulate("one-coin", n_examples=100, n_annotators=20, labels_per_annotator=60).labels
    at_most = simulate("one-coin", n_examples=100, n_annotators=200, labels_per_annotator=60, imbalance=True).labels.labels_per_annotator

    assert (fixed.labels_per_annotator == 60).all()
    assert fixed.repeated == 0
    assert at_most.min() < 5
    assert at_most.max() > 55
    assert at_most.max() <= 60


def test_class_balance():
    """The true classes come as often as class_balance says; a class with weight 0 never comes."""
    truth = simulate("one-coin", n_examples=20_000, n_classes=3, class_balance=[3, 1, 0]).truth

    assert truth.value_counts(normalize=True).to_dict() == pytest.approx({0: 0.75, 1: 0.25}, abs=0.02)


def test_memory_grows_with_labels_not_with_pairs():
    """A crowd of 100,000 x 10,000 with 3 labels each needs a small part of a table of all pairs, and less than 20 times its labels."""
    tracemalloc.start()
    crowd = simulate("hammer-spammer", n_examples=100_000, n_annotators=10_000, n_classes=2, labels_per_example=3)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert len(crowd.labels) == 300_000
    assert peak < 20 * 3 * 4 * len(crowd.labels) < 100_000 * 10_000 / 10


# ---------------------------------------------------------------------- drawing


@pytest.mark.parametrize("k", [2, 3, 5, 8, 9, 33])
def test_sampler_is_the_inverse_distribution_function(k):
    """The binary search in all rows at once finds what searchsorted finds in each row."""
    rng = np.random.default_rng(k)
    confusion = dirichlet_rows(rng, 4, k)
    annotator, truth, uniform = rng.integers(4, size=500), rng.integers(k, size=500), rng.random(500)
    expected = [
        np.searchsorted(np.cumsum(confusion[j, t])[:-1], u, side="right") for j, t, u in zip(annotator, truth, uniform, strict=True)
    ]

    assert expected == Sampler(confusion)(annotator, truth, uniform).tolist()


def test_impossible_classes_are_never_drawn():
    """A class of probability 0 is not drawn, not even by the smallest or the largest random number."""
    confusion = np.array([[[0.0, 0.3, 0.3, 0.4, 0.0], *np.eye(5)[1:]]])
    low, high = (np.full(5, u) for u in (0.0, np.nextafter(1, 0)))
    annotator, truth = np.zeros(5, dtype=int), np.arange(5)

    assert Sampler(confusion)(annotator, truth, low).tolist() == [1, 1, 2, 3, 4]
    assert Sampler(confusion)(annotator, truth, high).tolist() == [3, 1, 2, 3, 4]


# ---------------------------------------------------------------------- refusals


@pytest.mark.parametrize(
    ("strategy", "arguments", "words"),
    [
        ("spammer-hammer", {}, "There is no strategy 'spammer-hammer'; choose one of hammer-spammer, "),
        ("hammer-spammer", {"ratio": 1.5}, "ratio must be a number from 0 to 1, got 1.5"),
        ("hammer-spammer", {"ratio": float("nan")}, "ratio must be a number from 0 to 1"),
        ("hammer-spammer", {"ratio": "half"}, "ratio must be a number, got 'half'"),
        ("hammer-spammer", {"copy": 1}, "no option 'copy'; its options are ratio. 'copy' belongs to copying"),
        ("independent-confusion", {"ratio": 0.5}, "no option 'ratio'; it has none of its own. 'ratio' belongs to hammer-spammer"),
        ("discrete-difficulty", {"ratio_difficulty": -1}, "ratio_difficulty must be a number from 0"),
        ("one-coin", {"lowest": 0.9, "highest": 0.5}, "highest must be a number from 0.9 to 1"),
        ("mace", {"spam_shape": 0}, "spam_shape must be a number of 0.001 or more"),
        ("one-coin", {"labels_per_example": 31}, "labels_per_example=31, but there are only 30 annotators"),
        ("one-coin", {"labels_per_annotator": 201}, "labels_per_annotator=201, but there are only 200 examples"),
        ("one-coin", {"labels_per_example": 0}, "labels_per_example must be a whole number of 1 or more, got 0"),
        ("one-coin", {"n_examples": 2.5}, "n_examples must be a whole number of 1 or more, got 2.5"),
        ("one-coin", {"n_classes": 1}, "n_classes must be a whole number of 2 or more, got 1"),
        ("one-coin", {"class_balance": [1, 2]}, "class_balance has 2 numbers, but there are 5 classes"),
        ("one-coin", {"class_balance": [-1, 2, 1, 1, 1]}, "class_balance must hold numbers of 0 or more"),
        ("given-confusion", {}, "needs confusion="),
        ("given-confusion", {"confusion": np.eye(3)}, "confusion has shape (3, 3)"),
        ("given-confusion", {"confusion": MATRICES * 2}, "confusion, annotator 0, true class 0"),
    ],
)
def test_wrong_arguments_are_one_clear_sentence(strategy, arguments, words):
    """Every refusal names the argument, its value and what would be right."""
    with pytest.raises(ValueError, match=re.escape(words)):
        simulate(strategy, **arguments)


def test_options_come_from_signatures():
    """Pages read a strategy's options, types and defaults from its function."""
    options = strategy_options("discrete-difficulty")

    assert {name: option.default for name, option in options.items()} == {"ratio": 0.35, "ratio_difficulty": 1.0, "ratio_random": 0.0}
    assert {option.annotation for option in options.values()} == {float}
    assert simulate("student-teacher").options == {"ratio": 0.8}
