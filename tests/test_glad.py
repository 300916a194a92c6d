"""GLAD, and the contract of the difficulty and spam methods."""

import os
import random
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import multiannotator_core as mc
from multiannotator_core.aggregation.glad import glad, glad_with_model
from tests import naive_difficulty as naive

DATA = Path(os.environ.get("CROWDLENS_DATA", "../shared/data"))
needs_data = pytest.mark.skipif(not DATA.is_dir(), reason="real crowd data not found: set CROWDLENS_DATA")

METHODS = ("glad", "glad_with_model", "mace", "kos", "mmsr")
RANDOM = ("mace", "kos")  # they draw, so another order of names is another draw
BINARY = ("kos",)
ITERATIVE = METHODS


def run(method, labels, **options):
    """The method on these labels, with a model's pred_probs where it needs them."""
    if method == "glad_with_model":
        options.setdefault("pred_probs", model_for(labels))
    return mc.aggregate(labels, method, **options)


def model_for(labels):
    """Votes with one more vote for the first class: a model that agrees with the crowd."""
    votes = labels.votes + 1 / len(labels.classes)
    return votes / votes.sum(axis=1, keepdims=True)


def crowd(seed=0, method="glad", **shape):
    """A random crowd that the method can run on."""
    return naive.random_crowd(seed, **({"n_classes": 2} if method in BINARY else {}) | shape)[0]


def from_rows(rows, classes=None):
    """Labels from (example, annotator, class) rows."""
    return mc.CrowdLabels.from_long(pd.DataFrame(rows, columns=["example", "annotator", "label"]), classes=classes)


def load(name):
    """A real set without repeated rows, and its gold."""
    frame = pd.read_csv(DATA / name / "answers.csv", dtype=str)
    truth = pd.read_csv(DATA / name / "truth.csv", dtype=str).set_index("task")["truth"]
    return mc.CrowdLabels.from_long(frame, duplicates="collapse"), truth


def accuracy(labels, result, truth):
    """Share of the gold examples whose consensus label is the gold."""
    at = labels.examples.get_indexer(truth.index)
    return float(np.mean(labels.classes[result.label][at] == truth.to_numpy()))


def assert_sound(labels, result):
    """Everything in the result has its shape, is finite, and is what it says."""
    n, j, k = len(labels.examples), len(labels.annotators), len(labels.classes)

    assert (n, k) == result.posterior.shape
    assert np.isfinite(result.posterior).all()
    assert (result.posterior >= 0).all()
    assert not np.signbit(result.posterior).any()
    assert np.abs(result.posterior.sum(axis=1) - 1).max() < 1e-12
    assert (n,) == result.label.shape
    assert (j,) == result.annotator_quality.shape
    assert ((result.annotator_quality >= 0) & (result.annotator_quality <= 1)).all()
    assert all(scores.shape == (j,) and np.isfinite(scores).all() for scores in result.annotator_scores.values())
    assert all(np.isfinite(result.trace))
    if result.confusion is not None:
        assert (j, k, k) == result.confusion.shape
        assert np.abs(result.confusion.sum(axis=2) - 1).max() < 1e-12
    if result.difficulty is not None:
        assert np.isfinite(result.difficulty).all()


