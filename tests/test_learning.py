"""Models for those who bring none: no leakage, missing classes, features of each kind, and the loop with the consensus."""

from io import BytesIO

import numpy as np
import pandas as pd
import pytest
from PIL import Image

import multiannotator_core as mc
from multiannotator_core.learning import CLASSIFIERS, Features, cross_validated, feature_columns, features_of, improve, rounds_table
from multiannotator_core.learning.crossval import folds
from multiannotator_core.samples import load_sample
from tests.crowds import crowd


def blobs(n=90, n_classes=3, seed=0):
    """Points (n, 2) around one centre for each class, and their codes (n,)."""
    rng = np.random.default_rng(seed)
    code = rng.integers(0, n_classes, n)
    return rng.normal(size=(n, 2)) + 5.0 * np.stack([np.cos(code), np.sin(code)], axis=1), code


def png(value, size=(20, 10)):
    """An image of one grey value."""
    out = BytesIO()
    Image.new("L", size, value).save(out, "PNG")
    return out.getvalue()


def tutorial():
    """Labels, features and truth of the tutorial sample."""
    sample = load_sample("tutorial")
    return sample.labels, features_of(sample.content, ["x1", "x2"], sample.labels.examples), sample.truth


@pytest.mark.parametrize("classifier", CLASSIFIERS)
def test_probabilities_of_an_example_do_not_know_its_label(classifier):
    """Another label or another text of an example changes the probabilities of the other folds, never those of its own fold."""
    x, code = blobs()
    texts = np.array([f"word{c} common" for c in code])
    target = np.eye(3)[code] * 0.9 + 0.1 / 3
    fold = folds(target.argmax(axis=1), np.ones(90, dtype=bool), 3, 0)
    changed = target.copy()
    changed[7] = [0.4, 0.35, 0.25] if code[7] == 0 else target[7] * 0.5 + 0.5 / 3  # the same fold, another lesson
    before = cross_validated(Features(x, tuple(texts)), target, classifier=classifier, n_folds=3)

    after = cross_validated(Features(x, tuple(texts)), changed, classifier=classifier, n_folds=3)

    np.testing.assert_array_equal(before[fold == fold[7]], after[fold == fold[7]])
    assert np.abs(before - after)[fold != fold[7]].max() > 0


def test_words_and_scales_come_from_the_other_folds_alone():
    """A word and a huge number that only one example has leave the rest of its fold untouched."""
    x, code = blobs()
    fold = folds(code, np.ones(90, dtype=bool), 3, 0)
    strange, texts = x.copy(), ["same text"] * 90
    strange[7] *= 1000.0
    odd = [*texts[:7], "unheard of words", *texts[8:]]
    rest = (fold == fold[7]) & (np.arange(90) != 7)
    before = cross_validated(Features(x, tuple(texts)), code, n_folds=3)

    after = cross_validated(Features(strange, tuple(odd)), code, n_folds=3)

    np.testing.assert_array_equal(before[rest], after[rest])


def test_random_labels_cannot_be_predicted():
    """Where features say nothing about the classes, the accuracy is that of chance even for trees that learn by heart."""
    rng = np.random.default_rng(3)
    code = rng.integers(0, 2, 400)

    predicted = cross_validated(rng.normal(size=(400, 5)), code, classifier="extra_trees").argmax(axis=1)

    assert abs((predicted == code).mean() - 0.5) < 0.1


def test_folds_are_even_and_hold_every_class():
    """Each fold has its share of each class; sizes differ by at most one."""
    code = np.repeat([0, 1, 2], [50, 25, 5]).astype(np.intp)
    fold = folds(code, np.ones(80, dtype=bool), 5, 0)
    table = pd.crosstab(fold, code).to_numpy()

    assert (table == [10, 5, 1]).all()


@pytest.mark.parametrize("classifier", CLASSIFIERS)
def test_rare_and_unused_classes(classifier):
    """A class of one example, a class of none and examples that do not teach: rows still sum to 1, and nothing is NaN."""
    x, code = blobs()
    code = np.where(code == 2, 0, code)
    code[0], code[1:5] = 3, -1

    found = cross_validated(x, code, 5, classifier=classifier, n_folds=4)

    assert found.shape == (90, 5)
    assert (found[:, [2, 4]] == 0).all()
    assert found[0, 3] == 0.0  # the only example of its class was not seen when it was predicted
    np.testing.assert_allclose(1.0, found.sum(axis=1))


def test_one_class():
    """Where all examples are of one class, the model says so."""
    np.testing.assert_array_equal([[1.0, 0.0]] * 6, cross_validated(np.eye(6), np.zeros(6, dtype=int), 2, n_folds=2))


def test_a_certain_posterior_teaches_like_its_labels():
    """A posterior of zeros and ones gives the probabilities of the labels it stands for."""
    x, code = blobs()

    np.testing.assert_allclose(cross_validated(x, code), cross_validated(x, np.eye(3)[code]), atol=1e-12)


