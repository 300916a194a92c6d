"""Toloka, assignments as TSV."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pyarrow as pa

from .document import Document
from .errors import IngestError
from .long_table import changed, rows_of_table
from .reader import Reader, Request, chosen_question, one_choice
from .rows import Parsed, coded
from .times import between, utc_times

ASSIGNMENT, INPUT, OUTPUT, GOLDEN = "ASSIGNMENT:", "INPUT:", "OUTPUT:", "GOLDEN:"


def matches(document: Document, request: Request) -> str | None:
    """A column of the assignment."""
    found = [column for column in document.columns if column.startswith(ASSIGNMENT)]
    return f"it has the column {found[0]!r}" if found and document.table is not None else None


def questions(document: Document) -> list[str]:
    """Names of the output fields."""
    return [column.removeprefix(OUTPUT) for column in document.columns if column.startswith(OUTPUT)]


def parse(document: Document, request: Request) -> Parsed:
    """Each assignment that was submitted or approved is a label; empty rows between suites are passed over.

    Raises:
        IngestError: no worker_id, several outputs and no question=.
    """
    table, name = document.table, document.name
    if table is None or f"{ASSIGNMENT}worker_id" not in table.column_names:
        raise IngestError(f"{name}: no column ASSIGNMENT:worker_id tells the annotator. Download the assignments again, with all columns.")
    question, option = chosen_question(request, name)
    table = _filled(table)
    label = OUTPUT + question
    if option is not None:
        table = changed(table, label, lambda cell: one_choice([cell], question, option, name))
    mapping = {"annotator": f"{ASSIGNMENT}worker_id", "label": label, "example": f"{ASSIGNMENT}task_id"}
    if mapping["example"] not in table.column_names:
        table = table.append_column(mapping["example"], _inputs(table, name))
        document.notes.assume(f"{name}: there is no task_id, so equal INPUT cells are the same example.")
    optional = {"status": f"{ASSIGNMENT}status", "timestamp": f"{ASSIGNMENT}submitted", "gold": GOLDEN + question}
    mapping |= {role: column for role, column in optional.items() if column in table.column_names}
    spent = _seconds(table)
    if spent is not None:
        mapping["seconds"] = "seconds"
        table = table.append_column("seconds", spent)
        document.notes.assume(f"{name}: seconds are those of the suite divided by its rows, an estimate.")
    shown = [column for column in table.column_names if column.startswith(INPUT)]
    kept = table.select([*dict.fromkeys(mapping.values()), *shown])
    document.notes.ignored += [column for column in table.column_names if column not in kept.column_names]
    return rows_of_table([_titled(kept, shown)], mapping, name, document.notes)


def _titled(table: pa.Table, shown: list[str]) -> pa.Table:
    titles = [column.removeprefix(INPUT) if column in shown else column for column in table.column_names]
    return table.rename_columns(titles) if len(set(titles)) == len(titles) else table


def _filled(table: pa.Table) -> pa.Table:
    """Without rows whose cells are all empty."""
    filled = np.zeros(table.num_rows, dtype=bool)
    for column in table.columns:
        filled |= np.array([bool(cell and cell.strip()) for cell in column.to_pylist()], dtype=bool)
    return table.filter(pa.array(filled))


def _inputs(table: pa.Table, name: str) -> pa.Array:
    inputs = [table[column].to_pylist() for column in table.column_names if column.startswith(INPUT)]
    if not inputs:
        raise IngestError(f"{name}: neither ASSIGNMENT:task_id nor INPUT columns name the example. Download the assignments again.")
    return pa.array([" | ".join(str(cell or "") for cell in row) for row in zip(*inputs, strict=True)], type=pa.large_string())


def _seconds(table: pa.Table) -> pa.Array | None:
    """Time of the whole suite, shared by its rows."""
    columns = [f"{ASSIGNMENT}{part}" for part in ("started", "submitted", "assignment_id")]
    if not set(columns[:2]) <= set(table.column_names):
        return None
    spent = between(*(utc_times(table[column].to_pandas()) for column in columns[:2]))
    if columns[2] in table.column_names:
        suite = coded(table[columns[2]]).codes.tolist()
        sizes = Counter(suite)
        spent = spent / np.array([sizes[code] for code in suite])
    return pa.array([None if np.isnan(value) else repr(float(value)) for value in spent], type=pa.large_string())


READER = Reader("Toloka assignments", matches, parse, questions)
