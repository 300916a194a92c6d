"""How sure we are of annotators: coverage of the intervals, ranks, and verdicts that do not cry wolf."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from scipy import stats

import multiannotator_core as mc
from multiannotator_core.quality.annotators import annotator_metrics
from multiannotator_core.quality.confusion_prior import fit_crowd_prior, fit_dirichlet
from multiannotator_core.quality.spammers import spammer_scores
from multiannotator_core.quality.uncertainty import (
    Beta,
    annotator_intervals,
    confusion_posterior,
    probability_better,
    skill_weight,
)
from multiannotator_core.quality.verdicts import VERDICTS, annotator_verdicts
from tests import naive_quality as naive

DATA = Path(os.environ.get("CROWDLENS_DATA", "../shared/data"))
real = pytest.mark.skipif(not DATA.is_dir(), reason="real crowd data not found: set CROWDLENS_DATA")
ALARMS = ("mixes up", "answers at random", "always says")


def crowd_of(rng: np.random.Generator, confusion: NDArray[np.float64], n: int, each: int, share: NDArray[np.float64]) -> mc.CrowdLabels:
    """n examples with `each` labels by annotators drawn without return, who label by confusion[j, true, given]."""
    j, k, _ = confusion.shape
    truth = rng.choice(k, size=n, p=share)
    annotator = rng.random((n, j)).argsort(axis=1)[:, :each].ravel()
    example = np.repeat(np.arange(n), each)
    label = (rng.random((n * each, 1)) > confusion.cumsum(axis=2)[annotator, truth[example]]).sum(axis=1)
    return mc.CrowdLabels(pd.RangeIndex(n), pd.RangeIndex(j), pd.RangeIndex(k), example, annotator, np.minimum(label, k - 1))


def from_prior(rng: np.random.Generator, prior: NDArray[np.float64], j: int) -> NDArray[np.float64]:
    """Confusions (j, K, K) with rows drawn from the Dirichlet prior[t, g]."""
    return np.stack([rng.dirichlet(row, size=j) for row in prior], axis=1)


def honest(rng: np.random.Generator, j: int, k: int, low: float = 0.7, high: float = 0.95) -> NDArray[np.float64]:
    """Annotators who are right in `low` to `high` of each class and spread their errors."""
    confusion = np.zeros((j, k, k))
    right = rng.uniform(low, high, (j, k))
    for c in range(k):
        others = np.arange(k) != c
        confusion[:, c, others] = rng.dirichlet(np.full(k - 1, 5.0), size=j) * (1 - right[:, [c]])
        confusion[:, c, c] = right[:, c]
    return confusion


def fitted_prior() -> NDArray[np.float64]:
    """The prior that one crowd of four classes gives."""
    rng = np.random.default_rng(7)
    labels = crowd_of(rng, from_prior(rng, np.full((4, 4), 0.5) + 3 * np.eye(4), 40), 500, 5, np.full(4, 0.25))
    return confusion_posterior(labels, mc.aggregate(labels)).prior.crowd


def test_intervals_cover_the_truth_as_often_as_they_say():
    """Over 200 crowds drawn from a fitted prior, 95 % intervals hold the true quality and trace in 92 to 98 % of the cases."""
    prior, share = fitted_prior(), np.array([0.4, 0.3, 0.2, 0.1])
    inside: dict[str, list[float]] = {"quality": [], "trace": []}
    for seed in range(200):
        rng = np.random.default_rng(seed)
        confusion = from_prior(rng, prior, 20)
        labels = crowd_of(rng, confusion, 200, 5, share)
        intervals = annotator_intervals(labels, mc.aggregate(labels))[labels.labels_per_annotator >= 30]
        true = {"quality": np.einsum("k,jkk->j", share, confusion), "trace": np.trace(confusion, axis1=1, axis2=2)}
        for name, values in true.items():
            values = values[intervals.index]
            inside[name].append(float(((intervals[f"{name}_low"] <= values) & (values <= intervals[f"{name}_high"])).mean()))

    for name, shares in inside.items():
        assert 0.92 <= np.mean(shares) <= 0.98, (name, np.mean(shares))


def test_votes_do_not_spoil_the_intervals():
    """A method without confusions gives the same intervals as Dawid-Skene: shares of votes are no probabilities."""
    rng = np.random.default_rng(0)
    labels = crowd_of(rng, honest(rng, 20, 3), 200, 5, np.full(3, 1 / 3))
    expected = annotator_intervals(labels, mc.aggregate(labels, "dawid_skene"))

    pd.testing.assert_frame_equal(expected, annotator_intervals(labels, mc.aggregate(labels, "majority_vote")))


def test_skill_is_chance_corrected():
    """Every confusion of rank one has skill 0 and the identity 1; with two classes it is Youden's index."""
    rng = np.random.default_rng(0)
    share = rng.dirichlet(np.ones(5))
    spammer = np.tile(rng.dirichlet(np.ones(5)), (5, 1))
    sensitivity, specificity = 0.8, 0.7
    two = np.array([[sensitivity, 1 - sensitivity], [1 - specificity, specificity]])

    assert pytest.approx(0.0, abs=1e-12) == (skill_weight(share) * spammer).sum()
    assert pytest.approx(1.0, abs=1e-12) == (skill_weight(share) * np.eye(5)).sum()
    assert pytest.approx(sensitivity + specificity - 1) == (skill_weight(np.array([0.9, 0.1])) * two).sum()
    assert pytest.approx(0.0, abs=1e-12) == spammer_scores(spammer)["raykar_yu"][0]


