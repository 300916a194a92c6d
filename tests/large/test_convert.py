"""Files of any size become the folder that `from_long` of all their rows would become, in bounded memory."""

import itertools
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import multiannotator_core as mc
from multiannotator_core.cli import cli
from multiannotator_core.large import convert

ROOT = Path(__file__).parents[2]

# Words that CSV, natural order and Parquet may stumble over; an empty cell is a missing value.
ODD = [
    "a",
    "A",
    "a1",
    "a02",
    "a2",
    "a10",
    "7",
    "007",
    "1e5",
    " x",
    "é ß",
    'q"uote',
    "new\nline",
    "com,ma",
    "半",
    "NA",
    "null",
    "-",
    "10b2",
    "t" * 40,
]
TEXTS = st.sampled_from(ODD) | st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=6)
WHOLE = st.integers(-5, 12) | st.sampled_from([10**12, -(10**15)])


def tables(names):
    """Rows of three columns, in one to three files."""
    rows = st.lists(st.tuples(names, names, st.sampled_from(["x", "y10", "y9"])), min_size=1, max_size=60)
    return st.tuples(rows, st.integers(1, 3), st.sampled_from([1, 2, 7]))


def split(frame, n):
    """The rows in n tables, some perhaps empty."""
    bounds = np.linspace(0, len(frame), n + 1).astype(int)
    return [frame.iloc[a:b] for a, b in itertools.pairwise(bounds)]


def converted(frame, n, parts, ending, folder, **options):
    """The folder made of n files, cut into about so many parts."""
    for i, some in enumerate(split(frame, n)):
        file = folder / f"part{i}{ending}"
        some.to_parquet(file) if ending == ".parquet" else some.to_csv(file, index=False)
    memory = convert.OF_A_ROW * max(1, len(frame) // parts)
    files = [folder / f"part{i}{ending}" for i in range(n)]
    return mc.convert_labels(files, folder / "labels", memory=memory, **options)


@settings(max_examples=25, deadline=None)
@given(tables(TEXTS))
def test_text_names(tmp_path_factory, table):
    """Odd names in CSV and Parquet, in several files and parts, give the fingerprint of from_long."""
    rows, n, parts = table
    frame = pd.DataFrame(rows, columns=["task", "worker", "label"])
    expected = mc.CrowdLabels.from_long(frame).fingerprint
    for ending in (".parquet", ".csv"):
        folder = converted(frame, n, parts, ending, tmp_path_factory.mktemp("t"))

        assert folder.fingerprint == expected == folder.to_labels().fingerprint


@settings(max_examples=15, deadline=None)
@given(tables(WHOLE), st.sampled_from(["collapse", "first", "last", "drop"]))
def test_whole_numbers_and_repeated_labels(tmp_path_factory, table, duplicates):
    """Whole numbers stay numbers, and repeated labels are treated as from_long treats them."""
    rows, n, parts = table
    frame = pd.DataFrame(rows, columns=["task", "worker", "label"])
    folder = converted(frame, n, parts, ".parquet", tmp_path_factory.mktemp("t"), duplicates=duplicates)

    assert folder.fingerprint == mc.CrowdLabels.from_long(frame, duplicates=duplicates).fingerprint


def test_many_parts_and_batches(tmp_path, monkeypatch):
    """Thirty parts of a larger table in small batches, with its own column names and classes, in natural order."""
    monkeypatch.setattr("multiannotator_core.large.tables.ROWS_AT_A_TIME", 700)
    monkeypatch.setattr(convert, "SAMPLE", 500)
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"item": rng.integers(0, 900, 5000), "who": rng.integers(0, 40, 5000), "said": rng.integers(0, 4, 5000)})
    frame = frame.assign(
        item="img " + frame["item"].astype(str) + ".png", who="w" + frame["who"].astype(str), said=frame["said"].astype(str)
    )
    named = {"example": "item", "annotator": "who", "label": "said", "classes": ["3", "2", "1", "0", "never"]}
    seen = []
    folder = converted(frame, 2, 30, ".parquet", tmp_path, on_rows=seen.append, **named)

    assert folder.fingerprint == mc.CrowdLabels.from_long(frame, **named).fingerprint
    assert seen == sorted(seen)
    assert seen[-1] == 10_000
    assert not list(folder.path.glob("part-*"))


