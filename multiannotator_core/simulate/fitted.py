"""New crowds like the user's own: what would more labels give, fewer, or other annotators?

The crowd is taken as annotators with a confusion each. Every draw takes new confusions from what is known of them (so that few
labels of an annotator mean more doubt), a new truth, and a new assignment; then methods run on it as on real labels.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..aggregation import aggregate
from ..align import positions
from ..consensus import Consensus
from ..evaluate import evaluate
from ..labels import CrowdLabels
from ..names import listed
from ..quality.uncertainty import confusion_posterior
from . import simulate
from .crowd import Codes, Floats, Random, Sampler

# Above this, examples and annotators are thinned alike: each annotator keeps as many labels, so that they are known as well.
MOST_LABELS = 200_000

# Keys of examples × annotators in memory at once.
BLOCK = 1 << 22

DRAWS = 30
LEVEL = 0.95


@dataclass(frozen=True, eq=False)
class FittedCrowd:
    """What is known of a crowd.

    Attributes:
        alpha: (J, K, K) [annotator, true class, given class], Dirichlet parameters of each row of the confusions.
        balance: (K,) shares of the true classes.
        load: (J,) labels of each annotator.
        per_example: (N,) labels of each example.
        annotators: (J,) names.
    """

    alpha: Floats
    balance: Floats
    load: NDArray[np.int64]
    per_example: NDArray[np.int64]
    annotators: pd.Index


@dataclass(frozen=True)
class Scenario:
    """A question to a crowd.

    Attributes:
        title: what tables and figures call it.
        more: further labels for each example.
        fewer: share of the labels that is not bought; each example keeps one.
        each: labels an example in the mean, in place of those it has.
        without: names of annotators who are not asked; the others give their labels.
    """

    title: str
    more: int = 0
    fewer: float = 0.0
    each: float | None = None
    without: tuple[Hashable, ...] = ()


NOW = Scenario("As it is")


def fit(labels: CrowdLabels, result: Consensus, gold: Mapping[Hashable, Hashable] | pd.Series | None = None) -> FittedCrowd:
    """Confusions, loads and class balance of a crowd, under the prior that `annotator_intervals` fits to it.

    Raises:
        ValueError: there are no labels, or fewer than two classes or annotators.
    """
    if not len(labels) or len(labels.classes) < 2 or len(labels.annotators) < 2:
        raise ValueError("A crowd to draw from needs labels of at least two classes by at least two annotators.")
    known = confusion_posterior(labels, result, gold)
    return FittedCrowd(known.total, known.share, labels.labels_per_annotator, labels.labels_per_example, labels.annotators)


def draw(crowd: FittedCrowd, scenario: Scenario = NOW, seed: int = 0) -> tuple[CrowdLabels, pd.Series]:
    """Labels of a new crowd of this kind, and their truth by example.

    Confusions, truth and assignment have a random stream each: with one seed, scenarios differ by what they ask for only.

    Raises:
        ValueError: the scenario names an unknown annotator, leaves fewer than two, or has a number out of its range.
    """
    chance, degree = _asked(crowd, scenario)
    people, thin, truths, who, said = np.random.default_rng(seed).spawn(5)
    kept, degree = _thinned(thin, crowd, chance, degree)
    confusion = people.standard_gamma(np.maximum(crowd.alpha, 1e-6))[kept]
    confusion = (confusion + 1e-12) / (confusion + 1e-12).sum(axis=2, keepdims=True)
    n, k = len(degree), len(crowd.balance)
    truth = np.searchsorted(np.cumsum(crowd.balance)[:-1], truths.random(n), side="right").astype(np.int32)
    example, annotator = _assigned(who, degree, chance[kept])
    label = Sampler(confusion)(annotator, truth[example], said.random(len(example)))
    names = (pd.RangeIndex(n, name="example"), crowd.annotators.take(kept), pd.RangeIndex(k, name="class"))
    return CrowdLabels(*names, example, annotator, label), pd.Series(truth.astype(np.int64), index=names[0], name="truth")


def what_if(
    crowd: FittedCrowd,
    scenarios: Sequence[Scenario],
    methods: Sequence[str] = ("dawid_skene",),
    *,
    draws: int = DRAWS,
    price: float = 1.0,
    seed: int = 0,
    on_progress: Callable[[int, int], object] | None = None,
) -> pd.DataFrame:
    """How right methods would be in each scenario, and what it would cost: one row a (scenario, method), `NOW` first.

    Args:
        draws: crowds for each scenario; the same ones in all.
        price: of a label.
        on_progress: called with (draws done, draws in all); an exception in it ends the run.

    Returns:
        title, method; labels_each (mean), cost (for all examples of the crowd); accuracy (mean), low, high (95 % of the draws);
        gain (mean difference to NOW with the same method and draw), gain_low, gain_high.

    Raises:
        ValueError: a scenario or method cannot be used.
    """
    asked = [NOW, *(scenario for scenario in scenarios if scenario != NOW)]
    rows = []
    for place, scenario in enumerate(asked):
        for at in range(draws):
            if on_progress is not None:
                on_progress(place * draws + at, len(asked) * draws)
            labels, truth = draw(crowd, scenario, seed + at)
            each = len(labels) / len(labels.examples)
            for method in methods:
                right = evaluate(labels, aggregate(labels, method, seed=seed), truth)["accuracy_ties_split"]
                rows.append({"title": scenario.title, "method": method, "draw": at, "labels_each": each, "accuracy": right})
    return _summed(pd.DataFrame(rows), price * len(crowd.per_example))


def cost_curve(crowd: FittedCrowd, steps: Sequence[float] = (0.5, 0.75, 1.5, 2.0, 3.0)) -> list[Scenario]:
    """Scenarios with so many times the present labels, as far as there are annotators; at least one label each."""
    now = float(crowd.per_example.mean())
    most = int((crowd.load > 0).sum())
    each = sorted({round(min(max(1.0, step * now), float(most)), 2) for step in steps})
    return [Scenario(f"{value:g} labels each", each=value) for value in each]


@dataclass(frozen=True)
class Likeness:
    """How a crowd's spread of agreement over its examples compares with that of drawn crowds (95 % of them from low to high)."""

    spread: float
    low: float
    high: float

    @property
    def warning(self) -> str:
        """Why the foretold accuracies are too good, or nothing."""
        if self.spread <= self.high:
            return ""
        return (
            "In this crowd some examples are agreed on much more than others, more than annotators alone explain: examples differ in "
            "difficulty. Further labels on hard examples help less than is foretold here, and the accuracies are too high."
        )


