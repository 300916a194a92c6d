"""Files as people really have them: other spellings, versions, containers and layouts; each with the labels that a person sees in it."""

from __future__ import annotations

import gzip
import io
import json
from typing import Any

import pandas as pd

from tests.ingest.made import json_file, json_lines, parquet, upload, zipped


def rows(text: str) -> list[tuple[str, ...]]:
    """ "e/a/l; e/b/m" as sorted triples."""
    return sorted(tuple(part.strip().split("/")) for part in text.split(";"))


def lines(*records: object) -> str:
    return "\n".join(json.dumps(record, ensure_ascii=False) for record in records)


def workbook(**sheets: list[list[Any]]) -> bytes:
    import openpyxl

    book = openpyxl.Workbook()
    book.remove(book.active)
    for title, cells in sheets.items():
        sheet = book.create_sheet(title)
        for row in cells:
            sheet.append(row)
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


def frame_with_index(**columns: list[Any]) -> io.BytesIO:
    file = io.BytesIO()
    pd.DataFrame(columns, index=["x", "y", "z"][: len(next(iter(columns.values())))]).to_parquet(file)
    return upload("w.parquet", file.getvalue())


# ---------------------------------------------------------------------- Label Studio


def choice(control: str, *choices: str, type: str = "choices") -> dict[str, Any]:
    return {"from_name": control, "to_name": "t", "type": type, "value": {type: list(choices)}}


def said(who: Any, *results: Any, **more: Any) -> dict[str, Any]:
    return {"completed_by": who, "result": list(results), "was_cancelled": False, **more}


def task(name: Any, *annotations: Any, **data: Any) -> dict[str, Any]:
    return {"id": name, "data": data, "annotations": list(annotations)}


def record(mood: Any, annotator: Any, example: int = 1, text: str = "x") -> dict[str, Any]:
    return {"id": example, "text": text, "mood": mood, "annotator": annotator, "annotation_id": 1, "lead_time": 2}


ONE = task(14, said(3, choice("m", "angry")), said({"id": 5, "email": "p@x.org", "first_name": "P"}, choice("m", "calm")), text="é")
PATH = {"from_name": "m", "type": "taxonomy", "value": {"taxonomy": [["Animal", "Dog"]]}}
PAIR = {"from_name": "m", "type": "pairwise", "value": {"selected": "left"}}
BOX = {"from_name": "b", "type": "rectanglelabels", "value": {"x": 1}}
PACKED = gzip.compress(b"\xef\xbb\xbf" + json.dumps([ONE], indent=1).replace("\n", "\r\n").encode())
HEADER = "annotation_id,annotator,id,lead_time,mood,text"

