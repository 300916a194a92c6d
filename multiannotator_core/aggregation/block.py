"""Some examples with all their labels: what a step of a blockwise method sees."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from ..labels import CrowdLabels

Floats = NDArray[np.float64]

# Labels in a block: large enough that starting it costs nothing, small enough that its posterior stays in the cache.
BLOCK = 1 << 17
# Cells (examples x classes) in a block, where classes are many and labels few.
MOST_CELLS = 1 << 22
# Labels in a block, where annotators are so many that a block's own table of counts is large.
MOST_LABELS = 1 << 22


@dataclass(frozen=True, eq=False)
class Block:
    """Some examples with all their labels; it reads like a `CrowdLabels` whose names are numbers.

    Attributes:
        examples, annotators, classes: numbers of the n examples of this block from 0, and of all J annotators and K classes.
        first_label: (n + 1,) where the labels of each example begin, from 0, and l at the end.
        annotator, label: int32 codes (l,).
        gold: (n,) class codes, -1 unknown, or None. start: (n, K) posterior of an earlier run, or None.
        models: each (n, K) probabilities of a model.
    """

    examples: range
    annotators: range
    classes: range
    first_label: NDArray[np.int64]
    annotator: NDArray[np.int32]
    label: NDArray[np.int32]
    gold: NDArray[np.int32] | None = None
    start: Floats | None = None
    models: tuple[Floats, ...] = ()
    _derived: dict[Callable[[Block], Any], Any] = field(default_factory=dict, repr=False)

    def __len__(self) -> int:
        """The number of labels."""
        return len(self.label)

    @cached_property
    def labels_per_example(self) -> NDArray[np.int64]:
        """(n,) number of labels of each example."""
        return np.diff(self.first_label)

    @cached_property
    def example(self) -> NDArray[np.intp]:
        """(l,) number of the example of each label, in the width that indexing and bincount want."""
        return np.repeat(np.arange(len(self.examples), dtype=np.intp), self.labels_per_example)

    @cached_property
    def who(self) -> NDArray[np.intp]:
        """(l,) the annotator of each label, in the same width."""
        return self.annotator.astype(np.intp)

    @cached_property
    def votes(self) -> Floats:
        """How many labels each example got for each class: (n, K)."""
        return self.weighted_votes()

    @cached_property
    def incidence(self) -> sparse.csr_array:
        """[example, annotator * K + given class], one non-zero for each label."""
        n_classes = len(self.classes)
        n_columns = len(self.annotators) * n_classes
        width = np.dtype(np.int64 if n_columns > np.iinfo(np.int32).max else np.int32)
        columns = self.annotator.astype(width) * width.type(n_classes) + self.label
        parts = (_ones(len(self)), columns, self.first_label.astype(width))
        return sparse.csr_array(parts, shape=(len(self.examples), n_columns))

    def weighted_votes(self, weights: Floats | None = None) -> Floats:
        """Sum of the weights (l,) of the labels that each example got for each class: (n, K)."""
        n, k = len(self.examples), len(self.classes)
        cell = self.example * k + self.label
        return np.bincount(cell, weights=weights, minlength=n * k).astype(np.float64, copy=False).reshape(n, k)

    def by_annotator(self, values: NDArray[Any] | None = None) -> Floats:
        """(J,) sum of the values (l,) of each annotator's labels; their number without values."""
        return np.bincount(self.who, weights=values, minlength=len(self.annotators)).astype(np.float64, copy=False)

    def counts(self, posterior: Floats) -> Floats:
        """counts[j, given, true]: how often j said `given` where the truth is believed to be `true`, by a posterior (n, K)."""
        product: Floats = self.incidence.T @ posterior
        return product.reshape(len(self.annotators), len(self.classes), -1)

    def derived(self, make: Callable[[Block], Any]) -> Any:
        """make(block), made once as long as the block is kept."""
        if make not in self._derived:
            self._derived[make] = make(self)
        return self._derived[make]


@dataclass(frozen=True, eq=False)
class Codes:
    """The labels of all blocks as arrays, or as anything whose slices are arrays: a file, for one.

    `first_label` (N + 1,) says where the labels of each example begin; `annotator` and `label` are (L,).
    """

    first_label: Any
    annotator: Any
    label: Any
    labels_per_annotator: NDArray[np.int64]
    labels_per_class: NDArray[np.int64]


def codes_of(labels: CrowdLabels) -> Codes:
    """The arrays of a `CrowdLabels`."""
    first_label = np.concatenate([[0], np.cumsum(labels.labels_per_example)])
    return Codes(first_label, labels.annotator, labels.label, labels.labels_per_annotator, labels.labels_per_class)


def block_bounds(first_label: Any, shape: tuple[int, int, int]) -> NDArray[np.int64]:
    """Examples at which blocks begin, and N at the end, for labels that begin at `first_label` (N + 1,)."""
    n_examples, n_annotators, n_classes = shape
    n_labels = int(first_label[n_examples])
    # A block adds one table of counts, so it should hold more labels than that table has rows.
    size = max(BLOCK, min(4 * n_annotators * n_classes, MOST_LABELS))
    n_blocks = max(1, n_labels // size, n_examples * n_classes // MOST_CELLS)
    cuts = np.searchsorted(first_label, np.linspace(0, n_labels, n_blocks + 1)[1:-1])
    return np.unique(np.concatenate([[0], cuts, [n_examples]])).astype(np.int64)


def cut(
    codes: Codes,
    shape: tuple[int, int, int],
    begin: int,
    end: int,
    gold: NDArray[np.int32] | None = None,
    start: Floats | None = None,
    models: tuple[Floats, ...] = (),
) -> Block:
    """The block of the examples from `begin` to `end`."""
    pointers = np.asarray(codes.first_label[begin : end + 1])
    first, last = int(pointers[0]), int(pointers[-1])
    rows = slice(begin, end)
    return Block(
        range(end - begin),
        range(shape[1]),
        range(shape[2]),
        pointers - first,
        np.asarray(codes.annotator[first:last], dtype=np.int32),
        np.asarray(codes.label[first:last], dtype=np.int32),
        None if gold is None else gold[rows],
        None if start is None else start[rows],
        tuple(model[rows] for model in models),
    )


def _ones(n: int) -> Floats:
    """n ones; blocks share them, for they are as many as the labels."""
    return _at_least(1 << max(n - 1, 1).bit_length())[:n]


@lru_cache(maxsize=2)
def _at_least(n: int) -> Floats:
    ones = np.ones(n)
    ones.flags.writeable = False
    return ones
