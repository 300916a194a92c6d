"""How sure we are of each annotator: intervals, ranks, and the chance of being better than chance or than another.

The model is hierarchical. Row t of an annotator's confusion has a Dirichlet prior that is fitted to the crowd (see
`confusion_prior`), and its posterior comes from the annotator's labels, each weighted by the posterior of its example. Quality, trace and
skill are all linear in the confusion, so their mean and variance follow in closed form, and a Beta distribution with
that mean and variance gives the interval.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import betainc, betaincinv

from ..aggregation.dawid_skene import dawid_skene
from ..aggregation.engine import Blocks
from ..align import gold_codes
from ..consensus import Consensus
from ..labels import CrowdLabels
from ..names import listed
from .confusion_prior import CrowdPrior, fit_crowd_prior

# The doubt about the examples may hide at most this part of the information in an annotator's labels.
MOST_HIDDEN = 0.9

# Draws for the rank interval: its ends are then known to about half a per cent of the ranks.
N_DRAWS = 1000
FEW_DRAWS, MANY_ANNOTATORS = 300, 2_000  # draws with more annotators than these: a thousand would take seconds, and a rank says less
BLOCK = 1 << 17


def annotator_intervals(
    labels: CrowdLabels,
    result: Consensus,
    level: float = 0.95,
    seed: int = 0,
    gold: Mapping[Hashable, Hashable] | pd.Series | None = None,
) -> pd.DataFrame:
    """Credible intervals for each annotator, one row an annotator in the order of labels.annotators.

    Args:
        level: of the intervals; each end alone is a one-sided bound at (1 + level) / 2.
        seed: for the draws behind the rank intervals; nothing else is random.
        gold: {example name: class name}; used where the posterior has to be estimated anew, see below.

    Returns:
        n_labels; quality: the chance of being right, in [0, 1]; trace: sum of the diagonal of the confusion, 0 to K;
        skill: quality less the quality of someone with the same habits who does not look, scaled so that 1 is perfect
        and 0 is chance for every spammer; each with _low and _high. quality_sd: standard deviation.
        better_than_chance: probability that skill > 0.
        rank: place by quality, 1 = best, with rank_low and rank_high.

    Where the result has no confusions (votes, CROWDLAB), its posterior is a share of weights and not a probability of
    the truth: intervals from it miss the true quality half of the time. There the posterior of Dawid-Skene is used.
    What annotators share through common examples is left out of the ranks.

    Raises:
        ValueError: level is not between 0 and 1, or gold does not fit.
    """
    if not 0 < level < 1:
        raise ValueError(f"level={level} must lie between 0 and 1, such as 0.95.")
    return intervals_of(confusion_posterior(labels, result, gold), level, seed)


def probability_better(intervals: pd.DataFrame, a: Hashable, b: Hashable) -> float:
    """Probability that annotator a has a higher quality than annotator b, from `annotator_intervals`.

    Raises:
        ValueError: there is no such annotator.
    """
    for name in (a, b):
        if name not in intervals.index:
            raise ValueError(f"There is no annotator {name!r}; the intervals have {listed(intervals.index)}.")
    if a == b:
        return 0.5
    (mean_a, sd_a), (mean_b, sd_b) = (intervals.loc[[name], ["quality", "quality_sd"]].to_numpy(np.float64)[0] for name in (a, b))
    one, other = (Beta.matched(np.array([mean]), np.array([sd**2])) for mean, sd in ((mean_a, sd_a), (mean_b, sd_b)))
    points = one.quantile((np.arange(400)[:, None] + 0.5) / 400)
    return float(1 - other.above(points).mean())


@dataclass(frozen=True)
class Beta:
    """Beta distributions on [low, high], one for each annotator: first and second are their two parameters."""

    first: NDArray[np.float64]
    second: NDArray[np.float64]
    low: float = 0.0
    high: float = 1.0

    @classmethod
    def matched(cls, mean: NDArray[np.float64], variance: NDArray[np.float64], low: float = 0.0, high: float = 1.0) -> Beta:
        """The one with this mean and variance; a variance of 0 gives one that is as good as a point."""
        width = high - low if high > low else 1.0
        middle = np.clip((mean - low) / width, 1e-6, 1 - 1e-6)
        most = middle * (1 - middle)
        labels = most / np.clip(variance / width**2, most * 1e-9, most * 0.999) - 1
        return cls(middle * labels, (1 - middle) * labels, low, high)

    def quantile(self, q: float | NDArray[np.float64]) -> NDArray[np.float64]:
        """The value below which the share q lies."""
        value: NDArray[np.float64] = self.low + (self.high - self.low) * betaincinv(self.first, self.second, q)
        return value

    def above(self, value: float | NDArray[np.float64]) -> NDArray[np.float64]:
        """Probability of more than this value."""
        place = (np.asarray(value) - self.low) / (self.high - self.low if self.high > self.low else 1.0)
        chance: NDArray[np.float64] = 1.0 - betainc(self.first, self.second, np.clip(place, 0.0, 1.0))
        return chance


@dataclass(frozen=True)
class ConfusionPosterior:
    """Dirichlet rows of each annotator's confusion.

    counts[j, t, g]: expected labels g on examples of class t; share (K,) of each class; prior: what the crowd says.
    """

    labels: CrowdLabels
    posterior: NDArray[np.float64]
    prior: CrowdPrior
    counts: NDArray[np.float64]
    share: NDArray[np.float64]

    @cached_property
    def total(self) -> NDArray[np.float64]:
        """total[j, t, g]: expected and imagined labels."""
        return self.counts + self.prior.of_annotators

    @cached_property
    def mean(self) -> NDArray[np.float64]:
        """mean[j, t, g]: expected confusion."""
        mean: NDArray[np.float64] = self.total / self.total.sum(axis=2, keepdims=True)
        return mean

    def functional(self, weight: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Mean and variance (J,) of the sum over t and g of weight[t, g] confusion[j, t, g].

        For known true classes the variance is that of Dirichlet rows. The doubt about them hides information: the
        variance of the estimate over their posterior is the missing part of it (Louis 1982), and dividing by the part
        that is left accounts for it. This is done twice, since the confusions of the others, from which that posterior
        comes, suffer in the same way; the coverage test shows that twice is about right and once too little.
        """
        rows, mean = self.total.sum(axis=2), self.mean
        row_mean = np.einsum("tg,jtg->jt", weight, mean)
        row_variance = np.einsum("tg,jtg->jt", weight**2, mean) - row_mean**2
        known = (np.maximum(row_variance, 0.0) / (rows + 1)).sum(axis=1)
        # effect[j, t, g]: what one label g moves the estimate by if its example is of class t.
        effect = (weight - row_mean[:, :, None]) / rows[:, :, None]
        missing = np.einsum("jtg,jtg->j", self.counts, effect**2) - self._sum_of_squares(effect)
        hidden = np.clip(missing / np.maximum(known, np.finfo(np.float64).tiny), 0.0, MOST_HIDDEN)
        return row_mean.sum(axis=1), known / (1 - hidden) ** 2

    def _sum_of_squares(self, effect: NDArray[np.float64]) -> NDArray[np.float64]:
        """(J,) sum over the labels of the squared expected effect, in blocks of labels."""
        labels, total = self.labels, np.zeros(len(effect))
        by_given = np.ascontiguousarray(effect.transpose(0, 2, 1))
        for start in range(0, len(labels), BLOCK):
            rows = slice(start, start + BLOCK)
            annotator = labels.annotator[rows]
            expected = np.einsum("lt,lt->l", self.posterior[labels.example[rows]], by_given[annotator, labels.label[rows]])
            total += np.bincount(annotator, weights=expected**2, minlength=len(total))
        return total


