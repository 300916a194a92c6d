"""Writes docs/formats.md by reading a small file of each format: python -m docs.make_formats."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import multiannotator_core as mc
from multiannotator_core import ingest
from multiannotator_core.export import WRITERS, Outgoing

PAGE = Path(__file__).with_name("formats.md")

HEAD = """# Formats

What Crowdlens reads and writes. The table is made by `python -m docs.make_formats`, which reads a small file of each format and notes what
came out of it; `yes` means that it did.

- **Sniffed**: recognised by its content, whatever the file is called. **Content**: texts that show what an example is. **Gold**: known
  classes. **Time**: when a label was given, or how many seconds it took. **Questions**: a file may hold several; the reader asks which one.
- **Round trip**: labels with commas, quotes, line breaks, leading `=` and characters of any script are written, read again, and the same.
  What a format cannot hold is told under "What is lost" and beside the button on the page Export.
- A zip, a folder, a gzip, or several files at once work with every format. CSV, TSV, JSON lines, Parquet and Excel are one table to us.

## In
"""

READ_NOTES = """
Other layouts that are read: one file an annotator (its name tells who), a `model` column or one file a model for language models that
judge, JSON with the table below a key or by columns, headers in other capitals, Excel's `sep=` line, several sheets (the one with the
labels is taken). Not read: exports of boxes, spans or segmentations; merged exports without annotators (each reader says what to export
instead); CVAT, whose files name no annotator.

