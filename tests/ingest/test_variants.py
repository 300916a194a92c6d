"""Files as people really have them are read to the same labels, and what cannot be read is one sentence."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import multiannotator_core as mc
from multiannotator_core import ingest
from tests.ingest.fuzz import complaint, refusal
from tests.ingest.made import json_file, npy, parquet, triples, upload
from tests.ingest.variants import APPEN, LABEL_STUDIO, LONG, ONE, PLATFORMS, TABLES, TOOLS, choice, rows, said, task


@pytest.mark.parametrize(
    ("file", "expected"),
    [pytest.param(*case, id=name) for group in (LABEL_STUDIO, TOOLS, PLATFORMS, TABLES) for name, case in group.items()],
)
def test_variants_are_read(file: Any, expected: str) -> None:
    """The labels are those that a person sees in the file, under the names that it gives."""
    found = ingest.read(file)

    assert triples(found.labels) == [tuple(part.replace(" > ", " / ") for part in row) for row in rows(expected)]
    assert found.report.rows_kept == len(found.labels)


def test_gold_beside_the_labels_is_known_by_its_name() -> None:
    """A table of examples and labels is gold when its name says so, else the labels of one more annotator; the report tells which."""
    people, extra = "task,worker,label\n1,A,x\n1,B,y\n", "task,label\n1,x\n"
    gold = ingest.read([upload("people.csv", people), upload("gt.csv", extra)])
    judge = ingest.read([upload("people.csv", people), upload("gpt.csv", extra)])

    assert (gold.gold.to_dict(), len(gold.labels)) == ({"1": "x"}, 2)
    assert (judge.gold, len(judge.labels)) == (None, 3)
    assert any("annotator is 'gpt'" in sentence for sentence in judge.report.assumptions)


def test_a_mapping_chooses_among_the_data_of_a_task() -> None:
    """mapping={'example': ...} names a key of Label Studio's data; one that is not there is refused with those that are."""
    tasks = [task(1, said(3, choice("m", "a")), doc="d7")]

    assert triples(ingest.read(json_file("x.json", tasks), mapping={"example": "doc"}).labels) == [("d7", "3", "a")]
    with pytest.raises(ingest.IngestError, match=r"no task has 'nope' in its data .* it has doc"):
        ingest.read(json_file("x.json", tasks), mapping={"example": "nope"})


def test_a_mapping_is_never_passed_over() -> None:
    """A mapping that a tool's format does not take reads the table as a plain one, or is refused; it is not ignored."""
    table = f"{APPEN}\n1,7,0.9,,a,hi\n1,8,0.9,,b,ho\n"
    found = ingest.read(upload("a.csv", table), mapping={"example": "text", "annotator": "_worker_id", "label": "mood"})

    assert (found.report.format, triples(found.labels)) == ("long", [("hi", "7", "a"), ("ho", "8", "b")])
    with pytest.raises(ingest.IngestError, match=r"read as Label Studio JSON, which says itself where the label stands.*question="):
        ingest.read(json_file("x.json", [ONE]), mapping={"label": "m"})


def test_minus_one_is_asked_about() -> None:
    """-1 in a wide table is refused with the argument that says what it means, and then read."""
    for file in (lambda: npy("w.npy", np.array([[0, -1], [1, 1]])), lambda: upload("w.csv", "example,0,1\n0,0,-1\n1,1,1\n")):
        with pytest.raises(ingest.IngestError, match=r"holds -1; .* say missing=\('', '-1'\)"):
            ingest.read(file())

        assert triples(ingest.read(file(), missing=("", "-1")).labels) == [("0", "0", "0"), ("1", "0", "1"), ("1", "1", "1")]


def test_a_table_without_header_is_asked_about() -> None:
    """Values in the first row are not taken for annotators."""
    with pytest.raises(ingest.IngestError, match="if its first row holds no names, add one"):
        ingest.read(upload("x.csv", "t1,A,x\nt1,B,y\nt2,A,x\n"))


def test_paths_of_every_kind(tmp_path: Path) -> None:
    """Text, Path, open files, folders, lists, tuples and generators; files that are called alike keep their folders."""
    for who, label in (("kim", "a"), ("lee", "b")):
        (tmp_path / who).mkdir()
        (tmp_path / who / "labels.csv").write_text(f"id,label\n1,{label}\n2,b\n")
    paths = [tmp_path / who / "labels.csv" for who in ("kim", "lee")]
    expected = rows("1/kim/a;1/lee/b;2/kim/b;2/lee/b")

    for sources in (tmp_path, str(tmp_path), paths, tuple(map(str, paths)), (path for path in paths)):
        assert triples(mc.read_labels(sources)) == expected
    with paths[0].open("rb") as kim, paths[1].open("rb") as lee:
        assert triples(mc.read_labels([kim, lee])) == expected


