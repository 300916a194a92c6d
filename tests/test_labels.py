"""The table that everything reads."""

import dataclasses
import sys

import numpy as np
import pandas as pd
import pytest

import multiannotator_core as mc
from multiannotator_core.names import encode
from tests import naive
from tests.crowds import crowd

SMALL = pd.DataFrame({"task": ["t2", "t10", "t2"], "worker": ["b", "a", "a"], "label": ["yes", "no", "no"]})


class TestFromLong:
    def test_names_in_natural_order(self):
        """Names are sorted as people do, whatever order the rows have; codes follow."""
        labels = mc.CrowdLabels.from_long(SMALL)

        assert list(labels.examples) == ["t2", "t10"]
        assert list(labels.annotators) == ["a", "b"]
        assert list(labels.classes) == ["no", "yes"]
        assert labels.example.tolist() == [0, 0, 1]
        assert labels.annotator.tolist() == [0, 1, 0]
        assert labels.label.tolist() == [0, 1, 0]
        assert len(labels) == 3

    def test_fast_and_general_order_agree(self):
        """Many names of text and number are sorted in C, others one by one: both give the same order."""
        rng = np.random.default_rng(0)
        names = [f"{'ab'[rng.integers(2)]}{rng.integers(200)}" for _ in range(3000)] + ["a007", "a07", "a7"]
        frame = pd.DataFrame({"task": names, "worker": "w", "label": 0})
        fast = list(mc.CrowdLabels.from_long(frame).examples)
        general = list(mc.CrowdLabels.from_long(pd.concat([frame, pd.DataFrame({"task": ["x"], "worker": "w", "label": 0})])).examples)

        assert fast == general[:-1]
        assert fast.index("a7") < fast.index("a07") < fast.index("a007") < fast.index("a8")

    @pytest.mark.parametrize(
        "values",
        [
            pd.Series([3, 1, 2, 10, 3]),
            pd.Series([-5, 7, -5, 0]),
            pd.Series([10**15, 3, -(10**15), 3]),  # too far apart for a table
            pd.Series([200, 1, 255], dtype=np.uint8),
            pd.Series([-128, 127, 0] * 50, dtype=np.int8),
            pd.Series([2**63, 5], dtype=np.uint64),
            pd.Series([2.0, 10.0, 2.0]),
            pd.Series(["a10", "a9", "b", "a9"]),
            pd.concat([pd.Series(["b", "a"]), pd.Series(["c", "a"])], ignore_index=True),
            pd.Series(np.arange(200_000) % 777),  # more than one chunk
        ],
        ids=lambda values: f"{values.dtype} {values[0]}",
    )
    def test_codes_are_the_names(self, values):
        """Whole numbers and texts are coded without a Python object for each; codes lead back to the values, in natural order."""
        codes, names = encode(values, "task")
        expected = ["a9", "a10", "b"] if "a10" in set(values) else sorted(set(values))

        assert codes.dtype == np.int32
        assert names.tolist() == expected
        assert names.take(codes).tolist() == values.tolist()

    def test_columns_by_name_or_habit(self):
        """task/worker/label and example/annotator/label are found; other names are given."""
        ours = SMALL.rename(columns={"task": "example", "worker": "annotator"})
        odd = SMALL.rename(columns={"task": "id", "worker": "who", "label": "said"})
        expected = mc.CrowdLabels.from_long(SMALL).fingerprint

        assert mc.CrowdLabels.from_long(ours).fingerprint == expected
        assert mc.CrowdLabels.from_long(odd, example="id", annotator="who", label="said").fingerprint == expected

    def test_votes_are_the_counts(self):
        """votes agrees with counting row by row, repeated rows included."""
        labels = mc.CrowdLabels.from_long(pd.concat([SMALL, SMALL.iloc[:1]]))

        np.testing.assert_array_equal(labels.votes, naive.votes(labels))
        assert labels.repeated == 1

    def test_votes_in_parts(self, monkeypatch):
        """Votes are counted a few examples at a time: parts give what the loops give, weights and examples without labels too."""
        labels = mc.CrowdLabels.from_long(crowd(n_examples=50)[0]).select(annotators=["a1", "a2", "a5"])
        weights = np.random.default_rng(0).random(len(labels))
        expected = np.zeros((50, 3))
        np.add.at(expected, (labels.example, labels.label), weights)
        monkeypatch.setattr(sys.modules[mc.CrowdLabels.__module__], "CHUNK", 20)

        np.testing.assert_array_equal(labels.weighted_votes(), naive.votes(labels))
        np.testing.assert_allclose(labels.weighted_votes(weights), expected, atol=1e-12)

    @pytest.mark.parametrize(
        ("change", "words"),
        [
            ({"drop": "worker"}, "no column 'worker'"),
            ({"missing": "worker"}, "Column 'worker', row 2"),
            ({"missing": "label"}, "Column 'label', row 2"),
            ({"classes": ["yes", "maybe"]}, "row 2: 'no' is not one of the classes"),
            ({"classes": ["yes", "no", "yes"]}, "twice"),
            ({"duplicates": "often"}, "choose one of keep"),
            ({"empty": True}, "no rows"),
            ({"list": True}, "not a single value"),
        ],
        ids=str,
    )
    def test_refusals_name_the_place(self, change, words):
        """What cannot be read is one sentence with the column, the row and the mend."""
        frame, options = SMALL.copy(), {}
        if "drop" in change:
            frame = frame.drop(columns=change["drop"])
        if "missing" in change:
            frame.loc[1, change["missing"]] = None
        if "empty" in change:
            frame = frame.iloc[:0]
        if "list" in change:
            frame["label"] = pd.Series([["yes"], ["no"], ["no"]], dtype=object)
        options = {key: change[key] for key in ("classes", "duplicates") if key in change}

        with pytest.raises(ValueError, match=words):
            mc.CrowdLabels.from_long(frame, **options)

    @pytest.mark.parametrize(
        ("policy", "expected"),
        [
            ("keep", ["ax", "ay", "bx", "bx", "cx"]),
            ("collapse", ["ax", "ay", "bx", "cx"]),
            ("first", ["ax", "bx", "cx"]),
            ("last", ["ay", "bx", "cx"]),
            ("drop", ["bx", "cx"]),
        ],
    )
    def test_duplicate_policies(self, policy, expected):
        """Each policy keeps what it says of repeated pairs."""
        frame = pd.DataFrame({"task": list("aabbc"), "worker": "u", "label": list("xyxxx")})
        long = mc.CrowdLabels.from_long(frame, duplicates=policy).to_long()

        assert sorted(long["example"] + long["label"]) == expected

    def test_first_and_last_go_by_time(self):
        """With times, first and last are those of the clock, not of the rows."""
        frame = pd.DataFrame({"task": "a", "worker": "u", "label": ["x", "y"], "at": ["2026-03-02T10:00:00Z", "2026-03-02T09:00:00Z"]})

        for policy, label in (("first", "y"), ("last", "x")):
            labels = mc.CrowdLabels.from_long(frame, duplicates=policy, timestamp="at")
            assert labels.to_long()["label"].tolist() == [label]

    def test_error_policy_names_the_pairs(self):
        """duplicates='error' refuses with the pairs."""
        with pytest.raises(ValueError, match=r"1 pairs .* \(t2, b\)"):
            mc.CrowdLabels.from_long(pd.concat([SMALL, SMALL.iloc[:1]]), duplicates="error")


