"""Labelbox, NDJSON export (version 2)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .document import Document
from .errors import IngestError
from .gathered import Gathered, entries, inside, true
from .jsontext import as_text
from .reader import Reader, Request, chosen_question, one_choice
from .rows import Parsed

SECONDS = ("seconds_to_label", "seconds_to_create")


def matches(document: Document, request: Request) -> str | None:
    """Lines with `data_row` and `projects`."""
    lines = _lines(document)
    return "its lines have 'data_row' and 'projects'" if lines and {"data_row", "projects"} <= lines[0].keys() else None


def _lines(document: Document) -> list[dict[str, Any]]:
    return [document.value] if isinstance(document.value, dict) else document.records


def _labels(document: Document) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """(line, label) pairs."""
    for line in _lines(document):
        projects = line.get("projects")
        for project in projects.values() if isinstance(projects, dict) else ():
            for label in entries(inside(project, "labels")):
                yield line, label


def questions(document: Document) -> list[str]:
    """Names of the classifications that give classes."""
    found = (entry for _, label in _labels(document) for entry in entries(inside(label, "annotations", "classifications")))
    return list(dict.fromkeys(str(entry.get("value") or entry.get("name")) for entry in found if "text_answer" not in entry))


def parse(document: Document, request: Request) -> Parsed:
    """Each label's answer to the question is a label; benchmark references are gold.

    Raises:
        IngestError: no labeller is told, objects instead of classes, several questions and no question=.
    """
    name = document.name
    pairs = list(_labels(document))
    if pairs and not any(inside(label, "label_details", "created_by") for _, label in pairs):
        raise IngestError(f"{name} does not say who labelled. Export again from Labelbox with 'label details' switched on.")
    if not request.questions and any(inside(label, "annotations", "objects") for _, label in pairs):
        raise IngestError(f"{name} holds objects such as boxes. Crowdlens audits one label per example; export a classification.")
    question, option = chosen_question(request, name)
    gathered = Gathered(document.notes)
    for line, label in pairs:
        row = line.get("data_row")
        example = as_text(inside(row, "global_key") or inside(row, "id"))
        performance, details = label.get("performance_details"), label.get("label_details")
        answer = one_choice(_answers(label, question), question, option, f"{name}: example {example}")
        if true(inside(performance, "benchmark_reference_label")) and example is not None:
            gathered.skip("benchmark reference, read as gold")
            gathered.gold(example, answer)
            continue
        seconds = next((inside(performance, key) for key in SECONDS if inside(performance, key) is not None), None)
        gathered.label(example, as_text(inside(details, "created_by")), answer, inside(details, "created_at"), seconds)
        gathered.show(example, _content(row))
    return gathered.parsed()


def _answers(label: dict[str, Any], question: str) -> list[str]:
    chosen: list[Any] = []
    for entry in entries(inside(label, "annotations", "classifications")):
        if question in (entry.get("value"), entry.get("name")):
            several = entry.get("checklist_answers") or inside(entry, "checklist_answer")
            chosen += several if isinstance(several, list) else [entry.get("radio_answer")]
    texts = [as_text(inside(answer, "value") or inside(answer, "name")) for answer in chosen]
    return [text for text in texts if text is not None]


def _content(row: Any) -> dict[str, Any]:
    """Text, and addresses that carry no signature."""
    shown = {key: inside(row, key) for key in ("external_id", "row_data")}
    return {key: text for key, text in shown.items() if isinstance(text, str) and not (text.startswith("http") and "?" in text)}


READER = Reader("Labelbox NDJSON", matches, parse, questions)
