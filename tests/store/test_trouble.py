"""Full and read-only disks, strange databases, and changes of the tables: a clear message, and nothing is lost."""

from __future__ import annotations

import errno
import os
import sqlite3
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from sqlalchemy import Connection, event, inspect, text

import multiannotator_core as mc
from multiannotator_core.labels import CrowdLabels
from multiannotator_core.store import Store, StoreError, database, default_home
from tests.store.conftest import Home


def test_a_full_disk_is_said_and_loses_nothing(store: Store, labels: CrowdLabels, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When a file does not fit, the message says so, no half file stays, and all that was saved is still there."""
    dataset = store.add_dataset(labels, name="pets", gold={"t1": "cat"})
    store.decide(dataset, "t2", "dog", reviewer="Ana")
    before = sorted(tmp_path.rglob("files/**/*"))

    def full(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as broken:
        broken.setattr(os, "fsync", full)
        for call in (
            lambda: store.add_dataset(labels.select(annotators=["ana"]), name="more"),
            lambda: store.add_dataset(labels, name="again", gold={"t1": "dog"}),
            lambda: store.update(dataset, gold={"t1": "dog"}),
            lambda: store.save_run(dataset, "a", mc.aggregate(labels, "majority_vote"), seconds=0),
            lambda: store.export_workspace(tmp_path / "files" / "all.zip"),
        ):
            with pytest.raises(StoreError, match="The disk is full"):
                call()

    assert before == sorted(tmp_path.rglob("files/**/*"))
    assert store.gold(dataset).to_dict() == {"t1": "cat", "t2": "dog"}
    assert [info.name for info in store.datasets()] == ["pets"]


@pytest.mark.parametrize("home", ["sqlite"], indirect=True)
def test_files_stay_when_only_the_answer_was_lost(store: Store, labels: CrowdLabels, monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection that breaks after the commit raises, but the files that the rows refer to are not removed."""
    write = database.Database.write

    def breaks(self: database.Database, change: Any, *given: Any) -> None:
        write(self, change, *given)
        raise StoreError("the connection is gone")

    calls = (
        lambda: store.add_dataset(labels, name="pets", gold={"t1": "cat"}),
        lambda: store.update(labels.fingerprint, gold={"t1": "dog"}),
        lambda: store.save_run(labels.fingerprint, "a", mc.aggregate(labels, "majority_vote"), seconds=0),
    )
    for call in calls:
        with monkeypatch.context() as broken:
            broken.setattr(database.Database, "write", breaks)
            with pytest.raises(StoreError, match="gone"):
                call()

    assert store.load(labels.fingerprint).gold.to_dict() == {"t1": "dog"}
    assert store.load_run(labels.fingerprint, "a").method == "majority_vote"


@pytest.mark.parametrize(("pragma", "message"), [("max_page_count = 1", "The disk is full"), ("query_only = 1", "is read-only")])
def test_a_full_or_read_only_sqlite_is_said(tmp_path: Path, labels: CrowdLabels, pragma: str, message: str) -> None:
    """SQLite's own refusal in the middle of a stream of decisions is put into words; the acknowledged ones stay."""
    with Store(tmp_path / "a.db") as store:
        dataset = store.add_dataset(labels, name="pets")
        done: list[int] = []

        def decide(times: int) -> None:
            for _ in range(times):
                revision = store.decide(dataset, "t1", "cat", reviewer="Ana", note="x" * 300)
                done.append(revision)

        decide(3)
        event.listen(store._database.engine, "begin", lambda connection: connection.exec_driver_sql(f"PRAGMA {pragma}"))
        with pytest.raises(StoreError, match=message):
            decide(100)

    with Store(tmp_path / "a.db") as store:
        assert done == store.history(dataset)["revision"].tolist()


def test_a_read_only_postgres_is_said(postgres: str, tmp_path: Path) -> None:
    """A server that does not take writes is named, without its password."""
    url = postgres.replace("crowdlens@", "crowdlens:secret@") + "/postgres?options=-cdefault_transaction_read_only%3Don"

    with pytest.raises(StoreError, match="is read-only") as caught:
        Store(url, files=tmp_path)

    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("mysql://host/x", "SQLite or PostgreSQL, not in 'mysql'"),
        ("postgresql://127.0.0.1:1/x", "refuses"),
        ("no url://", "cannot be read"),
        (":memory:", "needs a path"),
        ("sqlite://", "needs a path"),
    ],
)
def test_a_wrong_address_is_said(address: str, message: str) -> None:
    """An address that is none, or leads nowhere, is refused with what it should be."""
    with pytest.raises(StoreError, match=message):
        Store(address)


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    """Another program's file is refused and not changed; a folder in the way is named."""
    (tmp_path / "notes.txt").write_text("my notes, which are long enough for a header of a database" * 5)
    before = (tmp_path / "notes.txt").read_bytes()

    for path, message in (("notes.txt", "is not a database"), ("notes.txt/a.db", "notes.txt"), (".", "cannot be opened")):
        with pytest.raises(StoreError, match=message):
            Store(tmp_path / path)
    assert before == (tmp_path / "notes.txt").read_bytes()


