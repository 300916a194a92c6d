"""M-MSR: skills from the agreement of pairs of annotators, robust against annotators who collude."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from ..consensus import Consensus, build
from ..labels import CrowdLabels, stable_order
from .em import OnIteration, check_iterations, softmax

Floats = NDArray[np.float64]

# Share of the evidence on an annotator that is left out at either end. In simulations (six labels an example) with a
# fifth of colluders .05 lifts the accuracy from .931 to .942; more gains little there and costs where overlaps are small.
TRIM = 0.05

# One product counts two things: pairs in common, plus this many times those that agree. Both stay exact in a float64.
AGREED = 2.0**26

# Annotators in a block: its pairs, and what is computed from them, then take at most some 100 MB.
PAIRS_IN_BLOCK = 1 << 21

# Where the crowd agrees no better than chance, skills start from the square root of this.
LEAST_AGREEMENT = 0.01


def mmsr(
    labels: CrowdLabels,
    *,
    gold: NDArray[np.int32] | None = None,
    on_iteration: OnIteration | None = None,
    trim: float = TRIM,
    max_iter: int = 100,
    tol: float = 1e-3,
) -> Consensus:
    """Estimate annotators' skills from how often pairs agree, then vote (Ma & Olshevsky 2020, algorithms 1 and 2).

    Model: j is right with chance 1/K + skill[j] (K - 1)/K and errs evenly, so that the agreement of a pair, scaled to
    C = (K agreed - 1) / (K - 1), has the mean skill[i] skill[j]: a rank-one matrix of which the pairs with common examples
    are known. Alternately each row's skill becomes the trimmed mean of C[i, j] / skill[i] over the others, which no few
    colluders can move. Unlike the paper, a ratio weighs as many common examples as it rests on, times skill[i] squared
    (its inverse variance), and signs come with the start from the mean agreement, instead of from a second spectral step.
    Votes have the paper's log odds weights; skills stay 1 / sqrt(1 + labels of j) off their bounds, where log odds end.

    Gold counts as one more annotator. Memory grows with the pairs that have a common example, never with J squared.

    Args:
        trim: share of the weight left out at either end of the ratios, from 0 to below .5.
        max_iter, tol: stops when no skill moves by `tol`. `trace` holds minus the mean squared misfit of C.
    """
    check_iterations(max_iter, tol)
    if not 0 <= trim < 0.5:
        raise ValueError(f"trim={trim} must be from 0 (nothing left out) to below 0.5 (the median).")
    n_annotators, n_classes = len(labels.annotators), len(labels.classes)
    pairs = _Pairs(labels, gold)
    left = right = pairs.start()
    trace: list[float] = []
    converged = False
    while len(trace) < max_iter and not converged:
        new_right = pairs.trimmed_means(left, right, trim)
        new_left = pairs.trimmed_means(new_right, left, trim)
        new_left, new_right = _balanced(new_left, new_right)
        moved = float(np.abs(np.concatenate([new_left - left, new_right - right])).max())
        left, right = new_left, new_right
        trace.append(-pairs.misfit(left, right))
        if on_iteration is not None:
            on_iteration(len(trace), trace[-1])
        converged = tol > 0 and moved < tol
    skill = bounded((left + right)[:n_annotators] / 2, labels)
    chance = (1 + skill * (n_classes - 1)) / n_classes
    weight = np.log(chance * (n_classes - 1)) - np.log1p(-chance) if n_classes > 1 else np.zeros(n_annotators)
    posterior, _ = softmax(labels.weighted_votes(weight[labels.annotator]), gold)
    scores = {"skill": skill, "weight": weight}
    return build(labels, posterior, annotator_quality=chance, annotator_scores=scores, trace=tuple(trace), converged=converged)


def bounded(skill: Floats, labels: CrowdLabels) -> Floats:
    """Skills (J,) kept off the ends of [-1 / (K - 1), 1] by as much as the number of labels leaves open."""
    most = 1 - 1 / np.sqrt(1 + labels.labels_per_annotator)
    return np.clip(skill, -most / max(len(labels.classes) - 1, 1), most)


def _balanced(left: Floats, right: Floats) -> tuple[Floats, Floats]:
    """The same products left[i] right[j], with both factors equally long."""
    lengths = float(np.linalg.norm(left)), float(np.linalg.norm(right))
    if min(lengths) == 0.0:
        return left, right
    scale = np.sqrt(lengths[0] / lengths[1])
    return left / scale, right * scale


@dataclass(frozen=True)
class _Block:
    """The pairs of some annotators (row, counted from `first`) with any other (column): common examples and C."""

    first: int
    n_rows: int
    row: NDArray[np.int32]
    column: NDArray[np.int32]
    common: NDArray[np.float32]
    agreement: Floats

    def sums(self, values: Floats) -> Floats:
        """(n_rows,) sum of the values of each annotator's pairs."""
        return np.bincount(self.row, weights=values, minlength=self.n_rows).astype(np.float64, copy=False)


