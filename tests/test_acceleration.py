"""SQUAREM as an option of the EM methods: the same answers in fewer iterations, and never a step down."""

import numpy as np
import pandas as pd
import pytest

import multiannotator_core as mc
from multiannotator_core.aggregation.acceleration import leap
from multiannotator_core.aggregation.em import run_em
from tests.crowds import crowd

METHODS = ["dawid_skene", "one_coin"]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("prior_strength", [0, 5])
@pytest.mark.parametrize("seed", range(5))
def test_never_a_step_down(method, prior_strength, seed):
    """Each recorded objective is at least the one before, with and without gold, also long after convergence."""
    frame, truth = crowd(n_examples=100, seed=seed, accuracy=(0.3, 0.9))
    labels = mc.CrowdLabels.from_long(frame)
    for gold in (None, truth.iloc[:10]):
        trace = mc.aggregate(labels, method, gold=gold, prior_strength=prior_strength, max_iter=150, tol=0, accelerate=True).trace

        assert len(trace) == 150
        assert np.diff(trace).min() > -1e-9


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("seed", range(5))
def test_the_same_fixed_point(method, seed):
    """Both ways end in the same estimate on a crowd with one clear answer."""
    labels = mc.CrowdLabels.from_long(crowd(n_examples=200, seed=seed, accuracy=(0.6, 0.95))[0])
    plain = mc.aggregate(labels, method, max_iter=3000, tol=1e-13)
    fast = mc.aggregate(labels, method, max_iter=3000, tol=1e-13, accelerate=True)

    np.testing.assert_allclose(fast.posterior, plain.posterior, atol=1e-5)
    np.testing.assert_allclose(fast.trace[-1], plain.trace[-1], rtol=1e-9)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    "shape", [{"n_classes": 1}, {"labels_per_example": 1}, {"n_examples": 1}, {"n_annotators": 1, "labels_per_example": 1}]
)
def test_smallest_crowds(method, shape):
    """Crowds on which nothing moves give the answer of plain EM, without a warning."""
    labels = mc.CrowdLabels.from_long(crowd(**shape)[0])
    plain, fast = (mc.aggregate(labels, method, accelerate=accelerate, tol=0, max_iter=20) for accelerate in (False, True))

    np.testing.assert_allclose(fast.posterior, plain.posterior, atol=1e-6)


def test_fewer_iterations_where_em_crawls():
    """On a crowd that plain EM needs hundreds of steps for, half of them are enough for its objective."""
    labels = crawling().labels
    plain = mc.aggregate(labels, max_iter=1000, tol=1e-9)
    fast = mc.aggregate(labels, max_iter=1000, tol=1e-9, accelerate=True)

    assert plain.n_iter > 100
    assert fast.n_iter < plain.n_iter / 2
    assert fast.trace[-1] > plain.trace[-1] - 1e-6 * len(labels)


def test_order_of_rows_does_not_matter():
    """Like every method, the accelerated ones do not depend on the order of rows."""
    frame = crawling().labels.to_long()
    one, other = (mc.aggregate(mc.CrowdLabels.from_long(f), accelerate=True) for f in (frame, frame.sample(frac=1, random_state=1)))

    np.testing.assert_array_equal(one.posterior, other.posterior)


def test_a_worse_guess_is_forgotten():
    """A guess that lowers the objective leaves no mark: the run is the plain one, value by value."""

    def m_step(posterior):
        return posterior[0, 0] / 2

    def e_step(x):
        return np.array([[x]]), -(x**2)

    start = np.array([[1.0]])
    plain = run_em(m_step, e_step, start, max_iter=12, tol=0, n_labels=1)
    misled = run_em(m_step, e_step, start, max_iter=12, tol=0, n_labels=1, extrapolate=lambda *path: 100.0)

    assert plain == misled


def test_no_convergence_by_a_leap():
    """A leap that gains nothing does not end the run: only steps of EM decide."""
    labels = crawling().labels
    seen = []
    result = mc.aggregate(labels, accelerate=True, tol=1e-4, on_iteration=lambda i, objective: seen.append(objective))

    assert result.converged
    assert seen == list(result.trace)


class TestLeap:
    def test_a_geometric_path_is_followed_to_its_end(self):
        """Roots that approach their limit by a constant factor: the guess is the limit itself, up to scaling."""
        limit, off, factor = np.sqrt([0.5, 0.3, 0.2]), np.array([0.02, -0.03, 0.02]), 0.9
        path = [[((limit + off * factor**step) ** 2)[:, None]] for step in range(3)]
        guess = leap(*path)

        np.testing.assert_allclose(guess[0][:, 0], limit**2, atol=1e-12)

    def test_no_path_no_guess(self):
        """Where nothing moves, or moves in ever longer steps straight on, there is no guess."""
        still = [np.array([0.5, 0.5])]

        assert leap(still, still, still) is None

    @pytest.mark.parametrize("seed", range(20))
    def test_guesses_are_distributions(self, seed):
        """Whatever the path, columns sum to 1 and nothing is 0 or below."""
        rng = np.random.default_rng(seed)
        first, second = rng.dirichlet(np.full(4, 0.1), 6).T, rng.dirichlet(np.full(4, 0.1), 6).T
        guess = leap([first], [second], [second * 0.9 + first * 0.1])

        assert guess is None or (guess[0] > 0).all()
        if guess is not None:
            np.testing.assert_allclose(guess[0].sum(axis=0), 1)


def crawling():
    """Annotators hardly better than chance: the likelihood is flat."""
    return mc.simulate("one-coin", n_examples=1500, n_annotators=60, n_classes=2, labels_per_example=3, lowest=0.4, highest=0.7, seed=3)


def test_real_crowds_that_crawl(real_data):
    """On s_rel the accelerated run reaches the objective of the plain one in fewer iterations."""
    labels = mc.CrowdLabels.from_long(pd.read_csv(real_data / "s_rel" / "answers.csv"), duplicates="collapse")
    plain, fast = (mc.aggregate(labels, accelerate=accelerate) for accelerate in (False, True))
    enough = np.flatnonzero(np.array(fast.trace) >= plain.trace[-1])

    assert enough[0] + 1 < 0.75 * plain.n_iter
