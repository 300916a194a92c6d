"""crowd-kit: a table of task, worker, label."""

from __future__ import annotations

from .columns import ALIASES
from .document import Document
from .long_table import parse
from .reader import Reader, Request

COLUMNS = {"example": "task", "annotator": "worker", "label": "label"}


def matches(document: Document, request: Request) -> str | None:
    """Exactly its three columns."""
    same = all(column in (None, COLUMNS.get(role)) for role, column in request.mapping.items())
    known = set(document.columns) == set(COLUMNS.values()) and document.table is not None and same
    return "its columns are 'task', 'worker' and 'label'" if known else None


READER = Reader("crowd-kit table", matches, parse, columns=lambda _: COLUMNS, maps=tuple(ALIASES))
