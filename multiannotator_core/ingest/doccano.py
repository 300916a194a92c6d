"""doccano: one file of records a member, in a zip; the member is the name of the file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .document import Document
from .errors import IngestError
from .gathered import Gathered, entries
from .jsontext import as_text
from .long_table import annotator_of
from .reader import Reader, Request, one_choice
from .rows import Parsed

TABLE = {"id", "label", "Comments"}
LABEL = ("label", "labels")  # the second in older versions
SHOWN = {"id", *LABEL, "Comments", "annotations", "annotation_approver", "created_at", "updated_at"}


def matches(document: Document, request: Request) -> str | None:
    """Records with an id and a list of labels, or the old form with annotations, or the CSV form."""
    columns = set(document.columns)
    if document.records and "id" in columns and columns & set(LABEL) and {"text", "data", "filename"} & columns:
        lists = [isinstance(_given(record), list) for record in document.records[:50]]
        return "its records have an 'id' and a list of labels" if all(lists) else None
    if document.records and "annotations" in columns and "data" not in columns:
        known = any(
            "label" in entry and "user" in entry for record in document.records[:50] for entry in entries(record.get("annotations"))
        )
        return "its records have annotations with 'label' and 'user'" if known else None
    if columns >= TABLE and {"text", "filename"} & columns and document.table is not None:
        return "it has the columns 'id', 'label' and 'Comments'"
    return None


def _given(record: Mapping[str, Any]) -> Any:
    return next((record[key] for key in LABEL if key in record), None)


def parse(document: Document, request: Request) -> Parsed:
    """Each record with a label is one label of the member whose name the file bears.

    Raises:
        IngestError: the export merges all members, or holds spans, boxes or several labels.
    """
    name = document.name
    old = "annotations" in document.columns
    member = annotator_of(name, [other.name for other in request.labelled])
    if member.casefold() == "all" and not old:
        raise IngestError(
            f"{name}: this export merges all annotators (the project shares annotations), so it cannot be audited. In doccano, turn off "
            "the sharing of annotations for the project and export again."
        )
    gathered = Gathered(document.notes)
    records = document.records or (document.table.to_pylist() if document.table is not None else [])
    for record in records:
        example = as_text(record.get("id"))
        if old:
            for entry in entries(record.get("annotations")):
                gathered.label(example, as_text(entry.get("user")), as_text(entry.get("label")), entry.get("updated_at"))
        else:
            _read(gathered, example, member, _given(record), request.question, name)
        gathered.show(example, {key: value for key, value in record.items() if key not in SHOWN})
    if not old:
        document.notes.assume(f"{name}: the annotator is {member!r}, from the file's name.")
    if not document.records:
        document.notes.assume(f"{name}: a '#' in a label of this CSV would stand for two labels; the JSONL export is safer.")
    return gathered.parsed()


def _read(gathered: Gathered, example: str | None, member: str, labels: Any, question: str | None, name: str) -> None:
    given = labels if isinstance(labels, list) else str(labels).split("#") if labels else []
    if any(isinstance(entry, (list, dict)) for entry in given):
        raise IngestError(
            f"{name}: example {example} holds spans or boxes. Crowdlens audits one label per example; export a project of document "
            "classification, or one row per region."
        )
    if not given:
        gathered.skip("not labelled by this member")
        return
    option = None if question is None else question.removeprefix("label=")
    gathered.label(example, member, one_choice([str(entry) for entry in given], "label", option, f"{name}: example {example}"))


READER = Reader("doccano, one file a member", matches, parse)
