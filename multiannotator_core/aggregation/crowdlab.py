"""CROWDLAB: the labels of a crowd and the probabilities of a model, averaged by how far each can be trusted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..align import ensemble
from ..consensus import TIE, Consensus, build
from ..labels import CrowdLabels
from .calibration import Models, calibrated
from .em import clamp

# Lowest trust and lowest error rate: nobody weighs nothing, so no example is without any weight.
CLIP = 1e-6

# Posteriors that differ by no more than the rounding of a sum in another order.
ROUNDING = 1e-12


@dataclass(frozen=True)
class Blend:
    """A posterior (N, K), and the weights it was averaged with: model_weight (P,), annotator_weight (J,).

    likelihood is the chance that a label says the consensus class; agreement (J,) is the share of the other labels
    of the same examples that say the same as the annotator.
    """

    posterior: NDArray[np.float64]
    model_weight: NDArray[np.float64]
    annotator_weight: NDArray[np.float64]
    likelihood: float
    agreement: NDArray[np.float64]

    def label_weight(self, labels: CrowdLabels) -> NDArray[np.float64]:
        """(N,) sum of the weights of the labels of each example."""
        per_label = self.annotator_weight[labels.annotator]
        return np.bincount(labels.example, weights=per_label, minlength=len(labels.examples)).astype(np.float64)


def crowdlab(
    labels: CrowdLabels,
    *,
    pred_probs: Models,
    gold: NDArray[np.int32] | None = None,
    calibrate_probs: bool = False,
) -> Consensus:
    """Average each model's probabilities and each label by their trust (Goh, Tkachenko & Mueller 2022, section 2).

    posterior[i, k] is the weighted mean of the models' P(k | i) and, for each label of i, of the chance P that a
    label is the consensus (if it says k) or (1 - P) / (K - 1). A weight is 1 - error / error of always saying the
    most frequent class, where the error of an annotator is measured against the other annotators, that of a model
    against the consensus and then times the root of the mean number of labels an example. It starts from
    majority vote and is done twice, the second time with the labels of the best quality. If no example has two
    labels, the model takes the place of the other annotators. Gold stands in for the consensus of its examples.

    Args:
        pred_probs: one or more (N, K) arrays; several are an ensemble.
        calibrate_probs: scale the models' temperature to the shares of the labels first.
    """
    models: Models = [model / model.sum(axis=1, keepdims=True) for model in pred_probs]
    if calibrate_probs:
        models = calibrated(labels, models)
    consensus = best_quality_label(labels, models, gold)
    blend = blended(labels, models, consensus)
    posterior = clamp(blend.posterior, gold)
    quality, agreement = annotator_parts(labels, consensus, posterior[labels.example, labels.label])
    trust = model_share(labels, blend)
    return build(
        labels,
        posterior,
        label=consensus,
        annotator_quality=trust * imputed(quality) + (1 - trust) * imputed(agreement),
        annotator_scores={"weight": blend.annotator_weight, "agreement_with_annotators": blend.agreement},
    )


def crowdlab_weights(
    labels: CrowdLabels, pred_probs: Any, consensus: NDArray[np.int32] | None = None, *, calibrate_probs: bool = False
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The weight of each model (P,) and of each annotator (J,) in CROWDLAB's averages.

    Args:
        pred_probs: (N, K), a DataFrame by name, or a list of them.
        consensus: (N,) class codes against which the models are judged; default: CROWDLAB's own.

    Raises:
        ValueError: pred_probs do not fit the labels.
    """
    models: Models = ensemble(labels, pred_probs)
    if calibrate_probs:
        models = calibrated(labels, models)
    blend = blended(labels, models, best_quality_label(labels, models) if consensus is None else consensus)
    return blend.model_weight, blend.annotator_weight


# ---------------------------------------------------------------------- consensus labels


