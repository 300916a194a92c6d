"""Delimited text: encodings, delimiters, quotes, and refusals that name the row."""

from __future__ import annotations

import json

import pytest

from multiannotator_core import ingest
from tests.ingest.made import triples, upload

ROWS = [("007", "Ann", "yes"), ("007", "Bob", "no"), ("7", "Ann", "yes")]


def written(delimiter: str = ",", header: tuple[str, ...] = ("task", "worker", "label"), newline: str = "\n") -> str:
    return newline.join(delimiter.join(row) for row in [header, *ROWS]) + newline


@pytest.mark.parametrize("delimiter", [",", "\t", ";", "|"])
@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_delimiters_and_line_ends_are_recognised(delimiter: str, newline: str) -> None:
    """Comma, tab, semicolon and bar, with the line ends of every system, give the same labels; ids stay text."""
    labels = ingest.read_labels(upload("x.dat", written(delimiter, newline=newline)))

    assert sorted(ROWS) == triples(labels)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le-bom"])
def test_unicode_encodings_are_recognised(encoding: str) -> None:
    """UTF-8 with and without mark, and UTF-16, read the same names."""
    text = "task,worker,label\nt1,Zoë,größe\n"
    data = ("\ufeff" + text).encode("utf-16-le") if encoding == "utf-16-le-bom" else text.encode(encoding)

    assert triples(ingest.read_labels(upload("x.csv", data))) == [("t1", "Zoë", "größe")]


def test_windows_encoding_is_assumed_visibly() -> None:
    """A file that is not UTF-8 is read as Windows-1252, and the report shows words to check."""
    found = ingest.read(upload("x.csv", "task,worker,label\nt1,Zoë,straße\nt2,Zoë,weg\n".encode("cp1252")))

    assert list(found.labels.classes) == ["straße", "weg"]
    assert any("Windows-1252" in sentence and "Zoë" in sentence for sentence in found.report.assumptions)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "is empty"),
        (b" \n\n ", "is empty"),
        (b"task,worker,label\n", "no rows"),
        (b"task,worker,label\nt1,w1,a\nt1,w2\n", "row 3: there are 2 cells, but the header has 3"),
        (b"task,worker,label\nt1,w1,a,b\nt1,w2,b\nt1,w3,b\n", "row 2: there are 4 cells"),
        (b"task,worker,label,worker\nt1,w1,a,w1\n", "2 columns are called 'worker'"),
        (b"task,worker,label\nt1,w1,a\nt1,w\x00,b\n", "row 3: there is a NUL byte"),
        (b"task,worker,label\nt1,w1,\x81\n", "row 2: the encoding is not known"),
        (b'task,worker,label\nt1,w1,a\nt2,w1,"a\nt3,w1,b\n', "row 3: a quote"),
        (b"\xff\xfet\x00a", "no table|not valid|row|UTF-16"),
        (b"just a sentence\nand another one\n", "no table"),
        (b"task,worker,label\n,w1,\nt1,,a\n", "no label"),
    ],
)
def test_broken_files_give_one_sentence(data: bytes, says: str) -> None:
    """Each kind of damage is refused with the file, the place and the mend."""
    with pytest.raises(ingest.IngestError, match=says) as error:
        ingest.read(upload("broken.csv", data))

    assert "broken.csv" in str(error.value)
    assert "\n" not in str(error.value)


def test_quotes_hold_delimiters_line_breaks_and_quotes() -> None:
    """Quoted cells keep commas, line breaks, doubled quotes and blanks around."""
    text = 'task,worker,label\n"a,1",w,"x\ny"\n"say ""hi""",w," z "\n'

    assert triples(ingest.read_labels(upload("q.csv", text))) == [("a,1", "w", "x\ny"), ('say "hi"', "w", " z ")]


def test_a_record_longer_than_a_block_is_read() -> None:
    """A cell of ten megabytes is no obstacle."""
    text = "task,worker,label,text\nt1,w1,a," + "x" * 10_000_000 + "\nt2,w1,b,y\n"
    found = ingest.read(upload("long.csv", text))

    assert len(found.content.loc["t1", "text"]) == 10_000_000


def test_the_formula_guard_of_spreadsheets_is_taken_off() -> None:
    """Exactly one quote before a formula sign goes; other quotes stay. JSON has no guard."""
    text = "task,worker,label\nt1,w1,'=1+1\nt2,w1,'plain\nt3,w1,''=x\n"

    assert {"=1+1", "'plain", "'=x"} == set(ingest.read_labels(upload("g.csv", text)).classes)
    assert list(ingest.read_labels(upload("g.json", json.dumps([{"task": "t1", "worker": "w1", "label": "'=1"}]))).classes) == ["'=1"]


def test_the_name_of_the_file_does_not_matter() -> None:
    """A table that is called .json is read as the table that it is."""
    assert sorted(ROWS) == triples(ingest.read_labels(upload("x.json", written("\t"))))
