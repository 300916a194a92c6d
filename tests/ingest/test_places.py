"""Files on the server are opened only below the folder that its owner names."""

from __future__ import annotations

from pathlib import Path

import pytest

from multiannotator_core import ingest

CSV = "task,worker,label\nt1,w1,a\nt1,w2,b\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    inside = tmp_path / "inside"
    (inside / "deep").mkdir(parents=True)
    (inside / "deep" / "a.csv").write_text(CSV)
    (tmp_path / "secret.csv").write_text(CSV)
    (tmp_path / "inside-too").mkdir()
    (tmp_path / "inside-too" / "b.csv").write_text(CSV)
    (inside / "link.csv").symlink_to(tmp_path / "secret.csv")
    (inside / "up").symlink_to(tmp_path)
    (inside / "circle").symlink_to(inside / "circle")
    (inside / "good.csv").symlink_to(inside / "deep" / "a.csv")
    monkeypatch.setenv("CROWDLENS_OPEN_FROM", str(inside))
    return inside


def test_nothing_is_opened_unless_allowed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Without the variable every path is refused, and the sentence names it."""
    monkeypatch.delenv("CROWDLENS_OPEN_FROM", raising=False)
    (tmp_path / "a.csv").write_text(CSV)
    with pytest.raises(ingest.IngestError, match="CROWDLENS_OPEN_FROM"):
        ingest.place(str(tmp_path / "a.csv"))

    assert ingest.open_folder() is None


@pytest.mark.parametrize("path", ["deep/a.csv", " deep/a.csv ", "./deep/../deep/a.csv", "good.csv"])
def test_files_below_the_folder_are_read(folder: Path, path: str) -> None:
    """Relative, absolute and linked inside: all lead to the same file."""
    assert ingest.place(path) == ingest.place(str(folder / path.strip())) == folder / "deep" / "a.csv"
    assert len(ingest.read_labels(ingest.place(path))) == 2


@pytest.mark.parametrize(
    "path",
    ["../secret.csv", "link.csv", "up/secret.csv", "up", "../inside-too/b.csv", "/etc/passwd", "circle", "no.csv", "a\0b", "x" * 5000],
)
def test_nothing_leads_out(folder: Path, path: str) -> None:
    """Dots, links, neighbours with a longer name, devices and impossible names get the same answer as a missing file."""
    with pytest.raises(ingest.IngestError, match=r"There is no file .* below the folder"):
        ingest.place(path)


def test_a_folder_shows_only_its_own_files(folder: Path) -> None:
    """A whole folder may be opened; links inside it are still not followed."""
    assert len(ingest.read_labels(ingest.place("."))) == 2