LABEL_STUDIO = {
    "a single task": (json_file("x.json", ONE), "14/3/angry;14/5/calm"),
    "a task on one line": (json_lines("x.json", [ONE]), "14/3/angry;14/5/calm"),
    "JSON lines": (json_lines("x.json", [ONE, task(2, said("a@x.org", choice("m", "nein")))]), "14/3/angry;14/5/calm;2/a@x.org/nein"),
    "gzip, byte order mark, CRLF": (upload("x.json.gz", PACKED), "14/3/angry;14/5/calm"),
    "zeros as ids": (json_file("x.json", [task(0, said({"id": 0, "email": "z"}, choice("m", "a")))]), "0/0/a"),
    "e-mail only": (json_file("x.json", [task(1, said({"email": "k@x"}, choice("m", "a")))]), "1/k@x/a"),
    "no ids": (json_file("x.json", [{"data": {}, "annotations": [said(1, choice("m", "a"))]}] * 2), "1/1/a;2/1/a"),
    "an empty result": (json_file("x.json", [task(1, said(1, choice("m", "a")), said(2))]), "1/1/a"),
    "a choice as text": (json_file("x.json", [task(1, said(1, {**choice("m"), "value": {"choices": "a"}}))]), "1/1/a"),
    "a path of a taxonomy": (json_file("x.json", [task(1, said(1, PATH))]), "1/1/Animal > Dog"),
    "pairwise": (json_file("x.json", [task(1, said(1, PAIR))]), "1/1/left"),
    "boxes beside the class": (json_file("x.json", [task(1, said(1, BOX, choice("m", "a")))]), "1/1/a"),
    "completions beside no annotations": (json_file("x.json", [{**task(1), "completions": [said(1, choice("m", "a"))]}]), "1/1/a"),
    "JSON-MIN, choices as object": (json_file("m.json", [record({"choices": ["a"]}, "k@x"), record("b", "l@x")]), "1/k@x/a;1/l@x/b"),
    "JSON-MIN, nobody twice": (json_file("m.json", [record("a", 1), record("b", 1, 2, "y")]), "1/1/a;2/1/b"),
    "CSV, no was_cancelled": (
        upload("x.csv", f'{HEADER}\r\n71,"3",14,6.2,"angry","hi"\r\n72,"4",14,6.2,"calm","hi"\r\n'),
        "14/3/angry;14/4/calm",
    ),
    "CSV, JSON in cells": (upload("x.csv", f'{HEADER}\n1,3,14,6,"[""a""]",hi\n2,4,14,1,"{{""choices"": [""b""]}}",hi\n'), "14/3/a;14/4/b"),
    "CSV, capitals": (upload("x.csv", f"{HEADER.title()}\n71,3,14,6.2,angry,hi\n72,4,14,1,calm,hi\n"), "14/3/angry;14/4/calm"),
    "TSV, cancelled": (
        upload("x.tsv", f"{HEADER},was_cancelled\n1,3,14,6.2,angry,hi,False\n2,4,14,6.2,,hi,True\n".replace(",", "\t")),
        "14/3/angry",
    ),
}

# ---------------------------------------------------------------------- doccano, Prodigy, Argilla


def doccano(example: int, *labels: str, key: str = "label") -> dict[str, Any]:
    return {"id": example, "text": f"t{example}", key: list(labels), "Comments": []}


KIM, LEE = lines(doccano(1, "a"), doccano(2, "b")), lines(doccano(1, "b"), doccano(2))
MEMBERS = "1/kim/a;1/lee/b;2/kim/b"


def prodigy(accept: Any, who: str | None = "m-kim", example: int = 1, **more: Any) -> dict[str, Any]:
    named = {"_session_id": who, "_annotator_id": who, "_timestamp": 1772442845}
    return {
        "text": "x",
        "_input_hash": example,
        "_task_hash": 5,
        "answer": "accept",
        "accept": accept,
        "_view_id": "choice",
        **named,
        **more,
    }


RECORD = {"id": "r1", "fields": {"text": "x"}, "suggestions": {}, "vectors": {}}
GIVEN = {"mood": [{"value": "a", "user_id": "u1"}, {"value": "b", "user_id": "u2"}]}
STARS = pd.DataFrame(
    {
        "id": ["r1", "r2"],
        "s.responses": [[1, 2], [3]],
        "s.responses.users": [["u", "v"], ["u"]],
        "s.responses.status": [["submitted"] * 2, ["submitted"]],
    }
)

