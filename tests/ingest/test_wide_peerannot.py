"""Wide tables, and the nested objects of peerannot."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from multiannotator_core import CrowdLabels, ingest
from tests.ingest.made import json_file, npy, parquet, triples, upload, zipped

WIDE = "example,ann_1,ann_2,ann_10\nz,0,,1\ny,1,1,\nx,,,\n"
EXPECTED = [("y", "ann_1", "1"), ("y", "ann_2", "1"), ("z", "ann_1", "0"), ("z", "ann_10", "1")]


def test_a_wide_csv_keeps_its_rows_in_order() -> None:
    """Rows are examples in the order of the file, also one without a label; annotators are in natural order."""
    labels = ingest.read_labels(upload("w.csv", WIDE))

    assert list(labels.examples) == ["z", "y", "x"]
    assert list(labels.annotators) == ["ann_1", "ann_2", "ann_10"]
    assert triples(labels) == EXPECTED


def test_wide_files_equal_the_wide_table() -> None:
    """CSV, Parquet and NPY of one random table give what from_wide gives for it."""
    rng = np.random.default_rng(3)
    cells = np.where(rng.random((30, 6)) < 0.5, rng.integers(0, 3, (30, 6)), np.nan)
    frame = pd.DataFrame(cells, columns=[f"a{j}" for j in range(6)])
    expected = [(str(i), str(a), str(c)) for i, a, c in CrowdLabels.from_wide(frame).to_long().itertuples(index=False)]
    numbered = [(i, a[1:], c) for i, a, c in expected]

    assert sorted(expected) == triples(ingest.read_labels(upload("w.csv", frame.to_csv())))
    assert sorted(expected) == triples(ingest.read_labels(upload("w.csv", frame.to_csv(index=False))))
    assert sorted(expected) == triples(ingest.read_labels(parquet("w.parquet", frame)))
    assert sorted(numbered) == triples(ingest.read_labels(npy("w.npy", cells)))


def test_wide_cells_may_be_words() -> None:
    """Class names in the cells work like numbers, and columns with another meaning stand aside."""
    text = "id,text,kim,lee,truth\n1,hello,cat,dog,cat\n2,bye,,dog,dog\n3,hm,cat,cat,\n"
    found = ingest.read(upload("w.csv", text))

    assert triples(found.labels) == [
        ("1", "kim", "cat"),
        ("1", "lee", "dog"),
        ("2", "lee", "dog"),
        ("3", "kim", "cat"),
        ("3", "lee", "cat"),
    ]
    assert found.gold.to_dict() == {"1": "cat", "2": "dog"}
    assert found.content.loc["2", "text"] == "bye"


def test_a_feature_table_is_not_taken_for_labels() -> None:
    """Columns of many different numbers are refused, and fractions in a table said to be wide are named."""
    rng = np.random.default_rng(0)
    text = pd.DataFrame(rng.random((40, 4)), columns=list("abcd")).to_csv()
    with pytest.raises(ingest.IngestError, match=r"mapping="):
        ingest.read(upload("f.csv", text))
    with pytest.raises(ingest.IngestError, match=r"example 'z', column 'ann_2' holds 0.5"):
        ingest.read(upload("f.csv", "example,ann_1,ann_2\nz,0,0.5\n"), format="wide")
    with pytest.raises(ingest.IngestError, match=r"holds -1"):
        ingest.read(npy("f.npy", np.array([[0, -1], [1, 0]])))
    with pytest.raises(ingest.IngestError, match=r"example 'z' has two rows"):
        ingest.read(upload("f.csv", "example,ann_1,ann_2\nz,0,1\nz,1,0\n"), format="wide")


ANSWERS = {"0": {"0": 1, "2": 0}, "1": {"1": 1}, "10": {"0": 1}, "2": {"2": 0}}
TRIPLES = [("0", "0", "1"), ("0", "2", "0"), ("1", "1", "1"), ("10", "0", "1"), ("2", "2", "0")]
INVERSED = {"0": {"0": 1, "10": 1}, "1": {"1": 1}, "2": {"0": 0, "2": 0}}
METADATA = {"name": "toy", "n_classes": 3, "n_workers": 3, "n_task": 4}


def test_peerannot_alone() -> None:
    """answers.json without metadata is read as {example: {annotator: label}}, examples in natural order."""
    labels = ingest.read_labels(json_file("answers.json", ANSWERS))

    assert triples(labels) == TRIPLES
    assert list(labels.examples) == ["0", "1", "2", "10"]


def test_peerannot_zip_with_metadata_and_names() -> None:
    """The metadata gives all classes, name lists give names."""
    entries = {"toy/answers.json": json.dumps(ANSWERS), "toy/metadata.json": json.dumps(METADATA), "toy/labelNames.txt": "cat\ndog\nfox\n"}
    labels = ingest.read_labels(zipped("toy.zip", entries))

    assert list(labels.classes) == ["cat", "dog", "fox"]
    assert triples(labels)[0] == ("0", "0", "dog")


def test_peerannot_folder_both_ways_round(tmp_path) -> None:
    """The counts of the metadata turn the object the right way, whatever the file is called."""
    for name, value in (("ANSWERS", ANSWERS), ("INVERSED", INVERSED)):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "x.json").write_text(json.dumps(value))
        (folder / "metadata.json").write_text(json.dumps(METADATA))

        assert triples(ingest.read_labels(folder)) == TRIPLES


def test_peerannot_asks_which_way_round() -> None:
    """Without metadata or a telling name, fewer outer than inner keys are asked about; mapping= answers."""
    with pytest.raises(ingest.IngestError, match=r"mapping={'example': 'outer'}"):
        ingest.read(json_file("x.json", INVERSED))

    assert triples(ingest.read(json_file("x.json", INVERSED), mapping={"example": "inner"}).labels) == TRIPLES
    assert triples(ingest.read(json_file("answers_inversed.json", INVERSED)).labels) == TRIPLES


def test_peerannot_label_outside_the_classes_is_refused() -> None:
    """A label beyond n_classes names its entry and value."""
    files = [json_file("answers.json", {"5": {"0": 7}}), json_file("metadata.json", {"n_classes": 3})]
    with pytest.raises(ingest.IngestError, match=r"entry '5' holds label '7'.*n_classes = 3"):
        ingest.read(files)
