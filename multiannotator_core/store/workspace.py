"""The whole store as one zip: every table as JSON, every file as it is, and a hash of each."""

from __future__ import annotations

import json
import re
import shutil
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any
from uuid import uuid4

from sqlalchemy import Connection, Table, insert, select

from . import files
from .database import MIGRATIONS, Database, StoreError, companions, datasets, decisions, exclusions, now, projects, runs
from .shelf import Shelf

MANIFEST = "manifest.json"

FORMAT = "crowdlens-workspace-1"

# In the order in which rows can refer to each other.
TABLES: tuple[Table, ...] = (projects, datasets, companions, runs, decisions, exclusions)

# The only names of files in a workspace; nothing in a zip can then point outside of the store's folder.
_FILE = re.compile(r"files/[0-9a-z-]+/[0-9a-z][0-9a-z_.-]*")
_ID = re.compile(r"[0-9a-f]{32}")

Rows = Mapping[str, list[dict[str, Any]]]


def export(shelf: Shelf, path: Path) -> None:
    """Write everything into a zip, aside and then renamed. Files are stored, not compressed: so are they written, and no bomb opens.

    Raises:
        FileNotFoundError: a file was replaced while it was read; a new attempt finds the newer one.
        StoreError: the zip cannot be written.
    """
    tables = shelf.database.read(_all_rows)
    names = [f"{row['folder']}/{file}" for row in tables["datasets"] for file in _files_of(tables, row["id"])]
    manifest = {
        "format": FORMAT,
        "tables_version": len(MIGRATIONS),
        "created": now(),
        "files": {f"files/{name}": files.digest_of(shelf.root / name) for name in names},
        "tables": tables,
    }

    def write(file: IO[bytes]) -> None:
        with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
            archive.writestr(MANIFEST, json.dumps(manifest))
            for name in names:
                archive.write(shelf.root / name, f"files/{name}")

    files.write_aside(path, write)


def _all_rows(connection: Connection) -> Rows:
    return {table.name: [dict(row._mapping) for row in connection.execute(select(table))] for table in TABLES}


def _files_of(tables: Rows, dataset: str) -> list[str]:
    """Names of all files of a dataset, of which labels and their names come first."""
    more = [row["file"] for table in ("companions", "runs") for row in tables[table] if row["dataset"] == dataset]
    return [files.LABELS, files.NAMES, *more]


def restore(shelf: Shelf, path: Path) -> list[str]:
    """Add everything in a zip to the store; ids of the datasets.

    Raises:
        ValueError: the zip is none of ours or was changed, a fingerprint does not match, or a dataset is in the store already.
            Nothing is added then.
    """
    made: list[Path] = []
    try:
        with _opened(path) as archive:
            manifest = _manifest(archive, path)
            tables: Rows = manifest["tables"]
            for row in tables["datasets"]:
                _refuse_known(shelf.database, row)
                folder = shelf.root / f"{row['id']}-{uuid4().hex[:8]}"
                made.append(folder)
                _unpack(archive, manifest, row, folder)
                row["folder"] = folder.name
        shelf.database.write(_insert_all, tables)
    except BaseException:
        for folder in made:
            shelf.abandon(folder)
        raise
    return [row["id"] for row in tables["datasets"]]


@contextmanager
def _opened(path: Path) -> Iterator[zipfile.ZipFile]:
    try:
        with zipfile.ZipFile(path) as archive:
            yield archive
    except FileNotFoundError:
        raise StoreError(f"There is no file {path}. Choose the zip of an exported workspace.") from None
    except (zipfile.BadZipFile, EOFError, RuntimeError, NotImplementedError) as error:
        raise StoreError(f"{path.name} is no zip of a workspace, or it is damaged ({error}). Export the workspace again.") from error


def _manifest(archive: zipfile.ZipFile, path: Path) -> dict[str, Any]:
    """The manifest, checked for form.

    Raises:
        StoreError: not our format, other tables, files that are not listed or not stored as they are.
    """
    packed = [entry.filename for entry in archive.infolist() if entry.compress_type != zipfile.ZIP_STORED]
    if MANIFEST not in archive.namelist() or packed:
        raise StoreError(f"{path.name} is no exported workspace of Crowdlens. Choose a zip that export_workspace wrote.")
    try:
        manifest = json.loads(archive.read(MANIFEST))
        if manifest["format"] != FORMAT or manifest["tables_version"] != len(MIGRATIONS):
            raise StoreError(
                f"{path.name} was exported by another version of Crowdlens. Use that version, or export it again with this one."
            )
        for table in TABLES:
            columns = {column.name for column in table.columns}
            if any(set(row) != columns for row in manifest["tables"][table.name]):
                raise StoreError(f"{path.name}: a row of the table {table.name} has unknown columns. Export the workspace again.")
        if not all(_ID.fullmatch(row["id"]) for row in manifest["tables"]["datasets"]):
            raise StoreError(f"{path.name}: the id of a dataset is no fingerprint. Nothing was imported.")
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        if isinstance(error, StoreError):
            raise
        raise StoreError(f"{path.name}: the manifest is damaged ({error!r}). Export the workspace again.") from error
    return dict(manifest)


def _refuse_known(database: Database, row: Mapping[str, Any]) -> None:
    with_it = (datasets.c.id == row["id"]) | (datasets.c.project == row["project"])
    known = database.read(lambda connection: connection.execute(select(datasets.c.name).where(with_it)).scalar())
    if known is not None:
        raise StoreError(f"The dataset {row['name']!r} is in this store already, as {known!r}. Remove it, or import into an empty store.")


def _unpack(archive: zipfile.ZipFile, manifest: Mapping[str, Any], row: Mapping[str, Any], folder: Path) -> None:
    """Write one dataset's files into a new folder and check them.

    Raises:
        StoreError: a file is missing or changed, or the labels do not have the fingerprint that is their id.
    """
    files.make_folder(folder)
    for file in _files_of(manifest["tables"], row["id"]):
        name = f"files/{row['folder']}/{file}"
        if not _FILE.fullmatch(name) or name not in manifest["files"] or name not in archive.namelist():
            raise StoreError(f"The workspace lacks the file {name!r} of the dataset {row['name']!r}. Export it again.")
        with archive.open(name) as packed:
            files.write_aside(folder / file, lambda target, source=packed: shutil.copyfileobj(source, target))  # type: ignore[misc]
        if files.digest_of(folder / file) != manifest["files"][name]:
            raise StoreError(f"The file {name!r} in the workspace is not the one that was exported. Nothing was imported.")
    found = files.read_labels(folder).fingerprint
    if found != row["id"]:
        raise StoreError(
            f"The labels of {row['name']!r} have the fingerprint {found}, not {row['id']}: they were changed. Nothing was imported."
        )


def _insert_all(connection: Connection, tables: Rows) -> None:
    for table in TABLES:
        if tables[table.name]:
            connection.execute(insert(table), tables[table.name])