def test_other_kinds_of_columns(tmp_path):
    """Categories, whole floats, a folder of tables, tabs and compression are read as what they mean."""
    frame = pd.DataFrame({"task": [1.0, 2.0, 10.0, 2.0], "worker": pd.Categorical(["b", "a", "b", "b"]), "label": ["x", "y", "x", "x"]})
    (tmp_path / "in" / "deeper").mkdir(parents=True)
    frame.iloc[:2].to_parquet(tmp_path / "in" / "1.parquet")
    frame.iloc[2:].to_parquet(tmp_path / "in" / "deeper" / "2.parquet")
    frame.astype({"task": int}).to_csv(tmp_path / "t.tsv.gz", sep="\t", index=False)
    expected = mc.CrowdLabels.from_long(frame)

    assert mc.convert_labels(tmp_path / "in", tmp_path / "a").fingerprint == expected.fingerprint
    assert mc.convert_labels(tmp_path / "t.tsv.gz", tmp_path / "b").examples.tolist() == ["1", "2", "10"]


def test_wrong_files(tmp_path):
    """Each thing that is wrong is one sentence with the file, the column, the row and the mend, and leaves nothing behind."""
    good = pd.DataFrame({"task": ["a", "b"], "worker": ["w", "v"], "label": ["x", "y"]})
    for name, frame in {
        "good": good,
        "missing": good.assign(worker=["w", None]),
        "numbers": good.assign(task=[1, 2]),
        "halves": good.assign(label=[0.5, 1.0]),
        "unnamed": good.rename(columns={"worker": "who is it"}),
        "empty": good.iloc[:0],
    }.items():
        frame.to_parquet(tmp_path / f"{name}.parquet")
    good.assign(worker=["w", None]).to_csv(tmp_path / "gap.csv", index=False)
    (tmp_path / "short.csv").write_text("task,worker,label\na,b,c\nd,e\n", "utf-8")
    (tmp_path / "broken.parquet").write_bytes(b"nothing")
    (tmp_path / "note.txt").write_text("hello", "utf-8")
    (tmp_path / "nothing").mkdir()
    for say, files, options in (
        (r"missing.parquet: Column 'worker', row 2: the value is missing. Fill it in", ["missing.parquet"], {}),
        (r"gap.csv: Column 'worker', row 2: the value is missing", ["gap.csv"], {}),
        (r"numbers.parquet: the examples are whole numbers here and text in the rows before", ["good.parquet", "numbers.parquet"], {}),
        (r"halves.parquet: Column 'label' holds double that are no whole numbers", ["halves.parquet"], {}),
        (r"unnamed.parquet: There is no column 'worker'.*annotator='…'", ["unnamed.parquet"], {}),
        (r"There is no column 'which'; the table has task, worker, label", ["good.parquet"], {"label": "which"}),
        (r"row 2: 'y' is not one of the classes x. Add it to classes=", ["good.parquet"], {"classes": ["x"]}),
        (r"classes= names 'x' twice", ["good.parquet"], {"classes": ["x", "y", "x"]}),
        (r"classes= names 1, 2, but the labels in the files are text", ["good.parquet"], {"classes": [1, 2]}),
        (r"there are no rows, so there are no labels", ["empty.parquet"], {}),
        (r"short.csv cannot be read as CSV", ["short.csv"], {}),
        (r"broken.parquet cannot be read as Parquet", ["broken.parquet"], {}),
        (r"note.txt is no table that can be read in parts", ["note.txt"], {}),
        (r"nothing holds no tables", ["nothing"], {}),
        (r"There is no file", ["nowhere.csv"], {}),
        (r"There are no files", [], {}),
        (r"duplicates='sometimes' is not known", ["good.parquet"], {"duplicates": "sometimes"}),
        (
            r"2 pairs of example and annotator occur more than once: \(a, w\), \(b, v\)",
            ["good.parquet", "good.parquet"],
            {"duplicates": "error"},
        ),
    ):
        with pytest.raises(ValueError, match=say):
            mc.convert_labels([tmp_path / file for file in files], tmp_path / "out", **options)
    assert not [path for path in tmp_path.iterdir() if "out" in path.name]


def test_replacing_a_folder(tmp_path):
    """A folder of labels is replaced with force only, and as a whole."""
    frame = pd.DataFrame({"task": ["a", "b"], "worker": ["w", "v"], "label": ["x", "y"]})
    frame.to_parquet(tmp_path / "t.parquet")
    first = mc.convert_labels(tmp_path / "t.parquet", tmp_path / "out")
    frame.assign(label="x").to_parquet(tmp_path / "t.parquet")
    with pytest.raises(ValueError, match="exists; give force=True"):
        mc.convert_labels(tmp_path / "t.parquet", tmp_path / "out")
    second = mc.convert_labels(tmp_path / "t.parquet", tmp_path / "out", force=True)

    assert (first.shape[2], second.shape[2]) == (2, 1)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "t.parquet"]


# ---------------------------------------------------------------------- the command line


