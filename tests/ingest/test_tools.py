"""doccano, Prodigy, Argilla, crowd-kit, cleanlab, Labelbox and Ground Truth."""

from __future__ import annotations

import io
import json

import numpy as np
import pandas as pd
import pytest

from multiannotator_core import ingest
from tests.ingest.made import json_file, json_lines, parquet, triples, upload, zipped


def lines(*records: object) -> str:
    return "\n".join(json.dumps(record) for record in records)


def record(example: int, *labels: object, **more: object) -> dict[str, object]:
    return {"id": example, "text": f"text {example}", "label": list(labels), "Comments": [], **more}


def test_doccano_members_are_the_names_of_the_files() -> None:
    """A zip with one file a member; an empty list of labels is no label."""
    entries = {"kim.jsonl": lines(record(1, "angry"), record(2, "calm")), "lee.jsonl": lines(record(1, "calm"), record(2))}
    found = ingest.read(zipped("project.zip", entries))

    assert (found.report.format, triples(found.labels)) == ("doccano", [("1", "kim", "angry"), ("1", "lee", "calm"), ("2", "kim", "calm")])
    assert found.report.dropped == {"not labelled by this member": 1}
    assert found.content.loc["2", "text"] == "text 2"


def test_doccano_csv_and_json() -> None:
    """The same from CSV, and from a JSON list."""
    entries = {"kim.csv": "id,text,label,Comments\n1,a,angry,\n2,b,,\n", "lee.json": json.dumps([record(1, "calm"), record(2, "calm")])}

    assert triples(ingest.read_labels(zipped("p.zip", entries))) == [("1", "kim", "angry"), ("1", "lee", "calm"), ("2", "lee", "calm")]


@pytest.mark.parametrize(
    ("entries", "says"),
    [
        ({"all.jsonl": lines(record(1, "a"))}, "merges all annotators.*turn off the sharing"),
        ({"kim.jsonl": lines(record(1, [0, 4, "ORG"]))}, "spans or boxes"),
        ({"kim.jsonl": lines(record(1, "a", "b"))}, "kim.jsonl: example 1 has 2 choices"),
    ],
)
def test_doccano_refusals(entries: dict[str, str], says: str) -> None:
    """Merged exports, spans and several labels say what to do."""
    with pytest.raises(ingest.IngestError, match=says):
        ingest.read(zipped("p.zip", entries))


def test_old_doccano_records_name_the_user() -> None:
    """The old form keeps all annotators in one file."""
    records = [{"id": 1, "text": "t", "annotations": [{"label": 2, "user": 7}, {"label": 3, "user": 8}]}]

    assert triples(ingest.read_labels(json_lines("all.jsonl", records))) == [("1", "7", "2"), ("1", "8", "3")]


def choice(who: str, *accept: str, answer: str = "accept", example: int = -101) -> dict[str, object]:
    return {
        **{"text": "hello", "accept": list(accept), "answer": answer, "_input_hash": example, "_task_hash": 5, "_view_id": "choice"},
        **{"_session_id": who, "_annotator_id": who, "_timestamp": 1772442845, "options": [{"id": "a", "text": "A"}]},
    }


def test_prodigy_choices() -> None:
    """The accepted option is the label; ignored, rejected and empty answers are counted apart."""
    records = [
        choice("m-kim", "a"),
        choice("m-lee", "b"),
        choice("m-x", answer="ignore"),
        choice("m-y", "a", answer="reject"),
        choice("m-z"),
    ]
    found = ingest.read(json_lines("x.jsonl", records))

    assert (found.report.format, triples(found.labels)) == ("prodigy", [("-101", "m-kim", "a"), ("-101", "m-lee", "b")])
    assert found.report.dropped == {"skipped": 1, "rejected": 1, "no choice": 1}
    assert np.datetime64("2026-03-02T09:14:05") == found.labels.timestamp[0]
    assert found.content.loc["-101", "text"] == "hello"


