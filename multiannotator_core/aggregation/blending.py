"""What CROWDLAB is made of: majority votes whose ties a model breaks, weights of annotators and models, and their average."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..consensus import TIE
from ..labels import CrowdLabels
from .block import Block
from .calibration import Models
from .em import row_maximum
from .engine import Sums

# Lowest trust and lowest error rate: nobody weighs nothing, so no example is without any weight.
CLIP = 1e-6

# Posteriors that differ by no more than the rounding of a sum in another order.
ROUNDING = 1e-12


@dataclass(frozen=True)
class Weights:
    """What is averaged with what weight: model_weight (P,), annotator_weight (J,).

    likelihood is the chance that a label says the consensus class; agreement (J,) is the share of the other labels
    of the same examples that say the same as the annotator; labels_each the mean number of labels of an example.
    """

    model_weight: NDArray[np.float64]
    annotator_weight: NDArray[np.float64]
    likelihood: float
    agreement: NDArray[np.float64]
    labels_each: float

    @property
    def model_share(self) -> float:
        """The models' share of the weight of an average example."""
        of_model = float(self.model_weight.mean())
        of_labels = float(self.annotator_weight.mean() * self.labels_each)
        return of_model / (of_model + of_labels)


@dataclass(frozen=True)
class Blend(Weights):
    """Weights, and the posterior (N, K) that was averaged with them."""

    posterior: NDArray[np.float64]

    def label_weight(self, labels: CrowdLabels) -> NDArray[np.float64]:
        """(N,) sum of the weights of the labels of each example."""
        per_label = self.annotator_weight[labels.annotator]
        return np.bincount(labels.example, weights=per_label, minlength=len(labels.examples)).astype(np.float64)


# ---------------------------------------------------------------------- consensus labels


def majority_label(
    labels: CrowdLabels | Block,
    model: NDArray[np.float64] | None = None,
    frequency: NDArray[np.int64] | None = None,
    trust: NDArray[np.float64] | None = None,
) -> NDArray[np.int32]:
    """(N,) the class with most labels.

    Ties go to the class that the model (N, K) finds likelier, then to the class with fewer labels in the data,
    then to the class whose annotators agree better with the untied examples, then to the earlier class.

    Args:
        frequency, trust: number of labels (K,) of each class, and agreement (J,), in all data, where `labels` are a part of it.
    """
    first, tied, untied = labels.derived(voted) if isinstance(labels, Block) else voted(labels)
    chosen: NDArray[np.int32] = first.copy()
    open_ = np.flatnonzero(~untied)
    if not open_.size:
        return chosen
    candidates = tied[open_]
    if model is not None:  # exactly equal, not nearly: a sharp model's small probabilities still differ
        candidates = _keep_highest(candidates, model[open_], 0.0)
    if frequency is None:
        assert isinstance(labels, CrowdLabels)
        frequency = labels.labels_per_class
    candidates = _keep_highest(candidates, -frequency.astype(np.float64)[None, :], 0.0)
    if (candidates.sum(axis=1) > 1).any():
        trust = imputed(ratio(*agreeing(labels, chosen, untied))) if trust is None else trust
        # mean agreement of the annotators who gave an example a class; 0 where nobody did
        behind: NDArray[np.float64] = labels.weighted_votes(trust[labels.annotator]) / np.maximum(labels.votes, 1)
        candidates = _keep_highest(candidates, behind[open_], TIE)
    chosen[open_] = candidates.argmax(axis=1)
    return chosen


def voted(labels: CrowdLabels | Block) -> tuple[NDArray[np.int32], NDArray[np.bool_], NDArray[np.bool_]]:
    """(N,) the first class with most labels, (N, K) all of them, and (N,) whether it is the only one."""
    votes = labels.votes
    tied = votes == row_maximum(votes)[:, None]
    return votes.argmax(axis=1).astype(np.int32), tied, tied.sum(axis=1) == 1


def _keep_highest(candidates: NDArray[np.bool_], scores: NDArray[np.float64], slack: float) -> NDArray[np.bool_]:
    """The candidates of each row with the highest score."""
    values = np.where(candidates, scores, -np.inf)
    kept: NDArray[np.bool_] = candidates & (values >= values.max(axis=1, keepdims=True) - slack)
    return kept