@pytest.mark.parametrize("method", METHODS)
class TestContract:
    """What every method promises, whatever its model."""

    @pytest.mark.parametrize("seed", range(8))
    def test_sound_on_random_crowds(self, method, seed):
        """Rows sum to 1, everything is finite and has its shape."""
        labels = crowd(seed, method, n_classes=2 if method in BINARY else 2 + seed % 4)

        assert_sound(labels, run(method, labels))

    def test_order_of_rows(self, method):
        """The order of the rows does not change one bit."""
        frame = crowd(3, method).to_long()
        shuffled = frame.sample(frac=1, random_state=1)

        expected, actual = (run(method, mc.CrowdLabels.from_long(f)) for f in (frame, shuffled))

        assert np.array_equal(expected.posterior, actual.posterior)

    def test_names_and_their_order(self, method):
        """Other names, and with them another order of examples, annotators and classes, give the same posterior."""
        if method in RANDOM:
            pytest.skip("draws at random in the order of names")
        frame = crowd(5, method, n_examples=40, n_annotators=8).to_long()
        renamed = pd.DataFrame(
            {
                "example": [f"task {997 - 31 * e % 997}" for e in frame["example"]],
                "annotator": [("", "worker", "7", "007", "é" * 300, "alice", "task", "x")[j] for j in frame["annotator"]],
                "label": [f"class {9 - k}" for k in frame["label"]],
            }
        )
        first, second = mc.CrowdLabels.from_long(frame), mc.CrowdLabels.from_long(renamed)
        at = second.examples.get_indexer([f"task {997 - 31 * e % 997}" for e in first.examples])
        classes = second.classes.get_indexer([f"class {9 - k}" for k in first.classes])

        expected, actual = run(method, first).posterior, run(method, second).posterior[at][:, classes]

        assert np.abs(expected - actual).max() < 1e-9

    def test_gold_is_certain(self, method):
        """Examples with gold have that class for certain, and the others stay probabilities."""
        labels = crowd(7, method)
        gold = {0: labels.classes[1], 3: labels.classes[0]}

        result = run(method, labels, gold=gold)

        assert_sound(labels, result)
        assert np.array_equal(result.posterior[[0, 3]], np.eye(len(labels.classes))[[1, 0]])

    @pytest.mark.parametrize(
        "rows",
        [
            [(0, "a", "x"), (1, "a", "y"), (2, "a", "x")],
            [(i, f"a{i}", "xy"[i % 2]) for i in range(6)],
            [(0, "a", "x")],
            [(i, j, "xy"[j]) for i in range(4) for j in range(2)],
            [(i, j, "x") for i in range(4) for j in range(3)],
            [(1, 1, "x"), ("1b", "j", "y"), (2.5, 1, "y"), (1, "j", "y")],
            [(i, j, "xy"[(i + j) % 2]) for i in range(6) for j in range(4)],
        ],
        ids=["one annotator", "one label each", "one label", "all tied", "all agree", "mixed ids", "always opposed"],
    )
    def test_degenerate(self, method, rows):
        """Tables with nothing to learn from give a sound result, without warnings."""
        labels = from_rows(rows, classes=["x", "y"])

        assert_sound(labels, run(method, labels))

    def test_one_class(self, method):
        """With one class every example has it."""
        if method in BINARY:
            pytest.skip("needs two classes")
        labels = from_rows([(i, j, "x") for i in range(4) for j in range(3) if i != j])

        result = run(method, labels)

        assert_sound(labels, result)
        assert np.array_equal(np.ones((4, 1)), result.posterior)

    @pytest.mark.parametrize("n_labels", [1000, 5000])
    @pytest.mark.parametrize("n_classes", [2, 5, 50])
    def test_many_labels_on_one_example(self, method, n_labels, n_classes):
        """Thousands of labels on one example: finite and right, where products of probabilities vanish."""
        if method in BINARY and n_classes > 2:
            pytest.skip("needs two classes")
        if method == "mmsr" and n_labels > 1000:
            pytest.skip("looks at 25 million pairs for this one example")
        rows = [("hard", f"a{j}", 0 if j % 3 else 1 + j % (n_classes - 1)) for j in range(n_labels)]
        rows += [(f"easy {i}", f"a{j}", i % n_classes) for i in range(5) for j in range(40)]
        labels = from_rows(rows, classes=list(range(n_classes)))

        result = run(method, labels, **({"n_restarts": 2} if method == "mace" else {}))

        assert_sound(labels, result)
        assert result.label[labels.examples.get_loc("hard")] == 0

    def test_without_labels(self, method):
        """Examples and annotators that have no labels left get a sound result too."""
        wide = pd.DataFrame([["x", "y", "x"], [None, None, None], ["y", "y", None], ["x", None, "x"]], columns=["a", "b", "c"])
        labels = mc.CrowdLabels.from_wide(wide)

        assert_sound(labels, run(method, labels))
        for fewer in (
            labels.select(annotators=["a", "b"]),
            labels.select(examples=[1, 3]),
            labels.select(annotators=["b"], examples=[1, 2]),
        ):
            assert_sound(fewer, run(method, fewer))

    def test_random_states_and_inputs_stay(self, method):
        """Process-wide random states and the input are as before, and the same seed gives the same result."""
        labels = crowd(11, method)
        before = [a.copy() for a in (labels.example, labels.annotator, labels.label, labels.votes)]
        python, numpy = random.getstate(), np.random.get_state()[1].tolist()  # noqa: NPY002

        expected, actual = run(method, labels, seed=4), run(method, labels, seed=4)

        assert np.array_equal(expected.posterior, actual.posterior)
        assert all(map(np.array_equal, before, (labels.example, labels.annotator, labels.label, labels.votes)))
        assert python == random.getstate()
        assert numpy == np.random.get_state()[1].tolist()  # noqa: NPY002


