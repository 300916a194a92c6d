"""What to label next: ActiveLab, and the methods it is compared with."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from .aggregation.blending import best_quality_label, blended, majority_label
from .aggregation.calibration import Models, best_temperature, label_shares, scaled
from .align import ensemble
from .labels import CrowdLabels
from .quality.examples import label_cleaning_score, normalised_entropy, soft_cross_entropy

Scores = NDArray[np.float64]


class Acquisition(NamedTuple):
    """One line of ACQUISITION_METHODS: run(labels, models, unlabelled models, rng) -> (labelled, unlabelled) scores."""

    title: str
    sentence: str
    run: Callable[[CrowdLabels, Models, Models, np.random.Generator], tuple[Scores, Scores]]


class _Fit(NamedTuple):
    """What the labelled examples say about the models: temperature and weight (P,), and an annotator's mean weight."""

    temperatures: list[float]
    model_weight: NDArray[np.float64]
    mean_annotator_weight: float


def active_learning_scores(
    labels: CrowdLabels | None,
    pred_probs: Any = None,
    pred_probs_unlabeled: Any = None,
    *,
    method: str = "activelab",
    seed: int = 0,
    as_cleanlab: bool = True,
) -> tuple[Scores, Scores]:
    """Scores (N,) of the labelled and (U,) of the unlabelled examples, on one scale; low = label next.

    Args:
        labels: what was labelled so far; None if nothing was.
        pred_probs: (N, K) out-of-sample probabilities of a model for the examples of labels, an array in their order or a
            DataFrame by name; a list of them is an ensemble.
        pred_probs_unlabeled: (U, K) for examples that nobody labelled yet, from as many models; empty scores without.
        method: a key of ACQUISITION_METHODS.
        seed: for the methods that draw at random.
        as_cleanlab: repeat how cleanlab 2.9.0 counts labels to find ActiveLab's temperature, so that scores equal its
            own: see `packed_shares`. False counts each label for the class that it says, as the paper has it.

    Raises:
        ValueError: pred_probs that do not fit the labels or each other, or an unknown method.
    """
    if method not in ACQUISITION_METHODS:
        raise ValueError(f"There is no method {method!r} to choose examples; choose one of {', '.join(ACQUISITION_METHODS)}.")
    if labels is None and pred_probs_unlabeled is None:
        raise ValueError("There is nothing to score: give labels with pred_probs, or pred_probs_unlabeled, or both.")
    if (labels is None) != (pred_probs is None):
        raise ValueError("labels and pred_probs belong together: give both, or only pred_probs_unlabeled.")
    unlabelled = [] if pred_probs_unlabeled is None else _unlabelled_models(labels, pred_probs_unlabeled)
    if labels is None:
        labels, models = _nobody(0, unlabelled[0].shape[1]), [model[:0] for model in unlabelled]
    else:
        models = ensemble(labels, pred_probs)
    if unlabelled and len(unlabelled) != len(models):
        raise ValueError(f"pred_probs holds {len(models)} model(s), but pred_probs_unlabeled {len(unlabelled)}; give the same models.")
    if method == "activelab" and as_cleanlab:
        return _activelab(labels, models, unlabelled, packed_shares(labels))
    return ACQUISITION_METHODS[method].run(labels, models, unlabelled, np.random.default_rng(seed))


def what_to_label(labels: CrowdLabels, pred_probs: Any, *, method: str = "activelab", seed: int = 0) -> pd.DataFrame:
    """All examples, the one to label next first: its score, the number of its labels, and the model's class with its probability.

    Args:
        pred_probs: (N, K) for all examples, those without labels too; a list is an ensemble, shown by its mean.
        method: a key of ACQUISITION_METHODS.

    Raises:
        ValueError: as `active_learning_scores`.
    """
    score, _ = active_learning_scores(labels, pred_probs, method=method, seed=seed, as_cleanlab=False)
    model = np.mean(ensemble(labels, pred_probs), axis=0)
    table = pd.DataFrame(
        {
            "example": labels.examples,
            "score": score,
            "n_labels": labels.labels_per_example,
            "model": labels.classes.take(model.argmax(axis=1)),
            "probability": model.max(axis=1),
        }
    )
    return table.sort_values("score", kind="stable", ignore_index=True)


