"""Strategies in which a label depends on more than the true class: the example, the other annotators, or the time."""

from __future__ import annotations

import numpy as np

from . import stable
from .crowd import (
    Codes,
    Crowd,
    Floats,
    Random,
    Rows,
    Sampler,
    Setting,
    dirichlet_rows,
    in_range,
    made_dominant,
    one_coin_matrices,
    share_of,
)

# Difficulty codes of discrete-difficulty: larger is harder.
EASY, HARD, RANDOM = 0, 1, 2

# A crowd's mean over a million difficulties is told apart from the mean over this many quantiles of them only in the 4th digit.
QUANTILES = 512


def discrete_difficulty(
    rng: Random, setting: Setting, *, ratio: float = 0.35, ratio_difficulty: float = 1.0, ratio_random: float = 0.0
) -> Crowd:
    """Easy examples are labelled right by everybody, hard ones by each annotator's matrix, random ones by chance.

    Good annotators have Dirichlet(0.2) rows made diagonally dominant, bad ones Dirichlet(1) rows as drawn.

    Args:
        ratio: share of good annotators.
        ratio_difficulty: P(easy) / P(hard) among the examples that are not random.
        ratio_random: share of random examples, on which every label is a uniform draw.

    Source: Lefort, Charlier, Joly & Salmon (peerannot), section 7.1; Whitehill et al. 2009.
    """
    in_range("ratio", ratio, 0, 1)
    in_range("ratio_difficulty", ratio_difficulty, 0, np.finfo(float).max)
    in_range("ratio_random", ratio_random, 0, 1)
    n, j, k = setting.n_examples, setting.n_annotators, setting.n_classes
    good = share_of(rng, j, ratio)
    bad_rows, good_rows = dirichlet_rows(rng, j, k, 1.0), made_dominant(dirichlet_rows(rng, j, k, 0.2))
    hard_confusion = np.where(good[:, None, None], good_rows, bad_rows)
    difficulty = np.where(rng.random(n) * (1 + ratio_difficulty) < ratio_difficulty, EASY, HARD)
    difficulty[rng.random(n) < ratio_random] = RANDOM
    share = np.bincount(difficulty, minlength=3) / n
    sampler = Sampler(hard_confusion)

    def label(rng: Random, rows: Rows) -> Codes:
        uniform = rng.random(len(rows.truth))
        at = difficulty[rows.example]
        by_matrix = sampler(rows.annotator, rows.truth, uniform)
        by_chance = (uniform * k).astype(np.int32)
        return np.select([at == EASY, at == HARD], [rows.truth, by_matrix], by_chance)

    confusion = share[EASY] * np.eye(k) + share[HARD] * hard_confusion + share[RANDOM] / k
    return Crowd(confusion, label, difficulty.astype(np.float64), {"good": good, "hard_confusion": hard_confusion})


def glad(
    rng: Random,
    setting: Setting,
    *,
    ability_mean: float = 1.0,
    ability_sd: float = 1.0,
    easiness_mean: float = 1.0,
    easiness_sd: float = 1.0,
) -> Crowd:
    """A label is right with probability sigmoid(ability × easiness), otherwise it is one of the other classes.

    Args:
        ability_mean, ability_sd: abilities are normal; below 0 means harm.
        easiness_mean, easiness_sd: the log of the easiness (beta) is normal; difficulty is 1 / beta.

    Source: Whitehill, Ruvolo, Wu, Bergsma & Movellan 2009, equation 1, with their priors as defaults.
    """
    in_range("ability_sd", ability_sd, 0, np.inf)
    in_range("easiness_sd", easiness_sd, 0, 10)
    in_range("easiness_mean", easiness_mean, -10, 10)
    k = setting.n_classes
    ability = stable.normal(rng, ability_mean, ability_sd, setting.n_annotators)
    easiness = np.exp(stable.normal(rng, easiness_mean, easiness_sd, setting.n_examples))

    def label(rng: Random, rows: Rows) -> Codes:
        right = rng.random(len(rows.truth)) < _sigmoid(ability[rows.annotator] * easiness[rows.example])
        other = (rows.truth + rng.integers(1, k, size=len(right))) % k
        return np.where(right, rows.truth, other).astype(np.int32)

    typical = np.quantile(easiness, (np.arange(QUANTILES) + 0.5) / QUANTILES)
    mean_right = _sigmoid(ability[:, None] * typical).mean(axis=1)
    return Crowd(one_coin_matrices(mean_right, k), label, 1 / easiness, {"ability": ability})


def copying(rng: Random, setting: Setting, *, ratio: float = 0.3, copy: float = 0.8) -> Crowd:
    """Some annotators copy: with a certain chance they give the label that their source gives to the same example.

    All have matrices as in independent-confusion, and a copier who does not copy uses their own.

    Args:
        ratio: share of copiers; at least one annotator is a source.
        copy: chance that a copier copies a label.
    """
    in_range("ratio", ratio, 0, 1)
    in_range("copy", copy, 0, 1)
    j = setting.n_annotators
    copier = share_of(rng, j, ratio)
    if copier.all():
        copier[rng.integers(j)] = False
    sources = np.flatnonzero(~copier)
    # source[j]: whom annotator j copies; themselves where j does not copy
    source = np.where(copier, sources[rng.integers(len(sources), size=j)], np.arange(j)).astype(np.int32)
    own = made_dominant(dirichlet_rows(rng, j, setting.n_classes))
    sampler = Sampler(own)

    def label(rng: Random, rows: Rows) -> Codes:
        copies = ~copier[rows.annotator] | (rng.random(len(rows.truth)) < copy)
        who = np.where(copies, source[rows.annotator], rows.annotator)
        # One draw for each (example, who): a source and all who copy it there share it, even if the source's own label was not bought.
        pair, drawn = np.unique(rows.example.astype(np.int64) * j + who, return_inverse=True)
        return sampler(who, rows.truth, rng.random(len(pair))[drawn])

    weight = np.where(copier, copy, 0.0)[:, None, None]
    return Crowd(weight * own[source] + (1 - weight) * own, label, extra={"copier": copier, "source": source})


def drift(rng: Random, setting: Setting, *, ratio: float = 0.5, drift: float = 0.6) -> Crowd:
    """Some annotators tire: from their first label to their last, more and more labels are given at random.

    All start with matrices as in independent-confusion. The labels carry timestamps.

    Args:
        ratio: share of annotators who tire.
        drift: chance of a random label at the end of an annotator's work; it grows linearly from 0.
    """
    in_range("ratio", ratio, 0, 1)
    in_range("drift", drift, 0, 1)
    j, k = setting.n_annotators, setting.n_classes
    tires = share_of(rng, j, ratio)
    fresh = made_dominant(dirichlet_rows(rng, j, k))
    sampler = Sampler(fresh)
    at_the_end = np.where(tires, drift, 0.0)

    def label(rng: Random, rows: Rows) -> Codes:
        uniform = rng.random(len(rows.truth))
        at_random = rng.random(len(uniform)) < at_the_end[rows.annotator] * (rows.progress if rows.progress is not None else 0.0)
        return np.where(at_random, (uniform * k).astype(np.int32), sampler(rows.annotator, rows.truth, uniform))

    mean = (at_the_end / 2)[:, None, None]
    return Crowd((1 - mean) * fresh + mean / k, label, extra={"tires": tires, "fresh_confusion": fresh}, timed=True)


def _sigmoid(x: Floats) -> Floats:
    return 0.5 * (1 + np.tanh(x / 2))  # exp would overflow far from 0
