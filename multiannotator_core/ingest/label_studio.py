"""Label Studio, JSON export: tasks with annotations whose results are choices or ratings."""

from __future__ import annotations

from typing import Any

from ..names import listed
from .document import Document
from .errors import IngestError
from .gathered import Gathered, entries, inside, true
from .jsontext import as_text
from .reader import Reader, Request, chosen_question, one_choice
from .rows import Parsed

OURS = "crowdlens_id"  # where our writer puts the name of the example, since Label Studio numbers its tasks itself
CATEGORICAL = {"choices": "choices", "rating": "rating", "taxonomy": "taxonomy", "pairwise": "selected"}  # type of a result -> its value


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
    if not types:
        raise IngestError(f"{document.name}: no task has an annotation with a result yet. Export again once annotators have labelled.")
    control, option = chosen_question(request, document.name)
    names = _names(document, request.mapping.get("example"))
    gathered = Gathered(document.notes)
    for task, annotation in _annotations(document):
        _read(gathered, names[id(task)], annotation, control, option)
    for task in document.records:
        data = task.get("data")
        gathered.show(names[id(task)], {key: value for key, value in data.items() if key != OURS} if isinstance(data, dict) else {})
    if any(entries(task.get("predictions")) for task in document.records):
        document.notes.assume(f"{document.name}: predictions of models are suggestions and were not counted as labels.")
    document.notes.assume(f"{document.name}: the labels are those of the control {control!r}.")
    return gathered.parsed()


def _names(document: Document, key: str | None) -> dict[int, str | None]:
    """Name of the example of each task (by its identity): what the mapping names in its data, ours, its id, or its place.

    Raises:
        IngestError: no task has in its data what the mapping names.
    """
    tasks = document.records
    if key not in (None, "id"):
        if not any(inside(task.get("data"), key) is not None for task in tasks):
            known = listed(dict.fromkeys(name for task in tasks[:50] if isinstance(task.get("data"), dict) for name in task["data"]))
            raise IngestError(f"{document.name}: no task has {key!r} in its data (mapping= names it for the example); it has {known}.")
        return {id(task): as_text(inside(task.get("data"), key)) for task in tasks}
    ours = key is None and any(inside(task.get("data"), OURS) is not None for task in tasks)
    if not ours and all(task.get("id") is None for task in tasks):
        document.notes.assume(f"{document.name}: the tasks bear no id and are counted from 1.")
        return {id(task): str(place + 1) for place, task in enumerate(tasks)}
    return {id(task): as_text(inside(task.get("data"), OURS) if ours else task.get("id")) for task in tasks}


def _read(gathered: Gathered, example: str | None, annotation: dict[str, Any], control: str, option: str | None) -> None:
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
    known = (inside(who, "id"), inside(who, "email")) if isinstance(who, dict) else (who,)
    annotator = as_text(next((name for name in known if name is not None), None))
    if isinstance(who, dict) and "completed_by: names" not in gathered.notes.removed and len(who) > 1:
        gathered.notes.removed.append("completed_by: names")
    time = annotation.get("updated_at") or annotation.get("created_at")
    gathered.label(example, annotator, label, time, annotation.get("lead_time"))


def _values(result: dict[str, Any]) -> list[str]:
    value = inside(result, "value", CATEGORICAL[str(result.get("type"))])
    paths = [" / ".join(map(str, entry)) if isinstance(entry, list) else entry for entry in (value if isinstance(value, list) else [value])]
    texts = [as_text(entry) for entry in paths]
    return [text for text in texts if text is not None]


READER = Reader("Label Studio JSON", matches, parse, questions, maps=("example",))
