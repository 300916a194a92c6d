"""How far the posterior of a run can be believed: by gold, or without gold by simulation."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..aggregation import METHODS, aggregate
from ..aggregation.calibration import scaled
from ..align import gold_codes
from ..consensus import Consensus
from ..labels import CrowdLabels
from ..quality.uncertainty import confusion_posterior

# Fewer gold examples say nothing about how far claims can be trusted.
LEAST_GOLD = 20
FOLDS = 5
N_BOOTSTRAP = 40

# Between these the temperature is looked for, in so many halvings of its logarithm.
COLDEST, HOTTEST, HALVINGS = 0.02, 50.0, 40

# Without gold: crowds are simulated in which some examples look like another class to about half of the annotators,
# since annotators who err together are what makes real consensus less sure than it claims.
HARD_SHARES = (0.0, 0.3, 0.6)
MOST_SIMULATED = 1500


@dataclass(frozen=True)
class Trust:
    """How far posteriors can be believed: the temperature that fits and its range; n_gold is 0 where it comes from simulation.

    claimed, right: on the gold, the mean quality after recalibration on the other gold (cross-fitting), and the share that is
    right; None without gold.
    """

    temperature: float
    low: float
    high: float
    n_gold: int = 0
    claimed: float | None = None
    right: float | None = None


def trust_in(
    labels: CrowdLabels, result: Consensus, gold: Mapping[Hashable, Hashable] | pd.Series | None = None, *, seed: int = 0
) -> Trust:
    """The temperature at which the posterior fits the truth, from gold by bootstrap, or its range from simulation.

    Args:
        result: a run that did not see the gold, so that gold can judge it.

    Raises:
        ValueError: gold that does not fit the labels.
    """
    codes = gold_codes(labels, gold)
    known = np.empty(0, dtype=np.intp) if codes is None else np.flatnonzero(codes >= 0)
    rng = np.random.default_rng(seed)
    if codes is not None and len(known) >= LEAST_GOLD:
        right, posterior = result.label[known] == codes[known], result.posterior[known]
        fitted = consistent_temperature(right, posterior)
        draws = [consistent_temperature(right[rows], posterior[rows]) for rows in rng.integers(0, len(known), (N_BOOTSTRAP, len(known)))]
        low, high = np.quantile([*draws, fitted], [0.025, 0.975])
        claimed = float(_cross_fitted(right, posterior, rng).max(axis=1).mean())
        return Trust(fitted, min(float(low), fitted), max(float(high), fitted), len(known), claimed, float(right.mean()))
    found = [_simulated_temperature(labels, result, share, rng) for share in HARD_SHARES]
    return Trust(float(np.median(found)), min(*found, 1.0), max(*found, 1.0))


def consistent_temperature(right: NDArray[np.bool_], posterior: NDArray[np.float64]) -> float:
    """The temperature at which the mean quality of n examples is the share of them whose consensus is right (n,).

    What a plan promises is that share, so it is matched itself; the temperature of least cross entropy, which is ruled by the few
    worst examples, promised .79 where .87 were right. Half a right and half a wrong example are added, since 20 right of 20 are no
    proof that all are. (Clarté, Loureiro, Krzakala & Zdeborová 2023: expectation consistency.)
    """
    if posterior.shape[1] == 1:
        return 1.0
    aim = (right.sum() + 0.5) / (len(right) + 1)
    cold, hot = np.log(COLDEST), np.log(HOTTEST)
    for _ in range(HALVINGS):
        middle = (cold + hot) / 2
        if scaled(posterior, float(np.exp(middle))).max(axis=1).mean() > aim:
            cold = middle
        else:
            hot = middle
    return float(np.exp((cold + hot) / 2))


def _cross_fitted(right: NDArray[np.bool_], posterior: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
    """(n, K) posterior of gold examples, each at the temperature that fits the gold of the other folds."""
    fold = rng.permutation(np.arange(len(right)) % FOLDS)
    fitted = posterior.copy()
    for f in range(FOLDS):
        own = fold == f
        fitted[own] = scaled(posterior[own], consistent_temperature(right[~own], posterior[~own]))
    return fitted


def _simulated_temperature(labels: CrowdLabels, result: Consensus, hard: float, rng: np.random.Generator) -> float:
    """The temperature that the method needs on a simulated crowd like this one, of which a share of examples looks like another class.

    Methods with a model are stood in for by Dawid-Skene, since the model's errors on simulated examples are unknown.
    """
    n, k = len(labels.examples), len(labels.classes)
    if n > MOST_SIMULATED:
        labels = labels.select(examples=labels.examples[np.sort(rng.permutation(n)[:MOST_SIMULATED])])
    if k == 1 or not len(labels):
        return 1.0
    confusion = confusion_posterior(labels, simple := aggregate(labels, "dawid_skene")).mean
    balance = np.cumsum(simple.posterior.mean(axis=0))
    truth = np.minimum(np.searchsorted(balance, rng.random(len(labels.examples)) * balance[-1], side="right"), k - 1)
    decoy = (truth + rng.integers(1, k, len(truth))) % k
    fooled = (rng.random(len(truth)) < hard)[labels.example] & (rng.random(len(labels)) < 0.5)
    seen = np.where(fooled, decoy[labels.example], truth[labels.example])
    rows = np.cumsum(confusion[labels.annotator, seen], axis=1)
    given = np.minimum((rng.random(len(labels))[:, None] * rows[:, -1:] > rows).sum(axis=1), k - 1).astype(np.int32)
    crowd = CrowdLabels(labels.examples, labels.annotators, labels.classes, labels.example, labels.annotator, given)
    method = result.method if result.method in METHODS and not METHODS[result.method].needs and result.method != "auto" else "dawid_skene"
    again = aggregate(crowd, method)
    return consistent_temperature(again.label == truth, again.posterior)