TOOLS = {
    "doccano, nested folders": (
        zipped("p.zip", {"proj/x/kim.jsonl": KIM, "proj/x/lee.jsonl": LEE, "__MACOSX/._kim.jsonl": b"junk"}),
        MEMBERS,
    ),
    "doccano, zip made on Windows": (zipped("p.zip", {"proj\\kim.jsonl": KIM, "proj\\lee.jsonl": LEE}), MEMBERS),
    "doccano, labels": (
        zipped("p.zip", {"kim.jsonl": lines(doccano(1, "a", key="labels")), "lee.jsonl": lines(doccano(1, "b"))}),
        "1/kim/a;1/lee/b",
    ),
    "doccano, e-mail as member": (zipped("p.zip", {"k.m@x.org.jsonl": KIM}), "1/k.m@x.org/a;2/k.m@x.org/b"),
    "Prodigy, accept as text": (json_lines("x.jsonl", [prodigy("a"), prodigy("b", "m-lee")]), "1/m-kim/a;1/m-lee/b"),
    "Prodigy, numbers": (json_lines("x.jsonl", [prodigy([1]), prodigy([2], "m-lee")]), "1/m-kim/1;1/m-lee/2"),
    "Prodigy, JSON list, ignored": (json_file("x.json", [prodigy(["a"]), prodigy(["b"], "m-lee", answer="ignore")]), "1/m-kim/a"),
    "Prodigy, byte order mark, CRLF": (
        upload("x.jsonl", "\ufeff" + lines(prodigy(["ä"]), prodigy(["b"], example=2)).replace("\n", "\r\n")),
        "1/m-kim/ä;2/m-kim/b",
    ),
    "Prodigy, one file an annotator": (
        [json_lines("kim.jsonl", [prodigy(["a"], None)]), json_lines("lee.jsonl", [prodigy(["b"], None)])],
        "1/kim/a;1/lee/b",
    ),
    "Argilla, records of the client": (json_file("a.json", [{**RECORD, "responses": GIVEN}]), "r1/u1/a;r1/u2/b"),
    "Argilla, no status": (
        json_lines("a.jsonl", [{"id": "r1", "m.responses": ["a", "b"], "m.responses.users": ["u1", "u2"]}]),
        "r1/u1/a;r1/u2/b",
    ),
    "Argilla, first row without responses": (
        json_lines("a.jsonl", [{"id": "r0", "m.responses": None}, {"id": "r1", "m.responses": ["a"], "m.responses.users": ["u"]}]),
        "r1/u/a",
    ),
    "Argilla, numbers in Parquet": (parquet("a.parquet", STARS), "r1/u/1;r1/v/2;r2/u/3"),
    "Argilla 1, object of lists": (
        json_file("a.json", [{"id": "r1", "m": {"user_id": ["u", "v"], "value": ["a", "b"], "status": ["submitted", "draft"]}}]),
        "r1/u/a",
    ),
}

# ---------------------------------------------------------------------- tables of crowd platforms

MTURK = "HITId,AssignmentId,WorkerId,AssignmentStatus,WorkTimeInSeconds,Input.text"
TOLOKA = (
    "INPUT:text\tOUTPUT:mood\tGOLDEN:mood\tHINT:text\tASSIGNMENT:assignment_id\tASSIGNMENT:task_id\tASSIGNMENT:worker_id\tASSIGNMENT:status"
)
APPEN = "_unit_id,_worker_id,_trust,_ip,mood,text"
ZOO = "classification_id,user_name,user_ip,workflow_id,workflow_version,created_at,annotations,subject_ids"


def answered(*workers: tuple[str, Any]) -> str:
    return json.dumps({"answers": [{"workerId": who, "answerContent": content} for who, content in workers]})


def labelled(example: str, who: str, *classifications: dict[str, Any], **row: Any) -> dict[str, Any]:
    details = {"label_details": {"created_by": who}, "annotations": {"objects": [], "classifications": list(classifications)}}
    return {"data_row": {"id": "d" + example, "global_key": example, **row}, "projects": {"p1": {"labels": [details]}}}


def radio(value: str) -> dict[str, Any]:
    return {"name": "Mood", "value": "mood", "radio_answer": {"name": value.title(), "value": value}}


def zooniverse(who: str, value: Any, version: str = "16.55") -> str:
    cell = json.dumps([{"task": "T0", "task_label": "Mood?", "value": value}]).replace('"', '""')
    return f'1,{who},ab,10,{version},2026-03-02 09:14:11 UTC,"{cell}",14\n'


