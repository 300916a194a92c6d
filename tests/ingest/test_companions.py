"""What stands beside the labels: gold, predicted probabilities, content, times."""

from __future__ import annotations

import io
import pickle

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from multiannotator_core import CrowdLabels, ingest
from tests.ingest.made import json_lines, npy, parquet, upload, zipped

LABELS = ingest.read_labels(upload("l.csv", "task,worker,label\n1,a,x\n2,a,y\n10,a,z\n1,b,y\n"))
PROBS = pd.DataFrame([[0.7, 0.2, 0.1], [0.1, 0.8, 0.1], [0.25, 0.25, 0.5]], index=["1", "2", "10"], columns=["x", "y", "z"])


def shuffled() -> pd.DataFrame:
    return PROBS.loc[["10", "1", "2"], ["z", "x", "y"]].rename_axis("task").reset_index()


@pytest.mark.parametrize(
    "file",
    [
        upload("p.csv", shuffled().to_csv(index=False)),
        upload("p.tsv", shuffled().rename(columns={"task": "whatever"}).to_csv(index=False, sep="\t")),
        upload("p.csv", shuffled()[["z", "task", "x", "y"]].to_csv(index=False)),
        parquet("p.parquet", shuffled().astype({"task": int})),
    ],
    ids=["csv", "tsv", "alias in the middle", "parquet with numbers as names"],
)
def test_pred_probs_are_aligned_by_name(file: io.BytesIO) -> None:
    """Rows and columns find their examples and classes by name, in any order."""
    frame, pairs = ingest.read_pred_probs(file, LABELS)

    assert pairs == []
    pd.testing.assert_frame_equal(PROBS, frame, check_names=False, check_index_type=False, check_column_type=False)
    assert np.float64 == frame.to_numpy().dtype


def test_pred_probs_by_position_give_three_pairs_to_confirm() -> None:
    """An NPY, or a table without names, is matched by position; first, middle and last row are shown."""
    expected = [("1", "x", 0.7), ("2", "y", 0.8), ("10", "z", 0.5)]

    assert expected == ingest.read_pred_probs(npy("p.npy", PROBS.to_numpy()), LABELS)[1]
    assert expected == ingest.read_pred_probs(upload("p.csv", PROBS[["z", "x", "y"]].to_csv(index=False)), LABELS)[1]


def broken(change: str) -> io.BytesIO:
    frame = shuffled()
    if change == "rows":
        frame = frame.iloc[:2]
    elif change == "stranger":
        frame.loc[0, "task"] = "99"
    elif change == "columns":
        frame = frame.drop(columns="z")
    elif change == "extra":
        frame["q"] = 0.0
    elif change == "sum":
        frame.loc[1, "x"] = 0.9
    elif change == "nan":
        frame.loc[1, "x"] = np.nan
    elif change == "text":
        frame = frame.astype(object)
        frame.loc[1, "x"] = "high"
    elif change == "negative":
        frame.loc[0, ["z", "x"]] = [-0.25, 1.0]
    elif change == "twice":
        frame.loc[1, "task"] = "10"
    return upload("p.csv", frame.to_csv(index=False))


@pytest.mark.parametrize(
    ("file", "says"),
    [
        (broken("rows"), "no example '2'"),
        (broken("stranger"), "no example '10'"),
        (broken("columns"), "no class 'z'"),
        (broken("extra"), "class 'q' that the labels do not have"),
        (broken("sum"), "sum to 1.2, not 1"),
        (broken("nan"), "'' is not a number"),
        (broken("text"), "'high' is not a number"),
        (broken("negative"), "is negative"),
        (broken("twice"), "example '10' twice"),
        (upload("p.csv", "task,x,y,z\n"), "no rows"),
        (upload("p.csv", "x,y,z\n1,0,0\n"), "1 rows and no column that names the examples"),
        (upload("p.csv", b""), "is empty"),
        (upload("p.txt", "hello\nworld\n"), "need a column"),
        (npy("p.npy", PROBS.to_numpy()[:2]), r"shape \(2, 3\)"),
        (npy("p.npy", np.array([["a"]])), "holds text"),
        (npy("p.npy", np.array([{}], dtype=object), allow_pickle=True), "Python objects"),
        (upload("p.pkl", pickle.dumps(PROBS)), "pickle"),
        (upload("p.npy", b"\x93NUMPY\x01\x00v\x00{broken"), "header is damaged"),
        (npy("p.npy", PROBS.to_numpy() * np.nan), "not a number"),
    ],
)
def test_wrong_pred_probs_give_one_clear_sentence(file: io.BytesIO, says: str) -> None:
    """Each way to be wrong is one sentence that names the file, the place and the mend."""
    with pytest.raises(ingest.IngestError, match=says) as error:
        ingest.read_pred_probs(file, LABELS)

    assert file.name in str(error.value)


