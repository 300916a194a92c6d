"""What a simulated crowd looks like: a few of its annotators, from the best to the worst (figure 5 of the peerannot paper)."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

MOST = 8


def profiles(accuracy: ArrayLike, most: int = MOST) -> NDArray[np.intp]:
    """Places (at most `most`) of annotators spread evenly over the ranking by accuracy (J,), the best first and the worst last."""
    order = np.argsort(-np.asarray(accuracy, dtype=np.float64), kind="stable")
    places = np.unique(np.round(np.linspace(0, len(order) - 1, min(most, len(order)))).astype(np.intp))
    return order[places]
