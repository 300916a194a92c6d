"""Damaged files of every format, and names that try the limits: a result or one sentence, never anything else."""

from __future__ import annotations

import csv
import io
import json
import re
import time

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from multiannotator_core import ingest
from tests.ingest.made import triples, upload

NASTY = [
    " a",
    "a ",
    "=1+1",
    "+1",
    "-1",
    "@x",
    "'=x",
    "a#b",
    "a,b",
    '"x"',
    '""',
    "\u00e9",
    "e\u0301",
    "x\ny",
    "x\r\ny",
    "0",
    "0.0",
    "00",
    "True",
    "x" * 300,
    "\U0001f600",
]
names = st.one_of(
    st.sampled_from(NASTY),
    st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"), min_size=1, max_size=8).filter(
        lambda text: text.strip() != ""
    ),
)
labels = names.filter(lambda text: text.strip().lower() not in ingest.rows.NO_LABEL)
rows = st.lists(st.tuples(names, names, labels), min_size=1, max_size=12)


def guarded(text: str) -> str:
    """As a spreadsheet export writes it: a quote before what would be a formula."""
    return "'" + text if re.match(r"'*[=+\-@\t\r]", text) else text


@settings(max_examples=60, deadline=None)
@given(rows)
def test_names_survive_csv(table: list[tuple[str, str, str]]) -> None:
    """Commas, quotes, line breaks, formulas, blanks and both forms of accents come back as they were written."""
    file = io.StringIO(newline="")
    csv.writer(file, quoting=csv.QUOTE_ALL).writerows([("task", "worker", "label"), *(tuple(map(guarded, row)) for row in table)])

    assert triples(ingest.read_labels(upload("x.csv", file.getvalue()))) == sorted(table)


@settings(max_examples=40, deadline=None)
@given(rows)
def test_names_survive_json_and_parquet(table: list[tuple[str, str, str]]) -> None:
    """The same through JSON lines and Parquet."""
    frame = pd.DataFrame(table, columns=["task", "worker", "label"])
    lines = "\n".join(json.dumps(record) for record in frame.to_dict("records"))
    file = io.BytesIO()
    frame.to_parquet(file)

    assert triples(ingest.read_labels(upload("x.jsonl", lines))) == sorted(table)
    assert triples(ingest.read_labels(upload("x.parquet", file.getvalue()))) == sorted(table)


SEEDS = {
    "long.csv": b'task,worker,label,time,text\nt1,w1,a,2026-03-02,"x, y"\nt1,w2,b,,z\nt2,w1,a,5,\n',
    "nested.json": b'[{"id": 1, "annotations": [{"annotator": "k", "label": "a"}, {"annotator": "l", "label": "b"}]}]',
    "wide.csv": b"example,a1,a2,a3\nx,0,,1\ny,1,1,\nz,,0,0\n",
    "answers.json": b'{"0": {"0": 1, "2": 0}, "1": {"1": 1}}',
    "tasks.json": json.dumps(
        [
            {
                "id": 1,
                "data": {"t": "x"},
                "annotations": [
                    {"completed_by": {"id": 3}, "result": [{"from_name": "m", "type": "choices", "value": {"choices": ["a"]}}]}
                ],
            }
        ]
    ).encode(),
    "min.json": b'[{"id": 1, "mood": "a", "annotator": 3, "annotation_id": 7, "lead_time": 6.2}]',
    "prodigy.jsonl": b'{"_input_hash": 1, "accept": ["a"], "answer": "accept", "_session_id": "k", "_timestamp": 1772442845}\n' * 2,
    "argilla.json": b'[{"id": "r", "m.responses": ["a"], "m.responses.users": ["u"], "m.responses.status": ["submitted"]}]',
    "labelbox.json": b'{"data_row": {"id": "d"}, "projects": {"p": {"labels": [{"label_details": {"created_by": "u"}, "annotations": '
    b'{"classifications": [{"name": "M", "value": "m", "radio_answer": {"value": "a"}}]}}]}}}',
    "truth.json": b'{"answers": [{"workerId": "a", "submissionTime": "2026-03-02", "answerContent": {"m": {"label": "x"}}}]}',
    "doccano.jsonl": b'{"id": 1, "text": "t", "label": ["a"], "Comments": []}\n{"id": 2, "text": "u", "label": []}',
    "mturk.csv": b"HITId,AssignmentId,WorkerId,SubmitTime,Answer.m.label\nH,A,W,Mon Mar 02 09:14:11 PST 2026,a\n",
    "toloka.tsv": b"INPUT:t\tOUTPUT:m\tASSIGNMENT:worker_id\tASSIGNMENT:task_id\nx\ta\tw\tt1\n",
    "appen.csv": b"_unit_id,_worker_id,_golden,_created_at,m,m_gold\n14,1,true,3/2/2026 09:14:11,a,a\n",
    "zoo.csv": b'classification_id,user_name,workflow_id,annotations,subject_ids\n1,k,10,"[{""task"":""T0"",""value"":""A""}]",14\n',
}


@pytest.mark.parametrize("name", SEEDS)
def test_undamaged_seeds_are_read(name: str) -> None:
    """The damage of the test above starts from files that can be read."""
    assert len(ingest.read(upload(name, SEEDS[name])).labels) > 0


def test_a_hundred_thousand_classes_and_a_million_columns_are_refused_quickly() -> None:
    """Both are refused with the limit, within five seconds."""
    many = "task,worker,label\n" + "".join(f"t,w,c{i}\n" for i in range(100_000))
    wide = ",".join(map(str, range(1_000_000))) + "\n"
    start = time.perf_counter()
    with pytest.raises(ingest.IngestError, match=r"100,000 classes"):
        ingest.read(upload("x.csv", many), mapping={"example": "task", "annotator": "worker", "label": "label"})
    with pytest.raises(ingest.IngestError, match=r"columns; the limit is 20,000"):
        ingest.read(upload("x.csv", wide))

    assert time.perf_counter() - start < 5
