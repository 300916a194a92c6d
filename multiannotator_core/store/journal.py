"""Decisions and exclusions: rows are added, never changed. Each function is the inside of one transaction.

A project holds all versions of a dataset. Its examples and annotators are known by the text of their name, so that
a decision follows an example whose id was a number last week and is text today.
"""

from __future__ import annotations

import json
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
from sqlalchemy import Connection, Row, Table, func, insert, select

from ..align import positions
from ..labels import CrowdLabels, listed
from .coding import name_text, text_name
from .database import datasets, decisions, exclusions, now, projects

FLAGS = ("ambiguous", "bad example")

KINDS = ("annotator", "example")

DECISION_COLUMNS = ["example", "label", "flag", "reviewer", "note", "audit", "time", "revision"]
EXCLUSION_COLUMNS = ["kind", "name", "reviewer", "reason", "time"]


class Conflict(ValueError):
    """Someone else decided on the example after the reviewer looked at it.

    Attributes:
        example: its name.
        revision: the latest one, 0 when there is none.
        reviewer, label, flag, note: of that decision; None when there is none.
    """

    def __init__(self, example: Hashable, latest: Row[Any] | None) -> None:
        self.example = example
        self.revision: int = latest.revision if latest else 0
        self.reviewer: str | None = latest.reviewer if latest else None
        self.label = text_name(latest.label) if latest and latest.label is not None else None
        self.flag: str | None = latest.flag if latest else None
        self.note: str | None = latest.note if latest else None
        if latest is None:
            happened = "has no decision any more"
        elif latest.undoes:
            happened = f"was changed by {self.reviewer}, who took a decision back"
        else:
            happened = f"was decided by {self.reviewer} as {self.label if self.flag is None else self.flag!r}"
        super().__init__(f"Example {example!r} {happened} after you opened it. Nothing was overwritten; look at it again and decide.")


@dataclass(frozen=True)
class Decision:
    """What a reviewer says about one example: a class, or a flag instead of a class."""

    example: Hashable
    label: Hashable | None
    flag: str | None
    reviewer: str
    note: str | None
    audit: float | None


# ---------------------------------------------------------------------- checks before the write


def known(names: pd.Index, name: Hashable, what: str) -> Any:
    """The name as the labels have it; 1 and "1" are the same name when only one of them exists.

    Raises:
        ValueError: there is no such name.
    """
    try:
        at = int(positions(names, pd.Index([name], tupleize_cols=False))[0])
    except TypeError:  # a list or a dict is no name
        at = -1
    if at < 0:
        raise ValueError(f"There is no {what} {name!r}; the labels have {listed(names)}.")
    return names[at : at + 1].tolist()[0]


def optional_text(value: str | None, what: str) -> str | None:
    """A text that every database takes, without blanks around it.

    Raises:
        ValueError: it is no text, or holds a character that is no character.
    """
    if value is None:
        return None
    if not isinstance(value, str):
        raise ValueError(f"The {what} must be a text, not {value!r}.")
    if "\0" in value or any("\ud800" <= character <= "\udfff" for character in value):
        raise ValueError(f"The {what} holds a character that cannot be stored (NUL or half of a surrogate pair). Leave it out.")
    return value.strip()


def required_text(value: str, what: str) -> str:
    """As `optional_text`, and neither None nor blank."""
    text = optional_text(value, what)
    if not text:
        raise ValueError(f"The {what} is empty; give a text.")
    return text


def check_decision(names: CrowdLabels, decision: Decision) -> Decision:
    """The decision with names as the labels have them.

    Raises:
        ValueError: an unknown example, class or flag, both or neither of class and flag, or a bad text.
    """
    if (decision.label is None) == (decision.flag is None):
        raise ValueError(f"Decide on a class, or on one of the flags {', '.join(FLAGS)}: one of the two.")
    if decision.flag is not None and decision.flag not in FLAGS:
        raise ValueError(f"There is no flag {decision.flag!r}; choose one of {', '.join(FLAGS)}.")
    if decision.audit is not None and not 0 < decision.audit <= 1:
        raise ValueError(f"audit is the probability with which the example was drawn, above 0 and at most 1, not {decision.audit!r}.")
    return Decision(
        known(names.examples, decision.example, "example"),
        None if decision.label is None else known(names.classes, decision.label, "class"),
        decision.flag,
        required_text(decision.reviewer, "reviewer"),
        optional_text(decision.note, "note"),
        None if decision.audit is None else float(decision.audit),
    )


