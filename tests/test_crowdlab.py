"""CROWDLAB: the long form against slow loops, ties, gold, odd inputs, calibration."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pandas as pd
import pytest

import multiannotator_core as mc
from multiannotator_core.aggregation.blending import majority_label
from multiannotator_core.aggregation.calibration import best_temperature, calibrated, label_shares, scaled
from multiannotator_core.aggregation.crowdlab import crowdlab, crowdlab_weights
from tests import naive_crowdlab


def table(rows: list[list[int | None]], n_classes: int) -> mc.CrowdLabels:
    """Labels of a small wide table of class codes."""
    cells = [(i, j, said) for i, row in enumerate(rows) for j, said in enumerate(row) if said is not None]
    example, annotator, label = (np.array(part, dtype=np.int32) for part in zip(*cells, strict=True))
    return mc.CrowdLabels(pd.RangeIndex(len(rows)), pd.RangeIndex(len(rows[0])), pd.RangeIndex(n_classes), example, annotator, label)


def random_rows(rng: np.random.Generator, n_examples: int, n_annotators: int, n_classes: int) -> list[list[int | None]]:
    """Every example and annotator has a label; annotators differ in skill."""
    truth, skill = rng.integers(n_classes, size=n_examples), rng.uniform(0.4, 0.95, n_annotators)
    said = np.where(
        rng.random((n_examples, n_annotators)) < skill, truth[:, None], rng.integers(n_classes, size=(n_examples, n_annotators))
    )
    keep = rng.random(said.shape) < 0.5
    keep[np.arange(n_examples), rng.integers(n_annotators, size=n_examples)] = True
    keep[0] = True
    return [[int(s) if k else None for s, k in zip(*pair, strict=True)] for pair in zip(said, keep, strict=True)]


def random_model(rng: np.random.Generator, n_examples: int, n_classes: int) -> np.ndarray:
    """(N, K) probabilities without ties."""
    return rng.dirichlet(np.full(n_classes, 0.7), n_examples)


CASES = [(seed, n_models) for seed in range(25) for n_models in (1, 3)]


@pytest.mark.parametrize(("seed", "n_models"), CASES)
def test_long_form_equals_the_loops(seed: int, n_models: int) -> None:
    """Posterior, labels, weights and annotator quality are those of the definitions, for one model and ensembles."""
    rng = np.random.default_rng(seed)
    n_examples, n_annotators, n_classes = int(rng.integers(4, 30)), int(rng.integers(2, 9)), int(rng.integers(2, 6))
    rows = random_rows(rng, n_examples, n_annotators, n_classes)
    models = [random_model(rng, n_examples, n_classes) for _ in range(n_models)]
    labels = table(rows, n_classes)
    votes = naive_crowdlab.majority(rows, np.mean(models, axis=0), n_classes)
    consensus = naive_crowdlab.blend(rows, models, votes, n_classes)[0].argmax(axis=1)
    posterior, of_model, of_annotator = naive_crowdlab.blend(rows, models, consensus, n_classes)
    quality = naive_crowdlab.annotator_quality(rows, posterior, consensus, of_model, of_annotator)

    result = mc.aggregate(labels, "crowdlab", pred_probs=models)

    np.testing.assert_array_equal(votes, majority_label(labels, np.mean(models, axis=0)))
    np.testing.assert_array_equal(consensus, result.label)
    np.testing.assert_allclose(posterior, result.posterior, atol=1e-12)
    np.testing.assert_allclose(of_annotator, result.annotator_scores["weight"], atol=1e-12)
    np.testing.assert_allclose(of_model, crowdlab_weights(labels, models)[0], atol=1e-12)
    np.testing.assert_allclose(quality, result.annotator_quality, atol=1e-9)


def test_names_and_orders_do_not_change_the_answer() -> None:
    """Examples, annotators and classes in another order give the same posterior, mapped back."""
    rng = np.random.default_rng(3)
    rows = random_rows(rng, 40, 7, 4)
    model = random_model(rng, 40, 4)
    examples, annotators, classes = rng.permutation(40), rng.permutation(7), rng.permutation(4)
    place = np.argsort(classes)  # class k is called place[k] in the other table
    other = [[None if rows[i][j] is None else int(place[rows[i][j]]) for j in annotators] for i in examples]
    expected = mc.aggregate(table(rows, 4), "crowdlab", pred_probs=model)

    actual = mc.aggregate(table(other, 4), "crowdlab", pred_probs=model[np.ix_(examples, classes)])

    np.testing.assert_allclose(expected.posterior[np.ix_(examples, classes)], actual.posterior, atol=1e-12)
    np.testing.assert_array_equal(place[expected.label[examples]], actual.label)
    np.testing.assert_allclose(expected.annotator_quality[annotators], actual.annotator_quality, atol=1e-12)


class TestMajorityTies:
    """The order of the tie rules: model, rarer class, better annotators, earlier class."""

    def test_model_first(self) -> None:
        """The likelier class wins, even by less than rounding would show."""
        labels = table([[0, 1], [1, 0]], 2)

        actual = majority_label(labels, np.array([[0.5, 0.5 + 1e-15], [0.6, 0.4]]))

        np.testing.assert_array_equal([1, 0], actual)

    def test_rarer_class_next(self) -> None:
        """Without a model, or where it is tied, the class with fewer labels in the data wins."""
        labels = table([[0, 1, None], [0, 0, None], [1, None, 0]], 2)
        expected = [1, 0, 1]

        without, tied = majority_label(labels), majority_label(labels, np.full((3, 2), 0.5))

        np.testing.assert_array_equal(expected, without)
        np.testing.assert_array_equal(expected, tied)

    def test_better_annotators_then(self) -> None:
        """Where classes are equally frequent, the annotators who agree with the untied examples win."""
        labels = table([[0, 0, 1], [0, 0, 1], [1, 1, 0], [1, 1, 0], [1, None, 0], [0, None, 1]], 2)

        actual = majority_label(labels)

        np.testing.assert_array_equal([0, 0, 1, 1, 1, 0], actual)

    def test_all_tied_takes_the_first_class(self) -> None:
        """With nothing to go by, the earlier class wins and nothing is drawn."""
        labels = table([[0, 1], [1, 0], [0, 1], [1, 0]], 2)

        actual = majority_label(labels)

        np.testing.assert_array_equal([0, 0, 0, 0], actual)


class TestGold:
    """Gold rows are certain, and everything else is judged against them."""

    ROWS = ([0, 0, 1], [0, 0, 1], [1, 1, 0], [1, 1, 0], [0, 0, 1])
    MODEL = np.array([[0.7, 0.3], [0.6, 0.4], [0.3, 0.7], [0.2, 0.8], [0.6, 0.4]])

    def test_gold_rows_are_certain(self) -> None:
        """The posterior of a gold example is 1 for its class, whatever the crowd says."""
        labels = table([list(row) for row in self.ROWS], 2)

        result = mc.aggregate(labels, "crowdlab", pred_probs=self.MODEL, gold={0: 1})

        np.testing.assert_array_equal([0.0, 1.0], result.posterior[0])
        assert result.label[0] == 1

    def test_gold_changes_the_trust_in_annotators(self) -> None:
        """Gold that sides with the minority annotator raises that annotator's quality."""
        labels = table([list(row) for row in self.ROWS], 2)
        gold = {0: 1, 1: 1, 2: 0, 3: 0}

        before = mc.aggregate(labels, "crowdlab", pred_probs=self.MODEL)
        after = mc.aggregate(labels, "crowdlab", pred_probs=self.MODEL, gold=gold)

        assert before.annotator_quality[2] < before.annotator_quality[0]
        assert after.annotator_quality[2] > after.annotator_quality[0]


