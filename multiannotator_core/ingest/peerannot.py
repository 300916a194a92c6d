"""peerannot: answers.json, {example: {annotator: label}} or the other way round, with metadata.json and name lists beside it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from .document import Document
from .errors import IngestError
from .jsontext import as_text
from .reader import Reader, Request
from .report import Notes
from .rows import Coded, Parsed, coded


def matches(document: Document, request: Request) -> str | None:
    """An object of objects whose values are single labels."""
    value = document.value
    if not isinstance(value, dict) or not value:
        return None
    inner = [entry for entry in value.values() if isinstance(entry, dict)]
    if len(inner) != len(value) or not any(inner):
        return None
    if any(isinstance(label, (dict, list)) for entry in inner for label in entry.values()):
        return None
    return "a JSON object of objects that hold one label each"


def parse(document: Document, request: Request) -> Parsed:
    """Rows of the nested object; classes and names from the files beside it.

    Raises:
        IngestError: the way round cannot be told (mapping= tells it), or a label is outside the classes.
    """
    value, name, notes = document.value, document.name, document.notes
    if matches(document, request) is None:
        raise IngestError(f"{name} is no object {{example: {{annotator: label}}}}. Choose another format=, or export the labels as CSV.")
    metadata = _metadata(request)
    outer = [key for key, inner in value.items() for _ in inner]
    inner = [key for entry in value.values() for key in entry]
    labels = [as_text(label) for entry in value.values() for label in entry.values()]
    notes.rows_read += len(labels)
    example, annotator = coded(outer), coded(inner)
    if not _examples_outside(example, annotator, metadata, request, name, notes):
        example, annotator = annotator, example
    if any(str(who).casefold() == "ai" for who in annotator.names):
        notes.oddities.append("An annotator is called 'AI': a model's labels count like a person's. Select the others to leave it out.")
    classes = _classes(metadata, labels, outer, request, name)
    named = _names(request, "labelnames")
    label = coded(labels)
    if named and classes and len(named) == len(classes):
        label, classes = label.mapped(_at(named, text) for text in label.names), named
        notes.assume("Class names come from labelNames.txt.")
    return Parsed(_named_examples(example, request, notes), annotator, label, classes=tuple(classes), notes=notes)


def _metadata(request: Request) -> dict[str, Any]:
    for other in request.others:
        if is_metadata(other):
            return dict(other.value if isinstance(other.value, dict) else other.value[0])
    return {}


def is_metadata(document: Document) -> bool:
    """Whether a file is the metadata of a peerannot data set."""
    value = document.value[0] if isinstance(document.value, list) and len(document.value) == 1 else document.value
    return isinstance(value, dict) and bool({"n_classes", "n_workers", "n_task", "n_tasks"} & value.keys())


def _examples_outside(example: Coded, annotator: Coded, metadata: Mapping[str, Any], request: Request, name: str, notes: Notes) -> bool:
    """Whether the outer keys are the examples: as told, as the metadata counts them, as the name says, as the numbers suggest."""
    told = request.mapping.get("example")
    if told in ("outer", "inner"):
        return told == "outer"
    n_outer, n_inner = len(example.names), len(annotator.names)
    counted = [(key, as_text(metadata.get(key))) for key in ("n_workers", "n_task", "n_tasks") if metadata.get(key) is not None]
    as_written = all(count == str(n_inner if key == "n_workers" else n_outer) for key, count in counted)
    turned = all(count == str(n_outer if key == "n_workers" else n_inner) for key, count in counted)
    if counted and as_written != turned:
        notes.assume(f"{name}: metadata.json counts the {'outer' if as_written else 'inner'} keys as examples.")
        return as_written
    file = name.rpartition("/")[2].casefold()
    if "invers" in file or "answers" in file or n_outer >= n_inner:
        outside = "invers" not in file
        way, other = ("outer", "inner") if outside else ("inner", "outer")
        notes.assume(f"{name}: the {way} keys are read as examples; mapping={{'example': {other!r}}} turns it round.")
        return outside
    raise IngestError(
        f"{name}: it has {n_outer:,} outer and {n_inner:,} inner keys. Which are the examples? Say mapping={{'example': 'outer'}} or "
        "{'example': 'inner'}, or add metadata.json."
    )


def _classes(metadata: Mapping[str, Any], labels: list[str | None], outer: list[str], request: Request, name: str) -> list[str]:
    count = as_text(metadata.get("n_classes"))
    if count is None or not count.isdigit() or len(count) > 6:
        return []
    classes = [str(k) for k in range(int(count))]
    known = {*classes, *_names(request, "labelnames")}
    for key, label in zip(outer, labels, strict=True):
        if label is not None and label not in known:
            raise IngestError(
                f"{name}: the entry {key!r} holds label {label!r}, but metadata.json says n_classes = {count}, so labels run from 0 to "
                f"{int(count) - 1}. Correct the label or the metadata."
            )
    return classes if known == set(classes) or not any(label in known - set(classes) for label in labels) else []


def _names(request: Request, stem: str) -> list[str]:
    """The lines of labelNames.txt or filenames.txt."""
    for other in request.others:
        if other.name.rpartition("/")[2].casefold() == f"{stem}.txt" and isinstance(other.value, list):
            return [str(line).strip() for line in other.value if str(line).strip()]
    return []


def _at(names: list[str], text: str) -> str:
    return names[int(text)] if text.isdigit() and len(text) < 7 and int(text) < len(names) else text


def _named_examples(example: Coded, request: Request, notes: Notes) -> Coded:
    """Example numbers replaced by file names, where a list gives one for each."""
    files = _names(request, "filenames")
    numbered = pd.Index(example.names).str.fullmatch(r"\d{1,6}")
    if not files or not numbered.all() or max(map(int, example.names)) >= len(files) or len(set(files)) < len(files):
        return example
    notes.assume("Example names come from filenames.txt.")
    return example.mapped(files[int(text)] for text in example.names)


READER = Reader("peerannot answers.json", matches, parse, maps=("example",))