def same_texts(names: pd.Index) -> frozenset[str]:
    """Texts that two names share, such as 1 and "1"; only an index of objects can hold such names."""
    if names.dtype != object:
        return frozenset()
    texts = pd.Index([str(name) for name in names])
    return frozenset(texts[texts.duplicated()])


def key_of(name: Hashable, shared: frozenset[str]) -> str:
    """What a project knows a name by: its text, or type and text where two names share it."""
    return json.dumps([type(name).__name__, str(name)] if str(name) in shared else str(name))


# ---------------------------------------------------------------------- inside one transaction


def project_of(connection: Connection, dataset: str, *, lock: bool = False) -> str:
    """The project of a dataset; with `lock` no one else writes to the project until the transaction ends.

    Raises:
        ValueError: there is no such dataset.
    """
    query = select(projects.c.id).where(projects.c.id == select(datasets.c.project).where(datasets.c.id == dataset).scalar_subquery())
    project = connection.execute(query.with_for_update() if lock else query).scalar()
    if project is None:
        raise ValueError(f"There is no dataset {dataset!r} in this store; it may have been removed. Choose one of datasets().")
    return str(project)


def _append(connection: Connection, table: Table, project: str, **row: Any) -> None:
    """Add one row; the project is locked, so serial has no gaps and grows in the order of the commits."""
    serial = connection.execute(select(func.coalesce(func.max(table.c.serial), 0)).where(table.c.project == project)).scalar_one() + 1
    connection.execute(insert(table).values(project=project, serial=serial, time=now(), **row))


def _of_example(connection: Connection, project: str, key: str) -> Sequence[Row[Any]]:
    """All decisions on one example, the first one first."""
    mine = (decisions.c.project == project) & (decisions.c.example == key)
    return connection.execute(select(decisions).where(mine).order_by(decisions.c.revision)).all()


def decide(connection: Connection, dataset: str, key: str, decision: Decision, expected: int | None) -> int:
    """Add a decision; its revision, from 1 for each example.

    Raises:
        Conflict: the latest revision is not the expected one.
    """
    project = project_of(connection, dataset, lock=True)
    earlier = _of_example(connection, project, key)
    revision = _next_revision(decision.example, earlier, expected)
    _append(
        connection,
        decisions,
        project,
        dataset=dataset,
        example=key,
        name=name_text(decision.example),
        revision=revision,
        label=None if decision.label is None else name_text(decision.label),
        flag=decision.flag,
        undoes=None,
        reviewer=decision.reviewer,
        note=decision.note,
        audit=decision.audit,
    )
    return revision


def undo(connection: Connection, dataset: str, key: str, example: Hashable, reviewer: str, note: str | None, expected: int | None) -> int:
    """Take back the last decision that stands: a new row that says again what stood before it, or nothing.

    Raises:
        Conflict: the latest revision is not the expected one.
        ValueError: no decision stands.
    """
    project = project_of(connection, dataset, lock=True)
    earlier = _of_example(connection, project, key)
    revision = _next_revision(example, earlier, expected)
    standing: list[Row[Any]] = []
    for row in earlier:
        if row.undoes is None:
            standing.append(row)
        else:
            standing.pop()
    if not standing:
        raise ValueError(f"Example {example!r} has no decision to undo.")
    undone = standing.pop()
    before = standing[-1] if standing else None
    _append(
        connection,
        decisions,
        project,
        dataset=dataset,
        example=key,
        name=name_text(example),
        revision=revision,
        label=before.label if before else None,
        flag=before.flag if before else None,
        undoes=undone.revision,
        reviewer=reviewer,
        note=note,
        audit=before.audit if before else None,
    )
    return revision


def _next_revision(example: Hashable, earlier: Sequence[Row[Any]], expected: int | None) -> int:
    latest = earlier[-1] if earlier else None
    revision: int = latest.revision if latest else 0
    if expected is not None and expected != revision:
        raise Conflict(example, latest)
    return revision + 1