def test_a_store_is_made_on_first_use(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Folders are made, a sqlite URL is a path, and files lie beside the database."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    path = tmp_path / "deep" / "down" / "crowdlens.db"
    with Store(f"sqlite:///{path}") as store:
        store.add_dataset(CrowdLabels.from_wide(pd.DataFrame([[0, 1]])), name="wide")

    assert path.is_file()
    assert len(list(path.parent.glob("files/*"))) == 1
    assert default_home().name.lower() == "crowdlens"


# ---------------------------------------------------------------------- migrations


def more(connection: Connection) -> None:
    connection.execute(text("ALTER TABLE decisions ADD COLUMN mood TEXT"))
    connection.execute(text("UPDATE decisions SET mood = 'calm'"))


def broken(connection: Connection) -> None:
    more(connection)
    connection.execute(text("ALTER TABLE nowhere ADD COLUMN x TEXT"))


def test_the_tables_are_those_that_queries_expect(store: Store) -> None:
    """The migrations from nothing make exactly the columns that the code names, on both databases."""
    with store._database.engine.connect() as connection:
        found = {name: {c["name"] for c in inspect(connection).get_columns(name)} for name in inspect(connection).get_table_names()}

    assert {table.name: {column.name for column in table.columns} for table in database.metadata.sorted_tables} == found


def test_a_migration_keeps_all_data(home: Home, labels: CrowdLabels, monkeypatch: pytest.MonkeyPatch) -> None:
    """A store with data is brought to the next version when it is opened, once."""
    with home.open() as store:
        dataset = store.add_dataset(labels, name="pets", gold={"t1": "cat"})
        store.decide(dataset, "t2", "dog", reviewer="Ana")
    names = [*(migration.__name__ for migration in database.MIGRATIONS), "more"]
    monkeypatch.setattr(database, "MIGRATIONS", (*database.MIGRATIONS, more))
    for _ in range(2):
        with home.open() as store, store._database.engine.connect() as connection:
            moods = connection.execute(text("SELECT mood FROM decisions")).scalars().all()
            versions = connection.execute(text("SELECT version, name FROM crowdlens_schema ORDER BY version")).all()

            assert moods == ["calm"]
            assert [tuple(row) for row in versions] == list(enumerate(names, 1))
            assert store.gold(dataset).to_dict() == {"t1": "cat", "t2": "dog"}


def test_a_failed_migration_leaves_the_old_tables(home: Home, labels: CrowdLabels, monkeypatch: pytest.MonkeyPatch) -> None:
    """A migration that fails half-way changes nothing: the version before still opens the store."""
    with home.open() as store:
        dataset = store.add_dataset(labels, name="pets")
        store.decide(dataset, "t2", "dog", reviewer="Ana")
    with monkeypatch.context() as newer:
        newer.setattr(database, "MIGRATIONS", (*database.MIGRATIONS, broken))
        with pytest.raises(StoreError, match="nowhere"):
            home.open()
    with home.open() as store:
        columns = {c["name"] for c in inspect(store._database.engine).get_columns("decisions")}

        assert "mood" not in columns
        assert store.gold(dataset).to_dict() == {"t2": "dog"}


def test_a_store_of_a_newer_version_is_refused(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """An older Crowdlens does not touch a newer store; it says to update."""
    with monkeypatch.context() as newer:
        newer.setattr(database, "MIGRATIONS", (*database.MIGRATIONS, more))
        home.open().close()

    with pytest.raises(StoreError, match="newer version of Crowdlens"):
        home.open()


def test_sqlite_is_set_up_for_safety(tmp_path: Path) -> None:
    """Write-ahead log, a commit that waits for the disk, foreign keys, and patience with other writers."""
    with Store(tmp_path / "a.db") as store, store._database.engine.connect() as connection:
        found = [
            connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        ]

    assert found == ["wal", 2, 1, 30_000]


def test_a_locked_sqlite_is_said(tmp_path: Path, labels: CrowdLabels, monkeypatch: pytest.MonkeyPatch) -> None:
    """When another program does not let go of the file, the message says so after the time of patience."""
    monkeypatch.setattr(database, "PATIENCE", 0.05)
    with Store(tmp_path / "a.db") as store:
        dataset = store.add_dataset(labels, name="pets")
        other = sqlite3.connect(tmp_path / "a.db", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        try:
            with pytest.raises(StoreError, match="is busy"):
                store.decide(dataset, "t1", "cat", reviewer="Ana")
            assert store.decisions(dataset)["label"].tolist() == []
        finally:
            other.close()
        assert store.decide(dataset, "t1", "cat", reviewer="Ana") == 1
