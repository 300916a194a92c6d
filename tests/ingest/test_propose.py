"""What the page shows before anything is read."""

from __future__ import annotations

import numpy as np
import pytest

from multiannotator_core import ingest
from tests.ingest.made import json_file, npy, upload


def test_a_clear_table_is_proposed_whole() -> None:
    """Format, reason, mapping and the first twenty rows as text."""
    text = "task,worker,label,truth\n" + "".join(f"{i:03},w,a,\n" for i in range(30))
    proposal = ingest.propose(upload("x.csv", text))

    assert (proposal.format, proposal.asks, proposal.questions) == ("long", (), ())
    assert proposal.mapping == {"example": "task", "annotator": "worker", "label": "label", "gold": "truth"}
    assert proposal.preview.shape == (20, 4)
    assert proposal.preview.loc[0, "task"] == "000"
    assert "'task'" in proposal.why


@pytest.mark.parametrize(
    ("text", "missing"),
    [
        ("a,b,c\n1,2,3\n", {"example", "annotator", "label"}),
        ("id,text,label\n1,x,y\n", {"annotator"}),
        ("Task,task,worker,label\n1,1,w,a\n", {"example"}),
        ("task,worker,label\n" + "".join(f"t,w,text {i}\n" for i in range(99)), {"label"}),
    ],
)
def test_what_must_be_asked_is_none(text: str, missing: set[str]) -> None:
    """An ambiguous mapping is no error: the roles that must be asked are None, and asks says so."""
    proposal = ingest.propose(upload("x.csv", text))

    assert missing == {role for role, column in proposal.mapping.items() if column is None}
    assert proposal.asks == ("mapping",)


def test_other_formats_are_proposed() -> None:
    """Wide tables, arrays and nested objects show their first rows too."""
    wide = ingest.propose(upload("x.csv", "example,a,b\n1,x,\n2,x,y\n3,,y\n"))
    array = ingest.propose(npy("x.npy", np.array([[0, 1], [1, 1], [0, 0]])))
    nested = ingest.propose(json_file("x.json", {"0": {"1": 1}, "1": {"1": 0}}))

    assert (wide.format, array.format, nested.format) == ("wide", "wide", "peerannot")
    assert array.preview.shape == (3, 2)
    assert list(nested.preview.iloc[0]) == ["0", "1", "1"]


def test_nothing_to_propose_is_refused() -> None:
    """A picture or a text holds no labels, and an unknown format is named."""
    with pytest.raises(ingest.IngestError, match=r"may be labels"):
        ingest.propose(upload("x.txt", "some words\nwithout a table\n"))
    with pytest.raises(ingest.IngestError, match=r"format='xyz'"):
        ingest.propose(upload("x.csv", "a,b\n1,2\n"), format="xyz")
