"""How sure the consensus of each example is, how good each single label is, and why a label was chosen."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..aggregation.blending import agreement_with_others, blended, consensus_agreement
from ..aggregation.calibration import Models, calibrated
from ..aggregation.dawid_skene import dawid_skene
from ..aggregation.em import FLOOR, soft_rows, vote_shares
from ..aggregation.engine import Blocks
from ..align import ensemble
from ..consensus import Consensus
from ..labels import CrowdLabels

# Smallest probability in a cross entropy: a model that is sure and wrong costs much, but not without end.
CROSS_ENTROPY_FLOOR = 1e-6


class QualityMethod(NamedTuple):
    """One line of QUALITY_METHODS: run(labels, result, models) -> (N,) in [0, 1], low = look at it."""

    title: str
    sentence: str
    needs_pred_probs: bool
    run: Callable[[CrowdLabels, Consensus, Models], NDArray[np.float64]]


@dataclass(frozen=True)
class _Source:
    """Who speaks for a consensus label: one row of `why_this_label`."""

    source: Hashable
    kind: str
    label: Hashable
    agrees: bool
    weight: float
    evidence: float


def example_quality(labels: CrowdLabels, result: Consensus, method: str = "posterior", pred_probs: Any = None) -> NDArray[np.float64]:
    """(N,) quality of the consensus label of each example, in [0, 1]; low = look at it.

    Args:
        result: a consensus of these labels, by any method.
        method: a key of QUALITY_METHODS.
        pred_probs: (N, K) or a DataFrame by name, or a list of them; for the methods that need a model.

    Raises:
        ValueError: an unknown method, missing pred_probs, or a result that lacks what the method reads.
    """
    if method not in QUALITY_METHODS:
        raise ValueError(f"There is no quality method {method!r}; choose one of {', '.join(QUALITY_METHODS)}.")
    chosen = QUALITY_METHODS[method]
    if chosen.needs_pred_probs and pred_probs is None:
        raise ValueError(f"The quality method {method!r} needs pred_probs of a model: give pred_probs=, or choose 'posterior'.")
    models = ensemble(labels, pred_probs) if chosen.needs_pred_probs else []
    return np.clip(chosen.run(labels, result, models), 0.0, 1.0)


def label_quality(labels: CrowdLabels, result: Consensus, pred_probs: Any = None) -> NDArray[np.float64]:
    """(L,) quality of each single label, in [0, 1]: the posterior of the class it says.

    With pred_probs it is CROWDLAB's posterior around the result's consensus; without, the posterior of the result.
    """
    posterior = result.posterior if pred_probs is None else blended(labels, ensemble(labels, pred_probs), result.label).posterior
    return np.clip(posterior[labels.example, labels.label], 0.0, 1.0)


# ---------------------------------------------------------------------- quality of the consensus


def _of_consensus(table: NDArray[np.float64], result: Consensus) -> NDArray[np.float64]:
    """(N,) what a table (N, K) says of each consensus label."""
    return table[np.arange(len(result.label)), result.label]


def normalised_entropy(shares: NDArray[np.float64]) -> NDArray[np.float64]:
    """(N,) entropy of each row of (N, K), divided by its greatest value log K; 0 with one class."""
    logs = np.log(shares, out=np.zeros_like(shares), where=shares > 0)
    entropy: NDArray[np.float64] = -(shares * logs).sum(axis=1) / np.log(max(shares.shape[1], 2))
    return entropy


def soft_cross_entropy(shares: NDArray[np.float64], model: NDArray[np.float64]) -> NDArray[np.float64]:
    """(N,) cross entropy of a model (N, K) under label shares (N, K), divided by log K."""
    logs = np.log(np.maximum(model, CROSS_ENTROPY_FLOOR))
    entropy: NDArray[np.float64] = -(shares * logs).sum(axis=1) / np.log(max(shares.shape[1], 2))
    return entropy


def label_cleaning_score(labels: CrowdLabels, model: NDArray[np.float64]) -> NDArray[np.float64]:
    """(N,) exp(-(CE - H + 1)): cross entropy of model and labels less the model's own entropy (Bernhardt et al. 2022)."""
    return np.exp(-(soft_cross_entropy(vote_shares(labels), model) - normalised_entropy(model) + 1))


def _entropy(labels: CrowdLabels, result: Consensus, models: Models) -> NDArray[np.float64]:
    return 1 - normalised_entropy(vote_shares(labels))


def _difficulty(labels: CrowdLabels, result: Consensus, models: Models) -> NDArray[np.float64]:
    if result.difficulty is None:
        raise ValueError("The quality method 'difficulty' reads the difficulty of examples; run a method that estimates it, such as glad.")
    return 1 / (1 + result.difficulty)  # beta / (1 + beta) with beta = 1 / difficulty