def test_prodigy_binary_and_unnamed_runs() -> None:
    """Accept and reject of one label are its two classes; a start time is no person, and the report says so."""
    run = "2026-03-02_09-14-05"
    records = [
        {"text": "x", "label": "SPAM", "answer": answer, "_input_hash": 1, "_session_id": who}
        for who, answer in ((run, "accept"), ("kim", "reject"), ("lee", "ignore"))
    ]
    found = ingest.read(json_lines("x.jsonl", records))

    assert [("1", run, "SPAM"), ("1", "kim", "not SPAM")] == triples(found.labels)
    assert any("start time" in sentence for sentence in found.report.assumptions)


@pytest.mark.parametrize(
    ("records", "says"),
    [
        ([choice("m", "a", "b")], "2 choices.*question='accept=a'"),
        ([{"text": "x", "spans": [{"start": 0}], "_input_hash": 1, "_session_id": "k", "answer": "accept"}], "no choice and no label"),
        ([{"label": label, "answer": "accept", "_input_hash": 1, "_session_id": "k"} for label in "ab"], "2 questions: 'a', 'b'"),
    ],
)
def test_prodigy_refusals(records: list[dict[str, object]], says: str) -> None:
    """Several choices, spans, and several labels are asked about."""
    with pytest.raises(ingest.IngestError, match=says):
        ingest.read(json_lines("x.jsonl", records))


ARGILLA = [
    {
        **{"id": "r14", "status": "completed", "text": "hello", "mood.suggestion": "sad", "mood.suggestion.score": 0.8},
        **{"mood.responses": ["angry", "calm", None], "mood.responses.users": ["u-1", "u-2", "u-3"]},
        **{"mood.responses.status": ["submitted", "draft", "discarded"]},
    },
    {"id": "r15", "text": "bye", "mood.responses": None, "mood.responses.users": None, "mood.responses.status": None},
]
ARGILLA_1 = [{"id": "r14", "text": "hello", "mood": [{"user_id": "u-1", "value": "angry", "status": "submitted"}]}]


@pytest.mark.parametrize(
    "file",
    [json_file("x.json", ARGILLA), json_lines("x.jsonl", ARGILLA), parquet("x.parquet", pd.DataFrame(ARGILLA))],
    ids=["json", "jsonl", "parquet"],
)
def test_argilla_responses(file: io.BytesIO) -> None:
    """Only submitted responses are labels; drafts and discarded ones are counted, suggestions are nothing."""
    found = ingest.read(file)

    assert (found.report.format, triples(found.labels)) == ("argilla", [("r14", "u-1", "angry")])
    assert found.report.dropped == {"draft": 1, "skipped": 1}
    assert list(found.content.columns) == ["text"]


def test_argilla_first_version_and_refusals() -> None:
    """Lists of objects work too; lists of unequal length are refused naming the record."""
    assert triples(ingest.read_labels(json_file("x.json", ARGILLA_1))) == [("r14", "u-1", "angry")]
    with pytest.raises(ingest.IngestError, match=r"record r14 has 3 responses, 1 users"):
        ingest.read(json_file("x.json", [{**ARGILLA[0], "mood.responses.users": ["u-1"]}]))


def test_crowd_kit_and_cleanlab_tables() -> None:
    """The three columns of each are recognised as theirs, and a second file of two columns is gold."""
    crowd_kit = ingest.read([upload("a.csv", "task,worker,label\nt,w1,a\nt,w2,b\n"), upload("gold.csv", "task,label\nt,c\n")])
    cleanlab = ingest.read(upload("a.csv", "task,annotator,label\nt,w1,0\nt,w2,1\n"))

    assert (crowd_kit.report.format, cleanlab.report.format) == ("crowd_kit", "cleanlab")
    assert crowd_kit.gold.to_dict() == {"t": "c"}
    assert triples(cleanlab.labels) == [("t", "w1", "0"), ("t", "w2", "1")]


def labelbox(who: str | None, value: str, **performance: object) -> dict[str, object]:
    details = {"created_at": "2026-03-02T09:14:11Z", **({"created_by": who} if who else {})}
    answer = {"name": "Mood", "value": "mood", "radio_answer": {"name": value.title(), "value": value}}
    return {"label_details": details, "performance_details": performance, "annotations": {"objects": [], "classifications": [answer]}}


