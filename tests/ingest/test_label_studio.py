"""Label Studio: JSON, JSON-MIN and CSV."""

from __future__ import annotations

import json

import numpy as np
import pytest

from multiannotator_core import ingest
from tests.ingest.made import json_file, triples, upload


def annotation(who, *choices, control="mood", kind="choices", **more):
    result = [{"from_name": control, "to_name": "txt", "type": kind, "value": {kind: list(choices)}}] if choices else []
    return {"completed_by": who, "was_cancelled": False, "ground_truth": False, "result": result, **more}


TASKS = [
    {
        "id": 14,
        "data": {"text": "The parcel never came", "city": "Rome"},
        "annotations": [
            annotation(3, "angry", lead_time=6.2, created_at="2026-03-02T09:14:05Z", updated_at="2026-03-02T09:14:11Z"),
            annotation({"id": 5, "email": "p@example.org", "first_name": "P"}, "calm"),
            annotation(6, was_cancelled=True),
            annotation(1, "furious", ground_truth=True),
        ],
        "predictions": [{"model_version": "m", "score": 0.9, "result": []}],
    },
    {"id": 15, "data": {"text": "Thanks"}, "annotations": [annotation(3, "calm"), annotation(5)]},
]


def test_json_export() -> None:
    """Annotations are labels; ground truth is gold, cancelled ones are skips, predictions are neither."""
    found = ingest.read(json_file("x.json", TASKS))

    assert (found.report.format, triples(found.labels)) == (
        "label_studio",
        [("14", "3", "angry"), ("14", "5", "calm"), ("15", "3", "calm")],
    )
    assert found.gold.to_dict() == {"14": "furious"}
    assert "furious" in found.labels.classes
    assert found.report.dropped == {"skipped": 1, "ground truth, read as gold": 1, "no label": 1}
    assert np.datetime64("2026-03-02T09:14:11") == found.labels.timestamp[0]
    assert found.labels.seconds[0] == 6.2
    assert found.content.to_dict() == {"text": {"14": "The parcel never came", "15": "Thanks"}}
    assert {"city", "completed_by: names"} == set(found.report.removed)
    assert any("predictions" in sentence for sentence in found.report.assumptions)


def test_old_exports_say_completions() -> None:
    """The old word for annotations is known."""
    tasks = [{"id": 1, "data": {}, "completions": [annotation(3, "a"), annotation(4, "b")]}]

    assert triples(ingest.read_labels(json_file("x.json", tasks))) == [("1", "3", "a"), ("1", "4", "b")]


def test_a_rating_is_a_class() -> None:
    """Ratings are read as numbers that are names."""
    rated = {"from_name": "stars", "type": "rating", "value": {"rating": 4}}
    tasks = [{"id": 1, "data": {}, "annotations": [{"completed_by": 3, "result": [rated]}]}]

    assert triples(ingest.read_labels(json_file("x.json", tasks))) == [("1", "3", "4")]


def test_several_controls_are_asked() -> None:
    """Two controls in one export: question= says which; propose lists them."""
    both = annotation(3, "angry")
    both["result"] += annotation(3, "rent", control="topic")["result"]
    file = json_file("x.json", [{"id": 1, "data": {}, "annotations": [both]}])

    with pytest.raises(ingest.IngestError, match=r"2 questions: 'mood', 'topic'.*question="):
        ingest.read(file)
    assert (ingest.propose(file).questions, ingest.propose(file).asks) == (("mood", "topic"), ("question",))
    assert triples(ingest.read(file, question="topic").labels) == [("1", "3", "rent")]
    with pytest.raises(ingest.IngestError, match=r"no question 'colour'"):
        ingest.read(file, question="colour")


def test_several_choices_become_a_yes_no_question_when_asked() -> None:
    """Two choices in one annotation are refused with the example, and read as yes or no with question=."""
    file = json_file("x.json", [{"id": 14, "data": {}, "annotations": [annotation(3, "angry", "sad"), annotation(4, "calm")]}])

    with pytest.raises(ingest.IngestError, match=r"Example 14 has 2 choices.*question='mood=angry'"):
        ingest.read(file)
    assert triples(ingest.read(file, question="mood=angry").labels) == [("14", "3", "yes"), ("14", "4", "no")]


def test_boxes_are_refused() -> None:
    """An export without a classification control says what it holds."""
    with pytest.raises(ingest.IngestError, match=r"rectanglelabels.*classification control"):
        ingest.read(json_file("x.json", [{"id": 1, "data": {}, "annotations": [annotation(3, "a", kind="rectanglelabels")]}]))


MIN = [
    {"text": "t", "id": 14, "mood": "angry", "annotator": 3, "annotation_id": 71, "lead_time": 6.2, "created_at": "2026-03-02T09:14:05Z"},
    {"text": "t", "id": 14, "mood": "calm", "annotator": 4, "annotation_id": 72, "lead_time": 7, "created_at": "2026-03-02T09:15:05Z"},
]


def test_json_min_export() -> None:
    """The control is the column that differs between annotators; times come along."""
    found = ingest.read(json_file("x.json", MIN))

    assert found.report.format == "label_studio_table"
    assert triples(found.labels) == [("14", "3", "angry"), ("14", "4", "calm")]
    assert list(found.labels.seconds) == [6.2, 7.0]
    assert found.content.loc["14", "text"] == "t"


def test_json_min_without_annotators_is_refused() -> None:
    """Nobody knows who labelled: the JSON export is recommended."""
    records = [{key: value for key, value in record.items() if key != "annotator"} for record in MIN]
    with pytest.raises(ingest.IngestError, match=r"does not say who labelled what.*Export as JSON"):
        ingest.read(json_file("x.json", records))


def csv(*moods: str, cancelled: str = "False") -> str:
    head = "annotation_id,annotator,created_at,id,lead_time,mood,text,updated_at,was_cancelled\n"
    quoted = ['"' + mood.replace('"', '""') + '"' for mood in moods]
    return head + "".join(f"{i},{i},2026-03-02T09:14:05Z,14,6.2,{m},hello,2026-03-02T09:14:11Z,{cancelled}\n" for i, m in enumerate(quoted))


def test_csv_export() -> None:
    """Plain cells, JSON lists of one and cancelled rows."""
    found = ingest.read(upload("x.csv", csv("angry", '["calm"]', json.dumps({"choices": ["sad"]}))))

    assert triples(found.labels) == [("14", "0", "angry"), ("14", "1", "calm"), ("14", "2", "sad")]
    with pytest.raises(ingest.IngestError, match=r"holds no label \(2 rows: skipped\)"):
        ingest.read(upload("x.csv", csv("a", "b", cancelled="True")))
    with pytest.raises(ingest.IngestError, match=r"2 choices"):
        ingest.read(upload("x.csv", csv("angry", '["calm","sad"]')))
    with pytest.raises(ingest.IngestError, match=r"no single class but boxes"):
        ingest.read(upload("x.csv", csv("angry", '[{"x":1,"rectanglelabels":["a"]}]')))
