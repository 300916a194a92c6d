"""Enhanced Bayesian classifier combination: each class has subtypes on which the crowd errs together."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.special import digamma, gammaln

from ..consensus import Consensus, build
from ..labels import CrowdLabels
from .em import Fit, OnIteration, run_em, softmax, vote_shares
from .ibcc import check_priors, divergence, expected_log

# Imagined examples of all subtypes of a class together: few, so that subtypes nobody needs stay empty (the authors' value).
SUBTYPE_PRIOR = 0.1


@dataclass(frozen=True)
class Beliefs:
    """Dirichlet parameters: sizes[true, subtype], shares[true], and those of the rows of each annotator's confusions.

    rows[pair, true * M + subtype] are the parameters of a pair (annotator, given class) that occurs; the others are the prior.
    totals[annotator, true * M + subtype] are the sums over all given classes.
    """

    rows: NDArray[np.float64]
    totals: NDArray[np.float64]
    sizes: NDArray[np.float64]
    shares: NDArray[np.float64]


def ebcc(
    labels: CrowdLabels,
    *,
    gold: NDArray[np.int32] | None = None,
    seed: int = 0,
    on_iteration: OnIteration | None = None,
    n_subtypes: int = 10,
    n_restarts: int = 5,
    prior_right: float = 4.0,
    prior_wrong: float = 1.0,
    max_iter: int = 100,
    tol: float = 1e-6,
) -> Consensus:
    """Estimate truth, subtypes and confusions, where annotators may err together (EBCC, Li, Rubinstein & Cohn, ICML 2019).

    Model: p ~ Dirichlet(votes); truth[i] ~ p; size[t] ~ Dirichlet(0.1 / M, ...) over M subtypes; subtype[i] ~ size[truth[i]];
    rows[j, t, m] ~ Dirichlet(b[t]), b[t, t] = prior_right, b[t, g] = prior_wrong; P(j says g | t, m) = rows[j, t, m, g]. So labels are
    independent given the subtype, but correlated given the class. Mean-field q(truth, subtype) q(p) q(size) q(rows), each Dirichlet
    updated by expected counts, and
        log q(t, m of i) = E log p[t] + E log size[t, m] + sum over labels of E log rows[j, t, m, g] + constant.
    Starts split the vote shares among subtypes at random; the start that ends with the highest lower bound of the log evidence, which
    never falls, gives the result. The draws depend on the pattern of the labels and on `seed`, not on names.

    Args:
        n_subtypes: M, subtypes of each class; with 1 the model is `ibcc`.
        n_restarts: random starts, each of at most `max_iter` iterations; the trace is that of the best.
        prior_right, prior_wrong: imagined right labels, and imagined labels of each wrong class, for each row.
    """
    check_priors(prior_right, prior_wrong)
    for name, value in (("n_subtypes", n_subtypes), ("n_restarts", n_restarts)):
        if value < 1 or int(value) != value:
            raise ValueError(f"{name}={value} must be a whole number from 1.")
    model = SubtypeModel(labels, gold, int(n_subtypes), prior_right, prior_wrong)
    pattern, rng = patterns(labels), np.random.default_rng(seed)
    best: Fit[Beliefs] | None = None
    for _ in range(n_restarts):
        start = model.split(pattern, rng)
        fit = run_em(model.m_step, model.e_step, start, max_iter=max_iter, tol=tol, n_labels=len(labels), on_iteration=on_iteration)
        if best is None or fit.trace[-1] > best.trace[-1]:
            best = fit
    assert best is not None  # there is at least one start
    return build(
        labels, model.by_class(best.posterior), confusion=model.confusion(best.parameters), trace=best.trace, converged=best.converged
    )


class SubtypeModel:
    """The updates of EBCC; a posterior has one column for each class and subtype: [example, true * M + subtype].

    Only the pairs (annotator, given class) that occur are stored: K x K x M numbers for each annotator would be too many.
    """

    def __init__(
        self, labels: CrowdLabels, gold: NDArray[np.int32] | None, n_subtypes: int, prior_right: float, prior_wrong: float
    ) -> None:
        n_classes, n_annotators = len(labels.classes), len(labels.annotators)
        self.shape = (n_classes, n_subtypes)
        column = labels.annotator.astype(np.int64) * n_classes + labels.label
        occurs = np.bincount(column, minlength=n_annotators * n_classes) > 0
        self.annotator, self.given = np.divmod(np.flatnonzero(occurs), n_classes)  # of each pair
        pair = np.cumsum(occurs)[column] - 1
        pointers = np.concatenate([[0], np.cumsum(labels.labels_per_example)])
        self.incidence = sparse.csr_array((np.ones(len(labels)), pair, pointers), shape=(len(labels.examples), len(self.given)))
        self.transposed = self.incidence.T
        self.of_annotator = sparse.csr_array(
            (np.ones(len(self.given)), (self.annotator, np.arange(len(self.given)))), shape=(n_annotators, len(self.given))
        )
        self.gold, self.votes = gold, vote_shares(labels, gold)
        self.prior = np.full((n_classes, n_classes), prior_wrong)  # prior[given, true]
        np.fill_diagonal(self.prior, prior_right)
        self.row_prior = np.repeat(self.prior, n_subtypes, axis=1)[self.given]
        self.total_prior = float(self.prior.sum(axis=0)[0])
        self.size_prior = np.full(self.shape, SUBTYPE_PRIOR / n_subtypes)
        self.share_prior = self.votes.sum(axis=0) + SUBTYPE_PRIOR  # a class without votes keeps a proper prior
        self.known = np.empty(0, dtype=np.intp) if gold is None else np.flatnonzero(gold >= 0)

    def split(self, pattern: list[NDArray[np.intp]], rng: np.random.Generator) -> NDArray[np.float64]:
        """A start: the vote shares, split among the subtypes at random; the same for examples and classes of one pattern."""
        of_example, _, of_class = pattern
        drawn = rng.dirichlet(np.ones(self.shape[1]), size=(of_example.max() + 1, of_class.max() + 1))
        shares: NDArray[np.float64] = drawn[of_example][:, of_class] * self.votes[:, :, None]
        return shares.reshape(len(self.votes), -1)

    def m_step(self, posterior: NDArray[np.float64]) -> Beliefs:
        """Expected counts on top of the priors."""
        sizes, counts = posterior.sum(axis=0).reshape(self.shape), self.transposed @ posterior
        totals = self.of_annotator @ counts + self.total_prior
        return Beliefs(counts + self.row_prior, totals, sizes + self.size_prior, sizes.sum(axis=1) + self.share_prior)

    def e_step(self, now: Beliefs) -> tuple[NDArray[np.float64], float]:
        """Posterior over classes and subtypes, and the lower bound of the log evidence."""
        log_rows = digamma(now.rows) - digamma(now.totals)[self.annotator]
        log_size, log_share = expected_log(now.sizes, axis=1), expected_log(now.shares, axis=0)
        log_joint = self.incidence @ log_rows
        log_joint += (log_size + log_share[:, None]).ravel()
        if self.gold is not None:
            closed = np.repeat(np.arange(self.shape[0]), self.shape[1]) != self.gold[self.known, None]
            log_joint[self.known] = np.where(closed, -np.inf, log_joint[self.known])
        posterior, evidence = softmax(log_joint)
        # As `divergence`: a pair that does not occur has the prior's parameter and adds nothing.
        gap = float((gammaln(now.totals) - gammaln(self.total_prior)).sum() - (gammaln(now.rows) - gammaln(self.row_prior)).sum())
        gap += float(np.vdot(now.rows - self.row_prior, log_rows))
        gap += divergence(now.sizes, self.size_prior, log_size, axis=1) + divergence(now.shares, self.share_prior, log_share, axis=0)
        return posterior, evidence - gap

    def by_class(self, posterior: NDArray[np.float64]) -> NDArray[np.float64]:
        """(N, K) posterior of the classes alone."""
        of_classes: NDArray[np.float64] = posterior.reshape(len(posterior), *self.shape).sum(axis=2)
        return of_classes

    def confusion(self, now: Beliefs) -> NDArray[np.float64]:
        """confusion[j, true, given]: the mean rows of the subtypes, weighted by their sizes."""
        weight = (now.sizes / now.sizes.sum(axis=1, keepdims=True)).ravel() / now.totals
        confusion: NDArray[np.float64] = self.by_class(weight)[:, :, None] * self.prior.T
        confusion[self.annotator, :, self.given] += self.by_class((now.rows - self.row_prior) * weight[self.annotator])
        return confusion


def patterns(labels: CrowdLabels, rounds: int = 3) -> list[NDArray[np.intp]]:
    """Numbers of the patterns of examples (N,), annotators (J,) and classes (K,), whatever their names and their order.

    As in graph colouring, a key of each is refined by the keys of what it shares labels with. Drawing for a pattern rather than
    for a position makes random methods give the same answer when names change.
    """
    ids = (labels.example, labels.annotator, labels.label)
    counts = (labels.labels_per_example, labels.labels_per_annotator, labels.labels_per_class)
    keys = [np.log1p(n) for n in counts]
    for _ in range(rounds):
        mixed = np.cos(keys[0][ids[0]] + np.sqrt(2) * keys[1][ids[1]] + np.sqrt(3) * keys[2][ids[2]])
        means = [np.bincount(of, weights=mixed, minlength=len(n)) / np.maximum(n, 1) for of, n in zip(ids, counts, strict=True)]
        keys = [np.log1p(n) + mean for n, mean in zip(counts, means, strict=True)]
    return [np.unique(key.round(9), return_inverse=True)[1] for key in keys]
