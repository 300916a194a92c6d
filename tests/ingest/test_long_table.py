"""Tables with one row a label: columns by alias or mapping, missing values, status, times, gold, content, privacy."""

from __future__ import annotations

import gzip
import json

import numpy as np
import pandas as pd
import pytest

from multiannotator_core import ingest
from tests.ingest.made import json_file, json_lines, parquet, triples, upload

RECORDS = [
    {"Item ID": "1", "User": "u1", "Answer": "cat"},
    {"Item ID": "1", "User": "u2", "Answer": "dog"},
    {"Item ID": "02", "User": "u1", "Answer": "cat"},
]
EXPECTED = [("02", "u1", "cat"), ("1", "u1", "cat"), ("1", "u2", "dog")]


@pytest.mark.parametrize(
    "file",
    [
        json_file("a.json", RECORDS),
        json_lines("a.jsonl", RECORDS),
        json_lines("a.jsonl", RECORDS[:1] + RECORDS[1:]),
        json_file("columns.json", {key: [record[key] for record in RECORDS] for key in RECORDS[0]}),
        json_file("pandas.json", json.loads(pd.DataFrame(RECORDS).to_json())),
        parquet("a.parquet", pd.DataFrame(RECORDS)),
        parquet("a.parquet", pd.DataFrame(RECORDS).astype({"Answer": "category"})),
        upload("a.csv.gz", gzip.compress(pd.DataFrame(RECORDS).to_csv(index=False).encode())),
    ],
    ids=["json", "jsonl", "jsonl2", "lists", "pandas", "parquet", "categorical", "gzip"],
)
def test_every_container_gives_the_same_labels(file) -> None:
    """The same rows in JSON, JSON lines, Parquet or gzip are the same labels, whatever the spelling of the aliases."""
    assert triples(ingest.read_labels(file)) == EXPECTED


def test_numbers_stay_text_as_in_the_file() -> None:
    """1, 1.0 and 01 are three names in JSON; whole floats of Parquet are whole numbers."""
    lines = '{"task": 1, "worker": 5, "label": true}\n{"task": 1.0, "worker": 5, "label": 2}\n{"task": "01", "worker": 5, "label": 2}'
    frame = pd.DataFrame({"task": [1, 2], "worker": [3, 3], "label": [1.0, np.nan]})

    assert triples(ingest.read_labels(upload("n.jsonl", lines))) == [("01", "5", "2"), ("1", "5", "true"), ("1.0", "5", "2")]
    assert triples(ingest.read_labels(parquet("n.parquet", frame))) == [("1", "3", "1")]


def test_a_mapping_names_the_columns() -> None:
    """Columns that no alias knows are read when the mapping tells them; the rest is guessed."""
    text = "ding,wer,was\nd1,w1,a\nd1,w2,b\n"
    found = ingest.read(upload("x.csv", text), mapping={"example": "ding", "annotator": "wer", "label": "was"})

    assert triples(found.labels) == [("d1", "w1", "a"), ("d1", "w2", "b")]
    with pytest.raises(ingest.IngestError, match=r"no column 'wen'"):
        ingest.read(upload("x.csv", text), mapping={"example": "ding", "annotator": "wen"})
    with pytest.raises(ingest.IngestError, match=r"no role 'voter'"):
        ingest.read(upload("x.csv", text), mapping={"voter": "wer"})


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("id,text,label\n1,good,a\n2,bad,b\n", "no column for the annotator; the file has id, text, label"),
        ("Task,task,worker,label\n1,2,w,a\n", "two columns, Task, task, could name the example"),
        ("task,worker,colour\n1,w,red\n", "which column holds the label"),
        ("task,worker,label\n" + "".join(f"{i},w,free text {i}\n" for i in range(60)), "60 different values"),
        ("a,b,c\n1,2,3\n", "mapping="),
    ],
)
def test_what_cannot_be_guessed_is_asked(text: str, says: str) -> None:
    """The library never guesses where the page would ask: it names the argument."""
    with pytest.raises(ingest.IngestError, match=says) as error:
        ingest.read(upload("x.csv", text))

    assert "mapping=" in str(error.value)


def test_rows_without_label_or_name_are_dropped_and_counted() -> None:
    """Empty cells and the usual words for "nothing" are no label, in any case and with blanks around."""
    nothing = ["", "NA", "n/a", "NULL", "none", "NaN", " nan "]
    text = "task,worker,label\n" + "".join(f"t1,w{i},{word}\n" for i, word in enumerate(nothing)) + ",w1,a\nt2,,a\nt3,w1,a\n"
    report = ingest.read(upload("x.csv", text)).report

    assert report.dropped == {"no label": 7, "no name of the example": 1, "no name of the annotator": 1}
    assert (report.rows_read, report.rows_kept) == (10, 1)
    assert any("'NULL'" in sentence for sentence in report.assumptions)


def test_none_can_be_said_to_be_a_class() -> None:
    """With missing=('',) the word none is a class like any other."""
    text = "task,worker,label\nt1,w1,none\nt1,w2,\nt2,w1,some\n"
    labels = ingest.read(upload("x.csv", text), missing=("",)).labels

    assert (list(labels.classes), len(labels)) == (["none", "some"], 2)


