"""Two-thirds rule: a consensus only where two of three labels agree."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..consensus import TIE, Consensus, build
from ..labels import CrowdLabels
from .em import vote_shares

TWO_THIRDS = 2 / 3


def two_thirds(labels: CrowdLabels, *, gold: NDArray[np.int32] | None = None) -> Consensus:
    """Majority vote that declines to choose where fewer than two thirds of the labels agree (the rule of iNaturalist).

    Model: none. posterior[i, k] = share of the labels of i that say k; undecided[i] = no share reaches 2 / 3. `label` holds the
    majority even there, for those who need one. Gold examples are decided, examples without labels are not.
    """
    shares = vote_shares(labels, gold)
    undecided = shares.max(axis=1) < TWO_THIRDS - TIE
    if gold is None:
        return build(labels, shares, undecided=undecided | (labels.labels_per_example == 0))
    return build(labels, shares, undecided=undecided | ((labels.labels_per_example == 0) & (gold < 0)))
