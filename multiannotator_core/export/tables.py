"""Results as tables and arrays: what there is to know about each example, and the files that hold it."""

from __future__ import annotations

import csv
import io
import re
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..consensus import Consensus
from ..labels import CrowdLabels

# What a spreadsheet would run. Quotes before the sign count too, so that taking one away gives the text back.
_FORMULA = re.compile(r"'*[=+\-@\t\r]")
_NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?")
_NOT_IN_EXCEL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
EXCEL_ROWS, EXCEL_COLUMNS, EXCEL_CHARACTERS = 1_048_576, 16_384, 32_767


def hard(labels: CrowdLabels, result: Consensus, gold: pd.Series | None = None) -> pd.DataFrame:
    """One row an example: the consensus label, its quality and agreement, and whether it is gold."""
    frame = result.to_frame(labels)
    frame["is_gold"] = frame.index.isin(gold.index) if gold is not None else False
    return frame


def soft(labels: CrowdLabels, result: Consensus) -> pd.DataFrame:
    """One row an example, one column a class: the posterior. Rows sum to 1."""
    return pd.DataFrame(result.posterior, index=labels.examples, columns=[str(name) for name in labels.classes])


# ---------------------------------------------------------------------- files


def guarded(value: Any) -> Any:
    """A text with a quote before what a spreadsheet would run as a formula; numbers, also as text, stay."""
    if isinstance(value, str) and _FORMULA.match(value) and not _NUMBER.fullmatch(value):
        return "'" + value
    return value


def _guarded(frame: pd.DataFrame) -> pd.DataFrame:
    """All texts of a table guarded: cells and the names of columns."""
    # Each name is looked at once: a column of labels has few, and a frame may have millions of rows.
    cells = {i: _each_once(frame.iloc[:, i]) for i in range(frame.shape[1])}
    return pd.DataFrame(cells, index=frame.index).set_axis([guarded(name) for name in frame.columns], axis=1)


def _each_once(column: pd.Series) -> pd.Series:
    if column.dtype.kind in "biufmM":
        return column
    codes, values = pd.factorize(column.astype(object))
    safe = np.array([*(guarded(value) for value in values), None], dtype=object)
    return pd.Series(safe[codes], index=column.index, dtype=object)


def _named_rows(frame: pd.DataFrame) -> pd.DataFrame:
    """The index as the first column; without a name it is called example."""
    names = pd.Series(frame.index.to_numpy(object), index=frame.index, name=frame.index.name or "example", dtype=object)
    return pd.concat([names, frame], axis=1)


def to_csv(frame: pd.DataFrame, *, index: bool = True, guard: bool = True) -> bytes:
    """A table as UTF-8 CSV; numbers keep all their digits.

    Args:
        frame: the table.
        index: whether the names of the rows are written.
        guard: put a quote before texts that a spreadsheet would run as formulas (the readers take it away again);
            without it the file is for programs.
    """
    named = _named_rows(frame) if index else frame
    # Every text in quotes: pandas leaves a lonely carriage return bare, which would end the row.
    text: str = (_guarded(named) if guard else named).to_csv(index=False, lineterminator="\n", quoting=csv.QUOTE_NONNUMERIC)
    return text.encode()


def beyond_excel(rows: int, columns: int) -> str | None:
    """Why a table does not fit on a sheet, or None."""
    if rows < EXCEL_ROWS and columns <= EXCEL_COLUMNS:  # the header is a row too
        return None
    return (
        f"An Excel sheet holds {EXCEL_ROWS:,} rows and {EXCEL_COLUMNS:,} columns, and this table has {rows:,} and {columns:,}. "
        "Take the CSV or the Parquet file."
    )


def to_excel(frame: pd.DataFrame, *, index: bool = True) -> bytes:
    """A table as one sheet of an Excel workbook; texts that would run as formulas get a quote before them.

    Characters that a workbook cannot hold (control characters) are left out.

    Raises:
        ValueError: openpyxl is not installed, or the table is larger than a sheet.
    """
    try:
        import openpyxl
    except ImportError:
        raise ValueError("Excel needs openpyxl. Install it (pip install openpyxl), or take the CSV.") from None
    named = _guarded(_named_rows(frame) if index else frame)
    if refusal := beyond_excel(*named.shape):
        raise ValueError(refusal)
    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet("Sheet1")
    sheet.append([_cell(name) for name in named.columns])
    for row in named.itertuples(index=False, name=None):
        sheet.append([_cell(value) for value in row])
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def _cell(value: Any) -> Any:
    """What a sheet can hold."""
    if isinstance(value, str):
        return _NOT_IN_EXCEL.sub("", value)[:EXCEL_CHARACTERS]
    if value is None or value is pd.NaT or (isinstance(value, float) and not np.isfinite(value)):
        return None
    if isinstance(value, pd.Timestamp):
        return value.isoformat()
    return value.item() if isinstance(value, np.generic) else value


def to_parquet(frame: pd.DataFrame) -> bytes:
    """A table as Parquet. Names of mixed types become text, since a Parquet column has one type."""
    frame = frame.reset_index() if frame.index.name else frame
    for column in [name for name, kind in frame.dtypes.items() if kind.kind == "O"]:
        frame = frame.assign(**{column: frame[column].astype("str")})
    out = io.BytesIO()
    frame.to_parquet(out, index=False)
    return out.getvalue()


def to_npy(values: NDArray[Any]) -> bytes:
    """An array as NPY, without pickle."""
    out = io.BytesIO()
    np.save(out, values, allow_pickle=False)
    return out.getvalue()
