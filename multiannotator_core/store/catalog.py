"""Rows of datasets, of what goes with them, and of runs. Each function is the inside of one transaction."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import uuid4

from sqlalchemy import Connection, Row, delete, func, insert, select, update

from ..labels import CrowdLabels
from .coding import from_json
from .companions import COMPANIONS
from .database import companions, datasets, now, projects, runs, settings
from .journal import project_of, refuse_lost_classes

# Files of one dataset's companions: kind -> (file name, hash of its bytes).
Stored = Mapping[str, tuple[str, str]]


@dataclass(frozen=True)
class DatasetInfo:
    """What is known of a dataset without reading its labels.

    Attributes:
        id: the fingerprint of its labels.
        created: when it was added, in UTC.
        inputs: a hash of labels, pred_probs, given gold and content, not of decisions: a key for what is computed from them. It is
            another one when the dataset was removed and added again, since that has other decisions.
        project, version: datasets of one project are versions of each other, from 1, and share decisions and exclusions.
        companions: which of pred_probs, gold and content it has.
    """

    id: str
    name: str
    created: datetime
    n_examples: int
    n_annotators: int
    n_classes: int
    n_labels: int
    inputs: str
    project: str
    version: int
    companions: tuple[str, ...]


@dataclass(frozen=True)
class RunInfo:
    """What is known of a run without reading it: key, method and options, when (UTC) and how long (seconds) it ran."""

    key: str
    method: str
    options: Mapping[str, Any]
    created: datetime
    seconds: float
    n_iter: int
    converged: bool


# ---------------------------------------------------------------------- datasets


def dataset_row(connection: Connection, dataset: str) -> tuple[Row[Any], Stored]:
    """A dataset's row, and its companions.

    Raises:
        ValueError: there is no such dataset.
    """
    project_of(connection, dataset)
    row = connection.execute(select(datasets).where(datasets.c.id == dataset)).one()
    stored = connection.execute(select(companions).where(companions.c.dataset == dataset)).all()
    return row, {companion.kind: (companion.file, companion.digest) for companion in stored}


def folder_of(connection: Connection, dataset: str) -> str | None:
    """The folder of a dataset's files, or None when there is no such dataset."""
    return connection.execute(select(datasets.c.folder).where(datasets.c.id == dataset)).scalar()


def files_in_use(connection: Connection, folder: str) -> set[str] | None:
    """Names of the files in a folder that rows refer to; None when no dataset has the folder."""
    dataset = connection.execute(select(datasets.c.id).where(datasets.c.folder == folder)).scalar()
    if dataset is None:
        return None
    return {name for t in (companions, runs) for name in connection.execute(select(t.c.file).where(t.c.dataset == dataset)).scalars()}


def dataset_infos(connection: Connection) -> list[DatasetInfo]:
    """All datasets, the newest first."""
    stored: dict[str, dict[str, tuple[str, str]]] = {}
    for companion in connection.execute(select(companions)):
        stored.setdefault(companion.dataset, {})[companion.kind] = (companion.file, companion.digest)
    rows = connection.execute(select(datasets).order_by(datasets.c.created.desc(), datasets.c.version.desc()))
    return [_info(row, stored.get(row.id, {})) for row in rows]


def version_infos(connection: Connection, dataset: str) -> list[DatasetInfo]:
    """All versions of a dataset, the oldest first."""
    project = project_of(connection, dataset)
    return sorted((info for info in dataset_infos(connection) if info.project == project), key=lambda info: info.version)


def _info(row: Row[Any], stored: Stored) -> DatasetInfo:
    return DatasetInfo(
        row.id,
        row.name,
        datetime.fromisoformat(row.created),
        row.n_examples,
        row.n_annotators,
        row.n_classes,
        row.n_labels,
        inputs_of(row, stored),
        row.project,
        row.version,
        tuple(kind for kind in COMPANIONS if kind in stored),
    )


def inputs_of(row: Row[Any], stored: Stored) -> str:
    """A hash of the labels and of all that goes with them, and of the project: what was removed and added again starts anew."""
    digests = {kind: digest for kind, (_, digest) in stored.items()}
    return hashlib.blake2b(json.dumps([row.project, row.id, digests], sort_keys=True).encode(), digest_size=16).hexdigest()


def save_dataset(
    connection: Connection, labels: CrowdLabels, folder: str, new: bool, name: str | None, written: Stored, after: str | None
) -> list[str] | None:
    """Add a dataset whose files are in a new folder, or update the one in this folder.

    Args:
        after: the dataset of which this is the next version.

    Returns:
        Names of files that are no longer needed; None when another writer was first, and nothing was done.
    """
    row = connection.execute(select(datasets).where(datasets.c.id == labels.fingerprint)).first()
    if (row is None) != new or (row is not None and row.folder != folder):
        return None
    if row is None:
        connection.execute(insert(datasets).values(_new_row(connection, labels, folder, name, after)))
    elif after is not None and row.project != project_of(connection, after):
        raise ValueError(
            f"These labels are in the store already, as {row.name!r}, which is no version of the dataset you chose. "
            "Remove that one first, if these labels are to follow the decisions of the other."
        )
    elif name is not None:
        rename(connection, row.id, name)
    return save_companions(connection, labels.fingerprint, folder, written, [])


