"""Spammer scores: both distances from an annotator who labels without looking."""

from __future__ import annotations

import numpy as np
import pytest

from multiannotator_core.quality.spammers import spammer_scores
from tests import naive_quality as naive


def random_confusions(seed: int, j: int, k: int) -> np.ndarray:
    """(j, k, k) Dirichlet rows."""
    return np.random.default_rng(seed).dirichlet(np.ones(k), size=(j, k))


def test_spammer_scores_by_hand():
    """Numbers worked out on paper: [[.9, .1], [.2, .8]] has row distance .7, and singular values of known sum and product."""
    confusion = np.array([[0.9, 0.1], [0.2, 0.8]])
    squares, determinant = 1.5, 0.7  # sum of squared singular values, their product
    smallest = (squares - np.sqrt(squares**2 - 4 * determinant**2)) / 2
    scores = spammer_scores(confusion)

    assert pytest.approx(0.49, abs=1e-12) == scores["raykar_yu"][0]
    assert pytest.approx(np.sqrt(smallest), abs=1e-12) == scores["frobenius"][0]


@pytest.mark.parametrize("k", [2, 3, 10])
def test_perfect_annotator_and_spammer_are_the_ends(k):
    """Raykar & Yu gives 1 to the identity and 0 to equal rows; the rank-one distance sqrt(K - 1) and 0."""
    row = random_confusions(k, 1, k)[0, 0]
    scores = spammer_scores(np.stack([np.eye(k), np.tile(row, (k, 1))]))

    assert pytest.approx([1.0, 0.0], abs=1e-12) == scores["raykar_yu"].tolist()
    assert pytest.approx([np.sqrt(k - 1), 0.0], abs=1e-12) == scores["frobenius"].tolist()


@pytest.mark.parametrize("seed", range(5))
def test_no_rank_one_matrix_is_closer(seed):
    """The rank-one distance is the least of all: no random rank-one matrix, nor one close to the best, beats it."""
    rng = np.random.default_rng(seed)
    confusion = random_confusions(seed, 1, 4)[0]
    distance = spammer_scores(confusion)["frobenius"][0]
    u, s, v = np.linalg.svd(confusion)
    closest = min(
        np.linalg.norm(confusion - np.outer(s[0] * u[:, 0] + scale * rng.normal(size=4), v[0] + scale * rng.normal(size=4)))
        for scale in np.repeat([1.0, 0.1, 1e-3, 0.0], 200)
    )

    assert distance <= closest + 1e-12
    assert pytest.approx(closest, abs=1e-9) == distance


@pytest.mark.parametrize("seed", range(5))
def test_raykar_yu_is_the_loop_over_pairs_of_rows(seed):
    """The closed form equals the double loop of the paper, with and without a prior."""
    rng = np.random.default_rng(seed)
    k = int(rng.integers(2, 6))
    confusions, prior = random_confusions(seed, 7, k), rng.dirichlet(np.ones(k))
    expected = [naive.raykar_yu(confusion, prior) for confusion in confusions]
    even = [naive.raykar_yu(confusion, np.full(k, 1 / k)) for confusion in confusions]

    assert pytest.approx(expected, abs=1e-12) == spammer_scores(confusions, prior)["raykar_yu"].tolist()
    assert pytest.approx(even, abs=1e-12) == spammer_scores(confusions)["raykar_yu"].tolist()


def test_one_class_scores_zero():
    """With one class nobody can be told from a spammer; a prior of one class says the same."""
    assert spammer_scores(np.ones((3, 1, 1))).to_numpy().tolist() == [[0.0, 0.0]] * 3
    assert spammer_scores(np.eye(2), prior=[1, 0])["raykar_yu"][0] == 0.0


@pytest.mark.parametrize(
    ("confusion", "prior", "message"),
    [
        (np.ones((2, 3)), None, "shape"),
        (np.full((2, 2), 0.7), None, "sum to 1"),
        (np.full((2, 2), np.nan), None, "sum to 1"),
        (np.eye(2), [1, 1, 1], "one number for each"),
        (np.eye(2), [-1, 2], "not a distribution"),
    ],
    ids=["not square", "rows", "nan", "length", "negative"],
)
def test_wrong_input_is_refused(confusion, prior, message):
    """What is no confusion or no prior gets a sentence with the mend, not a number."""
    with pytest.raises(ValueError, match=message):
        spammer_scores(confusion, prior)
