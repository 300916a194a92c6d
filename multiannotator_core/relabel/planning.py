"""A plan under a budget: which examples, how many labels each, and from whom."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..aggregation.calibration import scaled
from ..align import gold_codes
from ..consensus import Consensus
from ..labels import CrowdLabels
from ..quality.uncertainty import confusion_posterior
from .gains import expected_gains, packages, within
from .trust import Trust, trust_in

MOST_PER_EXAMPLE = 3

# Examples that are looked at for each label of the budget; the surest ones gain nothing.
CANDIDATES = 4
LEAST_CANDIDATES = 1000

# The stop rule: when the next STEP labels are expected to mend fewer than WORTHWHILE consensus labels.
STEP = 100
WORTHWHILE = 3

TWO_SIDED = 1.96  # standard deviations of a 95% range


@dataclass(frozen=True)
class Expected:
    """Expected share of right consensus labels in [0, 1], with its range."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, eq=False)
class Plan:
    """Labels to buy, and what they are expected to bring to the n examples without gold.

    Attributes:
        table: one row a label to buy, the most useful first: example, annotator, consensus, chance (that the consensus is right),
            runner_up, expected_accuracy (chance that the annotator is right here), expected_gain (consensus labels that it is
            expected to mend) and reason.
        before, after: expected accuracy of the consensus.
        curve: one row a number of labels: labels, accuracy, low, high; beyond the budget too, as far as candidates were looked at.
        trust: where the range comes from.
        stop: the stop rule as a sentence.
        n: the number of examples that the accuracies are about.
    """

    table: pd.DataFrame
    before: Expected
    after: Expected
    curve: pd.DataFrame
    trust: Trust
    stop: str
    n: int


