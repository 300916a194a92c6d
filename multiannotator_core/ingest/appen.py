"""Appen (Figure Eight), full report as CSV."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from .document import Document
from .errors import IngestError
from .gathered import true
from .long_table import changed, likely_labels, rows_of_table, varying
from .reader import Reader, Request, chosen_question, one_choice
from .rows import Parsed
from .times import between, utc_times

GOLD = "_gold"
PERSONAL = ("_ip", "_city", "_region", "_channel", "_country")


def matches(document: Document, request: Request) -> str | None:
    """The unit and the worker; a report without workers is known too, to be refused."""
    columns = set(document.columns)
    if document.table is None or "_unit_id" not in columns:
        return None
    if "_worker_id" in columns:
        return "it has the columns '_unit_id' and '_worker_id'"
    return "it has the column '_unit_id' and confidences" if any(column.endswith(":confidence") for column in columns) else None


def questions(document: Document) -> list[str]:
    """Columns with a gold column beside them; without any, those that differ between the workers of a unit."""
    columns = [column for column in document.columns if not column.startswith("_")]
    with_gold = [column for column in columns if column + GOLD in columns]
    assert document.table is not None
    return with_gold or varying(document.table, "_unit_id", columns) or likely_labels(document.table, columns)


def parse(document: Document, request: Request) -> Parsed:
    """Each judgement is a label; gold where the unit is a test question.

    Raises:
        IngestError: an aggregated report, several answers and no question=, several choices at once.
    """
    table, name, notes = document.table, document.name, document.notes
    if table is None or "_worker_id" not in table.column_names:
        raise IngestError(f"{name} is the aggregated report, which has no annotators. Download the *full* report from Appen instead.")
    question, option = chosen_question(request, name)
    table = changed(table, question, lambda cell: one_choice(cell.splitlines(), question, option, f"{name}: a row"))
    mapping = {"example": "_unit_id", "annotator": "_worker_id", "label": question}
    if "_created_at" in table.column_names:
        mapping["timestamp"] = "_created_at"
        if "_started_at" in table.column_names:
            mapping["seconds"] = "seconds"
            spent = between(*(utc_times(table[column].to_pandas()) for column in ("_started_at", "_created_at")))
            texts = [None if np.isnan(value) else repr(float(value)) for value in spent]
            table = table.append_column("seconds", pa.array(texts, type=pa.large_string()))
            notes.assume(f"{name}: seconds are those of a page of work, an estimate.")
    if question + GOLD in table.column_names and option is None:
        mapping["gold"] = question + GOLD
        table = _gold(table, question + GOLD, document)
    if "_tainted" in table.column_names and (tainted := sum(map(true, table["_tainted"].to_pylist()))):
        notes.oddities.append(f"{tainted:,} labels are marked as tainted by Appen; they are counted.")
    notes.removed += [column for column in PERSONAL if column in table.column_names]
    shown = [column for column in table.column_names if not column.startswith("_") and not column.endswith(GOLD)]
    kept = list(dict.fromkeys([*mapping.values(), *shown]))
    notes.ignored += [column for column in table.column_names if column not in (*kept, *PERSONAL)]
    return rows_of_table([table.select(kept)], mapping, name, notes)


def _gold(table: pa.Table, column: str, document: Document) -> pa.Table:
    """Gold only of test questions; where several golds are accepted there is none."""
    if "_golden" in table.column_names:
        golden = [true(cell) for cell in table["_golden"].to_pylist()]
        cells = [cell if on else None for cell, on in zip(table[column].to_pylist(), golden, strict=True)]
        table = table.set_column(table.column_names.index(column), column, pa.array(cells, type=pa.large_string()))
    several = {cell for cell in table[column].to_pylist() if cell and len(cell.splitlines()) > 1}
    if several:
        document.notes.oddities.append(f"Test questions that accept several golds ({len(several):,} sets of them) count as having no gold.")
    return changed(table, column, lambda cell: None if cell in several else cell)


READER = Reader("Appen full report", matches, parse, questions)
