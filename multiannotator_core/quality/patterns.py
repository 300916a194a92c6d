"""Patterns in an annotator's work: quality that falls with time, classes said too often, examples submitted twice."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import chdtrc, kolmogorov, ndtr

from ..consensus import Consensus
from ..labels import CrowdLabels
from .annotators import own_repeats
from .left_out import false_discovery, leave_out

LEAST_TIMED = 30  # labels with a known time: with fewer no change can be told from chance
LEAST_CHANGE = 0.1  # of the quality, between the first and the last third; less is no reason to talk
FALSE_DISCOVERY = 0.05
TIMES_EXPECTED = 1.25  # a class said surely but hardly more often than expected is no bias worth a word
# The expected counts are estimates themselves: a difference within this share of the annotator's labels may be theirs.
DOUBT = 0.02

DRIFT_RULE = f"""The labels of an annotator are put in the order of their times. Each is compared with what the other annotators say
of its example, less what is to be expected of this annotator there. Two tests follow: a steady slope over the order (normal approximation
of the permutation test), and one sudden change (the largest cumulated sum, Kolmogorov's distribution); the smaller p-value counts twice.
Suspected: among all annotators with {LEAST_TIMED} timed labels or more at most {FALSE_DISCOVERY:.0%} of the suspicions are false (Benjamini
& Hochberg 1995), and the share of plausible labels differs by {LEAST_CHANGE:.0%} or more between the first and the last third."""


def drift(labels: CrowdLabels, result: Consensus, gold: Mapping[Hashable, Hashable] | pd.Series | None = None) -> pd.DataFrame:
    """Whose quality changes with time, the surest first; one row an annotator with enough timed labels; the rule is DRIFT_RULE.

    Returns:
        indexed by annotator: n_timed; early and late: mean plausibility (posterior by the others' labels) of the first and the
        last third of the labels; p_value, q_value; changed_at: the time of the largest change; suspected; sentence. Empty
        where labels have no times.

    Raises:
        ValueError: gold does not fit.
    """
    rows_of = _timed_rows(labels)
    found: list[dict[str, Any]] = []
    if rows_of:
        others = leave_out(labels, result, gold)
        for code, rows in rows_of.items():
            posterior = others.without(rows)
            plausible = posterior[np.arange(len(rows)), labels.label[rows]]
            expected = np.einsum("lt,tg,lg->l", posterior, others.confusion[code], posterior)
            found.append(_change(plausible, plausible - expected) | {"rows": rows})
    people = list(rows_of)
    frame = pd.DataFrame(found, columns=["n_timed", "early", "late", "p_value", "change", "rows"])
    q_values = false_discovery(frame["p_value"].to_numpy(np.float64))
    moments = [labels.timestamp[row["rows"][row["change"]]] for row in found] if labels.timestamp is not None else []
    frame = frame.drop(columns=["change", "rows"]).assign(
        q_value=q_values,
        changed_at=pd.Series(moments, dtype="datetime64[us]"),
        suspected=(q_values <= FALSE_DISCOVERY) & ((frame["late"] - frame["early"]).abs() >= LEAST_CHANGE).to_numpy(bool),
    )
    frame["sentence"] = [
        f"{name}: {row.early:.0%} of the first third of {row.n_timed:,} labels are plausible, {row.late:.0%} of the last third"
        for name, row in zip(labels.annotators.take(people), frame.itertuples(index=False), strict=True)
    ]
    frame.index = labels.annotators.take(people)
    return frame.sort_values(["suspected", "p_value"], ascending=[False, True], kind="stable")


def class_bias(labels: CrowdLabels, result: Consensus, gold: Mapping[Hashable, Hashable] | pd.Series | None = None) -> pd.DataFrame:
    """Which classes an annotator says more often than the examples they saw let expect; one row an annotator and class.

    Expected is the sum of the posterior of these examples by the others' labels. The likelihood ratio compares said and
    expected as shares of the annotator's labels (G test, one degree of freedom), a difference of 2 % of the labels apart.

    Returns:
        annotator, class (names), n_labels, said, expected, ratio (said / expected), likelihood_ratio, p_value, q_value and
        biased (too often, surely, and by a quarter or more); the most biased first. Only classes said or expected at least once.

    Raises:
        ValueError: gold does not fit.
    """
    n_annotators, k = len(labels.annotators), len(labels.classes)
    said, expected = np.zeros((n_annotators, k)), np.zeros((n_annotators, k))
    others = leave_out(labels, result, gold)
    order = np.argsort(labels.annotator, kind="stable")
    for rows in np.array_split(order, max(1, len(order) // (1 << 16))):
        cell = labels.annotator[rows].astype(np.int64) * k + labels.label[rows]
        said += np.bincount(cell, minlength=n_annotators * k).reshape(n_annotators, k)
        posterior = others.without(rows)
        for c in range(k):
            expected[:, c] += np.bincount(labels.annotator[rows], weights=posterior[:, c], minlength=n_annotators)
    j, g = np.nonzero((said >= 1) | (expected >= 1))
    n, o, e = said.sum(axis=1)[j], said[j, g], expected[j, g]
    ratio_statistic = _g_test(o, np.clip(o, np.maximum(e - DOUBT * n, 0), np.minimum(e + DOUBT * n, n)), n)
    p_values = chdtrc(1, ratio_statistic)
    q_values = false_discovery(p_values)
    frame = pd.DataFrame(
        {
            "annotator": labels.annotators.take(j),
            "class": labels.classes.take(g),
            "n_labels": n.astype(np.int64),
            "said": o.astype(np.int64),
            "expected": e,
            "ratio": o / np.maximum(e, 0.5),
            "likelihood_ratio": ratio_statistic,
            "p_value": p_values,
            "q_value": q_values,
        }
    )
    frame["biased"] = (frame["q_value"] <= FALSE_DISCOVERY) & (frame["ratio"] >= TIMES_EXPECTED)
    return frame.sort_values(["biased", "likelihood_ratio"], ascending=[False, False], kind="stable", ignore_index=True)


def duplicates(labels: CrowdLabels) -> pd.DataFrame:
    """Who labelled an example more than once, or several examples in one instant; one row for each such annotator.

    Returns:
        indexed by annotator: repeated (labels beyond the first of an example), contradicting (examples with two different
        labels of theirs), same_instant (labels that share their time with another of theirs; 0 where times are unknown).
    """
    size, n = len(labels.annotators), len(labels.examples)
    pair = labels.annotator.astype(np.int64) * n + labels.example
    again = np.diff(pair, prepend=-1) == 0  # rows are sorted by example, annotator and label
    changed = again & (np.diff(labels.label, prepend=-1) != 0)
    contradicting = np.unique(pair[changed]) // max(n, 1)
    instant = np.zeros(size, dtype=np.int64)
    if labels.timestamp is not None:
        known = pd.DataFrame({"annotator": labels.annotator, "timestamp": labels.timestamp})[~np.isnat(labels.timestamp)]
        shared = known["annotator"][known.duplicated(keep=False)]
        instant = np.bincount(shared, minlength=size)
    frame = pd.DataFrame(
        {
            "repeated": np.bincount(labels.annotator[again], minlength=size),
            "contradicting": np.bincount(contradicting, minlength=size),
            "same_instant": instant,
        },
        index=labels.annotators,
    )
    return frame[(frame > 0).any(axis=1)].sort_values(["repeated", "same_instant"], ascending=False, kind="stable")


def _timed_rows(labels: CrowdLabels) -> dict[int, NDArray[np.intp]]:
    """Rows of each annotator's labels with a known time, in the order of these; only those with enough."""
    if labels.timestamp is None:
        return {}
    rows = np.flatnonzero(~np.isnat(labels.timestamp) & (own_repeats(labels)[0] == 1))
    rows = rows[np.lexsort((labels.timestamp[rows], labels.annotator[rows]))]
    n = np.bincount(labels.annotator[rows], minlength=len(labels.annotators))
    parts = np.split(rows, np.cumsum(n)[:-1])
    return {j: part for j, part in enumerate(parts) if len(part) >= LEAST_TIMED}


def _change(plausible: NDArray[np.float64], residual: NDArray[np.float64]) -> dict[str, Any]:
    """Slope and change tests of residuals in the order of time, and the plausibility before and after."""
    n, third = len(residual), len(residual) // 3
    centred = residual - residual.mean()
    spread = float(np.sqrt((centred**2).sum()))
    place = np.arange(n) - (n - 1) / 2
    cumulated = np.cumsum(centred)[:-1]
    if spread < 1e-9:
        p_value, change = 1.0, 0
    else:
        slope = float(place @ centred) / (spread * float(np.sqrt((place**2).sum()))) * np.sqrt(n - 1)
        change = int(np.abs(cumulated).argmax()) + 1
        jump = float(np.abs(cumulated).max()) / (spread * np.sqrt(n / (n - 1)))
        p_value = min(1.0, 2 * min(2 * float(ndtr(-abs(slope))), float(kolmogorov(jump))))
    early, late = float(plausible[:third].mean()), float(plausible[-third:].mean())
    return {"n_timed": n, "early": early, "late": late, "p_value": p_value, "change": change}


def _g_test(said: NDArray[np.float64], expected: NDArray[np.float64], n: NDArray[np.float64]) -> NDArray[np.float64]:
    """(pairs,) twice the log likelihood ratio of a share said / n against expected / n."""

    def term(observed: NDArray[np.float64], chance: NDArray[np.float64]) -> NDArray[np.float64]:
        ratio = np.where(observed > 0, observed / np.maximum(chance, 0.5), 1.0)
        return observed * np.log(ratio)

    statistic: NDArray[np.float64] = np.maximum(2 * (term(said, expected) + term(n - said, n - expected)), 0.0)
    return statistic
