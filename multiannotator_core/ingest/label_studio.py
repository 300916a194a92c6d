"""Label Studio, JSON export: tasks with annotations whose results are choices or ratings."""

from __future__ import annotations

from typing import Any

from .document import Document
from .errors import IngestError
from .gathered import Gathered, entries, inside, true
from .jsontext import as_text
from .reader import Reader, Request, chosen_question, one_choice
from .rows import Parsed

OURS = "crowdlens_id"  # where our writer puts the name of the example, since Label Studio numbers its tasks itself
CATEGORICAL = {"choices": "choices", "rating": "rating"}  # type of a result -> where its value is


def matches(document: Document, request: Request) -> str | None:
    """Tasks with `data` and `annotations` (old exports: `completions`)."""
    columns = set(document.columns) if document.records else set()
    key = next(iter({"annotations", "completions"} & columns), None)
    return f"its tasks have 'data' and {key!r}" if key and "data" in columns else None


def questions(document: Document) -> list[str]:
    """Names of the controls that give classes."""
    found = (result for _, annotation in _annotations(document) for result in entries(annotation.get("result")))
    return list(dict.fromkeys(str(result.get("from_name")) for result in found if str(result.get("type")) in CATEGORICAL))


def _annotations(document: Document) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    return [(task, entry) for task in document.records for entry in entries(task.get("annotations") or task.get("completions"))]


def parse(document: Document, request: Request) -> Parsed:
    """Each annotation is a label; ground truths are gold, cancelled ones are skips.

    Raises:
        IngestError: boxes or spans instead of classes, several controls and no question=, several choices at once.
    """
    types = {str(result.get("type")) for _, entry in _annotations(document) for result in entries(entry.get("result"))}
    if types and not types & CATEGORICAL.keys():
        raise IngestError(
            f"{document.name}: this export holds {', '.join(sorted(types))}, such as boxes or spans. Crowdlens audits one label "
            "per example; choose a classification control, or export one row per region."
        )
    control, option = chosen_question(request, document.name)
    gathered = Gathered(document.notes)
    for task, annotation in _annotations(document):
        _read(gathered, task, annotation, control, option)
    for task in document.records:
        data = task.get("data")
        gathered.show(_name(task), {key: value for key, value in data.items() if key != OURS} if isinstance(data, dict) else {})
    if any(entries(task.get("predictions")) for task in document.records):
        document.notes.assume(f"{document.name}: predictions of models are suggestions and were not counted as labels.")
    document.notes.assume(f"{document.name}: the labels are those of the control {control!r}.")
    return gathered.parsed()


def _name(task: dict[str, Any]) -> str | None:
    ours = inside(task.get("data"), OURS)
    return as_text(task.get("id") if ours is None else ours)


def _read(gathered: Gathered, task: dict[str, Any], annotation: dict[str, Any], control: str, option: str | None) -> None:
    example = _name(task)
    if true(annotation.get("was_cancelled")) or true(annotation.get("skipped")):
        gathered.skip("skipped")
        return
    chosen = [r for r in entries(annotation.get("result")) if str(r.get("from_name")) == control and str(r.get("type")) in CATEGORICAL]
    values = [value for result in chosen for value in _values(result)]
    label = one_choice(values, control, option if chosen else None, f"Example {example}")
    if true(annotation.get("ground_truth")):
        gathered.skip("ground truth, read as gold")
        if example is not None:
            gathered.gold(example, label)
        return
    who = annotation.get("completed_by")
    annotator = as_text(inside(who, "id") or inside(who, "email") if isinstance(who, dict) else who)
    if isinstance(who, dict) and "completed_by: names" not in gathered.notes.removed and len(who) > 1:
        gathered.notes.removed.append("completed_by: names")
    time = annotation.get("updated_at") or annotation.get("created_at")
    gathered.label(example, annotator, label, time, annotation.get("lead_time"))


def _values(result: dict[str, Any]) -> list[str]:
    value = inside(result, "value", CATEGORICAL[str(result.get("type"))])
    texts = [as_text(entry) for entry in (value if isinstance(value, list) else [value])]
    return [text for text in texts if text is not None]


READER = Reader("Label Studio JSON", matches, parse, questions)
