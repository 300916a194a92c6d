"""Methods × data × seeds: every cell is measured once, kept in a folder, and never computed again."""

from __future__ import annotations

import hashlib
import json
import os
import time
import tracemalloc
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..aggregation import METHODS, Cancelled, aggregate, obstacle
from ..evaluate import evaluate, scored
from ..threads import usable_threads, use_threads
from .sources import Judged, Source

# Changes when the numbers of a cell would: results of another version are not taken for these.
VERSION = 2

# A run this short is timed several times and the fastest counts: the first one also fills caches, and a busy machine only adds.
SHORT = 0.05
REPEATS = 3

METRICS = ("accuracy", "accuracy_ties_split", "macro_f1", "log_loss", "ece", "auroc", "auprc", "annotator_spearman")
LOW_IS_GOOD = ("log_loss", "ece", "seconds", "peak_mb")

OnProgress = Callable[[int, int], object]


@dataclass(frozen=True)
class Contender:
    """A method with options."""

    method: str
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def title(self) -> str:
        """The method's title and the options that were given."""
        return ", ".join([METHODS[self.method].title, *(f"{key} {value}" for key, value in self.options.items())])


@dataclass(frozen=True, eq=False)
class Cell:
    """One run: a contender on the set of a seed."""

    source: Source
    contender: Contender
    seed: int
    weigh: bool = False  # also measure memory, in a run of its own, since that slows the clock

    def file(self, source_key: str) -> str:
        """The name of its result; equal for equal runs only."""
        what = [VERSION, source_key, self.contender.method, dict(self.contender.options), self.seed, self.weigh]
        return hashlib.blake2b(json.dumps(what, sort_keys=True, default=str).encode(), digest_size=12).hexdigest() + ".json"


def contender(text: str) -> Contender:
    """A method from `glad` or `dawid_skene_clusters:n_clusters=10,tol=0`.

    Raises:
        ValueError: an unknown method or option, or a value that the option cannot take.
    """
    name, _, rest = text.partition(":")
    if name not in METHODS:
        raise ValueError(f"There is no method {name!r}; choose one of {', '.join(METHODS)}.")
    defaults, options = METHODS[name].options, {}
    for part in filter(None, rest.split(",")):
        key, _, value = part.partition("=")
        if key not in defaults:
            raise ValueError(f"{METHODS[name].title} has no option {key!r}; its options: {', '.join(defaults) or 'none'}.")
        kind = type(defaults[key])
        try:
            options[key] = {"true": True, "false": False}[value.casefold()] if kind is bool else kind(value)
        except (ValueError, KeyError):
            raise ValueError(f"{text}: {key} takes a {kind.__name__}, such as {defaults[key]}, and not {value!r}.") from None
    return Contender(name, options)


def cells(contenders: Iterable[Contender], sources: Iterable[Source], seeds: int) -> list[Cell]:
    """All cells, seed by seed, so that a run that is stopped early has compared all methods on some.

    Raises:
        ValueError: there is nothing to run.
    """
    contenders, sources = list(contenders), list(sources)
    if not contenders or not sources or seeds < 1:
        raise ValueError("Choose at least one method, one set of data and one seed.")
    return [Cell(source, one, seed, seed == 0) for seed in range(seeds) for source in sources for one in contenders]


def run(todo: Sequence[Cell], *, folder: str | Path | None = None, jobs: int = 1, on_progress: OnProgress | None = None) -> pd.DataFrame:
    """Measure all cells, one row each in their order.

    Args:
        folder: where results are kept; cells whose result is there are not computed again. None: nothing is kept.
        jobs: processes; 1 runs in this one, 0 takes all cores.
        on_progress: called with (cells done, cells in all); raising `Cancelled` in it stops the run, and what is done stays.

    Returns:
        data, share (of the examples in a seed), method, title, seed,
        METRICS and the lifts of `evaluate`, n_iter, seconds, peak_mb (of the first seed; MiB above
        what was in use), and trouble: why a cell has no numbers.

    Raises:
        Cancelled: when on_progress raised it.
    """
    shelf = None if folder is None else Path(folder)
    if shelf is not None:
        shelf.mkdir(parents=True, exist_ok=True)
    keys = {id(source): source.key for source in {id(cell.source): cell.source for cell in todo}.values()}
    paths = [None if shelf is None else shelf / cell.file(keys[id(cell.source)]) for cell in todo]
    rows: dict[int, dict[str, Any]] = {at: kept for at, path in enumerate(paths) if (kept := _kept(path)) is not None}
    tell = on_progress or (lambda done, total: None)
    tell(len(rows), len(todo))
    missing = [at for at in range(len(todo)) if at not in rows]
    for at, row in _measured(todo, missing, jobs or usable_threads()):
        rows[at] = row
        _keep(paths[at], row)
        tell(len(rows), len(todo))
    named = [
        {"data": cell.source.name, "share": cell.source.share, "title": cell.contender.title, **rows[at]} for at, cell in enumerate(todo)
    ]
    return pd.DataFrame(named)


