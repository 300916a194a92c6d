"""M-MSR: skills from the agreement of pairs of annotators, robust against annotators who collude."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from ..consensus import Consensus, build
from ..labels import CrowdLabels
from .em import OnIteration, check_iterations, softmax

Floats = NDArray[np.float64]

# Huber's constant: a pair counts in full up to this many standard errors, then ever less. The usual value, with which
# nothing but 5 % of the precision is lost on a crowd without colluders.
HUBER = 1.345
# Two annotators are never expected to agree, or to disagree, for certain: standard errors stay above zero.
LEAST_CHANCE = 0.02

# One product counts two things: pairs in common, plus this many times those that agree. Both stay exact in a float64.
AGREED = 2.0**26

# Pairs in a block of annotators: few enough that what is computed from them stays in the cache.
PAIRS_IN_BLOCK = 1 << 15
# At 20 bytes a pair this is 3 GB.
MOST_PAIRS = 150_000_000

# Where the crowd agrees no better than chance, skills start from the square root of this.
LEAST_AGREEMENT = 0.01


def mmsr(
    labels: CrowdLabels,
    *,
    gold: NDArray[np.int32] | None = None,
    on_iteration: OnIteration | None = None,
    max_iter: int = 100,
    tol: float = 1e-3,
) -> Consensus:
    """Estimate annotators' skills from how often pairs agree, then vote (Ma & Olshevsky 2020, algorithms 1 and 2).

    Model: j is right with chance 1/K + skill[j] (K - 1)/K and errs evenly, so that the agreement of a pair, scaled to
    C = (K agreed - 1) / (K - 1), has the mean skill[i] skill[j]: a rank-one matrix of which the pairs with common examples
    are known. As in the paper, skills of rows and of columns are fitted in turn, each by a robust mean that no few
    colluders can move, and votes have log odds weights.

    Unlike the paper, which takes the mean of C[i, j] / skill[i] after leaving out the F lowest and highest, a pair weighs as
    many examples as it has in common, and less where C is further than chance explains from the fit (Huber's weights):
    in real crowds pairs have one example in common, or thousands. Signs come with the start, the mean agreement, instead
    of from a second spectral step. Skills stay 1 / sqrt(1 + labels of j) off their bounds, where log odds end.

    Gold counts as one more annotator. Memory grows with the pairs that have a common example, never with J squared.

    Args:
        max_iter, tol: stops when no skill moves by `tol`. `trace` holds minus the mean squared misfit of C.

    Raises:
        ValueError: there are more than MOST_PAIRS pairs.
    """
    check_iterations(max_iter, tol)
    n_annotators, n_classes = len(labels.annotators), len(labels.classes)
    pairs = _Pairs(labels, gold)
    left = right = pairs.start()
    trace: list[float] = []
    converged = False
    while len(trace) < max_iter and not converged:
        new_right = pairs.fitted(left, right)
        new_left = pairs.fitted(new_right, left)
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
    kept: Floats = np.clip(skill, -most / max(len(labels.classes) - 1, 1), most)
    return kept


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

    def sums(self, values: NDArray[np.floating]) -> Floats:
        """(n_rows,) sum of the values of each annotator's pairs."""
        return np.bincount(self.row, weights=values, minlength=self.n_rows).astype(np.float64, copy=False)


class _Pairs:
    """All pairs of annotators who labelled an example in common, in blocks of annotators; gold is annotator J."""

    def __init__(self, labels: CrowdLabels, gold: NDArray[np.int32] | None) -> None:
        self.n_annotators = len(labels.annotators) + (gold is not None)
        self.n_classes = len(labels.classes)
        self.blocks = list(_blocks(_said(labels, gold), self.n_annotators, self.n_classes))
        self.n_pairs = sum(float(block.common.sum(dtype=np.float64)) for block in self.blocks)

    def start(self) -> Floats:
        """First skills: each annotator's mean agreement with the others, over that of the whole crowd."""
        total = np.concatenate([block.sums(block.common * block.agreement) for block in self.blocks])
        common = np.concatenate([block.sums(block.common) for block in self.blocks])
        typical = np.sqrt(max(total.sum() / self.n_pairs if self.n_pairs else 0.0, LEAST_AGREEMENT))
        alone = common == 0
        first: Floats = np.where(alone, typical, np.clip(total / np.where(alone, 1.0, common) / typical, -1.0, 1.0))
        return first

    def fitted(self, skill: Floats, before: Floats) -> Floats:
        """Each annotator's robust estimate from the skills of the others; the value before where there is no evidence."""
        skills: Floats = np.concatenate([_robust_mean(block, skill, before, self.n_classes) for block in self.blocks])
        return skills

    def misfit(self, left: Floats, right: Floats) -> float:
        """Mean over pairs of labels of (C - left right) squared."""
        errors = (block.agreement - left[block.first + block.row] * right[block.column] for block in self.blocks)
        total = sum(float(np.vdot(block.common, error**2)) for block, error in zip(self.blocks, errors, strict=True))
        return total / max(self.n_pairs, 1.0)


def _robust_mean(block: _Block, skill: Floats, before: Floats, n_classes: int) -> Floats:
    """(n_rows,) least-squares slopes of C on the others' skills, with weights common * min(1, HUBER / standard errors off)."""
    mine = before[block.first : block.first + block.n_rows]
    other = skill[block.column]
    expected = mine[block.row] * other
    chance = np.clip((1 + (n_classes - 1) * expected) / n_classes, LEAST_CHANCE, 1 - LEAST_CHANCE)
    error = n_classes / max(n_classes - 1, 1) * np.sqrt(chance * (1 - chance) / block.common)
    weight = block.common * other * np.minimum(1.0, HUBER * error / np.maximum(np.abs(block.agreement - expected), HUBER * error))
    squares = block.sums(weight * other)
    return np.where(squares > 0, block.sums(weight * block.agreement) / np.where(squares > 0, squares, 1.0), mine)


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
    most = np.minimum((said != 0) @ np.diff(others.indptr), n_annotators)  # (J,) no annotator has more pairs
    if most.sum() > MOST_PAIRS:
        raise ValueError(
            f"M-MSR looks at each pair of annotators with a common example, and there may be {most.sum():,} of them, more than "
            f"{MOST_PAIRS:,}. Choose another method, or select fewer annotators."
        )
    firsts = np.flatnonzero(np.diff(np.cumsum(most) // PAIRS_IN_BLOCK, prepend=-1))
    for first, end in zip(firsts, [*firsts[1:], n_annotators], strict=True):
        product = (said[first:end] @ others).tocoo()
        pair = product.row + first != product.col
        counts = product.data[pair]
        agreed = np.floor(counts / AGREED)
        common = counts - agreed * AGREED
        agreement = (n_classes * agreed / common - 1) / max(n_classes - 1, 1)
        row, column = product.row[pair].astype(np.int32), product.col[pair].astype(np.int32)
        yield _Block(int(first), product.shape[0], row, column, common.astype(np.float32), agreement)
