"""Excel workbooks (.xlsx), where openpyxl is installed."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO
from typing import Any

import pyarrow as pa

from . import limits
from .columns import REQUIRED, guess
from .delimited import refuse_repeated, unguarded
from .errors import IngestError
from .report import Notes


def read_excel(data: bytes, name: str, notes: Notes) -> pa.Table:
    """The sheet with the labels as a table of text; its first row is the header.

    Raises:
        IngestError: openpyxl is not installed, or the workbook is damaged, empty or too large.
    """
    try:
        import openpyxl
    except ImportError:
        raise IngestError(f"{name} is an Excel workbook. Install openpyxl (pip install openpyxl), or save the sheet as CSV.") from None
    try:
        book = openpyxl.load_workbook(BytesIO(data), read_only=True, data_only=True, keep_links=False)
        sheet = _with_labels(book.worksheets)
        rows = _rows(sheet, name)
        if len(book.worksheets) > 1:
            notes.assume(f"{name}: of {len(book.worksheets)} sheets only {sheet.title!r} was read.")
    except (IngestError, MemoryError, RecursionError):
        raise
    except Exception:  # zip, XML and styles each fail with errors of their own, and openpyxl lets all of them out
        raise IngestError(f"{name}: the workbook is damaged. Save it again, or save the sheet as CSV.") from None
    if not rows:
        raise IngestError(f"{name} is empty. Choose a file with at least one label.")
    header = [cell.strip() if cell and cell.strip() else f"column {i + 1}" for i, cell in enumerate(rows[0])]
    refuse_repeated(header, name)
    body = [[row[i] if i < len(row) else None for row in rows[1:]] for i in range(len(header))]
    return unguarded(pa.table([pa.array(column, type=pa.large_string()) for column in body], names=header))


def _with_labels(sheets: Sequence[Any]) -> Any:
    """The first sheet whose header names example, annotator and label, else the first."""
    for sheet in sheets:
        header = next(sheet.iter_rows(max_row=1, max_col=limits.MAX_COLUMNS, values_only=True), ())
        if set(REQUIRED) <= guess([str(cell) for cell in header if cell is not None])[0].keys():
            return sheet
    return sheets[0]


def _rows(sheet: Any, name: str) -> list[list[str | None]]:
    rows, cells = [], 0
    for row in sheet.iter_rows(values_only=True):
        cells += len(row)
        if len(row) > limits.MAX_COLUMNS or cells > limits.MAX_CELLS:
            raise IngestError(f"{name} has too many cells; {limits.how_to_raise('MAX_CELLS')}. Save the part with labels as CSV.")
        if any(cell is not None for cell in row):
            rows.append([_text(cell) for cell in row])
    while rows and rows[0] and rows[0][-1] is None:  # formatted but empty columns at the right
        rows = [row[:-1] for row in rows]
    return rows


def _text(cell: Any) -> str | None:
    if cell is None:
        return None
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, float) and cell.is_integer():  # Excel keeps every number as a float
        return str(int(cell))
    return cell.isoformat() if hasattr(cell, "isoformat") else str(cell)