def majority_label(labels: CrowdLabels, model: NDArray[np.float64] | None = None) -> NDArray[np.int32]:
    """(N,) the class with most labels.

    Ties go to the class that the model (N, K) finds likelier, then to the class with fewer labels in the data,
    then to the class whose annotators agree better with the untied examples, then to the earlier class.
    """
    votes = labels.votes
    chosen: NDArray[np.int32] = votes.argmax(axis=1).astype(np.int32)
    tied = votes == votes.max(axis=1, keepdims=True)
    open_ = np.flatnonzero(tied.sum(axis=1) > 1)
    if not open_.size:
        return chosen
    untied = np.ones(len(votes), dtype=bool)
    untied[open_] = False
    candidates = tied[open_]
    if model is not None:  # exactly equal, not nearly: a sharp model's small probabilities still differ
        candidates = _keep_highest(candidates, model[open_], 0.0)
    candidates = _keep_highest(candidates, -labels.labels_per_class.astype(np.float64)[None, :], 0.0)
    if (candidates.sum(axis=1) > 1).any():
        candidates = _keep_highest(candidates, _trust_in_votes(labels, chosen, untied)[open_], TIE)
    chosen[open_] = candidates.argmax(axis=1)
    return chosen


def _keep_highest(candidates: NDArray[np.bool_], scores: NDArray[np.float64], slack: float) -> NDArray[np.bool_]:
    """The candidates of each row with the highest score."""
    values = np.where(candidates, scores, -np.inf)
    kept: NDArray[np.bool_] = candidates & (values >= values.max(axis=1, keepdims=True) - slack)
    return kept


def _trust_in_votes(labels: CrowdLabels, chosen: NDArray[np.int32], untied: NDArray[np.bool_]) -> NDArray[np.float64]:
    """(N, K) mean agreement, over untied examples, of the annotators who gave an example a class; 0 where nobody did."""
    right = (labels.label == chosen[labels.example]).astype(np.float64)
    agreement = imputed(annotator_mean(labels, right, untied[labels.example]))
    trust: NDArray[np.float64] = labels.weighted_votes(agreement[labels.annotator]) / np.maximum(labels.votes, 1)
    return trust


def best_quality_label(labels: CrowdLabels, models: Models, gold: NDArray[np.int32] | None = None) -> NDArray[np.int32]:
    """(N,) the class of the highest posterior given majority vote; majority vote itself where several are highest."""
    majority = with_gold(majority_label(labels, np.mean(models, axis=0)), gold)
    return with_gold(highest_or(blended(labels, models, majority).posterior, majority), gold)


def highest_or(posterior: NDArray[np.float64], fallback: NDArray[np.int32]) -> NDArray[np.int32]:
    """(N,) class of the highest value of each row, and the fallback's where several are highest."""
    highest = posterior >= posterior.max(axis=1, keepdims=True) - ROUNDING
    return np.where(highest.sum(axis=1) > 1, fallback, highest.argmax(axis=1)).astype(np.int32)


def with_gold(label: NDArray[np.int32], gold: NDArray[np.int32] | None) -> NDArray[np.int32]:
    """(N,) the gold class where there is one, else the label."""
    return label if gold is None else np.where(gold >= 0, gold, label).astype(np.int32)


# ---------------------------------------------------------------------- weights and posterior


def blended(labels: CrowdLabels, models: Models, consensus: NDArray[np.int32]) -> Blend:
    """The weights of models and annotators against a consensus (N,), and the posterior averaged with them."""
    n = labels.labels_per_example
    judged = n > 1
    if judged.any():
        likelihood = float(consensus_agreement(labels, consensus)[judged].mean())
        agreement = agreement_with_others(labels)
    else:  # nobody can be compared with a colleague: the models take their place
        judged = n > 0
        guess = np.mean(models, axis=0).argmax(axis=1)
        right = (labels.label == guess[labels.example]).astype(np.float64)
        likelihood = float(right.mean())
        agreement = imputed(annotator_mean(labels, right))
    classes = np.bincount(consensus[judged], minlength=len(labels.classes))
    guessing_error = max(1 - classes.max() / classes.sum(), CLIP)  # of always saying the most frequent class
    annotator_weight = np.maximum(1 - (1 - agreement) / guessing_error, CLIP)
    errors = np.array([np.mean(model[judged].argmax(axis=1) != consensus[judged]) for model in models])
    model_weight = np.maximum(1 - errors / guessing_error, CLIP) * np.sqrt(n[n > 0].mean())
    posterior = weighted_mean(labels, models, model_weight, annotator_weight, likelihood)
    return Blend(posterior, model_weight, annotator_weight, likelihood, agreement)


