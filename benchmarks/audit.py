"""How many planted annotators the audit finds, and how many honest ones it accuses: `python -m benchmarks.audit`.

Crowds of 30 annotators, 4 classes and 400 examples with 8 labels each: honest annotators are right in 75 to 95 % of the cases.
Three of the 30 are replaced by annotators of one kind. 30 seeds for each kind. Then the same by the amount of work, and how often the
intervals hold the truth in crowds drawn from a fitted prior.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass

import numpy as np
import pandas as pd

import multiannotator_core as mc
from benchmarks.crowds import conditions
from multiannotator_core.quality.copying import copying
from multiannotator_core.quality.patterns import class_bias, drift
from multiannotator_core.quality.uncertainty import annotator_intervals, confusion_posterior
from multiannotator_core.quality.verdicts import annotator_verdicts

N, J, K, PER_EXAMPLE, PLANTED = 400, 30, 4, 8, 3
KINDS = ("nobody", "at random", "one class", "class-confused", "copying", "tiring")
FOUND_BY = {
    "at random": "answers at random",
    "one class": "always says",
    "class-confused": "mixes up",
    "copying": "copying",
    "tiring": "change with time",
}
ALARMS = ("answers at random", "always says", "mixes up", "copying", "change with time", "class too often")


@dataclass(frozen=True)
class Planted:
    """A crowd, who was planted in it (codes), and the pairs of copiers and sources."""

    labels: mc.CrowdLabels
    planted: set[int]
    pairs: set[tuple[int, int]]


def crowd(kind: str, seed: int, n: int = N) -> Planted:
    """Honest annotators and three of a kind, on n examples."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, K, n)
    right = rng.uniform(0.75, 0.95, J)
    given = {}
    for i in range(n):
        for j in rng.choice(J, PER_EXAMPLE, replace=False):
            given[i, j] = truth[i] if rng.random() < right[j] else (truth[i] + rng.integers(1, K)) % K
    planted = set(range(PLANTED)) if kind != "nobody" else set()
    pairs = {(j, j + 10) for j in planted} if kind == "copying" else set()
    for j, source in pairs:  # a copier takes over the examples of the source, too
        given = {cell: g for cell, g in given.items() if cell[1] != j}
        for i in [i for i, who in given if who == source]:
            own = truth[i] if rng.random() < right[j] else (truth[i] + rng.integers(1, K)) % K
            given[i, j] = given[i, source] if rng.random() < 0.9 else own
    moment = {cell: rng.random() for cell in given}
    for j in planted - {j for j, _ in pairs}:
        for i in [i for i, who in given if who == j]:
            given[i, j] = _said(kind, j, int(truth[i]), int(given[i, j]), moment[i, j], rng)
    rows = [(i, j, g, moment[i, j]) for (i, j), g in given.items()]
    frame = pd.DataFrame(rows, columns=["example", "annotator", "label", "moment"])
    frame["time"] = pd.Timestamp("2026-01-01") + pd.to_timedelta(frame["moment"] * 86_400, unit="s")
    return Planted(mc.CrowdLabels.from_long(frame, classes=range(K), timestamp="time"), planted, pairs)


def _said(kind: str, j: int, truth: int, honest: int, progress: float, rng: np.random.Generator) -> int:
    if kind == "at random" or (kind == "tiring" and rng.random() < 0.9 * progress):
        return int(rng.integers(K))
    if kind == "one class":
        return j % K
    if kind == "class-confused" and truth == j % K and rng.random() < 0.7:
        return (j + 1) % K
    return honest


def alarms(made: Planted) -> dict[str, set[int]]:
    """The annotators (codes) whom each part of the audit accuses; of copying only pairs nobody planted count as others."""
    labels = made.labels
    result = mc.aggregate(labels)
    verdict = annotator_verdicts(labels, result)["verdict"]
    found = {name: set(np.flatnonzero(verdict == name).tolist()) for name in ALARMS[:3]}
    pairs = copying(labels, result)
    pairs = pairs[pairs["suspected"]]
    copies = set(zip(pairs["annotator_a"], pairs["annotator_b"], strict=True))
    found["copying"] = {a for a, _ in copies & made.pairs} | {a for pair in copies - made.pairs for a in pair}
    changed, biased = drift(labels, result), class_bias(labels, result)
    found["change with time"] = set(changed.index[changed["suspected"]])
    found["class too often"] = set(biased["annotator"][biased["biased"]])
    return found


