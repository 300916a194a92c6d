"""What the benchmarks share: the real crowds, the simulated ones, and how a table and its conditions are written down."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import scipy

import multiannotator_core as mc

# Sets with gold, by number of labels; folders with answers.csv (task, worker, label) and truth.csv (task, truth).
WITH_GOLD = ("labelme", "music_genre", "bluebirds", "weather_amt", "rte", "dog", "web", "d_product", "sentiment_polarity", "trec", "s_rel")


@dataclass(frozen=True)
class Real:
    """A real crowd: its labels without exact repeated rows, and gold by example name."""

    name: str
    labels: mc.CrowdLabels
    truth: pd.Series


def folder() -> Path:
    """Where the real sets are; ends the program with one sentence if they are absent."""
    path = Path(os.environ.get("CROWDLENS_DATA", "../shared/data"))
    if not path.is_dir():
        raise SystemExit(f"Real crowd data not found in {path}: set CROWDLENS_DATA to its folder.")
    return path


def real_crowd(name: str) -> Real:
    """One real set; exact repeated rows are dropped."""
    answers = pd.read_csv(folder() / name / "answers.csv")
    gold = pd.read_csv(folder() / name / "truth.csv")
    return Real(name, mc.CrowdLabels.from_long(answers, duplicates="collapse"), gold.set_index("task")["truth"])


def real_crowds() -> Iterator[Real]:
    """All real sets with gold, one after the other."""
    return map(real_crowd, WITH_GOLD)


def skewed_confusion(n_annotators: int, n_classes: int, seed: int) -> np.ndarray:
    """(J, K, K) of an ordinary crowd: Dirichlet rows, mean diagonal .35 + .6 Beta(4, 2), a tenth spammers."""
    rng = np.random.default_rng(seed)
    right = 0.35 + 0.6 * rng.beta(4, 2, n_annotators)
    wrong = (1 - right) / (n_classes - 1)
    mean = np.broadcast_to(wrong[:, None, None], (n_annotators, n_classes, n_classes)).copy()
    mean[:, np.arange(n_classes), np.arange(n_classes)] = right[:, None]
    spread = 2.0 * n_classes  # imagined labels behind a row: errors of a person pile up on a few classes
    confusion = rng.gamma(np.maximum(spread * mean, 1e-2))
    confusion /= confusion.sum(axis=2, keepdims=True)
    confusion[rng.random(n_annotators) < 0.1] = 1 / n_classes
    return confusion


def markdown(frame: pd.DataFrame, digits: int | dict[str, int] = 4, missing: str = "n/a") -> str:
    """A table for a Markdown file; the index is its first columns."""

    def cell(value: Any, column: str) -> str:
        if value is None or (isinstance(value, float) and np.isnan(value)):
            return missing
        if isinstance(value, (float, np.floating)):
            return f"{value:.{digits if isinstance(digits, int) else digits.get(column, 4)}f}"
        return str(value)

    table = frame.reset_index()
    rows = [[cell(value, str(column)) for value, column in zip(row, table.columns, strict=True)] for row in table.itertuples(index=False)]
    lines = [list(map(str, table.columns)), ["---"] * len(table.columns), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def conditions() -> str:
    """One line on where the figures come from."""
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg()) if hasattr(os, "getloadavg") else "unknown"
    versions = f"Python {platform.python_version()}, numpy {np.__version__}, scipy {scipy.__version__}, pandas {pd.__version__}"
    return f"Measured with {versions} on {os.cpu_count()} cores; load average of the last 1, 5 and 15 minutes at the end: {load}."
