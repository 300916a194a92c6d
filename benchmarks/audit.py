"""How many planted annotators the audit finds, and how many honest ones it accuses: `python -m benchmarks.audit`.

Crowds of 30 annotators, 4 classes and 400 examples with 8 labels each: honest annotators are right in 75 to 95 % of the cases.
Three of the 30 are replaced by annotators of one kind. 30 seeds for each kind.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass

import numpy as np
import pandas as pd

import multiannotator_core as mc
from multiannotator_core.quality.copying import copying
from multiannotator_core.quality.patterns import class_bias, drift
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


def crowd(kind: str, seed: int) -> Planted:
    """Honest annotators and three of a kind."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, K, N)
    right = rng.uniform(0.75, 0.95, J)
    given = {}
    for i in range(N):
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


def main() -> None:
    """Print a table: found of planted, and accused of honest, by kind."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=30)
    seeds = parser.parse_args().seeds
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