def drawn(rng: np.random.Generator, confusion: np.ndarray, n: int, each: int, share: np.ndarray) -> mc.CrowdLabels:
    """n examples with `each` labels by annotators who label by confusion[j, true, given]."""
    truth = rng.choice(len(share), n, p=share)
    rows = [
        (i, j, int(rng.choice(len(share), p=confusion[j, truth[i]]))) for i in range(n) for j in rng.choice(len(confusion), each, False)
    ]
    return mc.CrowdLabels.from_long(pd.DataFrame(rows, columns=["example", "annotator", "label"]), classes=range(len(share)))


def coverage(crowds: int) -> dict[str, float]:
    """Share of the 95 % intervals that hold the truth, of annotators with 30 labels or more, in crowds drawn from a fitted prior."""
    rng = np.random.default_rng(7)
    first = rng.gamma(np.full((40, K, K), 0.5) + 3 * np.eye(K))
    labels = drawn(rng, first / first.sum(axis=2, keepdims=True), 500, 5, np.full(K, 1 / K))
    prior, share = confusion_posterior(labels, mc.aggregate(labels)).prior.crowd, np.array([0.4, 0.3, 0.2, 0.1])
    inside: dict[str, list[float]] = {"quality": [], "trace": []}
    for seed in range(crowds):
        rng = np.random.default_rng(seed)
        rows = rng.gamma(np.broadcast_to(prior, (20, K, K)))
        confusion = rows / rows.sum(axis=2, keepdims=True)
        labels = drawn(rng, confusion, 200, 5, share)
        found = annotator_intervals(labels, mc.aggregate(labels))[labels.labels_per_annotator >= 30]
        true = {"quality": np.einsum("k,jkk->j", share, confusion), "trace": np.trace(confusion, axis1=1, axis2=2)}
        for name, values in true.items():
            known = values[found.index]
            inside[name].append(float(((found[f"{name}_low"] <= known) & (known <= found[f"{name}_high"])).mean()))
    return {name: float(np.mean(shares)) for name, shares in inside.items()}


def by_work(seeds: int) -> None:
    """Print a table: found of planted, and all accusations of honest annotators together, by the number of examples."""
    sizes = (N // 2, N, 2 * N, 4 * N)
    titles = [f"about {n * PER_EXAMPLE // J} labels" for n in sizes]
    print("| planted | " + " | ".join(f"{title}: found | honest accused" for title in titles) + " |")
    print("|---|" + "---|" * (2 * len(sizes)))
    for kind in KINDS[1:]:
        cells = []
        for n in sizes:
            hits, accused, honest = 0, 0, 0
            for seed in range(seeds):
                made = crowd(kind, seed, n)
                found = alarms(made)
                hits += len(found[FOUND_BY[kind]] & made.planted)
                accused += len(set().union(*found.values()) - made.planted - {b for _, b in made.pairs})
                honest += J - len(made.planted) - len(made.pairs)
            cells.append(f"{hits} of {seeds * PLANTED} | {accused} of {honest}")
        print(f"| {kind} | " + " | ".join(cells) + " |", flush=True)


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=30)
    parser.add_argument("--crowds", type=int, default=200, help="for the coverage of the intervals")
    arguments = parser.parse_args()
    by_kind(arguments.seeds)
    print()
    by_work(arguments.seeds)
    held = coverage(arguments.crowds)
    print("\nCoverage over " + f"{arguments.crowds} crowds: " + ", ".join(f"{name} {share:.3f}" for name, share in held.items()))
    print("\n" + conditions())


def by_kind(seeds: int) -> None:
    """Print a table: found of planted, and accused of honest, by kind."""
    print("| planted | found | " + " | ".join(f"honest: {name}" for name in ALARMS) + " |")
    print("|---|" + "---|" * (len(ALARMS) + 1))
    for kind in KINDS:
        hits, accused, honest, n_planted = 0, dict.fromkeys(ALARMS, 0), 0, 0
        for seed in range(seeds):
            made = crowd(kind, seed)
            found = alarms(made)
            innocent = set(range(J)) - made.planted
            honest, n_planted = honest + len(innocent), n_planted + len(made.planted)
            hits += len(found[FOUND_BY[kind]] & made.planted) if kind in FOUND_BY else 0
            for name in ALARMS:
                accused[name] += len(found[name] & innocent)
        cells = [f"{accused[name]} of {honest}" for name in ALARMS]
        print(f"| {kind} | {f'{hits} of {n_planted}' if n_planted else '–'} | " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()