def _new_row(connection: Connection, labels: CrowdLabels, folder: str, name: str | None, after: str | None) -> dict[str, Any]:
    if after is None:
        project, version = uuid4().hex, 1
        connection.execute(insert(projects).values(id=project))
    else:
        project = project_of(connection, after, lock=True)
        refuse_lost_classes(connection, project, labels)
        version = connection.execute(select(func.max(datasets.c.version)).where(datasets.c.project == project)).scalar_one() + 1
        name = name or connection.execute(select(datasets.c.name).where(datasets.c.id == after)).scalar_one()
    return {
        "id": labels.fingerprint,
        "project": project,
        "version": version,
        "name": name,
        "created": now(),
        "folder": folder,
        "n_examples": len(labels.examples),
        "n_annotators": len(labels.annotators),
        "n_classes": len(labels.classes),
        "n_labels": len(labels),
    }


def save_companions(connection: Connection, dataset: str, folder: str, written: Stored, gone: Sequence[str]) -> list[str]:
    """Take over new files and let go of others; the names of the files that are no longer needed."""
    _lock(connection, dataset, folder)
    mine = (companions.c.dataset == dataset) & companions.c.kind.in_([*written, *gone])
    replaced = connection.execute(select(companions.c.file).where(mine)).scalars().all()
    connection.execute(delete(companions).where(mine))
    for kind, (file, digest) in written.items():
        connection.execute(insert(companions).values(dataset=dataset, kind=kind, file=file, digest=digest))
    return list(replaced)


def _lock(connection: Connection, dataset: str, folder: str) -> None:
    """Keep others from writing, and make sure that the dataset still has the folder that files were written into."""
    project_of(connection, dataset, lock=True)
    if folder_of(connection, dataset) != folder:
        raise ValueError("The dataset was removed and added again in the meantime. Try again.")


def rename(connection: Connection, dataset: str, name: str) -> None:
    """Change a dataset's name."""
    project_of(connection, dataset, lock=True)
    connection.execute(update(datasets).where(datasets.c.id == dataset).values(name=name))


def remove(connection: Connection, dataset: str) -> None:
    """Remove a dataset; a project without versions goes too, with its decisions."""
    project = project_of(connection, dataset, lock=True)
    connection.execute(delete(datasets).where(datasets.c.id == dataset))
    if not connection.execute(select(func.count()).where(datasets.c.project == project)).scalar_one():
        connection.execute(delete(projects).where(projects.c.id == project))


REMOTE_IMAGES = "remote images"


def allows(connection: Connection, dataset: str, name: str) -> bool:
    """Whether a setting of the dataset's project is on."""
    mine = (settings.c.project == project_of(connection, dataset)) & (settings.c.name == name)
    return connection.execute(select(settings.c.name).where(mine)).first() is not None


def allow(connection: Connection, dataset: str, name: str, on: bool) -> None:
    """Switch a setting of the dataset's project on or off."""
    project = project_of(connection, dataset, lock=True)
    connection.execute(delete(settings).where((settings.c.project == project) & (settings.c.name == name)))
    if on:
        connection.execute(insert(settings).values(project=project, name=name))


# ---------------------------------------------------------------------- runs


def run_infos(connection: Connection, dataset: str) -> list[RunInfo]:
    """All runs of a dataset, the newest first."""
    project_of(connection, dataset)
    rows = connection.execute(select(runs).where(runs.c.dataset == dataset).order_by(runs.c.created.desc(), runs.c.key))
    return [
        RunInfo(r.key, r.method, from_json(json.loads(r.options)), datetime.fromisoformat(r.created), r.seconds, r.n_iter, r.converged)
        for r in rows
    ]


def run_file(connection: Connection, dataset: str, key: str) -> str | None:
    """The name of a run's file, or None."""
    project_of(connection, dataset)
    return connection.execute(select(runs.c.file).where((runs.c.dataset == dataset) & (runs.c.key == key))).scalar()


def save_run(connection: Connection, dataset: str, folder: str, key: str, values: Mapping[str, Any] | None) -> list[str]:
    """Put a run in the place of an earlier one of that key, or only take that away; the files no longer needed."""
    _lock(connection, dataset, folder)
    earlier = run_file(connection, dataset, key)
    connection.execute(delete(runs).where((runs.c.dataset == dataset) & (runs.c.key == key)))
    if values is not None:
        connection.execute(insert(runs).values(dataset=dataset, key=key, **values))
    return [] if earlier is None else [earlier]