def agreeing(
    labels: CrowdLabels | Block, chosen: NDArray[np.int32], examples: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(J,) number of labels that say the chosen class (N,), and of all labels, of each annotator on some examples (N,)."""
    judged, n_annotators = examples[labels.example], len(labels.annotators)
    right = judged & (labels.label == chosen[labels.example])
    count = [np.bincount(labels.annotator, weights=rows, minlength=n_annotators).astype(np.float64) for rows in (right, judged)]
    return count[0], count[1]


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
    company = bool((labels.labels_per_example > 1).any())
    weights = weights_of(*judged(labels, models, consensus, company))
    of = {part.name: getattr(weights, part.name) for part in fields(Weights)}
    return Blend(**of, posterior=weighted_mean(labels, models, weights))


def judged(labels: CrowdLabels | Block, models: Models, consensus: NDArray[np.int32], company: bool) -> Sums:
    """The sums that weights rest on, in the order of the arguments of `weights_of`.

    Args:
        company: whether some example of the data has two labels. If not nobody can be compared with a colleague: then the models
            take their place, and all labelled examples are judged.
    """
    n = labels.labels_per_example
    rows = n > 1 if company else n > 0
    if company:
        likely = consensus_agreement(labels, consensus)[rows].sum()
        of_annotators = _with_others(labels)
    else:
        guess = np.mean(models, axis=0).argmax(axis=1).astype(np.int32)
        of_annotators = agreeing(labels, guess, rows)
        likely = of_annotators[0].sum()
    classes = np.bincount(consensus[rows], minlength=len(labels.classes))
    errors = np.array([np.count_nonzero(model[rows].argmax(axis=1) != consensus[rows]) for model in models])
    return int(rows.sum()), float(likely), *of_annotators, classes, errors, int(n.sum()), int((n > 0).sum())


def weights_of(
    n_judged: int,
    likely: float,
    agreed: NDArray[np.float64],
    compared: NDArray[np.float64],
    classes: NDArray[np.int64],
    errors: NDArray[np.int64],
    n_labels: int,
    n_labelled: int,
) -> Weights:
    """The weights of models and annotators.

    Args:
        n_judged, likely: number of judged examples, and the sum over them of the share of labels that say the consensus.
        agreed, compared: (J,) how often each annotator's labels say the same as others, of how many comparisons.
        classes: (K,) number of judged examples of each class; errors: (P,) of those on which each model is wrong.
        n_labels, n_labelled: number of labels, and of examples that have some.
    """
    agreement = imputed(ratio(agreed, compared))
    guessing_error = max(1 - classes.max() / n_judged, CLIP)  # of always saying the most frequent class
    annotator_weight = np.maximum(1 - (1 - agreement) / guessing_error, CLIP)
    labels_each = n_labels / n_labelled
    model_weight = np.maximum(1 - errors / n_judged / guessing_error, CLIP) * np.sqrt(labels_each)
    return Weights(model_weight, annotator_weight, likely / n_judged, agreement, labels_each)


def weighted_mean(labels: CrowdLabels | Block, models: Models, weights: Weights) -> NDArray[np.float64]:
    """posterior[i, k] (N, K): models and labels averaged by weight.

    A label that says k adds its weight times `likelihood` to k, and times `other` to all other classes.
    """
    other = (1 - weights.likelihood) / max(len(labels.classes) - 1, 1)
    posterior: NDArray[np.float64] = labels.weighted_votes(weights.annotator_weight[labels.annotator])
    total = posterior.sum(axis=1, keepdims=True)
    posterior *= weights.likelihood - other
    posterior += other * total
    for model, weight in zip(models, weights.model_weight, strict=True):
        posterior += weight * model
    posterior /= total + weights.model_weight.sum()
    return posterior


def consensus_agreement(labels: CrowdLabels | Block, consensus: NDArray[np.int32]) -> NDArray[np.float64]:
    """(N,) share of the labels of each example that say its consensus; 0 without labels."""
    agreeing: NDArray[np.float64] = labels.votes[np.arange(len(consensus)), consensus]
    return agreeing / np.maximum(labels.labels_per_example, 1)


def agreement_with_others(labels: CrowdLabels) -> NDArray[np.float64]:
    """(J,) share of the other labels of the same examples that say the same; the mean of all for those without company.

    An annotator's label is compared with every other label of its example, so this is a sum over labels, not over pairs.
    """
    return imputed(ratio(*_with_others(labels)))


def _with_others(labels: CrowdLabels | Block) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(J,) how many other labels of the same examples say the same as the annotator's, and how many there are."""
    same = labels.votes[labels.example, labels.label] - 1
    others = labels.labels_per_example[labels.example] - 1
    count = [np.bincount(labels.annotator, weights=of, minlength=len(labels.annotators)).astype(np.float64) for of in (same, others)]
    return count[0], count[1]


# ---------------------------------------------------------------------- annotators


def annotator_parts(
    labels: CrowdLabels, consensus: NDArray[np.int32], label_quality: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(J,) mean quality of the annotator's labels, and (J,) agreement with the consensus where others labelled too.

    NaN where an annotator has no such label.
    """
    return annotator_mean(labels, label_quality), ratio(*agreeing(labels, consensus, labels.labels_per_example > 1))


def annotator_mean(labels: CrowdLabels, values: NDArray[np.float64], rows: NDArray[np.bool_] | None = None) -> NDArray[np.float64]:
    """(J,) mean of the values (L,) of each annotator's labels, of some rows only; NaN for an annotator without any."""
    annotator = labels.annotator if rows is None else labels.annotator[rows]
    n = np.bincount(annotator, minlength=len(labels.annotators))
    return ratio(np.bincount(annotator, weights=values if rows is None else values[rows], minlength=len(n)), n)


def ratio(total: NDArray[Any], n: NDArray[Any]) -> NDArray[np.float64]:
    """The means of n values that sum to total; NaN where there are none."""
    mean: NDArray[np.float64] = np.divide(total, n, out=np.full(len(n), np.nan), where=n > 0)
    return mean


def imputed(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """The values with the mean of the known ones in place of NaN; 1 where none is known (nobody was seen to err)."""
    known = ~np.isnan(values)
    return np.where(known, values, values[known].mean() if known.any() else 1.0)
