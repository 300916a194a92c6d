"""Annotators behind pseudonyms."""

import dataclasses

import numpy as np
import pytest

import multiannotator_core as mc
from multiannotator_core import export
from multiannotator_core.quality.audit import audit
from multiannotator_core.report import audit_report
from tests.crowds import crowd


@pytest.fixture
def labels():
    return mc.CrowdLabels.from_long(crowd()[0])


def test_the_secret_decides_the_order(labels):
    """Equal secrets give equal pseudonyms, whatever was labelled; another secret, and none, give another order."""
    half = labels.select(examples=labels.examples[:30])
    first, other, none = (export.pseudonyms(labels, secret) for secret in ("a", "b", ""))

    assert first.equals(export.pseudonyms(half, "a"))
    assert sorted(first) == sorted(other) == sorted(none)
    assert not first.equals(other)
    assert not first.equals(none)
    assert list(first) != sorted(first)


def test_no_order_of_names_is_left(labels):
    """The annotators stand in the order of their pseudonyms, and each keeps their own labels."""
    names = export.pseudonyms(labels, "secret")
    hidden = export.pseudonymous(labels, names)
    before = labels.to_long().assign(annotator=lambda frame: frame["annotator"].map(names))

    assert list(hidden.annotators) == sorted(names)
    assert sorted(hidden.to_long().itertuples(index=False)) == sorted(before.itertuples(index=False))
    assert hidden.fingerprint != labels.fingerprint


@pytest.mark.parametrize("method", ["dawid_skene", "glad", "mace", "majority_vote"])
def test_a_result_follows_its_labels(labels, method):
    """Each annotator keeps quality, confusion and scores under the pseudonym, as if the method had run on the new labels."""
    names = export.pseudonyms(labels, "secret")
    result = mc.aggregate(labels, method)
    hidden, again = export.pseudonymous_result(result, names), mc.aggregate(export.pseudonymous(labels, names), method)

    for field in ("posterior", "annotator_quality", "confusion"):
        expected, actual = getattr(again, field), getattr(hidden, field)
        assert (expected is None) == (actual is None)
        if expected is not None:
            np.testing.assert_allclose(actual, expected, atol=1e-4)
    assert list(hidden.annotator_scores) == list(again.annotator_scores)
    for name, scores in again.annotator_scores.items():
        np.testing.assert_allclose(hidden.annotator_scores[name], scores, atol=1e-4)


def test_the_audit_is_the_same_under_pseudonyms(labels):
    """Verdicts and qualities are those of the person behind the pseudonym."""
    names = export.pseudonyms(labels, "secret")
    result = mc.aggregate(labels)
    real = audit(labels, result).table
    hidden = audit(export.pseudonymous(labels, names), export.pseudonymous_result(result, names)).table

    assert hidden.loc[list(names), "verdict"].tolist() == real["verdict"].tolist()
    np.testing.assert_allclose(hidden.loc[list(names), "quality"], real["quality"], atol=1e-9)


def test_many_annotators_get_more_digits():
    """Pseudonyms have one width, so that their order as text is their order."""
    many = mc.CrowdLabels(*_thousands(1_200))
    names = export.pseudonyms(many)

    assert set(map(len, names)) == {6}
    assert names.is_unique


def _thousands(n):
    made = mc.CrowdLabels.from_wide(np.zeros((1, n), dtype=int))
    return [getattr(made, field.name) for field in dataclasses.fields(made)][:6]


def test_the_report_keeps_the_fingerprint_of_the_data(labels):
    """A report on labels with pseudonyms names the data that they come from."""
    names = export.pseudonyms(labels, "secret")
    page = audit_report(
        export.pseudonymous(labels, names), export.pseudonymous_result(mc.aggregate(labels), names), fingerprint=labels.fingerprint
    )

    assert labels.fingerprint in page
    assert not [name for name in labels.annotators if f">{name}<" in page]
