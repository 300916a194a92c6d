"""Headers of tools whose capital letters or blanks a spreadsheet or a script has changed."""

from __future__ import annotations

import pyarrow as pa

from .report import Notes

# What all exports of a tool have, and what our readers look for beside it; an entry that ends in a sign is the start of a name.
TOOLS: dict[tuple[str, ...], tuple[str, ...]] = {
    ("_unit_id", "_worker_id"): (
        *("_golden", "_created_at", "_started_at", "_tainted", "_trust", "_id", "_missed", "_channel", "_country", "_region", "_city"),
        "_ip",
    ),
    ("ASSIGNMENT:worker_id",): (
        *("ASSIGNMENT:task_id", "ASSIGNMENT:assignment_id", "ASSIGNMENT:status", "ASSIGNMENT:started", "ASSIGNMENT:submitted"),
        *("ASSIGNMENT:", "INPUT:", "OUTPUT:", "GOLDEN:", "HINT:"),
    ),
    ("HITId", "AssignmentId", "WorkerId"): (
        *("AssignmentStatus", "SubmitTime", "WorkTimeInSeconds", "Answer.taskAnswers", "Answer.", "Input."),
    ),
    ("classification_id", "workflow_id", "annotations"): (
        *("user_name", "user_id", "user_ip", "workflow_version", "created_at", "gold_standard", "expert", "metadata", "subject_data"),
        "subject_ids",
    ),
    ("annotation_id", "lead_time"): ("annotator", "id", "created_at", "updated_at", "was_cancelled", "agreement"),
}


def spelled(table: pa.Table, name: str, notes: Notes) -> pa.Table:
    """The table with its columns called as the tool calls them; unchanged where no tool's columns are found, or all are as they should."""
    columns = list(table.column_names)
    folded = [column.strip().casefold() for column in columns]
    for signature, others in TOOLS.items():
        if set(signature) <= set(columns) or not {column.casefold() for column in signature} <= set(folded):
            continue
        known = [_known(column, low, (*signature, *others)) for column, low in zip(columns, folded, strict=True)]
        if len(set(known)) == len(known):
            notes.assume(f"{name}: the header differs from {signature[0]!r} and its like only in capital letters or blanks.")
            return table.rename_columns(known)
    return table


def _known(column: str, folded: str, names: tuple[str, ...]) -> str:
    for name in names:
        if folded == name.casefold():
            return name
        if name[-1] in ":." and folded.startswith(name.casefold()):
            return name + column.strip()[len(name) :]
    return column
