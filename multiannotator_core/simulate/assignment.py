"""Who labels what: distinct annotators for each example, without a table of all pairs."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from ..names import stable_order
from .loads import weighted_columns

# Labels handled at once. Large enough that numpy's overhead vanishes, small enough that a block stays in the cache
# and that the memory beside the result does not grow with the crowd.
BLOCK = 1 << 19

Codes = NDArray[np.int32]
Counts = NDArray[np.int64]


def assign(
    rng: np.random.Generator,
    n_examples: int,
    n_annotators: int,
    *,
    per_example: int,
    per_annotator: int | Counts | None,
    imbalance: bool,
    weight: NDArray[np.float64] | None = None,
) -> tuple[Codes, Codes]:
    """Codes (L,) of example and annotator of each label, sorted by example; no pair occurs twice.

    Args:
        per_example: labels of each example, by distinct annotators.
        per_annotator: labels of each annotator, on distinct examples, one number or (J,); takes the place of per_example.
        imbalance: draw the numbers uniformly from 1 to the given one.
        weight: (J,) how often each annotator is asked, relative to the others; None: all the same.
    """
    rows, columns = (n_examples, n_annotators) if per_annotator is None else (n_annotators, n_examples)
    degree = np.full(rows, per_example if per_annotator is None else per_annotator, dtype=np.int64)
    if imbalance:
        degree = np.minimum(degree, rng.integers(1, np.maximum(degree, 1), endpoint=True))
    row = np.repeat(np.arange(rows, dtype=np.int32), degree)
    column = np.empty(len(row), dtype=np.int32)
    for block, part in blocks(degree):
        column[part] = distinct_columns(rng, degree[block], columns) if weight is None else weighted_columns(rng, degree[block], weight)
    if per_annotator is None:
        return row, column
    order = stable_order(column, n_examples)
    return column[order], row[order]


def blocks(degree: Counts) -> Iterator[tuple[slice, slice]]:
    """Slices of rows with about BLOCK entries, each with the slice of its entries; degree (R,) is the entries of each row."""
    end = np.cumsum(degree)
    cuts = np.unique(np.append(np.searchsorted(end, np.arange(BLOCK, end[-1], BLOCK)), len(degree)))
    row = entry = 0
    for cut in cuts.tolist():
        if cut > row:
            yield slice(row, cut), slice(entry, int(end[cut - 1]))
            row, entry = cut, int(end[cut - 1])


def distinct_columns(rng: np.random.Generator, degree: Counts, size: int) -> Counts:
    """For each row r a uniformly chosen set of degree[r] of `size` columns, one after the other, each sorted."""
    mostly = degree > size // 2  # cheaper to draw who is left out
    pair = _distinct_pairs(rng, np.where(mostly, size - degree, degree), size)
    if mostly.any():
        pair = _complement(pair, mostly, size)
    columns: Counts = pair % size
    return columns


def _distinct_pairs(rng: np.random.Generator, degree: Counts, size: int) -> Counts:
    """Sorted codes row * size + column without repeats, degree[r] of them in row r.

    All columns are drawn at once, and those that repeat within their row are drawn again. No column is treated
    differently from another, so every set of columns has the same chance.
    """
    kept = np.empty(0, dtype=np.int64)
    missing = np.repeat(np.arange(len(degree), dtype=np.int64), degree)
    while missing.size:
        pair = np.sort(missing * size + rng.integers(size, size=len(missing)))
        new = np.ones(len(pair), dtype=bool)
        new[1:] = pair[1:] != pair[:-1]
        if kept.size:
            new &= kept[np.minimum(np.searchsorted(kept, pair), len(kept) - 1)] != pair
        missing = pair[~new] // size
        kept = np.sort(np.concatenate([kept, pair[new]]), kind="stable")  # two sorted runs: a merge
    return kept


def _complement(pair: Counts, mostly: NDArray[np.bool_], size: int) -> Counts:
    """Codes in which the rows marked `mostly` hold all columns but those of `pair`; the other rows stay."""
    rows = np.flatnonzero(mostly)
    place = np.cumsum(mostly) - 1
    left_out = mostly[pair // size]
    taken = np.ones((len(rows), size), dtype=bool)
    taken[place[pair[left_out] // size], pair[left_out] % size] = False
    row, column = np.nonzero(taken)
    return np.sort(np.concatenate([pair[~left_out], rows[row] * size + column]), kind="stable")
