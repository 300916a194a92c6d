"""What a network sees of each example: numbers, words, images in memory, or a list of image files."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from ..crossval import prepared
from ..features import Features, as_features
from .extra import import_torch

if TYPE_CHECKING:
    from torch import Tensor

IMAGE_ENDINGS = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp")


@dataclass(frozen=True, eq=False)
class Images:
    """N images in memory: pixels (N, channels, height, width), 0 to 255 if they are whole numbers, else as the network shall see them."""

    pixels: NDArray[Any]

    def __post_init__(self) -> None:
        if self.pixels.ndim != 4 or self.pixels.dtype.kind not in "uif":
            raise ValueError(
                f"Images have shape {self.pixels.shape} and type {self.pixels.dtype}; give numbers (N, channels, height, width)."
            )

    def __len__(self) -> int:
        return len(self.pixels)


@dataclass(frozen=True)
class ImageFiles:
    """N image files, read when a batch needs them.

    Attributes:
        paths: one file an example.
        side: height and width in pixels to which every image is brought.
        grey: one channel in place of red, green and blue.
    """

    paths: tuple[Path, ...]
    side: int = 64
    grey: bool = False

    def __len__(self) -> int:
        return len(self.paths)


Given: TypeAlias = Features | Images | ImageFiles
Seen: TypeAlias = Features | Images | ImageFiles | ArrayLike | pd.DataFrame | Sequence[str]


@dataclass(frozen=True, eq=False)
class Inputs:
    """What the network sees of R examples: `take(rows)` gives a tensor (B, *shape) on the device."""

    n: int
    shape: tuple[int, ...]
    take: Callable[[Tensor], Tensor]


def image_folder(folder: Path | str, examples: Sequence[Any], *, side: int = 64, grey: bool = False) -> ImageFiles:
    """The image of each example: the file in the folder, or in a folder below, whose name without ending is the example's.

    Raises:
        ValueError: an example has no file, or two.
    """
    found: dict[str, Path] = {}
    for path in sorted(Path(folder).rglob("*")):
        if path.suffix.casefold() in IMAGE_ENDINGS:
            if path.stem in found:
                raise ValueError(f"{found[path.stem]} and {path} are both an image of example {path.stem!r}; keep one.")
            found[path.stem] = path
    names = [Path(str(example)).stem if str(example) not in found else str(example) for example in examples]
    lost = [name for name in names if name not in found]
    if lost:
        raise ValueError(f"{folder} has no image of example {lost[0]!r} ({len(lost):,} missing of {len(names):,}).")
    return ImageFiles(tuple(found[name] for name in names), side, grey)


def images_of(column: pd.Series, *, side: int = 32, grey: bool = False) -> Images:
    """The encoded images (bytes) of a column, all brought to side x side pixels.

    Raises:
        ValueError: an example has no image, or one that cannot be decoded.
    """
    pixels = np.empty((len(column), 1 if grey else 3, side, side), dtype=np.uint8)
    for at, (example, data) in enumerate(column.items()):
        if not isinstance(data, bytes):
            raise ValueError(f"Example {example!r} has no image, and a network for images needs one of each example.")
        pixels[at] = _pixels(BytesIO(data), f"The image of example {example!r}", side, grey)
    return Images(pixels)


def as_given(seen: Seen) -> Given:
    """Features of examples in one of the three forms; see `learning.features.as_features` for arrays, tables and texts."""
    return seen if isinstance(seen, (Features, Images, ImageFiles)) else as_features(seen)


def stacked(parts: Sequence[Given]) -> Given:
    """Several sets of examples, one below the other.

    Raises:
        ValueError: they are of different kinds or sizes.
    """
    first = parts[0]
    if len(parts) == 1:
        return first
    if isinstance(first, ImageFiles):
        if all(isinstance(part, ImageFiles) for part in parts):
            return ImageFiles(tuple(path for part in parts for path in part.paths), first.side, first.grey)  # type: ignore[union-attr]
    elif isinstance(first, Images):
        if all(isinstance(part, Images) and part.pixels.shape[1:] == first.pixels.shape[1:] for part in parts):
            return Images(np.concatenate([part.pixels for part in parts]))  # type: ignore[union-attr]
    elif all(isinstance(part, Features) and _alike(first, part) for part in parts):
        texts = None if first.texts is None else tuple(text for part in parts for text in part.texts)  # type: ignore[union-attr]
        return Features(np.vstack([part.numbers for part in parts]), texts)  # type: ignore[union-attr]
    raise ValueError("The features of the test or validation examples are of another kind or size than those of the labelled examples.")


def _alike(first: Features, other: Features) -> bool:
    return first.numbers.shape[1] == other.numbers.shape[1] and (first.texts is None) == (other.texts is None)


def inputs_of(given: Given, train: NDArray[np.intp], device: str) -> Inputs:
    """What the network sees; means, scales and words of features come from the examples `train` alone."""
    torch = import_torch()
    if isinstance(given, ImageFiles):
        shape = (1 if given.grey else 3, given.side, given.side)
        return Inputs(len(given), shape, lambda rows: torch.from_numpy(_read(given, rows.tolist())).to(device))
    if isinstance(given, Images):
        pixels = torch.from_numpy(np.ascontiguousarray(given.pixels)).to(device)
        scale = 255.0 if given.pixels.dtype.kind in "ui" else 1.0
        return Inputs(len(given), given.pixels.shape[1:], lambda rows: pixels[rows].float() / scale)
    table = prepared(given, train, np.arange(len(given)))
    if given.texts is None:
        dense = torch.tensor(table, dtype=torch.float32, device=device)
        return Inputs(len(given), (table.shape[1],), lambda rows: dense[rows])
    words = table.astype(np.float32)  # sparse: only the rows of a batch are ever written out
    return Inputs(len(given), (table.shape[1],), lambda rows: torch.from_numpy(words[rows.cpu().numpy()].toarray()).to(device))


def _read(files: ImageFiles, rows: Sequence[int]) -> NDArray[np.float32]:
    """(B, channels, side, side) of image files, from 0 to 1."""
    pixels = [_pixels(files.paths[row], str(files.paths[row]), files.side, files.grey) for row in rows]
    return np.stack(pixels).astype(np.float32) / np.float32(255)


def _pixels(source: Path | BytesIO, name: str, side: int, grey: bool) -> NDArray[np.uint8]:
    """(channels, side, side) of one image."""
    from PIL import Image, UnidentifiedImageError  # imported here: texts and numbers need no pictures

    try:
        with Image.open(source) as picture:
            small = picture.convert("L" if grey else "RGB").resize((side, side))
    except (UnidentifiedImageError, Image.DecompressionBombError, OSError, ValueError, SyntaxError):
        raise ValueError(f"{name} cannot be read. Export it again as PNG or JPEG.") from None
    return np.atleast_3d(np.asarray(small, dtype=np.uint8)).transpose(2, 0, 1)


def digest(given: Given) -> str:
    """A hash of what the network sees, so that a checkpoint is not continued on other features."""
    found = hashlib.blake2b(digest_size=16)
    if isinstance(given, ImageFiles):
        for path in given.paths:
            found.update(f"{path}{path.stat().st_size} {path.stat().st_mtime_ns}".encode())
        found.update(f"{given.side} {given.grey}".encode())
    elif isinstance(given, Images):
        found.update(repr(given.pixels.shape).encode() + np.ascontiguousarray(given.pixels).tobytes())
    else:
        found.update(repr(given.numbers.shape).encode() + np.ascontiguousarray(given.numbers).tobytes())
        for text in given.texts or ():
            found.update(text.encode(errors="replace") + b"\0")
    return found.hexdigest()
