"""Which file is what: labels in some format, gold, content, probabilities, times, or nothing that we use."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd

from ..labels import listed
from .columns import guess, plain
from .document import Document, document
from .errors import IngestError, NotRecognisedError
from .gold import gold_of, is_gold
from .ours import is_manifest, without_beside
from .peerannot import is_metadata
from .predictions import is_pred_probs
from .reader import Request
from .readers import READERS
from .sources import Sources, blobs
from .spent import is_times

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

    def forget(self) -> None:
        """Let go of the files with labels once they are parsed: they are most of the memory."""
        self.labelled, self.request = [], Request()


def documents_of(sources: Sources) -> list[Document]:
    """All files that can be understood; a single one must be."""
    files, found, error = blobs(sources), [], None
    for blob in files:
        try:
            found.append(document(blob))
        except NotRecognisedError as refused:
            error = refused
    if not found and error is not None:
        raise error
    return found


def sorted_out(documents: Sequence[Document], format: str | None, mapping: Mapping[str, str | None], question: str | None) -> Sorted:
    """Give each file its part.

    Raises:
        IngestError: no file holds labels, or format= is unknown.
    """
    if format is not None and format not in READERS:
        raise IngestError(f"format={format!r} is not known; choose one of {', '.join(READERS)}.")
    request = Request(mapping, question, documents)
    documents = without_beside(documents)
    files = Sorted(request, _labelled(documents, format, request))
    if not files.labelled:
        files.request = request = replace(request, several=True)
        files.labelled = _labelled(documents, format, request)
        if len(files.labelled) < 2:
            _refuse(documents, format, files)
    chosen = {id(entry.document) for entry in files.labelled}
    for other in documents:
        if id(other) not in chosen:
            _companion(other, files)
    return files


def recognised(source: Document, request: Request) -> dict[str, str]:
    """Key and reason of every reader that knows a file, most specific first."""
    if source.is_image or is_metadata(source) or is_manifest(source):
        return {}
    reasons = {key: reader.matches(source, request) for key, reader in READERS.items()}
    return {key: why for key, why in reasons.items() if why}


def _labelled(documents: Sequence[Document], format: str | None, request: Request) -> list[Labelled]:
    found = []
    for source in documents:
        known = recognised(source, request)
        key = format if format in known else None if format else next(iter(known), None)
        if key is not None:
            found.append(Labelled(key, known[key], source))
    return found


def _refuse(documents: Sequence[Document], format: str | None, files: Sorted) -> None:
    """No file was recognised: with one file that may hold labels let its reader say what is missing."""
    mapping = files.request.mapping
    likely = [source for source in documents if not source.is_image and not is_metadata(source)]
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
    if is_metadata(source):
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
        files.labelled[0].document.notes.assume(f"{source.name} is read as gold: it names no annotator.")
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
    """Examples with one label each and nobody who gave it: gold, when other files hold the labels."""
    found = guess(source.columns)[0]
    return {"example", "label"} <= found.keys() and "annotator" not in found and len(source.columns) == 2