PLATFORMS = {
    "MTurk, an answer without .label": (
        upload(
            "b.csv", f'{MTURK},Answer.s\n"H1","A1","W1","Approved","12","x","pos"\nH1,A2,W2,Rejected,1,x,neg\nH1,A3,W3,Submitted,,x,neg\n'
        ),
        "H1/W1/pos;H1/W3/neg",
    ),
    "MTurk, a tick for each option": (
        upload("b.csv", f"{MTURK},Answer.m.a,Answer.m.b\nH1,A1,W1,Approved,1,x,true,false\nH1,A2,W2,Approved,1,x,FALSE,TRUE\n"),
        "H1/W1/a;H1/W2/b",
    ),
    "MTurk, JSON answers": (
        upload(
            "b.csv",
            f'{MTURK},Answer.taskAnswers\nH1,A1,W1,Approved,1,x,"[{{""m"":{{""label"":""a""}}}}]"\nH2,A3,W2,Approved,1,y,"[{{""m"":""b""}}]"\n',
        ),
        "H1/W1/a;H2/W2/b",
    ),
    "MTurk, small letters": (
        upload("b.csv", f"{MTURK},Answer.m.label".lower() + "\nH1,A1,W1,Approved,1,x,a\nH2,A2,W2,Approved,1,x,b\n"),
        "H1/W1/a;H2/W2/b",
    ),
    "Toloka, all statuses, CRLF, empty rows": (
        upload(
            "t.tsv",
            "\r\n".join(
                [
                    TOLOKA,
                    "x\ta\t\t\ts\tt1\tw1\tAPPROVED",
                    "x\tb\t\t\ts\tt1\tw2\tSUBMITTED",
                    "\t" * 7,
                    "x\ta\t\t\ts\tt1\tw3\tREJECTED",
                    "x\ta\t\t\ts\tt1\tw4\tSKIPPED",
                    "x\t\t\t\ts\tt1\tw5\tEXPIRED",
                ]
            ),
        ),
        "t1/w1/a;t1/w2/b",
    ),
    "Toloka, commas": (upload("t.csv", f"{TOLOKA}\nx\ta\t\t\ts\tt1\tw1\tAPPROVED\n".replace("\t", ",")), "t1/w1/a"),
    "Toloka, small letters, UTF-16": (upload("t.tsv", f"{TOLOKA.lower()}\nx\tда\t\t\ts\tt1\tw1\tAPPROVED\n".encode("utf-16")), "t1/w1/да"),
    "Appen, no gold": (upload("a.csv", f"{APPEN}\n1,7,0.9,1.2.3.4,a,hi\n1,8,0.9,,b,hi\n"), "1/7/a;1/8/b"),
    "Appen, all agree": (upload("a.csv", f"{APPEN}\n1,7,0.9,,a,hi\n1,8,0.9,,a,hi\n2,8,0.9,,b,ho\n"), "1/7/a;1/8/a;2/8/b"),
    "Appen, capitals": (upload("a.csv", f"{APPEN.upper()}\n1,7,0.9,,a,hi\n1,8,0.9,,b,hi\n"), "1/7/a;1/8/b"),
    "Ground Truth, folders": (
        zipped(
            "g.zip",
            {
                "annotations/worker-response/iteration-1/0/2026-03-02_09:14:11.json": answered(
                    ("w1", {"c": {"label": "a"}}), ("w2", {"c": {"label": "b"}})
                ),
                "annotations/worker-response/iteration-1/1/x.json": answered(("w1", {"c": {"label": "b"}})),
            },
        ),
        "0/w1/a;0/w2/b;1/w1/b",
    ),
    "Ground Truth, zip made on Windows": (
        zipped(
            "g.zip",
            {
                "r\\iteration-1\\0\\x.json": answered(("w1", {"c": {"label": "a"}})),
                "r\\iteration-1\\1\\x.json": answered(("w1", {"c": {"label": "b"}})),
            },
        ),
        "0/w1/a;1/w1/b",
    ),
    "Ground Truth, lists of one": (
        upload("0.json", answered(("w1", {"c": {"labels": ["a"]}}), ("w2", {"c": {"labels": ["b"]}}))),
        "0/w1/a;0/w2/b",
    ),
    "Labelbox, a list": (
        json_file("l.json", [labelled("g1", "a@x", radio("angry")), labelled("g2", "b@x", radio("calm"))]),
        "g1/a@x/angry;g2/b@x/calm",
    ),
    "Labelbox, one object": (json_file("l.json", labelled("g1", "a@x", radio("angry"))), "g1/a@x/angry"),
    "Labelbox, no key of its own": (json_lines("l.ndjson", [labelled("g1", "a@x", radio("angry"), global_key=None)]), "dg1/a@x/angry"),
    "Labelbox, checklist of one": (
        json_lines(
            "l.ndjson",
            [
                labelled(
                    "g1",
                    "a@x",
                    {"value": "tags", "checklist_answers": [{"value": "a"}]},
                    {"value": "why", "text_answer": {"content": "so"}},
                )
            ],
        ),
        "g1/a@x/a",
    ),
    "Zooniverse, byte order mark, unanswered": (
        upload("z.csv", f"\ufeff{ZOO}\n" + zooniverse("kim", "Angry") + zooniverse("lee", None)),
        "14/kim/Angry",
    ),
    "Zooniverse, lists of one": (
        upload("z.csv", f"{ZOO}\n" + zooniverse("kim", ["A"]) + zooniverse("not-logged-in-1", ["B"])),
        "14/kim/A;14/not-logged-in-1/B",
    ),
    "Zooniverse, capitals, indices": (
        upload("z.csv", f"{ZOO.upper()}\n" + zooniverse("kim", 0) + zooniverse("lee", 1)),
        "14/kim/0;14/lee/1",
    ),
    "Zooniverse, two versions": (
        upload("z.csv", f"{ZOO}\n" + zooniverse("kim", "a") + zooniverse("lee", "b") + zooniverse("ann", "c", "17.1")),
        "14/kim/a;14/lee/b",
    ),
}

