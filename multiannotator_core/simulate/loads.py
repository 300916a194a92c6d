"""How unequal the loads of annotators are, and who is asked then: distinct annotators for each example, some more often than others."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from . import stable

Counts = NDArray[np.int64]
Floats = NDArray[np.float64]

LOADS = ("equal", "heavy-tailed")

# Standard deviation of the logarithm of the loads. Of nine public crowds in which annotators chose how much to label, it is 0.7 to 1.7
# with a median of 1.5: a tenth of the annotators then gives half of the labels.
LOG_SPREAD = 1.5

# Rounds in which repeats are drawn again, before those who are left are drawn from a table of who is not taken yet.
ROUNDS = 8

# Cells of that table at once.
CELLS = 1 << 22


def relative_loads(rng: stable.Random, load: str | ArrayLike, n_annotators: int) -> Floats | None:
    """(J,) how often each annotator is asked, relative to the others; None: all the same.

    Args:
        load: "equal", "heavy-tailed" (a log-normal as in real crowds), or (J,) numbers above 0.

    Raises:
        ValueError: an unknown word, another number of annotators, or a number that is not above 0.
    """
    if isinstance(load, str):
        if load not in LOADS:
            raise ValueError(f"load must be one of {', '.join(LOADS)}, or a number for each annotator; got {load!r}.")
        return None if load == "equal" else np.exp(stable.normal(rng, 0.0, LOG_SPREAD, n_annotators))
    given = np.asarray(load, dtype=np.float64)
    if given.shape != (n_annotators,):
        raise ValueError(f"load has shape {given.shape}, but there are {n_annotators} annotators; give one number for each.")
    if not (np.isfinite(given) & (given > 0)).all():
        raise ValueError(f"load must hold numbers above 0, got {float(given[~(np.isfinite(given) & (given > 0))][0])!r}.")
    return given


def weighted_columns(rng: stable.Random, degree: Counts, weight: Floats) -> Counts:
    """For each row r degree[r] distinct columns, one after the other, each sorted.

    Every column is drawn in proportion to its weight among those that the row does not have yet (successive sampling). All are
    drawn at once; what a row has already is drawn again, which is the same as not having been drawn.
    """
    size = len(weight)
    upper = np.cumsum(weight / weight.sum())[:-1]
    kept = np.empty(0, dtype=np.int64)
    mostly = degree > size // 2  # repeats would be too many
    missing = np.repeat(np.flatnonzero(~mostly), degree[~mostly])
    for _ in range(ROUNDS):
        if not missing.size:
            break
        pair = np.sort(missing * size + np.searchsorted(upper, rng.random(len(missing)), side="right"))
        new = np.ones(len(pair), dtype=bool)
        new[1:] = pair[1:] != pair[:-1]
        if kept.size:
            new &= kept[np.minimum(np.searchsorted(kept, pair), len(kept) - 1)] != pair
        missing = pair[~new] // size
        kept = np.sort(np.concatenate([kept, pair[new]]), kind="stable")
    wanted = np.where(mostly, degree, 0) + np.bincount(missing, minlength=len(degree))
    columns: Counts = np.sort(np.concatenate([kept, *_by_waiting(rng, wanted, kept, weight)]), kind="stable") % size
    return columns


def _by_waiting(rng: stable.Random, wanted: Counts, taken: Counts, weight: Floats) -> list[Counts]:
    """Codes row * size + column of wanted[r] further columns of each row: the shortest exponential waiting times among those not taken.

    Efraimidis & Spirakis 2006: the order of waiting times with rates `weight` is that of successive sampling.
    """
    size, rows = len(weight), np.flatnonzero(wanted)
    found = []
    for start in range(0, len(rows), max(1, CELLS // size)):
        block = rows[start : start + max(1, CELLS // size)]
        waiting = -np.log1p(-rng.random((len(block), size))) / weight
        mine = taken[np.isin(taken // size, block)]
        waiting[np.searchsorted(block, mine // size), mine % size] = np.inf
        most = int(wanted[block].max())
        order = np.argsort(waiting, axis=1, kind="stable")[:, :most]
        chosen = np.arange(most) < wanted[block][:, None]
        found.append((block[:, None] * size + order)[chosen])
    return found