Removed at the door: addresses (IP, e-mail beyond the id), places, devices, sessions, age and gender, approval rates, comments. The
report on the page Data lists every column.
"""

TIMES = {"created_at": "2026-03-02T09:14:05Z", "updated_at": "2026-03-02T09:14:11Z"}
ODD = ["=1+1", 'a,"b"', "x\ny", "é\u202e", "'=x", "#a|b\t"]


def _lines(*records: object) -> bytes:
    return "\n".join(json.dumps(record) for record in records).encode()


def _zip(**files: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, data in files.items():
            archive.writestr(name.replace("__", "."), data)
    return out.getvalue()


def _npy(values: Any) -> bytes:
    out = io.BytesIO()
    np.save(out, np.array(values))
    return out.getvalue()


def _label_studio() -> bytes:
    def said(who: int, label: str, **more: Any) -> dict[str, Any]:
        results = [{"from_name": name, "type": "choices", "value": {"choices": [label]}} for name in ("mood", "topic")]
        return {"completed_by": who, "result": results, "lead_time": 6.2, **TIMES, **more}

    return _lines({"id": 1, "data": {"text": "hello"}, "annotations": [said(3, "a"), said(4, "b"), said(5, "a", ground_truth=True)]})


def _labelbox() -> bytes:
    def said(who: str, **more: Any) -> dict[str, Any]:
        answers = [{"value": question, "radio_answer": {"value": "a"}} for question in ("mood", "topic")]
        details = {"label_details": {"created_by": who, **TIMES}, "annotations": {"classifications": answers}}
        return {**details, "performance_details": {"seconds_to_create": 6, **more}}

    labels = [said("k"), said("l"), said("m", benchmark_reference_label=True)]
    return _lines({"data_row": {"id": "d", "row_data": "hello"}, "projects": {"p": {"labels": labels}}})


def _zooniverse() -> bytes:
    def row(who: str, gold: str) -> list[str]:
        answers = [{"task": task, "value": "a"} for task in ("T0", "T1")]
        about = {"started_at": "2026-03-02T09:14:05Z", "finished_at": "2026-03-02T09:14:11Z"}
        return [
            "1",
            who,
            "10",
            "1.1",
            "2026-03-02 09:14:11 UTC",
            gold,
            json.dumps(about),
            json.dumps(answers),
            '{"7": {"text": "hello"}}',
            "7",
        ]

    columns = (
        "classification_id user_name workflow_id workflow_version created_at gold_standard metadata annotations subject_data subject_ids"
    )
    frame = pd.DataFrame([row("kim", ""), row("lee", ""), row("ann", "true")], columns=columns.split())
    text: str = frame.to_csv(index=False)
    return text.encode()


PRODIGY = {"text": "hello", "_input_hash": 1, "answer": "accept", "accept": ["a"], "_timestamp": 1772442845}
TOLOKA = (
    "INPUT:text\tOUTPUT:m\tOUTPUT:n\tGOLDEN:m\tASSIGNMENT:task_id\tASSIGNMENT:worker_id\tASSIGNMENT:started\tASSIGNMENT:submitted\n"
    "hello\ta\tb\ta\tt\tk\t2026-03-02T09:14:05\t2026-03-02T09:14:11\nhello\tb\tb\t\tt\tl\t2026-03-02T09:14:05\t2026-03-02T09:14:11\n"
)
MTURK = "HITId,AssignmentId,WorkerId,SubmitTime,WorkTimeInSeconds,Input.text,Answer.m.label,Answer.n.label\n"
APPEN = "_unit_id,_worker_id,_golden,_started_at,_created_at,m,m_gold,n,n_gold,text\n"
RESPONSE = {
    "workerId": "k",
    "submissionTime": TIMES["created_at"],
    "timeSpentInSeconds": 6,
    "answerContent": {"m": {"label": "a"}, "n": "b"},
}
TABLE = b"task,worker,label\nt,k,a\nt,l,b\n"

# One small file of each format, with everything that its reader takes.
SAMPLES: dict[str, Callable[[], tuple[str, bytes]]] = {
    "crowdlens": lambda: ("x.zip", written("crowdlens", _full())),
    "appen": lambda: (
        "x.csv",
        (APPEN + "1,7,true,3/2/2026 09:14:05,3/2/2026 09:14:11,a,a,b,b,hi\n1,8,false,,3/2/2026 09:14:11,b,,b,,hi\n").encode(),
    ),
    "toloka": lambda: ("x.tsv", TOLOKA.encode()),
    "mturk": lambda: (
        "x.csv",
        (MTURK + "H,A,W,Mon Mar 02 09:14:11 PST 2026,6,hello,a,b\nH,B,V,Mon Mar 02 09:14:11 PST 2026,6,hello,b,b\n").encode(),
    ),
    "zooniverse": lambda: ("x.csv", _zooniverse()),
    "label_studio_table": lambda: (
        "x.csv",
        b"annotation_id,annotator,id,lead_time,mood,topic,text,updated_at\n1,3,1,6.2,a,x,hi,2026-03-02\n2,4,1,6.2,b,y,hi,2026-03-02\n",
    ),
    "label_studio": lambda: ("x.json", _label_studio()),
    "prodigy": lambda: ("x.jsonl", _lines({**PRODIGY, "_session_id": "k"}, {**PRODIGY, "_session_id": "l"})),
    "labelbox": lambda: ("x.ndjson", _labelbox()),
    "argilla": lambda: (
        "x.json",
        _lines({"id": "r", "text": "hi", **{f"{q}.responses{end}": v for q in "mn" for end, v in (("", ["a"]), (".users", ["k"]))}}),
    ),
    "ground_truth": lambda: ("0.json", _lines({"dataObject": {"content": "hello"}, "answers": [RESPONSE]})),
    "doccano": lambda: (
        "x.zip",
        _zip(kim__jsonl=_lines({"id": 1, "text": "hi", "label": ["a"]}), lee__jsonl=_lines({"id": 1, "text": "hi", "label": ["b"]})),
    ),
    "nested": lambda: ("x.json", _lines({"id": 1, "text": "hi", "annotations": [{"annotator": "k", "label": "a", "seconds": 6}]})),
    "crowd_kit": lambda: ("x.zip", _zip(labels__csv=TABLE, gt__csv=b"task,label\nt,a\n")),
    "cleanlab": lambda: ("x.csv", b"task,annotator,label\nt,k,a\nt,l,b\n"),
    "peerannot": lambda: ("x.zip", _zip(answers__json=b'{"0": {"0": 1, "1": 0}}', metadata__json=b'{"n_classes": 2}')),
    "long": lambda: ("x.csv", b"item,rater,rating,gold,seconds,text\ni,k,a,a,6,hi\ni,l,b,a,7,hi\n"),
    "wide": lambda: ("x.csv", b"item,k,l,gold,text\ni,a,b,a,hi\nj,,b,b,ho\n"),
}

# The writer whose files a reader takes back, where there is one.
BACK = {
    "crowdlens": "crowdlens",
    "label_studio": "label_studio",
    "doccano": "doccano",
    "prodigy": "prodigy",
    "argilla": "argilla",
    "crowd_kit": "crowd_kit",
    "peerannot": "peerannot",
    "wide": "cleanlab",
    "long": "csv",
}


def _full() -> Outgoing:
    """Labels with odd names, gold, times and texts."""
    rows = [(ODD[i], ODD[j], ODD[(i * j) % 2], "2026-03-02T09:14:05Z", 6.5) for i in range(6) for j in range(6)]
    frame = pd.DataFrame(rows, columns=["task", "worker", "label", "timestamp", "seconds"])
    labels = mc.CrowdLabels.from_long(frame, timestamp="timestamp", seconds="seconds")
    return Outgoing(labels, None, pd.Series({ODD[0]: ODD[1]}), pd.DataFrame({"text": ODD}, index=ODD))


def written(key: str, out: Outgoing) -> bytes:
    """The bytes that a writer makes."""
    return WRITERS[key].write(out)


def upload(name: str, data: bytes) -> io.BytesIO:
    """A file in memory, as an upload is."""
    file = io.BytesIO(data)
    file.name = name
    return file


def found_in(key: str) -> dict[str, bool]:
    """What comes out of the sample of a format."""
    name, data = SAMPLES[key]()
    questions = ingest.propose(upload(name, data)).questions
    several = len(questions) > 1
    found = ingest.read(upload(name, data), question=questions[0] if several else None)
    return {
        "Sniffed": found.report.format == key,
        "Content": found.content is not None,
        "Gold": found.gold is not None,
        "Time": found.labels.timestamp is not None or found.labels.seconds is not None,
        "Questions": several,
    }


def comes_back(key: str) -> bool:
    """Whether odd names survive the writer of a format and its reader."""
    out, writer = _full(), WRITERS[key]
    back = ingest.read(upload(f"x.{writer.ending}", writer.write(out))).labels
    return _triples(back) == _triples(out.labels)


def _triples(labels: mc.CrowdLabels) -> list[tuple[str, ...]]:
    return sorted(labels.to_long()[["example", "annotator", "label"]].itertuples(index=False, name=None))


def page() -> str:
    """The whole page."""
    titles = ["Format", "`format=`", "Sniffed", "Content", "Gold", "Time", "Questions", "Round trip"]
    rows = []
    for key, reader in ingest.READERS.items():
        back = _word(comes_back(BACK[key])) if key in BACK else "no writer"
        rows.append([reader.title, f"`{key}`", *map(_word, found_in(key).values()), back])
    losses = [[writer.title, f"`{key}`", _word(comes_back(key)), writer.loses] for key, writer in WRITERS.items() if key != "excel"]
    losses.append([WRITERS["excel"].title, "`excel`", "but for control characters", WRITERS["excel"].loses])
    return "\n".join(
        [HEAD, *_table(titles, rows), READ_NOTES, "## Out\n", *_table(["Format", "Key", "Round trip", "What is lost"], losses), ""]
    )


def _word(true: bool) -> str:
    return "yes" if true else "–"


def _table(titles: list[str], rows: list[list[str]]) -> list[str]:
    return [f"| {' | '.join(row)} |" for row in (titles, ["---"] * len(titles), *rows)]


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
