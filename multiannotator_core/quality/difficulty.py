"""Why the labels of an example differ: the example is hard, or those who labelled it are poor."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ..consensus import Consensus
from ..labels import CrowdLabels
from .uncertainty import confusion_posterior

REASONS = ("hard example", "poor annotators", "agreed", "too few labels")
TIMES_EXPECTED = 2.0

REASON_RULE = f"""Too few labels: fewer than two. Agreed: every label is the consensus. Otherwise the dissent, the share of labels
that are not the consensus, is compared with the dissent to be expected of these very annotators on this class, from their confusion
matrices. Hard example: they are more reliable on it than the average label of the crowd, or the dissent is more than
{TIMES_EXPECTED:.0f} times what was to be expected. Poor annotators: everything else."""


def why_disputed(labels: CrowdLabels, result: Consensus) -> pd.DataFrame:
    """Whether an example is hard or its annotators are poor, one row an example; the rule is REASON_RULE.

    Returns:
        indexed by example: n_labels, dissent (share of labels that differ from the consensus), expected_dissent (of these
        annotators on this class), and reason, one of REASONS. Both shares are 0 without labels.
    """
    confusion = confusion_posterior(labels, result).mean
    consensus = result.label[labels.example]
    wrong = 1 - confusion[labels.annotator, consensus, consensus]
    n, size = labels.labels_per_example, len(labels.examples)
    dissent = np.bincount(labels.example, weights=labels.label != consensus, minlength=size) / np.maximum(n, 1)
    expected = np.bincount(labels.example, weights=wrong, minlength=size) / np.maximum(n, 1)
    usual = wrong.mean() if len(wrong) else 0.0
    hard = (expected <= usual) | (dissent > TIMES_EXPECTED * expected)
    reason = np.select([n < 2, dissent == 0, hard], ["too few labels", "agreed", "hard example"], "poor annotators")
    return pd.DataFrame(
        {"n_labels": n, "dissent": dissent, "expected_dissent": expected, "reason": reason.astype(object)}, index=labels.examples
    )