def _unlabelled_models(labels: CrowdLabels | None, pred_probs: Any) -> Models:
    """The models' probabilities of the unlabelled examples, checked as those of labelled ones are."""
    first: Any = next(iter(pred_probs), None) if isinstance(pred_probs, (list, tuple, np.ndarray)) else None
    table = first if np.ndim(first) == 2 else pred_probs
    shape = np.shape(table)
    if len(shape) != 2:
        raise ValueError(f"pred_probs_unlabeled has shape {shape}; give one row for each example and one column for each class.")
    n_classes = shape[1] if labels is None else len(labels.classes)
    blank = _nobody(shape[0], n_classes)
    if isinstance(table, pd.DataFrame):
        classes = table.columns if labels is None else labels.classes
        blank = _nobody(shape[0], n_classes, table.index, classes)
    try:
        return ensemble(blank, pred_probs)
    except ValueError as error:
        raise ValueError(f"pred_probs_unlabeled: {error}") from None


def _nobody(n_examples: int, n_classes: int, examples: pd.Index | None = None, classes: pd.Index | None = None) -> CrowdLabels:
    """A table without labels, to align the probabilities of unlabelled examples with."""
    none = np.empty(0, dtype=np.int32)
    names = pd.RangeIndex(n_examples) if examples is None else examples
    return CrowdLabels(names, pd.RangeIndex(0), pd.RangeIndex(n_classes) if classes is None else classes, none, none, none)


# ---------------------------------------------------------------------- ActiveLab


def _activelab(labels: CrowdLabels, models: Models, unlabelled: Models, shares: NDArray[np.float64]) -> tuple[Scores, Scores]:
    """Quality of the consensus, averaged with a guess by an average annotator (Goh & Mueller 2023, equations 2 and 5).

    score[i] = (quality[i] * weight[i] + w / K) / (weight[i] + w): weight[i] is the sum of the weights of the models
    and of the labels of i, w the mean weight of an annotator. So a well supported consensus is left in peace, and an
    unlabelled example competes on the same scale. As in the authors' code, models are scaled to the label shares
    (N, K) first; where no example has two labels, nobody can be weighed, and all weigh 1.
    """
    labelled, fit = _score_labelled(labels, models, shares)
    return labelled, _score_unlabelled(unlabelled, fit)


def packed_shares(labels: CrowdLabels) -> NDArray[np.float64]:
    """(N, K) label shares as cleanlab 2.9.0 counts them: those of an example's classes, in order, in the first places.

    An example with two labels of class 0 and one of class 3 has shares (2/3, 1/3, 0, 0): the last third is read as
    class 1. Only where all of the first classes are said are these the shares of the labels.
    """
    shares = label_shares(labels)
    example, said = np.nonzero(shares)
    place = np.cumsum(shares > 0, axis=1)[example, said] - 1
    packed = np.zeros_like(shares)
    packed[example, place] = shares[example, said]
    return packed


def _score_labelled(labels: CrowdLabels, models: Models, shares: NDArray[np.float64]) -> tuple[Scores, _Fit]:
    each = np.arange(len(labels.examples))
    if not (labels.labels_per_example > 1).any():
        fit = _Fit([1.0] * len(models), np.ones(len(models)), 1.0)
        posterior = np.mean(models, axis=0)
        quality = posterior[each, majority_label(labels, posterior)] if len(each) else np.empty(0)
        support = labels.labels_per_example.astype(np.float64)
    else:
        temperatures = [best_temperature(shares, model) for model in models]
        models = [scaled(model, temperature) for model, temperature in zip(models, temperatures, strict=True)]
        consensus = best_quality_label(labels, models)
        blend = blended(labels, models, consensus)
        fit = _Fit(temperatures, blend.model_weight, float(blend.annotator_weight.mean()))
        quality, support = blend.posterior[each, consensus], blend.label_weight(labels)
    return _with_a_guess(quality, support + fit.model_weight.sum(), fit, len(labels.classes)), fit


