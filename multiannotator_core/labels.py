"""The one table that everything reads: which annotator gave which label to which example."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from scipy import sparse

DUPLICATES = ("keep", "collapse", "first", "last", "drop", "error")

# The words of other tools for our three columns, tried in this order when no column is named.
_COLUMNS = {"example": ("task", "example"), "annotator": ("worker", "annotator"), "label": ("label",)}

_DIGITS = re.compile(r"(\d+)")
_TEXT_THEN_NUMBER = r"^(?P<text>[^0-9]*)(?P<digits>[0-9]{1,17})$"


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
            if _distinct(names) < len(names):
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
        names = {word: _find_column(frame, word, column) for word, column in given.items()}
        for column in (timestamp, seconds):
            if column is not None and column not in frame.columns:
                raise ValueError(_no_column(frame, column))
        if frame.empty:
            raise ValueError("The table has no rows, so there are no labels. Choose a file with at least one label.")
        if duplicates not in DUPLICATES:
            raise ValueError(f"duplicates={duplicates!r} is not known; choose one of {', '.join(DUPLICATES)}.")
        columns = {word: frame[column] for word, column in names.items()}
        for word, values in columns.items():
            _refuse_missing(values, names[word])
        example_codes, examples = encode(columns["example"], names["example"])
        annotator_codes, annotators = encode(columns["annotator"], names["annotator"])
        label_codes, observed = encode(columns["label"], names["label"])
        if classes is not None:
            label_codes, observed = _recode(label_codes, observed, classes, names["label"])
        times = None if timestamp is None else _utc(frame[timestamp], timestamp)
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
        _check_wide_numbers(values, rows, columns, frame, classes)
        label_codes, observed = encode(pd.Series(values, dtype=object).infer_objects(), "label")
        if classes is not None:
            label_codes, observed = _recode(label_codes, observed, classes, "label")
        order = natural_order(frame.columns)
        return cls(
            pd.Index(frame.index.tolist(), name="example", tupleize_cols=False),
            frame.columns.take(order).rename("annotator"),
            observed.rename("class"),
            rows.astype(np.int32),
            _ranks(order)[columns],
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
        cell = self.example.astype(np.int64) * k + self.label
        return np.bincount(cell, weights=weights, minlength=n * k).astype(np.float64).reshape(n, k)

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
            digest.update(_names_as_bytes(names))
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
        keep_example, example_names = _subset(self.examples, examples, "example")
        keep_annotator, annotator_names = _subset(self.annotators, annotators, "annotator")
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


# ---------------------------------------------------------------------- names and order


def _distinct(names: pd.Index) -> int:
    """How many different names there are. `is_unique` and `unique` of an Index would keep a hash table of them for good."""
    if names.dtype == "str":
        return int(pc.count_distinct(pa.array(names, type=pa.large_string()), mode="all").as_py())
    return len(pd.unique(names.array))


def natural_order(names: pd.Index) -> NDArray[np.intp]:
    """Positions that sort names as people do: "2" before "10", numbers before text."""
    if names.dtype == "str" and len(names):
        parts = pc.extract_regex(pa.array(names, type=pa.large_string()), _TEXT_THEN_NUMBER)
        if not parts.null_count:  # "t17", "42": keys of numpy sort a million names in a second, the general key in ten
            text, digits = _text_ranks(parts.field("text")), parts.field("digits")
            return np.lexsort((pc.utf8_length(digits), pc.cast(digits, pa.int64()), text))
    values = names.tolist()
    return np.array(sorted(range(len(values)), key=lambda i: _natural_key(values[i])), dtype=np.intp)


def _text_ranks(texts: pa.Array) -> NDArray[np.int32]:
    """The place of each text among the different ones; no Python string is made of any of a million."""
    encoded = texts.dictionary_encode()
    return _ranks(pc.array_sort_indices(encoded.dictionary).to_numpy())[encoded.indices.to_numpy()]


def _natural_key(name: Any) -> tuple[Any, ...]:
    if isinstance(name, (bool, int, float, np.number, np.bool_)):
        return (0, name)
    if isinstance(name, str):
        # Digits compare by length, then text: the same as by value, without a limit on their number.
        pieces = _DIGITS.split(name)
        chunks = tuple((len(p.lstrip("0")), p.lstrip("0")) if i % 2 else p for i, p in enumerate(pieces))
        return (1, chunks, len(name), name)
    return (2, type(name).__name__, repr(name))


def stable_order(codes: NDArray[Any], size: int) -> NDArray[np.intp]:
    """`argsort(codes, kind="stable")` for codes below `size`, in linear time.

    Turning a sparse matrix from rows to columns is a counting sort, and scipy has it in C.
    """
    if not codes.size:
        return np.arange(0)
    small = np.dtype(np.int32 if codes.size <= np.iinfo(np.int32).max else np.int64)
    places = np.arange(codes.size, dtype=small)
    row = sparse.csr_array((places, codes.astype(small, copy=False), np.array([0, codes.size], dtype=small)), shape=(1, size))
    order: NDArray[np.intp] = row.tocsc().data
    return order


def encode(values: pd.Series, column: str) -> tuple[NDArray[np.int32], pd.Index]:
    """Codes (L,) of values, and their names in natural order. Whole floats become integers."""
    if isinstance(values.dtype, pd.CategoricalDtype):
        values = values.astype(values.cat.categories.dtype)
    if pd.api.types.is_float_dtype(values.dtype) and bool((values % 1 == 0).all()):
        values = values.astype(np.int64)
    try:
        codes, unique = pd.factorize(values)
    except TypeError:
        row = next(i for i, value in enumerate(values) if not isinstance(value, Hashable))
        raise ValueError(f"Column {column!r}, row {row + 1}: {values.iloc[row]!r} is not a single value. Give one name a row.") from None
    names = unique if isinstance(unique, pd.Index) and unique.dtype == "str" else pd.Index(list(unique.tolist()), tupleize_cols=False)
    order = natural_order(names)
    return _ranks(order)[codes], names.take(order)


def _ranks(order: NDArray[np.intp]) -> NDArray[np.int32]:
    """The place of each position in an order."""
    ranks = np.empty(len(order), dtype=np.int32)
    ranks[order] = np.arange(len(order), dtype=np.int32)
    return ranks


def _recode(codes: NDArray[np.int32], observed: pd.Index, classes: Sequence[Hashable], column: str) -> tuple[NDArray[np.int32], pd.Index]:
    names = pd.Index(list(classes), tupleize_cols=False)
    if not names.is_unique:
        raise ValueError(f"classes= names {names[names.duplicated()][0]!r} twice; name each class once.")
    position = names.get_indexer(observed).astype(np.int32)
    if (position < 0).any():
        stranger = int(np.flatnonzero(position < 0)[0])
        row = int(np.flatnonzero(codes == stranger)[0])
        raise ValueError(
            f"Column {column!r}, row {row + 1}: {observed[stranger]!r} is not one of the classes {listed(names)}. "
            "Add it to classes=, or correct the label."
        )
    return position[codes], names


def _subset(names: pd.Index, wanted: Iterable[Hashable] | None, what: str) -> tuple[NDArray[np.int32], pd.Index]:
    """New code of each old one (-1: left out), and the names that stay."""
    keep = np.ones(len(names), dtype=bool)
    if wanted is not None:
        chosen = pd.Index(list(wanted), tupleize_cols=False)
        position = names.get_indexer(chosen)
        if (position < 0).any():
            raise ValueError(f"There is no {what} {chosen[position < 0][0]!r}; the labels have {listed(names)}.")
        keep[:] = False
        keep[position] = True
    return np.where(keep, np.cumsum(keep) - 1, -1).astype(np.int32), names[keep]


def listed(names: Iterable[Any], most: int = 6) -> str:
    """The first names, for a message."""
    names = list(names)
    more = f" and {len(names) - most:,} more" if len(names) > most else ""
    return ", ".join(str(name)[:60] for name in names[:most]) + more


def _names_as_bytes(names: pd.Index) -> bytes:
    values = names.tolist()
    if all(type(value) is str for value in values):
        return json.dumps(values).encode()
    return json.dumps([[type(value).__name__, repr(value)] for value in values]).encode()


# ---------------------------------------------------------------------- checks of what comes in


def _find_column(frame: pd.DataFrame, word: str, column: str | None) -> str:
    candidates = _COLUMNS[word] if column is None else (column,)
    for candidate in candidates:
        if candidate in frame.columns:
            if isinstance(frame[candidate], pd.DataFrame):
                raise ValueError(f"Two columns are called {candidate!r}; rename one of them.")
            return candidate
    raise ValueError(_no_column(frame, candidates[0]) + f" Say which column holds the {word}: {word}='…'.")


def _no_column(frame: pd.DataFrame, column: str) -> str:
    return f"There is no column {column!r}; the table has {listed(frame.columns)}."


def _refuse_missing(values: pd.Series, column: str) -> None:
    missing = values.isna().to_numpy()
    if missing.any():
        row = int(np.flatnonzero(missing)[0])
        raise ValueError(
            f"Column {column!r}, row {row + 1}: the value is missing ({values.iloc[row]!r}), and so in {int(missing.sum()):,} row(s). "
            "Fill it in, or leave such rows out with dropna()."
        )


def _check_wide_numbers(
    values: NDArray[Any], rows: NDArray[np.intp], columns: NDArray[np.intp], frame: pd.DataFrame, classes: Sequence[Hashable] | None
) -> None:
    allowed = set() if classes is None else set(classes)
    for at, value in enumerate(values):
        number = isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool)
        if number and (value < 0 or float(value) % 1 != 0) and value not in allowed:
            cell = f"Row {frame.index[rows[at]]!r}, column {frame.columns[columns[at]]!r} holds {value}"
            if value == -1:
                raise ValueError(f"{cell}. If it means 'not labelled', say missing=-1; if it is a class, name it in classes=.")
            raise ValueError(f"{cell}; labels must be class names or whole numbers from 0. If it is a class, name it in classes=.")


def _utc(values: pd.Series, column: str) -> NDArray[np.datetime64]:
    """Times as UTC instants; numbers are seconds since 1970."""
    unit = "s" if pd.api.types.is_numeric_dtype(values.dtype) else None
    times = pd.to_datetime(values, utc=True, errors="coerce", unit=unit)
    if times.isna().all() and not values.isna().all():
        raise ValueError(f"Column {column!r}, row 1: {values.iloc[0]!r} is not a time. Use ISO times such as 2026-03-02T09:14:05Z.")
    return times.dt.tz_localize(None).to_numpy("datetime64[us]")


def rows_to_keep(
    policy: str,
    example: NDArray[np.int32],
    annotator: NDArray[np.int32],
    label: NDArray[np.int32],
    times: NDArray[np.datetime64] | None,
    examples: pd.Index,
    annotators: pd.Index,
) -> NDArray[np.intp] | slice:
    """Which rows stay under a policy for repeated (example, annotator) pairs."""
    if policy == "keep":
        return slice(None)
    pair = example.astype(np.int64) * len(annotators) + annotator
    order = np.arange(pair.size) if times is None else np.argsort(times, kind="stable")  # NaT sorts last
    rows = pd.DataFrame({"pair": pair, "label": label}).iloc[order]
    repeated = rows["pair"].duplicated()
    if not repeated.any():
        return slice(None)
    if policy == "error":
        pairs = rows["pair"][repeated].unique()
        shown = ", ".join(f"({examples[p // len(annotators)]}, {annotators[p % len(annotators)]})" for p in pairs[:5])
        raise ValueError(
            f"{len(pairs):,} pairs of example and annotator occur more than once: {shown}. "
            "Choose duplicates='keep', 'collapse', 'first', 'last' or 'drop'."
        )
    if policy in ("first", "last"):
        keep = ~rows["pair"].duplicated(keep=policy)
    else:
        keep = ~rows.duplicated()
        if policy == "drop":
            keep &= ~rows["pair"].isin(rows["pair"][keep & rows["pair"][keep].duplicated().reindex(rows.index, fill_value=False)])
    return np.sort(order[keep.to_numpy()])
