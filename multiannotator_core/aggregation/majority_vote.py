"""Majority vote: each label counts the same."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..consensus import Consensus
from ..labels import CrowdLabels
from .concluding import conclude
from .em import share_rows
from .engine import Engine, engine_of


def majority_vote(labels: CrowdLabels | Engine, *, gold: NDArray[np.int32] | None = None) -> Consensus:
    """The class that most labels say; its quality is the share of labels that say it.

    Model: none. posterior[i, k] = labels of example i that say k / labels of example i.
    """
    return conclude(engine_of(labels, gold), share_rows)


def naive_soft(labels: CrowdLabels | Engine, *, gold: NDArray[np.int32] | None = None) -> Consensus:
    """The shares of the votes as soft labels, to train on (Lefort et al. 2023, section 3.1.2).

    The posterior is that of majority vote: the two names stand for two uses, a hard and a soft label.
    """
    return conclude(engine_of(labels, gold), share_rows)