ODD: dict[str, tuple[list[list[int | None]], int]] = {
    "one label each": ([[0, None], [None, 1], [1, None]], 2),
    "one annotator": ([[0], [1], [1]], 2),
    "one example": ([[0, 1, 1]], 2),
    "one label": ([[1]], 3),
    "one class": ([[0, 0], [0, None]], 1),
    "unused classes": ([[3, 3], [3, 1], [1, None]], 6),
    "all tied": ([[0, 1], [1, 0], [0, 1], [1, 0]], 2),
    "example without labels": ([[0, 0], [None, None], [1, 0]], 2),
    "annotator without labels": ([[0, 0, None], [1, 0, None]], 2),
    "annotator alone on an example": ([[0, 0, None], [1, 1, None], [None, None, 1]], 2),
    "nobody agrees": ([[0, 1, 2], [2, 0, 1]], 3),
}


@pytest.mark.parametrize("case", list(ODD))
@pytest.mark.parametrize("calibrate", [False, True])
def test_odd_input_is_defined(case: str, calibrate: bool) -> None:
    """Poor data gives numbers in their ranges, rows that sum to 1, and no NaN."""
    rows, n_classes = ODD[case]
    labels = table(rows, n_classes)
    model = random_model(np.random.default_rng(0), len(rows), n_classes)

    result = mc.aggregate(labels, "crowdlab", pred_probs=model, calibrate_probs=calibrate)

    np.testing.assert_allclose(np.ones(len(rows)), result.posterior.sum(axis=1), atol=1e-12)
    for values in (result.posterior, result.annotator_quality, result.annotator_scores["weight"], result.quality):
        assert np.isfinite(values).all()
        assert ((values >= 0) & (values <= 1)).all()


