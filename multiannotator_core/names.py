"""Names of examples, annotators and classes: their natural order, their codes, and how a message lists them."""

from __future__ import annotations

import json
import re
from collections.abc import Hashable, Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from scipy import sparse

_DIGITS = re.compile(r"(\d+)")
_TEXT_THEN_NUMBER = r"^(?P<text>[^0-9]*)(?P<digits>[0-9]{1,17})$"

# Whole numbers lie close together if they spread over at most so many times as many numbers as there are of them.
CLOSE = 4

# Rows that are worked on at a time where a temporary copy of a whole column would double the memory.
CHUNK = 1 << 16


def distinct(names: pd.Index) -> int:
    """How many different names there are. `is_unique` and `unique` of an Index would keep a hash table of them for good."""
    if names.dtype == "str":
        different = int(pc.count_distinct(pa.array(names, type=pa.large_string()), mode="all").as_py())
        if len(names) > CHUNK:
            pa.default_memory_pool().release_unused()  # the hash table of a million names takes 100 MB
        return different
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
    of_texts = ranks(pc.array_sort_indices(encoded.dictionary).to_numpy())
    places: NDArray[np.int32] = of_texts[encoded.indices.to_numpy()]
    return places


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
    if isinstance(values.dtype, np.dtype) and values.dtype.kind in "iu" and values.dtype != np.uint64:
        return _encode_whole(values.to_numpy())
    if values.dtype == "str":
        return _encode_texts(values)
    try:
        codes, unique = pd.factorize(values)
    except TypeError:
        row = next(i for i, value in enumerate(values) if not isinstance(value, Hashable))
        raise ValueError(f"Column {column!r}, row {row + 1}: {values.iloc[row]!r} is not a single value. Give one name a row.") from None
    names = pd.Index(list(unique.tolist()), tupleize_cols=False)
    order = natural_order(names)
    return ranks(order)[codes], names.take(order)


def _encode_whole(values: NDArray[Any]) -> tuple[NDArray[np.int32], pd.Index]:
    """`encode` for whole numbers: where they lie close together, a table of those that occur takes the place of hashing."""
    lowest, highest = (int(values.min()), int(values.max())) if len(values) else (0, -1)
    if highest - lowest >= CLOSE * len(values):
        codes, unique = pd.factorize(values)
        order = np.argsort(unique)
        return ranks(order)[codes], pd.Index(unique[order].astype(np.int64))
    occurs = np.zeros(highest - lowest + 1, dtype=bool)
    chunks = [slice(start, start + CHUNK) for start in range(0, len(values), CHUNK)]  # so that no copy of all values is made
    for chunk in chunks:
        occurs[values[chunk].astype(np.int64) - lowest] = True
    place = np.cumsum(occurs, dtype=np.int32) - 1
    codes = np.empty(len(values), dtype=np.int32)
    for chunk in chunks:
        codes[chunk] = place[values[chunk].astype(np.int64) - lowest]
    return codes, pd.Index(np.flatnonzero(occurs) + lowest)


def _encode_texts(values: pd.Series) -> tuple[NDArray[np.int32], pd.Index]:
    """`encode` for texts, without a Python string for any of them."""
    texts = pa.array(values, type=pa.large_string())
    if isinstance(texts, pa.ChunkedArray):  # as a file leaves them that was read in parts
        texts = texts.combine_chunks()
    encoded = texts.dictionary_encode()
    names = pd.Index(pd.array(encoded.dictionary, dtype=values.dtype))
    order = natural_order(names)
    return ranks(order)[encoded.indices.to_numpy()], names.take(order)


def ranks(order: NDArray[np.intp]) -> NDArray[np.int32]:
    """The place of each position in an order."""
    places = np.empty(len(order), dtype=np.int32)
    places[order] = np.arange(len(order), dtype=np.int32)
    return places


def recode(codes: NDArray[np.int32], observed: pd.Index, classes: Sequence[Hashable], column: str) -> tuple[NDArray[np.int32], pd.Index]:
    """Codes (L,) into `classes` instead of into the names that were observed, and `classes` as an Index."""
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


def subset(names: pd.Index, wanted: Iterable[Hashable] | None, what: str) -> tuple[NDArray[np.int32], pd.Index]:
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


def names_as_bytes(names: pd.Index) -> bytes:
    """Bytes that differ where any name or its type differs: for a fingerprint."""
    values = names.tolist()
    if all(type(value) is str for value in values):
        return json.dumps(values).encode()
    return json.dumps([[type(value).__name__, repr(value)] for value in values]).encode()
