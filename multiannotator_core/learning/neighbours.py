"""Which examples look alike, by what is known of them: pictures, words or numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse

from .features import feature_columns, features_of

# The kinds of content, the one that says most first, and how a page calls them.
KINDS = {"image": "pixels", "text": "words", "number": "numbers"}

# More words than this only tell rare words apart.
MOST_WORDS = 50_000


@dataclass(frozen=True, eq=False)
class Alike:
    """Where each of N examples lies: vectors (N, D) in the order of the labels, and `by`: what they were made from.

    known: (N,) whether anything is known of an example; the others have no neighbours and are nobody's.
    """

    vectors: Any
    squares: NDArray[np.float64]
    known: NDArray[np.bool_]
    by: str

    def nearest(self, example: int, most: int = 4) -> NDArray[np.intp]:
        """Codes of the examples nearest to one (code) by Euclidean distance, the nearest first, at most `most`; ties by code."""
        if not self.known[example]:
            return np.empty(0, dtype=np.intp)
        row = self.vectors[[example]]
        product = self.vectors @ row.T
        shared = np.asarray(product.todense() if sparse.issparse(product) else product, dtype=np.float64).ravel()
        distance = self.squares + self.squares[example] - 2 * shared
        distance[~self.known] = np.inf
        distance[example] = np.inf
        n = min(most, int(self.known.sum()) - 1)
        limit = np.partition(distance, n - 1)[n - 1] if n else -np.inf
        near = np.flatnonzero(distance <= limit)
        return near[np.lexsort((near, distance[near]))][:n]


def alike(content: pd.DataFrame, examples: pd.Index) -> Alike | None:
    """Vectors of what is known of N examples: pixels where there are pictures, else words, else numbers; None without any.

    Pixels are centred and of unit length (distance = correlation: light and contrast do not count), words are weighted by
    tf-idf (Spaerck Jones 1972) and of unit length, numbers are standardised, unknown ones average.

    Args:
        content: one row an example, indexed by example; rows of other examples do not count.

    Raises:
        ValueError: a picture cannot be decoded.
    """
    rows = content.reindex(examples)
    kinds = feature_columns(rows)
    kind = next((kind for kind in KINDS if kind in kinds.values()), None)
    if kind is None:
        return None
    columns = [column for column in kinds if kinds[column] == kind]
    known = rows[columns].notna().any(axis=1).to_numpy(copy=True)
    found = features_of(rows, columns)
    if kind == "text":
        texts = np.array(found.texts, dtype=object)
        known &= np.array([bool(text.strip()) for text in texts])
        vectors = _words(texts)
    else:
        vectors = _unit(found.numbers) if kind == "image" else _standard(found.numbers)
    squared = vectors.multiply(vectors) if sparse.issparse(vectors) else vectors * vectors
    return Alike(vectors, np.asarray(squared.sum(axis=1), dtype=np.float64).ravel(), known, KINDS[kind])


def _words(texts: NDArray[np.object_]) -> sparse.csr_matrix:
    """Words of two letters or more; where there are none, single characters."""
    from sklearn.feature_extraction.text import TfidfVectorizer  # here: it takes most of a second, and not every page needs it

    try:
        return TfidfVectorizer(max_features=MOST_WORDS, sublinear_tf=True, dtype=np.float32).fit_transform(texts)
    except ValueError:  # no words of two letters anywhere
        return TfidfVectorizer(analyzer="char", lowercase=True, dtype=np.float32).fit_transform(texts)


def _unit(pixels: NDArray[np.float64]) -> NDArray[np.float32]:
    centred = np.nan_to_num(pixels - pixels.mean(axis=1, keepdims=True))
    length = np.linalg.norm(centred, axis=1, keepdims=True)
    unit: NDArray[np.float32] = (centred / np.maximum(length, 1e-12)).astype(np.float32)
    return unit


def _standard(numbers: NDArray[np.float64]) -> NDArray[np.float32]:
    known = np.isfinite(numbers)
    n = np.maximum(known.sum(axis=0), 1)
    mean = np.where(known, numbers, 0.0).sum(axis=0) / n
    centred = np.where(known, numbers - mean, 0.0)
    spread = np.sqrt((centred**2).sum(axis=0) / n)
    scaled: NDArray[np.float32] = (centred / np.where(spread > 0, spread, 1.0)).astype(np.float32)
    return scaled