class TestFromWide:
    def test_missing_cells_are_no_labels(self):
        """NaN, None and pd.NA mean not labelled; rows keep their order, empty rows and columns stay."""
        frame = pd.DataFrame({"z": [1, None, pd.NA], "a": [0.0, np.nan, np.nan], "never": [None] * 3}, index=["t9", "t1", "t5"])
        labels = mc.CrowdLabels.from_wide(frame)

        assert list(labels.examples) == ["t9", "t1", "t5"]
        assert list(labels.annotators) == ["a", "never", "z"]
        assert list(labels.classes) == [0, 1]
        assert len(labels) == 2

    def test_there_and_back(self):
        """to_wide and from_wide lose nothing when no pair is repeated."""
        labels = mc.CrowdLabels.from_long(crowd()[0])

        assert mc.CrowdLabels.from_wide(labels.to_wide()).fingerprint == labels.fingerprint
        assert mc.CrowdLabels.from_long(labels.to_long()).fingerprint == labels.fingerprint

    @pytest.mark.parametrize(("cell", "words"), [(0.5, "holds 0.5; labels must be"), (-1, "missing=-1"), (-2, "holds -2")])
    def test_numbers_that_are_no_labels(self, cell, words):
        """Fractions and negative numbers are refused with their cell; -1 names the option that it probably wants."""
        with pytest.raises(ValueError, match=words):
            mc.CrowdLabels.from_wide(np.array([[0, 1], [cell, 1]]))

    def test_minus_one_can_be_missing_or_a_class(self):
        """missing=-1 leaves such cells out, classes= makes -1 a class."""
        table = np.array([[0, -1], [-1, 1]])

        assert len(mc.CrowdLabels.from_wide(table, missing=-1)) == 2
        assert len(mc.CrowdLabels.from_wide(table, classes=[-1, 0, 1])) == 4


