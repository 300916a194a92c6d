"""What a store keeps of a training: a consensus like any other, so that every page can put it beside the rest."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ...aggregation.em import vote_shares
from ...consensus import Consensus, build
from ...labels import CrowdLabels
from .learned import Learned
from .margins import Ambiguity

# Keeps 1 / quality finite.
LEAST_QUALITY = 1e-6


def prediction_run(labels: CrowdLabels, learned: Learned, about: Mapping[str, Any] | None = None) -> Consensus:
    """The out-of-sample probabilities as they are (the posterior), with the learned confusions and their traces.

    Args:
        labels: those that were learned from.
        about: how it was trained, to stand among the options of the result.

    Raises:
        ValueError: the folds were left out.
    """
    if learned.pred_probs is None:
        raise ValueError("There are no out-of-sample probabilities; train with n_folds=2 or more.")
    scores = {} if learned.confusion is None else {"trace": np.einsum("jkk->j", learned.confusion)}
    confusion = None if learned.confusion is None else learned.confusion.copy()
    return build(
        labels,
        learned.pred_probs.copy(),
        confusion=confusion,
        annotator_scores=scores,
        method=learned.strategy,
        options={**learned.options, **(about or {})},
    )


def ambiguity_run(labels: CrowdLabels, method: str, found: Ambiguity, about: Mapping[str, Any] | None = None) -> Consensus:
    """The shares of the votes, with difficulty = 1 / quality - 1: `example_quality(..., "difficulty")` gives `found.quality` back.

    Args:
        labels: those that were learned from.
        method: a key of AMBIGUITY.
        about: how it was found, to stand among the options of the result.
    """
    quality = np.clip(found.quality, LEAST_QUALITY, 1.0)
    return build(labels, vote_shares(labels), difficulty=1 / quality - 1, method=method, options=dict(about or {}))