def labelbox_line(*labels: object) -> dict[str, object]:
    row = {"id": "d14", "global_key": "g14", "row_data": "https://x.example/a.png?signature=1"}
    return {"data_row": row, "projects": {"p1": {"labels": list(labels)}}}


def test_labelbox_answers() -> None:
    """Radio answers are labels, benchmark references gold, signed addresses are not kept."""
    labels = [
        labelbox("p@x.org", "angry", seconds_to_create=6),
        labelbox("q@x.org", "calm"),
        labelbox("r@x.org", "sad", benchmark_reference_label=True),
    ]
    found = ingest.read(json_lines("x.ndjson", [labelbox_line(*labels)]))

    assert (found.report.format, triples(found.labels)) == ("labelbox", [("g14", "p@x.org", "angry"), ("g14", "q@x.org", "calm")])
    assert found.gold.to_dict() == {"g14": "sad"}
    assert found.labels.seconds[0] == 6.0
    assert found.content is None


def test_labelbox_refusals() -> None:
    """Exports without labellers, and those with boxes only, say how to export."""
    with pytest.raises(ingest.IngestError, match=r"'label details' switched on"):
        ingest.read(json_lines("x.ndjson", [labelbox_line(labelbox(None, "a")), labelbox_line(labelbox(None, "b"))]))
    boxes = {"label_details": {"created_by": "p"}, "annotations": {"objects": [{"name": "car"}], "classifications": []}}
    with pytest.raises(ingest.IngestError, match=r"objects such as boxes"):
        ingest.read(json_lines("x.ndjson", [labelbox_line(boxes)]))


def response(**answers: object) -> str:
    entries = [
        {
            "workerId": who,
            "submissionTime": "2026-03-02T09:14:11Z",
            "timeSpentInSeconds": 6.2,
            "workerMetadata": {"sub": "x"},
            "answerContent": content,
        }
        for who, content in answers.items()
    ]
    return json.dumps({"answers": entries})


def test_ground_truth_folder(tmp_path) -> None:
    """One file an object, named by its folder; the manifest beside it is no label."""
    for name, content in {
        "0": response(a={"mood": {"label": "angry"}}, b={"mood": {"label": "calm"}}),
        "1": response(a={"mood": {"label": "sad"}}),
    }.items():
        folder = tmp_path / "worker-response" / "iteration-1" / name
        folder.mkdir(parents=True)
        (folder / "2026-03-02.json").write_text(content)
    manifest = {"source": "x", "m": 0, "m-metadata": {"job-name": "labeling-job/m", "class-name": "angry"}}
    (tmp_path / "output.manifest").write_text(lines(manifest, manifest))
    found = ingest.read(tmp_path)

    assert found.report.format == "ground_truth"
    assert triples(found.labels) == [("0", "a", "angry"), ("0", "b", "calm"), ("1", "a", "sad")]
    assert list(found.labels.seconds) == [6.2] * 3
    assert found.report.removed == ("workerMetadata",)


def test_ground_truth_custom_jobs_and_questions() -> None:
    """Contents that are JSON text, options ticked by yes and no, and several paths."""
    content = {"mood": {"angry": True, "calm": False}, "topic": {"label": "rent"}}
    objects = [
        {
            "datasetObjectId": "7",
            "dataObject": {"content": "hello"},
            "annotationsFromAllWorkers": [{"workerId": "a", "annotationData": {"content": json.dumps(content)}}],
        }
    ]
    file = json_file("x.json", objects)

    assert ingest.propose(file).questions == ("mood", "topic.label")
    assert triples(ingest.read(file, question="mood").labels) == [("7", "a", "angry")]
    assert ingest.read(file, question="topic.label").content.loc["7", "content"] == "hello"


def test_ground_truth_manifest_alone_is_refused() -> None:
    """A manifest holds merged labels only; the message names the folder to add."""
    manifest = {"source": "x", "m": 0, "m-metadata": {"job-name": "labeling-job/m", "class-name": "angry"}}
    with pytest.raises(ingest.IngestError, match=r"merged label only. Add the folder annotations/worker-response"):
        ingest.read(json_lines("output.manifest", [manifest, manifest]))
