"""The database: where it is, its tables and their history, and one transaction a write. SQLite or PostgreSQL."""

from __future__ import annotations

import contextlib
import errno
import os
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar

from sqlalchemy import Boolean, Column, Connection, Engine, MetaData, Table, create_engine, event, exc, func, insert, inspect, select, text
from sqlalchemy.engine import URL, make_url

Result = TypeVar("Result")
Arguments = ParamSpec("Arguments")

# How long a writer waits for another process before it gives up. A write takes milliseconds.
PATIENCE = 30.0

# Two writers that create the same row at once: the second one starts again and finds the row.
ATTEMPTS = 5

# A number of our own for PostgreSQL's advisory lock, so that two servers do not migrate at the same time.
MIGRATION_LOCK = 0x43524F57


class StoreError(ValueError):
    """The disk or the database refuses; the message says why and what to do."""


def default_home() -> Path:
    """The user's data folder for Crowdlens."""
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local") / "Crowdlens"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / "Crowdlens"
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / "crowdlens"


def now() -> str:
    """The time in UTC, as text that sorts by time."""
    return datetime.now(UTC).isoformat(timespec="microseconds")


# ---------------------------------------------------------------------- tables

metadata = MetaData()


def _table(name: str, columns: str, *more: Column[Any]) -> Table:
    """A table as queries see it; what it truly is stands in the migrations."""
    return Table(name, metadata, *(Column[Any](column) for column in columns.split()), *more)


schema = _table("crowdlens_schema", "version name applied")
projects = _table("projects", "id")
datasets = _table("datasets", "id project version name created folder n_examples n_annotators n_classes n_labels")
companions = _table("companions", "dataset kind file digest")
runs = _table("runs", "dataset key file method options created seconds n_iter", Column("converged", Boolean))
decisions = _table("decisions", "project serial dataset example name revision label flag undoes reviewer note audit time")
settings = _table("settings", "project name")
exclusions = _table("exclusions", "project serial kind item name revision reviewer reason time", Column("excluded", Boolean))


def _first_tables(connection: Connection) -> None:
    """Projects hold the versions of one dataset and its decisions; serial counts a project's rows without gaps."""
    for statement in (
        "CREATE TABLE projects (id TEXT PRIMARY KEY)",
        """CREATE TABLE datasets (
            id TEXT PRIMARY KEY, project TEXT NOT NULL REFERENCES projects, version INTEGER NOT NULL,
            name TEXT NOT NULL, created TEXT NOT NULL, folder TEXT NOT NULL,
            n_examples INTEGER NOT NULL, n_annotators INTEGER NOT NULL, n_classes INTEGER NOT NULL, n_labels INTEGER NOT NULL,
            UNIQUE (project, version))""",
        """CREATE TABLE companions (
            dataset TEXT NOT NULL REFERENCES datasets ON DELETE CASCADE, kind TEXT NOT NULL, file TEXT NOT NULL, digest TEXT NOT NULL,
            PRIMARY KEY (dataset, kind))""",
        """CREATE TABLE runs (
            dataset TEXT NOT NULL REFERENCES datasets ON DELETE CASCADE, key TEXT NOT NULL, file TEXT NOT NULL,
            method TEXT NOT NULL, options TEXT NOT NULL, created TEXT NOT NULL, seconds DOUBLE PRECISION NOT NULL,
            n_iter INTEGER NOT NULL, converged BOOLEAN NOT NULL, PRIMARY KEY (dataset, key))""",
        """CREATE TABLE decisions (
            project TEXT NOT NULL REFERENCES projects ON DELETE CASCADE, serial INTEGER NOT NULL, dataset TEXT NOT NULL,
            example TEXT NOT NULL, name TEXT NOT NULL, revision INTEGER NOT NULL, label TEXT, flag TEXT, undoes INTEGER,
            reviewer TEXT NOT NULL, note TEXT, audit DOUBLE PRECISION, time TEXT NOT NULL,
            PRIMARY KEY (project, serial), UNIQUE (project, example, revision))""",
        """CREATE TABLE exclusions (
            project TEXT NOT NULL REFERENCES projects ON DELETE CASCADE, serial INTEGER NOT NULL, kind TEXT NOT NULL,
            item TEXT NOT NULL, name TEXT NOT NULL, revision INTEGER NOT NULL, excluded BOOLEAN NOT NULL,
            reviewer TEXT NOT NULL, reason TEXT NOT NULL, time TEXT NOT NULL,
            PRIMARY KEY (project, serial), UNIQUE (project, kind, item, revision))""",
    ):
        connection.execute(text(statement))


