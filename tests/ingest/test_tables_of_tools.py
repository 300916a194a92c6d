"""Mechanical Turk, Toloka, Appen, Zooniverse, and Excel."""

from __future__ import annotations

import importlib.util
import io
import json
import zipfile

import numpy as np
import pandas as pd
import pytest

from multiannotator_core import ingest
from tests.ingest.made import triples, upload


def csv(*rows: dict[str, object], sep: str = ",") -> io.BytesIO:
    return upload("x.csv", pd.DataFrame(rows).to_csv(index=False, sep=sep))


def assignment(worker: str, status: str = "Approved", **answers: object) -> dict[str, object]:
    return {
        **{"HITId": "H9", "AssignmentId": "A" + worker, "WorkerId": worker, "AssignmentStatus": status, "Reward": "$0.1"},
        **{"SubmitTime": "Mon Mar 02 09:14:11 PST 2026", "WorkTimeInSeconds": 12, "LifetimeApprovalRate": "100%", "Input.text": "hello"},
        **{"Answer." + name.replace("__", "."): value for name, value in answers.items()},
    }


def test_mturk_batch() -> None:
    """Labels of the classifier element, zone of the time, rejected rows, and the text of the HIT."""
    found = ingest.read(
        csv(assignment("W1", mood__label="angry"), assignment("W2", mood__label="calm"), assignment("W3", "Rejected", mood__label="x"))
    )

    assert (found.report.format, triples(found.labels)) == ("mturk", [("H9", "W1", "angry"), ("H9", "W2", "calm")])
    assert np.datetime64("2026-03-02T17:14:11") == found.labels.timestamp[0]
    assert (found.labels.seconds[0], found.report.dropped) == (12.0, {"rejected": 1})
    assert found.content.to_dict() == {"text": {"H9": "hello"}}
    assert {"Reward", "LifetimeApprovalRate"} <= {*found.report.ignored, *found.report.removed}


def test_mturk_answers_in_other_shapes() -> None:
    """One column an option, JSON in one column, and an example chosen among the inputs."""
    ticked = csv(assignment("W1", mood__angry="true", mood__calm="false"), assignment("W2", mood__angry="false", mood__calm="true"))
    in_json = csv(
        *(assignment(f"W{i}", taskAnswers=json.dumps([{"mood": {"label": mood}}])) for i, mood in enumerate(("angry", "calm"), 1))
    )
    expected = [("H9", "W1", "angry"), ("H9", "W2", "calm")]

    assert expected == triples(ingest.read_labels(ticked))
    assert expected == triples(ingest.read_labels(in_json))
    assert list(ingest.read(ticked, mapping={"example": "Input.text"}).labels.examples) == ["hello"]


def test_mturk_several_questions_are_asked() -> None:
    """Two answers in one form: question= says which."""
    file = csv(assignment("W1", mood__label="a", topic__label="b"))
    with pytest.raises(ingest.IngestError, match=r"2 questions: 'mood', 'topic'"):
        ingest.read(file)

    assert triples(ingest.read(file, question="topic").labels) == [("H9", "W1", "b")]


def toloka(task: str, worker: str, mood: str, status: str = "APPROVED", golden: str = "") -> dict[str, object]:
    return {
        **{"INPUT:text": f"text {task}", "OUTPUT:mood": mood, "GOLDEN:mood": golden, "HINT:text": "", "ASSIGNMENT:task_id": task},
        **{"ASSIGNMENT:assignment_id": "s-" + worker, "ASSIGNMENT:worker_id": worker, "ASSIGNMENT:status": status},
        **{"ASSIGNMENT:started": "2026-03-02T09:14:05", "ASSIGNMENT:submitted": "2026-03-02T09:14:11"},
    }