def test_gold_is_found_by_alias_and_empty_rows_are_left_out() -> None:
    """Gold comes from CSV, JSON lines and Parquet alike, indexed by example name."""
    frame = pd.DataFrame({"Task": ["10", "1", "2"], "Truth": ["z", "x", None]})
    files = [upload("g.csv", frame.to_csv(index=False)), parquet("g.parquet", frame), json_lines("g.jsonl", frame.to_dict("records"))]

    for file in files:
        assert ingest.read_gold(file, LABELS).to_dict() == {"1": "x", "10": "z"}
    assert ingest.read_gold(upload("g.csv", "task,label\n1,x\n")).to_dict() == {"1": "x"}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("task,truth\n1,x\n1,y\n", "example '1' has two golds, x, y"),
        ("task,colour\n1,x\n", "column for the example"),
        ("task,truth\n1,\n", "names no class"),
        ("task,truth\n77,x\n", "no example of the gold is among the labels"),
        ("task,truth,Truth\n1,x,y\n", "two columns, truth, Truth"),
    ],
)
def test_wrong_gold_is_refused(text: str, says: str) -> None:
    """Two golds, no gold column, no gold and unknown examples are refused by name."""
    with pytest.raises(ingest.IngestError, match=says):
        ingest.read_gold(upload("g.csv", text), LABELS)


def test_gold_may_name_classes_that_nobody_gave() -> None:
    """The class list grows in natural order, and the labels stay what they were."""
    extended = ingest.with_gold_classes(LABELS, pd.Series({"1": "w", "2": "x", "10": "y"}))

    assert list(extended.classes) == ["w", "x", "y", "z"]
    pd.testing.assert_frame_equal(LABELS.to_long(), extended.to_long())
    assert LABELS is ingest.with_gold_classes(LABELS, pd.Series({"1": "x"}))
    numbers = CrowdLabels.from_long(pd.DataFrame({"task": [1], "worker": [1], "label": [2]}))
    assert list(ingest.with_gold_classes(numbers, pd.Series({"1": "2"})).classes) == [2]


def image(colour: int = 0, kind: str = "PNG") -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (4, 3), (colour, 0, 0)).save(file, kind)
    return file.getvalue()


def test_images_find_their_examples() -> None:
    """By their stem, or by what follows the last "-" of it, in any folder and of any kind; strangers are counted."""
    entries = {"train/cat-1.png": image(1), "val/2.jpg": image(2, "JPEG"), "test/dog-10.webp": image(3, "WEBP"), "77.gif": image(4, "GIF")}
    content = ingest.read_content(zipped("i.zip", entries), LABELS)

    assert list(content.index) == ["1", "2", "10"]
    assert [image(1), image(2, "JPEG"), image(3, "WEBP")] == list(content["image"])


def test_images_and_texts_together(tmp_path) -> None:
    """A folder with a table and images gives one row an example; what is unknown stays missing."""
    (tmp_path / "1.bmp").write_bytes(image(1, "BMP"))
    (tmp_path / "texts.csv").write_text("id,text,email\n2,hello,a@b.c\n1,hi,a@b.c\n55,no,a@b.c\n")
    content = ingest.read_content(tmp_path, LABELS)

    assert list(content.index) == ["1", "2"]
    assert list(content["text"]) == ["hi", "hello"]
    assert {"image", "text"} == set(content.columns)


@pytest.mark.parametrize(
    ("entries", "says"),
    [
        ({"1.png": image()[:40]}, "1.png: the image is damaged"),
        ({"1.png": image(), "a-1.png": image()}, "two images of example '1'"),
        ({"99.png": image()}, "belongs to an example"),
    ],
)
def test_wrong_images_are_refused(entries: dict[str, bytes], says: str) -> None:
    """Damaged, doubled and unknown images are named."""
    with pytest.raises(ingest.IngestError, match=says):
        ingest.read_content(zipped("i.zip", entries), LABELS)


def test_an_image_with_too_many_pixels_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """The limit on pixels is checked before the image is decoded, and told."""
    monkeypatch.setattr(ingest.content.limits, "MAX_PIXELS", 11)
    with pytest.raises(ingest.IngestError, match=r"12 pixels; the limit is 11; .*CROWDLENS_MAX_PIXELS"):
        ingest.read_content(upload("1.png", image()), LABELS)


def test_a_folder_gives_everything_at_once(tmp_path) -> None:
    """Labels, gold, content, probabilities and times in one folder are told apart by what they hold."""
    (tmp_path / "a.csv").write_text("task,worker,label\n1,a,x\n1,b,y\n2,a,y\n2,b,y\n")
    (tmp_path / "b.csv").write_text("task,truth\n1,x\n2,w\n")
    (tmp_path / "c.csv").write_text("task,text\n1,hello\n2,bye\n")
    (tmp_path / "d.csv").write_text("task,w,x,y\n2,.1,.2,.7\n1,.5,.25,.25\n")
    (tmp_path / "e.csv").write_text("task,worker,seconds\n1,a,3\n2,b,4\n")
    (tmp_path / "README.md").write_text("# About\n\nNothing here.\n")
    found = ingest.read(tmp_path)

    assert list(found.labels.classes) == ["w", "x", "y"]
    assert found.gold.to_dict() == {"1": "x", "2": "w"}
    assert list(found.content["text"]) == ["hello", "bye"]
    assert list(found.pred_probs.loc["1"]) == [0.5, 0.25, 0.25]
    assert list(found.labels.seconds[[0, 3]]) == [3.0, 4.0]
    assert "README.md" in found.report.ignored


def test_probabilities_that_do_not_sum_to_one_are_not_taken_for_content() -> None:
    """A table beside the labels whose columns are the classes is refused as what it is."""
    files = [upload("a.csv", "task,worker,label\n1,a,x\n1,b,y\n"), upload("p.csv", "task,x,y\n1,0.2,0.9\n")]
    with pytest.raises(ingest.IngestError, match=r"p.csv: pred_probs of example '1' sum to 1.1"):
        ingest.read(files)
