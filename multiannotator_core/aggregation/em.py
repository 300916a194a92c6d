"""The one EM loop, and the two sums over blocks of examples that every confusion model is made of."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from ..labels import CrowdLabels

OnIteration = Callable[[int, float], object]
Parameters = TypeVar("Parameters")

# Probabilities that were never observed: small enough to veto a class, large enough for a finite logarithm.
FLOOR = 1e-10

# Up to here a maximum column by column beats one along the rows.
FEW_CLASSES = 16

# Labels in a block: large enough that starting it costs nothing, small enough that its posterior stays in the cache.
BLOCK = 1 << 17


@dataclass(frozen=True)
class Fit(Generic[Parameters]):
    """What the loop ends with: the last parameters, and the posterior (N, K) that follows from them."""

    posterior: NDArray[np.float64]
    parameters: Parameters
    trace: tuple[float, ...]
    converged: bool


def run_em(
    m_step: Callable[[NDArray[np.float64]], Parameters],
    e_step: Callable[[Parameters], tuple[NDArray[np.float64], float]],
    posterior: NDArray[np.float64],
    *,
    max_iter: int,
    tol: float,
    n_labels: int,
    on_iteration: OnIteration | None = None,
    extrapolate: Callable[[Parameters, Parameters, Parameters], Parameters | None] | None = None,
) -> Fit[Parameters]:
    """Alternate M and E steps from a start posterior until the objective gains less than `tol` a label.

    Args:
        m_step: posterior (N, K) -> parameters.
        e_step: parameters -> (posterior, objective at these parameters).
        max_iter: most iterations; each is one M step and one E step.
        tol: 0 means exactly `max_iter` iterations.
        on_iteration: called with (iteration from 1, objective); an exception in it ends the run.
        extrapolate: three successive parameters -> a guess of where they lead, or None. The guess takes the place of an M step
            if it does not lower the objective, and is forgotten otherwise; only M steps decide that the run has converged.
    """
    check_iterations(max_iter, tol)
    trace: list[float] = []
    path: list[Parameters] = []
    converged = False
    while len(trace) < max_iter and not converged:
        leapt = None
        if extrapolate is not None and len(path) == 3:
            leapt, path = _if_no_worse(extrapolate(*path), e_step, trace[-1]), path[-1:]
        if leapt is None:
            parameters = m_step(posterior)
            posterior, objective = e_step(parameters)
        else:
            parameters, posterior, objective = leapt
        if extrapolate is not None:
            path = [*path, parameters] if leapt is None else [parameters]
        trace.append(float(objective))
        if on_iteration is not None:
            on_iteration(len(trace), trace[-1])
        converged = tol > 0 and len(trace) > 1 and leapt is None and trace[-1] - trace[-2] < tol * n_labels
    return Fit(posterior, parameters, tuple(trace), converged)


def _if_no_worse(
    guess: Parameters | None, e_step: Callable[[Parameters], tuple[NDArray[np.float64], float]], least: float
) -> tuple[Parameters, NDArray[np.float64], float] | None:
    """A guess with its posterior and objective, if that is at least `least`."""
    if guess is None:
        return None
    posterior, objective = e_step(guess)
    return (guess, posterior, objective) if objective >= least else None


def check_iterations(max_iter: int, tol: float) -> None:
    """Refuse options with which no loop can run."""
    if max_iter < 1 or int(max_iter) != max_iter:
        raise ValueError(f"max_iter={max_iter} must be a whole number from 1.")
    if not tol >= 0:
        raise ValueError(f"tol={tol} must be 0 (exactly max_iter iterations) or more.")


def check_strength(prior_strength: float) -> None:
    """Refuse a prior that is no number of labels."""
    if not 0 <= prior_strength < np.inf:
        raise ValueError(f"prior_strength={prior_strength} must be 0 (no prior) or more: it counts imagined labels.")


def vote_shares(labels: CrowdLabels, gold: NDArray[np.int32] | None = None) -> NDArray[np.float64]:
    """(N, K) share of each class among the labels of each example; even without labels; gold rows are certain."""
    votes = labels.votes
    total = votes.sum(axis=1, keepdims=True)
    shares = np.where(total > 0, votes / np.maximum(total, 1), 1 / votes.shape[1])
    return clamp(shares, gold)


def clamp(posterior: NDArray[np.float64], gold: NDArray[np.int32] | None) -> NDArray[np.float64]:
    """Make the rows of gold examples certain, in place."""
    if gold is not None:
        known = np.flatnonzero(gold >= 0)
        posterior[known] = 0.0
        posterior[known, gold[known]] = 1.0
    return posterior


def softmax(log_joint: NDArray[np.float64], gold: NDArray[np.int32] | None = None) -> tuple[NDArray[np.float64], float]:
    """Turn log joint probabilities (N, K) into a posterior, in place, and give the log evidence of all rows.

    The evidence of a gold row is the joint probability of its labels and its class.
    """
    known = np.flatnonzero(gold >= 0) if gold is not None else np.empty(0, dtype=np.intp)
    of_gold = log_joint[known, gold[known]] if gold is not None else np.empty(0)
    highest = row_maximum(log_joint)
    log_joint -= highest[:, None]
    np.exp(log_joint, out=log_joint)
    total = log_joint @ np.ones(log_joint.shape[1])
    log_joint /= total[:, None]
    evidence = highest + np.log(total)
    evidence[known] = of_gold
    return clamp(log_joint, gold), float(evidence.sum())


def row_maximum(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """(N,) largest value of each row; numpy's own `max(axis=1)` is four times slower on few columns."""
    if values.shape[1] > FEW_CLASSES:
        return np.asarray(values.max(axis=1))
    highest = values[:, 0].copy()
    for k in range(1, values.shape[1]):
        np.maximum(highest, values[:, k], out=highest)
    return highest


