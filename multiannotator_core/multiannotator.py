"""Drop-in functions: the names, arguments and frames of cleanlab 2.9.0's `multiannotator`, over this library's core.

Wide tables come in (examples x annotators, class numbers from 0, empty = not labelled), frames go out.
They differ from cleanlab 2.9.0 on purpose in these points:

- pred_probs with NaN, negative values, or rows that do not sum to 1 (by more than 0.001) always raise.
- Nothing is random: a tie that all rules leave open goes to the first class, also where all examples are tied.
  Posteriors that are equal but for rounding (1e-12), and agreements of annotators (1e-9), are ties.
- Nothing is printed; what `verbose` prints there goes to the log of this module here. Inputs are never changed
  (there, the ensemble functions overwrite pred_probs when they calibrate).
- Label shares are counted as cleanlab 2.9.0 counts them, so that calibrated values, ActiveLab scores and
  quality_method="agreement" are the same: see `active.packed_shares`. For shares that count each label for the class
  it says, use `crowdlab`, `example_quality`, and `active_learning_scores(..., as_cleanlab=False)` of this library.
- `get_majority_vote_label(verbose=False)` skips only the checks of shape; labels that are negative or no whole
  numbers raise also then. Text labels raise with a message of their own, in frames too.
- `get_label_quality_multiannotator_ensemble` applies label_quality_score_kwargs as the function for one model does
  (there, it raises for any key but that name), and an ensemble of one scores unlabelled examples.
- `convert_long_to_wide_dataset` says which pair of task and annotator is repeated.
- Arrays of objects are read as frames of objects are. An empty list of consensus methods raises a ValueError that says so.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from .active import active_learning_scores, packed_shares
from .aggregation.blending import (
    ROUNDING,
    Blend,
    annotator_mean,
    annotator_parts,
    blended,
    consensus_agreement,
    highest_or,
    majority_label,
)
from .aggregation.calibration import Models, best_temperature, label_shares, scaled
from .labels import CrowdLabels
from .names import listed
from .quality.label_scores import label_scores
from .wide import Wide, check_dimensions, checked, one_label_each, read_wide

_log = logging.getLogger(__name__)

CONSENSUS_METHODS = ("majority_vote", "best_quality")
QUALITY_METHODS = ("crowdlab", "agreement")

_NO_OPTIONS: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True)
class _Estimate:
    """Consensus labels (N,) by one consensus method, and what follows from them."""

    label: NDArray[np.int32]
    agreement: NDArray[np.float64]
    quality: NDArray[np.float64]
    posterior: NDArray[np.float64]
    blend: Blend | None


@dataclass(frozen=True)
class _Settings:
    """What a call asks for, besides which keys come back; options are label_quality_score_kwargs."""

    quality_method: str
    calibrate: bool
    options: Mapping[str, Any]
    verbose: bool


def get_label_quality_multiannotator(
    labels_multiannotator: pd.DataFrame | NDArray[Any],
    pred_probs: NDArray[Any],
    *,
    consensus_method: str | list[str] = "best_quality",
    quality_method: str = "crowdlab",
    calibrate_probs: bool = False,
    return_detailed_quality: bool = True,
    return_annotator_stats: bool = True,
    return_weights: bool = False,
    verbose: bool = True,
    label_quality_score_kwargs: Mapping[str, Any] = _NO_OPTIONS,
) -> dict[str, Any]:
    """Consensus labels, their quality, each label's and each annotator's quality, with one model.

    Args:
        labels_multiannotator: (N, J) class numbers from 0; empty = not labelled.
        pred_probs: (N, K) out-of-sample class probabilities.
        consensus_method: best_quality, majority_vote, or a list: the first fills the main columns, the others their own.
        quality_method: crowdlab (labels and model) or agreement (labels alone).
        calibrate_probs: scale the temperature of pred_probs to the labels first.
        return_detailed_quality, return_annotator_stats, return_weights: which keys the result has.
        verbose: log notes.
        label_quality_score_kwargs: method (self_confidence, normalized_margin, confidence_weighted_entropy), adjust_pred_probs.

    Returns:
        label_quality and, if asked for, detailed_label_quality, annotator_stats, model_weight, annotator_weight.

    Raises:
        ValueError, TypeError: as cleanlab's, and for pred_probs that are no probabilities.
    """
    wide = read_wide(labels_multiannotator)
    if return_weights and quality_method != "crowdlab":
        raise ValueError(
            "Model and annotator weights are only applicable to the crowdlab quality method: "
            "set return_weights=False, or quality_method='crowdlab'."
        )
    labels, models = checked(wide, pred_probs)
    methods = list(consensus_method) if isinstance(consensus_method, list) else [consensus_method]
    if not methods:
        raise ValueError(f"consensus_method is an empty list; name at least one of {list(CONSENSUS_METHODS)}.")
    settings = _Settings(quality_method, calibrate_probs, label_quality_score_kwargs, verbose)
    estimates = _estimates(labels, models, methods, settings, _shares(wide, labels))
    found = _frames(wide, labels, estimates, return_detailed_quality, return_annotator_stats, label_quality_score_kwargs)
    main = estimates[0][1]
    if return_weights and main.blend is not None:
        found |= {"model_weight": float(main.blend.model_weight[0]), "annotator_weight": main.blend.annotator_weight}
    return found


def get_label_quality_multiannotator_ensemble(
    labels_multiannotator: pd.DataFrame | NDArray[Any],
    pred_probs: NDArray[Any],
    *,
    calibrate_probs: bool = False,
    return_detailed_quality: bool = True,
    return_annotator_stats: bool = True,
    return_weights: bool = False,
    verbose: bool = True,
    label_quality_score_kwargs: Mapping[str, Any] = _NO_OPTIONS,
) -> dict[str, Any]:
    """As `get_label_quality_multiannotator`, with pred_probs (P, N, K) of P models; model_weight is then (P,)."""
    wide = read_wide(labels_multiannotator)
    labels, models = checked(wide, pred_probs, several=True)
    settings = _Settings("crowdlab", calibrate_probs, label_quality_score_kwargs, verbose)
    estimates = _estimates(labels, models, ["best_quality"], settings, _shares(wide, labels))
    found = _frames(wide, labels, estimates, return_detailed_quality, return_annotator_stats, label_quality_score_kwargs)
    blend = estimates[0][1].blend
    if return_weights and blend is not None:
        found |= {"model_weight": blend.model_weight, "annotator_weight": blend.annotator_weight}
    return found


def get_active_learning_scores(
    labels_multiannotator: pd.DataFrame | NDArray[Any] | None = None,
    pred_probs: NDArray[Any] | None = None,
    pred_probs_unlabeled: NDArray[Any] | None = None,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """ActiveLab scores (N,) of labelled and (U,) of unlabelled examples; low = label next. See `active_learning_scores`."""
    return _active(labels_multiannotator, pred_probs, pred_probs_unlabeled, several=False)


def get_active_learning_scores_ensemble(
    labels_multiannotator: pd.DataFrame | NDArray[Any] | None = None,
    pred_probs: NDArray[Any] | None = None,
    pred_probs_unlabeled: NDArray[Any] | None = None,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """ActiveLab scores with an ensemble: pred_probs (P, N, K) and pred_probs_unlabeled (P, U, K)."""
    return _active(labels_multiannotator, pred_probs, pred_probs_unlabeled, several=True)


def get_majority_vote_label(
    labels_multiannotator: pd.DataFrame | NDArray[Any], pred_probs: NDArray[Any] | None = None, verbose: bool = True
) -> NDArray[np.int64]:
    """(N,) majority vote; ties go to the higher pred_probs, then the rarer class, then the better annotators."""
    wide = read_wide(labels_multiannotator)
    labels, models = checked(wide, pred_probs, structure=verbose)
    label = majority_label(labels, models[0] if models else None)
    if verbose:
        _note_lost_classes(labels, label, "majority_vote")
    return label.astype(np.int64)


def convert_long_to_wide_dataset(labels_multiannotator_long: pd.DataFrame) -> pd.DataFrame:
    """A wide table, tasks x annotators, from a long one with the columns task, annotator and label.

    Raises:
        KeyError: a column is missing.
        ValueError: an annotator labelled a task twice.
    """
    long = labels_multiannotator_long
    for column in ("task", "annotator", "label"):
        if column not in long.columns:
            raise KeyError(f"{column!r}: the long table needs the columns task, annotator and label; it has {listed(long.columns)}.")
    repeated = long.duplicated(["task", "annotator"])
    if repeated.any():
        task, annotator = long.loc[repeated, ["task", "annotator"]].iloc[0]
        raise ValueError(
            f"Index contains duplicate entries, cannot reshape: annotator {annotator} labelled task {task} more than once. "
            "Keep one label for each pair."
        )
    wide = long.set_index(["task", "annotator"])["label"].unstack()
    return wide.rename_axis(index=None, columns=None)


# ---------------------------------------------------------------------- estimates


def _shares(wide: Wide, labels: CrowdLabels) -> NDArray[np.float64]:
    """(N, K) label shares as cleanlab 2.9.0 finds them: right for arrays of whole numbers, else packed."""
    return label_shares(labels) if wide.whole else packed_shares(labels)


def _estimates(
    labels: CrowdLabels, models: Models, methods: Sequence[str], settings: _Settings, shares: NDArray[np.float64]
) -> list[tuple[str, _Estimate]]:
    """One estimate for each consensus method, in their order."""
    for method in methods:
        if method not in CONSENSUS_METHODS:
            raise ValueError(f"{method} is not a valid consensus method! Please choose a valid consensus_method: {list(CONSENSUS_METHODS)}")
    if settings.quality_method not in QUALITY_METHODS:
        raise ValueError(
            f"{settings.quality_method} is not a valid quality method! Please choose a valid quality_method: {list(QUALITY_METHODS)}"
        )
    if settings.calibrate:
        models = [scaled(model, best_temperature(shares, model)) for model in models]
    majority = _estimate(labels, models, majority_label(labels, np.mean(models, axis=0)), settings, shares)
    found = []
    for method in methods:
        estimate = majority
        if method == "best_quality":
            estimate = _estimate(labels, models, highest_or(majority.posterior, majority.label), settings, shares)
        if settings.verbose:
            _note_lost_classes(labels, estimate.label, method)
        found.append((method, estimate))
    if settings.verbose and settings.quality_method == "agreement" and not np.array_equal(shares, label_shares(labels)):
        _log.warning("As in cleanlab 2.9.0, quality_method='agreement' counts some labels for other classes than they say.")
    return found


def _estimate(labels: CrowdLabels, models: Models, label: NDArray[np.int32], settings: _Settings, shares: NDArray[np.float64]) -> _Estimate:
    agreement = consensus_agreement(labels, label)
    if settings.quality_method == "agreement":
        return _Estimate(label, agreement, agreement, shares, None)
    blend = blended(labels, models, label)
    one_group = np.zeros(len(label), dtype=np.intp)
    quality = label_scores(blend.posterior, np.arange(len(label)), label, one_group, **settings.options)
    return _Estimate(label, agreement, quality, blend.posterior, blend)


def _active(table: Any, pred_probs: Any, unlabeled: Any, several: bool) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    if pred_probs is None and unlabeled is None:
        raise ValueError("pred_probs and pred_probs_unlabeled cannot both be None, specify at least one of the two.")
    for array, name in ((pred_probs, "pred_probs"), (unlabeled, "pred_probs_unlabeled")):
        if array is not None:
            check_dimensions(array, name, several)
    if pred_probs is not None and unlabeled is not None and pred_probs.shape[-1] != unlabeled.shape[-1]:
        raise ValueError("pred_probs and pred_probs_unlabeled must have the same number of classes")
    if pred_probs is None:
        return active_learning_scores(None, None, unlabeled)
    if table is None:
        raise ValueError("labels_multiannotator cannot be None when passing in pred_probs: give the labels, or only pred_probs_unlabeled.")
    wide = read_wide(table)
    labels, models = checked(wide, pred_probs, several=several, allow_one_label=one_label_each(wide))
    return active_learning_scores(labels, models, unlabeled, as_cleanlab=not wide.whole)


# ---------------------------------------------------------------------- what goes out


def _frames(
    wide: Wide, labels: CrowdLabels, estimates: Sequence[tuple[str, _Estimate]], detailed: bool, stats: bool, options: Mapping[str, Any]
) -> dict[str, Any]:
    main = estimates[0][1]
    found: dict[str, Any] = {"label_quality": _label_quality_frame(wide, labels, estimates)}
    of_labels = label_scores(main.posterior, labels.example, labels.label, labels.annotator, **(options if detailed else {}))
    if detailed:
        cells = np.full(wide.shape, np.nan)
        cells[labels.example, labels.annotator] = of_labels
        names = [f"quality_annotator_{name}" for name in (range(wide.shape[1]) if wide.columns is None else wide.columns)]
        found["detailed_label_quality"] = pd.DataFrame(cells, index=wide.index, columns=names, copy=False)
    if stats:
        found["annotator_stats"] = _annotator_stats(wide, labels, main, of_labels)
    return found


def _label_quality_frame(wide: Wide, labels: CrowdLabels, estimates: Sequence[tuple[str, _Estimate]]) -> pd.DataFrame:
    columns: dict[str, NDArray[Any]] = {}
    for place, (method, estimate) in enumerate(estimates):
        suffix = f"_{method}" if place else ""
        columns[f"consensus_label{suffix}"] = estimate.label.astype(np.int64)
        columns[f"consensus_quality_score{suffix}"] = estimate.quality
        columns[f"annotator_agreement{suffix}"] = estimate.agreement
        if not place:
            columns["num_annotations"] = labels.labels_per_example
    return pd.DataFrame(columns, index=wide.index)


def _annotator_stats(wide: Wide, labels: CrowdLabels, estimate: _Estimate, label_quality: NDArray[np.float64]) -> pd.DataFrame:
    quality, agreement = annotator_parts(labels, estimate.label, label_quality)
    trust = 0.0 if estimate.blend is None else estimate.blend.model_share
    right = (labels.label == estimate.label[labels.example]).astype(np.float64)
    stats = pd.DataFrame(
        {
            "annotator_quality": agreement if estimate.blend is None else trust * quality + (1 - trust) * agreement,
            "agreement_with_consensus": annotator_mean(labels, right),
            "worst_class": _worst_class(labels, right, estimate.quality, 0.0 if estimate.blend is None else ROUNDING),
            "num_examples_labeled": labels.labels_per_annotator,
        },
        index=wide.columns,
    )
    return stats.sort_values(by=["annotator_quality", "agreement_with_consensus"])


def _worst_class(labels: CrowdLabels, right: NDArray[np.float64], quality: NDArray[np.float64], rounding: float) -> NDArray[np.int64]:
    """(J,) the class that is wrong most often when the annotator says it; then the one said more, then of higher quality."""
    n_annotators, n_classes = len(labels.annotators), len(labels.classes)
    cell = labels.annotator.astype(np.int64) * n_classes + labels.label

    def table(weights: NDArray[np.float64] | None = None) -> NDArray[np.float64]:
        return np.bincount(cell, weights, n_annotators * n_classes).astype(np.float64).reshape(n_annotators, n_classes)

    n = table()
    mean_quality = np.zeros(n.size)
    means = pd.Series(quality[labels.example]).groupby(cell).mean()  # summed with compensation: equal means are equal
    mean_quality[means.index] = means
    worst = n > 0
    for score, slack in ((-table(right) / np.maximum(n, 1), 0.0), (n, 0.0), (mean_quality.reshape(n.shape), rounding)):
        values = np.where(worst, score, -np.inf)
        worst = worst & (values >= values.max(axis=1, keepdims=True) - slack)
    first: NDArray[np.int64] = worst.argmax(axis=1).astype(np.int64)
    return first


def _note_lost_classes(labels: CrowdLabels, label: NDArray[np.int32], method: str) -> None:
    lost = np.setdiff1d(np.flatnonzero(labels.labels_per_class), label)
    if lost.size:
        _log.warning(
            "Consensus by %s leaves out classes that annotators used: %s. A model trained on it never sees them.", method, lost.tolist()
        )
