"""MACE against its equations; the contract that it shares with the other methods is in test_glad.py."""

import importlib
import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import multiannotator_core as mc
from multiannotator_core.aggregation.mace import confusion_of_habits, mace, random_habits
from tests import naive_difficulty as naive

DATA = Path(os.environ.get("CROWDLENS_DATA", "../shared/data"))
needs_data = pytest.mark.skipif(not DATA.is_dir(), reason="real crowd data not found: set CROWDLENS_DATA")


@pytest.mark.parametrize("variational", [True, False])
@pytest.mark.parametrize("seed", range(12))
def test_twin(seed, variational):
    """Posterior, trust, confusion and objective equal those of plain loops over the equations."""
    labels, _, gold = naive.random_crowd(seed, n_classes=1 + seed % 4, n_examples=10)
    (rng,) = np.random.default_rng(seed).spawn(1)
    start = random_habits(rng, (5, len(labels.classes)))
    posterior, trust, habit, trace = naive.mace(labels, gold, start.trust, start.habit, variational, n_iter=6)

    result = mace(labels, gold=gold, seed=seed, variational=variational, n_restarts=1, max_iter=6, tol=0)

    assert np.abs(posterior - result.posterior).max() < 1e-9
    assert np.abs(trust - result.annotator_scores["trust"]).max() < 1e-9
    assert np.abs(confusion_of_habits(trust, habit) - result.confusion).max() < 1e-9
    assert trace == pytest.approx(result.trace, abs=1e-8)


@pytest.mark.parametrize("variational", [True, False])
@pytest.mark.parametrize("seed", range(6))
def test_objective_never_falls(seed, variational):
    """Each iteration raises the evidence bound, or the penalised log likelihood."""
    labels, _, gold = naive.random_crowd(seed, n_examples=60, n_annotators=9, n_classes=4)

    trace = mace(labels, gold=gold, seed=seed, variational=variational, n_restarts=1, max_iter=200, tol=0).trace

    assert min(np.diff(trace)) > -1e-9


def test_restarts_differ():
    """Each restart begins somewhere else, and the best of them is kept."""
    labels, _, _ = naive.random_crowd(2, n_examples=30)
    seen = []

    result = mace(labels, n_restarts=5, max_iter=3, tol=0, on_iteration=lambda i, objective: seen.append((i, objective)))

    first, last = [seen[3 * r][1] for r in range(5)], [seen[3 * r + 2][1] for r in range(5)]
    assert len(set(first)) == 5
    assert max(last) == result.trace[-1]
    assert [i for i, _ in seen] == list(range(1, 16))
    assert result.n_iter == 3


def test_seed():
    """Another seed is another start; the first restarts of a longer run are those of a shorter one."""
    labels, _, _ = naive.random_crowd(2, n_examples=30)

    def first_objective(seed, n_restarts=1):
        return mace(labels, seed=seed, n_restarts=n_restarts, max_iter=1, tol=0).trace[0]

    assert first_objective(0) != first_objective(1)
    assert first_objective(0, n_restarts=4) >= first_objective(0)


def test_row_order_of_named_columns():
    """Counts belong to their annotator and class in whatever order rows and names come."""
    labels, _, _ = naive.random_crowd(9, n_examples=50, n_annotators=7)
    frame = labels.to_long()
    expected = mc.aggregate(labels, "mace", n_restarts=2)

    for turn in range(3):
        actual = mc.aggregate(mc.CrowdLabels.from_long(frame.sample(frac=1, random_state=turn)), "mace", n_restarts=2)

        assert np.array_equal(expected.posterior, actual.posterior)
        assert np.array_equal(expected.annotator_scores["trust"], actual.annotator_scores["trust"])


def test_names_hardly_matter():
    """Other names are other starts, but on a crowd with a clear answer they end in the same place."""
    labels, _, _ = naive.random_crowd(4, n_examples=200, n_annotators=8, density=0.9)
    frame = labels.to_long()
    renamed = mc.CrowdLabels.from_long(frame.assign(annotator=[-j for j in frame["annotator"]]))

    expected, actual = (mc.aggregate(table, "mace", max_iter=2000, tol=1e-13) for table in (labels, renamed))

    assert np.abs(expected.posterior - actual.posterior).max() < 1e-4


def test_spammers_are_found():
    """Annotators who always press the same key, or any key, are trusted least, and their habit is seen."""
    rng = np.random.default_rng(1)
    truth = rng.integers(4, size=150)
    label = np.where(rng.random((150, 10)) < 0.85, truth[:, None], rng.integers(4, size=(150, 10)))
    label[:, 0], label[:, 1] = 2, rng.integers(4, size=150)

    result = mc.aggregate(mc.CrowdLabels.from_wide(label), "mace")

    trust = result.annotator_scores["trust"]
    assert trust[:2].max() < 0.2 < 0.6 < trust[2:].min()
    assert result.confusion[0, :, 2].min() > 0.75
    assert (result.label == truth).mean() > 0.97


def test_quality_is_its_definition():
    """Annotator quality is the sum over classes of P(k) confusion[j, k, k]."""
    labels, _, _ = naive.random_crowd(6)

    result = mc.aggregate(labels, "mace")

    expected = np.einsum("k,jkk->j", result.posterior.mean(axis=0), result.confusion)
    assert expected == pytest.approx(result.annotator_quality, abs=1e-12)


def test_large_confusions_are_left_out(monkeypatch):
    """Where the confusions would fill the memory they are None, and everything else is as before."""
    labels, _, _ = naive.random_crowd(6)
    expected = mc.aggregate(labels, "mace")
    monkeypatch.setattr(importlib.import_module("multiannotator_core.aggregation.mace"), "LARGEST_CONFUSION", 10)

    actual = mc.aggregate(labels, "mace")

    assert actual.confusion is None
    assert np.array_equal(expected.posterior, actual.posterior)
    assert np.array_equal(expected.annotator_quality, actual.annotator_quality)


@pytest.mark.parametrize("n_restarts", [0, -1, 1.5])
def test_refuses_restarts(n_restarts):
    """A number of restarts with which nothing runs is refused by name."""
    with pytest.raises(ValueError, match="n_restarts="):
        mace(naive.random_crowd(0)[0], n_restarts=n_restarts)


@needs_data
@pytest.mark.parametrize(("name", "published"), [("bluebirds", 0.7685), ("rte", 0.9275), ("dog", 0.8364), ("weather_amt", 0.8667)])
def test_real_sets(name, published):
    """On real crowds MACE, variational or not, is as right as the same model elsewhere (slack .0125: one label in eighty)."""
    frame = pd.read_csv(DATA / name / "answers.csv", dtype=str)
    truth = pd.read_csv(DATA / name / "truth.csv", dtype=str).set_index("task")["truth"]
    labels = mc.CrowdLabels.from_long(frame, duplicates="collapse")
    at = labels.examples.get_indexer(truth.index)

    for variational in (True, False):
        result = mc.aggregate(labels, "mace", variational=variational, n_restarts=2)

        assert (labels.classes[result.label][at] == truth.to_numpy()).mean() >= published - 0.0125