def test_variance_without_doubt_is_that_of_dirichlet_rows():
    """Where gold settles every example, mean and variance of the quality equal those of sampled Dirichlet rows."""
    rng = np.random.default_rng(1)
    truth = rng.integers(0, 3, 90)
    confusion = honest(rng, 6, 3)
    labels = crowd_of(rng, confusion, 90, 3, np.full(3, 1 / 3))
    posterior = confusion_posterior(labels, mc.aggregate(labels, gold=dict(enumerate(truth.tolist()))))
    mean, variance = posterior.functional(np.diag(posterior.share))
    drawn = rng.gamma(np.broadcast_to(posterior.total, (40_000, 6, 3, 3)))
    drawn /= drawn.sum(axis=3, keepdims=True)
    quality = np.einsum("k,sjkk->sj", posterior.share, drawn)

    assert np.allclose(quality.mean(axis=0), mean, atol=2e-3)
    assert np.allclose(quality.var(axis=0), variance, rtol=0.05)


def test_doubt_about_examples_widens_the_intervals():
    """The same labels with gold give narrower intervals than without."""
    rng = np.random.default_rng(2)
    truth = rng.integers(0, 2, 150)
    right = rng.random((150, 3)) < 0.7
    labels = mc.CrowdLabels.from_wide(np.where(right, truth[:, None], 1 - truth[:, None]))
    gold = dict(enumerate(truth.tolist()))
    without, with_gold = annotator_intervals(labels, mc.aggregate(labels)), annotator_intervals(labels, mc.aggregate(labels, gold=gold))

    assert (with_gold["quality_sd"] < 0.8 * without["quality_sd"]).all()


def test_matched_beta_has_the_mean_and_variance_it_was_given():
    """The Beta on an interval reproduces its moments, quantiles and tail."""
    beta = Beta.matched(np.array([1.5]), np.array([0.04]), 0.0, 3.0)
    expected = stats.beta(beta.first[0], beta.second[0], scale=3.0)

    assert pytest.approx((1.5, 0.04)) == (expected.mean(), expected.var())
    assert pytest.approx(expected.ppf(0.025)) == beta.quantile(0.025)[0]
    assert pytest.approx(expected.sf(1.7)) == beta.above(1.7)[0]


def test_fitted_dirichlet_is_the_most_likely_one():
    """From many annotators the fit finds the Dirichlet the rows came from, and beats its neighbours in likelihood."""
    rng = np.random.default_rng(3)
    true = np.array([[6.0, 2.0, 1.0], [1.0, 4.0, 1.0], [0.5, 0.5, 9.0]])
    rows = from_prior(rng, true, 1500)
    counts = np.stack([rng.multinomial(40, rows[:, t]) for t in range(3)], axis=1).astype(float)
    fitted = fit_dirichlet(counts, np.ones(1500), np.ones((3, 3)))

    def log_likelihood(alpha: NDArray[np.float64]) -> float:
        return float(sum(stats.dirichlet_multinomial.logpmf(counts[:, t].astype(int), alpha[t], 40).sum() for t in range(3)))

    assert np.allclose(true, fitted, rtol=0.12)
    for factor in (0.93, 1.07):
        assert log_likelihood(fitted) > log_likelihood(fitted * factor)