def test_toloka_assignments() -> None:
    """Approved and submitted rows are labels, the others counted by name; time of a suite is shared by its rows."""
    empty = dict.fromkeys(toloka("", "", ""), "")
    rows = [toloka("t1", "w1", "angry"), toloka("t2", "w1", "calm", golden="sad"), empty, toloka("t1", "w2", "calm", "SUBMITTED")]
    found = ingest.read(csv(*rows, toloka("t1", "w3", "x", "EXPIRED"), sep="\t"))

    assert (found.report.format, triples(found.labels)) == ("toloka", [("t1", "w1", "angry"), ("t1", "w2", "calm"), ("t2", "w1", "calm")])
    assert (found.gold.to_dict(), found.report.dropped) == ({"t2": "sad"}, {"expired": 1})
    assert list(found.labels.seconds) == [3.0, 6.0, 3.0]
    assert found.content.loc["t1", "text"] == "text t1"
    assert (found.report.rows_read, found.report.rows_kept) == (4, 3)


def test_toloka_without_task_ids_or_workers() -> None:
    """Inputs name the example where there is no id; without workers the file is refused."""
    frame = pd.DataFrame([toloka("t1", "w1", "a"), toloka("t1", "w2", "b")])
    nameless = upload("x.tsv", frame.drop(columns="ASSIGNMENT:task_id").to_csv(index=False, sep="\t"))

    assert list(ingest.read_labels(nameless).examples) == ["text t1"]
    with pytest.raises(ingest.IngestError, match=r"ASSIGNMENT:worker_id"):
        ingest.read(upload("x.tsv", frame.drop(columns="ASSIGNMENT:worker_id").to_csv(index=False, sep="\t")))


def judgement(worker: int, mood: str, gold: str = "", tainted: str = "false") -> dict[str, object]:
    return {
        **{"_unit_id": 14, "_created_at": "3/2/2026 09:14:11", "_golden": "true" if gold else "false", "_started_at": "3/2/2026 09:14:05"},
        **{"_tainted": tainted, "_trust": 0.91, "_worker_id": worker, "_country": "ITA", "_ip": "1.2.3.4", "mood": mood, "mood_gold": gold},
        "text": "hello",
    }


def test_appen_full_report() -> None:
    """Judgements with times; addresses and countries are gone; tainted ones are counted and told."""
    found = ingest.read(csv(judgement(1, "angry", "angry"), judgement(2, "calm", "angry", tainted="true")))

    assert (found.report.format, triples(found.labels)) == ("appen", [("14", "1", "angry"), ("14", "2", "calm")])
    assert (found.gold.to_dict(), list(found.labels.seconds)) == ({"14": "angry"}, [6.0, 6.0])
    assert np.datetime64("2026-03-02T09:14:11") == found.labels.timestamp[0]
    assert {"_ip", "_country"} == set(found.report.removed)
    assert list(found.content.columns) == ["text"]
    assert any("1 labels are marked as tainted" in sentence for sentence in found.report.oddities)


def test_appen_odd_gold_and_aggregates() -> None:
    """Several accepted golds are none; an aggregated report is refused with the one to take."""
    found = ingest.read(csv(judgement(1, "angry", "angry\ncalm"), judgement(2, "calm")))

    assert found.gold is None
    assert any("several golds" in sentence for sentence in found.report.oddities)
    with pytest.raises(ingest.IngestError, match=r"aggregated report.*full"):
        ingest.read(upload("x.csv", "_unit_id,mood,mood:confidence\n14,angry,0.9\n"))


def classification(user: str, value: object, version: str = "16.55", workflow: int = 10, **more: object) -> dict[str, object]:
    metadata = {"started_at": "2026-03-02T09:14:05Z", "finished_at": "2026-03-02T09:14:11Z", "user_agent": "x"}
    return {
        **{"classification_id": 1, "user_name": user, "user_ip": "ab", "workflow_id": workflow, "workflow_version": version},
        **{"created_at": "2026-03-02 09:14:11 UTC", "metadata": json.dumps(metadata), "subject_ids": 14},
        **{"annotations": json.dumps([{"task": "T0", "task_label": "Mood?", "value": value}])},
        **{"subject_data": json.dumps({"14": {"retired": None, "title": "hello"}}), **more},
    }


