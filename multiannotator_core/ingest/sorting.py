"""Which file is what: labels in some format, gold, content, probabilities, times, or nothing that we use."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd
import pyarrow as pa

from ..names import listed
from . import peerannot
from .columns import checked, guess, plain, refuse_roles
from .document import Document, document
from .errors import IngestError, NotRecognisedError
from .gold import gold_of, is_gold
from .ours import MANIFEST, is_manifest, without_beside
from .predictions import is_pred_probs
from .reader import Request
from .readers import READERS
from .sources import Sources, blobs
from .spent import is_times

GOLD_WORDS = {"gold", "golden", "truth", "true", "gt", "groundtruth", "reference", "key", "test", "expected", "correct", "known"}
CONSENSUS = {"agglabel", "consensuslabel"}  # a table of results is neither gold nor content: it would tell the reviewer the answer


@dataclass(frozen=True)
class Labelled:
    """A file with labels, the key of its reader, and the reason."""

    key: str
    why: str
    document: Document


@dataclass
class Sorted:
    """All files by what they hold."""

    request: Request
    labelled: list[Labelled] = field(default_factory=list)
    gold: list[pd.Series] = field(default_factory=list)
    pred_probs: list[Document] = field(default_factory=list)
    times: list[Document] = field(default_factory=list)
    content: list[Document] = field(default_factory=list)
    unused: list[str] = field(default_factory=list)
    twins: list[Document] = field(default_factory=list)

    def forget(self) -> None:
        """Let go of the files with labels once they are parsed: they are most of the memory."""
        self.labelled, self.request = [], Request()


def documents_of(sources: Sources) -> list[Document]:
    """All files that can be understood; a single one must be."""
    files, found, error = blobs(sources), [], None
    ours = any(blob.name.rpartition("/")[2] == MANIFEST for blob in files)  # what our writers wrote for programs is not guarded
    for blob in files:
        try:
            found.append(document(blob, guarded=not ours))
        except NotRecognisedError as refused:
            error = refused
    if not found and error is not None:
        raise error
    return found


def sorted_out(documents: Sequence[Document], format: str | None, mapping: Mapping[str, str | None], question: str | None) -> Sorted:
    """Give each file its part.

    Raises:
        IngestError: no file holds labels, format= is unknown, or mapping= names a role that the format does not take.
    """
    refuse_roles(mapping)
    if format is not None and (not isinstance(format, str) or format not in READERS):
        raise IngestError(f"format={format!r} is not known; choose one of {', '.join(READERS)}.")
    request = Request(mapping, question, documents)
    documents = without_beside(documents)
    files = Sorted(request, _labelled(documents, format, request))
    if not files.labelled:
        files.request = request = replace(request, several=True)
        files.labelled = _labelled(documents, format, request)
        if len(files.labelled) < 2:
            _refuse(documents, format, files)
    _without_twins(files)
    chosen = {id(document) for document in [*(entry.document for entry in files.labelled), *files.twins]}
    for other in documents:
        if id(other) in chosen:
            continue
        if _is_label_list(other) and not _sounds_like_gold(other):
            files.labelled.append(Labelled("long", "its name tells the annotator", other))
            files.request = replace(files.request, several=True)
        else:
            _companion(other, files)
    return files


def recognised(source: Document, request: Request) -> dict[str, str]:
    """Key and reason of every reader that knows a file, most specific first."""
    if source.is_image or peerannot.is_metadata(source) or is_manifest(source):
        return {}
    reasons = {key: reader.matches(source, request) for key, reader in READERS.items()}
    return {key: why for key, why in reasons.items() if why}


def _labelled(documents: Sequence[Document], format: str | None, request: Request) -> list[Labelled]:
    found = []
    for source in documents:
        known = recognised(source, request)
        named = {role for role, column in request.mapping.items() if column is not None}
        takes = [key for key in known if named <= set(READERS[key].maps)]
        key = format if format in known else None if format else next(iter(takes or known), None)
        if key is not None:
            _refuse_roles_of(key, request.mapping, source)
            found.append(Labelled(key, known[key], source))
    return found


def _refuse_roles_of(key: str, mapping: Mapping[str, str | None], source: Document) -> None:
    """A mapping that a format does not look at would be passed over in silence."""
    unused = {role for role, column in mapping.items() if column is not None} - set(READERS[key].maps)
    if unused:
        if isinstance(source.value, pa.Table):
            checked(mapping, source.columns, source.name)
        raise IngestError(
            f"{source.name} is read as {READERS[key].title}, which says itself where the {listed(sorted(unused))} stands. Leave "
            "that out of mapping= (question= chooses among several), or read the file as a plain table with format='long'."
        )


def _without_twins(files: Sorted) -> None:
    """Of two files that say the same the two ways round (answers.json and answers_inversed.json) only one counts."""
    seen: dict[frozenset[tuple[str, str, str]], str] = {}
    for entry in [entry for entry in files.labelled if entry.key == "peerannot" and peerannot.matches(entry.document, files.request)]:
        value = entry.document.value
        pairs = [(str(outer), str(inner), str(label)) for outer, row in value.items() for inner, label in row.items()]
        twin = seen.get(frozenset((inner, outer, label) for outer, inner, label in pairs))
        if twin is not None:
            files.labelled.remove(entry)
            files.twins.append(entry.document)
            files.labelled[0].document.notes.assume(f"{entry.document.name} says the same as {twin} the other way round and was not read.")
        seen[frozenset(pairs)] = entry.document.name


def _refuse(documents: Sequence[Document], format: str | None, files: Sorted) -> None:
    """No file was recognised: with one file that may hold labels let its reader say what is missing."""
    mapping = files.request.mapping
    likely = [source for source in documents if not source.is_image and not peerannot.is_metadata(source)]
    tables = [source for source in likely if source.table is not None and not is_gold(source) and not is_pred_probs(source)]
    files.request = replace(files.request, several=False)
    if format is not None and likely:
        files.labelled = [Labelled(format, "format= says so", source) for source in ((tables or likely) if len(likely) > 1 else likely)]
        return
    if len(tables) == 1 or (tables and mapping):
        files.labelled = [Labelled("long", "mapping= names its columns" if mapping else "it is a table", source) for source in tables]
        return
    if len(likely) == 1 and isinstance(likely[0].value, list) and likely[0].notes.oddities:
        raise IngestError(f"{likely[0].notes.oddities[0]} Save the labels as CSV or JSON with one row for each label.")
    names = listed([source.name for source in documents])
    what = "only images" if not likely else "no labels that are recognised"
    raise IngestError(
        f"{names}: there are {what}. Expected one row for each label with columns such as task, worker, label, "
        f"or one of the formats {', '.join(READERS)}; name one with format=."
    )


def _companion(source: Document, files: Sorted) -> None:
    """Put a file beside the labels."""
    if peerannot.is_metadata(source):
        return
    if source.is_image:
        files.content.append(source)
    elif isinstance(source.value, np.ndarray):
        if _probabilities(source.value):
            files.pred_probs.append(source)
        else:
            files.unused.append(source.name)
    elif source.table is None or CONSENSUS & set(map(plain, source.columns)):
        files.unused.append(source.name)
    elif is_gold(source) or _is_label_list(source):
        files.gold.append(gold_of(source))
        files.labelled[0].document.notes.assume(f"{source.name} is read as gold.")
    elif is_pred_probs(source):
        files.pred_probs.append(source)
    elif is_times(source):
        files.times.append(source)
    elif "example" in guess(source.columns)[0]:
        files.content.append(source)
    else:
        files.unused.append(source.name)


def _probabilities(array: np.ndarray) -> bool:
    head = array[:50]
    return array.ndim == 2 and array.dtype.kind == "f" and bool(np.allclose(head.sum(axis=1), 1, atol=1e-2) and (head >= 0).all())


def _is_label_list(source: Document) -> bool:
    """Examples with one label each and nobody who gave it: one annotator's labels or gold, when other files hold the labels."""
    if source.table is None or CONSENSUS & set(map(plain, source.columns)):
        return False
    found = guess(source.columns)[0]
    return {"example", "label"} <= found.keys() and not {"annotator", "gold"} & found.keys() and len(source.columns) == 2


def _sounds_like_gold(source: Document) -> bool:
    """Whether the name of the file says so: a model's labels, taken for gold, would silence everybody else."""
    words = set(re.split(r"[^a-z]+", source.name.rpartition("/")[2].casefold()))
    return bool(words & GOLD_WORDS)
