"""How right a method is after how much time: the comparison of figures 14 and 15 of the peerannot paper (Lefort et al., section 7.2).

A run tells its objective after each iteration, not its labels. So each method runs anew with 1, 2, 4, 8 ... iterations, and every
point is a whole run: what one gets, and waits, by asking for so many iterations.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from ..aggregation import METHODS
from .running import Cell, Contender, OnProgress, run
from .sources import Source
from .tables import mean_interval

STEPS = (1, 2, 4, 8, 16, 32, 64)
METRIC = "accuracy_ties_split"
COLUMNS = ("data", "title", "method", "iterations", "seconds", "accuracy", "low", "high", "n")


def stopped_at(contender: Contender, steps: Sequence[int] = STEPS) -> dict[int, Contender]:
    """{iterations: the contender with so many iterations exactly}; as it is, after 1, where it has no iterations."""
    known = METHODS[contender.method].options
    if "max_iter" not in known:
        return {1: contender}
    exactly = {"tol": 0.0} if "tol" in known else {}
    return {step: Contender(contender.method, {**contender.options, **exactly, "max_iter": step}) for step in steps}


def traced(
    contenders: Iterable[Contender],
    sources: Iterable[Source],
    seeds: int,
    *,
    steps: Sequence[int] = STEPS,
    folder: str | Path | None = None,
    jobs: int = 1,
    on_progress: OnProgress | None = None,
) -> pd.DataFrame:
    """Accuracy against wall time: one row a (data, method, iterations).

    Args:
        steps: numbers of iterations, rising.
        folder, jobs, on_progress: as in `run`; finished runs are not repeated. Times are cleanest with one job.

    Returns:
        data, title, method, iterations (1 where a method has none), seconds (median over the seeds), accuracy (mean), low, high (its
        interval over seeds), n (seeds). Methods that cannot run on a set have no rows.

    Raises:
        ValueError: there is nothing to run.
        Cancelled: when on_progress raised it.
    """
    stops = [(one.title, step, stop) for one in contenders for step, stop in stopped_at(one, steps).items()]
    sources = list(sources)
    todo = [(title, step, Cell(source, stop, seed)) for seed in range(seeds) for source in sources for title, step, stop in stops]
    if not todo:
        raise ValueError("Choose at least one method, one set of data and one seed.")
    rows = run([cell for _, _, cell in todo], folder=folder, jobs=jobs, on_progress=on_progress)
    rows = rows.assign(title=[title for title, _, _ in todo], iterations=[step for _, step, _ in todo])
    found = []
    for (data, title, step), group in rows[rows["trouble"].isna()].groupby(["data", "title", "iterations"], sort=False):
        mean, low, high = mean_interval(group[METRIC].to_numpy(np.float64), group["share"].to_numpy(np.float64))
        line = {"data": data, "title": title, "method": group["method"].iloc[0], "iterations": int(step)}
        ends = {"low": max(low, 0.0), "high": min(high, 1.0)}
        found.append(line | {"seconds": group["seconds"].median(), "accuracy": mean, **ends, "n": len(group)})
    return pd.DataFrame(found, columns=list(COLUMNS))