def test_an_example_without_labels_gets_the_models_answer() -> None:
    """Where nobody labelled, the posterior is the model's row."""
    labels = table([[0, 0], [None, None], [1, 0]], 2)
    model = np.array([[0.9, 0.1], [0.35, 0.65], [0.5, 0.5]])

    result = mc.aggregate(labels, "crowdlab", pred_probs=model)

    np.testing.assert_allclose([0.35, 0.65], result.posterior[1], atol=1e-12)
    assert result.label[1] == 1


def test_rows_that_nearly_sum_to_one_are_scaled() -> None:
    """Probabilities written with three digits still give a posterior that sums to 1."""
    labels = table([[0, 0], [1, 1], [2, 2]], 3)
    model = np.array([[0.333, 0.333, 0.333], [0.1, 0.8, 0.1], [0.1, 0.1, 0.8005]])

    result = mc.aggregate(labels, "crowdlab", pred_probs=model)

    np.testing.assert_allclose(np.ones(3), result.posterior.sum(axis=1), atol=1e-12)


def test_without_a_model_it_says_so() -> None:
    """The need for pred_probs is one clear ValueError."""
    with pytest.raises(ValueError, match="CROWDLAB cannot run: it needs pred_probs"):
        mc.aggregate(table([[0, 1]], 2), "crowdlab")


def test_inputs_stay_as_they_are() -> None:
    """Neither labels nor probabilities are changed."""
    rng = np.random.default_rng(1)
    labels, model = table(random_rows(rng, 20, 5, 3), 3), random_model(rng, 20, 3)
    before, fingerprint = model.copy(), labels.fingerprint

    crowdlab(labels, pred_probs=[model], calibrate_probs=True)

    np.testing.assert_array_equal(before, model)
    assert fingerprint == labels.fingerprint


def test_no_table_of_examples_by_annotators() -> None:
    """20,000 examples by 5,000 annotators stay far below the 800 MB of a dense table."""
    rng = np.random.default_rng(0)
    n_examples, n_annotators = 20_000, 5_000
    example = np.repeat(np.arange(n_examples, dtype=np.int32), 2)
    annotator = rng.integers(n_annotators, size=len(example)).astype(np.int32)
    label = rng.integers(3, size=len(example)).astype(np.int32)
    names = (pd.RangeIndex(n_examples), pd.RangeIndex(n_annotators), pd.RangeIndex(3))
    labels, model = mc.CrowdLabels(*names, example, annotator, label), random_model(rng, n_examples, 3)

    tracemalloc.start()
    mc.aggregate(labels, "crowdlab", pred_probs=model)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert peak < 40e6


class TestCalibration:
    """Temperature scaling to the shares of the labels."""

    def test_temperature_one_changes_nothing(self) -> None:
        """A model at temperature 1 is the model."""
        model = random_model(np.random.default_rng(0), 10, 4)

        np.testing.assert_allclose(model, scaled(model, 1.0), atol=1e-12)

    def test_overconfidence_is_undone(self) -> None:
        """A model sharpened to temperature 1/3 is brought back to about the shares of the labels."""
        rng = np.random.default_rng(0)
        honest = rng.dirichlet(np.ones(3), 400)
        rows = [[int(k) for k in rng.choice(3, 10, p=row)] for row in honest]
        labels = table(rows, 3)

        temperature = best_temperature(label_shares(labels), scaled(honest, 1 / 3))

        assert temperature == pytest.approx(3.0, abs=0.5)

    @pytest.mark.parametrize("seed", range(5))
    def test_no_tried_temperature_is_better(self, seed: int) -> None:
        """The chosen temperature beats the coarse grid (but for its end, 8, which the finer grid stops short of)."""
        rng = np.random.default_rng(seed)
        labels, model = table(random_rows(rng, 30, 5, 3), 3), random_model(rng, 30, 3)
        shares = label_shares(labels)

        def loss(temperature: float) -> float:
            return float(-(shares * np.log(scaled(model, temperature))).sum())

        chosen = best_temperature(shares, model)

        assert all(loss(chosen) <= loss(t) + 1e-9 for t in (0.1, 0.2, 0.5, 0.8, 1, 2, 3, 5))

    def test_certain_models_stay_finite(self) -> None:
        """Zeros and ones in the probabilities give no NaN, right or wrong."""
        labels = table([[0, 0], [1, 0]], 2)

        (model,) = calibrated(labels, [np.array([[1.0, 0.0], [0.0, 1.0]])])

        assert np.isfinite(model).all()
        np.testing.assert_allclose(np.ones(2), model.sum(axis=1))
