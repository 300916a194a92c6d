"""In which order a person should look at examples."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from ..consensus import Consensus
from ..labels import CrowdLabels

# One imagined label in each cell of an annotator's confusion: an annotator of few labels is not infinitely easy to teach.
PSEUDOCOUNT = 1.0


def review_queue(
    labels: CrowdLabels,
    result: Consensus,
    quality: NDArray[np.float64],
    *,
    consensus_class: int | None = None,
    annotator: int | None = None,
    against_consensus: bool = False,
    model_label: NDArray[np.intp] | None = None,
    best_first: bool = False,
) -> NDArray[np.intp]:
    """Codes of examples, worst quality first.

    Args:
        quality: (N,) from `example_quality`. Equal qualities are ordered by the log odds of the consensus,
            since posteriors saturate, then by name.
        consensus_class: only examples with this consensus class (code).
        annotator: only examples that this annotator (code) labelled; with `against_consensus`, differently.
        against_consensus: only examples with a label that differs from the consensus.
        model_label: (N,) codes of the classes that a model finds most probable: only examples where it differs from the consensus.
        best_first: turn the order round.
    """
    keep = np.ones(len(labels.examples), dtype=bool)
    if consensus_class is not None:
        keep &= result.label == consensus_class
    if annotator is not None or against_consensus:
        rows = np.ones(len(labels), dtype=bool) if annotator is None else labels.annotator == annotator
        if against_consensus:
            rows &= labels.label != result.label[labels.example]
        keep &= np.bincount(labels.example[rows], minlength=len(keep)) > 0
    if model_label is not None:
        keep &= model_label != result.label
    codes = np.flatnonzero(keep)
    sign = -1.0 if best_first else 1.0
    return codes[np.lexsort((codes, sign * result.log_odds[codes], sign * quality[codes]))]


def with_audit(
    queue: NDArray[np.intp], undecided: NDArray[np.intp], *, n_decided: int, seed: int, every: int = 5, most: int = 1000
) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
    """Mix a random audit into a queue: each `every`-th decision is about an example drawn at random.

    Those who look only at the worst examples learn nothing about the rest; the random ones are a fair sample of it.
    The draw is a fixed permutation by `seed`, so that it is the same for everybody and does not depend on the queue.

    Args:
        queue: codes of examples, worst first.
        undecided: codes of all examples that nobody decided, in any order.
        n_decided: decisions so far; it moves the audit's turn along.
        most: length of the result at most.

    Returns:
        codes of examples without repetition, and whether the audit drew each.
    """
    drawn = np.random.default_rng(seed).permutation(int(undecided.max(initial=-1)) + 1)
    drawn = drawn[np.isin(drawn, undecided)]
    by_audit, by_queue = iter(drawn.tolist()), iter(queue.tolist())
    codes: list[int] = []
    audited: list[bool] = []
    seen: set[int] = set()
    while len(codes) < min(most, len(queue)):
        turn = every > 0 and (len(codes) + n_decided) % every == every - 1
        code = next((c for c in (by_audit if turn else by_queue) if c not in seen), None)
        if code is None:
            break
        seen.add(code)
        codes.append(code)
        audited.append(turn)
    return np.array(codes, dtype=np.intp), np.array(audited, dtype=bool)


# ---------------------------------------------------------------------- more reasons to look


def expected_change(labels: CrowdLabels, result: Consensus) -> NDArray[np.float64]:
    """(N,) how much posterior a decision on each example is expected to move, in examples: 1 = as much as one example turned over.

    A decision that example i is of class k has, by the present belief, the probability p[i, k]. It moves

    - the example's own posterior, by 1 - p[i, k] in total variation: expected 1 - sum_k p[i, k]^2;
    - the counts c[j, t, g] (annotator j said g where the truth was t) of everyone who labelled i, by (k = t) - p[i, t] in the cells
      (j, t, their label): expected 2 p[i, t] (1 - p[i, t]) in size. One more count there changes log confusion[j, t, g] by
      1 / c[j, t, g] - 1 / c[j, t] and that of each other label of j by -1 / c[j, t]; and one unit of log evidence for class t moves the
      posterior of an example by p (1 - p) (the slope of the softmax). Summed over the examples that j labelled, this is what
      everybody else's posterior moves.

    First order in the change, and changes of several annotators add up in size: it ranks, it does not promise. Two sparse products.
    Where the result has no confusions they are counted from its posterior. A certain example (gold, decided) gives 0.
    """
    n_classes = len(labels.classes)
    posterior = result.posterior
    slope = posterior * (1 - posterior)
    cell = labels.annotator.astype(np.int64) * n_classes + labels.label
    shape = (len(labels.examples), len(labels.annotators) * n_classes)
    # said[i, (j, g)]: how often j gave g to example i
    said = sparse.csr_array((np.ones(len(cell)), (labels.example, cell)), shape=shape)
    # counts[j, g, t], movable[j, g, t]: expected labels, and what posteriors can still move, where j said g and the truth may be t
    counts = (said.T @ posterior).reshape(-1, n_classes, n_classes) + PSEUDOCOUNT
    movable = (said.T @ slope).reshape(-1, n_classes, n_classes)
    of_class = counts.sum(axis=1, keepdims=True)
    others = movable.sum(axis=1, keepdims=True) - movable
    per_count = movable * (1 / counts - 1 / of_class) + others / of_class
    moved = 2 * slope * (said @ per_count.reshape(-1, n_classes))
    change: NDArray[np.float64] = 1 - (posterior**2).sum(axis=1) + moved.sum(axis=1)
    return np.maximum(change, 0.0)


def runs_agreement(results: Sequence[Consensus]) -> NDArray[np.float64]:
    """(N,) in [0, 1]: the share of pairs of runs that give an example the same class; 0 = all differ.

    Raises:
        ValueError: fewer than two runs.
    """
    if len(results) < 2:
        raise ValueError("Methods can only disagree when there are two: run another one on the page Consensus.")
    same = [one.label == other.label for one, other in combinations(results, 2)]
    agreement: NDArray[np.float64] = np.mean(same, axis=0)
    return agreement
