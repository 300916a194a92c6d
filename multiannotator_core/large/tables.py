"""The three columns of CSV and Parquet files, in batches."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

from ..incoming import find_column, no_column
from ..names import natural_order

# Columns that a table must have; the names of theirs are found as `CrowdLabels.from_long` finds them.
WORDS = ("example", "annotator", "label")
TABLES = (".parquet", ".csv", ".tsv", ".csv.gz", ".tsv.gz")
DELIMITERS = (",", "\t", ";", "|")

CSV_BLOCK = 1 << 24  # bytes
ROWS_AT_A_TIME = 1 << 19


@dataclass(frozen=True)
class Batch:
    """Some rows of a file: three arrays of text or of whole numbers, none of them missing."""

    file: Path
    first_row: int
    columns: dict[str, pa.Array]

    def __len__(self) -> int:
        return len(self.columns["label"])


def table_files(files: str | Path | Iterable[str | Path]) -> list[Path]:
    """The tables among files and folders, those of a folder in natural order.

    Raises:
        ValueError: one does not exist or is no table, or a folder holds none.
    """
    found: list[Path] = []
    for given in [files] if isinstance(files, (str, Path)) else files:
        path = Path(given)
        if path.is_dir():
            inside = [file for file in path.rglob("*") if file.is_file() and _is_table(file)]
            if not inside:
                raise ValueError(f"{path} holds no tables: none of its files ends in {', '.join(TABLES)}.")
            found += [inside[i] for i in natural_order(pd.Index([str(file.relative_to(path)) for file in inside]))]
        elif not path.is_file():
            raise ValueError(f"There is no file {path}.")
        elif not _is_table(path):
            raise ValueError(f"{path} is no table that can be read in parts: its name must end in {', '.join(TABLES)}.")
        else:
            found.append(path)
    if not found:
        raise ValueError("There are no files; name at least one table with a label in each row.")
    return found


def _is_table(path: Path) -> bool:
    return path.name.casefold().endswith(TABLES)


def batches(files: Sequence[Path], names: dict[str, str | None]) -> Iterator[Batch]:
    """The rows of all files in their order.

    Args:
        names: the column of example, annotator and label, None where it is to be found.

    Raises:
        ValueError: names the file, column and row of what is wrong.
    """
    for file in files:
        row = 0
        for batch in _parquet(file, names) if file.name.casefold().endswith(".parquet") else _csv(file, names):
            columns = {word: _checked(values, name, file, row) for (word, name), values in batch}
            yield Batch(file, row, columns)
            row += len(columns["label"])


Columns = list[tuple[tuple[str, str], pa.Array]]


def _parquet(file: Path, names: dict[str, str | None]) -> Iterator[Columns]:
    try:
        table = pq.ParquetFile(file)
    except pa.ArrowException as error:
        raise ValueError(f"{file} cannot be read as Parquet: {_line(error)}") from None
    columns = _found(file, table.schema_arrow.names, names)
    with table:
        for batch in table.iter_batches(ROWS_AT_A_TIME, columns=list(columns.values())):
            yield [((word, name), batch[name]) for word, name in columns.items()]


def _csv(file: Path, names: dict[str, str | None]) -> Iterator[Columns]:
    try:
        with pa.input_stream(str(file)) as stream:
            head = stream.read(1 << 16).decode("utf-8-sig", errors="replace").partition("\n")[0]
        delimiter = max(DELIMITERS, key=head.count)
        header = pacsv.open_csv(str(file), parse_options=pacsv.ParseOptions(delimiter=delimiter)).schema.names
    except pa.ArrowException as error:
        raise ValueError(f"{file} cannot be read as CSV: {_line(error)}") from None
    columns = _found(file, header, names)
    wanted = list(columns.values())
    options = {
        "read_options": pacsv.ReadOptions(block_size=CSV_BLOCK),
        "parse_options": pacsv.ParseOptions(delimiter=delimiter, newlines_in_values=True),
        # Names are text as they stand, so that "007" stays what it is whatever the other rows hold.
        "convert_options": pacsv.ConvertOptions(
            include_columns=wanted, column_types=dict.fromkeys(wanted, pa.string()), null_values=[""], strings_can_be_null=True
        ),
    }
    try:
        with pacsv.open_csv(str(file), **options) as reader:
            for batch in reader:
                yield [((word, name), batch[name]) for word, name in columns.items()]
    except pa.ArrowException as error:
        raise ValueError(f"{file} cannot be read as CSV: {_line(error)}") from None


def _found(file: Path, header: Sequence[str], names: dict[str, str | None]) -> dict[str, str]:
    frame = pd.DataFrame(columns=list(header))
    try:
        for name in names.values():
            if name is not None and name not in header:
                raise ValueError(no_column(frame, name))
        return {word: find_column(frame, word, names[word]) for word in WORDS}
    except ValueError as error:
        raise ValueError(f"{file}: {error}") from None


def _checked(values: Any, name: str, file: Path, row: int) -> pa.Array:
    """Names as large text or int64."""
    if pa.types.is_dictionary(values.type):
        values = values.dictionary_decode()
    if pa.types.is_floating(values.type):
        values = pc.if_else(pc.is_nan(values), None, values)
    if values.null_count:
        at = int(np.flatnonzero(values.is_null())[0])
        raise ValueError(
            f"{file}: Column {name!r}, row {row + at + 1}: the value is missing. Fill it in, or leave such rows out of the file."
        )
    if pa.types.is_string(values.type) or pa.types.is_large_string(values.type) or pa.types.is_string_view(values.type):
        return values.cast(pa.large_string())
    try:
        if pa.types.is_floating(values.type) or pa.types.is_integer(values.type):
            return values.cast(pa.int64())  # a safe cast: only whole numbers pass
    except pa.ArrowInvalid:
        pass
    raise ValueError(f"{file}: Column {name!r} holds {values.type} that are no whole numbers; on disk names are text or whole numbers.")


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:300]