@pytest.mark.parametrize("method", ITERATIVE)
class TestIterations:
    """What max_iter, tol and on_iteration promise."""

    def test_exact_number(self, method):
        """tol=0 means exactly max_iter iterations, also long after the result has settled."""
        labels = crowd(2, method)

        assert run(method, labels, tol=0, max_iter=1).n_iter == 1
        assert run(method, labels, tol=0, max_iter=60).n_iter == 60

    def test_stop(self, method):
        """A run that met the stop rule says so, one that ran out of iterations says so."""
        labels = crowd(4, method, n_examples=100, n_annotators=10)

        assert run(method, labels, max_iter=500).converged
        assert not run(method, labels, max_iter=1).converged

    def test_refusals(self, method):
        """Options with which no loop can run are refused by name."""
        with pytest.raises(ValueError, match="max_iter=0"):
            run(method, crowd(2, method), max_iter=0)
        with pytest.raises(ValueError, match="tol=-1"):
            run(method, crowd(2, method), tol=-1)

    def test_cancel(self, method):
        """An exception in on_iteration ends the run and reaches the caller."""
        seen = []

        def stop(i, objective):
            seen.append((i, objective))
            if i == 3:
                raise mc.Cancelled

        with pytest.raises(mc.Cancelled):
            run(method, crowd(2, method), on_iteration=stop, tol=0)

        assert [i for i, _ in seen] == [1, 2, 3]
        assert np.isfinite([objective for _, objective in seen]).all()


class TestGlad:
    """GLAD against its equations."""

    @pytest.mark.parametrize("seed", range(25))
    def test_twin(self, seed):
        """Posterior, abilities, difficulties and objective equal those of plain loops over the equations."""
        labels, _, gold = naive.random_crowd(seed, n_classes=1 + seed % 4, n_examples=8, n_annotators=4)
        strength = (1.0, 0.3, 4.0)[seed % 3]
        posterior, ability, log_beta, trace = naive.glad(labels, gold, strength, n_iter=6)

        result = glad(labels, gold=gold, prior_strength=strength, max_iter=6, tol=0)

        assert np.abs(posterior - result.posterior).max() < 1e-9
        assert np.abs(ability - result.annotator_scores["ability"]).max() < 1e-9
        assert np.abs(np.exp(-log_beta) - result.difficulty).max() < 1e-9
        assert trace == pytest.approx(result.trace, abs=1e-9)

    @pytest.mark.parametrize("seed", range(4))
    def test_stationary(self, seed):
        """At the end no ability and no difficulty can be moved to a higher objective: its slope is zero."""
        labels, _, gold = naive.random_crowd(seed, n_examples=7, n_annotators=4)
        result = glad(labels, gold=gold, max_iter=2000, tol=0)
        at = np.concatenate([result.annotator_scores["ability"], -np.log(result.difficulty)])

        def objective(values):
            return naive.glad_posterior(labels, gold, values[:4], values[4:], 1.0)[1]

        steps = 1e-5 * np.eye(len(at))
        slope = [(objective(at + step) - objective(at - step)) / 2e-5 for step in steps]

        assert np.abs(slope).max() < 1e-5

    @pytest.mark.parametrize("strength", [0.0, 0.1, 1.0, 10.0])
    @pytest.mark.parametrize("seed", range(5))
    def test_objective_never_falls(self, seed, strength):
        """Each iteration raises the penalised log likelihood."""
        labels, _, gold = naive.random_crowd(seed, n_examples=60, n_annotators=9, n_classes=4)

        trace = glad(labels, gold=gold, prior_strength=strength, max_iter=150, tol=0).trace

        assert min(np.diff(trace)) > -1e-9

    def test_without_prior(self):
        """Annotators who are always right, or always wrong, stay finite where the likelihood has no maximum."""
        labels = from_rows([(i, j, i % 3 if j < 4 else (i + 1) % 3) for i in range(30) for j in range(6)])

        result = glad(labels, prior_strength=0, max_iter=3000, tol=0)

        assert_sound(labels, result)
        assert np.array_equal(np.arange(30) % 3, result.label)

    def test_large_negative_ability(self):
        """An annotator who is wrong on 2,000 gold examples gets a large negative ability, and helps."""
        gold = np.arange(2001, dtype=np.int32) % 2
        rows = [(i, "liar", int(1 - gold[i])) for i in range(2001)] + [(i, "honest", int(gold[i])) for i in range(0, 2000, 2)]
        labels = from_rows(rows)
        gold[2000] = -1

        result = glad(labels, gold=gold)

        assert_sound(labels, result)
        liar = labels.annotators.get_loc("liar")
        assert result.annotator_scores["ability"][liar] < -1
        assert result.label[2000] == 0

    def test_difficulty_and_ability_are_found(self):
        """Examples on which annotators guess come out harder than those on which they do not, and guessers weaker."""
        rng = np.random.default_rng(5)
        truth, hard, guesses = rng.integers(3, size=200), np.arange(200) < 100, np.arange(15) < 5
        chance = np.where(guesses, 1 / 3, np.where(hard[:, None], 0.6, 0.98))
        wrong = (truth[:, None] + rng.integers(1, 3, size=(200, 15))) % 3
        label = np.where(rng.random((200, 15)) < chance, truth[:, None], wrong)

        result = glad(mc.CrowdLabels.from_wide(label))

        assert (result.difficulty[hard][:, None] > result.difficulty[~hard]).mean() > 0.95
        ability = result.annotator_scores["ability"]
        assert ability[guesses].max() < ability[~guesses].min()

    def test_nothing_known(self):
        """An example and an annotator without labels keep the means of the priors."""
        labels = from_rows([(0, "a", "x"), (1, "b", "y")])
        less = labels.select(annotators=["a"])
        empty = mc.CrowdLabels(labels.examples, labels.annotators, labels.classes, less.example, less.annotator, less.label)

        result = glad(empty)

        assert result.annotator_scores["ability"][1] == 1.0
        assert np.exp(-1.0) == pytest.approx(result.difficulty[1])
        assert np.array_equal([0.5, 0.5], result.posterior[1])

    def test_refuses_strength(self):
        """A negative precision is refused by name."""
        with pytest.raises(ValueError, match="prior_strength=-1"):
            glad(crowd(), prior_strength=-1)

    @needs_data
    @pytest.mark.parametrize(
        ("name", "published"), [("bluebirds", 0.7222), ("rte", 0.925), ("dog", 0.834), ("weather_amt", 0.8533), ("music_genre", 0.7886)]
    )
    def test_real_sets(self, name, published):
        """On real crowds GLAD is as right as the same model elsewhere, and converges in a few dozen iterations."""
        labels, truth = load(name)

        result = mc.aggregate(labels, "glad")

        assert accuracy(labels, result, truth) >= published - 0.0051
        assert result.converged
        assert result.n_iter < 40


