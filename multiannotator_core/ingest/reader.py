"""What a reader is: how it recognises a file, and how it turns it into rows."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import pyarrow as pa

from ..names import listed
from .document import Document
from .errors import IngestError
from .rows import NO_LABEL, Parsed


@dataclass(frozen=True)
class Request:
    """What the caller said, and the other files that were given.

    Attributes:
        mapping: role -> column; question: which question of several.
        others: all files that are read together (metadata and name lists among them).
        several: there are several files with labels, so a file's name may tell the annotator.
        missing: texts that mean "no label".
        questions, labelled: the questions in, and all of, the files with labels in this format.
    """

    mapping: Mapping[str, str | None] = field(default_factory=dict)
    question: str | None = None
    others: Sequence[Document] = ()
    several: bool = False
    questions: tuple[str, ...] = ()
    labelled: Sequence[Document] = ()
    missing: Collection[str] = NO_LABEL


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
        maps: roles that a mapping may name in this format.
    """

    title: str
    matches: Callable[[Document, Request], str | None]
    parse: Callable[[Document, Request], Parsed]
    questions: Callable[[Document], list[str]] = _no_questions
    columns: Callable[[Document], dict[str, str]] | None = None
    maps: tuple[str, ...] = ()

    def asked(self, documents: Sequence[Document]) -> tuple[str, ...]:
        """The questions in all of these files."""
        with _blaming(documents[0], self.title):
            return tuple(dict.fromkeys(question for document in documents for question in self.questions(document)))

    def rows(self, document: Document, request: Request) -> Parsed:
        """The rows of one file.

        Raises:
            IngestError: whatever is wrong with it.
        """
        with _blaming(document, self.title):
            return self.parse(document, request)


@contextmanager
def _blaming(document: Document, title: str) -> Iterator[None]:
    """A damaged export can break off anywhere inside; that is the file's fault, and the message must name the file."""
    try:
        yield
    except IngestError:
        raise
    except (ValueError, TypeError, LookupError, AttributeError, OverflowError, AssertionError, pa.ArrowException) as error:
        raise IngestError(
            f"{document.name} looks like {title}, but a part of it is not where that format has it. Export it again, or choose another "
            "format=."
        ) from error


def chosen_question(request: Request, file: str) -> tuple[str, str | None]:
    """The one question to read, and the class to read as a yes/no question (question='mood=angry'), if there is one.

    Raises:
        IngestError: there is none, there are several and none was named, or the named one is not there.
    """
    questions, wanted = request.questions, request.question
    if wanted is not None:
        name, _, option = wanted.rpartition("=")
        if wanted in questions or name in questions:
            return (wanted, None) if wanted in questions else (name, option)
        raise IngestError(f"{file} has no question {wanted!r}; it has {listed(map(repr, questions), most=12) or 'none'}.")
    if not questions:
        raise IngestError(f"{file} holds no question with one class an example. Export answers whose values are classes.")
    if len(questions) > 1:
        shown = listed(map(repr, questions), most=12)
        raise IngestError(f"{file} holds {len(questions)} questions: {shown}. Say which one to read with question='…'.")
    return questions[0], None


def one_choice(choices: Sequence[str], question: str, option: str | None, place: str) -> str | None:
    """The single choice; with an option, whether it is among several; None without any.

    Raises:
        IngestError: several choices, and no option to ask about.
    """
    if option is not None:
        return "yes" if option in choices else "no"
    if len(choices) > 1:
        raise IngestError(
            f"{place} has {len(choices)} choices from one annotator: {listed(choices)}. Read one of them as a yes/no question with "
            f"question={f'{question}={choices[0]}'!r}."
        )
    return choices[0] if choices else None