def plan(
    labels: CrowdLabels,
    result: Consensus,
    budget: int,
    *,
    gold: Mapping[Hashable, Hashable] | pd.Series | None = None,
    trust: Trust | None = None,
    most_per_annotator: int | None = None,
    most_per_example: int = MOST_PER_EXAMPLE,
    not_to_ask: Collection[Hashable] = (),
    seed: int = 0,
) -> Plan:
    """Spend a budget of further labels where they are expected to mend most consensus labels.

    The gain of m more labels of an example is exact for annotators of the crowd's mean confusion: the sum over what they may say
    of the chance of the class that is then likeliest, less the chance of the class that is likeliest now. Packages of labels
    with the best gain a label are taken first. Each goes to the annotator with the best expected accuracy on that example who
    has not labelled it and is below the cap. Examples with gold need no labels.

    Args:
        result: a consensus of these labels; without trust=, one that did not see the gold.
        budget: how many labels to buy.
        gold: trusted classes; they judge how sure the run may be, and need no further labels.
        trust: from `trust_in`; default: computed.
        most_per_annotator: the cap; default: a fifth of the budget.
        most_per_example: from 1 to 5.
        not_to_ask: annotators who are not there any more.

    How far it can be believed was measured on crowds whose hidden labels were bought (benchmarks/RELABEL.md): with gold the expected
    accuracy is within some hundredths of what comes where annotators err independently, and too low after many labels, since it does
    not count that annotators become better known; where they err together, further labels bring half to two thirds of what is expected.

    Raises:
        ValueError: a number out of range, or no example without gold.
    """
    if budget < 1 or not 1 <= most_per_example <= 5 or (most_per_annotator is not None and most_per_annotator < 1):
        raise ValueError("budget and most_per_annotator must be 1 or more, most_per_example from 1 to 5.")
    trust = trust_in(labels, result, gold, seed=seed) if trust is None else trust
    codes = gold_codes(labels, gold)
    free = np.arange(len(labels.examples)) if codes is None else np.flatnonzero(codes < 0)
    if not len(free):
        raise ValueError("Every example has gold, so no label is needed.")
    believed = scaled(result.posterior[free], trust.temperature)
    confusion = confusion_posterior(labels, result, gold).mean
    share = labels.labels_per_annotator / max(len(labels), 1)
    crowd = np.einsum("j,jtg->tg", share if share.any() else np.full(len(share), 1 / max(len(share), 1)), confusion)
    chosen = np.argsort(believed.max(axis=1), kind="stable")[: max(CANDIDATES * budget, LEAST_CANDIDATES)]
    gains = expected_gains(believed[chosen], crowd, most_per_example)
    worth = packages(gains)
    cap = most_per_annotator or max(1, -(-budget // 5))
    kept = within(worth, budget)
    slots = [(int(free[chosen[i]]), int(chosen[i])) for i, size, _ in kept for _ in range(size)]
    table, taken = _assigned(labels, result, believed, confusion, slots, np.where(labels.annotators.isin(list(not_to_ask)), 0, cap))
    bought = min(budget, len(table))
    asked = confusion[labels.annotators.get_indexer(table["annotator"])].mean(axis=0) if bought else crowd
    each = _gain_of_each(kept, expected_gains(believed[chosen], asked, most_per_example))
    table.insert(table.columns.get_loc("reason"), "expected_gain", each[taken])
    curve = _curve(worth, result.posterior[free], trust, chosen, asked, most_per_example)
    before, after = (_at(curve, n) for n in (0, bought))
    return Plan(table, before, after, curve, trust, _stop(curve, bought, len(free), len(slots)), len(free))


def _curve(
    worth: list[tuple[int, int, float]],
    posterior: NDArray[np.float64],
    trust: Trust,
    chosen: NDArray[np.intp],
    asked: NDArray[np.float64],
    most: int,
) -> pd.DataFrame:
    """Expected accuracy after so many labels by annotators like those who are asked: at the temperature that is believed, and
    at both ends of its range, with the chance in which examples come out right added.
    """
    spent = np.concatenate([[0], np.cumsum([size for _, size, _ in worth])]).astype(np.int64)
    found: dict[str, NDArray[Any]] = {"labels": spent}
    for name, temperature in (("accuracy", trust.temperature), ("low", trust.high), ("high", trust.low)):
        believed = scaled(posterior, temperature)
        gains = np.hstack([np.zeros((len(chosen), 1)), expected_gains(believed[chosen], asked, most)])
        place = np.zeros(len(chosen), dtype=np.intp)
        total = [float(believed.max(axis=1).sum())]
        for i, size, _ in worth:
            total.append(total[-1] + float(gains[i, place[i] + size] - gains[i, place[i]]))
            place[i] += size
        found[name] = np.array(total) / len(posterior)
    noise = _chance(scaled(posterior, trust.temperature).max(axis=1), found["accuracy"])
    for side, name in ((-1, "low"), (1, "high")):
        half = np.hypot(found[name] - found["accuracy"], TWO_SIDED * noise)
        found[name] = np.clip(found["accuracy"] + side * half, 0.0, 1.0)
    return pd.DataFrame(found)


def _chance(believed: NDArray[np.float64], accuracy: NDArray[np.float64]) -> NDArray[np.float64]:
    """Standard deviation of the share that comes out right where each example is right with its chance (n,); it shrinks with what is
    left to be wrong.
    """
    now = float(np.sqrt((believed * (1 - believed)).sum())) / len(believed)
    left: NDArray[np.float64] = np.sqrt(np.clip((1 - accuracy) / max(1 - float(accuracy[0]), 1e-12), 0.0, 1.0))
    return now * left


def _gain_of_each(kept: list[tuple[int, int, float]], gains: NDArray[np.float64]) -> NDArray[np.float64]:
    """Expected gain of each label of the packages in their order; the labels of a package share what it brings."""
    total = np.hstack([np.zeros((len(gains), 1)), gains])
    place = np.zeros(len(gains), dtype=np.intp)
    each: list[float] = []
    for i, size, _ in kept:
        each += [float(total[i, place[i] + size] - total[i, place[i]]) / size] * size
        place[i] += size
    return np.array(each, dtype=np.float64)


def _at(curve: pd.DataFrame, labels: int) -> Expected:
    return Expected(*(float(np.interp(labels, curve["labels"], curve[column])) for column in ("accuracy", "low", "high")))


def _stop(curve: pd.DataFrame, bought: int, n: int, wanted: int) -> str:
    """What the next STEP labels are worth after those that were bought, and where it stops being worth it.

    benchmarks/RELABEL.md: where it says that it is a good place to stop, the next 100 labels mended 0.8 on average; else 9.
    """
    grid = np.arange(0, int(curve["labels"].iloc[-1]) + 1, STEP)

    def mended(after: int) -> float:
        return n * (_at(curve, after + STEP).value - _at(curve, after).value)

    gain = mended(bought)
    if not bought:
        if not wanted:
            return "No further label is expected to change a consensus: a good place to stop."
        return (
            "Nobody is left to ask: all who may be asked have labelled the examples in doubt. "
            f"{STEP} labels by new annotators are expected to mend about {gain:.0f} consensus labels."
        )
    if gain < WORTHWHILE:
        return f"After these, the next {STEP} labels are expected to mend fewer than {WORTHWHILE} consensus labels: a good place to stop."
    enough = next((int(spent) for spent in grid if spent >= bought and mended(int(spent)) < WORTHWHILE), None)
    until = "" if enough is None else f" From about {enough:,} labels on it is fewer than {WORTHWHILE}."
    return f"After these, the next {STEP} labels are expected to mend about {gain:.0f} consensus labels.{until}"


def _assigned(
    labels: CrowdLabels,
    result: Consensus,
    believed: NDArray[np.float64],
    confusion: NDArray[np.float64],
    slots: list[tuple[int, int]],
    cap: NDArray[np.int64],
) -> tuple[pd.DataFrame, list[int]]:
    """An annotator for each slot (position of the example, its row of `believed`), and the slots that somebody can take."""
    right = np.einsum("jtt->jt", confusion)
    given = np.zeros(len(labels.annotators), dtype=np.int64)
    asked: dict[int, set[int]] = {}
    rows, taken = [], []
    for place, (example, row) in enumerate(slots):
        if example not in asked:
            first, last = np.searchsorted(labels.example, [example, example + 1])
            asked[example] = set(labels.annotator[first:last].tolist())
        expected = right @ believed[row]
        expected[given >= cap] = -1.0
        expected[list(asked[example])] = -1.0
        j = int(expected.argmax()) if len(expected) else -1
        if j < 0 or expected[j] < 0:
            continue
        given[j] += 1
        asked[example].add(j)
        taken.append(place)
        rows.append(_row(labels, result, believed[row], example, j, float(expected[j])))
    columns = ["example", "annotator", "consensus", "chance", "runner_up", "expected_accuracy", "reason"]
    return pd.DataFrame(rows, columns=columns), taken


def _row(labels: CrowdLabels, result: Consensus, chance: NDArray[np.float64], example: int, j: int, expected: float) -> tuple[object, ...]:
    first = int(result.label[example])
    others = chance.copy()
    others[first] = -1.0
    second = int(others.argmax()) if len(chance) > 1 else first
    one, two = labels.classes[first], labels.classes[second]
    who = labels.annotators[j]
    reason = (
        f"{one} has a chance of {chance[first]:.2f}, {two} of {max(chance[second], 0.0):.2f}; "
        f"{who} is right on such examples in {100 * expected:.0f}% and has not labelled this one."
    )
    return labels.examples[example], who, one, float(chance[first]), two, expected, reason
