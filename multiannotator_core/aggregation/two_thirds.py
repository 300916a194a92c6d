"""Two-thirds rule: a consensus only where two of three labels agree."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..consensus import TIE, Consensus
from ..labels import CrowdLabels
from .block import Block
from .concluding import conclude
from .em import row_maximum, vote_shares
from .engine import Engine, State, Sums, engine_of

TWO_THIRDS = 2 / 3


def two_thirds(labels: CrowdLabels | Engine, *, gold: NDArray[np.int32] | None = None) -> Consensus:
    """Majority vote that declines to choose where fewer than two thirds of the labels agree (the rule of iNaturalist).

    Model: none. posterior[i, k] = share of the labels of i that say k; undecided[i] = no share reaches 2 / 3. `label` holds the
    majority even there, for those who need one. Gold examples are decided, examples without labels are not.
    """
    return conclude(engine_of(labels, gold), _last)


def _last(block: Block, state: State) -> tuple[State, Sums]:
    shares = vote_shares(block, block.gold)
    undecided = row_maximum(shares) < TWO_THIRDS - TIE
    unknown = block.labels_per_example == 0
    if block.gold is not None:
        unknown &= block.gold < 0
    return {"posterior": shares, "undecided": undecided | unknown}, ()
