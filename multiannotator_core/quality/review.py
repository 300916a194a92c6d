"""In which order a person should look at examples."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..consensus import Consensus
from ..labels import CrowdLabels


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
