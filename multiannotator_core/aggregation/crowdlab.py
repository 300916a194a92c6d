"""CROWDLAB: the labels of a crowd and the probabilities of a model, averaged by how far each can be trusted."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..align import ensemble
from ..consensus import Consensus
from ..labels import CrowdLabels
from .blending import (
    Weights,
    agreeing,
    best_quality_label,
    blended,
    highest_or,
    imputed,
    judged,
    majority_label,
    ratio,
    voted,
    weighted_mean,
    weights_of,
    with_gold,
)
from .block import Block
from .calibration import Models, calibrated, cross_entropies, found_temperature, label_shares, scaled
from .concluding import conclude
from .em import clamp
from .engine import Engine, State, Sums, engine_of


def crowdlab(
    labels: CrowdLabels | Engine,
    *,
    pred_probs: Models = (),
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
    engine = engine_of(labels, gold, models=tuple(pred_probs))
    temperatures = tuple(_temperature(engine, p) for p in range(engine.n_models)) if calibrate_probs else ()
    several, *right = engine.each(_look)
    company, trust = bool(several), imputed(ratio(*right))
    first = weights_of(*engine.each(_majority, temperatures, company, engine.labels_per_class, trust))
    right_there, labels_there, *sums = engine.each(_best_quality, temperatures, company, first)
    weights, agreement = weights_of(*sums), imputed(ratio(right_there, labels_there))

    def quality(class_sums: NDArray[np.float64], right: NDArray[np.float64]) -> NDArray[np.float64]:
        of_labels, share = imputed(ratio(right, engine.labels_per_annotator)), weights.model_share
        return share * of_labels + (1 - share) * agreement

    scores = {"weight": weights.annotator_weight, "agreement_with_annotators": weights.agreement}
    return conclude(engine, _last, temperatures, weights, annotator_quality=quality, annotator_scores=scores)


# ---------------------------------------------------------------------- steps; the state of a block is its consensus (n,)


def _temperature(engine: Engine, p: int) -> float:
    return found_temperature(lambda tried: engine.each(_entropies, p, tried)[0]) if engine.shape[2] > 1 else 1.0


def _entropies(block: Block, state: State, p: int, temperatures: NDArray[np.float64]) -> tuple[State, Sums]:
    return state, (cross_entropies(label_shares(block), block.derived(_normal)[p], temperatures),)


def _normal(block: Block) -> Models:
    return [model / model.sum(axis=1, keepdims=True) for model in block.models]


def _models(block: Block, temperatures: tuple[float, ...]) -> Models:
    models: Models = block.derived(_normal)
    return [scaled(model, t) for model, t in zip(models, temperatures, strict=True)] if temperatures else models


def _look(block: Block, state: State) -> tuple[State, Sums]:
    """How many examples have two labels or more; how often annotators agree with untied votes, of how many labels."""
    chosen, _, untied = block.derived(voted)
    return state, (int((block.labels_per_example > 1).sum()), *agreeing(block, chosen, untied))


def _majority(
    block: Block,
    state: State,
    temperatures: tuple[float, ...],
    company: bool,
    frequency: NDArray[np.int64],
    trust: NDArray[np.float64],
) -> tuple[State, Sums]:
    models = _models(block, temperatures)
    consensus = with_gold(majority_label(block, np.mean(models, axis=0), frequency, trust), block.gold)
    return {"consensus": consensus}, judged(block, models, consensus, company)


def _best_quality(block: Block, state: State, temperatures: tuple[float, ...], company: bool, weights: Weights) -> tuple[State, Sums]:
    models = _models(block, temperatures)
    consensus = with_gold(highest_or(weighted_mean(block, models, weights), state["consensus"]), block.gold)
    of_annotators = agreeing(block, consensus, block.labels_per_example > 1)
    return {"consensus": consensus}, (*of_annotators, *judged(block, models, consensus, company))


def _last(block: Block, state: State, temperatures: tuple[float, ...], weights: Weights) -> tuple[State, Sums]:
    posterior = clamp(weighted_mean(block, _models(block, temperatures), weights), block.gold)
    return {"posterior": posterior, "label": state["consensus"]}, ()


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