class Blocks:
    """The labels cut into blocks of whole examples, so that threads can share the work.

    Blocks depend on the labels alone and their sums are added in their order: the number of threads never
    changes a result.
    """

    def __init__(self, labels: CrowdLabels, threads: int | None = None) -> None:
        self.labels = labels
        self.shape = (len(labels.annotators), len(labels.classes))
        self.threads = min(threads or os.cpu_count() or 1, len(self.bounds) - 1)

    @cached_property
    def bounds(self) -> NDArray[np.int64]:
        """Examples at which blocks begin, and N at the end."""
        n_annotators, n_classes = self.shape
        # A block adds one table of counts, so it should hold more labels than that table has rows.
        size = max(BLOCK, 4 * n_annotators * n_classes)
        n_blocks = max(1, len(self.labels) // size)
        cuts = self.first_label.searchsorted(np.linspace(0, len(self.labels), n_blocks + 1)[1:-1])
        return np.unique(np.concatenate([[0], cuts, [len(self.labels.examples)]]))

    @cached_property
    def first_label(self) -> NDArray[np.int64]:
        """Row of the first label of each example, and L at the end."""
        return np.concatenate([[0], np.cumsum(self.labels.labels_per_example)])

    @cached_property
    def _incidence(self) -> list[sparse.csr_array]:
        """Per block: [example, annotator * K + given class], one non-zero for each label."""
        n_annotators, n_classes = self.shape
        n_columns = n_annotators * n_classes
        width = np.dtype(np.int64 if n_columns > np.iinfo(np.int32).max else np.int32)
        columns = self.labels.annotator.astype(width) * n_classes + self.labels.label
        ones = np.ones(int(np.diff(self.first_label[self.bounds]).max(initial=0)))  # all blocks share their data
        blocks = []
        for start, end in zip(self.bounds[:-1], self.bounds[1:], strict=True):
            first, last = self.first_label[start], self.first_label[end]
            pointers = (self.first_label[start : end + 1] - first).astype(width)
            parts = (ones[: last - first], columns[first:last], pointers)
            blocks.append(sparse.csr_array(parts, shape=(end - start, n_columns)))
        return blocks

    def map(self, work: Callable[[int], Any]) -> Iterable[Any]:
        """The results of work(block), in the order of the blocks."""
        if self.threads == 1:
            yield from map(work, range(len(self.bounds) - 1))
            return
        with ThreadPoolExecutor(self.threads) as pool:
            yield from pool.map(work, range(len(self.bounds) - 1))

    def counts(self, posterior: NDArray[np.float64]) -> NDArray[np.float64]:
        """counts[j, given, true]: how often j said `given` where the truth is believed to be `true`."""

        def of_block(b: int) -> NDArray[np.float64]:
            product: NDArray[np.float64] = self._incidence[b].T @ posterior[self.bounds[b] : self.bounds[b + 1]]
            return product

        n_annotators, n_classes = self.shape
        total = np.zeros((n_annotators * n_classes, n_classes))
        for part in self.map(of_block):
            total += part
        return total.reshape(n_annotators, n_classes, n_classes)

    def posterior(
        self, log_confusion: NDArray[np.float64], log_prior: NDArray[np.float64], gold: NDArray[np.int32] | None
    ) -> tuple[NDArray[np.float64], float]:
        """Posterior (N, K) and its log evidence, from log_confusion[j, given, true] and log_prior (K,)."""
        n_annotators, n_classes = self.shape
        table = log_confusion.reshape(n_annotators * n_classes, n_classes)
        result = np.empty((len(self.labels.examples), n_classes))

        def of_block(b: int) -> float:
            rows = slice(self.bounds[b], self.bounds[b + 1])
            log_joint = self._incidence[b] @ table
            log_joint += log_prior
            result[rows], evidence = softmax(log_joint, None if gold is None else gold[rows])
            return evidence

        return result, sum(self.map(of_block))
