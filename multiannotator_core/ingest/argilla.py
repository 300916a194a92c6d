"""Argilla, also as a Hugging Face data set (Parquet or JSON): lists of responses, users and statuses."""

from __future__ import annotations

from typing import Any

from .document import Document
from .errors import IngestError
from .gathered import Gathered, entries
from .jsontext import as_text
from .reader import Reader, Request, chosen_question, one_choice
from .rows import Parsed

RESPONSES = ".responses"
STATUS = {"discarded": "skipped", "draft": "draft"}
OLD = ("user_id", "value", "status")
RECORD = "responses"  # of a record as the client writes it: {question: [{"value": ..., "user_id": ...}]}


def matches(document: Document, request: Request) -> str | None:
    """A column of responses, or the first version's lists of user_id, value and status."""
    new = [column for column in document.columns if column.endswith(RESPONSES)] if document.records else []
    if new:
        return f"it has the column {new[0]!r}"
    if _asked_in_records(document):
        return "its records have responses with 'value' and 'user_id'"
    old = [column for column in document.columns if _is_old(document, column)]
    return f"column {old[0]!r} holds user_id and value" if old else None


def _asked_in_records(document: Document) -> list[str]:
    """Questions of records that have their responses in one object."""
    found = (record.get(RECORD) for record in document.records if "fields" in record)
    answers = [(question, entries(given)) for one in found if isinstance(one, dict) for question, given in one.items()]
    return list(dict.fromkeys(question for question, given in answers if any({"value", "user_id"} <= entry.keys() for entry in given)))


def _is_old(document: Document, column: str) -> bool:
    for record in document.records[:50]:
        value = record.get(column)
        first = value[0] if isinstance(value, list) and value else value
        if isinstance(first, dict):
            return {"user_id", "value"} <= first.keys()
    return False


def questions(document: Document) -> list[str]:
    """Names of the questions with responses."""
    new = [column.removesuffix(RESPONSES) for column in document.columns if column.endswith(RESPONSES)]
    return new or _asked_in_records(document) or [column for column in document.columns if _is_old(document, column)]


def parse(document: Document, request: Request) -> Parsed:
    """Each submitted response is a label; suggestions never are.

    Raises:
        IngestError: lists of unequal length, several questions and no question=, several choices at once.
    """
    question, option = chosen_question(request, document.name)
    gathered = Gathered(document.notes)
    for row, record in enumerate(document.records):
        ids = (as_text(record.get(key)) for key in ("id", "_server_id"))
        example = next((name for name in ids if name is not None), str(row))
        for user, value, status in _responses(record, question, f"{document.name}: record {example}"):
            word = str(status).casefold() if status is not None else "submitted"
            if word != "submitted":
                gathered.skip(STATUS.get(word, word))
                continue
            choices = [str(as_text(entry)) for entry in (value if isinstance(value, list) else [value]) if entry is not None]
            if any(isinstance(entry, dict) for entry in (value if isinstance(value, list) else [value])):
                raise IngestError(f"{document.name}: record {example} holds spans or rankings. Choose a label question with question=.")
            label = one_choice(choices, question, option, f"{document.name}: record {example}")
            gathered.label(example, as_text(user), label)
        asked = [*request.questions, "id", "_server_id", "status"]
        fields = record["fields"] if RECORD in record and isinstance(record.get("fields"), dict) else record
        gathered.show(example, {key: value for key, value in fields.items() if key not in asked and "." not in key})
    return gathered.parsed()


def _responses(record: dict[str, Any], question: str, place: str) -> list[tuple[Any, Any, Any]]:
    old = record.get(question) if question + RESPONSES not in record else None
    if isinstance(record.get(RECORD), dict) and "fields" in record:
        old = record[RECORD].get(question)
    if isinstance(old, list):
        return [(entry.get("user_id"), entry.get("value"), entry.get("status")) for entry in entries(old)]
    if isinstance(old, dict):
        users, values, status = (old.get(key) or [] for key in OLD)
    else:
        values = record.get(question + RESPONSES) or []
        users = record.get(f"{question}{RESPONSES}.users") or []
        status = record.get(f"{question}{RESPONSES}.status") or []
    status = status or [None] * len(values)
    if not len(users) == len(values) == len(status):
        raise IngestError(
            f"{place} has {len(values)} responses, {len(users)} users and {len(status)} statuses to question {question!r}; they must be as "
            "many. Export the data set again."
        )
    return list(zip(users, values, status, strict=True))


READER = Reader("Argilla", matches, parse, questions)