def confusion_posterior(
    labels: CrowdLabels, result: Consensus, gold: Mapping[Hashable, Hashable] | pd.Series | None = None
) -> ConfusionPosterior:
    """The posterior of all confusions under a prior that is fitted to this crowd; see `annotator_intervals`."""
    posterior = result.posterior
    if result.confusion is None and len(labels):
        posterior = dawid_skene(labels, gold=gold_codes(labels, gold)).posterior
    counts = np.ascontiguousarray(Blocks(labels).counts(posterior).transpose(0, 2, 1))
    k = len(labels.classes)
    share = posterior.mean(axis=0) if len(posterior) else np.full(k, 1.0 / k)
    return ConfusionPosterior(labels, posterior, fit_crowd_prior(counts), counts, share)


def intervals_of(confusions: ConfusionPosterior, level: float, seed: int) -> pd.DataFrame:
    """The table of `annotator_intervals`."""
    labels, share, k = confusions.labels, confusions.share, len(confusions.share)
    mean, variance = confusions.functional(np.diag(share))
    right = np.einsum("jkk->jk", confusions.mean)
    # The shares of the classes are estimates too, from N examples.
    variance = variance + np.maximum(right**2 @ share - (right @ share) ** 2, 0.0) / (len(confusions.posterior) + 1)
    quality = Beta.matched(mean, variance)
    columns: dict[str, NDArray[np.float64] | NDArray[np.int64]] = {"n_labels": labels.labels_per_annotator}
    columns |= _with_ends("quality", mean, quality, level) | {"quality_sd": np.sqrt(variance)}
    mean_trace, variance = confusions.functional(np.eye(k))
    columns |= _with_ends("trace", mean_trace, Beta.matched(mean_trace, variance, 0.0, float(k)), level)
    weight = skill_weight(share)
    mean_skill, variance = confusions.functional(weight)
    skill = Beta.matched(mean_skill, variance, float(weight.min(axis=1).sum()), float(max(np.trace(weight), 0.0)))
    columns |= _with_ends("skill", mean_skill, skill, level) | {"better_than_chance": skill.above(0.0)}
    return pd.DataFrame(columns | _ranks(mean, quality, level, seed), index=labels.annotators)


