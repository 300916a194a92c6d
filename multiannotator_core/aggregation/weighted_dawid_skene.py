"""Weighted Dawid-Skene: votes that count by the annotator's reliability on the class they name."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..consensus import Consensus
from ..labels import CrowdLabels
from .block import Block
from .concluding import conclude, expected_quality
from .dawid_skene import PRIOR_STRENGTH, fit_confusions
from .em import OnIteration, clamp, vote_shares
from .engine import Engine, State, Sums, engine_of


def weighted_dawid_skene(
    labels: CrowdLabels | Engine,
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
    engine = engine_of(labels, gold)
    fit = fit_confusions(engine, on_iteration, prior_strength, max_iter, tol)
    confusion = fit.parameters.by_true_class()
    return conclude(
        engine,
        _weighted,
        np.einsum("jkk->jk", confusion),
        confusion=confusion,
        annotator_quality=expected_quality(fit.posterior[1] / engine.shape[0], confusion),
        trace=fit.trace,
        converged=fit.converged,
    )


def _weighted(block: Block, state: State, right: NDArray[np.float64]) -> tuple[State, Sums]:
    """A last step: votes weighted by right[j, k], the chance that j says k where it is the truth."""
    votes = block.weighted_votes(right[block.annotator, block.label])
    total = votes.sum(axis=1, keepdims=True)
    return {"posterior": clamp(np.where(total > 0, votes / np.where(total > 0, total, 1), vote_shares(block)), block.gold)}, ()
