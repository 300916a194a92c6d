"""Consensus and model teach each other: consensus -> train -> better consensus -> train."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from ..aggregation import METHODS, aggregate
from ..aggregation.calibration import best_temperature, scaled
from ..consensus import Consensus, build
from ..evaluate import Scored, evaluate, scored
from ..labels import CrowdLabels
from .crossval import cross_validated
from .features import Features, as_features

METRICS = ("accuracy", "log_loss", "ece")


@dataclass(frozen=True, eq=False)
class Round:
    """One round: a model taught by the consensus before it, and the consensus of the labels and that model.

    Attributes:
        pred_probs: (N, K) out-of-sample probabilities of the model.
        result: the consensus of labels and model.
        of_model, of_consensus: accuracy, log_loss and ece (see `evaluate`) on the gold; None without gold.
        model_on_gold: what the model says about the examples with gold, for a reliability diagram; None without gold.
    """

    pred_probs: NDArray[np.float64]
    result: Consensus
    of_model: Mapping[str, Any] | None
    of_consensus: Mapping[str, Any] | None
    model_on_gold: Scored | None


def improve(
    labels: CrowdLabels,
    features: Features | ArrayLike | pd.DataFrame | Sequence[str],
    *,
    rounds: int = 2,
    method: str = "crowdlab",
    start: str = "majority_vote",
    classifier: str = "logistic_regression",
    n_folds: int = 5,
    calibrate: bool = False,
    seed: int = 0,
    gold: Mapping[Hashable, Hashable] | pd.Series | None = None,
    on_step: Callable[[int], Any] | None = None,
) -> list[Round]:
    """Train a model on the consensus, estimate a better consensus with it, and so on (the loop of the CROWDLAB tutorial).

    Probabilities of an example never come from a model that was taught by that example; examples without labels are
    predicted, but teach nothing. Gold judges each round and is shown to neither the model nor the method.

    Args:
        features: see `cross_validated`; N rows in the order of labels.examples.
        rounds: how often to train, 1 or more.
        method: a key of METHODS that takes pred_probs.
        start: the method of the first consensus, without a model.
        calibrate: bring each model to the temperature at which it fits the consensus it was not taught best: one number for all
            examples.
        on_step: called with the number of folds done, of rounds * n_folds; what it raises stops the work.

    Raises:
        ValueError: see `cross_validated` and `aggregate`; or a method without a use for a model.
    """
    if method not in METHODS or "pred_probs" not in METHODS[method].needs:
        able = [name for name, known in METHODS.items() if "pred_probs" in known.needs]
        raise ValueError(f"The method {method!r} does not learn from a model; choose one of {', '.join(able)}.")
    if rounds < 1:
        raise ValueError(f"rounds={rounds}; train at least once.")
    seen = as_features(features)
    consensus = aggregate(labels, start, seed=seed)
    found: list[Round] = []
    for r in range(rounds):
        target = np.where(labels.labels_per_example > 0, consensus.label, -1).astype(np.int32)
        pred_probs = cross_validated(
            seen,
            target,
            len(labels.classes),
            classifier=classifier,
            n_folds=n_folds,
            seed=seed,
            on_fold=_counting(on_step, r * n_folds),
        )
        if calibrate:
            known = target >= 0
            pred_probs = scaled(pred_probs, best_temperature(np.eye(len(labels.classes))[target[known]], pred_probs[known]))
        consensus = aggregate(labels, method, pred_probs=pred_probs, seed=seed)
        found.append(_judged(labels, pred_probs, consensus, gold))
    return found


def _counting(on_step: Callable[[int], Any] | None, before: int) -> Callable[[int], Any] | None:
    return None if on_step is None else lambda fold: on_step(before + fold)


def _judged(
    labels: CrowdLabels, pred_probs: NDArray[np.float64], result: Consensus, gold: Mapping[Hashable, Hashable] | pd.Series | None
) -> Round:
    if gold is None or not len(gold):
        return Round(pred_probs, result, None, None, None)
    model = build(labels, pred_probs.copy())
    of_model, of_consensus = ({name: metrics[name] for name in METRICS} for metrics in (evaluate(labels, r, gold) for r in (model, result)))
    return Round(pred_probs, result, of_model, of_consensus, scored(labels, model, gold))


def rounds_table(labels: CrowdLabels, rounds: Sequence[Round]) -> pd.DataFrame:
    """One row a round (index from 1): changed (examples with another consensus than the round before, for the first one than
    the majority vote), unsure (quality below 0.7), model_agrees (share of labelled examples), and accuracy, log loss and ECE
    of consensus and model where there is gold.
    """
    before = aggregate(labels, "majority_vote").label
    labelled = labels.labels_per_example > 0
    rows = []
    for one in rounds:
        row: dict[str, Any] = {
            "changed": int((one.result.label != before).sum()),
            "unsure": int((one.result.quality < 0.7).sum()),
            "model_agrees": float((one.pred_probs.argmax(axis=1) == one.result.label)[labelled].mean()),
        }
        for who, judged in (("consensus", one.of_consensus), ("model", one.of_model)):
            row |= {f"{who}_{name}": value for name, value in (judged or {}).items()}
        rows.append(row)
        before = one.result.label
    return pd.DataFrame(rows, index=pd.RangeIndex(1, len(rows) + 1, name="round"))
