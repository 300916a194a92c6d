"""Which method to trust: any methods on any data over seeds, resumable, with a ranking; and the tables of the paper as presets."""

from .presets import COLUMNS as PRESET_COLUMNS
from .presets import PRESETS, SEEDS, Preset, beside_printed, preset_cells
from .running import LOW_IS_GOOD, METRICS, Cell, Contender, cells, claims, contender, run
from .sources import Judged, Own, Simulated, Source, own, sample, simulated
from .tables import SHARES, ranking, summary
from .tracing import STEPS, stopped_at, traced

__all__ = [
    "LOW_IS_GOOD",
    "METRICS",
    "PRESETS",
    "PRESET_COLUMNS",
    "SEEDS",
    "SHARES",
    "STEPS",
    "Cell",
    "Contender",
    "Judged",
    "Own",
    "Preset",
    "Simulated",
    "Source",
    "beside_printed",
    "cells",
    "claims",
    "contender",
    "own",
    "preset_cells",
    "ranking",
    "run",
    "sample",
    "simulated",
    "stopped_at",
    "summary",
    "traced",
]