class TestTable:
    def test_nothing_can_be_changed(self):
        """Arrays are read-only and fields are frozen."""
        labels = mc.CrowdLabels.from_long(SMALL)

        for array in (labels.example, labels.annotator, labels.label, labels.votes):
            with pytest.raises(ValueError, match="read-only"):
                array[0] = 0
        with pytest.raises(dataclasses.FrozenInstanceError):
            labels.example = np.zeros(3)

    def test_fingerprint_knows_the_content(self):
        """The order of rows does not change the fingerprint; a label, a name, a class or a time does."""
        frame, _ = crowd()
        same = mc.CrowdLabels.from_long(frame)
        others = [
            mc.CrowdLabels.from_long(frame.assign(label=["c1", *frame["label"][1:]]) if frame["label"][0] == "c0" else frame.iloc[1:]),
            mc.CrowdLabels.from_long(frame.replace("e0", "f0")),
            mc.CrowdLabels.from_long(frame, classes=["c0", "c1", "c2", "c3"]),
            mc.CrowdLabels.from_long(frame.assign(at=range(len(frame))), timestamp="at"),
        ]

        assert mc.CrowdLabels.from_long(frame.sample(frac=1, random_state=2)).fingerprint == same.fingerprint
        assert len({same.fingerprint, *(other.fingerprint for other in others)}) == 5

    def test_numbers_and_their_text_are_different_names(self):
        """1 and "1" are two examples, and two fingerprints."""
        numbers = mc.CrowdLabels.from_long(SMALL.assign(task=[1, 2, 1]))
        words = mc.CrowdLabels.from_long(SMALL.assign(task=["1", "2", "1"]))

        assert numbers.fingerprint != words.fingerprint

    def test_select_keeps_every_other_name(self):
        """Leaving out an annotator or an example keeps the class list and all other ids, also those without labels."""
        labels = mc.CrowdLabels.from_long(SMALL)
        without_a = labels.select(annotators=["b"])

        assert list(without_a.examples) == ["t2", "t10"]
        assert list(without_a.classes) == ["no", "yes"]
        assert without_a.to_long().values.tolist() == [["t2", "b", "yes"]]
        assert list(labels.select(examples=["t10"]).examples) == ["t10"]
        with pytest.raises(ValueError, match="no annotator 'c'"):
            labels.select(annotators=["c"])

    def test_rows_are_sorted_whoever_builds_the_table(self):
        """The constructor sorts rows too, and checks its codes."""
        index = pd.Index(["x", "y"])
        labels = mc.CrowdLabels(index, index, index, np.array([1, 0]), np.array([0, 1]), np.array([1, 0]))

        assert labels.example.tolist() == [0, 1]
        with pytest.raises(ValueError, match="codes run from 0 to 2"):
            mc.CrowdLabels(index, index, index, np.array([2, 0]), np.array([0, 1]), np.array([1, 0]))
