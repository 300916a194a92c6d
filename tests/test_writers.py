"""Labels that leave in another tool's format come back as they were, but for what the writer says is lost."""

from __future__ import annotations

import io
import re
import zipfile
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

import multiannotator_core as mc
from multiannotator_core import export, ingest
from multiannotator_core.export import WRITERS, Outgoing
from tests.ingest.made import upload

ODD = [
    *(" a", "a ", "=1+1", "+1", "-1", "@x", "'=x", "''-1", "a#b", "a,b", '"x"', '""', "é", "e\u0301", "x\ny", "x\r\ny", "\t", "\r"),
    *("0", "0.0", "00", "1.0", "-0", "1e5", "True", "x" * 300, "\U0001f600", "a/b", "../x", "email", "label", "gold", "'"),
    *("None", "nan", "NA", "", " ", "#N/A", "_x0041_", "\x01", "\u2028", "\ufeffx"),
]
# Without shrinking: a case that fails is small already, and shrinking reads hundreds of files.
patient = settings(max_examples=25, deadline=None, phases=[Phase.explicit, Phase.generate], suppress_health_check=[HealthCheck.too_slow])
NO_LABEL = {"", "na", "n/a", "null", "none", "nan"}
names = st.one_of(st.sampled_from(ODD), st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"), max_size=6))
times = st.datetimes(pd.Timestamp("1980-01-01").to_pydatetime(), pd.Timestamp("2100-01-01").to_pydatetime())
spent = st.floats(0, 86_400)


@st.composite
def crowds(draw):
    """Labels with odd names, unused names, repeated pairs, times, and gold."""
    examples, annotators, classes = (draw(st.lists(names, min_size=1, max_size=4, unique=True)) for _ in range(3))
    row = st.tuples(*(st.integers(0, len(known) - 1) for known in (examples, annotators, classes)))
    rows = draw(st.lists(row, min_size=1, max_size=12))
    timestamp = draw(st.none() | st.lists(times, min_size=len(rows), max_size=len(rows)))
    seconds = draw(st.none() | st.lists(spent, min_size=len(rows), max_size=len(rows)))
    labels = mc.CrowdLabels(
        pd.Index(examples, dtype="str", name="example"),
        pd.Index(annotators, dtype="str", name="annotator"),
        pd.Index(classes, dtype="str", name="class"),
        *np.array(rows, dtype=np.int32).T,
        None if timestamp is None else np.array(timestamp, dtype="datetime64[us]"),
        None if seconds is None else np.array(seconds),
    )
    known = draw(st.lists(st.tuples(st.integers(0, len(examples) - 1), st.integers(0, len(classes) - 1)), max_size=3))
    gold = pd.Series({examples[i]: classes[k] for i, k in known}, dtype="str") if known else None
    return labels, gold


def back(key, out):
    """What the reader makes of what the writer wrote."""
    writer = WRITERS[key]
    return ingest.read(upload(f"x.{writer.ending}", writer.write(out)))


def rows_of(labels, *, seconds=True, timestamp=True):
    """Every label with its times, as text, sorted."""
    frame = labels.to_long()
    columns = ["example", "annotator", "label"]
    columns += [c for c, wanted in (("timestamp", timestamp), ("seconds", seconds)) if wanted and c in frame]
    return sorted(map(str, frame[columns].itertuples(index=False, name=None)))


def blank(name):
    return name.strip() == ""


def survives(labels):
    """The labels that the formats without our list of names can hold: no blank names, no words for "no label"."""
    frame = labels.to_long()
    lost = frame["example"].map(blank) | frame["annotator"].map(blank) | frame["label"].map(lambda c: c.strip().lower() in NO_LABEL)
    return frame[~lost]


def refused(call):
    with pytest.raises(ingest.IngestError) as error:
        call()
    return str(error.value)


@patient
@given(crowds())
def test_our_own_file_loses_nothing(crowd):
    """Names, their order, unused ones, repeated pairs, times, gold and contents come back; the fingerprint is the same."""
    labels, gold = crowd
    content = pd.DataFrame({"text": [f"about {name}" for name in labels.examples]}, index=labels.examples)
    found = back("crowdlens", Outgoing(labels, gold=gold, content=content))

    assert found.labels.fingerprint == labels.fingerprint
    assert (found.gold is None) == (gold is None)
    assert gold is None or found.gold.to_dict() == gold.to_dict()
    assert found.content["text"].to_dict() == content["text"].to_dict()


@patient
@given(crowds())
def test_crowd_kit_tables_lose_only_times(crowd):
    """Names with quotes before signs, blank names, unused classes, repeated pairs and gold come back as they were."""
    labels, gold = crowd
    found = back("crowd_kit", Outgoing(labels, gold=gold))

    assert rows_of(found.labels) == rows_of(labels, seconds=False, timestamp=False)
    assert [list(names) for names in (found.labels.classes, found.labels.examples, found.labels.annotators)] == [
        list(names) for names in (labels.classes, labels.examples, labels.annotators)
    ]
    assert (found.gold is None) == (gold is None)
    assert gold is None or found.gold.to_dict() == gold.to_dict()


@pytest.mark.parametrize("key", ["cleanlab", "cleanlab_npy", "peerannot"])
@patient
@given(crowds())
def test_wide_layouts_keep_one_label_a_pair(key, crowd):
    """Numbers come back as names through crowdlens.json: all classes, one label a pair, no empty rows and columns."""
    labels, _ = crowd
    expected = mc.CrowdLabels.from_long(
        labels.to_long(), timestamp="timestamp" if labels.timestamp is not None else None, duplicates="last"
    )
    found = back(key, Outgoing(labels)).labels

    assert rows_of(found) == rows_of(expected, seconds=False, timestamp=False)
    assert list(found.classes) == list(labels.classes)
    assert (found.labels_per_example > 0).all()
    assert (found.labels_per_annotator > 0).all()


@pytest.mark.parametrize(
    ("key", "timestamp", "seconds", "gold"),
    [
        ("label_studio", True, True, True),
        ("doccano", True, False, False),
        ("prodigy", True, False, False),
        ("argilla", False, False, False),
        ("csv", True, True, True),
        ("excel", True, True, True),
    ],
)
@patient
@given(crowds())
def test_tools_give_the_labels_back(key, timestamp, seconds, gold, crowd):
    """Every label with its times comes back, but for blank names and words that mean no label; gold where the format has it."""
    labels, known = crowd
    if key == "excel":
        labels, known = printable(labels), None
    kept, out = survives(labels), Outgoing(labels, gold=None if known is None else known[~known.index.map(blank)])
    if kept.empty:
        assert refused(lambda: back(key, out))
        return
    found = back(key, out)
    columns = {c: c for c, wanted in (("timestamp", timestamp), ("seconds", seconds)) if wanted and c in kept}
    expected = mc.CrowdLabels.from_long(kept, "example", "annotator", "label", **columns)

    assert rows_of(found.labels) == rows_of(expected)
    if gold and out.gold is not None:
        with_labels = set(kept["example"]) if key in ("csv", "excel") else set(labels.examples)
        sayable = {e: c for e, c in out.gold.items() if c.strip().lower() not in NO_LABEL and e in with_labels}
        assert sayable.items() <= (found.gold.to_dict() if found.gold is not None else {}).items()


def renamed(labels, change):
    """The same labels under other names (equal ones fall together)."""
    frame = labels.to_long()
    for column in ("example", "annotator", "label"):
        frame[column] = frame[column].map(change)
    times = {column: column for column in ("timestamp", "seconds") if column in frame}
    return mc.CrowdLabels.from_long(frame, "example", "annotator", "label", **times)


def printable(labels):
    """What an Excel sheet can hold: no control characters, no carriage returns."""
    named = renamed(labels, lambda name: re.sub(r"[\x00-\x08\x0b-\x1f\ufffe\uffff]", "", name))
    return named if named.seconds is None else replace(named, seconds=named.seconds.round(3))


FORMULAS = ["=1+1", "+x", "-x", "@x", "\tx", "\rx", "'=x"]


@pytest.fixture
def small():
    """Labels whose names are formulas, with a consensus."""
    frame = pd.DataFrame([(e, a, f"={i % 2}") for i, e in enumerate(FORMULAS) for a in ("-w", "+v")], columns=["task", "worker", "label"])
    labels = mc.CrowdLabels.from_long(frame)
    return labels, mc.aggregate(labels, "majority_vote")


@pytest.mark.parametrize("key", WRITERS)
def test_the_consensus_travels_and_is_not_counted(key, small):
    """Every format takes labels with a consensus, gold and texts; read again, there is no annotator more."""
    labels, result = small
    gold = pd.Series({FORMULAS[0]: "=0"})
    content = pd.DataFrame({"text": ["hello"] * len(labels.examples), "image": [b"x"] * len(labels.examples)}, index=labels.examples)
    found = back(key, Outgoing(labels, result, gold, content))

    assert len(found.labels) == len(labels)
    assert len(found.labels.annotators) == 2
    assert WRITERS[key].loses


def test_tables_for_people_hold_no_formula(small):
    """In CSV and Excel no text starts with a sign that a spreadsheet runs; numbers stay numbers, also negative ones."""
    import openpyxl

    labels, result = small
    table = export.hard(labels, result).assign(change=-0.5, text="-1")
    cells = pd.read_csv(io.BytesIO(export.to_csv(table)), dtype=str)
    sheet = openpyxl.load_workbook(io.BytesIO(export.to_excel(table))).worksheets[0]
    values = [cell for row in sheet.iter_rows() for cell in row]

    assert set(cells["example"]) == {"'" + name for name in labels.examples}
    assert set(cells["consensus_label"]) == {"'=0", "'=1"}
    assert set(cells["change"]) == {"-0.5"}
    assert set(cells["text"]) == {"-1"}
    assert {cell.data_type for cell in values} <= {"s", "n", "b"}
    assert not any(isinstance(cell.value, str) and cell.value != "-1" and cell.value[0] in "=+-@\t\r" for cell in values)
    assert export.to_csv(table, guard=False).count(b"'=0") == 0


def test_a_guarded_header_is_undone():
    """Classes such as =x name columns of probabilities; a spreadsheet export of them is read back."""
    labels = mc.CrowdLabels.from_long(pd.DataFrame({"task": ["a", "b"], "worker": "w", "label": ["=x", "+y"]}))
    soft = pd.DataFrame([[0.25, 0.75], [1.0, 0.0]], index=labels.examples, columns=labels.classes)
    found, _ = ingest.read_pred_probs(upload("p.csv", export.to_csv(soft)), labels)

    assert found.loc["a"].to_dict() == soft.loc["a"].to_dict()


def test_a_broken_list_of_names_is_refused():
    """A number without a name, a name twice and two exports at once are told."""
    labels = mc.CrowdLabels.from_long(pd.DataFrame({"task": ["a", "b"], "worker": ["v", "w"], "label": ["x", "y"]}))
    for key in ("cleanlab", "cleanlab_npy", "peerannot", "crowdlens"):
        with zipfile.ZipFile(io.BytesIO(WRITERS[key].write(Outgoing(labels)))) as archive:
            files = {name: archive.read(name) for name in archive.namelist()}
        for old, new in ((b'["x","y"]', b'["x"]'), (b'["x","y"]', b'["x","x"]'), (b'["x","y"]', b'"x"'), (b'"examples"', b'"samples"')):
            bad = {**files, "crowdlens.json": files["crowdlens.json"].replace(old, new)}

            assert "Crowdlens" in refused(lambda bad=bad: ingest.read([upload(name, data) for name, data in bad.items()]))
        twice = [upload(f"{folder}.zip", WRITERS[key].write(Outgoing(labels))) for folder in ("a", "b")]
        assert "one after the other" in refused(lambda twice=twice: ingest.read(twice))


def test_what_does_not_fit_is_told_before():
    """Excel has a last row, a wide table a largest size; the sentence names another format."""
    many = mc.CrowdLabels(*(pd.RangeIndex(n) for n in (40_000, 40_000, 1)), *(np.arange(40_000),) * 2, np.zeros(40_000, int))

    assert "crowd-kit" in WRITERS["cleanlab"].too_large(many)
    assert WRITERS["excel"].too_large(many) is None
    with pytest.raises(ValueError, match="200,000,000 cells"):
        WRITERS["cleanlab_npy"].write(Outgoing(many))
