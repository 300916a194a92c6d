"""Mechanical Turk, batch results as CSV."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pyarrow as pa

from .columns import ALIASES, checked
from .document import Document
from .errors import IngestError
from .gathered import true
from .jsontext import as_text
from .long_table import changed, rows_of_table
from .reader import Reader, Request, chosen_question, one_choice
from .rows import Parsed, coded

SIGNATURE = {"HITId", "AssignmentId", "WorkerId"}
ANSWER, INPUT, JSON_ANSWERS = "Answer.", "Input.", "Answer.taskAnswers"
BOOLEAN = {"true", "false", "on", "off", ""}


def matches(document: Document, request: Request) -> str | None:
    """The three ids of every batch file."""
    known = document.table is not None and set(document.columns) >= SIGNATURE
    return "it has the columns 'HITId', 'AssignmentId' and 'WorkerId'" if known else None


def questions(document: Document) -> list[str]:
    """Names in the Answer columns: Answer.<name>.label, Answer.<name>.<option> = true, or keys of Answer.taskAnswers."""
    assert document.table is not None
    names: dict[str, None] = {}
    for column in document.columns:
        if column == JSON_ANSWERS:
            for cell in coded(document.table[column]).names[:200]:
                names.update(dict.fromkeys(_answers(cell)))
        elif column.startswith(ANSWER):
            names[_question(document.table, column)] = None
    return list(names)


def _question(table: pa.Table, column: str) -> str:
    name = column.removeprefix(ANSWER)
    group, _, option = name.rpartition(".")
    return group if group and (option == "label" or _is_boolean(table, column)) else name


def _is_boolean(table: pa.Table, column: str) -> bool:
    return {name.strip().casefold() for name in coded(table[column]).names} <= BOOLEAN


def _answers(cell: str) -> dict[str, Any]:
    """The object in a JSON list of one."""
    try:
        value = json.loads(cell)
    except (ValueError, RecursionError):
        return {}
    value = value[0] if isinstance(value, list) and value else value
    return value if isinstance(value, dict) else {}


def parse(document: Document, request: Request) -> Parsed:
    """Each assignment that was not rejected is a label.

    Raises:
        IngestError: several questions and no question=, several choices at once.
    """
    table, name = document.table, document.name
    if table is None or not set(table.column_names) >= SIGNATURE:
        raise IngestError(
            f"{name} is no batch file of Mechanical Turk: it lacks {', '.join(sorted(SIGNATURE))}. Download the results again."
        )
    given = checked(request.mapping, table.column_names, name)
    if "label" not in given:
        question, option = chosen_question(request, name)
        table = table.append_column("label of " + question, _labels(table, question, option, name))
        given = {"label": "label of " + question, **given}
    wanted = {
        "example": "HITId",
        "annotator": "WorkerId",
        "timestamp": "SubmitTime",
        "seconds": "WorkTimeInSeconds",
        "status": "AssignmentStatus",
    }
    mapping = {**{role: column for role, column in wanted.items() if column in table.column_names}, **given}
    shown = [column for column in table.column_names if column.startswith(INPUT) and column not in mapping.values()]
    kept = table.select([*dict.fromkeys(mapping.values()), *shown])
    document.notes.ignored += [column for column in table.column_names if column not in kept.column_names]
    titles = [column.removeprefix(INPUT) if column in shown else column for column in kept.column_names]
    if len(set(titles)) == len(titles):
        kept = kept.rename_columns(titles)
    return rows_of_table([kept], mapping, name, document.notes)


def _labels(table: pa.Table, question: str, option: str | None, name: str) -> pa.ChunkedArray | pa.Array:
    for column in (f"{ANSWER}{question}.label", ANSWER + question):
        if column in table.column_names and column != JSON_ANSWERS:
            return changed(table, column, lambda cell: one_choice(cell.split("|"), question, option, name))[column]
    options = [column for column in table.column_names if column.startswith(f"{ANSWER}{question}.")]
    if options:
        ticked = np.column_stack([[true(cell) or cell == "on" for cell in table[column].to_pylist()] for column in options])
        ends = [column.removeprefix(f"{ANSWER}{question}.") for column in options]
        return pa.array([one_choice([e for e, on in zip(ends, row, strict=True) if on], question, option, name) for row in ticked])
    return changed(table, JSON_ANSWERS, lambda cell: _from_json(cell, question, option, name))[JSON_ANSWERS]


def _from_json(cell: str, question: str, option: str | None, name: str) -> str | None:
    value = _answers(cell).get(question)
    if isinstance(value, dict):
        value = value["label"] if "label" in value else [key for key, on in value.items() if on is True]
    choices = [text for text in map(as_text, value if isinstance(value, list) else [value]) if text is not None]
    return one_choice(choices, question, option, name)


READER = Reader("Mechanical Turk batch", matches, parse, questions, maps=tuple(ALIASES))
