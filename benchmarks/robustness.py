"""What every method does on odd inputs, beside crowd-kit, and on many kinds of crowds, beside majority vote.

python -m benchmarks.robustness            (about five minutes; writes benchmarks/ROBUSTNESS.md)

Needs the environment of requirements-bench.txt for the comparison.
"""

from __future__ import annotations

import argparse
import multiprocessing
import random
import warnings
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np
import pandas as pd

import multiannotator_core as mc
from benchmarks import crowd_kit
from benchmarks.crowds import conditions, markdown
from benchmarks.prior_strength import KINDS

PAGE = Path(__file__).with_name("ROBUSTNESS.md")

# Posteriors that differ by less are equal up to the order of sums.
SAME = 1e-6

# Seconds that one odd input may take.
LIMIT = 60.0

Answer = tuple[pd.Series, pd.DataFrame | None]  # classes by example, and probabilities where a method has them
Runner = Callable[[pd.DataFrame], Answer]


def table_of(cells: list[tuple[object, object, object]]) -> pd.DataFrame:
    """A long table with the column names that crowd-kit wants."""
    return pd.DataFrame(cells, columns=["task", "worker", "label"])


def ordinary(n_classes: int = 3, n_annotators: int = 9, seed: int = 0, labels_per_example: int = 5, n_examples: int = 60) -> pd.DataFrame:
    """A one-coin crowd with text names."""
    made = mc.simulate(
        "one-coin",
        n_examples=n_examples,
        n_annotators=n_annotators,
        n_classes=n_classes,
        labels_per_example=labels_per_example,
        seed=seed,
    )
    long = made.labels.to_long()
    return table_of([(f"e{i}", f"a{j}", f"c{k}") for i, j, k in long.itertuples(index=False)])


def pile(n: int) -> pd.DataFrame:
    """n labels on one example, seven of ten the same, and three ordinary examples."""
    one = [("big", f"a{j}", "x" if j % 10 < 7 else "y") for j in range(n)]
    return table_of([*one, *((f"e{i}", f"a{j}", "xy"[(i + (j == 0)) % 2]) for i in range(3) for j in range(4))])


def mixed() -> pd.DataFrame:
    """Names of several types, among them words that other programs use for their columns."""
    names = ["", "task", "worker", 7, "7", 2.5, "é" * 300, ("a", 1)]
    rng = np.random.default_rng(0)
    return table_of([(i, a, ["label", "task"][rng.integers(2)]) for i in names for a in names[:5]]).astype(object)


# An odd input -> its table. Two classes where possible, so that methods for two classes run too.
ODD: dict[str, Callable[[], pd.DataFrame]] = {
    "two classes": lambda: ordinary(2),
    "three classes": lambda: ordinary(3),
    "one class": lambda: ordinary(2).assign(label="c0"),
    "one annotator": lambda: table_of([(f"e{i}", "a", f"c{i % 2}") for i in range(20)]),
    "one label each": lambda: ordinary(2, labels_per_example=1),
    "one example": lambda: table_of([("e", f"a{j}", f"c{j % 3 == 0:d}") for j in range(7)]),
    "all tied": lambda: table_of([(f"e{i}", f"a{j}", f"c{(i + j) % 2}") for i in range(4) for j in range(2)]),
    "annotators without overlap": lambda: table_of([(f"e{i}", f"a{i}{j}", f"c{(i + j // 2) % 2}") for i in range(6) for j in range(3)]),
    "1,000 labels on one example": lambda: pile(1000),
    "5,000 labels on one example": lambda: pile(5000),
    "200 classes": lambda: ordinary(200, n_annotators=30, n_examples=300),
    "names of any type": mixed,
}


def ours(method: str) -> Runner:
    """Our method as a function of a long table, with a model or gold where it needs them."""

    def run(frame: pd.DataFrame) -> Answer:
        labels = mc.CrowdLabels.from_long(frame)
        model = labels.votes + 0.5
        result = mc.aggregate(
            labels, method, pred_probs=model / model.sum(axis=1, keepdims=True), gold={labels.examples[0]: labels.classes[0]}
        )
        names = pd.Series(labels.classes.take(result.label), index=labels.examples)
        return names, pd.DataFrame(result.posterior, index=labels.examples, columns=labels.classes)

    return run


def theirs(method: str) -> Runner:
    """crowd-kit's method as a function of a long table."""

    def run(frame: pd.DataFrame) -> Answer:
        from crowdkit import aggregation

        name, options = crowd_kit.SAME_NAME[method]
        model = getattr(aggregation, name)(**options)
        return model.fit_predict(frame), getattr(model, "probas_", None)

    return run


