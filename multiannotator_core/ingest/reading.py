"""From files to labels: recognise, parse, merge, and tell what was done."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

import pandas as pd

from ..align import positions
from ..incoming import DUPLICATES
from ..labels import CrowdLabels
from ..names import listed
from .content import content_of
from .document import Document
from .errors import IngestError
from .long_table import with_annotator
from .memory import release
from .oddities import oddities
from .predictions import pred_probs_of
from .readers import READERS
from .report import Notes, Report
from .rows import NO_LABEL, Parsed, crowd_labels, merged, settled_gold
from .sorting import Sorted, documents_of, sorted_out
from .sources import Sources
from .spent import with_times


@dataclass(frozen=True, eq=False)
class Found:
    """What was in the files.

    Attributes:
        labels: the crowd's labels; names and classes are text as in the file.
        gold: class names indexed by example name, or None.
        content: one row an example, columns of text and perhaps "image" (bytes), or None.
        pred_probs: a model's probabilities, (N, K) by name, or None.
        report: what was understood, assumed, left out.
        confirm: (example, class, probability) pairs to confirm where pred_probs were matched by position only.
    """

    labels: CrowdLabels
    gold: pd.Series | None
    content: pd.DataFrame | None
    pred_probs: pd.DataFrame | None
    report: Report
    confirm: tuple[tuple[object, object, float], ...] = ()


def read(
    path_or_files: Sources,
    format: str | None = None,
    mapping: Mapping[str, str | None] | None = None,
    question: str | None = None,
    duplicates: str = "keep",
    *,
    missing: Collection[str] = NO_LABEL,
) -> Found:
    """Read labels and what stands beside them: gold, content, probabilities, times.

    Args:
        path_or_files: a path (file, zip, folder), an open binary file, or a list of those.
        format: a key of READERS; default: recognised by the content.
        mapping: column of each role: example, annotator, label; timestamp, seconds, gold.
        question: which question (or control, or output column) to read where the files hold several.
        duplicates: what to do with repeated pairs of example and annotator: keep, collapse, first, last, drop, error.
        missing: texts in the label column that mean "no label" (in any case).

    Raises:
        IngestError: one sentence that names the file, the place and the mend, or the argument that must be given.
    """
    if duplicates not in DUPLICATES:
        raise IngestError(f"duplicates={duplicates!r} is not known; choose one of {', '.join(DUPLICATES)}.")
    if isinstance(missing, str) or not isinstance(missing, Collection) or not all(isinstance(word, str) for word in missing):
        raise IngestError(f"missing={missing!r} is no list of texts; give the words that mean 'no label', such as ('', 'skip').")
    try:
        files = sorted_out(documents_of(path_or_files), format, {} if mapping is None else mapping, question)
        files.request = replace(files.request, missing=missing)
        return _assembled(files, duplicates, missing)
    except RecursionError:
        raise IngestError("The files hold lists that lie too deep inside each other. Export one row for each label.") from None
    except MemoryError:
        raise IngestError("There is not enough memory for these files. Split them, or leave out columns.") from None


def read_labels(path_or_file: Sources, format: str | None = None) -> CrowdLabels:
    """The labels alone: `read(path_or_file, format).labels`."""
    return read(path_or_file, format).labels


def _assembled(files: Sorted, duplicates: str, missing: Collection[str]) -> Found:
    parts = _parsed(files)
    rows = with_times(merged(parts), files.times)
    content, notes = rows.content, rows.notes
    name = files.labelled[0].document.name if len(files.labelled) == 1 else f"The {len(files.labelled)} files"
    keys, why = list(dict.fromkeys(entry.key for entry in files.labelled)), files.labelled[0].why
    files.forget()
    release()
    golds = [gold for gold in (rows.gold, *files.gold) if gold is not None]
    gold = settled_gold(pd.concat(golds), name) if golds else None
    consumed = [rows]
    del parts, rows  # so that the callee may free each column as soon as it is encoded
    labels = crowd_labels(consumed, gold, duplicates, missing, name)
    notes.ignored.extend(files.unused)
    pred_probs, confirm = _pred_probs(files, labels, notes)
    content = _content(content, files.content, labels, notes)
    return Found(labels, _known(gold, labels, notes), content, pred_probs, _report(keys, why, notes, labels), tuple(confirm))


def _parsed(files: Sorted) -> list[Parsed]:
    """The rows of every file with labels; a question is one of all files of a format."""
    parts: list[Parsed] = []
    names = [entry.document.name for entry in files.labelled]
    for key in dict.fromkeys(entry.key for entry in files.labelled):
        reader, documents = READERS[key], [entry.document for entry in files.labelled if entry.key == key]
        request = replace(files.request, questions=reader.asked(documents), labelled=tuple(documents))
        parts += [with_annotator(reader.rows(document, request), document.name, names) for document in documents]
    return parts


def _known(gold: pd.Series | None, labels: CrowdLabels, notes: Notes) -> pd.Series | None:
    """Gold of examples that have no label stays too, but is told."""
    if gold is not None and (strangers := int((positions(labels.examples, gold.index) < 0).sum())):
        notes.oddities.append(f"{strangers:,} of {len(gold):,} examples with gold have no label.")
    return gold


def _pred_probs(files: Sorted, labels: CrowdLabels, notes: Notes) -> tuple[pd.DataFrame | None, Sequence[tuple[object, object, float]]]:
    for document in [document for document in files.content if set(labels.classes) <= set(document.columns) and len(labels.classes) > 1]:
        files.content.remove(document)  # columns named as the classes: probabilities, if perhaps wrong ones
        files.pred_probs.append(document)
    if not files.pred_probs:
        return None, ()
    if len(files.pred_probs) > 1:
        notes.ignored += [document.name for document in files.pred_probs]
        notes.oddities.append(f"{len(files.pred_probs)} files look like predicted probabilities; none was used. Add only the one you mean.")
        return None, ()
    frame, confirm = pred_probs_of(files.pred_probs[0], labels)
    notes.assume(f"{files.pred_probs[0].name} holds the class probabilities of a model.")
    return frame, confirm


def _content(content: pd.DataFrame | None, files: Sequence[Document], labels: CrowdLabels, notes: Notes) -> pd.DataFrame | None:
    """Columns that stand beside the labels, and files of content, as one table."""
    if content is not None:
        content = content.reindex(labels.examples[positions(content.index, labels.examples) >= 0]).rename_axis("example")
        content = content if content.notna().any(axis=None) else None
    if not files:
        return content
    try:
        added = content_of(files, labels, notes)
        notes.assume(f"The examples are described by {listed([document.name for document in files], most=3)}.")
    except IngestError as error:
        notes.ignored += [document.name for document in files]
        notes.oddities.append(str(error))
        return content
    return added if content is None else added.combine_first(content).reindex(labels.examples).dropna(how="all").rename_axis("example")


def _report(keys: Sequence[str], why: str, notes: Notes, labels: CrowdLabels) -> Report:
    return Report(
        format="+".join(keys),
        title=" and ".join(READERS[key].title for key in keys),
        why=why,
        rows_read=notes.rows_read,
        rows_kept=len(labels),
        dropped=dict(notes.dropped),
        assumptions=tuple(dict.fromkeys(notes.assumptions)),
        ignored=tuple(dict.fromkeys(notes.ignored)),
        removed=tuple(dict.fromkeys(notes.removed)),
        oddities=(*dict.fromkeys(notes.oddities), *oddities(labels)),
    )