def closed() -> io.BytesIO:
    file = upload("x.csv", LONG)
    file.close()
    return file


@pytest.mark.parametrize(
    ("source", "options", "says"),
    [
        (None, {}, "type NoneType is no file"),
        (LONG.encode(), {}, "bytes, not a file.*BytesIO"),
        (pd.DataFrame({"task": [1]}), {}, "DataFrame is no file. CrowdLabels.from_long"),
        ({"task": [1]}, {}, "type dict is no file"),
        (np.zeros((2, 2)), {}, "type ndarray is no file"),
        ([None], {}, "type NoneType is no file"),
        ("", {}, "The path is empty"),
        ("no\0name", {}, "no file|cannot be opened"),
        ("x" * 5000, {}, "cannot be opened"),
        ("https://example.org/a.csv", {}, "is an address; nothing is loaded from the network"),
        (io.StringIO(LONG), {}, "opened as text. Open it with mode 'rb'"),
        (closed(), {}, "cannot be read .*closed"),
        (upload("x.html", "<!DOCTYPE html>\n<html>log in, please</html>"), {}, "web page"),
        (upload("x.csv", LONG), {"format": ["long"]}, "is not known; choose one of"),
        (upload("x.csv", LONG), {"format": "toloka"}, "worker_id"),
        (upload("x.csv", LONG), {"mapping": "task"}, "mapping= is a str; give a dict"),
        (upload("x.csv", LONG), {"mapping": {"task": "item"}}, "no role 'task'; the roles are example"),
        (upload("x.csv", LONG), {"mapping": {"example": 0}}, "give the name of a column as text"),
        (upload("x.csv", LONG), {"mapping": {"example": "ITEM"}}, "no column 'ITEM' .* it has item, rater, label"),
        (upload("x.csv", LONG), {"mapping": {"example": "item", "annotator": "item"}}, "'item' for the .* and for the"),
        (upload("x.csv", LONG), {"question": 3}, "no column 3"),
        (upload("x.csv", LONG), {"duplicates": ["keep"]}, "is not known; choose one of keep"),
        (upload("x.csv", LONG), {"missing": "nan"}, "is no list of texts"),
        (json_file("x.json", [task(1)]), {}, "no task has an annotation"),
    ],
)
def test_what_cannot_be_read_is_one_sentence(source: Any, options: dict[str, Any], says: str) -> None:
    """Wrong sources and arguments end in an IngestError that names them and the mend."""
    with pytest.raises(ingest.IngestError, match=says) as error:
        ingest.read(source, **options)

    assert "\n" not in str(error.value)


@pytest.mark.parametrize("format", ingest.READERS)
@pytest.mark.parametrize(
    "file",
    [
        upload("x.csv", LONG),
        json_file("x.json", [{"a": 1, "b": [2]}]),
        npy("x.npy", np.array([[0.0, 1.0], [1.0, 1.0]])),
        json_file("x.json", [{}]),
        upload("x.png", b"\x89PNG\r\n\x1a\n0000"),
    ],
    ids=["table", "records", "array", "empty object", "image"],
)
def test_a_wrong_format_never_ends_in_a_raw_error(format: str, file: io.BytesIO) -> None:
    """Any file under any format= is read or refused in a sentence."""
    said = refusal(lambda file: ingest.read(file, format=format), file)

    assert said is None or complaint(said, "") is None


def test_parquet_with_broken_text_is_refused() -> None:
    """Found by the long fuzz run: bytes that are no UTF-8 inside a column of lists."""
    data = parquet("x.parquet", pd.DataFrame({"id": ["aaaa"], "m.responses": [["bbbb"]], "m.responses.users": [["u"]]})).getvalue()
    broken = data.replace(b"bbbb", b"b\xffbb")

    assert broken != data
    with pytest.raises(ingest.IngestError, match=r"the Parquet file is damaged"):
        ingest.read(upload("x.parquet", broken))


def test_content_without_any_column_is_refused() -> None:
    """Found by the long fuzz run: a JSON object without a key."""
    labels = ingest.read_labels(upload("x.csv", LONG))
    with pytest.raises(ingest.IngestError, match="belongs to an example"):
        ingest.read_content(json_file("x.json", [{}]), labels)
