"""SageMaker Ground Truth: the workers' responses, one JSON an object (a folder or zip of them)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Any

from .document import Document
from .errors import IngestError
from .gathered import Gathered, entries, inside
from .jsontext import as_text
from .reader import Reader, Request, chosen_question, one_choice
from .rows import Parsed

WORKERS, ALL_WORKERS = "answers", "annotationsFromAllWorkers"


def _objects(document: Document) -> list[dict[str, Any]]:
    return [document.value] if isinstance(document.value, dict) else document.records


def is_response(document: Document) -> bool:
    """Whether a file holds what workers answered."""
    return any(
        any("workerId" in entry for entry in entries(labelled.get(key)))
        for labelled in _objects(document)[:50]
        for key in (WORKERS, ALL_WORKERS)
    )


def _is_manifest(document: Document) -> bool:
    return any(key.endswith("-metadata") and inside(line, key, "job-name") for line in _objects(document)[:5] for key in line)


def matches(document: Document, request: Request) -> str | None:
    """Answers with a workerId; a manifest alone is known too, to be refused."""
    if is_response(document):
        return "its answers have a 'workerId'"
    alone = _is_manifest(document) and not any(map(is_response, request.others))
    return "it is an output manifest: metadata with a 'job-name'" if alone else None


def _answers(document: Document) -> Iterator[tuple[str, dict[str, Any], dict[str, Any], Any]]:
    """(example, object, worker's entry, content of the answer)."""
    path = PurePosixPath(document.name)
    folder = path.parent.name if path.parent.name and not path.parent.name.startswith("iteration") else path.stem
    for row, labelled in enumerate(_objects(document)):
        several = len(_objects(document)) > 1
        example = as_text(labelled.get("datasetObjectId")) or (f"{folder}/{row}" if several else folder)
        for entry in entries(labelled.get(WORKERS)):
            yield example, labelled, entry, entry.get("answerContent")
        for entry in entries(labelled.get(ALL_WORKERS)):
            content = inside(entry, "annotationData", "content")
            try:
                content = json.loads(content) if isinstance(content, str) else content
            except (ValueError, RecursionError):
                raise IngestError(
                    f"{document.name}: the content of a worker's answer is not valid JSON. Download the responses again."
                ) from None
            yield example, labelled, entry, content


def _leaves(content: Any, path: str = "") -> dict[str, list[str]]:
    """Path -> choices: a single value, a list of them, or the options of an object of yes and no that are yes."""
    if not isinstance(content, dict):
        several = content if isinstance(content, list) else [content]
        if any(isinstance(entry, (dict, list)) for entry in several):
            return {}  # boxes and the like
        return {path: [text for entry in several if (text := as_text(entry)) is not None]}
    if path and content and all(isinstance(value, bool) for value in content.values()):
        return {path: [key for key, on in content.items() if on]}
    found: dict[str, list[str]] = {}
    for key, value in content.items():
        found |= _leaves(value, f"{path}.{key}" if path else str(key))
    return found


def questions(document: Document) -> list[str]:
    """Paths inside the answers that hold single values."""
    return list(dict.fromkeys(path for *_, content in _answers(document) for path in _leaves(content)))


def parse(document: Document, request: Request) -> Parsed:
    """Each worker's answer is a label.

    Raises:
        IngestError: a manifest without responses, several paths in the answers and no question=.
    """
    name = document.name
    if not is_response(document):
        raise IngestError(
            f"{name}: an output manifest holds the merged label only. Add the folder annotations/worker-response/ of the same job."
        )
    question, option = chosen_question(request, name)
    gathered = Gathered(document.notes)
    for example, labelled, entry, content in _answers(document):
        choices = _leaves(content).get(question, [])
        label = one_choice(choices, question, option, f"{name}: example {example}")
        gathered.label(example, as_text(entry.get("workerId")), label, entry.get("submissionTime"), entry.get("timeSpentInSeconds"))
        if "workerMetadata" in entry and "workerMetadata" not in document.notes.removed:
            document.notes.removed.append("workerMetadata")
        shown = labelled.get("dataObject")
        gathered.show(example, shown if isinstance(shown, dict) else {})
    return gathered.parsed()


READER = Reader("SageMaker Ground Truth worker responses", matches, parse, questions)