def _crowdlab(labels: CrowdLabels, result: Consensus, models: Models) -> NDArray[np.float64]:
    return _of_consensus(blended(labels, _as_calibrated(labels, result, models), result.label).posterior, result)


def _label_cleaning(labels: CrowdLabels, result: Consensus, models: Models) -> NDArray[np.float64]:
    return label_cleaning_score(labels, np.mean(models, axis=0))


def _self_confidence(labels: CrowdLabels, result: Consensus, models: Models) -> NDArray[np.float64]:
    return _of_consensus(np.mean(models, axis=0), result)


def _empirical_bayes(labels: CrowdLabels, result: Consensus, models: Models) -> NDArray[np.float64]:
    """P(class | labels, model) with the model as prior and the annotators' confusions as likelihood."""
    confusion = dawid_skene(labels).confusion if result.confusion is None else result.confusion
    assert confusion is not None
    flat = np.zeros(len(labels.classes))
    log_confusion = np.log(np.maximum(confusion, FLOOR)).transpose(0, 2, 1)  # [j, given, true]
    likelihood = Blocks(labels).rows(soft_rows, np.ascontiguousarray(log_confusion), flat)[0]["posterior"]
    joint = likelihood * np.maximum(np.mean(models, axis=0), FLOOR)
    return _of_consensus(joint / joint.sum(axis=1, keepdims=True), result)


def _no_perannotator_weights(labels: CrowdLabels, result: Consensus, models: Models) -> NDArray[np.float64]:
    """CROWDLAB's ablation: annotators keep their own accuracy, but share one weight (appendix of the paper)."""
    model, n = np.mean(models, axis=0), labels.labels_per_example
    judged = n > 1 if (n > 1).any() else n > 0
    right = labels.label == result.label[labels.example]
    model_accuracy = np.mean(model[judged].argmax(axis=1) == result.label[judged])
    annotator_accuracy = right[judged[labels.example]].mean()
    trust = model_accuracy / max(model_accuracy + annotator_accuracy, FLOOR)
    accuracy = agreement_with_others(labels)[labels.annotator]
    wrong = (1 - accuracy) / max(len(labels.classes) - 1, 1)  # of a label, for each class that it does not say
    spread = np.bincount(labels.example, weights=wrong, minlength=len(n))[:, None] + labels.weighted_votes(accuracy - wrong)
    root = np.sqrt(n)
    of_model, of_labels = trust * root[n > 0].mean(), (1 - trust) * root[:, None]
    likelihood = spread / np.maximum(n, 1)[:, None]
    weight = np.maximum(of_model + of_labels, FLOOR)
    return _of_consensus((of_model * model + of_labels * likelihood) / weight, result)


QUALITY_METHODS: dict[str, QualityMethod] = {
    "posterior": QualityMethod(
        "Posterior",
        "The probability that the method itself gives its consensus label.",
        False,
        lambda labels, result, models: result.quality,
    ),
    "entropy": QualityMethod("Entropy", "How far the labels of the example point to one class.", False, _entropy),
    "agreement": QualityMethod(
        "Agreement",
        "The share of the labels that say the consensus label.",
        False,
        lambda labels, result, models: consensus_agreement(labels, result.label),
    ),
    "difficulty": QualityMethod("Difficulty", "How easy the example is for the crowd, where the method estimates it.", False, _difficulty),
    "crowdlab": QualityMethod("CROWDLAB", "Labels and model together, each weighed by how far it can be trusted.", True, _crowdlab),
    "label_quality_score": QualityMethod(
        "Self-confidence", "The model's probability of the consensus label, without the labels.", True, _self_confidence
    ),
    "active_label_cleaning": QualityMethod(
        "Active label cleaning", "How well the model explains the labels, less how unsure the model is itself.", True, _label_cleaning
    ),
    "empirical_bayes": QualityMethod(
        "Empirical Bayes", "The model as prior, the annotators' confusion matrices as evidence.", True, _empirical_bayes
    ),
    "no_perannotator_weights": QualityMethod(
        "CROWDLAB without annotator weights", "As CROWDLAB, but all annotators weigh the same.", True, _no_perannotator_weights
    ),
}


# ---------------------------------------------------------------------- why this label