def test_kinds_of_columns():
    """Images are bytes, numbers may be written as text, empty columns are left out, all else is text."""
    content = pd.DataFrame({"picture": [png(1), None], "size": ["1.5", None], "note": ["one", "2"], "empty": [None, None]})

    assert feature_columns(content) == {"picture": "image", "size": "number", "note": "text"}


def test_images_become_pixels_of_one_size():
    """The first image sets the size, at most 16 pixels a side; grey values are from 0 to 1, and a missing image is unknown."""
    content = pd.DataFrame({"image": [png(0, (40, 20)), png(255, (7, 7)), None]}, index=["a", "b", "c"])

    found = features_of(content, ["image"], pd.Index(["a", "c", "b"])).numbers

    assert found.shape == (3, 16 * 8)
    assert (found[0] == 0).all()
    assert np.isnan(found[1]).all()
    assert (found[2] == 1).all()


def test_texts_are_learned():
    """A model of texts finds the word that marks a class, and a text of no known word does not stop it."""
    code = np.arange(60) % 2
    texts = [f"{'good' if c else 'bad'} film {i}" for i, c in enumerate(code)]
    texts[5] = ""

    for classifier in CLASSIFIERS:
        predicted = cross_validated(texts, code, classifier=classifier).argmax(axis=1)
        assert (predicted == code).mean() > 0.9, classifier


def test_the_loop_improves_the_consensus():
    """On the tutorial sample the consensus with a model is better than majority vote, as the tutorial promises."""
    labels, features, truth = tutorial()
    steps = []
    vote = mc.evaluate(labels, mc.aggregate(labels, "majority_vote"), truth)["accuracy"]

    rounds = improve(labels, features, rounds=2, gold=truth, on_step=steps.append)
    table = rounds_table(labels, rounds)

    assert table["consensus_accuracy"].iloc[-1] > vote
    assert table.index.tolist() == [1, 2]
    assert steps == list(range(1, 11))


def test_gold_judges_and_does_not_teach():
    """With and without gold the probabilities are the same."""
    labels, features, truth = tutorial()
    expected = improve(labels, features, rounds=1)[0]

    actual = improve(labels, features, rounds=1, gold=truth)[0]

    np.testing.assert_array_equal(expected.pred_probs, actual.pred_probs)
    assert expected.of_model is None


def test_calibration_repairs_a_timid_model():
    """Extra trees spread their probabilities over the ten digits; temperature scaling lowers their calibration error."""
    sample = load_sample("digits")
    labels = sample.labels.select(examples=sample.labels.examples[:600])
    features = features_of(sample.content, ["image"], labels.examples)
    plain, fitted = (
        improve(labels, features, rounds=1, n_folds=2, classifier="extra_trees", gold=sample.truth, calibrate=c)[0] for c in (False, True)
    )

    assert fitted.of_model["accuracy"] == plain.of_model["accuracy"]
    assert fitted.of_model["ece"] < 0.7 * plain.of_model["ece"]


def test_examples_without_labels_are_predicted_and_do_not_teach():
    """What nobody labelled has probabilities, and its tied majority is no lesson."""
    frame, _ = crowd(n_examples=40, n_classes=2)
    labels = mc.CrowdLabels.from_long(frame)
    rows = labels.example > 9
    codes = (labels.example[rows], labels.annotator[rows], labels.label[rows])
    kept = mc.CrowdLabels(labels.examples, labels.annotators, labels.classes, *codes)
    rng = np.random.default_rng(0)
    x = rng.normal(size=(40, 3))

    found = improve(kept, x, rounds=1)[0].pred_probs
    other = x.copy()
    other[:9] += 50.0  # unlabelled examples elsewhere

    np.testing.assert_allclose(found[10:], improve(kept, other, rounds=1)[0].pred_probs[10:], atol=1e-9)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"classifier": "magic"}, "no classifier"),
        ({"n_folds": 1}, "folds"),
        ({"target": [0, 1]}, "2"),
        ({"target": [0, 5, 1, 1]}, "run from"),
        ({"features": np.zeros(4)}, "one row for each example"),
        ({"target": np.full((4, 2), np.nan)}, "folds"),
    ],
)
def test_wrong_input_is_named(arguments, words):
    """Each refusal says what is wrong."""
    given = {"features": np.eye(4), "target": [0, 1, 0, 1], "n_classes": 2, **arguments}

    with pytest.raises(ValueError, match=words):
        cross_validated(given.pop("features"), given.pop("target"), **given)


def test_a_method_without_a_model_and_a_bad_image_are_refused():
    """The loop needs a method that learns from a model, and an image that is none is named."""
    labels, features, _ = tutorial()
    with pytest.raises(ValueError, match="does not learn from a model"):
        improve(labels, features, method="majority_vote")
    with pytest.raises(ValueError, match="example 'a'"):
        features_of(pd.DataFrame({"image": [b"no picture"]}, index=["a"]), ["image"])
