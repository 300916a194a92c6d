"""Task lists: what there is to buy, in the import formats of the labelling tools, and nothing that leads those who are asked."""

import csv
import io
import json

import pandas as pd
import pytest

import multiannotator_core as mc
from multiannotator_core import ingest
from multiannotator_core.export import TASK_LISTS, ToAsk
from multiannotator_core.relabel import plan
from multiannotator_core.samples import load_sample

NASTY = '=cmd|"x"\n, é'


def two_examples(content=None):
    """Three labels to buy of two examples, the more useful example first."""
    frame = pd.DataFrame({"task": ["b", "b", "a", 7], "worker": ["w", "v", "v", "w"], "label": ["yes", "no", "yes", "no"]})
    table = pd.DataFrame(
        {
            "example": ["b", "a", "b"],
            "annotator": ["zoe", "w", NASTY],
            "consensus": ["yes", "no", "yes"],
            "chance": [0.5, 0.75, 0.5],
            "expected_gain": [0.25, 0.125, 0.0625],
        }
    )
    return ToAsk(table, mc.CrowdLabels.from_long(frame), content)


def written(kind, out):
    """What a format holds, parsed."""
    text = TASK_LISTS[kind].write(out).decode()
    if kind == "csv":
        return list(csv.DictReader(io.StringIO(text)))
    return json.loads(text) if TASK_LISTS[kind].ending == "json" else [json.loads(line) for line in text.splitlines()]


def test_the_spreadsheet_has_one_row_a_label():
    """Example, whom to ask, how many, the present consensus and the expected gain of all labels of the example; texts are guarded."""
    rows = written("csv", two_examples())

    assert [(row["example"], row["annotator"]) for row in rows] == [("b", "zoe"), ("a", "w"), ("b", "'" + NASTY)]
    assert [row["how_many"] for row in rows] == ["2", "1", "2"]
    assert [row["consensus"] for row in rows] == ["yes", "no", "yes"]
    assert [float(row["expected_gain"]) for row in rows] == [0.3125, 0.125, 0.3125]


def test_label_studio_gets_tasks():
    """One task an example with data, whom to ask, and the consensus as a prediction of the control `label`."""
    first, second = written("label_studio", two_examples())

    assert first["data"] == {"text": "b", "crowdlens_id": "b"}
    assert (first["meta"]["ask"], first["meta"]["how_many"]) == (f"zoe, {NASTY}", 2)
    assert first["predictions"][0]["result"][0] == {
        "from_name": "label",
        "to_name": "text",
        "type": "choices",
        "value": {"choices": ["yes"]},
    }
    assert second["predictions"][0]["score"] == 0.75
    assert "annotations" not in first


def test_prodigy_gets_one_record_a_person():
    """Records of one example share the input and differ as tasks, so that Prodigy keeps them all; all classes can be chosen."""
    records = written("prodigy", two_examples())

    assert [record["meta"]["ask"] for record in records] == ["zoe", NASTY, "w"]
    assert len({record["_task_hash"] for record in records}) == 3
    assert len({record["_input_hash"] for record in records}) == 2
    assert [option["id"] for option in records[0]["options"]] == ["no", "yes"]


@pytest.mark.parametrize("kind", ["doccano", "prodigy", "argilla"])
def test_nobody_is_led(kind):
    """Tools that show meta data beside the task do not get the consensus, nor a label."""
    for record in written(kind, two_examples()):
        assert not {"consensus", "chance", "accept", "answer"} & {*record, *record.get("meta", {})}
        assert not record.get("label")


@pytest.mark.parametrize("kind", TASK_LISTS)
def test_texts_travel_and_pictures_do_not(kind):
    """What an example shows is written where there is text; an example without content shows its name; bytes are left out."""
    content = pd.DataFrame({"text": ["hello", None], "image": [b"x", b"y"]}, index=["b", "a"])
    found = written(kind, two_examples(content))
    shown = {row.get("example") or row.get("crowdlens_id") or row.get("id") or row["meta"]["crowdlens_id"]: row for row in
             ({**record, **record.get("data", {})} for record in found)}  # fmt: skip

    assert shown["b"]["text"] == "hello"
    assert shown["a"]["text"] in ("a", "")
    assert not [row for row in shown.values() if "image" in row]


@pytest.mark.parametrize("kind", TASK_LISTS)
def test_an_empty_plan_is_an_empty_file_of_its_kind(kind):
    """Nothing to buy is a list without tasks, not an error."""
    out = two_examples()

    assert written(kind, ToAsk(out.table[:0], out.labels)) == []


def test_the_plan_of_the_sample_can_be_handed_out():
    """Every label of a plan is on the list, and gains add up to no more than the examples."""
    sample = load_sample("tutorial")
    result = mc.aggregate(sample.labels, "dawid_skene")
    found = plan(sample.labels, result, 40).table
    tasks = written("label_studio", ToAsk(found, sample.labels, sample.content))

    assert sum(task["meta"]["how_many"] for task in tasks) == len(found)
    assert [task["data"]["crowdlens_id"] for task in tasks] == list(dict.fromkeys(found["example"].astype(str)))
    assert 0 < found["expected_gain"].sum() < len(found)


def test_labels_that_come_back_find_their_example():
    """A labelled Prodigy record of the list is read as a label of the example that it came from."""
    record = {**written("prodigy", two_examples())[0], "accept": ["no"], "answer": "accept", "_annotator_id": "zoe", "_timestamp": 1.7e9}
    other = {**record, "accept": ["yes"], "_annotator_id": "w"}
    file = io.BytesIO("\n".join(map(json.dumps, (record, other))).encode())
    file.name = "back.jsonl"

    labels = ingest.read(file).labels

    assert labels.examples.tolist() == ["b"]
    assert labels.annotators.tolist() == ["w", "zoe"]