def test_prior_tells_spammers_from_the_others():
    """With a tenth of spammers their probability is near 1 and that of the others near 0, and the prior stays that of the others."""
    rng = np.random.default_rng(4)
    rows = from_prior(rng, np.full((4, 4), 1.0) + 11 * np.eye(4), 100)
    rows[:10] = rng.dirichlet(np.full(4, 3.0), size=10)[:, None, :]
    counts = np.stack([rng.multinomial(15, rows[:, t]) for t in range(4)], axis=1).astype(float)
    prior = fit_crowd_prior(counts)

    assert (prior.spammer[:10] > 0.9).all()
    assert (prior.spammer[10:] < 0.1).mean() > 0.97
    assert pytest.approx(0.8, abs=0.03) == (np.diag(prior.crowd) / prior.crowd.sum(axis=1)).mean()


def test_probability_of_being_better_agrees_with_draws():
    """The quadrature equals the share of draws in which a beats b, and both directions add up to 1."""
    rng = np.random.default_rng(5)
    labels = crowd_of(rng, honest(rng, 5, 3, 0.6, 0.9), 80, 3, np.full(3, 1 / 3))
    intervals = annotator_intervals(labels, mc.aggregate(labels))
    quality = Beta.matched(intervals["quality"].to_numpy(), intervals["quality_sd"].to_numpy() ** 2)
    draws = rng.beta(quality.first, quality.second, size=(40_000, 5))

    for a, b in ((0, 1), (2, 4), (3, 1)):
        assert pytest.approx((draws[:, a] > draws[:, b]).mean(), abs=0.01) == probability_better(intervals, a, b)
        assert pytest.approx(1.0, abs=2e-3) == probability_better(intervals, a, b) + probability_better(intervals, b, a)
    assert probability_better(intervals, 1, 1) == 0.5
    with pytest.raises(ValueError, match="no annotator 'zoe'"):
        probability_better(intervals, "zoe", 1)


def test_ranks_are_places_with_an_interval():
    """Ranks are a permutation by quality, their intervals hold them and the true places, and equal seeds give equal intervals."""
    rng = np.random.default_rng(6)
    right = rng.permutation(np.linspace(0.3, 0.95, 12))
    confusion = np.where(np.eye(3, dtype=bool), right[:, None, None], (1 - right[:, None, None]) / 2)
    labels = crowd_of(rng, confusion, 400, 5, np.full(3, 1 / 3))
    result = mc.aggregate(labels)
    intervals = annotator_intervals(labels, result, seed=1)
    true_rank = (-right).argsort().argsort() + 1

    assert sorted(intervals["rank"]) == list(range(1, 13))
    assert intervals.sort_values("rank")["quality"].is_monotonic_decreasing
    assert ((intervals["rank_low"] <= intervals["rank"]) & (intervals["rank"] <= intervals["rank_high"])).all()
    assert ((intervals["rank_low"] <= true_rank) & (true_rank <= intervals["rank_high"])).sum() >= 11
    assert (intervals["rank_high"] - intervals["rank_low"]).mean() < 5
    pd.testing.assert_frame_equal(intervals, annotator_intervals(labels, result, seed=1))


def test_global_random_state_stays():
    """The draws use a generator of their own."""
    labels = naive.random_crowd(1)
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    annotator_intervals(labels, mc.aggregate(labels))

    assert (before == np.random.get_state()[1]).all()  # noqa: NPY002


def test_wider_level_gives_wider_intervals():
    """A 99 % interval holds the 80 % interval; a level that is no share is refused."""
    labels = naive.random_crowd(1)
    result = mc.aggregate(labels)
    narrow, wide = annotator_intervals(labels, result, level=0.8), annotator_intervals(labels, result, level=0.99)

    for name in ("quality", "trace", "skill"):
        assert (wide[f"{name}_low"] < narrow[f"{name}_low"]).all()
        assert (narrow[f"{name}_high"] < wide[f"{name}_high"]).all()
    with pytest.raises(ValueError, match="between 0 and 1"):
        annotator_intervals(labels, result, level=95)


def one_class() -> mc.CrowdLabels:
    """Every label says the same."""
    return mc.CrowdLabels.from_wide(np.ones((30, 3), dtype=int))


def lonely() -> mc.CrowdLabels:
    """One annotator, one label an example."""
    return mc.CrowdLabels.from_wide(np.arange(30)[:, None] % 3)


def silent() -> mc.CrowdLabels:
    """An annotator without labels, a class without labels, an example without labels."""
    labels = mc.CrowdLabels.from_wide(np.array([[0, 1, 0], [1, 1, 0], [0, 0, 1]]), classes=[0, 1, 2])
    keep = (labels.annotator != 2) & (labels.example != 2)
    codes = [values[keep] for values in (labels.example, labels.annotator, labels.label)]
    return mc.CrowdLabels(labels.examples, labels.annotators, labels.classes, *codes)


