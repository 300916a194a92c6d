"""Every test that asks for `home` or `store` runs on SQLite and on PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import pandas as pd
import pytest

from multiannotator_core.labels import CrowdLabels
from multiannotator_core.store import Store
from tests.store.postgres import server


@dataclass(frozen=True)
class Home:
    """Where a store is: opening it twice gives two stores on the same data, as two processes have it."""

    url: str
    files: Path

    def open(self) -> Store:
        return Store(self.url, files=self.files)


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    with server() as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def home(request: pytest.FixtureRequest, tmp_path: Path) -> Home:
    if request.param == "sqlite":
        return Home(str(tmp_path / "crowdlens.db"), tmp_path / "files")
    psycopg = pytest.importorskip("psycopg", reason="PostgreSQL is reached with psycopg: pip install -r requirements-dev.txt")
    url, name = request.getfixturevalue("postgres"), f"test_{uuid4().hex[:8]}"
    with psycopg.connect(f"{url}/postgres", autocommit=True) as connection:
        connection.execute(f"CREATE SCHEMA {name}")  # a database of its own would take a quarter of a second
    return Home(f"{url}/postgres?options=-csearch_path%3D{name}", tmp_path / "files")


@pytest.fixture
def store(home: Home) -> Iterator[Store]:
    with home.open() as opened:
        yield opened


@pytest.fixture
def labels() -> CrowdLabels:
    frame = pd.DataFrame(
        {
            "example": ["t1", "t1", "t2", "t2", "t10", "t10"],
            "annotator": ["ana", "bo", "ana", "bo", "ana", "cy"],
            "label": ["cat", "cat", "dog", "cat", "dog", "dog"],
        }
    )
    return CrowdLabels.from_long(frame, classes=["cat", "dog", "emu"])
