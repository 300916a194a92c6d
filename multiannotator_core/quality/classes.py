"""Which classes the crowd mixes up."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ..consensus import Consensus
from ..labels import CrowdLabels


def confused_pairs(labels: CrowdLabels, result: Consensus, most: int = 10) -> pd.DataFrame:
    """The pairs of classes that the crowd as a whole mixes up most.

    Each label counts with the posterior of its example: with n[t, g] the sum over labels that say g of the
    posterior of t, the rate of (t, g) is n[t, g] / sum over g of n[t, g].

    Returns:
        true, given (class names), rate in [0, 1], n (expected labels on `true`); highest rate first, at most `most`.
    """
    n_classes = len(labels.classes)
    said = np.zeros((n_classes, n_classes))  # said[t, g]
    for k in range(n_classes):
        said[:, k] = result.posterior[labels.example[labels.label == k]].sum(axis=0)
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