class TestGladWithModel:
    """GLAD with models as annotators."""

    def test_same_as_glad_on_a_longer_table(self):
        """A model is one more annotator with one label on each example; the result keeps the J people."""
        labels, _, gold = naive.random_crowd(1, n_classes=3)
        probabilities = np.random.default_rng(0).dirichlet(np.ones(3), size=12)
        table = labels.to_long()
        model = pd.DataFrame({"example": range(12), "annotator": 99, "label": probabilities.argmax(axis=1)})
        expected = glad(mc.CrowdLabels.from_long(pd.concat([table, model])), gold=gold)

        actual = glad_with_model(labels, pred_probs=[probabilities], gold=gold)

        assert np.abs(expected.posterior - actual.posterior).max() < 1e-12
        assert np.array_equal(expected.annotator_scores["ability"][:5], actual.annotator_scores["ability"])
        assert np.array_equal(expected.difficulty, actual.difficulty)
        assert expected.annotator_quality[:5] == pytest.approx(actual.annotator_quality)

    def test_a_good_model_helps(self):
        """A model that is right where the crowd guesses raises the accuracy."""
        labels, truth, _ = naive.random_crowd(3, n_examples=300, n_annotators=6, n_classes=4, density=0.4)
        probabilities = np.full((300, 4), 0.05)
        probabilities[np.arange(300), truth] = 0.85

        without, with_it = mc.aggregate(labels, "glad"), mc.aggregate(labels, "glad_with_model", pred_probs=probabilities)

        assert (with_it.label == truth).mean() > (without.label == truth).mean() + 0.05

    def test_ensemble(self):
        """Each model of a list is an annotator of its own."""
        labels, _, _ = naive.random_crowd(1)
        probabilities = model_for(labels)

        one, two = (mc.aggregate(labels, "glad_with_model", pred_probs=[probabilities] * m) for m in (1, 2))

        assert_sound(labels, two)
        assert two.quality.mean() > one.quality.mean()

    def test_needs_pred_probs(self):
        """Without pred_probs the method says what it needs."""
        with pytest.raises(ValueError, match="needs pred_probs"):
            mc.aggregate(crowd(), "glad_with_model")