@pytest.mark.parametrize("labels", [one_class(), lonely(), silent(), *(naive.random_crowd(s, repeats=True) for s in range(10))])
def test_edge_crowds_have_finite_numbers(labels):
    """One class, one annotator, annotators or classes without labels, repeated labels: all numbers finite, ends in order."""
    for method in ("majority_vote", "dawid_skene"):
        verdicts = annotator_verdicts(labels, mc.aggregate(labels, method))
        numbers = verdicts.select_dtypes("number")

        assert np.isfinite(numbers.to_numpy(np.float64)).all()
        for name in ("quality", "trace", "skill", "rank"):
            assert (numbers[f"{name}_low"] <= numbers[f"{name}_high"] + 1e-9).all()
        assert set(verdicts["verdict"]) <= set(VERDICTS)


def test_too_few_labels_are_said_to_be_too_few():
    """Below ten labels, or with one class, there is no verdict, whatever the labels are."""
    for labels in (one_class(), silent(), naive.random_crowd(2).select(examples=["e0"])):
        assert set(annotator_verdicts(labels, mc.aggregate(labels))["verdict"]) == {"not enough data"}


def test_verdicts_find_the_planted_annotators():
    """Random, constant and confused annotators get their verdict, with the classes named; the others no alarm."""
    found: Counter[tuple[str, str]] = Counter()
    for seed in range(10):
        rng = np.random.default_rng(seed)
        confusion = honest(rng, 40, 4)
        confusion[0] = rng.dirichlet(np.full(4, 5.0))
        confusion[1] = np.eye(4)[2]
        confusion[2, 0] = [0.2, 0.0, 0.0, 0.8]
        labels = crowd_of(rng, confusion, 1000, 5, np.full(4, 0.25))
        verdicts = annotator_verdicts(labels, mc.aggregate(labels))
        found.update(zip(["random", "constant", "confused", *["honest"] * 37], verdicts["verdict"], strict=True))

        assert tuple(verdicts.loc[1, ["sentence", "class_a"]]) == ("always says 2", 2)
        if verdicts.loc[2, "verdict"] == "mixes up":
            assert tuple(verdicts.loc[2, ["class_a", "class_b"]]) == (0, 3)
            assert verdicts.loc[2, "sentence"] == "mixes up 0 and 3 (calls 0 3)"
        assert verdicts.loc[verdicts["verdict"].isin(["trustworthy", "ordinary"]), ["class_a", "class_b"]].isna().all(axis=None)
    assert found["constant", "always says"] == 10
    assert found["random", "answers at random"] >= 9
    assert found["confused", "mixes up"] >= 9
    assert sum(found["honest", alarm] for alarm in ALARMS) <= 0.02 * 370


@pytest.mark.parametrize(
    ("k", "low", "each", "share"),
    [(2, 0.65, 5, [0.5, 0.5]), (2, 0.75, 5, [0.9, 0.1]), (4, 0.6, 3, [0.25] * 4), (10, 0.6, 5, [0.1] * 10)],
    ids=["two classes", "rare class", "three labels", "ten classes"],
)
def test_clean_crowds_raise_few_alarms(k, low, each, share):
    """Over 30 seeds fewer than 2 % of honest annotators are said to be random, constant or confused."""
    alarms = []
    for seed in range(30):
        rng = np.random.default_rng(seed)
        labels = crowd_of(rng, honest(rng, 30, k, low), 300, each, np.array(share))
        alarms.append(annotator_verdicts(labels, mc.aggregate(labels))["verdict"].isin(ALARMS).mean())

    assert np.mean(alarms) < 0.02


@real
def test_bluebirds_annotators_are_not_all_alike():
    """On the bluebirds the audit finds trustworthy annotators and such as mix up or guess, and its intervals fit the gold."""
    labels = mc.CrowdLabels.from_long(pd.read_csv(DATA / "bluebirds" / "answers.csv"))
    gold = pd.read_csv(DATA / "bluebirds" / "truth.csv").set_index("task")["truth"]
    verdicts = annotator_verdicts(labels, mc.aggregate(labels))
    accuracy = annotator_metrics(labels, mc.aggregate(labels), gold=gold)["accuracy_on_gold"].to_numpy(np.float64)
    inside = (verdicts["quality_low"] <= accuracy) & (accuracy <= verdicts["quality_high"])

    assert inside.mean() > 0.8
    assert {"trustworthy", "ordinary"} <= set(verdicts["verdict"])
    assert verdicts["verdict"].isin(ALARMS).any()
