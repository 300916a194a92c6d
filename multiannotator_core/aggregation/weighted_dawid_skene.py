"""Weighted Dawid-Skene: votes that count by the annotator's reliability on the class they name."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ..consensus import Consensus, build
from ..labels import CrowdLabels
from .dawid_skene import PRIOR_STRENGTH, dawid_skene
from .em import OnIteration, clamp, vote_shares


def weighted_dawid_skene(
    labels: CrowdLabels,
    *,
    gold: NDArray[np.int32] | None = None,
    on_iteration: OnIteration | None = None,
    prior_strength: float = PRIOR_STRENGTH,
    max_iter: int = 100,
    tol: float = 1e-6,
) -> Consensus:
    """Soft labels from votes weighted by the diagonals of Dawid-Skene's confusions (WDS, Lefort et al. 2022, section 3).

    Model: that of `dawid_skene`, run first. Then
        posterior[i, k] = sum over those who say k of confusion[j, k, k] / the same sum over all classes.
    These soft labels keep the disagreement of the crowd, where the posteriors of Dawid-Skene are all but certain: use them to
    train a classifier.

    Args:
        prior_strength, max_iter, tol: see `dawid_skene`.
    """
    hard = dawid_skene(labels, gold=gold, on_iteration=on_iteration, prior_strength=prior_strength, max_iter=max_iter, tol=tol)
    assert hard.confusion is not None
    votes = labels.weighted_votes(hard.confusion[labels.annotator, labels.label, labels.label])
    total = votes.sum(axis=1, keepdims=True)
    posterior = clamp(np.where(total > 0, votes / np.where(total > 0, total, 1), vote_shares(labels)), gold)
    soft = build(labels, posterior)
    return replace(hard, posterior=posterior, label=soft.label)
