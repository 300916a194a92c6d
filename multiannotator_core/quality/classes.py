"""Which classes the crowd mixes up."""

from __future__ import annotations

from collections.abc import Hashable

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..consensus import Consensus
from ..labels import CrowdLabels
from ..names import listed
from .difficulty import why_disputed


def confused_pairs(labels: CrowdLabels, result: Consensus, most: int = 10) -> pd.DataFrame:
    """The pairs of classes that the crowd as a whole mixes up most.

    Each label counts with the posterior of its example: with n[t, g] the sum over labels that say g of the
    posterior of t, the rate of (t, g) is n[t, g] / sum over g of n[t, g].

    Returns:
        true, given (class names), rate in [0, 1], n (expected labels on `true`); highest rate first, at most `most`.
    """
    n_classes, said = len(labels.classes), said_on_true(labels, result)
    on_true = said.sum(axis=1)
    rate = said / np.maximum(on_true, np.finfo(np.float64).tiny)[:, None]
    rows, columns = np.nonzero((said >= 0.5) & ~np.eye(n_classes, dtype=bool))
    order = np.lexsort((columns, rows, -rate[rows, columns]))[:most]
    true, given = rows[order], columns[order]
    return pd.DataFrame(
        {
            "true": labels.classes.take(true).astype(object),
            "given": labels.classes.take(given).astype(object),
            "rate": rate[true, given],
            "n": on_true[true],
        }
    )


def said_on_true(labels: CrowdLabels, result: Consensus) -> NDArray[np.float64]:
    """said[true, given] (K, K): expected number of labels `given` on examples of class `true`, of the crowd as a whole."""
    n_classes = len(labels.classes)
    said = np.zeros((n_classes, n_classes))
    for k in range(n_classes):
        said[:, k] = result.posterior[labels.example[labels.label == k]].sum(axis=0)
    return said


def careful_labels(labels: CrowdLabels, verdicts: pd.Series) -> CrowdLabels:
    """The labels without those of annotators (verdicts by annotator) who answer at random or always say one class.

    Their labels say nothing about the classes. All stay where nobody else is left.
    """
    careful = verdicts.index[~verdicts.isin(["answers at random", "always says"])]
    return labels.select(annotators=careful) if 0 < len(careful) < len(labels.annotators) else labels


def crowd_confusion(labels: CrowdLabels, result: Consensus) -> NDArray[np.float64]:
    """rate[true, given] (K, K) of the crowd as a whole, rows sum to 1; NaN for a class without a label."""
    said = said_on_true(labels, result)
    seen = said.sum(axis=1, keepdims=True)
    rate: NDArray[np.float64] = np.divide(said, seen, out=np.full_like(said, np.nan), where=seen >= 0.5)
    return rate


def confused_examples(labels: CrowdLabels, result: Consensus, a: Hashable, b: Hashable) -> pd.DataFrame:
    """Examples on which the crowd hesitates between two classes, those with the most even votes first.

    Returns:
        indexed by example, those whose consensus is one of the two classes and which somebody gave the other one:
        consensus (name), said_a and said_b (labels), n_labels, quality of the consensus, and reason (see `why_disputed`).

    Raises:
        ValueError: there is no such class.
    """
    for name in (a, b):
        if name not in labels.classes:
            raise ValueError(f"There is no class {name!r}; the labels have {listed(labels.classes)}.")
    one, other = (int(labels.classes.get_loc(name)) for name in (a, b))
    said_a, said_b = labels.votes[:, one].astype(np.int64), labels.votes[:, other].astype(np.int64)
    of_pair = np.isin(result.label, (one, other))
    rows = np.flatnonzero(of_pair & np.where(result.label == one, said_b > 0, said_a > 0) & (one != other))
    even = np.minimum(said_a, said_b)[rows] / labels.labels_per_example[rows]
    rows = rows[np.lexsort((result.quality[rows], -even))]
    return pd.DataFrame(
        {
            "consensus": labels.classes.take(result.label[rows]),
            "said_a": said_a[rows],
            "said_b": said_b[rows],
            "n_labels": labels.labels_per_example[rows],
            "quality": result.quality[rows],
            "reason": why_disputed(labels, result)["reason"].to_numpy()[rows],
        },
        index=labels.examples.take(rows),
    )


def class_difficulty(labels: CrowdLabels, result: Consensus) -> pd.DataFrame:
    """How often the examples of each class are disputed and why, the class with the largest share of hard examples first.

    Returns:
        indexed by class (of the consensus): n_examples with two labels or more, right (share of the labels that say the
        class), hard, poor and agreed: shares of these examples with the reasons of `why_disputed`. Classes without are left out.
    """
    found = why_disputed(labels, result).assign(consensus=result.label)
    found = found[found["n_labels"] >= 2]
    k = len(labels.classes)
    n = np.bincount(found["consensus"], minlength=k)
    share = {
        column: np.bincount(found["consensus"], weights=found["reason"] == reason, minlength=k) / np.maximum(n, 1)
        for column, reason in (("hard", "hard example"), ("poor", "poor annotators"), ("agreed", "agreed"))
    }
    dissent = np.bincount(found["consensus"], weights=found["dissent"] * found["n_labels"], minlength=k)
    given = np.bincount(found["consensus"], weights=found["n_labels"], minlength=k)
    frame = pd.DataFrame({"n_examples": n, "right": 1 - dissent / np.maximum(given, 1), **share}, index=labels.classes)
    return frame[n > 0].sort_values(["hard", "n_examples"], ascending=False, kind="stable")