def test_commands(tmp_path, capsys):
    """convert --to folder, then aggregate --memory gives what aggregate gives; every other command reads a folder too."""
    cli(["simulate", "--examples", "60", "-o", str(tmp_path / "a.csv")], standalone_mode=False)
    cli(["convert", str(tmp_path / "a.csv"), "--to", "folder", "--memory", "100M", "-o", str(tmp_path / "f")], standalone_mode=False)
    options = ["-m", "glad", "--soft", "--max-iter", "3"]
    cli(["aggregate", str(tmp_path / "f"), "--memory", "1K", *options, "-o", str(tmp_path / "p.parquet")], standalone_mode=False)
    cli(["aggregate", str(tmp_path / "a.csv"), *options, "-o", str(tmp_path / "q.parquet")], standalone_mode=False)
    one, other = pd.read_parquet(tmp_path / "p.parquet"), pd.read_parquet(tmp_path / "q.parquet")
    cli(["agreement", str(tmp_path / "f")], standalone_mode=False)

    np.testing.assert_allclose(one.filter(like="p("), other.select_dtypes("number"), atol=1e-12)
    assert "krippendorff_alpha" in capsys.readouterr().out
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.csv", "f", "p.parquet", "q.parquet"]


def test_commands_from_other_formats(tmp_path):
    """A sample becomes a folder too; what does not go with a folder is refused in one sentence."""
    cli(["convert", "sample:digits", "--to", "folder", "-o", str(tmp_path / "f")], standalone_mode=False)
    for say, arguments in (
        ("is written as Parquet, part by part; give -o FILE.parquet", ["aggregate", str(tmp_path / "f")]),
        ("are for a folder of labels", ["aggregate", "sample:digits", "--memory", "1G"]),
        ("is for convert --to folder", ["convert", "sample:digits", "--memory", "1G"]),
        ("'much' is no size; write it as 500M or 4G", ["aggregate", "sample:digits", "--memory", "much"]),
        ("give -o FOLDER", ["convert", "sample:digits", "--to", "folder"]),
        ("holds example, annotator and label only", ["convert", "x.csv", "--to", "folder", "-o", "y", "--column", "gold=z"]),
    ):
        with pytest.raises(Exception, match=say):
            cli(arguments, standalone_mode=False)
    assert len(mc.open_labels(tmp_path / "f")) == 8157


# ---------------------------------------------------------------------- memory

GROWTH = """
import re, sys
import pandas as pd
import multiannotator_core as mc
def peak():  # of this process alone: getrusage hands down the peak of the process that started it
    return int(re.search(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read())[1])
folder = mc.open_labels(sys.argv[1])
mc.aggregate(mc.CrowdLabels.from_long(pd.DataFrame({"task": ["a"], "worker": ["b"], "label": ["c"]})))
before = peak()
if sys.argv[2] == "folder":
    folder.aggregate("dawid_skene", memory=0, max_iter=2, tol=0.0)
else:
    mc.aggregate(folder.to_labels(), "dawid_skene", max_iter=2, tol=0.0)
sys.stdout.write(str(peak() - before))
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="only Linux tells the peak of a process here")
def test_a_folder_is_read_in_bounded_memory(tmp_path):
    """A million labels from a folder take less than half of what they take in memory."""
    rng = np.random.default_rng(0)
    n = 150_000
    codes = np.repeat(np.arange(n, dtype=np.int32), 8), rng.integers(0, 500, 8 * n), rng.integers(0, 8, 8 * n)
    mc.save_labels(mc.CrowdLabels(*map(pd.RangeIndex, (n, 500, 8)), *codes), tmp_path / "labels")

    def growth(where):
        command = [sys.executable, "-c", GROWTH, str(tmp_path / "labels"), where]
        return int(subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout)

    assert growth("folder") < growth("memory") / 2


def test_many_classes_and_annotators(tmp_path):
    """A flora of 1,000 species and 100,000 annotators runs where annotators have few numbers each, and is refused with a sentence
    where each would have a million.
    """
    rng = np.random.default_rng(0)
    n = 5_000
    example = np.repeat(np.arange(n, dtype=np.int32), 12)
    label = np.where(rng.random(12 * n) < 0.7, np.repeat(rng.integers(0, 1000, n), 12), rng.integers(0, 1000, 12 * n))
    labels = mc.CrowdLabels(*map(pd.RangeIndex, (n, 100_000, 1000)), example, rng.integers(0, 100_000, 12 * n), label)
    folder = mc.save_labels(labels, tmp_path / "labels")
    truth = label.reshape(n, 12)
    majority = np.array([np.bincount(row).argmax() for row in truth])
    for method in ("plantnet", "one_coin", "glad"):
        result = folder.aggregate(method, max_iter=2, memory=0, dtype="float32")

        assert (result.label == majority).mean() > 0.95
        assert result.confusion is None
    with pytest.raises(ValueError, match=r"TiB for a confusion matrix of each of 100,000 annotators over 1,000 classes.*take plantnet"):
        mc.aggregate(labels, "dawid_skene")