def skill_weight(share: NDArray[np.float64]) -> NDArray[np.float64]:
    """weight[t, g] (K, K) with which the confusion sums to the skill; zeros where there is one class.

    Quality is the sum of share[t] confusion[t, t], and somebody who gives the same labels blindly is right in the sum of
    share[t] share[g] confusion[t, g]. The difference, at most 1 - sum of share^2, is 0 for every confusion of rank one.
    For two classes the skill is Youden's index, sensitivity + specificity - 1.
    """
    room = 1.0 - float((share**2).sum())
    weight: NDArray[np.float64] = np.diag(share) - np.outer(share, share)
    return weight / room if room > 1e-9 else np.zeros_like(weight)


def _with_ends(name: str, mean: NDArray[np.float64], beta: Beta, level: float) -> dict[str, NDArray[np.float64]]:
    return {name: mean, f"{name}_low": beta.quantile((1 - level) / 2), f"{name}_high": beta.quantile((1 + level) / 2)}


def _ranks(mean: NDArray[np.float64], quality: Beta, level: float, seed: int) -> dict[str, NDArray[np.int64]]:
    """Place of each annotator by the mean, and the interval of the place over draws of all qualities."""
    rng = np.random.default_rng(seed)
    n = N_DRAWS if len(mean) <= MANY_ANNOTATORS else FEW_DRAWS
    place = np.empty((n, len(mean)), dtype=np.int32)
    for draws in np.array_split(place, 10):
        order = np.argsort(-rng.beta(quality.first, quality.second, size=draws.shape), axis=1)
        np.put_along_axis(draws, order, np.arange(1, len(mean) + 1, dtype=np.int32)[None, :], axis=1)
    best = (-mean).argsort(kind="stable")
    rank = np.empty(len(mean), dtype=np.int64)
    rank[best] = np.arange(1, len(mean) + 1)
    place.sort(axis=0)
    first, last = int((1 - level) / 2 * n), int(np.ceil((1 + level) / 2 * n)) - 1
    return {"rank": rank, "rank_low": np.minimum(place[first], rank), "rank_high": np.maximum(place[last], rank)}
