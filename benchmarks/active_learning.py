"""What to label next: the benchmark of ActiveLab, beside the published figures.

python -m multiannotator_core benchmark active-learning -o runs       (an hour or two on one core; goes on where it was stopped)
python -m benchmarks.active_learning runs                             (writes benchmarks/ACTIVE_LEARNING.md of what is there)
"""

from __future__ import annotations

import argparse
from pathlib import Path

import pandas as pd

from benchmarks.crowds import conditions, markdown
from benchmarks.crowds import folder as data
from multiannotator_core.benchmark.active_learning import METHODS, active_learning, curves, digits_pool, wall_robot_pool

PAGE = Path(__file__).with_name("ACTIVE_LEARNING.md")

# Consensus accuracy at the end, for the fully labelled wall robot set with ExtraTrees.
PUBLISHED = {"activelab": 0.998, "active_label_cleaning": 0.955, "random": 0.907, "disagreement": 0.863}
TITLES = {
    ("wall_robot", None): "Wall robot, all 2,000 examples labelled at the start",
    ("wall_robot", 500): "Wall robot, 500 of 2,000 examples labelled at the start",
    ("digits", None): "Digits, all 1,198 examples labelled at the start",
    ("digits", 500): "Digits, 500 of 1,198 examples labelled at the start",
}
RUNS = 5


def finished(runs: Path, name: str, n_start: int | None, consensus: str = "published") -> pd.DataFrame:
    """The rounds of all runs that are there."""
    table = pd.read_csv(data() / "wall_robot" / "features4_with_class.csv")
    pools = {"wall_robot": lambda seed: wall_robot_pool(table, seed), "digits": digits_pool}
    return active_learning(pools[name], n_start=n_start, consensus=consensus, runs=RUNS, folder=runs, finished_only=True)


def last(rows: pd.DataFrame, published: dict[str, float]) -> pd.DataFrame:
    """One row a method after the last round: means with the lowest and highest run, the best consensus first."""
    table = curves(rows)
    end = table[table["round"] == table["round"].max()].sort_values("consensus_accuracy", ascending=False, kind="stable")
    shown = pd.DataFrame({"method": end["title"], "runs": end["runs"], "labels": end["n_labels"].round().astype(int)})
    for what, name in (("consensus_accuracy", "consensus right"), ("model_accuracy", "model right")):
        shown[name] = [f"{m:.3f} ({a:.3f} to {b:.3f})" for m, a, b in zip(end[what], end[f"{what}_low"], end[f"{what}_high"], strict=True)]
    if published:
        shown["published"] = [f"{published[name]:.3f}" if name in published else "" for name in end["method"]]
    return shown.set_index("method")


def start(rows: pd.DataFrame) -> str:
    """What all methods begin with."""
    first = rows[rows["round"] == 0]
    low, mean, high = (getattr(first["consensus_accuracy"], part)() for part in ("min", "mean", "max"))
    return f"At the start {first['n_labels'].mean():,.0f} labels, {mean:.3f} ({low:.3f} to {high:.3f}) of the consensus right."


def order(rows: pd.DataFrame) -> str:
    """Whether the published order holds, by the means and in each run."""
    end = rows[rows["round"] == rows["round"].max()].pivot(index="run", columns="method", values="consensus_accuracy")
    wanted = [name for name in sorted(PUBLISHED, key=PUBLISHED.__getitem__, reverse=True) if name in end]
    end = end[wanted].dropna()
    told = " > ".join(METHODS[name].title for name in wanted)
    held = (end.diff(axis=1).iloc[:, 1:] < 0).all(axis=1)
    by_mean = bool((end.mean().diff().iloc[1:] < 0).all())
    return f"The published order, {told}, {'holds' if by_mean else 'does not hold'} for the means and in {held.sum()} of {len(end)} runs."


def page(folder: Path) -> str:
    """The page as text, of what is in the folder."""
    parts = [
        "# What to label next",
        "",
        "Written by `python -m benchmarks.active_learning FOLDER` from what is finished of",
        "`python -m multiannotator_core benchmark active-learning -o FOLDER`, which goes on where it was stopped.",
        conditions(),
        "",
        "The protocol is that of the published benchmark (Goh & Mueller 2023; cleanlab/multiannotator-benchmarks), as its code has it:",
        "",
        "- 100 labels a round, 19 rounds, 5 runs (the column says how many are finished); ExtraTrees in five folds; the accuracy of",
        "  a model is the mean over its folds.",
        "- Consensus: at the start majority vote for all; then **CROWDLAB with calibrated probabilities for ActiveLab, majority vote with",
        "  ties by the model for all others**. So ActiveLab gains by two things; below is what is left when all have the same consensus.",
        "- An example may be bought again and again. What a round buys counts as the labels of one new annotator.",
        "- Wall robot: 2,000 examples, 1,000 to test, 30 annotators who share a noise matrix of trace 0.85 K, about 1.12 labels (at most",
        "  5) of an example at the start. Digits: the sample with the labels of its crowd; each label can be bought once.",
        "- Other than there: each run draws another subset, split, noise matrix and labels (there, one draw for all runs); ActiveLab",
        "  weighs each example by its own labels (there, all by the labels of one); the ensemble is ExtraTrees, nearest neighbours and",
        "  logistic regression (there, a neural network in place of the last).",
        "",
        "Means over the runs, with the lowest and the highest run.",
    ]
    for (name, n_start), title in TITLES.items():
        rows = finished(folder / "runs", name, n_start)
        published = (name, n_start) == ("wall_robot", None)
        if len(rows):
            parts += ["", f"## {title}", "", start(rows), "", markdown(last(rows, PUBLISHED if published else {}))]
            parts += ["", order(rows)] if published else []
    same = finished(folder / "runs", "wall_robot", None, "crowdlab")
    if len(same):
        parts += ["", "## Wall robot, all labelled, with CROWDLAB as the consensus of all methods", "", markdown(last(same, {}))]
    return "\n".join([*parts, ""])


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    PAGE.write_text(page(parser.parse_args().folder), "utf-8")