def weighted_mean(
    labels: CrowdLabels, models: Models, model_weight: NDArray[np.float64], annotator_weight: NDArray[np.float64], likelihood: float
) -> NDArray[np.float64]:
    """posterior[i, k] (N, K): models and labels averaged by weight.

    A label that says k adds its weight times `likelihood` to k, and times `other` to all other classes.
    """
    other = (1 - likelihood) / max(len(labels.classes) - 1, 1)
    posterior: NDArray[np.float64] = labels.weighted_votes(annotator_weight[labels.annotator])
    total = posterior.sum(axis=1, keepdims=True)
    posterior *= likelihood - other
    posterior += other * total
    for model, weight in zip(models, model_weight, strict=True):
        posterior += weight * model
    posterior /= total + model_weight.sum()
    return posterior


def consensus_agreement(labels: CrowdLabels, consensus: NDArray[np.int32]) -> NDArray[np.float64]:
    """(N,) share of the labels of each example that say its consensus; 0 without labels."""
    agreeing: NDArray[np.float64] = labels.votes[np.arange(len(consensus)), consensus]
    return agreeing / np.maximum(labels.labels_per_example, 1)


def agreement_with_others(labels: CrowdLabels) -> NDArray[np.float64]:
    """(J,) share of the other labels of the same examples that say the same; the mean of all for those without company.

    An annotator's label is compared with every other label of its example, so this is a sum over labels, not over pairs.
    """
    same = labels.votes[labels.example, labels.label] - 1
    others = labels.labels_per_example[labels.example] - 1
    n_annotators = len(labels.annotators)
    compared = np.bincount(labels.annotator, weights=others, minlength=n_annotators)
    agreed = np.bincount(labels.annotator, weights=same, minlength=n_annotators)
    return imputed(np.divide(agreed, compared, out=np.full(n_annotators, np.nan), where=compared > 0))


# ---------------------------------------------------------------------- annotators


def annotator_parts(
    labels: CrowdLabels, consensus: NDArray[np.int32], label_quality: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(J,) mean quality of the annotator's labels, and (J,) agreement with the consensus where others labelled too.

    NaN where an annotator has no such label.
    """
    right = (labels.label == consensus[labels.example]).astype(np.float64)
    company = labels.labels_per_example[labels.example] > 1
    return annotator_mean(labels, label_quality), annotator_mean(labels, right, company)


def model_share(labels: CrowdLabels, blend: Blend) -> float:
    """The model's share of the weight of an average example, by which annotators are judged through it."""
    n = labels.labels_per_example
    of_model = float(blend.model_weight.mean())
    of_labels = float(blend.annotator_weight.mean() * n[n > 0].mean())
    return of_model / (of_model + of_labels)


def annotator_mean(labels: CrowdLabels, values: NDArray[np.float64], rows: NDArray[np.bool_] | None = None) -> NDArray[np.float64]:
    """(J,) mean of the values (L,) of each annotator's labels, of some rows only; NaN for an annotator without any."""
    annotator = labels.annotator if rows is None else labels.annotator[rows]
    n = np.bincount(annotator, minlength=len(labels.annotators))
    total = np.bincount(annotator, weights=values if rows is None else values[rows], minlength=len(n))
    mean: NDArray[np.float64] = np.divide(total, n, out=np.full(len(n), np.nan), where=n > 0)
    return mean


def imputed(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """The values with the mean of the known ones in place of NaN; 1 where none is known (nobody was seen to err)."""
    known = ~np.isnan(values)
    return np.where(known, values, values[known].mean() if known.any() else 1.0)
