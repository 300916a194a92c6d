"""Gold and model probabilities find their example and class by name."""

import numpy as np
import pandas as pd
import pytest

import multiannotator_core as mc
from multiannotator_core.align import aligned_pred_probs, ensemble, gold_codes

LABELS = mc.CrowdLabels.from_long(pd.DataFrame({"task": ["a", "b", "c"], "worker": "w", "label": ["x", "y", "z"]}))
PROBS = np.array([[0.5, 0.3, 0.2], [0.1, 0.8, 0.1], [0.2, 0.2, 0.6]])


def test_tables_are_aligned_by_name():
    """Rows and columns in any order end up in the order of the labels."""
    frame = pd.DataFrame(PROBS, index=list("abc"), columns=list("xyz"))

    np.testing.assert_array_equal(aligned_pred_probs(LABELS, frame.loc[list("cab"), list("zyx")]), PROBS)


def test_names_match_by_their_text():
    """Classes 0, 1 find the columns "0", "1" that every CSV has."""
    labels = mc.CrowdLabels.from_wide(np.array([[0, 1], [1, 1]]))
    frame = pd.DataFrame([[0.1, 0.9], [0.4, 0.6]], index=[1, 0], columns=["1", "0"])

    np.testing.assert_array_equal(aligned_pred_probs(labels, frame), [[0.6, 0.4], [0.9, 0.1]])
    assert gold_codes(labels, {"0": "1"}).tolist() == [1, -1]


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (PROBS[:2], r"shape \(2, 3\), but the labels have 3 examples and 3 classes"),
        (PROBS[:, :2], "shape"),
        (np.where(PROBS == 0.8, np.nan, PROBS), "example 'b', class 'y': nan is not a number"),
        (PROBS - 0.15, "is negative"),
        (PROBS * 2, "example 'a' sum to 2, not 1"),
        (pd.DataFrame(PROBS, index=list("abd"), columns=list("xyz")), "no example 'c'"),
        (pd.DataFrame(PROBS, index=list("abc"), columns=list("xyw")), "no class 'z'"),
        (pd.DataFrame(np.vstack([PROBS, PROBS[:1]]), index=list("abcd"), columns=list("xyz")), "example 'd' that the labels do not have"),
        (pd.DataFrame(PROBS, index=list("aab"), columns=list("xyz")), "names the example 'a' twice"),
        ([["much"] * 3] * 3, "not numbers"),
    ],
    ids=["rows", "columns", "nan", "negative", "sums", "example", "class", "extra", "twice", "text"],
)
def test_wrong_probabilities_say_what_is_wrong(wrong, words):
    """Every wrong table is one sentence that names the row, the column or the sum."""
    with pytest.raises(ValueError, match=words):
        aligned_pred_probs(LABELS, wrong)


def test_an_ensemble_is_a_list_of_tables():
    """One table, a list of tables and a stack of tables are told apart; a list of rows is one table."""
    assert [len(ensemble(LABELS, given)) for given in (PROBS, [PROBS, PROBS], np.stack([PROBS] * 3), PROBS.tolist())] == [1, 2, 3, 1]


def test_gold_may_name_more_examples_but_no_other_class():
    """Gold of examples that were left out is ignored; unknown classes, contradictions and strangers are errors."""
    assert gold_codes(LABELS, {"b": "z", "elsewhere": "x"}).tolist() == [-1, 2, -1]
    assert gold_codes(LABELS, {}) is None
    with pytest.raises(ValueError, match="Gold says 'q' for example 'b'"):
        gold_codes(LABELS, {"b": "q"})
    with pytest.raises(ValueError, match="two classes for example 'b'"):
        gold_codes(LABELS, pd.Series(["x", "y"], index=["b", "b"]))
    with pytest.raises(ValueError, match="No example of gold"):
        gold_codes(LABELS, {"elsewhere": "x"})
