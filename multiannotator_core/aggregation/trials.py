"""How methods did on hidden labels: who is out and why, the weights of the others, and the table that says so."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..consensus import Consensus
from ..labels import CrowdLabels
from .hidden import agreement_with_votes, log_losses

Floats = NDArray[np.float64]

# The method that the others are compared with: the one a user gets who does not choose.
DEFAULT = "dawid_skene"

# A method that agrees with the majority so much less often than Dawid-Skene does has found something else than the classes.
VETO = 0.05

# Posteriors are tried as they are and flatter, since most methods are surer than they should be, each in its own measure.
TEMPERATURES = (1.0, 1.5, 2.0, 3.0, 6.0)

# Steps towards the best weights, and the least weight for which a method is taken.
STEPS = 200
LEAST_WEIGHT = 0.05


@dataclass
class Trials:
    """How each method did in each trial.

    Attributes:
        losses: by method, for each trial one table [temperature, hidden label].
        agreement: by method, for each trial the share of examples with the class of the majority.
        why_not: who is out, and why.
    """

    losses: dict[str, list[Floats]] = field(default_factory=dict)
    agreement: dict[str, list[float]] = field(default_factory=dict)
    why_not: dict[str, str] = field(default_factory=dict)

    def add(self, method: str, hidden: CrowdLabels, seen: CrowdLabels, result: Consensus) -> None:
        """Note how a method did that was run on the labels that were seen."""
        self.losses.setdefault(method, []).append(log_losses(hidden, seen, result, TEMPERATURES))
        self.agreement.setdefault(method, []).append(agreement_with_votes(seen, result))

    def lowest(self) -> float:
        """The lowest mean loss so far, infinite before the first."""
        return min((float(tables[0].mean(axis=1).min()) for tables in self.losses.values()), default=np.inf)

    def strays(self, agreement: float, base: float) -> str | None:
        """The veto, if a method agrees with the votes on so much less of the examples than Dawid-Skene does (base)."""
        if agreement >= base - VETO:
            return None
        return f"veto: agrees with the majority on {agreement:.0%} of the examples, Dawid-Skene on {base:.0%}"

    @property
    def base(self) -> float:
        """Dawid-Skene's agreement with the votes; 0 if it did not run."""
        return float(np.mean(self.agreement.get(DEFAULT, [0.0])))


@dataclass(frozen=True)
class Scores:
    """Each method that ran, at its best temperature: its losses (hidden labels,), and its weight in the stack, 0 if it is out."""

    losses: dict[str, Floats]
    temperature: dict[str, float]
    weight: dict[str, float]


def scores_of(trials: Trials) -> Scores:
    """Decide who is out, note it in `why_not`, and find the weights of the others."""
    losses, temperature = {}, {}
    for method, of_trials in trials.losses.items():
        table = np.concatenate(of_trials, axis=1)
        at = int(table.mean(axis=1).round(9).argmin())
        losses[method], temperature[method] = table[at], TEMPERATURES[at]
        veto = trials.strays(float(np.mean(trials.agreement[method])), trials.base)
        if veto:
            trials.why_not[method] = veto
    left = [method for method in losses if method not in trials.why_not]
    found = stacking_weights(np.column_stack([losses[method] for method in left]))
    weight = dict.fromkeys(losses, 0.0)
    for method, w in zip(left, found, strict=True):
        if w < min(LEAST_WEIGHT, found.max()):
            trials.why_not[method] = f"adds little to the chosen ones: weight {w:.2f}"
        else:
            weight[method] = float(w)
    return Scores(losses, temperature, scaled(weight))


def mean_and_error(values: Floats) -> tuple[float, float]:
    """Mean of some numbers, and its standard error."""
    return float(values.mean()), float(values.std() / np.sqrt(len(values)))


def scaled(weight: dict[str, float]) -> dict[str, float]:
    """Weights that sum to 1."""
    total = sum(weight.values())
    return {method: w / total for method, w in weight.items()}


def stacking_weights(losses: Floats) -> Floats:
    """Weights of methods that maximise the mean log of the weighted mean of their probabilities exp(-losses[label, method]).

    The maximum has no local ones beside it; EM for the weights of a mixture climbs to it and keeps them at least 0 with sum 1.
    """
    probability = np.exp(-losses)
    weights: Floats = np.full(losses.shape[1], 1 / losses.shape[1])
    for _ in range(STEPS):
        shares = probability * weights
        weights = (shares / shares.sum(axis=1, keepdims=True)).mean(axis=0)
    return weights


def table_of(trials: Trials, scores: Scores, methods: Sequence[str]) -> pd.DataFrame:
    """One row a method: the chosen first, by weight; then those that ran, by loss; then those that did not; ties as in `methods`."""
    base = scores.losses.get(DEFAULT)
    rows = {}
    for method in methods:
        losses = scores.losses.get(method)
        gain = (np.nan, np.nan) if losses is None or base is None else mean_and_error(base - losses)
        rows[method] = {
            "log_loss": np.nan if losses is None else float(losses.mean()),
            "gain": gain[0],
            "standard_error": gain[1],
            "temperature": scores.temperature.get(method, np.nan),
            "weight": scores.weight.get(method, 0.0),
            "chosen": scores.weight.get(method, 0.0) > 0,
            "why_not": trials.why_not.get(method, ""),
        }
    table = pd.DataFrame.from_dict(rows, orient="index").rename_axis("method")
    order = table.assign(loss=table["log_loss"].round(9), by=-table["weight"].round(9))
    return table.loc[order.sort_values(["by", "loss"], kind="stable", na_position="last").index]
