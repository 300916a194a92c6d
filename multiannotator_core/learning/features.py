"""What a model may look at: numbers, texts and the pixels of small images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

# Images become this many grey pixels a side at most: enough to tell digits and simple shapes apart, small enough to train on.
MOST_PIXELS = 16


@dataclass(frozen=True, eq=False)
class Features:
    """What is known of N examples: numbers (N, F), NaN where unknown, and a text (N,) of each, or None."""

    numbers: NDArray[np.float64]
    texts: tuple[str, ...] | None = None

    def __len__(self) -> int:
        return len(self.numbers)


def as_features(given: Features | ArrayLike | pd.DataFrame | Sequence[str]) -> Features:
    """Features from an array (N, ...), whose further axes are laid flat, a table, or a list of texts.

    Raises:
        ValueError: nothing that a model can look at.
    """
    if isinstance(given, Features):
        return given
    if isinstance(given, pd.DataFrame):
        return features_of(given, list(feature_columns(given)))
    values = np.asarray(given)
    if values.dtype.kind in "OUST":
        if values.ndim == 1:
            return Features(np.empty((len(values), 0)), tuple("" if pd.isna(text) else str(text) for text in values))
        raise ValueError(f"The features hold text in an array of shape {values.shape}; give a list of texts, or a table with columns.")
    if values.ndim < 2 or values.dtype.kind not in "biuf":
        raise ValueError(f"Features have shape {values.shape} and type {values.dtype}; give numbers, one row for each example.")
    return Features(np.where(np.isinf(flat := values.reshape(len(values), -1).astype(np.float64)), np.nan, flat))


def feature_columns(content: pd.DataFrame) -> dict[str, str]:
    """The columns of a table that a model can look at -> "image", "number" or "text"; empty columns are left out."""
    kinds = {}
    for column in content.columns:
        known = content[column].dropna()
        if not len(known):
            continue
        if known.map(lambda value: isinstance(value, bytes)).all():
            kinds[column] = "image"
        elif pd.to_numeric(known, errors="coerce").notna().all():
            kinds[column] = "number"
        else:
            kinds[column] = "text"
    return kinds


def features_of(content: pd.DataFrame, columns: Sequence[str], examples: pd.Index | None = None) -> Features:
    """Features (N rows) from chosen columns of a table indexed by example; what is missing stays unknown.

    Args:
        columns: names among `feature_columns(content)`.
        examples: the N examples in their order; default: the rows of the table.

    Raises:
        ValueError: no column, an unknown one, or an image that cannot be decoded.
    """
    kinds = feature_columns(content)
    unknown = [column for column in columns if column not in kinds]
    if unknown or not columns:
        wrong = f"There is no column {unknown[0]!r} with content" if unknown else "No column is chosen"
        raise ValueError(f"{wrong}; choose among {', '.join(map(str, kinds)) or 'none, since the table is empty'}.")
    rows = content if examples is None else content.reindex(examples)
    numbers = [np.empty((len(rows), 0))]
    texts: list[pd.Series] = []
    for column in columns:
        if kinds[column] == "image":
            numbers.append(_pixels(rows[column]))
        elif kinds[column] == "number":
            values = pd.to_numeric(rows[column], errors="coerce").to_numpy(np.float64, na_value=np.nan)
            numbers.append(np.where(np.isinf(values), np.nan, values)[:, None])
        else:
            texts.append(rows[column].map(lambda value: "" if pd.isna(value) else str(value)))
    joined = tuple(" ".join(parts) for parts in zip(*texts, strict=True)) if texts else None
    return Features(np.hstack(numbers), joined)


def _pixels(images: pd.Series) -> NDArray[np.float64]:
    """Grey values in [0, 1] of images (N,), as rows; all in the size of the first one, NaN where there is no image."""
    size: tuple[int, int] | None = None
    rows: list[NDArray[np.float64] | None] = []
    for example, data in images.items():
        if not isinstance(data, bytes):
            rows.append(None)
            continue
        picture = _decoded(example, data)
        if size is None:
            shrink = min(1.0, MOST_PIXELS / max(picture.size))
            size = (max(1, round(picture.width * shrink)), max(1, round(picture.height * shrink)))
        grey = picture if picture.size == size else picture.resize(size)
        rows.append(np.asarray(grey, dtype=np.float64).ravel() / 255)
    n = 0 if size is None else size[0] * size[1]
    return np.array([np.full(n, np.nan) if row is None else row for row in rows]).reshape(len(rows), n)


def _decoded(example: Any, data: bytes) -> Any:
    from PIL import Image, UnidentifiedImageError  # imported here: texts and numbers need no pictures

    try:
        with Image.open(BytesIO(data)) as picture:
            return picture.convert("L")
    except (UnidentifiedImageError, Image.DecompressionBombError, OSError, ValueError, SyntaxError):
        raise ValueError(f"The image of example {example!r} cannot be decoded. Export it again as PNG or JPEG.") from None
