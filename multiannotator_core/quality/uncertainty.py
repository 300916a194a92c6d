"""How sure we are of each annotator: intervals, ranks, and the chance of being better than chance or than another.

The model is hierarchical. Row t of an annotator's confusion has a Dirichlet prior that is fitted to the crowd, and
its posterior comes from the annotator's labels, each weighted by the posterior of its example. Quality, trace and
skill are all linear in the confusion, so their mean and variance follow in closed form.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import betainc, betaincinv, digamma

from ..aggregation.em import Blocks
from ..consensus import Consensus
from ..labels import CrowdLabels

# Before the crowd is seen, a row is worth about PRIOR_LABELS imagined labels, and this belief weighs as much as
# PRIOR_CROWD annotators: it decides for classes and crowds without evidence and is soon outweighed.
PRIOR_LABELS = 5.0
PRIOR_CROWD = 1.0
SMALLEST_ALPHA = 1e-3

# The doubt about the examples may hide at most this part of the information in an annotator's labels.
MOST_MISSING = 0.95

# Draws for the rank interval: its ends are then known to about half a per cent of the ranks.
N_DRAWS = 1000
BLOCK = 1 << 17


@dataclass(frozen=True)
class ConfusionPosterior:
    """Dirichlet rows of each annotator's confusion.

    prior[t, g]: imagined labels; counts[j, t, g]: expected labels g on examples of class t; share (K,) of each class.
    """

    labels: CrowdLabels
    posterior: NDArray[np.float64]
    prior: NDArray[np.float64]
    counts: NDArray[np.float64]
    share: NDArray[np.float64]

    @property
    def mean(self) -> NDArray[np.float64]:
        """mean[j, t, g]: expected confusion."""
        total = self.counts + self.prior
        return total / total.sum(axis=2, keepdims=True)

    def functional(self, weight: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Mean and variance (J,) of the sum of weight[t, g] confusion[j, t, g].

        The variance for known true classes is that of Dirichlet rows. The true classes are not known: what this
        hides is the variance of the estimate over their posterior, and it enters as in Louis (1982): information
        observed = information complete - information missing.
        """
        rows = (self.counts + self.prior).sum(axis=2)
        mean = self.mean
        row_mean = np.einsum("tg,jtg->jt", weight, mean)
        row_variance = np.einsum("tg,jtg->jt", weight**2, mean) - row_mean**2
        known = (np.maximum(row_variance, 0) / (rows + 1)).sum(axis=1)
        # effect[j, t, g]: what one label g moves the estimate by if its example is of class t.
        effect = (weight - row_mean[:, :, None]) / rows[:, :, None]
        missing = np.einsum("jtg,jtg->j", self.counts, effect**2) - self._sum_of_squares(effect)
        hidden = np.clip(missing / np.maximum(known, np.finfo(float).tiny), 0.0, MOST_MISSING)
        return row_mean.sum(axis=1), known / (1 - hidden)

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


def confusion_posterior(labels: CrowdLabels, result: Consensus) -> ConfusionPosterior:
    """The posterior of all confusions under a prior that is fitted to this crowd."""
    counts = np.ascontiguousarray(Blocks(labels).counts(result.posterior).transpose(0, 2, 1))
    k = len(labels.classes)
    share = result.posterior.mean(axis=0) if len(result.posterior) else np.full(k, 1.0 / k)
    return ConfusionPosterior(labels, result.posterior, fit_prior(counts), counts, share)


def fit_prior(counts: NDArray[np.float64], max_iter: int = 200, tol: float = 1e-3) -> NDArray[np.float64]:
    """prior[t, g] (K, K): the Dirichlet from which the rows t of the annotators' confusions come.

    The most likely one for counts[j, t, g], by the fixed point of Minka (Estimating a Dirichlet distribution, 2000,
    equation 55), with a weak belief that all rows are like the crowd's pooled accuracy and worth PRIOR_LABELS labels.
    """
    k = counts.shape[1]
    pooled = counts.sum(axis=0)
    right = (np.trace(pooled) + 1) / (pooled.sum() + k)
    start = np.where(np.eye(k, dtype=bool), right, (1 - right) / max(k - 1, 1)) * PRIOR_LABELS if k > 1 else np.ones((1, 1)) * PRIOR_LABELS
    used = counts[counts.sum(axis=(1, 2)) > 0]
    alpha = start.copy()
    for _ in range(max_iter):
        rows = alpha.sum(axis=1)
        gain = (digamma(used + alpha) - digamma(alpha)).sum(axis=0)
        loss = (digamma(used.sum(axis=2) + rows) - digamma(rows)).sum(axis=0)
        # The belief is a Gamma prior of each alpha with its mode at the start.
        updated = (alpha * gain + PRIOR_CROWD * start) / (loss + PRIOR_CROWD)[:, None]
        updated = np.maximum(updated, SMALLEST_ALPHA)
        done = np.abs(updated - alpha).max() <= tol * alpha.max()
        alpha = updated
        if done:
            break
    return alpha
