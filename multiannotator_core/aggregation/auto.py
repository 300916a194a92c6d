"""Automatic choice: the method that best predicts labels which it was not shown."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..consensus import Consensus
from ..labels import CrowdLabels
from .dawid_skene import confusion_of
from .ebcc import patterns
from .em import FLOOR, OnIteration

# Share of the labels that are hidden from the methods.
HIDDEN = 0.1

# Log losses closer than this are equal; the method that stands first in METHODS, the simpler one, is then taken.
DIGITS = 9


def auto(
    labels: CrowdLabels,
    *,
    gold: NDArray[np.int32] | None = None,
    pred_probs: Sequence[NDArray[np.float64]] | None = None,
    seed: int = 0,
    on_iteration: OnIteration | None = None,
) -> Consensus:
    """Choose a method without gold: the one that best predicts hidden labels; then run it on all labels.

    A tenth of the labels is hidden, drawn from examples that keep at least one. Every other method that can run on this input,
    with its default options, sees the rest. Its score is the mean log loss of the hidden labels: j's label g of example i has
    the probability sum over t of posterior[i, t] confusion[j, t, g]. The confusion is the method's own or that of one M step
    of Dawid-Skene from its posterior, whichever predicts better: so a method is judged by its posterior even where it has no
    confusion, or a crude one. `selection` has one row a method, best first: title and log_loss.

    If no example has two labels nothing can be hidden; then `selection` is empty and the result that of majority vote.
    `on_iteration` is called with the number of the method that runs, and minus the lowest log loss so far.
    """
    from . import METHODS, obstacle  # here, since METHODS lists this function

    names = [name for name in METHODS if name != "auto" and obstacle(labels, name, pred_probs=pred_probs, gold=gold) is None]
    scores: dict[str, float] = {}

    def heartbeat(*_: object) -> None:
        if on_iteration is not None:
            on_iteration(len(scores) + 1, -min(scores.values(), default=float(np.log(len(labels.classes)))))

    def run(name: str, seen: CrowdLabels) -> Consensus:
        given: dict[str, Any] = {"gold": gold, "pred_probs": pred_probs, "seed": seed, "on_iteration": heartbeat}
        accepted = inspect.signature(METHODS[name].run).parameters
        return METHODS[name].run(seen, **{key: value for key, value in given.items() if key in accepted})

    hidden = hide(labels, np.random.default_rng(seed))
    seen = rows_of(labels, ~hidden)
    for name in names if hidden.any() else []:
        heartbeat()
        try:
            scores[name] = log_loss(rows_of(labels, hidden), seen, run(name, seen))
        except ValueError:  # the method refuses these labels for a reason of its own
            continue
    ranked = sorted(scores, key=lambda name: round(scores[name], DIGITS))
    table = {"title": [METHODS[name].title for name in ranked], "log_loss": [scores[name] for name in ranked]}
    selection = pd.DataFrame(table, index=pd.Index(ranked, name="method", dtype=object))
    return replace(run(ranked[0] if ranked else "majority_vote", labels), selection=selection)


def hide(labels: CrowdLabels, rng: np.random.Generator) -> NDArray[np.bool_]:
    """(L,) True for a tenth of the labels, at least one; each example keeps a label. The same whatever the names."""
    of_example, of_annotator, of_class = patterns(labels)
    by_pattern = np.lexsort((of_class[labels.label], of_annotator[labels.annotator], of_example[labels.example]))
    draw, keep = np.empty(len(labels)), np.empty(len(labels))
    draw[by_pattern], keep[by_pattern] = rng.random((2, len(labels)))
    order = np.lexsort((keep, labels.example))
    kept = np.ones(len(labels), dtype=bool)
    kept[1:] = labels.example[order][1:] != labels.example[order][:-1]  # the first label of each example in this order
    free = order[~kept]
    hidden = np.zeros(len(labels), dtype=bool)
    hidden[free[np.argsort(draw[free], kind="stable")[: max(1, round(HIDDEN * len(labels)))]]] = True
    return hidden


def rows_of(labels: CrowdLabels, rows: NDArray[np.bool_]) -> CrowdLabels:
    """Some of the labels (L,), with the same examples, annotators and classes."""
    times = {name: None if (of := getattr(labels, name)) is None else of[rows] for name in ("timestamp", "seconds")}
    return replace(labels, example=labels.example[rows], annotator=labels.annotator[rows], label=labels.label[rows], **times)


def log_loss(hidden: CrowdLabels, seen: CrowdLabels, result: Consensus) -> float:
    """Mean log loss of the hidden labels under a result for the labels that were seen."""
    confusions = [confusion_of(seen, result.posterior)]
    if result.confusion is not None:
        confusions.append(result.confusion)
    losses = []
    for confusion in confusions:
        predicted = np.zeros(len(hidden))
        for true in range(len(hidden.classes)):
            predicted += result.posterior[hidden.example, true] * confusion[hidden.annotator, true, hidden.label]
        losses.append(-float(np.log(np.maximum(predicted, FLOOR)).mean()))
    return min(losses)
