"""What the crowd as a whole says about the confusion of an annotator before their own labels are seen."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import digamma, gammaln

# Before the crowd is seen, a row is worth about PRIOR_LABELS imagined labels, and this belief weighs as much as
# PRIOR_CROWD annotators: it decides for classes and crowds without evidence and is soon outweighed.
PRIOR_LABELS = 5.0
PRIOR_CROWD = 1.0
SMALLEST_ALPHA = 1e-3

# Before their labels are seen, one annotator in ten is taken for a spammer, with the weight of ten annotators; the
# habits of spammers are spread like one imagined label for each class.
SPAMMERS = 0.1
SPAMMERS_CROWD = 10.0
HABIT = 1.0
N_ROUNDS = 5

# A prior of K x K numbers is known well enough from this many annotators; more only take time.
MOST_FITTED = 2_000


@dataclass(frozen=True)
class CrowdPrior:
    """The prior of all confusions, in imagined labels.

    crowd[t, g]: of somebody who looks; spammer (J,): probability that an annotator labels without looking;
    of_annotators[j, t, g]: crowd, mixed by that probability with rows that all follow the annotator's own habits.
    """

    crowd: NDArray[np.float64]
    spammer: NDArray[np.float64]
    of_annotators: NDArray[np.float64]


def fit_crowd_prior(counts: NDArray[np.float64]) -> CrowdPrior:
    """The prior for counts[j, t, g], the expected labels g of annotator j on examples of class t.

    A crowd is a mixture. Rows of those who look come from one Dirichlet a class; a spammer has one row for all classes.
    One Dirichlet for both would pull a spammer with few labels a class towards the good, and the good towards the
    spammers. The probability of being a spammer is the ratio of the two marginal likelihoods, and both parts are
    fitted in turn, a few rounds of EM. Of very many annotators the Dirichlets are fitted to 2,000, spread over all amounts of work.
    """
    fitted = _spread(counts)
    given = counts.sum(axis=1)
    blind = _log_marginal(given, np.full(given.shape[1], HABIT))
    spammer = np.zeros(len(counts))
    crowd = belief(counts)
    for _ in range(N_ROUNDS if counts.shape[1] > 1 else 0):
        crowd = fit_dirichlet(counts[fitted], 1 - spammer[fitted], crowd)
        share = (spammer.sum() + SPAMMERS * SPAMMERS_CROWD) / (len(spammer) + SPAMMERS_CROWD)
        looking = sum(_log_marginal(counts[:, t], crowd[t]) for t in range(len(crowd)))
        odds = np.clip(looking - blind + np.log((1 - share) / share), -500, 500)
        spammer = 1 / (1 + np.exp(odds))
    habit = (given + HABIT) / (given + HABIT).sum(axis=1, keepdims=True)
    own = crowd.sum(axis=1)[:, None] * habit[:, None, :]
    weight = spammer[:, None, None]
    return CrowdPrior(crowd, spammer, (1 - weight) * crowd + weight * own)


def _spread(counts: NDArray[np.float64]) -> NDArray[np.intp]:
    """Codes of at most MOST_FITTED annotators, evenly from those with few labels to those with many, whatever the order of all."""
    squares, right, n = (counts**2).sum(axis=(1, 2)), np.einsum("jkk->j", counts), counts.sum(axis=(1, 2))
    order = np.lexsort([np.round(key, 6) for key in (squares, right, n)])
    places = np.linspace(0, len(order) - 1, min(len(order), MOST_FITTED)).astype(np.intp)
    chosen: NDArray[np.intp] = np.sort(order[places])
    return chosen


def belief(counts: NDArray[np.float64]) -> NDArray[np.float64]:
    """alpha[t, g] before annotators are told apart: rows like the crowd's pooled accuracy, worth PRIOR_LABELS labels."""
    k = counts.shape[1]
    pooled = counts.sum(axis=0)
    right = (np.trace(pooled) + 1) / (pooled.sum() + k)
    alpha: NDArray[np.float64] = PRIOR_LABELS * np.where(np.eye(k, dtype=bool), right, (1 - right) / max(k - 1, 1))
    return np.maximum(alpha, SMALLEST_ALPHA)


def fit_dirichlet(
    counts: NDArray[np.float64], weight: NDArray[np.float64], start: NDArray[np.float64], max_cycles: int = 50, tol: float = 1e-3
) -> NDArray[np.float64]:
    """alpha[t, g] (K, K): the Dirichlet from which the rows t of the annotators' confusions come.

    The most likely one for counts[j, t, g] of annotators with a weight (J,) each, under a weak `belief`, by the fixed
    point of Minka (Estimating a Dirichlet distribution, 2000, equation 55). Three steps of this slow fixed point make
    one jump (squared extrapolation, Varadhan & Roland 2008).
    """
    used = weight * counts.sum(axis=(1, 2)) > 1e-6
    counts, weight = counts[used], weight[used]
    totals, expected = counts.sum(axis=2), belief(counts)

    def step(log_alpha: NDArray[np.float64]) -> NDArray[np.float64]:
        alpha = np.exp(log_alpha)
        rows = alpha.sum(axis=1)
        gain = np.einsum("j,jtg->tg", weight, digamma(counts + alpha) - digamma(alpha))
        loss = weight @ (digamma(totals + rows) - digamma(rows))
        # The belief is a Gamma prior of each alpha with its mode there.
        updated = (alpha * gain + PRIOR_CROWD * expected) / (loss + PRIOR_CROWD)[:, None]
        logarithm: NDArray[np.float64] = np.log(np.maximum(updated, SMALLEST_ALPHA))
        return logarithm

    log_alpha, done = np.log(start), False
    while not done and max_cycles > 0:
        one = step(log_alpha)
        two = step(one)
        first, change = one - log_alpha, two - 2 * one + log_alpha
        ratio = np.linalg.norm(first, axis=1) / np.maximum(np.linalg.norm(change, axis=1), 1e-12)
        jump = np.clip(ratio, 1.0, 20.0)[:, None]
        landed = step(log_alpha + 2 * jump * first + jump**2 * change)
        done = bool(np.abs(landed - log_alpha).max() < tol)
        log_alpha, max_cycles = landed, max_cycles - 1
    alpha: NDArray[np.float64] = np.exp(log_alpha)
    return alpha


def _log_marginal(counts: NDArray[np.float64], alpha: NDArray[np.float64]) -> NDArray[np.float64]:
    """(J,) log likelihood of counts (J, K) of one row each, averaged over a Dirichlet with parameters alpha (K,)."""
    of_classes = (gammaln(counts + alpha) - gammaln(alpha)).sum(axis=1)
    result: NDArray[np.float64] = of_classes + gammaln(alpha.sum()) - gammaln(counts.sum(axis=1) + alpha.sum())
    return result
