"""The predictions of models as labels of further annotators."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..consensus import Consensus, break_ties, build
from ..labels import CrowdLabels
from .dawid_skene import PRIOR_STRENGTH, dawid_skene
from .em import OnIteration


def dawid_skene_with_model(
    labels: CrowdLabels,
    *,
    pred_probs: Sequence[NDArray[np.float64]],
    gold: NDArray[np.int32] | None = None,
    on_iteration: OnIteration | None = None,
    prior_strength: float = PRIOR_STRENGTH,
    max_iter: int = 100,
    tol: float = 1e-6,
) -> Consensus:
    """Dawid-Skene in which each model is one more annotator who labels every example (Goh, Tkachenko & Mueller 2022, section 4).

    Model: that of `dawid_skene`; a model says its most probable class. The result speaks of the J annotators of `labels`
    alone, but the posterior rests on the models too, and so an example without labels has the models' class.

    Args:
        pred_probs: one (N, K) array for each model, in the order of the labels.
        prior_strength, max_iter, tol: see `dawid_skene`.
    """
    extended = add_models(labels, pred_probs)
    both = dawid_skene(extended, gold=gold, on_iteration=on_iteration, prior_strength=prior_strength, max_iter=max_iter, tol=tol)
    assert both.confusion is not None
    confusion = both.confusion[: len(labels.annotators)].copy()
    return build(labels, both.posterior, label=both.label, confusion=confusion, trace=both.trace, converged=both.converged)


def add_models(labels: CrowdLabels, pred_probs: Sequence[NDArray[np.float64]]) -> CrowdLabels:
    """The same labels, and after the J annotators each model, who gives each of the N examples its most probable class.

    Annotators are numbered in the result; equally probable classes follow the tie rule of `Consensus`.
    """
    n, n_annotators = len(labels.examples), len(labels.annotators)
    said = [break_ties(model, labels.labels_per_class) for model in pred_probs]
    return CrowdLabels(
        labels.examples,
        pd.RangeIndex(n_annotators + len(said), name="annotator"),
        labels.classes,
        np.concatenate([labels.example, np.tile(np.arange(n, dtype=np.int32), len(said))]),
        np.concatenate([labels.annotator, n_annotators + np.repeat(np.arange(len(said), dtype=np.int32), n)]),
        np.concatenate([labels.label, *said]),
    )
