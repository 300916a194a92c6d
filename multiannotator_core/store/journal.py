"""Decisions and exclusions: rows are added, never changed. Each function is the inside of one transaction.

A project holds all versions of a dataset. Its examples and annotators are known by the text of their name, so that
a decision follows an example whose id was a number last week and is text today.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any

import pandas as pd
from sqlalchemy import Connection, Row, Table, func, insert, select

from ..align import positions
from ..labels import CrowdLabels
from ..names import listed
from .checks import Decision
from .coding import name_text, text_name
from .database import datasets, decisions, exclusions, now, projects
from .frames import standing_decisions


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


def refuse_lost_classes(connection: Connection, project: str, labels: CrowdLabels) -> None:
    """Next week's file must have the classes that were decided on.

    Raises:
        ValueError: a decision that stands on one of its examples names another class.
    """
    rows = connection.execute(select(decisions).where(decisions.c.project == project).order_by(decisions.c.serial)).all()
    standing = standing_decisions(rows, labels.examples)
    standing = standing[standing["flag"].isna()]
    lost = positions(labels.classes, pd.Index(standing["label"].tolist(), dtype=object, tupleize_cols=False)) < 0
    if lost.any():
        raise ValueError(
            f"Example {standing.index[lost][0]!r} was decided as {standing['label'][lost].iloc[0]!r}, which is not one of the classes "
            f"{listed(labels.classes)} of the new labels. Build them with classes= that include it."
        )


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
