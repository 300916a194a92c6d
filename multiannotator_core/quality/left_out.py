"""What the rest of the crowd says of an example, once the labels of one or two annotators are taken away."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..aggregation.em import FLOOR, clamp, softmax
from ..align import gold_codes
from ..consensus import Consensus
from ..labels import CrowdLabels
from .uncertainty import confusion_posterior

BLOCK = 1 << 16


@dataclass(frozen=True)
class LeftOut:
    """confusion[j, t, g] of each annotator; log_joint (N, K) of the class and all labels; gold (N,) codes, -1 unknown, or None."""

    labels: CrowdLabels
    confusion: NDArray[np.float64]
    log_joint: NDArray[np.float64]
    gold: NDArray[np.int32] | None

    def without(self, *rows: NDArray[np.intp]) -> NDArray[np.float64]:
        """Posterior (l, K) of the example of each row, without the labels in these rows; all rows of a place share an example."""
        example = self.labels.example[rows[0]]
        log_joint = self.log_joint[example]
        for of_one in rows:
            log_joint -= np.log(np.maximum(self.confusion[self.labels.annotator[of_one], :, self.labels.label[of_one]], FLOOR))
        posterior, _ = softmax(log_joint)
        return clamp(posterior, None if self.gold is None else self.gold[example])


def leave_out(labels: CrowdLabels, result: Consensus, gold: Mapping[Hashable, Hashable] | pd.Series | None = None) -> LeftOut:
    """The confusions of `confusion_posterior`, and what they say of each example.

    Raises:
        ValueError: gold does not fit.
    """
    found = confusion_posterior(labels, result, gold)
    log_joint = np.tile(np.log(np.maximum(found.share, FLOOR)), (len(labels.examples), 1))
    for start in range(0, len(labels), BLOCK):
        rows = slice(start, start + BLOCK)
        said = np.log(np.maximum(found.mean[labels.annotator[rows], :, labels.label[rows]], FLOOR))
        starts = np.flatnonzero(np.diff(labels.example[rows], prepend=-1))  # rows are sorted by example
        log_joint[labels.example[rows][starts]] += np.add.reduceat(said, starts, axis=0)
    return LeftOut(labels, found.mean, log_joint, gold_codes(labels, gold))


def false_discovery(p_values: NDArray[np.float64]) -> NDArray[np.float64]:
    """The smallest share of false alarms at which each of the tests is reported (Benjamini & Hochberg 1995, equation 1)."""
    n = len(p_values)
    order = np.argsort(p_values, kind="stable")
    steps = p_values[order] * n / np.arange(1, n + 1)
    adjusted = np.empty(n)
    adjusted[order] = np.minimum(np.minimum.accumulate(steps[::-1])[::-1], 1.0)
    return adjusted
