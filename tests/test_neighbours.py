"""Examples that look alike, by pictures, words or numbers."""

import io

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from multiannotator_core.learning.neighbours import alike
from tests import naive_review

NAMES = pd.Index([f"e{i}" for i in range(30)])


def picture(pixels):
    out = io.BytesIO()
    Image.fromarray(pixels.astype(np.uint8)).save(out, "PNG")
    return out.getvalue()


def images(rng):
    return pd.DataFrame({"image": [picture(rng.integers(0, 256, (8, 8))) for _ in NAMES], "text": "a word"}, index=NAMES)


def texts(rng):
    return pd.DataFrame({"text": [" ".join(rng.choice(["red", "green", "blue", "cat", "dog"], 4)) for _ in NAMES]}, index=NAMES)


def numbers(rng):
    return pd.DataFrame({"height": rng.normal(size=30) * 1000, "width": rng.normal(size=30)}, index=NAMES)


@pytest.mark.parametrize(("make", "by"), [(images, "pixels"), (texts, "words"), (numbers, "numbers")])
def test_the_nearest_are_those_of_a_full_sort(make, by):
    """Neighbours are those that sorting all distances gives, never the example itself; ties go to the earlier one."""
    found = alike(make(np.random.default_rng(0)), NAMES)
    dense = np.round(found.vectors.toarray() if by == "words" else found.vectors, 6)

    assert found.by == by
    for i in range(0, 30, 5):
        near = found.nearest(i, 4).tolist()
        distance = [((dense[j] - dense[i]) ** 2).sum() for j in near]
        expected = [((dense[j] - dense[i]) ** 2).sum() for j in naive_review.nearest(dense, i, 4)]
        assert i not in near
        np.testing.assert_allclose(expected, distance, atol=1e-4)


def test_light_and_contrast_do_not_count():
    """A darker copy of a picture is its nearest neighbour."""
    pixels = np.random.default_rng(1).integers(0, 256, (30, 8, 8))
    pixels[7] = pixels[3] // 3 + 20
    found = alike(pd.DataFrame({"image": [picture(p) for p in pixels]}, index=NAMES), NAMES)

    assert found.nearest(3, 1).tolist() == [7]


def test_unknown_examples_are_nobodys_neighbours():
    """An example without content has no neighbours and is none; the order is that of the labels, not of the table."""
    table = texts(np.random.default_rng(2)).iloc[::-1].drop(index="e4")
    table.loc["e5", "text"] = " "
    found = alike(table, NAMES)

    assert found.known.tolist() == [name not in ("e4", "e5") for name in NAMES]
    assert found.nearest(4).tolist() == found.nearest(5).tolist() == []
    assert not {4, 5} & set(found.nearest(0, 29).tolist())


@pytest.mark.parametrize("words", [["a", "b", "a"], ["猫", "犬", "猫"], ["!", "?", "!"]])
def test_texts_of_single_characters_are_compared(words):
    """Texts without a word of two letters do not stop the desk."""
    found = alike(pd.DataFrame({"text": words}, index=NAMES[:3]), NAMES[:3])

    assert found.nearest(0, 1).tolist() == [2]


def test_nothing_to_compare():
    """A table without content gives nothing, one example has no neighbours."""
    assert alike(pd.DataFrame({"text": [None, None]}, index=["x", "y"]), NAMES) is None
    assert alike(pd.DataFrame({"text": ["some words"]}, index=["e0"]), NAMES).nearest(0).tolist() == []