def _settings(connection: Connection) -> None:
    """What the owner of a project allows; a setting that is not there is off. It stays out of exported workspaces."""
    columns = "project TEXT NOT NULL REFERENCES projects ON DELETE CASCADE, name TEXT NOT NULL, PRIMARY KEY (project, name)"
    connection.execute(text(f"CREATE TABLE settings ({columns})"))


# In order, never changed once released; a change of the tables is a new function at the end.
MIGRATIONS: tuple[Callable[[Connection], None], ...] = (_first_tables, _settings)


# ---------------------------------------------------------------------- connections


class Database:
    """Connections for reading and writing, safe for threads and processes."""

    def __init__(self, url: URL) -> None:
        self.engine = _engine(url)
        sqlite = url.get_backend_name() == "sqlite"
        # SQLite lets waiting writers poll, and the unlucky one starves; within this process they stand in line.
        self._turn: contextlib.AbstractContextManager[Any] = _Line() if sqlite else contextlib.nullcontext()
        self._writer = self.engine.execution_options(crowdlens_write=True)
        self._reader = self.engine if sqlite else self.engine.execution_options(isolation_level="REPEATABLE READ")
        self.where = url.render_as_string(hide_password=True) if not sqlite else str(url.database)
        try:
            _migrate(self)
        except BaseException:
            self.close()
            raise

    def read(
        self, query: Callable[Concatenate[Connection, Arguments], Result], *args: Arguments.args, **kwargs: Arguments.kwargs
    ) -> Result:
        """Run a query in a transaction of its own: it sees one state of the database."""
        with _explained(self.where), self._reader.begin() as connection:
            return query(connection, *args, **kwargs)

    def write(
        self, change: Callable[Concatenate[Connection, Arguments], Result], *args: Arguments.args, **kwargs: Arguments.kwargs
    ) -> Result:
        """Run a change in one transaction: all of it is on disk when this returns, or none of it.

        The change may run again when another writer was first, so it must do nothing but talk to the connection.
        """
        for attempt in range(ATTEMPTS):
            try:
                with _explained(self.where), self._turn, self._writer.begin() as connection:
                    return change(connection, *args, **kwargs)
            except exc.IntegrityError as error:
                if attempt == ATTEMPTS - 1:
                    raise StoreError(f"The database {self.where} keeps refusing the change: {error.orig}") from error
        raise AssertionError("the last attempt returns or raises")

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()


class _Line:
    """A lock that goes to the one who has waited longest."""

    def __init__(self) -> None:
        self._mutex = threading.Lock()
        self._waiting: deque[threading.Lock] = deque()
        self._taken = False

    def __enter__(self) -> None:
        with self._mutex:
            if not self._taken:
                self._taken = True
                return
            mine = threading.Lock()
            mine.acquire()
            self._waiting.append(mine)
        try:
            mine.acquire()  # until the one before lets go
        except BaseException:  # Ctrl-C while waiting: leave the line, or pass the turn on
            with self._mutex:
                left = mine in self._waiting
                if left:
                    self._waiting.remove(mine)
            if not left:
                self.__exit__()
            raise

    def __exit__(self, *_error: object) -> None:
        with self._mutex:
            if self._waiting:
                self._waiting.popleft().release()
            else:
                self._taken = False


def _engine(url: URL) -> Engine:
    if url.get_backend_name() == "postgresql":
        return create_engine(url.set(drivername="postgresql+psycopg"), pool_pre_ping=True, pool_size=10, max_overflow=20)
    if url.get_backend_name() != "sqlite":
        raise StoreError(f"Crowdlens keeps its data in SQLite or PostgreSQL, not in {url.get_backend_name()!r}.")
    engine = create_engine(url, connect_args={"timeout": PATIENCE, "check_same_thread": False}, pool_size=10, max_overflow=20)
    event.listen(engine, "connect", _prepare)
    event.listen(engine, "begin", _begin)
    return engine


