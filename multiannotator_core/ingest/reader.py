"""What a reader is: how it recognises a file, and how it turns it into rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from .document import Document
from .errors import IngestError
from .rows import Parsed


@dataclass(frozen=True)
class Request:
    """What the caller said, and the other files that were given.

    Attributes:
        mapping: role -> column; question: which question of several.
        others: all files that are read together (metadata and name lists among them).
        several: there are several files with labels, so a file's name may tell the annotator.
        forced: the caller named the format.
    """

    mapping: Mapping[str, str | None] = field(default_factory=dict)
    question: str | None = None
    others: Sequence[Document] = ()
    several: bool = False
    forced: bool = False


def _no_questions(document: Document) -> list[str]:
    return []


@dataclass(frozen=True)
class Reader:
    """One format.

    Attributes:
        title: for people.
        matches: the reason why a file is in this format, or None.
        parse: a file in this format -> its rows.
        questions: names of the questions that a file holds, where a format can hold several.
        columns: role -> column that the format prescribes for a file, for the preview.
    """

    title: str
    matches: Callable[[Document, Request], str | None]
    parse: Callable[[Document, Request], Parsed]
    questions: Callable[[Document], list[str]] = _no_questions
    columns: Callable[[Document], dict[str, str]] | None = None


def chosen_question(questions: Sequence[str], question: str | None, file: str, what: str = "question") -> str:
    """The one question to read.

    Raises:
        IngestError: there is none, there are several and none was named, or the named one is not there.
    """
    if question is not None:
        if question not in questions:
            raise IngestError(f"{file} has no {what} {question!r}; it has {', '.join(map(repr, questions[:12])) or 'none'}.")
        return question
    if not questions:
        raise IngestError(f"{file} holds no {what} with one class an example. Export the {what}s whose labels are classes.")
    if len(questions) > 1:
        shown = ", ".join(map(repr, questions[:12]))
        raise IngestError(f"{file} holds {len(questions)} {what}s: {shown}. Say which one to read with question='…'.")
    return questions[0]
