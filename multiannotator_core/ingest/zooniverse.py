"""Zooniverse, classification export as CSV with JSON in its cells."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from .document import Document
from .errors import IngestError
from .gathered import Gathered, entries, inside, true
from .jsontext import as_text
from .reader import Reader, Request, chosen_question, one_choice
from .rows import Parsed
from .times import between, utc_times

SIGNATURE = {"classification_id", "workflow_id", "annotations"}
ANONYMOUS = "not-logged-in"
REMOVED = ("user_ip", "user_id")


def matches(document: Document, request: Request) -> str | None:
    """The columns that every export has."""
    known = document.table is not None and set(document.columns) >= SIGNATURE
    return "it has the columns 'classification_id', 'workflow_id' and 'annotations'" if known else None


def _rows(document: Document) -> list[dict[str, Any]]:
    return document.table.to_pylist() if document.table is not None else []


def _json(cell: Any) -> Any:
    try:
        return json.loads(cell) if isinstance(cell, str) and cell else None
    except (ValueError, RecursionError):
        return None


def _question(row: Mapping[str, Any], task: Any, several: bool) -> str:
    return f"{row.get('workflow_id')}/{task}" if several else str(task)


def questions(document: Document) -> list[str]:
    """Tasks whose values are single; with their workflow, where there are several workflows."""
    rows = _rows(document)
    several = len({row["workflow_id"] for row in rows}) > 1
    found: dict[str, None] = {}
    for row in rows:
        for entry in entries(_json(row["annotations"])):
            found[_question(row, entry.get("task"), several)] = None
    return list(found)


def parse(document: Document, request: Request) -> Parsed:
    """Each classification's value of the task is a label.

    Raises:
        IngestError: several tasks or workflows and no question=, a task with nested values.
    """
    name, notes = document.name, document.notes
    question, option = chosen_question(request, name)
    rows = _rows(document)
    several = len({row["workflow_id"] for row in rows}) > 1
    ours = [row for row in rows if not several or str(row["workflow_id"]) == question.rpartition("/")[0]]
    majors = Counter(str(row.get("workflow_version")).split(".")[0] for row in ours)
    major = max(majors, key=lambda version: (majors[version], version), default="")
    if len(majors) > 1:
        notes.assume(f"{name}: only version {major} of the workflow was read; others may offer other classes.")
    gathered = Gathered(notes)
    for row in rows:
        if several and str(row["workflow_id"]) != question.rpartition("/")[0]:
            gathered.skip("another workflow")
        elif str(row.get("workflow_version")).split(".")[0] != major:
            gathered.skip("another version of the workflow")
        else:
            _read(gathered, row, question.rpartition("/")[2] if several else question, question, option, name)
    if any(str(row.get("user_name")).startswith(ANONYMOUS) for row in rows):
        notes.oddities.append(f"Annotators called {ANONYMOUS}-… were not logged in: one person may stand behind several of them.")
    notes.removed += [column for column in REMOVED if column in document.columns]
    return gathered.parsed()


def _read(gathered: Gathered, row: Mapping[str, Any], task: str, question: str, option: str | None, name: str) -> None:
    example = as_text(row.get("subject_ids"))
    values = [entry.get("value") for entry in entries(_json(row["annotations"])) if str(entry.get("task")) == task]
    choices = []
    for value in values:
        for single in value if isinstance(value, list) else [value]:
            if isinstance(single, (dict, list)):
                raise IngestError(f"{name}: task {task} holds drawings or several tasks in one. Choose a question task with question='…'.")
            if single is not None:
                choices.append(str(as_text(single)))
    label = one_choice(choices, question, option if values else None, f"{name}: subject {example}")
    if true(row.get("gold_standard")) and example is not None:
        gathered.skip("gold standard, read as gold")
        gathered.gold(example, label)
        return
    metadata = _json(row.get("metadata"))
    start, end = (_instant(str(inside(metadata, key))) for key in ("started_at", "finished_at"))
    seconds = float(between(start, end)[0])
    gathered.label(example, as_text(row.get("user_name")), label, row.get("created_at"), seconds)
    subject = inside(_json(row.get("subject_data")), str(example))
    gathered.show(example, {key: value for key, value in (subject or {}).items() if key != "retired" and not key.startswith("#")})


@lru_cache(maxsize=4096)
def _instant(text: str) -> Any:
    return utc_times([text])


READER = Reader("Zooniverse classifications", matches, parse, questions)