def why_this_label(labels: CrowdLabels, result: Consensus, example: Hashable, pred_probs: Any = None) -> pd.DataFrame:
    """Who speaks for the consensus label of one example, and with how much weight.

    Columns: source (annotator name, "model", "model 2" ... or "class frequencies"), kind (annotator, model or prior),
    label (class that the source says), agrees (with the consensus), weight (in [0, 1], sums to 1) and evidence.
    A result with a confusion (Dawid-Skene and its kin): evidence is the log of P(label | consensus) / P(label |
    runner-up), negative where it speaks against the consensus, and weight its share of all evidence by size.
    CROWDLAB: weight as in its average; evidence is weight x probability of the consensus, and sums to its quality.
    Other results: weight is the method's own for each annotator, or even; evidence is weight x agrees.

    Raises:
        ValueError: an unknown example, or a CROWDLAB result without pred_probs.
    """
    if example not in labels.examples:
        raise ValueError(f"There is no example {example!r} in the labels.")
    at = int(labels.examples.get_loc(example))
    rows = np.arange(*np.searchsorted(labels.example, [at, at + 1]))
    if result.confusion is not None:
        sources = _log_evidence(labels, result, at, rows, result.confusion)
    elif result.method == "crowdlab" or pred_probs is not None:
        if pred_probs is None:
            raise ValueError("Why CROWDLAB chose a label depends on its model: give the same pred_probs= as to aggregate.")
        sources = _crowdlab_weights(labels, result, at, rows, ensemble(labels, pred_probs))
    else:
        sources = _vote_weights(labels, result, at, rows)
    frame = pd.DataFrame(sources, columns=list(_Source.__dataclass_fields__))
    return frame.astype({"agrees": bool, "weight": np.float64, "evidence": np.float64})  # also without a row


def _log_evidence(labels: CrowdLabels, result: Consensus, at: int, rows: NDArray[np.intp], confusion: NDArray[np.float64]) -> list[_Source]:
    chosen = int(result.label[at])
    runner_up = _runner_up(result.posterior[at], chosen)
    logs = np.log(np.maximum(confusion[labels.annotator[rows]], FLOOR))  # [row, true, given]
    given = labels.label[rows]
    each = np.arange(len(rows))
    prior = np.log(np.maximum(result.posterior.mean(axis=0), FLOOR))
    evidence = np.append(logs[each, chosen, given] - logs[each, runner_up, given], prior[chosen] - prior[runner_up])
    weight = _shares(np.abs(evidence))
    frequent = int(prior.argmax())
    sources = [_annotator(labels, row, chosen, weight[i], evidence[i]) for i, row in enumerate(rows)]
    said = labels.classes[frequent]
    return [*sources, _Source("class frequencies", "prior", said, frequent == chosen, float(weight[-1]), float(evidence[-1]))]


def _crowdlab_weights(labels: CrowdLabels, result: Consensus, at: int, rows: NDArray[np.intp], models: Models) -> list[_Source]:
    models = _as_calibrated(labels, result, models)
    blend = blended(labels, models, result.label)
    chosen = int(result.label[at])
    weight = _shares(np.concatenate([blend.annotator_weight[labels.annotator[rows]], blend.model_weight]))
    other = (1 - blend.likelihood) / max(len(labels.classes) - 1, 1)
    sources = []
    for i, row in enumerate(rows):
        probability = blend.likelihood if labels.label[row] == chosen else other
        sources.append(_annotator(labels, row, chosen, weight[i], weight[i] * probability))
    for p, model in enumerate(models):
        share, says = weight[len(rows) + p], int(model[at].argmax())
        name = "model" if p == 0 else f"model {p + 1}"
        sources.append(_Source(name, "model", labels.classes[says], says == chosen, float(share), float(share * model[at, chosen])))
    return sources


def _vote_weights(labels: CrowdLabels, result: Consensus, at: int, rows: NDArray[np.intp]) -> list[_Source]:
    of_annotator = result.annotator_scores.get("weight", np.ones(len(labels.annotators)))
    chosen = int(result.label[at])
    weight = _shares(np.maximum(of_annotator[labels.annotator[rows]], 0.0))
    return [_annotator(labels, row, chosen, weight[i], weight[i] * (labels.label[row] == chosen)) for i, row in enumerate(rows)]


def _annotator(labels: CrowdLabels, row: np.intp, chosen: int, weight: float, evidence: float) -> _Source:
    says = int(labels.label[row])
    name = labels.annotators[labels.annotator[row]]
    return _Source(name, "annotator", labels.classes[says], says == chosen, float(weight), float(evidence))


def _as_calibrated(labels: CrowdLabels, result: Consensus, models: Models) -> Models:
    """The models as the result used them: scaled, if it was run with calibrate_probs."""
    return calibrated(labels, models) if result.options.get("calibrate_probs", False) else models


def _runner_up(posterior: NDArray[np.float64], chosen: int) -> int:
    """The likeliest class (K,) besides the chosen one; the chosen one itself if it is the only class."""
    others = posterior.copy()
    others[chosen] = -1.0
    return int(others.argmax())


def _shares(weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """The weights divided by their sum; even shares if all are 0."""
    total = weights.sum()
    return weights / total if total > 0 else np.full(len(weights), 1 / max(len(weights), 1))
