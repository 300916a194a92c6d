"""What to label next: ActiveLab against slow loops, one scale for labelled and unlabelled examples, baselines, refusals."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

import multiannotator_core as mc
from multiannotator_core.active import ACQUISITION_METHODS, active_learning_scores, packed_shares, what_to_label
from multiannotator_core.aggregation.blending import best_quality_label
from multiannotator_core.aggregation.calibration import best_temperature, label_shares, scaled
from multiannotator_core.labels import CrowdLabels
from tests import naive_crowdlab
from tests.test_crowdlab import random_model, random_rows, table


@pytest.mark.parametrize("as_cleanlab", [False, True])
@pytest.mark.parametrize(("seed", "n_models"), [(seed, n) for seed in range(10) for n in (1, 2)])
def test_activelab_equals_the_loops(seed: int, n_models: int, as_cleanlab: bool) -> None:
    """Calibrate, blend, and average with a guess: the scores of the definition."""
    rng = np.random.default_rng(seed)
    n_examples, n_annotators, n_classes = int(rng.integers(5, 25)), int(rng.integers(2, 7)), int(rng.integers(2, 5))
    rows = random_rows(rng, n_examples, n_annotators, n_classes)
    labels = table(rows, n_classes)
    models = [random_model(rng, n_examples, n_classes) for _ in range(n_models)]
    shares = packed_shares(labels) if as_cleanlab else label_shares(labels)
    tempered = [scaled(model, best_temperature(shares, model)) for model in models]
    consensus = best_quality_label(labels, tempered)
    posterior, of_model, of_annotator = naive_crowdlab.blend(rows, tempered, consensus, n_classes)
    quality = posterior[np.arange(n_examples), consensus]
    expected = naive_crowdlab.activelab(rows, quality, of_model, of_annotator, n_classes)

    actual, unlabelled = active_learning_scores(labels, models, as_cleanlab=as_cleanlab)

    np.testing.assert_allclose(expected, actual, atol=1e-12)
    assert unlabelled.size == 0


def test_packed_shares_are_cleanlabs_slip() -> None:
    """The shares of an example's classes stand in the first places; the right ones in the places of their classes."""
    labels = table([[0, 0, 3], [2, None, None], [1, 0, 0]], 4)

    np.testing.assert_allclose([[2 / 3, 1 / 3, 0, 0], [1, 0, 0, 0], [2 / 3, 1 / 3, 0, 0]], packed_shares(labels))
    np.testing.assert_allclose([[2 / 3, 0, 0, 1 / 3], [0, 0, 1, 0], [2 / 3, 1 / 3, 0, 0]], label_shares(labels))


def test_the_order_of_classes_does_not_matter() -> None:
    """With shares of the classes themselves, classes in another order give the same scores."""
    rng = np.random.default_rng(5)
    rows, model, pool = random_rows(rng, 30, 6, 4), random_model(rng, 30, 4), random_model(rng, 8, 4)
    classes = rng.permutation(4)
    place = np.argsort(classes)
    other = [[None if said is None else int(place[said]) for said in row] for row in rows]
    expected = active_learning_scores(table(rows, 4), model, pool, as_cleanlab=False)

    actual = active_learning_scores(table(other, 4), model[:, classes], pool[:, classes], as_cleanlab=False)

    np.testing.assert_allclose(np.concatenate(expected), np.concatenate(actual), atol=1e-12)


def test_an_unlabelled_example_scores_the_same_inside_and_outside_the_labels() -> None:
    """An example without labels is on one scale with the pool: it gets the same score there."""
    rng = np.random.default_rng(2)
    rows = random_rows(rng, 20, 4, 3)
    model, fresh = random_model(rng, 20, 3), random_model(rng, 1, 3)
    with_fresh = table([*rows, [None] * 4], 3)

    inside, outside = active_learning_scores(with_fresh, np.vstack([model, fresh]), fresh, as_cleanlab=False)

    assert inside[-1] == pytest.approx(outside[0], abs=1e-12)