def test_zooniverse_classifications() -> None:
    """Values of the task with times; the addresses' hashes are gone, anonymous annotators are told."""
    found = ingest.read(
        csv(classification("kim", "Angry"), classification("not-logged-in-ab12", "Calm"), classification("lee", "x", version="3.1"))
    )

    assert (found.report.format, triples(found.labels)) == ("zooniverse", [("14", "kim", "Angry"), ("14", "not-logged-in-ab12", "Calm")])
    assert (found.report.dropped, list(found.labels.seconds)) == ({"another version of the workflow": 1}, [6.0, 6.0])
    assert "user_ip" in found.report.removed
    assert found.content.loc["14", "title"] == "hello"
    assert any("not logged in" in sentence for sentence in found.report.oddities)


def test_zooniverse_workflows_gold_and_combined_tasks() -> None:
    """Several workflows are asked about; gold standards are gold; nested values are refused with the task."""
    two = csv(classification("kim", "a"), classification("kim", "b", workflow=11))
    gold = csv(classification("kim", "a", gold_standard=""), classification("boss", "b", gold_standard="true"))

    assert ingest.propose(two).questions == ("10/T0", "11/T0")
    assert triples(ingest.read(two, question="11/T0").labels) == [("14", "kim", "b")]
    assert ingest.read(gold).gold.to_dict() == {"14": "b"}
    with pytest.raises(ingest.IngestError, match=r"task T0 holds drawings"):
        ingest.read(csv(classification("kim", [{"task": "T1", "value": "a"}])))


def workbook(sheet: str) -> bytes:
    """A small .xlsx, written by hand."""
    main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    packages = "http://schemas.openxmlformats.org/package/2006"
    kinds = "application/vnd.openxmlformats-officedocument.spreadsheetml"
    parts = {
        "[Content_Types].xml": f'<Types xmlns="{packages}/content-types"><Default Extension="rels" ContentType='
        '"application/vnd.openxmlformats-package.relationships+xml"/>'
        f'<Override PartName="/xl/workbook.xml" ContentType="{kinds}.sheet.main+xml"/>'
        f'<Override PartName="/xl/worksheets/sheet1.xml" ContentType="{kinds}.worksheet+xml"/></Types>',
        "_rels/.rels": f'<Relationships xmlns="{packages}/relationships"><Relationship Id="r1" Type="{office}/officeDocument" '
        'Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'<workbook xmlns="{main}" xmlns:r="{office}"><sheets>'
        '<sheet name="S" sheetId="1" r:id="r1"/></sheets></workbook>',
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{packages}/relationships"><Relationship Id="r1" Type="{office}/worksheet" '
        'Target="worksheets/sheet1.xml"/></Relationships>',
        "xl/worksheets/sheet1.xml": f'<worksheet xmlns="{main}"><sheetData>{sheet}</sheetData></worksheet>',
    }
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, text in parts.items():
            archive.writestr(name, text)
    return file.getvalue()


def cells(*values: object) -> str:
    return "".join(f'<c t="inlineStr"><is><t>{v}</t></is></c>' if isinstance(v, str) else f"<c><v>{v}</v></c>" for v in values)


BOOK = workbook("".join(f"<row>{cells(*row)}</row>" for row in [("task", "worker", "label"), (1, "w1", "a"), (1, "w2", "b")]))


@pytest.mark.skipif(importlib.util.find_spec("openpyxl") is None, reason="openpyxl is an optional extra")
def test_excel_workbooks() -> None:
    """The first sheet is a table; whole numbers have no decimals."""
    assert triples(ingest.read_labels(upload("x.xlsx", BOOK))) == [("1", "w1", "a"), ("1", "w2", "b")]


def test_excel_without_openpyxl_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """A missing extra is one sentence, and no zip is mistaken for a folder of files."""
    monkeypatch.setitem(__import__("sys").modules, "openpyxl", None)
    with pytest.raises(ingest.IngestError, match=r"pip install openpyxl"):
        ingest.read(upload("x.xlsx", BOOK))
