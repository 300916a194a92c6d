"""Automatic choice: the methods that together best predict labels which they were not shown."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..consensus import Consensus, build
from ..labels import CrowdLabels
from .dawid_skene import confusion_of
from .em import OnIteration
from .hidden import agreement_with_votes, hide, rows_of, some_examples, tempered, with_examples
from .trials import Scores, Trials, scaled, scores_of, table_of

# More labels than this are judged by some of the examples.
MOST_LABELS = 200_000

# Labels -> how often labels are hidden anew: where there are few, chance is large and a trial short.
TRIALS = {30_000: 5, 100_000: 2, MOST_LABELS: 1}

# Starts of each method that has several.
N_RESTARTS = 2

# Methods that are not tried, and why.
SAME = "its posterior is that of majority vote"
NOT_TRIED = {"naive_soft": SAME, "two_thirds": SAME, "weighted_dawid_skene": "a vote with the weights that Dawid-Skene finds"}
SLOW = ("ebcc", "mmsr")  # above MOST_LABELS
# M-MSR looks at pairs of labels of one example; up to here it takes a second.
MOST_PAIRS = 5_000_000


def auto(
    labels: CrowdLabels,
    *,
    gold: NDArray[np.int32] | None = None,
    pred_probs: Sequence[NDArray[np.float64]] | None = None,
    seed: int = 0,
    on_iteration: OnIteration | None = None,
) -> Consensus:
    """Choose without gold: the methods that together best predict hidden labels are run on all labels and their posteriors averaged.

    A tenth of the labels is hidden, drawn from examples that keep at least one; up to 30,000 labels five times, up to 100,000 twice,
    above 200,000 once and from some of the examples. Every other method that can run, with its default options and two starts, sees
    the rest. It predicts the hidden labels from its posterior (see `log_losses`), at the temperature at which it does so best. Out is a
    method that agrees with the majority vote on .05 less of the examples than Dawid-Skene does. The others get weights w (at least 0,
    sum 1) that maximise the mean log of the sum over methods of w times the probability that it gave: stacking of predictive
    distributions (Yao, Vehtari, Simpson & Gelman 2018), by EM. Those of at least .05 are run on all labels; the posterior is the
    weighted mean of theirs, at their temperatures. The confusion is that of one M step from it.

    The rule was chosen on simulated crowds (benchmarks/AUTO.md); there the one best method by this score loses where the stack does not.

    `selection` has one row a method, the chosen first: title, log_loss, gain (over Dawid-Skene), standard_error (of the gain),
    temperature, weight, chosen, and why_not ("" if chosen). If no example has two labels nothing can be hidden; then it is empty and
    the result that of majority vote. `on_iteration` is called with the number of the run, and minus the lowest log loss so far.
    """
    from . import METHODS, obstacle  # here, since METHODS lists this function

    runs = _Runs(labels, gold, pred_probs, seed, on_iteration, Trials())
    able = []
    for name in (name for name in METHODS if name != "auto"):
        why = obstacle(labels, name, pred_probs=pred_probs, gold=gold) or NOT_TRIED.get(name)
        if why is None and slow(labels, name):
            why = "takes long on these labels"
        if why is None:
            able.append(name)
        else:
            runs.trials.why_not[name] = why
    runs.try_out(able)
    if not runs.trials.losses:
        return replace(runs.result("majority_vote"), selection=pd.DataFrame())
    scores = scores_of(runs.trials)
    result, scores = _stacked(runs, scores)
    table = table_of(runs.trials, scores, [name for name in METHODS if name != "auto"])
    table.insert(0, "title", [METHODS[name].title for name in table.index])
    return replace(result, selection=table)


def slow(labels: CrowdLabels, name: str) -> bool:
    """Whether a method takes too long to be tried."""
    pairs = float((labels.labels_per_example.astype(np.float64) ** 2).sum())
    return (name in SLOW and len(labels) > MOST_LABELS) or (name == "mmsr" and pairs > MOST_PAIRS)


def _stacked(runs: _Runs, scores: Scores) -> tuple[Consensus, Scores]:
    """The chosen methods on all labels: the weighted mean of their posteriors; without a method that strays now that it sees all."""
    weight = {name: w for name, w in scores.weight.items() if w > 0}
    labels, total, converged = runs.labels, None, True
    for name in sorted(weight, key=lambda name: -weight[name]):
        result = runs.result(name)
        veto = runs.trials.strays(agreement_with_votes(labels, result), runs.trials.base)
        if veto and (total is not None or len(weight) > 1):
            runs.trials.why_not[name] = veto
            del weight[name]
            continue
        part = tempered(result.posterior, scores.temperature[name])
        if len(weight) == 1 and total is None:
            return replace(result, posterior=part), replace(scores, weight=scaled(dict.fromkeys(scores.weight, 0.0) | weight))
        total = weight[name] * part if total is None else total + weight[name] * part
        converged &= result.converged
    assert total is not None  # a method that is alone is kept
    posterior = total / total.sum(axis=1, keepdims=True)
    result = build(labels, posterior, confusion=confusion_of(labels, posterior), converged=converged)
    return result, replace(scores, weight=scaled(dict.fromkeys(scores.weight, 0.0) | weight))


@dataclass
class _Runs:
    """Runs methods on the labels, or on some of them, and counts the runs."""

    labels: CrowdLabels
    gold: NDArray[np.int32] | None
    pred_probs: Sequence[NDArray[np.float64]] | None
    seed: int
    on_iteration: OnIteration | None
    trials: Trials
    done: int = 0

    def result(self, name: str, seen: CrowdLabels | None = None, examples: NDArray[np.intp] | None = None) -> Consensus:
        """What a method says about all labels, or about those that are seen, of some examples (codes)."""
        from . import METHODS

        self.done += 1
        self.heartbeat()
        rows = slice(None) if examples is None else examples
        given: dict[str, Any] = {
            "gold": None if self.gold is None else self.gold[rows],
            "pred_probs": None if self.pred_probs is None else [model[rows] for model in self.pred_probs],
            "seed": self.seed,
            "n_restarts": N_RESTARTS,
            "on_iteration": self.heartbeat,
        }
        accepted = inspect.signature(METHODS[name].run).parameters
        arguments = {key: value for key, value in given.items() if key in accepted}
        return METHODS[name].run(self.labels if seen is None else seen, **arguments)

    def heartbeat(self, *_: object) -> None:
        """Tell the caller which run it is, and minus the lowest log loss so far."""
        if self.on_iteration is not None:
            self.on_iteration(self.done, -min(self.trials.lowest(), float(np.log(len(self.labels.classes)))))

    def try_out(self, able: list[str]) -> None:
        """Hide labels, and note how the methods predict them; a method that refuses these labels is out."""
        rng = np.random.default_rng(self.seed)
        examples = some_examples(self.labels, MOST_LABELS, rng)
        some = with_examples(self.labels, examples)
        for _ in range(next(n for most, n in TRIALS.items() if len(some) <= most)):
            hidden = hide(some, rng)
            if not hidden.any():
                return
            seen, unseen = rows_of(some, ~hidden), rows_of(some, hidden)
            for name in able:
                if name not in self.trials.why_not:
                    try:
                        self.trials.add(name, unseen, seen, self.result(name, seen, examples))
                    except ValueError as error:
                        self.trials.why_not[name] = str(error)
                        self.trials.losses.pop(name, None)