class _Pairs:
    """All pairs of annotators who labelled an example in common, in blocks of annotators; gold is annotator J."""

    def __init__(self, labels: CrowdLabels, gold: NDArray[np.int32] | None) -> None:
        self.n_annotators = len(labels.annotators) + (gold is not None)
        self.blocks = list(_blocks(_said(labels, gold), self.n_annotators, len(labels.classes)))
        self.n_pairs = sum(float(block.common.sum(dtype=np.float64)) for block in self.blocks)

    def start(self) -> Floats:
        """First skills: each annotator's mean agreement with the others, over that of the whole crowd."""
        total = np.concatenate([block.sums(block.common * block.agreement) for block in self.blocks])
        common = np.concatenate([block.sums(block.common) for block in self.blocks])
        typical = np.sqrt(max(total.sum() / self.n_pairs if self.n_pairs else 0.0, LEAST_AGREEMENT))
        alone = common == 0
        return np.where(alone, typical, np.clip(total / np.where(alone, 1.0, common) / typical, -1.0, 1.0))

    def trimmed_means(self, skill: Floats, before: Floats, trim: float) -> Floats:
        """Each annotator's trimmed mean of C / skill over the others; the value before where there is no evidence."""
        means = np.concatenate([_trimmed_mean(block, skill, trim) for block in self.blocks])
        return np.where(np.isnan(means), before, means)

    def misfit(self, left: Floats, right: Floats) -> float:
        """Mean over pairs of labels of (C - left right) squared."""
        errors = (block.agreement - left[block.first + block.row] * right[block.column] for block in self.blocks)
        total = sum(float(np.vdot(block.common, error**2)) for block, error in zip(self.blocks, errors, strict=True))
        return total / max(self.n_pairs, 1.0)


def _trimmed_mean(block: _Block, skill: Floats, trim: float) -> Floats:
    """(n_rows,) weighted mean of agreement / skill[column] without the `trim` lowest and highest weight; NaN without evidence."""
    other = skill[block.column]
    weight = block.common * other**2
    total = block.sums(weight)
    known = total > 0
    weight /= np.where(known, total, 1.0)[block.row]
    if trim == 0:
        mean = block.sums(np.divide(weight * block.agreement, other, out=np.zeros_like(other), where=other != 0))
        return np.where(known, mean, np.nan)
    ratio = np.divide(block.agreement, other, out=np.zeros_like(other), where=other != 0)
    order = np.argsort(ratio)
    order = order[stable_order(block.row[order], block.n_rows)]  # by annotator, then by ratio; rows come out ascending
    ratio, weight = ratio[order], weight[order]
    reached = np.cumsum(weight)
    reached -= (np.cumsum(known) - known)[block.row]  # the rows before sum to 1 each
    kept = np.minimum(reached, 1 - trim) - np.maximum(reached - weight, trim)
    np.maximum(kept, 0.0, out=kept)
    return np.where(known, block.sums(kept * ratio) / (1 - 2 * trim), np.nan)


def _said(labels: CrowdLabels, gold: NDArray[np.int32] | None) -> sparse.csr_array:
    """(J, N + N K) how often each annotator labelled each example, and each example as each class (times sqrt(AGREED))."""
    n_examples, n_classes, n_annotators = len(labels.examples), len(labels.classes), len(labels.annotators)
    example, annotator, label = labels.example.astype(np.int64), labels.annotator.astype(np.int64), labels.label.astype(np.int64)
    if gold is not None:
        known = np.flatnonzero(gold >= 0)
        example, label = np.concatenate([example, known]), np.concatenate([label, gold[known]])
        annotator = np.concatenate([annotator, np.full(known.size, n_annotators)])
    column = np.concatenate([example, n_examples + example * n_classes + label])
    value = np.repeat([1.0, np.sqrt(AGREED)], example.size)
    shape = n_annotators + (gold is not None), n_examples * (1 + n_classes)
    return sparse.coo_array((value, (np.tile(annotator, 2), column)), shape=shape).tocsr()


def _blocks(said: sparse.csr_array, n_annotators: int, n_classes: int) -> Iterator[_Block]:
    others = said.T.tocsr()
    size = max(1, PAIRS_IN_BLOCK // n_annotators)
    for first in range(0, n_annotators, size):
        product = (said[first : first + size] @ others).tocoo()
        pair = product.row + first != product.col
        counts = product.data[pair]
        agreed = np.floor(counts / AGREED)
        common = counts - agreed * AGREED
        agreement = (n_classes * agreed / common - 1) / max(n_classes - 1, 1)
        row, column = product.row[pair].astype(np.int32), product.col[pair].astype(np.int32)
        yield _Block(first, product.shape[0], row, column, common.astype(np.float32), agreement)
