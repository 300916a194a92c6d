"""From the last step of a blockwise method to its result."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..consensus import Consensus, break_ties
from .block import Block
from .engine import Engine, State, Step, Sums

# Confusions (J, K, K) that only say otherwise what the scores of annotators say are put into a result up to this many numbers (400 MB).
LARGEST_CONFUSION = 50_000_000


def conclude(
    engine: Engine,
    last: Step,
    *broadcast: Any,
    confusion: NDArray[np.float64] | None = None,
    annotator_quality: NDArray[np.float64] | Callable[[NDArray[np.float64], NDArray[np.float64]], NDArray[np.float64]] | None = None,
    **rest: Any,
) -> Consensus:
    """The `Consensus` whose rows come from a last step; labels by the tie rule, and annotator quality by its definition.

    Args:
        last: (block, state, *broadcast) -> (rows, anything); rows holds "posterior" (n, K), and may hold "label", "difficulty" and
            "undecided" (n,).
        annotator_quality: (J,), or a function that finds it from the sums (K,) of the posterior over examples, and the expected
            number (J,) of right labels of each annotator.
        rest: further fields of `Consensus`.
    """
    rows: dict[str, Any]
    rows, (class_sums, right) = engine.rows(_last, last, engine.labels_per_class, *broadcast)
    if callable(annotator_quality):
        quality = annotator_quality(class_sums, right)
    elif annotator_quality is not None:
        quality = annotator_quality
    elif confusion is not None:
        quality = expected_quality(class_sums / engine.shape[0], confusion)
    else:
        quality = mean_of_labels(engine, right)
    return Consensus(annotator_quality=np.clip(quality, 0.0, 1.0), confusion=confusion, **(rows | rest))


def _last(block: Block, state: State, last: Step, labels_per_class: NDArray[np.int64], *broadcast: Any) -> tuple[State, Sums]:
    rows, _ = last(block, state, *broadcast)
    posterior = rows["posterior"]
    if "label" not in rows:
        rows["label"] = break_ties(posterior, labels_per_class)
    return rows, (posterior.sum(axis=0), right_labels(block, posterior))


def right_labels(block: Block, posterior: NDArray[np.float64]) -> NDArray[np.float64]:
    """(J,) expected number of right labels of each annotator in a block, under a posterior (n, K)."""
    return block.by_annotator(posterior[block.example, block.label])


def mean_of_labels(engine: Engine, sums: NDArray[np.float64]) -> NDArray[np.float64]:
    """(J,) mean over the labels of each annotator from their sum; the crowd's mean for one who gave none."""
    n = engine.labels_per_annotator
    return np.where(n > 0, sums / np.maximum(n, 1), sums.sum() / max(engine.n_labels, 1))


def expected_quality(share: NDArray[np.float64], confusion: NDArray[np.float64]) -> NDArray[np.float64]:
    """(J,) chance that an annotator is right, from the shares (K,) of the classes and confusion[j, true, given]."""
    quality: NDArray[np.float64] = np.einsum("k,jkk->j", share, confusion)
    return quality