def test_more_agreeing_labels_raise_the_score() -> None:
    """Of two examples with the same model row, the one with more labels that agree is less in need of another."""
    rows: list[list[int | None]] = [[0, 0, 0, 0], [0, None, None, None], [1, 1, 1, 1], [1, 1, 0, 1], [0, 0, 0, 1]]
    model = np.array([[0.7, 0.3], [0.7, 0.3], [0.2, 0.8], [0.3, 0.7], [0.6, 0.4]])

    scores, _ = active_learning_scores(table(rows, 2), model)

    assert scores[1] < scores[0]


@pytest.mark.parametrize("method", list(ACQUISITION_METHODS))
@pytest.mark.parametrize("given", ["labelled", "unlabelled", "both"])
def test_every_method_scores_every_input(method: str, given: str) -> None:
    """Scores are finite, in [0, 1], of the right length, and the same again with the same seed."""
    rng = np.random.default_rng(0)
    labels, models = table(random_rows(rng, 15, 4, 3), 3), [random_model(rng, 15, 3) for _ in range(2)]
    pools = [random_model(rng, 6, 3) for _ in range(2)]
    arguments: list[Any] = [None, None] if given == "unlabelled" else [labels, models]
    arguments += [None if given == "labelled" else pools]
    lengths = [0 if given == "unlabelled" else 15, 0 if given == "labelled" else 6]

    first, again = (active_learning_scores(*arguments, method=method, seed=4) for _ in range(2))

    assert [len(scores) for scores in first] == lengths
    for scores, repeated in zip(first, again, strict=True):
        np.testing.assert_array_equal(scores, repeated)
        assert np.isfinite(scores).all()
        assert ((scores >= 0) & (scores <= 1)).all()


class TestBaselines:
    """What the baselines mean, on inputs where the answer is plain."""

    LABELS = table([[0, 0, 1], [1, None, None], [1, 1, None]], 2)
    MODEL = np.array([[0.5, 0.5], [0.1, 0.9], [0.9, 0.1]])

    def test_good_random_takes_the_fewest_labels_first(self) -> None:
        """Unlabelled examples come first, then those with one label."""
        labelled, unlabelled = active_learning_scores(self.LABELS, self.MODEL, self.MODEL, method="good_random")

        assert unlabelled.max() < labelled[1] < labelled[2] < labelled[0]

    def test_random_draws_anew_for_another_seed(self) -> None:
        """Another seed gives other scores."""
        first, _ = active_learning_scores(self.LABELS, self.MODEL, method="random", seed=0)
        second, _ = active_learning_scores(self.LABELS, self.MODEL, method="random", seed=1)

        assert not np.array_equal(first, second)

    @pytest.mark.parametrize(("method", "expected"), [("entropy", [0.0, 0.531004406, 0.531004406]), ("uncertainty", [0.5, 0.9, 0.9])])
    def test_uncertain_models_come_first(self, method: str, expected: list[float]) -> None:
        """Entropy is 1 - H / log K, uncertainty the highest probability."""
        actual, _ = active_learning_scores(self.LABELS, self.MODEL, method=method)

        np.testing.assert_allclose(expected, actual, atol=1e-8)

    def test_disagreement_is_where_models_differ(self) -> None:
        """Two sure models that contradict each other score below two that agree."""
        other = np.array([[0.5, 0.5], [0.9, 0.1], [0.9, 0.1]])

        scores, _ = active_learning_scores(self.LABELS, [self.MODEL, other], method="disagreement")

        assert scores[1] < scores[2]

    def test_label_cleaning_finds_labels_that_surprise_a_sure_model(self) -> None:
        """A sure model against two labels scores below a sure model with its label; by hand exp(-(CE - H + 1))."""
        entropy = -(0.9 * np.log(0.9) + 0.1 * np.log(0.1)) / np.log(2)
        expected = np.exp(-(-np.log(0.1) / np.log(2) - entropy + 1))

        scores, _ = active_learning_scores(self.LABELS, self.MODEL, method="active_label_cleaning")

        assert scores[2] == pytest.approx(expected)
        assert scores[2] < scores[1]


