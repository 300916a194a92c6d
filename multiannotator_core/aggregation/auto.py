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

# The method that others must beat: the one a user gets who does not choose.
DEFAULT = "dawid_skene"


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
    confusion, or a crude one. The best method is taken if its gain over Dawid-Skene exceeds the standard error of the gain
    (the one-standard-error rule of Breiman et al. 1984), else Dawid-Skene.

    `selection` has one row a method, the best first: title, log_loss, gain (over Dawid-Skene), standard_error (of the gain) and
    chosen. If no example has two labels nothing can be hidden; then it is empty and the result that of majority vote.
    `on_iteration` is called with the number of the method that runs, and minus the lowest log loss so far.
    """
    from . import METHODS, obstacle  # here, since METHODS lists this function

    names = [name for name in METHODS if name != "auto" and obstacle(labels, name, pred_probs=pred_probs, gold=gold) is None]
    losses: dict[str, NDArray[np.float64]] = {}

    def heartbeat(*_: object) -> None:
        if on_iteration is not None:
            lowest = min((float(of.mean()) for of in losses.values()), default=float(np.log(len(labels.classes))))
            on_iteration(len(losses) + 1, -lowest)

    def run(name: str, seen: CrowdLabels) -> Consensus:
        given: dict[str, Any] = {"gold": gold, "pred_probs": pred_probs, "seed": seed, "on_iteration": heartbeat}
        accepted = inspect.signature(METHODS[name].run).parameters
        return METHODS[name].run(seen, **{key: value for key, value in given.items() if key in accepted})

    hidden = hide(labels, np.random.default_rng(seed))
    seen, unseen = rows_of(labels, ~hidden), rows_of(labels, hidden)
    for name in names if hidden.any() else []:
        heartbeat()
        try:
            losses[name] = log_losses(unseen, seen, run(name, seen))
        except ValueError:  # the method refuses these labels for a reason of its own
            continue
    selection = ranking(losses)
    selection.insert(0, "title", [METHODS[name].title for name in selection.index])
    best = next(iter(selection.index[selection["chosen"]]), "majority_vote")
    return replace(run(best, labels), selection=selection)


def ranking(losses: dict[str, NDArray[np.float64]]) -> pd.DataFrame:
    """log_loss, gain, standard_error and chosen of each method, the best first, from the log losses of the same hidden labels.

    Equal methods stay in the order of METHODS, where the simpler one comes first.
    """
    names = sorted(losses, key=lambda name: round(float(losses[name].mean()), 9))
    gains = [losses[DEFAULT] - losses[name] for name in names]
    table = pd.DataFrame(index=pd.Index(names, name="method", dtype=object))
    table["log_loss"] = np.array([losses[name].mean() for name in names])
    table["gain"] = np.array([gain.mean() for gain in gains])
    table["standard_error"] = np.array([gain.std() / np.sqrt(len(gain)) for gain in gains])
    clear = table["gain"].iloc[:1] > table["standard_error"].iloc[:1]
    table["chosen"] = table.index == (names[0] if clear.any() else DEFAULT)
    return table


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


def log_losses(hidden: CrowdLabels, seen: CrowdLabels, result: Consensus) -> NDArray[np.float64]:
    """Log loss of each hidden label under a result for the labels that were seen."""
    confusions = [confusion_of(seen, result.posterior)]
    if result.confusion is not None:
        confusions.append(result.confusion)
    losses = []
    for confusion in confusions:
        predicted = np.zeros(len(hidden))
        for true in range(len(hidden.classes)):
            predicted += result.posterior[hidden.example, true] * confusion[hidden.annotator, true, hidden.label]
        losses.append(-np.log(np.maximum(predicted, FLOOR)))
    return min(losses, key=lambda of: float(of.mean()))
