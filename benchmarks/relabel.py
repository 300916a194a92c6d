"""Does a plan under a budget bring what it promises, and is the stop rule right? Crowds whose hidden labels can be bought.

python -m benchmarks.relabel            (some minutes; writes benchmarks/RELABEL.md)

Every annotator has labelled every example; three labels each are shown at the start, the others are hidden. A plan is made, its
labels are bought from those who were asked, and the same method runs again. The truth judges; a plan sees it only as gold.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import multiannotator_core as mc
from benchmarks.crowds import conditions, markdown, real_crowd
from multiannotator_core.relabel import Plan, plan, trust_in
from multiannotator_core.relabel.planning import STEP, WORTHWHILE

PAGE = Path(__file__).with_name("RELABEL.md")
SHOWN = 3
METHOD = "dawid_skene"
GOLD_SHARE = 0.25
BUDGETS = (50, 200, 600)
SIMULATED: dict[str, tuple[str, dict[str, Any]]] = {
    "one coin": ("one-coin", {}),
    "independent confusions": ("independent-confusion", {}),
    "hammers and spammers": ("hammer-spammer", {"ratio": 0.3}),
    "students and teachers": ("student-teacher", {}),
    "easy and hard examples": ("discrete-difficulty", {"ratio": 0.5, "ratio_difficulty": 1.0}),
}


def complete(kind: str, seed: int) -> tuple[mc.CrowdLabels, pd.Series]:
    """All labels of a crowd in which everybody labelled everything, and the truth."""
    if kind == "bluebirds (real)":
        found = real_crowd("bluebirds")
        return found.labels, found.truth
    strategy, options = SIMULATED[kind]
    crowd = mc.simulate(strategy, n_examples=500, n_annotators=25, n_classes=4, labels_per_example=25, seed=seed, **options)
    return crowd.labels, crowd.truth


def started(labels: mc.CrowdLabels, rng: np.random.Generator) -> pd.DataFrame:
    """SHOWN labels of each example, by lot."""
    long = labels.to_long()[["example", "annotator", "label"]]
    return long.iloc[rng.permutation(len(long))].groupby("example", sort=False).head(SHOWN)


def trial(kind: str, seed: int, budget: int, with_gold: bool) -> dict[str, Any]:
    """One plan, what it promised and what came."""
    every, truth = complete(kind, seed)
    rng = np.random.default_rng(seed)
    start = started(every, rng)
    known = truth.sample(frac=GOLD_SHARE, random_state=seed) if with_gold else None
    hidden = every.to_long().drop_duplicates(["example", "annotator"]).set_index(["example", "annotator"])["label"]
    labels, right = _read(start, every), _judge(truth.drop(known.index) if known is not None else truth)
    result = mc.aggregate(labels, METHOD)
    trust = trust_in(labels, result, known, seed=seed)

    def bought(found: Plan) -> tuple[float, int]:
        pairs = pd.MultiIndex.from_frame(found.table[["example", "annotator"]])
        more = hidden.reindex(pairs).dropna().reset_index()
        again = mc.aggregate(_read(pd.concat([start, more]), every), METHOD)
        return right(again, labels), len(more)

    found, further = (plan(labels, result, n, gold=known, trust=trust, seed=seed) for n in (budget, budget + STEP))
    before, (after, n_bought), (later, _) = right(result, labels), bought(found), bought(further)
    promised = found.n * (np.interp(n_bought + STEP, found.curve["labels"], found.curve["accuracy"]) - found.after.value)
    return {
        "crowd": kind, "gold": with_gold, "budget": budget, "bought": n_bought, "before": before, "after": after,
        "before_expected": found.before.value, "after_expected": found.after.value,
        "before_held": found.before.low - 1e-9 <= before <= found.before.high + 1e-9,
        "after_held": found.after.low - 1e-9 <= after <= found.after.high + 1e-9,
        "width": found.after.high - found.after.low, "next_promised": promised, "next_came": found.n * (later - after),
        "stop": f"fewer than {WORTHWHILE} consensus labels: a good place" in found.stop,
    }  # fmt: skip


def _read(frame: pd.DataFrame, every: mc.CrowdLabels) -> mc.CrowdLabels:
    return mc.CrowdLabels.from_long(frame, classes=every.classes.tolist())


def _judge(truth: pd.Series) -> Callable[[mc.Consensus, mc.CrowdLabels], float]:
    """Share of right consensus labels among the examples of `truth`."""

    def right(result: mc.Consensus, labels: mc.CrowdLabels) -> float:
        found = pd.Series(labels.classes.take(result.label).to_numpy(), index=labels.examples)
        return float((found.loc[truth.index] == truth).mean())

    return right


def trials(seeds: int) -> Iterator[dict[str, Any]]:
    """All of them."""
    for kind in [*SIMULATED, "bluebirds (real)"]:
        for budget in BUDGETS:
            for with_gold in (True, False):
                for seed in range(seeds):
                    yield trial(kind, seed, budget, with_gold)


def page(rows: pd.DataFrame, seeds: int) -> str:
    """The page as text."""
    return "\n".join(
        [
            "# What a relabelling plan promises, and what comes",
            "",
            f"Written by `python -m benchmarks.relabel --seeds {seeds}`. {conditions()}",
            "",
            f"Each row is the mean of {seeds} crowds: 500 examples, 25 annotators and 4 classes (bluebirds: 108 examples, 39",
            f"annotators, 2 classes), {SHOWN} labels each at the start, {METHOD}. Right: the share of right consensus labels among the",
            "examples without gold. In the range: how often the share that came lies in the 95% range of the promise. With gold the",
            "promise is calibrated; without it is only a range from simulated crowds, and the page says so.",
            "",
            markdown(_promises(rows), 3),
            "",
            "What the figures say: a promise is near what comes where annotators err independently, and on the low side after many labels,",
            "since a plan does not count that the annotators become better known. Where they err together (bluebirds) further labels bring",
            "less than promised, and without gold no range from simulation is wide enough.",
            "",
            "## The stop rule",
            "",
            f"Consensus labels that the next {STEP} labels mended (net of those they spoilt), against the sentence.",
            "",
            markdown(_stops(rows), 2),
            "",
        ]
    )


def _promises(rows: pd.DataFrame) -> pd.DataFrame:
    by = rows.assign(gold=np.where(rows["gold"], f"{GOLD_SHARE:.0%}", "none")).groupby(["crowd", "gold", "budget"], sort=False)
    columns = {"bought": "bought", "before": "right before", "before_expected": "promised before", "after": "right after"}
    columns |= {"after_expected": "promised after", "after_held": "in the range", "width": "width of the range"}
    table = by[list(columns)].mean()
    return table.assign(bought=table["bought"].round().astype(int)).round(3).rename(columns=columns)


def _stops(rows: pd.DataFrame) -> pd.DataFrame:
    told = rows.assign(
        says=np.where(rows["stop"], f"fewer than {WORTHWHILE}: stop", "go on"),
        gold=np.where(rows["gold"], f"{GOLD_SHARE:.0%}", "none"),
        fewer=rows["next_came"] < WORTHWHILE,
    ).groupby(["says", "gold"])
    table = told[["next_promised", "next_came", "fewer"]].mean().round(2)
    table.insert(0, "plans", told.size())
    return table.rename(columns={"next_promised": "promised", "next_came": "mended", "fewer": f"share with fewer than {WORTHWHILE}"})


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=10)
    asked = parser.parse_args()
    PAGE.write_text(page(pd.DataFrame(trials(asked.seeds)), asked.seeds), "utf-8")