def _score_unlabelled(models: Models, fit: _Fit) -> Scores:
    """The models' own consensus takes the place of the annotators'."""
    if not models:
        return np.empty(0)
    models = [scaled(model, temperature) for model, temperature in zip(models, fit.temperatures, strict=True)]
    n_examples, n_classes = models[0].shape
    guesses = np.stack([model.argmax(axis=1) for model in models], axis=1)
    votes = CrowdLabels(
        pd.RangeIndex(n_examples),
        pd.RangeIndex(len(models)),
        pd.RangeIndex(n_classes),
        np.repeat(np.arange(n_examples, dtype=np.int32), len(models)),
        np.tile(np.arange(len(models), dtype=np.int32), n_examples),
        guesses.ravel().astype(np.int32),
    )
    posterior = np.average(models, axis=0, weights=fit.model_weight)
    quality = posterior[np.arange(n_examples), majority_label(votes, np.mean(models, axis=0))]
    return _with_a_guess(quality, fit.model_weight.sum(), fit, n_classes)


def _with_a_guess(quality: Scores, support: Any, fit: _Fit, n_classes: int) -> Scores:
    """Quality averaged, by weight, with the chance of a guess."""
    scores: Scores = (quality * support + fit.mean_annotator_weight / n_classes) / (support + fit.mean_annotator_weight)
    return scores


# ---------------------------------------------------------------------- what it is compared with


def _plain_activelab(labels: CrowdLabels, models: Models, unlabelled: Models, rng: np.random.Generator) -> tuple[Scores, Scores]:
    return _activelab(labels, models, unlabelled, label_shares(labels))


def _random(labels: CrowdLabels, models: Models, unlabelled: Models, rng: np.random.Generator) -> tuple[Scores, Scores]:
    return rng.random(len(labels.examples)), rng.random(_size(unlabelled))


def _good_random(labels: CrowdLabels, models: Models, unlabelled: Models, rng: np.random.Generator) -> tuple[Scores, Scores]:
    n = labels.labels_per_example
    most = n.max(initial=0) + 1
    return (n + rng.random(len(n))) / most, rng.random(_size(unlabelled)) / most


def _entropy(labels: CrowdLabels, models: Models, unlabelled: Models, rng: np.random.Generator) -> tuple[Scores, Scores]:
    return _each(lambda group: 1 - normalised_entropy(np.mean(group, axis=0)), models, unlabelled)


def _uncertainty(labels: CrowdLabels, models: Models, unlabelled: Models, rng: np.random.Generator) -> tuple[Scores, Scores]:
    return _each(lambda group: np.mean(group, axis=0).max(axis=1), models, unlabelled)


def _disagreement(labels: CrowdLabels, models: Models, unlabelled: Models, rng: np.random.Generator) -> tuple[Scores, Scores]:
    """Cross entropy of each model with the mean of all; of a single model it is the entropy."""

    def score(group: Models) -> Scores:
        middle = np.mean(group, axis=0)
        scores: Scores = np.exp(-np.mean([soft_cross_entropy(middle, model) for model in group], axis=0))
        return scores

    return _each(score, models, unlabelled)


def _label_cleaning(labels: CrowdLabels, models: Models, unlabelled: Models, rng: np.random.Generator) -> tuple[Scores, Scores]:
    """An example without labels counts as one whose labels are spread evenly."""
    nobody = _nobody(_size(unlabelled), len(labels.classes))
    of_labelled = label_cleaning_score(labels, np.mean(models, axis=0))
    return of_labelled, label_cleaning_score(nobody, np.mean(unlabelled, axis=0)) if unlabelled else np.empty(0)


def _size(models: Models) -> int:
    return len(models[0]) if models else 0


def _each(score: Callable[[Models], Scores], models: Models, unlabelled: Models) -> tuple[Scores, Scores]:
    return score(models), score(unlabelled) if unlabelled else np.empty(0)


ACQUISITION_METHODS: dict[str, Acquisition] = {
    "activelab": Acquisition("ActiveLab", "Where one more label adds most, be it a first label or a further one.", _plain_activelab),
    "random": Acquisition("Random", "Any example, by lot.", _random),
    "good_random": Acquisition("Fewest labels", "The examples with the fewest labels so far, by lot among equals.", _good_random),
    "entropy": Acquisition("Entropy", "Where the model's probabilities are most evenly spread.", _entropy),
    "uncertainty": Acquisition("Least confidence", "Where the model's highest probability is lowest.", _uncertainty),
    "disagreement": Acquisition("Disagreement", "Where the models of an ensemble differ most.", _disagreement),
    "active_label_cleaning": Acquisition(
        "Active label cleaning", "Where the labels surprise a model that is sure of itself.", _label_cleaning
    ),
}