def outcome(run: Runner, frame: pd.DataFrame) -> str:
    """What goes wrong on this table, in a few words; "ok" if nothing does."""
    before, copy = (np.random.get_state()[1].tolist(), random.getstate()), frame.copy()  # noqa: NPY002 - it is what is looked at
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            label, proba = run(frame)
            turned_label, turned = run(frame.sample(frac=1, random_state=1))
        except (mc.Cancelled, Exception) as error:  # a benchmark reports every way of failing
            refused = isinstance(error, ValueError) and "needs exactly two classes" in str(error)
            return "n/a" if refused else type(error).__name__
    faults = []
    if proba is not None:
        table = proba.to_numpy(float)
        if not np.isfinite(table).all():
            return "NaN"
        if np.abs(table.sum(axis=1) - 1).max() > SAME:
            faults.append("rows do not sum to 1")
        other = turned.reindex(index=proba.index, columns=proba.columns).to_numpy(float)
        if not np.abs(table - other).max() < SAME:
            faults.append("row order matters")
    if "row order matters" not in faults and not (label.reindex(turned_label.index) == turned_label).all():
        faults.append("row order decides ties")
    if (np.random.get_state()[1].tolist(), random.getstate()) != before:  # noqa: NPY002
        faults.append("reseeds everything")
    if not copy.equals(frame):
        faults.append("changes its input")
    if any(issubclass(warning.category, RuntimeWarning) for warning in caught):
        faults.append("numerical warnings")
    return ", ".join(faults) or "ok"


def guarded(run: Runner, frame: pd.DataFrame) -> str:
    """The outcome, found in a process of its own that is stopped after LIMIT seconds."""
    context = multiprocessing.get_context("fork")
    here, there = context.Pipe(duplex=False)

    def work(answer: Connection) -> None:
        answer.send(outcome(run, frame))

    child = context.Process(target=work, args=(there,))
    child.start()
    there.close()
    found = f"over {LIMIT:.0f} s"
    if here.poll(LIMIT):
        try:
            found = here.recv()
        except EOFError:
            found = "dies"
    child.kill()
    child.join()
    return found


def odd_inputs(runners: dict[str, Runner]) -> pd.DataFrame:
    """One row an odd input, one column a method."""
    table = {name: {method: guarded(run, make()) for method, run in runners.items()} for name, make in ODD.items()}
    return pd.DataFrame(table).T.rename_axis("input")


def kinds_of_crowds(n_seeds: int) -> pd.DataFrame:
    """Mean accuracy, ties split: one row a kind of crowd, one column a method that needs neither a model nor gold."""
    rows = {}
    for kind, make in KINDS.items():
        found: dict[str, list[float]] = {}
        for seed in range(n_seeds):
            crowd = make(seed)
            for method in mc.METHODS:
                if mc.obstacle(crowd.labels, method) is None:
                    result = mc.aggregate(crowd.labels, method)
                    found.setdefault(method, []).append(mc.evaluate(crowd.labels, result, crowd.truth)["accuracy_ties_split"])
        rows[kind] = {method: float(np.mean(values)) for method, values in found.items()}
        print(kind, flush=True)
    return pd.DataFrame(rows).T.rename_axis("kind")


def against_votes(kinds: pd.DataFrame) -> pd.DataFrame:
    """By method: mean accuracy over the kinds, mean and worst gain over majority vote, and where that is."""
    gain = kinds.drop(columns="kos", errors="ignore").sub(kinds["majority_vote"], axis=0)
    columns = {"mean accuracy": kinds[gain.columns].mean(), "mean gain": gain.mean(), "worst gain": gain.min(), "on": gain.idxmin()}
    return pd.DataFrame(columns).rename_axis("method").sort_values("mean accuracy", ascending=False)


def page(own: pd.DataFrame, peers: pd.DataFrame | None, kinds: pd.DataFrame, n_seeds: int) -> str:
    """The text of ROBUSTNESS.md."""
    failing = own[~own.isin(["ok", "n/a"]).all(axis=1)].T
    failing = failing[~failing.isin(["ok", "n/a"]).all(axis=1)]
    count = int(own.isin(["ok", "n/a"]).sum().sum())
    parts = [
        "# Robustness",
        f"Written by `python -m benchmarks.robustness --seeds {n_seeds}`. {conditions()}",
        "## Odd inputs",
        "ok: an answer for every example, probabilities finite and summing to 1, the same whatever the order of rows, no numerical "
        "warning, and neither the input nor the global random state touched. n/a: a method for two classes says that it needs two.",
        f"Ours: {count} of {own.size} pairs of input and method are ok, over {own.shape[1]} methods."
        + ("" if failing.size else " No exceptions."),
    ]
    if failing.size:
        parts += ["The others:", markdown(failing.rename_axis("method"))]
    if peers is not None:
        parts += ["crowd-kit 1.4.2, methods of the same name:", markdown(peers)]
    parts += [
        f"## Kinds of crowds: accuracy, mean of {n_seeds} seeds",
        "The same simulated crowds as in PRIOR_STRENGTH.md; ties split. A method is robust if it hardly ever does worse than voting.",
        markdown(against_votes(kinds)),
        markdown(kinds.T.rename_axis("method").set_axis([f"({i})" for i in range(1, len(kinds) + 1)], axis=1)),
        "\n".join(f"({i}) {kind}  " for i, kind in enumerate(kinds.index, 1)),
    ]
    return "\n\n".join(parts) + "\n"


def main() -> None:
    """Read the command line, measure, write the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=10)
    n_seeds = parser.parse_args().seeds
    own = odd_inputs({method: ours(method) for method in mc.METHODS})
    print(own.T.to_string(), flush=True)
    peers = odd_inputs({method: theirs(method) for method in crowd_kit.SAME_NAME}) if crowd_kit.installed() else None
    PAGE.write_text(page(own, peers, kinds_of_crowds(n_seeds), n_seeds), encoding="utf-8")


if __name__ == "__main__":
    main()
