"""Tables 1, 2, 3 and 5 of the peerannot paper (Lefort, Charlier, Joly & Salmon) as benchmarks, beside the printed values.

The paper prints one seed. Its appendix speaks of 500 examples in table 5, its command makes 200; the commands are followed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from .running import Cell, Contender, cells
from .sources import Simulated
from .tables import summary

SEEDS = 50
METRIC = "accuracy_ties_split"


@dataclass(frozen=True)
class Preset:
    """A table of the paper: its crowd, and the accuracy printed for each of its columns."""

    title: str
    crowd: Simulated
    printed: Mapping[str, float]


# The columns of the tables.
COLUMNS: dict[str, Contender] = {
    "MV": Contender("majority_vote"),
    "GLAD": Contender("glad"),
    "DS": Contender("dawid_skene"),
    **{f"DSWC[L={n}]": Contender("dawid_skene_clusters", {"n_clusters": n}) for n in (2, 5, 6, 10)},
    "NS": Contender("naive_soft"),
}


def _preset(title: str, strategy: str, printed: Mapping[str, float], **options: Any) -> Preset:
    sizes = {"n_examples": 200, "n_annotators": 30, "n_classes": 5, "labels_per_example": 10}
    return Preset(title, Simulated(strategy, sizes | options, title), printed)


PRESETS: dict[str, Preset] = {
    "table-1": _preset(
        "Table 1: independent mistakes",
        "independent-confusion",
        {"MV": 0.755, "GLAD": 0.775, "DS": 0.890, "DSWC[L=5]": 0.775, "DSWC[L=10]": 0.770, "NS": 0.760},
    ),
    "table-2": _preset(
        "Table 2: independent mistakes, unequal numbers of labels",
        "independent-confusion",
        {"MV": 0.780, "GLAD": 0.810, "DS": 0.895, "DSWC[L=5]": 0.845, "DSWC[L=10]": 0.840, "NS": 0.830},
        labels_per_example=30,
        imbalance=True,
    ),
    "table-3": _preset(
        "Table 3: students and teachers",
        "student-teacher",
        {"MV": 0.715, "GLAD": 0.645, "DS": 0.755, "DSWC[L=5]": 0.795, "DSWC[L=6]": 0.780, "DSWC[L=10]": 0.815, "NS": 0.690},
        ratio=0.8,
    ),
    "table-5": _preset(
        "Table 5: easy and hard examples",
        "discrete-difficulty",
        {"MV": 0.830, "GLAD": 0.845, "DS": 0.810, "DSWC[L=2]": 0.600, "DSWC[L=5]": 0.660, "NS": 0.790},
        n_annotators=100,
        ratio=0.35,
        ratio_difficulty=1.0,
    ),
}


def preset_cells(name: str, seeds: int = SEEDS) -> list[Cell]:
    """The cells of a table.

    Raises:
        ValueError: there is no such preset.
    """
    preset = _known(name)
    return cells([COLUMNS[column] for column in preset.printed], [preset.crowd], seeds)


def beside_printed(name: str, rows: pd.DataFrame) -> pd.DataFrame:
    """One row a column of the table: printed, mean, low, high, seed_low, seed_high, n, and `note` where the printed value is outside.

    `low` and `high` are the interval of the mean; 95 % of single seeds lie from `seed_low` to `seed_high`, and the printed value,
    which is one seed, is held against those.
    """
    found = summary(rows, METRIC).set_index("title")
    table = []
    for column, printed in _known(name).printed.items():
        line = found.loc[COLUMNS[column].title]
        outside = not line["seed_low"] - 1e-9 <= printed <= line["seed_high"] + 1e-9
        side = "above" if printed > line["seed_high"] else "below"
        note = f"The printed value lies {side} 95 % of our seeds." if outside else ""
        table.append({"column": column, "printed": printed, **line[["mean", "low", "high", "seed_low", "seed_high", "n"]], "note": note})
    return pd.DataFrame(table)


def _known(name: str) -> Preset:
    if name not in PRESETS:
        raise ValueError(f"There is no preset {name!r}; choose one of {', '.join(PRESETS)}.")
    return PRESETS[name]