def test_probabilities_by_name() -> None:
    """DataFrames are aligned by the names of examples and classes, also those of unlabelled examples."""
    labels = mc.CrowdLabels.from_wide(pd.DataFrame({"a": ["x", "y", "y"], "b": ["x", "x", "y"]}, index=["p", "q", "r"]))
    model = pd.DataFrame([[0.8, 0.2], [0.4, 0.6], [0.3, 0.7]], index=["p", "q", "r"], columns=["x", "y"])
    pool = pd.DataFrame([[0.9, 0.1], [0.45, 0.55]], index=["s", "t"], columns=["x", "y"])
    expected = active_learning_scores(labels, model.to_numpy(), pool.to_numpy())

    actual = active_learning_scores(labels, model.iloc[::-1, ::-1], pool.iloc[:, ::-1])

    np.testing.assert_allclose(np.concatenate(expected), np.concatenate(actual), atol=1e-12)


REFUSED: dict[str, tuple[list[Any], dict[str, Any], str]] = {
    "unknown method": ([TestBaselines.LABELS, TestBaselines.MODEL], {"method": "x"}, "no method 'x' to choose examples"),
    "nothing": ([None], {}, "nothing to score"),
    "labels without a model": ([TestBaselines.LABELS, None, TestBaselines.MODEL], {}, "belong together"),
    "a model without labels": ([None, TestBaselines.MODEL, TestBaselines.MODEL], {}, "belong together"),
    "another number of models": ([TestBaselines.LABELS, [TestBaselines.MODEL] * 2, TestBaselines.MODEL], {}, r"2 model\(s\), but .* 1"),
    "classes of the pool": ([TestBaselines.LABELS, TestBaselines.MODEL, np.full((2, 3), 1 / 3)], {}, "pred_probs_unlabeled: .*shape"),
    "pool that sums to 2": ([None, None, TestBaselines.MODEL * 2], {}, "pred_probs_unlabeled: .*sum to 2"),
    "flat pool": ([None, None, TestBaselines.MODEL[0]], {}, "one row for each example"),
}


@pytest.mark.parametrize("case", list(REFUSED))
def test_bad_input_is_refused(case: str) -> None:
    """What does not fit is one ValueError that names it."""
    arguments, options, message = REFUSED[case]

    with pytest.raises(ValueError, match=message):
        active_learning_scores(*arguments, **options)


@pytest.mark.parametrize("method", ACQUISITION_METHODS)
def test_what_to_label_is_the_scores_in_order(method: str) -> None:
    """One row an example, labelled or not, the lowest score first, with what the models say together."""
    rng = np.random.default_rng(0)
    example, annotator = np.divmod(np.arange(60, dtype=np.int32), 3)
    names = (pd.Index([f"e{i}" for i in range(25)]), pd.Index(list("abc")), pd.Index(["no", "yes"]))
    labels = CrowdLabels(*names, example, annotator, rng.integers(0, 2, 60).astype(np.int32))  # the last five have no label
    models = [rng.dirichlet(np.ones(2), 25) for _ in range(2)]
    score, _ = active_learning_scores(labels, models, method=method, as_cleanlab=False)

    found = what_to_label(labels, models, method=method)

    assert found["example"].tolist() == labels.examples[np.argsort(score, kind="stable")].tolist()
    assert found["score"].is_monotonic_increasing
    assert (found.set_index("example")["n_labels"].loc[labels.examples] == labels.labels_per_example).all()
    np.testing.assert_allclose(np.mean(models, axis=0).max(axis=1), found.set_index("example")["probability"].loc[labels.examples])