def test_times_seconds_gold_and_content_come_along() -> None:
    """Columns beside the labels are found by their names; gold and content are one an example."""
    text = (
        "task,worker,label,created_at,lead_time,truth,text,row\n"
        "t1,w1,a,2026-03-02T09:14:05Z,6.5,c,hello,1\n"
        "t1,w2,b,2026-03-02T10:14:05+01:00,-1,c,hello,2\n"
        "t2,w1,a,,99999,,bye,3\n"
    )
    found = ingest.read(upload("x.csv", text))
    labels = found.labels

    assert list(labels.classes) == ["a", "b", "c"]
    assert found.gold.to_dict() == {"t1": "c"}
    assert np.datetime64("2026-03-02T09:14:05") == labels.timestamp[0] == labels.timestamp[1]
    assert [value == 6.5 for value in labels.seconds] == [True, False, False]
    assert any("2 times spent" in sentence for sentence in found.report.oddities)
    assert found.content.to_dict() == {"text": {"t1": "hello", "t2": "bye"}}
    assert found.report.ignored == ("row",)


def test_two_golds_for_one_example_are_refused() -> None:
    """The refusal names the example and both classes."""
    with pytest.raises(ingest.IngestError, match=r"example 't1' has two golds, a, b"):
        ingest.read(upload("x.csv", "task,worker,label,gold\nt1,w1,a,a\nt1,w2,a,b\n"))


def test_personal_columns_are_removed_and_named() -> None:
    """Addresses, places and devices never reach the content, and the report lists them."""
    text = "task,worker,label,ip,City,user agent,email,text\nt1,w1,a,1.2.3.4,Rome,Moz,a@b.c,hi\nt2,w1,b,1.2.3.4,Rome,Moz,a@b.c,ho\n"
    found = ingest.read(upload("x.csv", text))

    assert list(found.content.columns) == ["text"]
    assert found.report.removed == ("ip", "City", "user agent", "email")
    assert any("City" in sentence for sentence in found.report.sentences())


def test_skipped_and_rejected_rows_are_no_labels() -> None:
    """A status column takes out what was not submitted, counted by its word; a flag does the same."""
    status = "task,worker,label,status\nt1,w1,a,submitted\nt1,w2,a,Draft\nt1,w3,b,rejected\nt2,w1,b,submitted\n"
    flag = "task,worker,label,was_cancelled\nt1,w1,a,False\nt1,w2,a,True\n"

    assert ingest.read(upload("x.csv", status)).report.dropped == {"draft": 1, "rejected": 1}
    assert ingest.read(upload("x.csv", flag)).report.dropped == {"skipped": 1}


def test_policies_for_repeated_pairs() -> None:
    """duplicates= works on files as on tables, and what it removes is counted."""
    text = "task,worker,label\nt1,w1,a\nt1,w1,b\nt1,w2,a\n"

    assert triples(ingest.read(upload("x.csv", text), duplicates="last").labels) == [("t1", "w1", "b"), ("t1", "w2", "a")]
    assert len(ingest.read(upload("x.csv", text)).labels) == 3
    assert list(ingest.read(upload("x.csv", text), duplicates="last").report.dropped.values()) == [1]
    with pytest.raises(ingest.IngestError, match=r"x.csv: 1 pairs"):
        ingest.read(upload("x.csv", text), duplicates="error")
    with pytest.raises(ingest.IngestError, match=r"duplicates='all'"):
        ingest.read(upload("x.csv", text), duplicates="all")


def test_one_file_for_each_annotator_merges() -> None:
    """Without a column for it, the name of each file is the annotator; equal names of examples meet."""
    files = [upload("Ann.csv", "item,label\n1,a\n2,b\n"), upload("Bob.csv", "item,label\n2,b\n1,b\n")]
    found = ingest.read(files)

    assert triples(found.labels) == [("1", "Ann", "a"), ("1", "Bob", "b"), ("2", "Ann", "b"), ("2", "Bob", "b")]
    assert any("from the file's name" in sentence for sentence in found.report.assumptions)


def test_a_model_that_judges_is_an_annotator() -> None:
    """A column called model names the annotator; one file a model works as well."""
    assert list(ingest.read_labels(upload("x.csv", "id,model,verdict\n1,gpt,ok\n1,llama,bad\n")).annotators) == ["gpt", "llama"]


def test_files_with_an_annotator_column_merge() -> None:
    """Several exports of the same kind are one table, times and all."""
    first = upload("a.csv", "task,worker,label,seconds\nt1,w1,a,3\n")
    second = upload("b.jsonl", '{"task": "t1", "worker": "w2", "label": "b"}\n{"task": "t2", "worker": "w2", "label": "a"}')
    labels = ingest.read([first, second]).labels

    assert triples(labels) == [("t1", "w1", "a"), ("t1", "w2", "b"), ("t2", "w2", "a")]
    assert np.isfinite(labels.seconds).sum() == 1


def test_oddities_are_told_with_numbers() -> None:
    """Repeated pairs, single labels, rare classes and variants in spelling are reported, never changed."""
    text = "task,worker,label\n1,a,Yes\n1,a,yes\n1,b,yes\n2,a,no\n3,c,yes\n"
    found = ingest.read(upload("x.csv", text))
    told = " ".join(found.report.oddities)

    assert list(found.labels.classes) == ["Yes", "no", "yes"]
    for part in ("annotator: 1.", "nobody can contradict: 2 of 3", "gave a single label: 2 of 3", "only once: 'Yes', 'no'"):
        assert part in told
    assert "'Yes' (1) and 'yes' (3) differ only in case" in told


def test_too_many_classes_are_refused_with_the_commonest(monkeypatch: pytest.MonkeyPatch) -> None:
    """A text column chosen as label is recognised by its number of values."""
    monkeypatch.setattr(ingest.rows.limits, "MAX_CLASSES", 5)
    text = "task,worker,label\n" + "".join(f"t{i},w,c{i // 2}\n" for i in range(12))
    with pytest.raises(ingest.IngestError, match=r"6 classes, most often 'c0'.*CROWDLENS_MAX_CLASSES"):
        ingest.read(upload("x.csv", text))
