"""Quality of examples and of single labels, and why a label was chosen."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import multiannotator_core as mc
from multiannotator_core.aggregation.dawid_skene import dawid_skene
from multiannotator_core.consensus import Consensus
from multiannotator_core.quality.examples import QUALITY_METHODS, example_quality, label_quality, why_this_label
from tests import naive_crowdlab
from tests.test_crowdlab import ODD, random_model, random_rows, table

ROWS: list[list[int | None]] = [[0, 0, 0], [0, 1, None], [1, 1, 0], [2, 2, 1], [2, None, None], [1, 1, 1]]
LABELS = table(ROWS, 3)
MODEL = np.array([[0.8, 0.1, 0.1], [0.3, 0.6, 0.1], [0.2, 0.7, 0.1], [0.1, 0.1, 0.8], [0.3, 0.3, 0.4], [0.05, 0.9, 0.05]])


def voted() -> Consensus:
    """Majority vote on the small table."""
    return mc.aggregate(LABELS, "majority_vote")


def with_difficulty(result: Consensus, difficulty: np.ndarray) -> Consensus:
    """The same consensus, with a difficulty for each example."""
    return Consensus(result.posterior, result.label, result.annotator_quality, difficulty=difficulty)


@pytest.mark.parametrize("method", list(QUALITY_METHODS))
@pytest.mark.parametrize("case", ["plain", *ODD])
def test_every_method_gives_numbers_from_0_to_1(method: str, case: str) -> None:
    """Each method gives one finite number in [0, 1] for every example, also on poor data."""
    rows, n_classes = (ROWS, 3) if case == "plain" else ODD[case]
    labels = table(rows, n_classes)
    result = with_difficulty(mc.aggregate(labels, "majority_vote"), np.full(len(rows), 2.0))
    model = random_model(np.random.default_rng(0), len(rows), n_classes)

    quality = example_quality(labels, result, method, model)

    assert quality.shape == (len(rows),)
    assert np.isfinite(quality).all()
    assert ((quality >= 0) & (quality <= 1)).all()


class TestByHand:
    """Values that a pencil can find."""

    def test_posterior(self) -> None:
        """The default is the posterior of the consensus label."""
        result = voted()

        np.testing.assert_array_equal(result.quality, example_quality(LABELS, result))

    def test_entropy(self) -> None:
        """1 - H / log K of the label shares: 1 if all agree."""
        two_to_one = 1 + (2 / 3 * np.log(2 / 3) + 1 / 3 * np.log(1 / 3)) / np.log(3)
        expected = [1, 1 - np.log(2) / np.log(3), two_to_one, two_to_one, 1, 1]

        actual = example_quality(LABELS, voted(), "entropy")

        np.testing.assert_allclose(expected, actual, atol=1e-12)

    def test_agreement(self) -> None:
        """The share of labels that say the consensus."""
        actual = example_quality(LABELS, voted(), "agreement")

        np.testing.assert_allclose([1, 0.5, 2 / 3, 2 / 3, 1, 1], actual)

    def test_difficulty(self) -> None:
        """beta / (1 + beta) with beta = 1 / difficulty."""
        difficulty = np.array([0.0, 1.0, 3.0, 0.25, 9.0, np.finfo(float).max])

        actual = example_quality(LABELS, with_difficulty(voted(), difficulty), "difficulty")

        np.testing.assert_allclose([1, 0.5, 0.25, 0.8, 0.1, 0], actual, atol=1e-12)

    def test_self_confidence(self) -> None:
        """The mean of the models' probabilities of the consensus label."""
        result = voted()

        actual = example_quality(LABELS, result, "label_quality_score", [MODEL, MODEL[:, [1, 0, 2]]])

        expected = (MODEL + MODEL[:, [1, 0, 2]])[np.arange(6), result.label] / 2
        np.testing.assert_allclose(expected, actual)

    def test_active_label_cleaning(self) -> None:
        """exp(-(cross entropy - entropy + 1)), both divided by log K."""
        shares = np.array([1 / 3, 2 / 3, 0])
        cross = -(shares * np.log(MODEL[2])).sum() / np.log(3)
        entropy = -(MODEL[2] * np.log(MODEL[2])).sum() / np.log(3)

        actual = example_quality(LABELS, voted(), "active_label_cleaning", MODEL)

        assert actual[2] == pytest.approx(np.exp(-(cross - entropy + 1)))

    def test_crowdlab_judges_the_consensus_of_any_method(self) -> None:
        """The posterior of CROWDLAB around the given labels, by the slow loops."""
        result = voted()
        posterior = naive_crowdlab.blend(ROWS, [MODEL], result.label, 3)[0]

        actual = example_quality(LABELS, result, "crowdlab", MODEL)

        np.testing.assert_allclose(posterior[np.arange(6), result.label], actual, atol=1e-12)

    def test_empirical_bayes(self) -> None:
        """Model times the product of Dawid-Skene's likelihoods, normalised."""
        result, confusion = voted(), dawid_skene(LABELS).confusion
        assert confusion is not None
        joint = MODEL.copy()
        for i, row in enumerate(ROWS):
            for j, said in enumerate(row):
                if said is not None:
                    joint[i] *= confusion[j, :, said]
        expected = (joint / joint.sum(axis=1, keepdims=True))[np.arange(6), result.label]

        actual = example_quality(LABELS, result, "empirical_bayes", MODEL)

        np.testing.assert_allclose(expected, actual, rtol=1e-6)

    def test_no_perannotator_weights(self) -> None:
        """Mean likelihood of the labels and model, weighed by accuracies and roots of numbers of labels."""
        result, accuracy = voted(), naive_crowdlab.agreement(ROWS)
        given = [[(j, said) for j, said in enumerate(row) if said is not None] for row in ROWS]
        several = [i for i in range(6) if len(given[i]) > 1]
        of_model = np.mean([MODEL[i].argmax() == result.label[i] for i in several])
        of_crowd = np.mean([said == result.label[i] for i in several for _, said in given[i]])
        trust = of_model / (of_model + of_crowd)
        base = trust * np.mean([np.sqrt(len(labels)) for labels in given])
        expected = []
        for i, labels in enumerate(given):
            likelihood = np.mean([accuracy[j] if said == result.label[i] else (1 - accuracy[j]) / 2 for j, said in labels])
            root = (1 - trust) * np.sqrt(len(labels))
            expected.append((base * MODEL[i, result.label[i]] + root * likelihood) / (base + root))

        actual = example_quality(LABELS, result, "no_perannotator_weights", MODEL)

        np.testing.assert_allclose(expected, actual, atol=1e-12)


