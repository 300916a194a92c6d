"""Which method to trust: any methods on any data over seeds, resumable, with a ranking; and the tables of the paper as presets."""

from .presets import PRESETS, SEEDS, Preset, beside_printed, preset_cells
from .running import LOW_IS_GOOD, METRICS, Cell, Contender, cells, contender, run
from .sources import Judged, Own, Simulated, Source, own, sample, simulated
from .tables import ranking, summary

__all__ = [
    "LOW_IS_GOOD",
    "METRICS",
    "PRESETS",
    "SEEDS",
    "Cell",
    "Contender",
    "Judged",
    "Own",
    "Preset",
    "Simulated",
    "Source",
    "beside_printed",
    "cells",
    "contender",
    "own",
    "preset_cells",
    "ranking",
    "run",
    "sample",
    "simulated",
    "summary",
]
