"""What the examples are: columns of text, and images."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from io import BytesIO
from pathlib import PurePosixPath

import pandas as pd

from ..align import positions
from ..labels import CrowdLabels
from ..names import listed
from . import limits
from .columns import guess, private
from .document import Document, document
from .errors import IngestError, NotRecognisedError
from .report import Notes
from .rows import coded
from .sources import Sources, blobs


def read_content(files: Sources, labels: CrowdLabels, notes: Notes | None = None) -> pd.DataFrame:
    """What each example shows: text columns by the column that names the example, images by their file names.

    An image belongs to the example that its name (without folder and suffix) spells, or else what follows the last
    "-" in it, as in truck-17.png for example 17. Images are kept as bytes in a column "image", other columns are text.

    Args:
        files: a table, images, a zip or folder of those, or a list.
        notes: collects how many files and rows belong to no example.

    Returns:
        A DataFrame indexed by example name, in the order of labels.examples; examples without content are left out.

    Raises:
        IngestError: nothing belongs to an example, or an image is damaged or too large.
    """
    documents = []
    for blob in blobs(files):
        try:
            documents.append(document(blob))
        except NotRecognisedError:
            continue
    return content_of(documents, labels, Notes() if notes is None else notes)


def content_of(documents: Sequence[Document], labels: CrowdLabels, notes: Notes) -> pd.DataFrame:
    """Content from files that were read already."""
    parts = [_texts(source, labels, notes) for source in documents if source.table is not None and source.columns]
    images = [source for source in documents if source.is_image]
    if images:
        parts.append(_images(images, labels, notes))
    parts = [part for part in parts if len(part)]
    if not parts:
        names = listed([source.name for source in documents])
        raise IngestError(
            f"Nothing in {names} belongs to an example. Tables need a column with the examples' names, images need them as file names; "
            f"the labels have {listed(labels.examples)}."
        )
    content = parts[0]
    for part in parts[1:]:
        content = part.combine_first(content)
    order = positions(content.index, labels.examples)
    return content.iloc[order[order >= 0]]


def _texts(source: Document, labels: CrowdLabels, notes: Notes) -> pd.DataFrame:
    table = source.table
    assert table is not None
    example = guess(source.columns, ("example",))[0].get("example", next(iter(source.columns)))
    names = coded(table[example])
    where = positions(labels.examples, names.names) if len(names.names) else names.codes
    first = pd.Series(names.codes).drop_duplicates()
    first = first[first >= 0]
    known = first[where[first] >= 0]
    if len(first) > len(known):
        notes.oddities.append(f"{source.name}: {len(first) - len(known):,} of its {len(first):,} names belong to no example with labels.")
    removed = private(source.columns)
    notes.removed += [column for column in removed if column not in notes.removed]
    left = [column for column in table.column_names if column != example and column not in removed]
    rows = table.select(left).take(known.index.to_numpy())
    frame = pd.DataFrame({"image_name" if c == "image" else c: rows[c].to_pandas().astype("str") for c in left})
    frame.index = pd.Index([labels.examples[i] for i in where[known]], name="example")
    return frame


def _images(images: Sequence[Document], labels: CrowdLabels, notes: Notes) -> pd.DataFrame:
    found: dict[object, bytes] = {}
    stems = [PurePosixPath(image.name).stem for image in images]
    whole = positions(labels.examples, pd.Index(stems))
    last = positions(labels.examples, pd.Index([stem.rpartition("-")[2] for stem in stems]))
    bases = positions(labels.examples, pd.Index([PurePosixPath(image.name).name for image in images]))
    strangers = 0
    for image, *places in zip(images, whole, last, bases, strict=True):
        at = next((place for place in places if place >= 0), -1)
        if at < 0:
            strangers += 1
            continue
        name = labels.examples[at]
        if name in found:
            raise IngestError(f"{image.name}: there are two images of example {name!r}. Keep one of them.")
        found[name] = checked_image(image)
    if strangers:
        notes.oddities.append(f"{strangers:,} of {len(images):,} images belong to no example with labels.")
    return pd.DataFrame({"image": pd.Series(list(found.values()), index=pd.Index(list(found), name="example"), dtype=object)})


def checked_image(image: Document) -> bytes:
    """The bytes of an image that can be decoded and is not too large.

    Raises:
        IngestError: too many bytes or pixels, or damaged.
    """
    from PIL import Image, UnidentifiedImageError  # imported here: labels alone need no pictures

    assert image.image is not None
    if image.image.size > limits.MAX_IMAGE_BYTES:
        raise IngestError(f"{image.name} has {image.image.size:,} bytes; {limits.how_to_raise('MAX_IMAGE_BYTES')}.")
    data = image.image.read()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # our own limit on pixels follows
            with Image.open(BytesIO(data), formats=("PNG", "JPEG", "GIF", "WEBP", "BMP")) as picture:
                pixels = picture.width * picture.height
                if pixels <= limits.MAX_PIXELS:
                    picture.load()
    except (UnidentifiedImageError, Image.DecompressionBombError, OSError, ValueError, SyntaxError, EOFError, IndexError):
        raise IngestError(f"{image.name}: the image is damaged or of another type than its first bytes say. Export it again.") from None
    if pixels > limits.MAX_PIXELS:
        raise IngestError(f"{image.name} has {pixels:,} pixels; {limits.how_to_raise('MAX_PIXELS')}.")
    return data