def _prepare(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # Python's sqlite3 would begin transactions late, and never around CREATE TABLE
    for pragma in (f"busy_timeout = {int(PATIENCE * 1000)}", "journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON"):
        connection.execute(f"PRAGMA {pragma}").close()


def _begin(connection: Connection) -> None:
    # A writer takes the lock before it reads: what it read stays true until it writes.
    connection.exec_driver_sql("BEGIN IMMEDIATE" if connection.get_execution_options().get("crowdlens_write") else "BEGIN")


# ---------------------------------------------------------------------- migrations


def _migrate(database: Database) -> None:
    """Bring the tables up to date, each migration and its record in one transaction."""
    version = database.read(_version)
    if version > len(MIGRATIONS):
        raise StoreError(
            f"{database.where} was written by a newer version of Crowdlens (tables {version}, known here {len(MIGRATIONS)}). "
            "Update Crowdlens."
        )
    for number in range(version + 1, len(MIGRATIONS) + 1):
        database.write(_apply, number)


def _version(connection: Connection) -> int:
    if not inspect(connection).has_table(schema.name):
        return 0
    return int(connection.execute(select(func.coalesce(func.max(schema.c.version), 0))).scalar_one())


def _apply(connection: Connection, number: int) -> None:
    if connection.dialect.name == "postgresql":
        connection.execute(select(func.pg_advisory_xact_lock(MIGRATION_LOCK)))
    if _version(connection) >= number:
        return  # another process was first
    if number == 1:
        connection.execute(text(f"CREATE TABLE {schema.name} (version INTEGER PRIMARY KEY, name TEXT NOT NULL, applied TEXT NOT NULL)"))
    migration = MIGRATIONS[number - 1]
    migration(connection)
    connection.execute(insert(schema).values(version=number, name=migration.__name__, applied=now()))


# ---------------------------------------------------------------------- what went wrong, in words

_WORDS = {
    "full": "The disk is full: {where} cannot be written. Free some space and try again; everything saved before is safe.",
    "no space": "The disk is full: {where} cannot be written. Free some space and try again; everything saved before is safe.",
    "readonly": "{where} is read-only. Give this user the right to write there, or set CROWDLENS_HOME to another folder.",
    "read-only": "{where} is read-only. Give this user the right to write there, or set CROWDLENS_HOME to another folder.",
    "unable to open": "{where} cannot be opened. Check that the folder exists and that this user may read and write it.",
    "not a database": "{where} is not a database of Crowdlens. Choose another file.",
    "malformed": "{where} is damaged. Restore it from a backup or an exported workspace.",
    "locked": "{where} is busy: another program has kept it locked for {patience:.0f} seconds. Close that program and try again.",
}


@contextlib.contextmanager
def _explained(where: str) -> Iterator[None]:
    """The database's own errors in plain words; a broken constraint goes through, the caller knows what it means."""
    try:
        yield
    except exc.IntegrityError:
        raise
    except (exc.DBAPIError, exc.TimeoutError) as error:
        said = str(getattr(error, "orig", None) or error).strip()
        words = next((words for sign, words in _WORDS.items() if sign in said.lower()), "The database {where} refuses: {said}")
        raise StoreError(words.format(where=where, patience=PATIENCE, said=said)) from error


def file_trouble(error: OSError, where: Path) -> StoreError:
    """A file's error in plain words."""
    sign = {errno.ENOSPC: "full", errno.EDQUOT: "full", errno.EROFS: "readonly", errno.EACCES: "readonly", errno.EPERM: "readonly"}
    words = _WORDS.get(sign.get(error.errno or 0, ""), "{where} cannot be written or read: {said}")
    return StoreError(words.format(where=where, said=error.strerror or error))


def address(path_or_url: str | Path) -> URL:
    """The URL of a database; anything without :// is the path of a SQLite file, whose folder is made.

    Raises:
        StoreError: it is no URL that SQLAlchemy can read, or the folder cannot be made.
    """
    if "://" in str(path_or_url):
        try:
            url = make_url(str(path_or_url).replace("postgres://", "postgresql://", 1))
        except exc.ArgumentError:
            raise StoreError("The address of the database cannot be read; it looks like postgresql://user@host/name.") from None
        if url.get_backend_name() != "sqlite":
            return url
        path_or_url = url.database or ":memory:"
    if str(path_or_url) == ":memory:":
        raise StoreError("A store keeps files beside its database, so it needs a path, not ':memory:'.")
    path = Path(path_or_url).expanduser().absolute()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise file_trouble(error, path.parent) from error
    return URL.create("sqlite", database=str(path))