def measure(cell: Cell, judged: Judged | None = None) -> dict[str, Any]:
    """The numbers of one cell, or the reason why there are none."""
    judged = cell.source.draw(cell.seed) if judged is None else judged
    method = cell.contender.method
    row: dict[str, Any] = {"method": method, "seed": cell.seed}
    trouble = obstacle(judged.labels, method, pred_probs=judged.pred_probs)
    if trouble:
        return row | {"trouble": trouble}

    def once() -> Any:
        return aggregate(judged.labels, method, pred_probs=judged.pred_probs, seed=cell.seed, **dict(cell.contender.options))

    try:
        result, seconds = _timed(once)
        peak = _peak(once) if cell.weigh else None
    except ValueError as error:
        return row | {"trouble": str(error)}
    metrics = evaluate(judged.labels, result, judged.truth, judged.annotator_truth)
    return {**row, **metrics, "n_iter": result.n_iter, "seconds": seconds, "peak_mb": peak, "trouble": None}


def claims(cell: Cell) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Quality claimed (n,) and whether it was right (n,), for each example of a cell whose class is known: for a reliability diagram.

    Raises:
        ValueError: the method cannot run there.
    """
    judged, contender = cell.source.draw(cell.seed), cell.contender
    result = aggregate(judged.labels, contender.method, pred_probs=judged.pred_probs, seed=cell.seed, **dict(contender.options))
    known = scored(judged.labels, result, judged.truth)
    return known.quality, known.correct


def _timed(once: Callable[[], Any]) -> tuple[Any, float]:
    """The result, and its wall seconds."""
    result: Any = None
    spent: list[float] = []
    while not spent or (len(spent) < REPEATS and max(spent) < SHORT):
        started = time.perf_counter()
        result = once()
        spent.append(time.perf_counter() - started)
    return result, min(spent)


def _peak(once: Callable[[], Any]) -> float | None:
    """MiB that a run holds at most beyond what was in use; None where something else is being traced."""
    if tracemalloc.is_tracing():
        return None
    tracemalloc.start()
    try:
        once()
        return tracemalloc.get_traced_memory()[1] / 2**20
    finally:
        tracemalloc.stop()


def _measured(todo: Sequence[Cell], missing: Sequence[int], jobs: int) -> Iterable[tuple[int, dict[str, Any]]]:
    """Rows by place in `todo`, as they get done."""
    if jobs == 1 or len(missing) < 2:
        drawn: tuple[Source | None, int, Judged | None] = (None, -1, None)
        for at in missing:
            cell = todo[at]
            if drawn[0] is not cell.source or drawn[1] != cell.seed:
                drawn = (cell.source, cell.seed, cell.source.draw(cell.seed))
            yield at, measure(cell, drawn[2])
        return
    # Not forked: a server with threads of its own may hold locks at that moment. One thread each, as the cores are taken.
    pool = ProcessPoolExecutor(min(jobs, len(missing)), mp_context=get_context("spawn"), initializer=use_threads, initargs=(1,))
    try:
        under_way = {pool.submit(measure, todo[at]): at for at in missing}
        while under_way:
            done, _ = wait(under_way, return_when=FIRST_COMPLETED)
            for future in done:
                yield under_way.pop(future), future.result()
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _kept(path: Path | None) -> dict[str, Any] | None:
    """A result from the folder; one that is damaged is computed again."""
    try:
        row = None if path is None else json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return None
    return row if isinstance(row, dict) and {"method", "seed", "trouble"} <= row.keys() else None


def _keep(path: Path | None, row: Mapping[str, Any]) -> None:
    if path is not None:
        aside = path.with_suffix(f".{os.getpid()}.part")
        aside.write_text(json.dumps(dict(row)), "utf-8")
        aside.replace(path)


__all__ = ["LOW_IS_GOOD", "METRICS", "Cancelled", "Cell", "Contender", "cells", "claims", "contender", "measure", "run"]