class TestRefused:
    """What cannot be computed says why."""

    def test_unknown_method(self) -> None:
        """The message lists the methods."""
        with pytest.raises(ValueError, match="no quality method 'x'; choose one of posterior, entropy"):
            example_quality(LABELS, voted(), "x")

    @pytest.mark.parametrize("method", [name for name, line in QUALITY_METHODS.items() if line.needs_pred_probs])
    def test_missing_model(self, method: str) -> None:
        """Methods that need a model ask for it."""
        with pytest.raises(ValueError, match=f"'{method}' needs pred_probs"):
            example_quality(LABELS, voted(), method)

    def test_result_without_difficulty(self) -> None:
        """A result of another method has none to read."""
        with pytest.raises(ValueError, match="reads the difficulty"):
            example_quality(LABELS, voted(), "difficulty")

    def test_invalid_probabilities(self) -> None:
        """The row is named."""
        with pytest.raises(ValueError, match="sum to 2"):
            example_quality(LABELS, voted(), "crowdlab", MODEL * 2)


def test_quality_of_single_labels() -> None:
    """The posterior of the class that each label says; with a model, CROWDLAB's."""
    result = mc.aggregate(LABELS, "crowdlab", pred_probs=MODEL)

    own, with_model = label_quality(LABELS, result), label_quality(LABELS, result, MODEL)

    np.testing.assert_array_equal(result.posterior[LABELS.example, LABELS.label], own)
    np.testing.assert_allclose(own, with_model, atol=1e-12)


