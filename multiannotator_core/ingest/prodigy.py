"""Prodigy JSONL: choices, or accept and reject of one label."""

from __future__ import annotations

import re
from typing import Any

from .document import Document
from .errors import IngestError
from .gathered import Gathered, inside
from .jsontext import as_text
from .reader import Reader, Request, chosen_question, one_choice
from .rows import Parsed

CHOICE = "accept"
OURS = "crowdlens_id"  # where our writer puts the name of the example, since the hash is a number
_RUN = re.compile(r"\d{4}-\d\d-\d\d_\d\d-\d\d-\d\d$")


def matches(document: Document, request: Request) -> str | None:
    """Records with the hash of their input."""
    return "its records have '_input_hash'" if document.records and "_input_hash" in document.columns else None


def questions(document: Document) -> list[str]:
    """The choice, or each label that was offered for accepting."""
    records = document.records
    if any("accept" in record for record in records):
        return [CHOICE]
    return list(dict.fromkeys(str(record["label"]) for record in records if isinstance(record.get("label"), str)))


def parse(document: Document, request: Request) -> Parsed:
    """Each record that was answered is a label.

    Raises:
        IngestError: spans instead of classes, several labels and no question=, several choices at once, no annotator.
    """
    name, records = document.name, document.records
    if not request.questions:
        raise IngestError(
            f"{name}: its records hold no choice and no label for the whole text (spans, perhaps). Crowdlens audits one label per example; "
            "export a choice or text classification task."
        )
    question, option = chosen_question(request, name)
    gathered = Gathered(document.notes)
    for record in records:
        ours = inside(record.get("meta"), OURS)
        example = as_text(record.get("_input_hash") if ours is None else ours)
        annotator = as_text(record.get("_annotator_id") or record.get("_session_id"))
        if annotator and _RUN.search(annotator):
            document.notes.assume("The annotator is a start time; two runs by the same person count as two annotators.")
        label = _label(gathered, record, question, option, f"{name}: example {example}")
        if label is not None:
            gathered.label(example, annotator, label, record.get("_timestamp"))
        gathered.show(example, {key: record[key] for key in ("text", "html", "image") if key in record})
    return gathered.parsed()


def _label(gathered: Gathered, record: dict[str, Any], question: str, option: str | None, place: str) -> str | None:
    """The class, or None where there is none (then it is counted why)."""
    answer = as_text(record.get("answer")) or "accept"
    choice = "accept" in record
    if not choice and (question == CHOICE or record.get("label") != question):
        if record.get("label") == question or question == CHOICE:
            gathered.skip("no choice")
        return None
    if answer == "ignore":
        gathered.skip("skipped")
        return None
    if not choice:
        return question if answer == "accept" else f"not {question}"
    if answer == "reject":
        gathered.skip("rejected")
        return None
    accepted = record["accept"] if isinstance(record["accept"], list) else [record["accept"]]
    chosen = one_choice([text for entry in accepted if (text := as_text(entry))], question, option, place)
    if chosen is None:
        gathered.skip("no choice")
    return chosen


READER = Reader("Prodigy JSONL", matches, parse, questions)
