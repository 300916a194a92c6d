"""Classifiers that learn from crowds: `python -m benchmarks.learning labelme|labelme-long|sentiment|digits|speed [--seeds 10]`.

LabelMe and sentiment_polarity are read from the folder named by CROWDLENS_DATA; digits is the sample of the repository. One thread.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from scipy.stats import t as student

import multiannotator_core as mc
from multiannotator_core.learning import features_of
from multiannotator_core.learning.networks import Known, Learned, Schedule, train
from multiannotator_core.samples import load_sample

DATA = Path(os.environ.get("CROWDLENS_DATA", "../shared/data"))

# name -> strategy and options; and what table 4 of the paper says about it: accuracy and ECE.
WAYS: dict[str, tuple[str, dict[str, Any]]] = {
    "MV": ("consensus", {"method": "majority_vote", "soft": False}),
    "NS": ("consensus", {"method": "naive_soft"}),
    "DS": ("consensus", {"method": "dawid_skene"}),
    "GLAD": ("consensus", {"method": "glad"}),
    "CrowdLayer, matrix": ("crowdlayer", {}),
    "CrowdLayer, vector": ("crowdlayer", {"variant": "vector"}),
    "CrowdLayer, vector and bias": ("crowdlayer", {"variant": "vector_bias"}),
    "CoNAL, scale 0": ("conal", {"scale": 0.0}),
    "CoNAL, scale 1e-4": ("conal", {"scale": 1e-4}),
    "Raykar (EM with a classifier)": ("raykar", {}),
}
PAPER = {
    "MV": (81.061, 0.189),
    "NS": (87.542, 0.124),
    "DS": (86.448, 0.136),
    "GLAD": (88.889, 0.112),
    "CrowdLayer, matrix": (88.468, 0.115),
    "CoNAL, scale 0": (87.205, 0.117),
    "CoNAL, scale 1e-4": (85.606, 0.143),
}


def between(values: Iterable[float], digits: int) -> str:
    """Mean of the seeds and the 95 % interval of that mean (Student's t)."""
    found = np.array(list(values))
    if len(found) < 2:
        return f"{found.mean():.{digits}f}"
    half = student.ppf(0.975, len(found) - 1) * found.std(ddof=1) / np.sqrt(len(found))
    return f"{found.mean():.{digits}f} ± {half:.{digits}f}"


def table(head: str, rows: Iterable[str]) -> None:
    """Print a table, each row when it is there."""
    print(f"| {head} |\n|{'---|' * len(head.split('|'))}")
    for row in rows:
        print(f"| {row} |", flush=True)


def gold_crowd(labels: mc.CrowdLabels, truth: pd.Series) -> mc.CrowdLabels:
    """One annotator who is always right."""
    frame = pd.DataFrame({"example": labels.examples, "annotator": "gold", "label": truth.reindex(labels.examples).to_numpy()})
    return mc.CrowdLabels.from_long(frame, classes=labels.classes)


def labelme(seeds: int, schedule: Schedule | None = None) -> None:
    """Test accuracy and ECE of two dense layers on pooled VGG-16 features, early stopping on the 500 validation examples."""
    folder = DATA / "labelme"
    labels = mc.read_labels(folder / "answers.csv")
    x, xv, xt = (np.load(folder / f"features_{part}.npy") for part in ("train", "valid", "test"))
    yv, yt = (np.loadtxt(folder / f"truth_{part}.txt", dtype=int).tolist() for part in ("valid", "test"))
    truth = pd.read_csv(folder / "truth.csv", dtype=str).set_index("task")["truth"]
    x = x[labels.examples.astype(int)]
    perfect = gold_crowd(labels, truth)

    def rows() -> Iterable[str]:
        for name, (strategy, options) in [*WAYS.items(), ("gold (nobody has it)", WAYS["MV"])]:
            crowd = perfect if name.startswith("gold") else labels
            known = {"validation": Known(xv, yv), "test": Known(xt, yt), "schedule": schedule}
            found = [train(crowd, x, strategy, n_folds=0, seed=seed, **known, **options) for seed in range(seeds)]
            accuracy, ece = between((100 * f.test["accuracy"] for f in found), 1), between((f.test["ece"] for f in found), 3)
            paper = PAPER.get(name)
            epochs = np.median([len(f.curves) for f in found])
            yield f"{name} | {accuracy} | {ece} | {f'{paper[0]:.1f} | {paper[1]:.3f}' if paper else '– | –'} | {epochs:.0f}"

    table("strategy | test accuracy, % | test ECE | paper: accuracy | paper: ECE | epochs (median)", rows())


def sentiment(seeds: int) -> None:
    """Test accuracy of a linear classifier on words, learned from the crowd and from gold; nobody's gold is used to stop."""
    folder = DATA / "sentiment_polarity"
    labels = mc.read_labels(folder / "answers.csv")
    items, test = pd.read_csv(folder / "items.csv"), pd.read_csv(folder / "test_items.csv")
    texts = items.set_index(items["task"].astype(str))["text"].reindex(labels.examples.astype(str)).fillna("").tolist()
    truth = pd.read_csv(folder / "truth.csv", dtype=str).set_index("task")["truth"]
    known = Known(test["text"].fillna("").tolist(), test["truth"].astype(str).tolist())
    schedule = Schedule(n_epochs=40, batch_size=128, learning_rate=5e-3, patience=5)
    names = ("MV", "NS", "DS", "GLAD", "CrowdLayer, matrix", "CrowdLayer, vector and bias", "Raykar (EM with a classifier)")

    def rows() -> Iterable[str]:
        for name in ("gold", *names):
            strategy, options = WAYS.get(name, WAYS["MV"])
            crowd = gold_crowd(labels, truth) if name == "gold" else labels
            found = [
                train(crowd, texts, strategy, backbone="linear", n_folds=0, test=known, schedule=schedule, seed=seed, **options)
                for seed in range(seeds)
            ]
            yield f"{name} | {between((100 * f.test['accuracy'] for f in found), 1)} | {between((f.test['ece'] for f in found), 3)}"

    table(f"learned from | test accuracy, % of {len(test):,} | test ECE", rows())


def digits(seeds: int) -> None:
    """Correlation of learned confusions with what the annotators of the sample do: the shares of their labels by true digit."""
    sample = load_sample("digits")
    labels = sample.labels
    features = features_of(sample.content, ["image"], labels.examples)
    truth = labels.classes.get_indexer(sample.truth.reindex(labels.examples))
    counts = np.zeros((len(labels.annotators), len(labels.classes), len(labels.classes)))
    np.add.at(counts, (labels.annotator, truth[labels.example], labels.label), 1)
    seen = counts.sum(axis=2)
    true = counts / np.maximum(seen, 1)[:, :, None]

    def row(name: str, confusions: list[NDArray[np.float64]], right: list[float]) -> str:
        diagonals = [np.einsum("jkk->jk", of)[seen > 0] for of in (*confusions, true)]
        entries = between((np.corrcoef(c[seen > 0].ravel(), true[seen > 0].ravel())[0, 1] for c in confusions), 3)
        diagonal = between((np.corrcoef(d, diagonals[-1])[0, 1] for d in diagonals[:-1]), 3)
        mean = between((d.mean() for d in diagonals[:-1]), 2)
        return f"{name} | {entries} | {diagonal} | {mean} (true {diagonals[-1].mean():.2f}) | {between((100 * r for r in right), 1)}"

    def rows() -> Iterable[str]:
        result = mc.aggregate(labels)
        yield row("Dawid-Skene", [result.confusion], [float((result.label == truth).mean())])
        cases: list[tuple[str, str, Schedule]] = [
            ("CrowdLayer, matrix: early stopping", "CrowdLayer, matrix", Schedule()),
            ("CrowdLayer, matrix: 100 epochs", "CrowdLayer, matrix", Schedule(patience=0)),
            ("CrowdLayer, matrix: 100 epochs at 10 times the rate", "CrowdLayer, matrix", Schedule(patience=0, learning_rate=1e-2)),
            ("CrowdLayer, vector: 100 epochs", "CrowdLayer, vector", Schedule(patience=0)),
            ("CrowdLayer, vector and bias: 100 epochs", "CrowdLayer, vector and bias", Schedule(patience=0)),
            ("CoNAL, scale 0: 100 epochs", "CoNAL, scale 0", Schedule(patience=0)),
            ("Raykar: early stopping", "Raykar (EM with a classifier)", Schedule()),
        ]
        test = Known(features, sample.truth.reindex(labels.examples).tolist())
        for name, way, schedule in cases:
            strategy, options = WAYS[way]
            found: list[Learned] = [
                train(labels, features, strategy, n_folds=0, test=test, schedule=schedule, seed=seed, **options) for seed in range(seeds)
            ]
            yield row(name, [f.confusion for f in found if f.confusion is not None], [f.test["accuracy"] for f in found])

    table("learned by | correlation of all entries | of the diagonals | mean diagonal | examples right, %", rows())


def speed(repeats: int) -> None:
    """CPU seconds of an epoch: 100,000 examples with 5 labels, 1,000 annotators, MLP 512-128-10, batches of 1,024; in turns."""
    n, n_annotators, n_classes = 100_000, 1_000, 10
    rng = np.random.default_rng(0)
    example, truth = np.repeat(np.arange(n), 5), rng.integers(0, n_classes, n)
    label = np.where(rng.random(5 * n) < 0.7, truth[example], rng.integers(0, n_classes, 5 * n))
    names = (pd.RangeIndex(size) for size in (n, n_annotators, n_classes))
    labels = mc.CrowdLabels(*names, example, rng.integers(0, n_annotators, 5 * n), label)
    x = rng.normal(size=(n, 512)).astype(np.float32)
    schedule = Schedule(n_epochs=3, batch_size=1024, patience=0)
    ways = [name for name in WAYS if name not in ("NS", "DS", "GLAD")]
    spent: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(repeats):
        for name in ways:
            strategy, options = WAYS[name]
            ticks: list[float] = []
            train(labels, x, strategy, n_folds=0, schedule=schedule, on_epoch=lambda _, at=ticks: at.append(time.process_time()), **options)
            spent[name] += np.diff(ticks).tolist()
    plain = np.median(spent["MV"])
    shown = {"MV": "plain cross entropy"}
    rows = (
        f"{shown.get(name, name)} | {np.median(of):.2f} ({min(of):.2f} to {max(of):.2f}) | {np.median(of) / plain:.2f}"
        for name, of in spent.items()
    )
    table(f"an epoch of | CPU seconds: median of {2 * repeats} (range) | times plain", rows)


def labelme_long(seeds: int) -> None:
    """The same for 150 epochs, the last of which counts: what becomes of each strategy when nothing stops it."""
    labelme(seeds, Schedule(n_epochs=150, patience=0))


STUDIES: dict[str, Callable[[int], None]] = {
    "labelme": labelme,
    "labelme-long": labelme_long,
    "sentiment": sentiment,
    "digits": digits,
    "speed": speed,
}


def main() -> None:
    """Run one study."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("study", choices=STUDIES)
    parser.add_argument("--seeds", type=int, default=10, help="seeds, or repeats of the speed study")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    STUDIES[arguments.study](arguments.seeds)


if __name__ == "__main__":
    main()
