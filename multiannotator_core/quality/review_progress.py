"""What reviewing has shown, and how much is left to find."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import ndtri

from ..align import positions
from ..consensus import Consensus
from ..labels import CrowdLabels
from .agreement import wilson_interval

# Fewer audited examples than this say too little about the rest.
LEAST_AUDITS = 30

# So many numbers of wrong labels are tried, at most, to find the ends of the interval.
N_TRIED = 2001

# Of so many last decisions it is told how many changed a label.
RECENT = 50


@dataclass(frozen=True)
class Progress:
    """What reviewing has shown so far.

    Attributes:
        decided: examples with a decided class; changed: of those, where the consensus had said another class.
        recent, recent_changed: the same of the last RECENT decisions: how fast wrong labels still turn up.
        audited: of those, drawn by the audit; audited_wrong: of those, where the consensus was wrong.
        left: undecided examples with labels; wrong_left, low, high: how many of those are estimated to be wrong, with a 95 %
            interval; None below LEAST_AUDITS audits.
        accuracy, accuracy_low, accuracy_high: share of right labels over all examples, decisions counted as right.
    """

    decided: int
    changed: int
    recent: int
    recent_changed: int
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
    """Count what was reviewed, and estimate what is left from the audit.

    Args:
        blind: a consensus that saw none of the decisions; it is what they are compared with.
        decisions: indexed by example, in the order in which they were made, with `label` (class name, or missing for a flag) and
            `audit` (the probability with which the audit drew the example, missing for others).
    """
    made = decisions[decisions["label"].notna()]
    at, code = positions(labels.examples, made.index), positions(labels.classes, pd.Index(made["label"].tolist(), tupleize_cols=False))
    wrong = blind.label[at] != code
    chance = made["audit"].to_numpy(np.float64)
    drawn = np.isfinite(chance)
    counts = labels.labels_per_example > 0  # what is excluded, or nobody labelled, has no label that could be wrong
    counts[at] = True
    n = int(counts.sum())
    counted = Progress(
        decided=len(made),
        changed=int(wrong.sum()),
        recent=len(wrong[-RECENT:]),
        recent_changed=int(wrong[-RECENT:].sum()),
        audited=int(drawn.sum()),
        audited_wrong=int((wrong & drawn).sum()),
        left=n - len(made),
    )
    if counted.audited < LEAST_AUDITS:
        return counted
    estimate, low, high = wrong_left(wrong, chance, counted.left)
    return replace(
        counted,
        wrong_left=estimate,
        low=low,
        high=high,
        accuracy=1 - estimate / n,
        accuracy_low=1 - high / n,
        accuracy_high=1 - low / n,
    )


def wrong_left(wrong: NDArray[np.bool_], chance: NDArray[np.float64], left: int, level: float = 0.95) -> tuple[float, float, float]:
    """How many of the undecided examples are wrong: an estimate and an interval from the audited decisions among all.

    Audit t drew one of n_t = 1 / chance[t] undecided examples. If W are wrong now, W + f_t of those were wrong then, f_t being the
    wrong ones found since (itself included). So its outcome is a coin with p_t = (W + f_t) / n_t, given all that was decided before,
    whatever the queue chose in between: those who review the worst first do not bias it, and early draws keep counting. The estimate
    is the maximum of that partial likelihood (Cox 1975); the interval has all W that its score test does not reject. Without
    decisions from a queue in between, and for small W, it is Wilson's interval of a share, times `left`.

    Args:
        wrong: (D,) whether each decision changed the label, in the order in which they were made.
        chance: (D,) the probability with which the audit drew the example; NaN where a queue offered it.
        left: undecided examples.

    Returns:
        the estimate, and both ends of the interval, all between 0 and `left`.
    """
    audits = np.isfinite(chance)
    outcome = wrong[audits].astype(np.float64)
    among = np.maximum(1 / chance[audits], 1.0)
    found_since = np.cumsum(wrong[::-1])[::-1][audits].astype(np.float64)
    tried = np.unique(np.linspace(0, left, min(left + 1, N_TRIED)).round())
    score, information = np.zeros(len(tried)), np.zeros(len(tried))
    for x, n, f in zip(outcome, among, found_since, strict=True):
        p = np.clip((tried + f) / n, 0.5 / n, 1 - 0.5 / n)
        score += (x - p) / (n * p * (1 - p))
        information += 1 / (n**2 * p * (1 - p))
    estimate = float(tried[np.argmin(np.abs(score))])
    kept = tried[np.abs(score) <= ndtri(0.5 + level / 2) * np.sqrt(information)]
    low, high = (float(kept.min()), float(kept.max())) if len(kept) else (estimate, estimate)
    return estimate, min(low, estimate), max(high, estimate)


def reviewer_agreement(history: pd.DataFrame) -> pd.DataFrame:
    """How often two reviewers gave the same class to an example that both decided on.

    Args:
        history: every decision, in any order, with example, label (class name, or missing), reviewer, revision and undoes (the
            revision that the row took back, or missing). Of a reviewer's decisions on an example the last one counts; what was
            taken back does not.

    Returns:
        One row a pair with an example in common, the most examples first: one, other, n, agreed, share, and low and high (Wilson).
    """
    taken_back = history[history["undoes"].notna()]
    gone = set(zip(taken_back["example"], taken_back["undoes"].astype(int), strict=True))
    last: dict[Hashable, dict[str, Hashable]] = {}
    made = history[history["undoes"].isna() & history["label"].notna()].sort_values("revision", kind="stable")
    for row in made.itertuples(index=False):
        if (row.example, row.revision) not in gone:
            last.setdefault(row.example, {})[row.reviewer] = row.label
    agreed: dict[tuple[str, str], list[bool]] = {}
    for said in last.values():
        for one, other in combinations(sorted(said), 2):
            agreed.setdefault((one, other), []).append(said[one] == said[other])
    rows = []
    for (one, other), same in agreed.items():
        low, high = wilson_interval(np.asarray(np.mean(same)), np.asarray(len(same)))
        rows.append((one, other, len(same), sum(same), float(np.mean(same)), float(low), float(high)))
    frame = pd.DataFrame(rows, columns=["one", "other", "n", "agreed", "share", "low", "high"])
    return frame.sort_values(["n", "one", "other"], ascending=[False, True, True], kind="stable", ignore_index=True)
