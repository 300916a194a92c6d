"""Label Studio, JSON-MIN, CSV and TSV exports: one record an annotation, one column a control."""

from __future__ import annotations

import json
from typing import Any

from .document import Document
from .errors import IngestError
from .jsontext import as_text
from .long_table import changed, likely_labels, rows_of_table, varying
from .reader import Reader, Request, chosen_question, one_choice
from .rows import Parsed

SIGNATURE = {"annotation_id", "lead_time"}
FIXED = (*SIGNATURE, "annotator", "created_at", "updated_at", "was_cancelled", "agreement", "id")


def matches(document: Document, request: Request) -> str | None:
    """The columns that every such export has."""
    known = set(document.columns) >= SIGNATURE and document.table is not None
    return "it has the columns 'annotation_id' and 'lead_time'" if known else None


def questions(document: Document) -> list[str]:
    """Columns that differ between annotators of one example; where all agree, every column that is not fixed."""
    assert document.table is not None
    if "id" not in document.columns:
        return []
    left = [column for column in document.columns if column not in FIXED]
    return varying(document.table, "id", left) or likely_labels(document.table, left)


def parse(document: Document, request: Request) -> Parsed:
    """Rows of the export.

    Raises:
        IngestError: no annotator is told, several controls and no question=, several choices at once.
    """
    table, name = document.table, document.name
    if table is None or not {"annotator", "id"} <= set(table.column_names) or table["annotator"].null_count == table.num_rows:
        raise IngestError(f"{name}: this export does not say who labelled what (no 'annotator'). Export as JSON from Label Studio instead.")
    control, option = chosen_question(request, name)
    table = changed(table, control, lambda cell: _single(cell, control, option, name))
    mapping = {"example": "id", "annotator": "annotator", "label": control, "seconds": "lead_time"}
    time = next((column for column in ("updated_at", "created_at") if column in table.column_names), None)
    mapping |= {"timestamp": time} if time else {}
    mapping |= {"status": "was_cancelled"} if "was_cancelled" in table.column_names else {}
    document.notes.assume(f"{name}: the labels are those of the control {control!r}.")
    unused = [column for column in ("annotation_id", "agreement", "created_at", "updated_at") if column not in mapping.values()]
    table = table.drop_columns([column for column in unused if column in table.column_names])
    return rows_of_table([table], mapping, name, document.notes)


def _single(cell: str, control: str, option: str | None, name: str) -> str | None:
    """A cell that is a JSON list or object holds the choices."""
    choices = [cell]
    if cell[:1] in ("[", "{"):
        try:
            value: Any = json.loads(cell)
        except (ValueError, RecursionError):
            return cell
        value = value.get("choices", value) if isinstance(value, dict) else value
        if isinstance(value, dict) or any(isinstance(entry, (dict, list)) for entry in value):
            raise IngestError(
                f"{name}, column {control!r}: {cell[:60]!r} is no single class but boxes, spans or the like. Crowdlens audits one label "
                "per example; choose a classification control with question=."
            )
        choices = [text for text in map(as_text, value) if text is not None]
    return one_choice(choices, control, option, f"{name}: a row")


READER = Reader("Label Studio JSON-MIN or CSV", matches, parse, questions)
