"""One file, recognised by its bytes: a table of text, JSON, an array, an image, or lines."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field
from functools import cached_property
from io import BytesIO
from tokenize import TokenError
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from . import limits
from .delimited import decoded, read_delimited, refuse_repeated
from .errors import IngestError, NotRecognisedError
from .excel import read_excel
from .jsontext import read_json, table_of_records
from .layouts import records_of
from .report import Notes
from .sources import GZIP, ZIP, Blob
from .spelling import spelled

PICKLES = tuple(b"\x80" + bytes([protocol]) for protocol in range(2, 6))
IMAGES = (b"\x89PNG\r\n", b"\xff\xd8\xff", b"GIF8", b"BM")
PARQUET, NPY = b"PAR1", b"\x93NUMPY"


@dataclass(frozen=True, eq=False)
class Document:
    """A file that was understood as far as its bytes go.

    Attributes:
        name: with folders, when it came from a zip or folder.
        value: a pyarrow Table of text, a JSON value, a numpy array, a list of lines, or None for an image.
        notes: what was assumed while reading it.
        image: where an image's bytes are; other files give their bytes back to the memory once they are read.
    """

    name: str
    value: Any
    notes: Notes = field(default_factory=Notes)
    image: Blob | None = None

    @property
    def is_image(self) -> bool:
        """Whether the bytes are a picture; it is not decoded before an example needs it."""
        return self.image is not None

    def forget(self) -> None:
        """Let go of a large table that is being encoded; names of columns stay."""
        if isinstance(self.value, pa.Table):
            object.__setattr__(self, "value", self.value.slice(0, 0).combine_chunks())
            self.__dict__.pop("table", None)

    @cached_property
    def columns(self) -> list[str]:
        """Column names of a table, keys of the first records, or nothing."""
        if isinstance(self.value, pa.Table):
            return list(self.value.column_names)
        keys: dict[str, None] = {}
        for record in self.records[:50]:
            keys.update(dict.fromkeys(record))
        return list(keys)

    @cached_property
    def records(self) -> list[dict[str, Any]]:
        """The objects of a JSON list, else nothing."""
        if not isinstance(self.value, list) or not self.value or not isinstance(self.value[0], dict):
            return []
        for row, record in enumerate(self.value):
            if isinstance(record, dict) and len(record) > limits.MAX_COLUMNS:
                raise IngestError(f"{self.name}, record {row + 1}: there are too many names; {limits.how_to_raise('MAX_COLUMNS')}.")
            if not isinstance(record, dict):
                raise IngestError(
                    f"{self.name}, record {row + 1}: expected an object with named values, got {str(record)[:40]!r}. Correct it."
                )
        return self.value

    @cached_property
    def table(self) -> pa.Table | None:
        """All cells as text; None where the file is no table."""
        if isinstance(self.value, pa.Table):
            return self.value
        return table_of_records(self.records, self.name) if self.records else None


def document(blob: Blob, *, guarded: bool = True) -> Document:
    """Recognise one file by its first bytes, and read it; of a guarded table the quotes before formulas are taken off.

    Raises:
        IngestError: damaged, dangerous, too large, or nothing that holds data (then a NotRecognisedError).
    """
    data = blob.read()
    name, notes = blob.name, Notes()
    if not data or data.isspace():
        raise IngestError(f"{name} is empty. Choose a file with at least one label.")
    if data.startswith(PICKLES):
        raise IngestError(f"{name} is a Python pickle, which can run programs when it is opened. Save the data as CSV, Parquet or NPY.")
    if data.startswith(IMAGES) or (data[:4] == b"RIFF" and data[8:12] == b"WEBP"):
        return Document(name, None, notes, blob)
    if data.startswith(PARQUET):
        return Document(name, _parquet(data, name), notes)
    if data.startswith(NPY):
        return Document(name, read_npy(data, name), notes)
    if data.startswith(ZIP):
        return Document(name, spelled(read_excel(data, name, notes), name, notes), notes)
    if data.startswith((GZIP, b"%PDF", b"\x7fELF", b"MZ\x90", b"SQLite format", b"\x89HDF", b"\xd0\xcf\x11\xe0")):
        raise NotRecognisedError(f"{name} is no table, JSON, NPY or Parquet file. Export the labels as CSV or JSON.")
    text = decoded(data, name, notes)
    if text.lstrip()[:14].lower().startswith((b"<!doctype html", b"<html")):
        raise NotRecognisedError(f"{name} is a web page, perhaps of a login. Download the file again, and look into it before.")
    if text.lstrip()[:1] in (b"[", b"{"):
        return Document(name, records_of(read_json(text, name)), notes)
    try:
        return Document(name, spelled(read_delimited(text, name, notes, guarded=guarded), name, notes), notes)
    except NotRecognisedError as error:
        notes.oddities.append(str(error))
        return Document(name, text.decode().splitlines(), notes)


def _parquet(data: bytes, name: str) -> pa.Table | list[Any]:
    """Text columns; a table with lists or objects in its cells becomes a list of records."""
    try:
        file = pq.ParquetFile(pa.BufferReader(data))
        meta = file.metadata
        unpacked = sum(meta.row_group(i).total_byte_size for i in range(meta.num_row_groups))
        too_large = unpacked > limits.MAX_BYTES or meta.num_rows > limits.MAX_ROWS or meta.num_columns > limits.MAX_COLUMNS
        table = None if too_large else file.read()
        if table is not None:
            table.validate(full=True)  # texts that are no UTF-8 would only be met when they are shown
            names = [str(column) for column in table.column_names]
    except (pa.ArrowException, OSError, ValueError, MemoryError):
        raise IngestError(f"{name}: the Parquet file is damaged or breaks off. Write it again.") from None
    if table is None:
        raise IngestError(
            f"{name} has {meta.num_rows:,} rows, {meta.num_columns:,} columns and {unpacked:,} bytes unpacked; "
            f"{limits.how_to_raise('MAX_BYTES')} (and MAX_ROWS, MAX_COLUMNS)."
        )
    if names:
        refuse_repeated(names, name)
    if any(pa.types.is_nested(column.type) for column in table.columns):
        return table.to_pylist()
    return pa.table([_text_column(column, names[i], name) for i, column in enumerate(table.columns)], names=names)


def _text_column(column: pa.ChunkedArray, title: str, name: str) -> pa.ChunkedArray:
    kind = column.type
    try:
        if pa.types.is_dictionary(kind):
            column = column.cast(kind.value_type)
        if pa.types.is_floating(column.type):
            whole = pc.all(pc.equal(pc.fill_null(pc.floor(column), 0.0), pc.fill_null(column, 0.0)), min_count=0).as_py()
            fits = pc.max(pc.abs(column)).as_py()
            if whole and (fits is None or fits < 2**53):  # integers beside missing cells are floats in pandas
                column = column.cast(pa.int64())
        if pa.types.is_timestamp(column.type):
            column = pc.strftime(column.cast(pa.timestamp("us", "UTC")), format="%Y-%m-%dT%H:%M:%SZ")
        if pa.types.is_binary(column.type) or pa.types.is_large_binary(column.type):
            return pa.chunked_array([pa.nulls(len(column), pa.string())])
        return column.cast(pa.large_string())
    except (pa.ArrowException, ValueError):
        raise IngestError(f"{name}: column {title!r} of type {kind} cannot be read as text. Write it as text or numbers.") from None


def read_npy(data: bytes, name: str) -> NDArray[Any]:
    """An array of numbers or text, never of objects; its header is checked before its body is read.

    Raises:
        IngestError: objects (pickles), damaged, more than two dimensions, or too large.
    """
    try:
        file = BytesIO(data)
        version = np.lib.format.read_magic(file)
        header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # an old header warns; it is checked below all the same
            shape, _, dtype = header(file)
    except (ValueError, SyntaxError, TypeError, EOFError, RecursionError, MemoryError, TokenError):
        raise IngestError(f"{name}: the NPY header is damaged. Save the array again with numpy.save.") from None
    if dtype.hasobject:
        raise IngestError(f"{name} holds Python objects, which can run programs when read. Save it with a number or text type.")
    size = 1
    for length in shape:
        size *= length
    if any(length < 0 for length in shape):
        raise IngestError(f"{name}: the header says shape {shape}, and no array has a negative length. Save the array again.")
    if dtype.kind not in "biufU" or size > limits.MAX_CELLS:
        raise IngestError(f"{name} has shape {shape} and type {dtype}; expected numbers or text, and {limits.how_to_raise('MAX_CELLS')}.")
    if len(data) - file.tell() < size * dtype.itemsize:
        raise IngestError(f"{name}: the header says shape {shape}, but the file breaks off. Save the array again.")
    array: NDArray[Any] = np.load(BytesIO(data), allow_pickle=False)
    return array
