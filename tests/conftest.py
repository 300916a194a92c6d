"""Fixtures of all tests."""

import os
from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def private_home(tmp_path, monkeypatch):
    """No test reads or writes the workspace of the person who runs it."""
    monkeypatch.setenv("CROWDLENS_HOME", str(tmp_path / "home"))


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real crowd data; tests that need it are skipped where it is absent."""
    folder = Path(os.environ.get("CROWDLENS_DATA", "../shared/data"))
    if not folder.is_dir():
        pytest.skip("real crowd data not found: set CROWDLENS_DATA to its folder")
    return folder
