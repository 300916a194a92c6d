"""The one table that everything reads: which annotator gave which label to which example."""

from __future__ import annotations

import hashlib
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from .incoming import DUPLICATES, check_wide_numbers, find_column, no_column, refuse_missing, rows_to_keep, utc
from .names import CHUNK, distinct, encode, names_as_bytes, natural_order, ranks, recode, stable_order, subset


@dataclass(frozen=True, eq=False)
class CrowdLabels:
    """All labels of a crowd: L rows over N examples, J annotators and K classes.

    Build it with `from_long` or `from_wide`. Rows are sorted by example, then annotator, label and time,
    whatever order they came in, so that the same labels always give the same table. All arrays are read-only.

    Attributes:
        examples, annotators, classes: names (N,), (J,), (K,); any hashable, unique.
        example, annotator, label: int32 codes (L,) into those names.
        timestamp: (L,) datetime64[us] in UTC, NaT where unknown, or None.
        seconds: (L,) time spent on each label in seconds, NaN where unknown, or None.
    """

    examples: pd.Index
    annotators: pd.Index
    classes: pd.Index
    example: NDArray[np.int32]
    annotator: NDArray[np.int32]
    label: NDArray[np.int32]
    timestamp: NDArray[np.datetime64] | None = None
    seconds: NDArray[np.float64] | None = None

    def __post_init__(self) -> None:
        columns = {"example": self.examples, "annotator": self.annotators, "label": self.classes}
        for column, names in columns.items():
            if distinct(names) < len(names):
                raise ValueError(f"The {column} name {names[names.duplicated()][0]!r} occurs twice; names must be unique.")
            codes = np.asarray(getattr(self, column), dtype=np.int32)
            if codes.shape != (len(self),):
                raise ValueError(f"There are {len(self)} labels, but {column} has shape {codes.shape}.")
            if codes.size and not 0 <= codes.min() <= codes.max() < len(names):
                raise ValueError(f"The {column} codes run from {codes.min()} to {codes.max()}, but there are {len(names)} names.")
        order = self._canonical_order()
        for column in (*columns, "timestamp", "seconds"):
            values = getattr(self, column)
            if values is not None:
                dtype = np.dtype({"timestamp": "datetime64[us]", "seconds": "float64"}.get(column, "int32"))
                values = np.asarray(values, dtype=dtype)[order]
                values.flags.writeable = False
                object.__setattr__(self, column, values)

    def _canonical_order(self) -> NDArray[np.intp]:
        """Order by example, annotator, label, time and seconds: sorts from the last key to the first, each stable."""
        order: NDArray[np.intp] | None = None
        for times in (self.seconds, self.timestamp):
            if times is not None:
                values = np.asarray(times)
                order = np.argsort(values, kind="stable") if order is None else order[np.argsort(values[order], kind="stable")]
        for codes, names in ((self.label, self.classes), (self.annotator, self.annotators), (self.example, self.examples)):
            codes = np.asarray(codes)
            order = stable_order(codes, len(names)) if order is None else order[stable_order(codes[order], len(names))]
        assert order is not None
        return order

    # ------------------------------------------------------------------ building

    @classmethod
    def from_long(
        cls,
        frame: pd.DataFrame,
        example: str | None = None,
        annotator: str | None = None,
        label: str | None = None,
        *,
        classes: Sequence[Hashable] | None = None,
        duplicates: str = "keep",
        timestamp: str | None = None,
        seconds: str | None = None,
    ) -> CrowdLabels:
        """Read a table with one row for each label.

        Args:
            frame: at least three columns.
            example, annotator, label: column names; without them `task` or `example`, `worker` or `annotator`,
                and `label` are taken.
            classes: the K classes in their order; default: the labels that occur, in natural order.
            duplicates: what to do when an annotator labelled an example more than once. `keep` counts each label;
                `collapse` keeps one row of equal labels; `first` and `last` keep one row a pair (by time where
                there is one, else by row); `drop` removes the pairs whose labels contradict each other and keeps
                one row of the others; `error` refuses.
            timestamp, seconds: names of columns with the time of each label, and the seconds spent on it.

        Raises:
            ValueError: a column, value or class is missing or wrong; the message names the place and the mend.
        """
        given = {"example": example, "annotator": annotator, "label": label}
        names = {word: find_column(frame, word, column) for word, column in given.items()}
        for column in (timestamp, seconds):
            if column is not None and column not in frame.columns:
                raise ValueError(no_column(frame, column))
        if frame.empty:
            raise ValueError("The table has no rows, so there are no labels. Choose a file with at least one label.")
        if duplicates not in DUPLICATES:
            raise ValueError(f"duplicates={duplicates!r} is not known; choose one of {', '.join(DUPLICATES)}.")
        columns = {word: frame[column] for word, column in names.items()}
        for word, values in columns.items():
            refuse_missing(values, names[word])
        example_codes, examples = encode(columns["example"], names["example"])
        annotator_codes, annotators = encode(columns["annotator"], names["annotator"])
        label_codes, observed = encode(columns["label"], names["label"])
        if classes is not None:
            label_codes, observed = recode(label_codes, observed, classes, names["label"])
        times = None if timestamp is None else utc(frame[timestamp], timestamp)
        spent = None if seconds is None else pd.to_numeric(frame[seconds], errors="coerce").to_numpy(np.float64, na_value=np.nan)
        rows = rows_to_keep(duplicates, example_codes, annotator_codes, label_codes, times, examples, annotators)
        return cls(
            examples.rename("example"),
            annotators.rename("annotator"),
            observed.rename("class"),
            example_codes[rows],
            annotator_codes[rows],
            label_codes[rows],
            None if times is None else times[rows],
            None if spent is None else spent[rows],
        )

    @classmethod
    def from_wide(
        cls, frame: pd.DataFrame | NDArray[Any], *, classes: Sequence[Hashable] | None = None, missing: Any = None
    ) -> CrowdLabels:
        """Read a table with one row for each example and one column for each annotator.

        Args:
            frame: (N, J); NaN, None and pd.NA mean "not labelled". Rows keep their order. Numbers must be whole.
            classes: the K classes in their order; default: the labels that occur, in natural order.
            missing: one more value that means "not labelled", such as -1.

        Raises:
            ValueError: names the cell that is no label, and the mend.
        """
        if np.ndim(frame) != 2:
            raise ValueError(f"A wide table has examples as rows and annotators as columns; this one has {np.ndim(frame)} dimension(s).")
        frame = pd.DataFrame(frame)
        for names, what in ((frame.index, "row"), (frame.columns, "column")):
            if not names.is_unique:
                raise ValueError(f"Two {what}s of the wide table are called {names[names.duplicated()][0]!r}; give each its own name.")
        cells = frame.to_numpy(dtype=object, na_value=None)
        labelled = ~pd.isna(cells)
        if missing is not None:
            labelled &= ~(cells == missing)
        if not labelled.any():
            raise ValueError("The wide table holds no label: every cell is empty.")
        rows, columns = np.nonzero(labelled)
        values = cells[labelled]
        check_wide_numbers(values, rows, columns, frame, classes)
        label_codes, observed = encode(pd.Series(values, dtype=object).infer_objects(), "label")
        if classes is not None:
            label_codes, observed = recode(label_codes, observed, classes, "label")
        order = natural_order(frame.columns)
        return cls(
            pd.Index(frame.index.tolist(), name="example", tupleize_cols=False),
            frame.columns.take(order).rename("annotator"),
            observed.rename("class"),
            rows.astype(np.int32),
            ranks(order)[columns],
            label_codes,
        )

    # ------------------------------------------------------------------ reading

    def __len__(self) -> int:
        """L, the number of labels."""
        return len(self.example)

    def __repr__(self) -> str:
        n, j, k = len(self.examples), len(self.annotators), len(self.classes)
        return f"CrowdLabels({len(self):,} labels of {n:,} examples by {j:,} annotators, {k:,} classes)"

    def weighted_votes(self, weights: NDArray[np.float64] | None = None) -> NDArray[np.float64]:
        """Sum of the weights (L,) of the labels that each example got for each class: (N, K)."""
        n, k = len(self.examples), len(self.classes)
        votes = np.empty((n, k))
        size = max(1, CHUNK // max(k, 1))  # examples at a time: their labels are neighbours, so no copy of a whole column is made
        cuts = self.example.searchsorted(np.append(np.arange(0, n, size), n).astype(np.int32))
        for block, (first, last) in enumerate(pairwise(cuts)):
            into = votes[block * size : (block + 1) * size]
            cell = (self.example[first:last] - block * size).astype(np.intp) * k + self.label[first:last]
            of_block = None if weights is None else weights[first:last]
            into[:] = np.bincount(cell, weights=of_block, minlength=into.size).reshape(into.shape)
        return votes

    @cached_property
    def votes(self) -> NDArray[np.float64]:
        """How many labels each example got for each class: (N, K)."""
        votes = self.weighted_votes()
        votes.flags.writeable = False
        return votes

    @cached_property
    def labels_per_example(self) -> NDArray[np.int64]:
        """(N,) number of labels of each example."""
        return np.bincount(self.example, minlength=len(self.examples))

    @cached_property
    def labels_per_annotator(self) -> NDArray[np.int64]:
        """(J,) number of labels of each annotator."""
        return np.bincount(self.annotator, minlength=len(self.annotators))

    @cached_property
    def labels_per_class(self) -> NDArray[np.int64]:
        """(K,) number of labels that say each class."""
        return np.bincount(self.label, minlength=len(self.classes))

    @cached_property
    def repeated(self) -> int:
        """How many labels repeat an earlier (example, annotator) pair."""
        if not len(self):
            return 0
        same = (self.example[1:] == self.example[:-1]) & (self.annotator[1:] == self.annotator[:-1])
        return int(same.sum())

    @cached_property
    def fingerprint(self) -> str:
        """A hash of everything in the table: equal fingerprints mean equal labels, names, classes and times."""
        digest = hashlib.blake2b(digest_size=16)
        for names in (self.examples, self.annotators, self.classes):
            digest.update(names_as_bytes(names))
        for values in (self.example, self.annotator, self.label, self.timestamp, self.seconds):
            digest.update(b"-" if values is None else np.ascontiguousarray(values).tobytes())
        return digest.hexdigest()

    def to_long(self) -> pd.DataFrame:
        """One row for each label: example, annotator, label, and timestamp and seconds where they are known."""
        frame = pd.DataFrame(
            {
                "example": self.examples.take(self.example),
                "annotator": self.annotators.take(self.annotator),
                "label": self.classes.take(self.label),
            }
        )
        if self.timestamp is not None:
            frame["timestamp"] = pd.Series(self.timestamp).dt.tz_localize("UTC")
        if self.seconds is not None:
            frame["seconds"] = self.seconds
        return frame

    def to_wide(self) -> pd.DataFrame:
        """(N, J) class names, missing where an annotator did not label an example.

        Raises:
            ValueError: a pair was labelled twice; a wide table has one cell for it.
        """
        if self.repeated:
            raise ValueError(
                f"{self.repeated} labels repeat a pair of example and annotator, and a wide table holds one label a pair. "
                "Build the labels with duplicates='last' (or another policy) first."
            )
        cells = np.full((len(self.examples), len(self.annotators)), None, dtype=object)
        cells[self.example, self.annotator] = self.classes.to_numpy(dtype=object)[self.label]
        return pd.DataFrame(cells, index=self.examples, columns=self.annotators)

    def select(self, examples: Iterable[Hashable] | None = None, annotators: Iterable[Hashable] | None = None) -> CrowdLabels:
        """The labels of some examples by some annotators (names); the class list and the order of names stay.

        Examples and annotators that lose all their labels stay in the table, so that no id disappears unasked.

        Raises:
            ValueError: a name is not in the table.
        """
        keep_example, example_names = subset(self.examples, examples, "example")
        keep_annotator, annotator_names = subset(self.annotators, annotators, "annotator")
        rows = (keep_example[self.example] >= 0) & (keep_annotator[self.annotator] >= 0)
        return CrowdLabels(
            example_names,
            annotator_names,
            self.classes,
            keep_example[self.example[rows]],
            keep_annotator[self.annotator[rows]],
            self.label[rows],
            None if self.timestamp is None else self.timestamp[rows],
            None if self.seconds is None else self.seconds[rows],
        )