def exclude(connection: Connection, dataset: str, kind: str, key: str, name: Hashable, excluded: bool, reviewer: str, reason: str) -> int:
    """Add the exclusion of a name, or its end; its revision.

    Raises:
        ValueError: the end of an exclusion that does not stand.
    """
    project = project_of(connection, dataset, lock=True)
    mine = (exclusions.c.project == project) & (exclusions.c.kind == kind) & (exclusions.c.item == key)
    latest = connection.execute(select(exclusions).where(mine).order_by(exclusions.c.revision.desc()).limit(1)).first()
    if not excluded and not (latest and latest.excluded):
        raise ValueError(f"The {kind} {name!r} is not excluded, so there is nothing to restore.")
    revision = (latest.revision if latest else 0) + 1
    _append(
        connection,
        exclusions,
        project,
        kind=kind,
        item=key,
        name=name_text(name),
        revision=revision,
        excluded=excluded,
        reviewer=reviewer,
        reason=reason,
    )
    return revision


# ---------------------------------------------------------------------- reading


def rows_of(connection: Connection, table: Table, dataset: str) -> Sequence[Row[Any]]:
    """All rows of the dataset's project in the order in which they were written."""
    project = project_of(connection, dataset)
    return connection.execute(select(table).where(table.c.project == project).order_by(table.c.serial)).all()


def changes(connection: Connection, dataset: str) -> int:
    """How many decisions and exclusions the project has: it grows by one with each."""
    project = project_of(connection, dataset)
    counts = [select(func.coalesce(func.max(t.c.serial), 0)).where(t.c.project == project) for t in (decisions, exclusions)]
    return sum(int(connection.execute(count).scalar_one()) for count in counts)


def decision_history(rows: Sequence[Row[Any]]) -> pd.DataFrame:
    """Every decision as a table, with the names of examples as they were when it was made."""
    as_stored = [*DECISION_COLUMNS[2:], "undoes", "dataset"]
    frame = pd.DataFrame(
        [
            (text_name(row.name), None if row.label is None else text_name(row.label), *(row._mapping[column] for column in as_stored))
            for row in rows
        ],
        columns=[*DECISION_COLUMNS[:2], *as_stored],
        dtype=object,
    )
    frame["time"] = pd.to_datetime(frame["time"], utc=True)
    return frame.astype({"revision": "int64", "audit": "float64", "undoes": "Int64"})


def standing_decisions(rows: Sequence[Row[Any]], examples: pd.Index) -> pd.DataFrame:
    """The decision that stands for each of the examples, indexed by example in the order of the decisions."""
    last: dict[str, Row[Any]] = {}
    for row in rows:
        last.pop(row.example, None)
        last[row.example] = row
    frame = decision_history([row for row in last.values() if row.label is not None or row.flag is not None])
    at = positions(examples, pd.Index(frame["example"].tolist(), dtype=None if len(frame) else examples.dtype, tupleize_cols=False))
    frame = frame[at >= 0].set_axis(examples.take(at[at >= 0]).rename("example"))
    return frame[DECISION_COLUMNS[1:]]


def exclusion_history(rows: Sequence[Row[Any]]) -> pd.DataFrame:
    """Every exclusion and restoration as a table."""
    frame = pd.DataFrame(
        [(row.kind, text_name(row.name), row.reviewer, row.reason, row.time, bool(row.excluded)) for row in rows],
        columns=[*EXCLUSION_COLUMNS, "excluded"],
        dtype=object,
    )
    frame["time"] = pd.to_datetime(frame["time"], utc=True)
    return frame.astype({"excluded": bool})


def standing_exclusions(rows: Sequence[Row[Any]], names: CrowdLabels) -> pd.DataFrame:
    """The exclusions that stand for examples and annotators of these labels, with their names."""
    last = {(row.kind, row.item): row for row in rows}
    frame = exclusion_history([row for row in last.values() if row.excluded])
    for kind, own in (("example", names.examples), ("annotator", names.annotators)):
        mine = (frame["kind"] == kind).to_numpy()
        given = pd.Index(frame.loc[mine, "name"].tolist(), dtype=None if mine.any() else own.dtype, tupleize_cols=False)
        at = positions(own, given)
        found = iter(own.take(at[at >= 0]).tolist())
        renamed = pd.Series([next(found) if i >= 0 else None for i in at], index=frame.index[mine], dtype=object)
        frame.loc[mine, "name"] = renamed
        frame = frame.drop(index=renamed.index[at < 0])
    return frame[EXCLUSION_COLUMNS].reset_index(drop=True)
