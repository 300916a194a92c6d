"""Majority vote: each label counts the same."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..consensus import Consensus, build
from ..labels import CrowdLabels
from .em import vote_shares


def majority_vote(labels: CrowdLabels, *, gold: NDArray[np.int32] | None = None) -> Consensus:
    """The class that most labels say; its quality is the share of labels that say it.

    Model: none. posterior[i, k] = labels of example i that say k / labels of example i.
    """
    return build(labels, vote_shares(labels, gold))


def naive_soft(labels: CrowdLabels, *, gold: NDArray[np.int32] | None = None) -> Consensus:
    """The shares of the votes as soft labels, to train on (Lefort et al. 2023, section 3.1.2).

    The posterior is that of majority vote: the two names stand for two uses, a hard and a soft label.
    """
    return build(labels, vote_shares(labels, gold))
