"""In which order a person should look at examples, and what the looking has shown."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..align import positions
from ..consensus import Consensus
from ..labels import CrowdLabels
from .agreement import wilson_interval

# Fewer audited examples than this say too little about the rest.
LEAST_AUDITS = 30


def review_queue(
    labels: CrowdLabels,
    result: Consensus,
    quality: NDArray[np.float64],
    *,
    consensus_class: int | None = None,
    annotator: int | None = None,
    against_consensus: bool = False,
    best_first: bool = False,
) -> NDArray[np.intp]:
    """Codes of examples, worst quality first.

    Args:
        quality: (N,) from `example_quality`. Equal qualities are ordered by the log odds of the consensus,
            since posteriors saturate, then by name.
        consensus_class: only examples with this consensus class (code).
        annotator: only examples that this annotator (code) labelled; with `against_consensus`, differently.
        against_consensus: only examples with a label that differs from the consensus.
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


@dataclass(frozen=True)
class Progress:
    """What reviewing has shown so far.

    Attributes:
        decided: examples with a decided class; changed: of those, where the consensus had said another class.
        audited: of those, drawn by the audit; audited_wrong: of those, where the consensus was wrong.
        left: undecided examples; wrong_left, low, high: how many of those are estimated to be wrong, with a 95 %
            interval; None below LEAST_AUDITS audits.
        accuracy, accuracy_low, accuracy_high: share of right labels over all examples, decisions counted as right.
    """

    decided: int
    changed: int
    audited: int
    audited_wrong: int
    left: int
    wrong_left: float | None = None
    low: float | None = None
    high: float | None = None
    accuracy: float | None = None
    accuracy_low: float | None = None
    accuracy_high: float | None = None


def progress(labels: CrowdLabels, blind: Consensus, decisions: pd.DataFrame) -> Progress:
    """Count what was reviewed, and estimate what is left from the audit (Wilson's interval for its share of errors).

    Args:
        blind: a consensus that saw none of the decisions; it is what they are compared with.
        decisions: indexed by example, with `label` (class name, or missing for a flag) and `audit` (the probability
            with which the audit drew the example, missing for others).
    """
    n = len(labels.examples)
    made = decisions[decisions["label"].notna()]
    at, code = positions(labels.examples, made.index), positions(labels.classes, pd.Index(made["label"].tolist(), tupleize_cols=False))
    wrong = blind.label[at] != code
    drawn = made["audit"].notna().to_numpy()
    counted = Progress(len(made), int(wrong.sum()), int(drawn.sum()), int((wrong & drawn).sum()), n - len(made))
    if counted.audited < LEAST_AUDITS:
        return counted
    share = counted.audited_wrong / counted.audited
    low, high = (float(end) for end in wilson_interval(np.asarray(share), np.asarray(counted.audited)))
    return replace(
        counted,
        wrong_left=share * counted.left,
        low=low * counted.left,
        high=high * counted.left,
        accuracy=1 - share * counted.left / n,
        accuracy_low=1 - high * counted.left / n,
        accuracy_high=1 - low * counted.left / n,
    )