def likeness(labels: CrowdLabels, crowd: FittedCrowd, *, draws: int = DRAWS, seed: int = 0) -> Likeness:
    """Whether crowds drawn from `crowd` look like the labels that it was fitted to, where examples may differ in difficulty."""
    drawn = [agreement_spread(draw(crowd, NOW, seed + at)[0]) for at in range(draws)]
    low, high = np.quantile(drawn, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Likeness(agreement_spread(labels), float(low), float(high))


def agreement_spread(labels: CrowdLabels) -> float:
    """Standard deviation over the examples with two labels or more of the share of their pairs of labels that agree."""
    n = labels.votes.sum(axis=1)
    votes, n = labels.votes[n >= 2], n[n >= 2]
    if not len(n):
        return 0.0
    return float(np.std(((votes**2).sum(axis=1) - n) / (n * (n - 1))))


def recovery(
    strategy: str = "independent-confusion",
    *,
    more: int = 2,
    crowds: int = 20,
    draws: int = 10,
    method: str = "dawid_skene",
    **options: Any,
) -> pd.DataFrame:
    """How well fitted crowds foretell known ones: one row a simulated crowd, over seeds.

    Each crowd is fitted from its labels alone; then its accuracy, and the gain by `more` labels each, are foretold and compared
    with what happens when these labels are really drawn.

    Returns:
        now, gain: what really happens; now_foretold, gain_foretold, gain_low, gain_high: what the fitted crowd says.
    """
    rows = []
    each = int(options.pop("labels_per_example", 10))
    for seed in range(crowds):
        known = [simulate(strategy, labels_per_example=n, seed=seed, **options) for n in (each, each + more)]
        results = [aggregate(crowd.labels, method) for crowd in known]
        now, then = (evaluate(crowd.labels, found, crowd.truth)["accuracy_ties_split"] for crowd, found in zip(known, results, strict=True))
        foretold = what_if(fit(known[0].labels, results[0]), [Scenario("more", more=more)], (method,), draws=draws, seed=1000 * seed)
        line = foretold.iloc[1]
        row = {"now": now, "gain": (then or 0.0) - (now or 0.0), "now_foretold": foretold["accuracy"].iloc[0]}
        rows.append(row | {"gain_foretold": line["gain"], "gain_low": line["gain_low"], "gain_high": line["gain_high"]})
    return pd.DataFrame(rows)


# ---------------------------------------------------------------------- who labels what


def _asked(crowd: FittedCrowd, scenario: Scenario) -> tuple[Floats, Floats]:
    """Relative chance (J,) of each annotator to be asked, and the wanted labels (N,) of each example."""
    chance = crowd.load.astype(np.float64)
    at = positions(crowd.annotators, pd.Index(list(scenario.without), tupleize_cols=False))
    if (at < 0).any():
        raise ValueError(f"The crowd has no annotator {scenario.without[int(np.argmin(at))]!r}; it has {listed(crowd.annotators)}.")
    chance[at] = 0.0
    if (chance > 0).sum() < 2:
        raise ValueError(f"{scenario.title}: fewer than two annotators would stay. Leave out fewer.")
    if not 0 <= scenario.fewer < 1 or scenario.more < 0 or not (scenario.each is None or scenario.each >= 1):
        raise ValueError(f"{scenario.title}: `fewer` is a share below 1, `more` 0 or above, and `each` 1 or above.")
    now = np.maximum(crowd.per_example, 1).astype(np.float64)
    wanted = now * (1.0 if scenario.each is None else scenario.each / now.mean())
    return chance, (wanted + scenario.more) * (1 - scenario.fewer)


def _thinned(rng: Random, crowd: FittedCrowd, chance: Floats, degree: Floats) -> tuple[NDArray[np.intp], Floats]:
    """Places (j,) of the annotators that are asked, and the labels (n,) of the examples that are drawn."""
    kept = np.flatnonzero(chance > 0)
    share = min(1.0, MOST_LABELS / max(crowd.load.sum(), 1))
    if share < 1:
        kept = np.sort(rng.choice(kept, max(2, round(share * len(kept))), replace=False))
        degree = rng.choice(degree, max(1, round(share * len(degree))), replace=False)
    return kept, degree


def _assigned(rng: Random, degree: Floats, chance: Floats) -> tuple[Codes, Codes]:
    """Codes (L,) of example and annotator; distinct annotators for an example, each in proportion to their chance.

    Numbers of labels between two whole ones are drawn, so that their mean is as wanted. The annotators of an example are those
    with the smallest exponential waiting times (Efraimidis & Spirakis 2006).
    """
    n = np.clip(np.floor(degree + rng.random(len(degree))), 1, len(chance)).astype(np.int64)
    parts = []
    rows = max(1, BLOCK // len(chance))
    for start in range(0, len(n), rows):
        block = n[start : start + rows]
        waiting = rng.standard_exponential((len(block), len(chance))) / chance
        most = int(block.max())
        order = np.argsort(waiting, axis=1)[:, :most]
        parts.append(order[np.arange(most)[None, :] < block[:, None]])
    return np.repeat(np.arange(len(n), dtype=np.int32), n), np.concatenate(parts).astype(np.int32)


def _summed(rows: pd.DataFrame, price: float) -> pd.DataFrame:
    """The table of `what_if` from one row a (scenario, draw, method)."""
    now = rows[rows["title"] == NOW.title].set_index(["method", "draw"])["accuracy"]
    rows = rows.assign(gain=rows["accuracy"] - now.reindex(pd.MultiIndex.from_frame(rows[["method", "draw"]])).to_numpy())
    ends = [(1 - LEVEL) / 2, (1 + LEVEL) / 2]
    table = []
    for (title, method), group in rows.groupby(["title", "method"], sort=False):
        low, high = np.quantile(group["accuracy"], ends)
        gain_low, gain_high = np.quantile(group["gain"], ends)
        each = float(group["labels_each"].mean())
        row = {"title": title, "method": method, "labels_each": each, "cost": each * price}
        row |= {"accuracy": group["accuracy"].mean(), "low": low, "high": high}
        table.append(row | {"gain": group["gain"].mean(), "gain_low": gain_low, "gain_high": gain_high})
    return pd.DataFrame(table)