# ---------------------------------------------------------------------- tables, wide and long, and models that judge

LONG = "item,rater,label\n1,A,x\n1,B,y\n"
BOTH = "1/A/x;1/B/y"
PLAIN = [{"item": "1", "rater": "A", "label": "x"}, {"item": "1", "rater": "B", "label": "y"}]
CELLS = [["Item ID", "Rater", "Rating"], [1, "A", 3], [1, "B", 4.0], [2, "A", None]]
SPLIT = {"columns": ["item", "rater", "label"], "index": [0, 1], "data": [["1", "A", "x"], ["1", "B", "y"]]}
INSIDE = [{"id": 1, "text": "t", "annotations": [{"annotator": "A", "label": "x"}, {"worker_id": "B", "label": "y"}]}]
WIDE = "x/a1/0;x/a2/1;y/a1/1"

TABLES = {
    "capitals and blanks in the header": (upload("x.csv", "Task ID,Worker ID,Answer\n1,A,x\n1,B,y\n"), BOTH),
    "blanks after the commas": (upload("x.csv", "task, worker, label\n1, A, x\n1, B, y\n"), BOTH),
    "a column without a name": (upload("x.csv", ",item,rater,label\n0,1,A,x\n1,1,B,y\n"), BOTH),
    "an empty column at the end": (upload("x.csv", "item,rater,label,\n1,A,x,\n1,B,y,\n"), BOTH),
    "blank lines": (upload("x.csv", f"\r\n\r\n{LONG}\n\n"), BOTH),
    "a line for Excel": (upload("x.csv", "sep=;\r\n" + LONG.replace(",", ";").replace("\n", "\r\n")), BOTH),
    "a line of comment": (upload("x.csv", f"# made by hand\n{LONG}"), BOTH),
    "carriage returns": (upload("x.csv", LONG.replace("\n", "\r").encode()), BOTH),
    "Windows-1252": (upload("x.csv", "Item;Rater;Label\nä;A;schön\nä;B;gut\n".encode("cp1252")), "ä/A/schön;ä/B/gut"),
    "gzip of TSV": (upload("x.tsv.gz", gzip.compress(LONG.replace(",", "\t").encode())), BOTH),
    "personal columns": (upload("x.csv", "hit_id,worker_id,age,answer,comment\n1,A,3,x,hi\n1,B,4,y,ho\n"), BOTH),
    "a workbook": (upload("x.xlsx", workbook(Sheet=CELLS)), "1/A/3;1/B/4"),
    "the second sheet": (upload("x.xlsx", workbook(Notes=[["read me"]], Labels=CELLS)), "1/A/3;1/B/4"),
    "a workbook in a zip": (zipped("z.zip", {"a/x.xlsx": workbook(Sheet=CELLS)}), "1/A/3;1/B/4"),
    "a table below a key": (json_file("x.json", {"data": PLAIN}), BOTH),
    "a table beside its schema": (json_file("x.json", {"schema": {"fields": []}, "data": PLAIN}), BOTH),
    "columns and rows": (json_file("x.json", SPLIT), BOTH),
    "capitals in JSON": (json_lines("x.jsonl", [{key.title(): value for key, value in row.items()} for row in PLAIN]), BOTH),
    "lists of one label": (json_lines("x.jsonl", [{**row, "label": [row["label"]]} for row in PLAIN]), BOTH),
    "labels inside the examples": (json_file("x.json", INSIDE), BOTH),
    "an object of labels inside": (json_file("x.json", [{"id": 1, "labels": {"A": "x", "B": "y"}}]), BOTH),
    "floats for numbers": (
        parquet("x.parquet", pd.DataFrame({"task": [1.0, 1.0, None], "worker": ["A", "B", "C"], "label": ["x", "y", "y"]})),
        BOTH,
    ),
    "texts beside in the zip": (zipped("x.zip", {"README.md": "# hello\n\nThese, are labels.\n", "LICENSE": "MIT", "a.csv": LONG}), BOTH),
    "peerannot both ways round": (
        zipped("p.zip", {"answers.json": '{"0": {"7": 1, "8": 0}}', "answers_inversed.json": '{"7": {"0": 1}, "8": {"0": 0}}'}),
        "0/7/1;0/8/0",
    ),
    "peerannot in capitals": (
        zipped("p.zip", {"d/Answers.json": '{"0": {"7": 1, "8": 0}}', "d/Metadata.json": '{"n_classes": 2}'}),
        "0/7/1;0/8/0",
    ),
    "wide, index without a name": (upload("w.csv", ",a1,a2\nx,0.0,1.0\ny,1.0,\n"), WIDE),
    "wide, index as pandas calls it": (upload("w.csv", "Unnamed: 0,a1,a2\n0,0,1\n1,1,\n"), "0/a1/0;0/a2/1;1/a1/1"),
    "wide, index of Parquet": (frame_with_index(a1=[0, 1], a2=[1, None]), WIDE),
    "wide, gold and text beside": (upload("w.csv", "id,text,gold,a1,a2\nx,hello there,0,0,1\ny,bye,1,1,\n"), WIDE),
    "models beside each other": (
        upload("j.csv", "id,prompt,gpt-4,claude-3\n1,abc,A,B\n2,def,B,B\n"),
        "1/gpt-4/A;1/claude-3/B;2/gpt-4/B;2/claude-3/B",
    ),
    "a model column": (
        json_lines(
            "j.jsonl",
            [{"id": 1, "model": "gpt", "verdict": "a", "reasoning": "."}, {"id": 1, "model": "claude", "verdict": "b", "reasoning": "so"}],
        ),
        "1/gpt/a;1/claude/b",
    ),
    "a judge column": (upload("j.csv", "prompt_id,judge_model,judgment,score\np1,gpt,A,0.7\np1,claude,B,0.8\n"), "p1/gpt/A;p1/claude/B"),
    "one file a model": (
        [upload("gpt-4.1.csv", "id,label\n1,a\n2,b\n"), upload("gpt-4.2.csv.gz", gzip.compress(b"id,label\n1,b\n"))],
        "1/gpt-4.1/a;2/gpt-4.1/b;1/gpt-4.2/b",
    ),
    "one folder an annotator": (
        zipped("z.zip", {"kim/labels.csv": "id,label\n1,a\n", "lee/labels.csv": "id,label\n1,b\n"}),
        "1/kim/a;1/lee/b",
    ),
    "a model beside people": (
        [upload("people.csv", "task,worker,label\n1,A,x\n1,B,y\n"), upload("gpt.csv", "task,label\n1,x\n")],
        f"{BOTH};1/gpt/x",
    ),
}