class TestWhyThisLabel:
    """Who speaks for a consensus, and how much it weighs."""

    COLUMNS = ("source", "kind", "label", "agrees", "weight", "evidence")

    def test_crowdlab(self) -> None:
        """Weights of annotators and models sum to 1, and their evidence to the quality."""
        result = mc.aggregate(LABELS, "crowdlab", pred_probs=[MODEL, MODEL[:, [1, 0, 2]]])

        found = why_this_label(LABELS, result, 1, [MODEL, MODEL[:, [1, 0, 2]]])

        assert tuple(found.columns) == self.COLUMNS
        assert found["source"].tolist() == [0, 1, "model", "model 2"]
        assert found["kind"].tolist() == ["annotator", "annotator", "model", "model"]
        assert found["label"].tolist() == [0, 1, 1, 0]
        assert found["weight"].sum() == pytest.approx(1)
        assert found["evidence"].sum() == pytest.approx(result.quality[1])

    def test_calibrated_crowdlab(self) -> None:
        """A calibrated result is explained with the calibrated model."""
        result = mc.aggregate(LABELS, "crowdlab", pred_probs=MODEL, calibrate_probs=True)

        found = why_this_label(LABELS, result, 3, MODEL)

        assert found["evidence"].sum() == pytest.approx(result.quality[3])

    def test_dawid_skene(self) -> None:
        """Evidence sums to the log odds of consensus and runner-up; shares of it sum to 1."""
        rng = np.random.default_rng(0)
        labels = table(random_rows(rng, 60, 5, 3), 3)
        result = mc.aggregate(labels, "dawid_skene", tol=1e-12, max_iter=2000)
        example = int(np.flatnonzero(result.quality < 0.99)[0])
        best, second = np.sort(result.posterior[example])[:-3:-1]

        found = why_this_label(labels, result, example)

        assert found["kind"].tolist()[-1] == "prior"
        assert found["weight"].sum() == pytest.approx(1)
        assert (found["weight"] >= 0).all()
        assert found["evidence"].sum() == pytest.approx(np.log(best / second), abs=1e-3)

    def test_votes(self) -> None:
        """In a plain vote every label weighs the same."""
        found = why_this_label(LABELS, voted(), 2)

        np.testing.assert_allclose([1 / 3] * 3, found["weight"])
        assert found["agrees"].tolist() == [True, True, False]

    def test_names(self) -> None:
        """Examples, annotators and classes are called by their names."""
        labels = mc.CrowdLabels.from_wide(pd.DataFrame({"ann": ["cat", "dog"], "bob": ["cat", "cat"]}, index=["one", "two"]))

        found = why_this_label(labels, mc.aggregate(labels, "majority_vote"), "one")

        assert found["source"].tolist() == ["ann", "bob"]
        assert found["label"].tolist() == ["cat", "cat"]

    @pytest.mark.parametrize("method", ["majority_vote", "dawid_skene", "crowdlab"])
    @pytest.mark.parametrize("case", list(ODD))
    def test_odd_input(self, method: str, case: str) -> None:
        """Every example of poor data can be explained: weights sum to 1 (or nobody spoke), evidence is finite."""
        rows, n_classes = ODD[case]
        labels, model = table(rows, n_classes), random_model(np.random.default_rng(0), len(rows), n_classes)
        result = mc.aggregate(labels, method, pred_probs=model)

        found = [why_this_label(labels, result, i, model if method == "crowdlab" else None) for i in range(len(rows))]

        for frame in found:
            assert np.isfinite(frame["evidence"]).all()
            assert frame.empty or frame["weight"].sum() == pytest.approx(1)

    def test_unknown_example(self) -> None:
        """An unknown name is a ValueError."""
        with pytest.raises(ValueError, match="no example 'x'"):
            why_this_label(LABELS, voted(), "x")

    def test_crowdlab_without_its_model(self) -> None:
        """CROWDLAB cannot be explained without its model."""
        with pytest.raises(ValueError, match="depends on its model"):
            why_this_label(LABELS, mc.aggregate(LABELS, "crowdlab", pred_probs=MODEL), 0)
