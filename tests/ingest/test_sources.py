"""Archives, folders and limits: nothing hostile gets through, nothing is written."""

from __future__ import annotations

import gzip
import io
import os
import pickle
import stat
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from multiannotator_core import ingest
from tests.ingest.made import npy, triples, upload, zipped

CSV = "task,worker,label\nt1,w1,a\nt1,w2,b\n"
EXPECTED = [("t1", "w1", "a"), ("t1", "w2", "b")]


class Bomb:
    """Makes a folder when it is unpickled."""

    def __reduce__(self):
        return (os.mkdir, ("was_executed",))


def link_in_zip() -> io.BytesIO:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        info = zipfile.ZipInfo("labels.csv")
        info.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(info, "/etc/passwd")
    return upload("x.zip", file.getvalue())


def declared(size: int) -> io.BytesIO:
    """A tiny npz whose array says that it is large."""
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "<f8", "fortran_order": False, "shape": (size // 8,)})
    return zipped("x.npz", {"a.npy": header.getvalue()})


def test_paths_and_open_files_are_read(tmp_path: Path) -> None:
    """A path as text, a Path and an open binary file give the same."""
    file = tmp_path / "a.csv"
    file.write_text(CSV)
    with file.open("rb") as opened:
        for source in (str(file), file, opened):
            assert triples(ingest.read_labels(source)) == EXPECTED


@pytest.mark.parametrize(
    ("file", "says"),
    [
        (zipped("x.zip", {"../a.csv": CSV}), "points outside the archive"),
        (zipped("x.zip", {"/a.csv": CSV}), "points outside the archive"),
        (zipped("x.zip", {"C:\\a.csv": CSV}), "points outside the archive"),
        (zipped("x.zip", {"a\\..\\..\\b.csv": CSV}), "points outside the archive"),
        (zipped("x.zip", {"in.zip": zipped("in.zip", {"a.csv": CSV}).getvalue()}), "archive inside an archive"),
        (upload("x.gz", gzip.compress(gzip.compress(CSV.encode()))), "archive inside an archive"),
        (link_in_zip(), "is a link"),
        (upload("x.zip", zipped("x.zip", {"a.csv": CSV}).getvalue()[:60]), "zip is damaged"),
        (upload("x.csv.gz", gzip.compress(CSV.encode())[:25]), "gzip data breaks off"),
        (upload("x.csv.gz", b"\x1f\x8bnonsense"), "gzip data is damaged"),
        (upload("x.gz", gzip.compress(b"\0" * 30_000_000)), "more than 100 times"),
        (zipped("x.zip", {"a.csv": b"\0" * 30_000_000}), "more than 100 times"),
        (zipped("x.zip", {}), "There is no file to read"),
        (declared(2**30), "breaks off|is damaged"),
        (upload("x.csv", pickle.dumps(Bomb(), protocol=4)), "pickle"),
        (zipped("x.zip", {"a.csv": CSV, "b.pkl": pickle.dumps(Bomb(), protocol=2)}), "pickle"),
        (npy("x.npy", np.array([Bomb()], dtype=object), allow_pickle=True), "Python objects"),
        (upload("x.json", "[" * 10_000), "deep|JSON"),
        (upload("x.json", '{"a":' * 10_000 + "1" + "}" * 10_000), "deep"),
        (upload("x.json", "[" * 60 + "]" * 60), "deep.*MAX_DEPTH"),
        (upload("x.json", '[{"task": 1, "worker"'), "line 1: not valid JSON"),
        (upload("x.parquet", b"PAR1nonsensePAR1"), "Parquet file is damaged"),
        (upload("x.csv", ",".join(f"c{i}" for i in range(30_000)) + "\n"), "30,000 columns"),
        (upload("x.pdf", b"%PDF-1.4 ..."), "no table, JSON"),
        (io.BytesIO(b""), "is empty"),
    ],
)
def test_hostile_and_broken_files_are_refused(file: io.BytesIO, says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each ends in one sentence; nothing is run, nothing appears on disk."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ingest.IngestError, match=says):
        ingest.read(file)

    assert list(tmp_path.iterdir()) == []


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    """A wrong path, an empty list, an open text file and a number are told apart."""
    (tmp_path / "a.csv").write_text(CSV)
    for source, says in ((tmp_path / "no.csv", "no file 'no.csv'"), ([], "no file to read"), (3, "type int is no file")):
        with pytest.raises(ingest.IngestError, match=says):
            ingest.read(source)
    with (tmp_path / "a.csv").open() as text, pytest.raises(ingest.IngestError, match=r"opened as text"):
        ingest.read(text)


def test_links_in_a_folder_are_not_followed(tmp_path: Path) -> None:
    """A folder shows only its own files."""
    (tmp_path / "secret.csv").write_text(CSV.replace("t1", "secret"))
    inner = tmp_path / "inner"
    inner.mkdir()
    (inner / "a.csv").write_text(CSV)
    (inner / "b.csv").symlink_to(tmp_path / "secret.csv")
    (inner / "up").symlink_to(tmp_path)

    assert triples(ingest.read_labels(inner)) == EXPECTED


def test_limits_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bytes and numbers of files have limits that the message names with the way to change them."""
    monkeypatch.setattr(ingest.sources.limits, "MAX_BYTES", 20)
    with pytest.raises(ingest.IngestError, match=r"more than 20 bytes; the limit is 20; the environment variable CROWDLENS_MAX_BYTES"):
        ingest.read(upload("x.csv", CSV))
    monkeypatch.undo()
    monkeypatch.setattr(ingest.sources.limits, "MAX_FILES", 1)
    with pytest.raises(ingest.IngestError, match=r"CROWDLENS_MAX_FILES"):
        ingest.read(zipped("x.zip", {"a.csv": CSV, "b.csv": CSV}))


def test_a_file_may_be_read_twice() -> None:
    """An upload is read from its start, wherever it was left."""
    file = upload("x.csv", CSV)
    file.read(7)

    assert triples(ingest.read_labels(file)) == triples(ingest.read_labels(file)) == EXPECTED


def test_a_parquet_file_with_two_columns_of_one_name_is_refused() -> None:
    """The name is told."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    file = io.BytesIO()
    pq.write_table(pa.table([["a"], ["b"]], names=["label", "label"]), file)
    with pytest.raises(ingest.IngestError, match=r"2 columns are called 'label'"):
        ingest.read(upload("x.parquet", file.getvalue()))


def test_frames_are_not_changed_by_reading() -> None:
    """The bytes of an upload are the same after reading."""
    file = upload("x.csv", pd.DataFrame({"task": [1], "worker": [2], "label": [3]}).to_csv(index=False))
    before = file.getvalue()
    ingest.read(file)

    assert before == file.getvalue()
