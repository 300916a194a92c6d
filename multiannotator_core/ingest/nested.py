"""JSON with one record an example and its labels inside: a list of who said what, or an object {annotator: label}."""

from __future__ import annotations

from typing import Any

from .columns import ALIASES, guess, plain
from .document import Document
from .errors import IngestError
from .gathered import Gathered, entries
from .jsontext import as_text
from .reader import Reader, Request, one_choice
from .rows import Parsed

LOOKED_AT = 50  # records
GATHERED = {*ALIASES["label"], "annotations", "annotators", "responses", "judgments", "judgements", "votes", "answers", "ratings"}


def matches(document: Document, request: Request) -> str | None:
    """Records with an example's name and, below one key, its labels with their annotators."""
    key = _key(document)
    return None if key is None else f"each record has the labels of an example with their annotators in {key!r}"


def _key(document: Document) -> str | None:
    """The first key below which labels stand."""
    if "example" not in guess(document.columns)[0]:
        return None
    return next((key for key in document.columns if any(_holds(key, record.get(key)) for record in document.records[:LOOKED_AT])), None)


def _holds(key: str, value: Any) -> bool:
    if isinstance(value, dict):
        return plain(key) in GATHERED and bool(value) and not any(isinstance(label, (dict, list)) for label in value.values())
    return any({"annotator", "label"} <= guess(list(entry))[0].keys() for entry in entries(value)[:3])


def parse(document: Document, request: Request) -> Parsed:
    """Each entry below the key is a label.

    Raises:
        IngestError: there is no such key, or an entry gives several labels.
    """
    key = _key(document)
    if key is None:
        raise IngestError(
            f"{document.name}: no record has a list of labels with their annotators. Choose another format=, or give one row a label."
        )
    gathered = Gathered(document.notes)
    column = guess(document.columns)[0]["example"]
    for record in document.records:
        example, inside = as_text(record.get(column)), record.get(key)
        if isinstance(inside, dict):
            for annotator, label in inside.items():
                gathered.label(example, annotator, as_text(label))
        for entry in entries(inside):
            _read(gathered, example, entry, f"{document.name}: example {example}")
        gathered.show(example, {name: value for name, value in record.items() if name not in (key, column)})
    return gathered.parsed()


def _read(gathered: Gathered, example: str | None, entry: dict[str, Any], place: str) -> None:
    found = guess(list(entry))[0]
    given = entry.get(found.get("label", ""))
    choices = [text for one in (given if isinstance(given, list) else [given]) if (text := as_text(one)) is not None]
    time, seconds = (entry.get(found[role]) if role in found else None for role in ("timestamp", "seconds"))
    annotator = as_text(entry.get(found.get("annotator", "")))
    gathered.label(example, annotator, one_choice(choices, found.get("label", "label"), None, place), time, seconds)


READER = Reader("JSON with the labels inside each example", matches, parse)
