"""The audit report: one page, nothing from elsewhere, everything escaped, nothing hidden."""

import re
from dataclasses import replace
from datetime import UTC, datetime

import pandas as pd
import pytest

import multiannotator_core as mc
from multiannotator_core.export import pseudonyms
from multiannotator_core.quality.exclusions import counted, without_excluded
from multiannotator_core.quality.what_if import without_annotator
from multiannotator_core.report import audit_report
from multiannotator_core.report.document import EXCLUSION_COLUMNS
from multiannotator_core.samples import load_sample
from tests.crowds import crowd

EVIL = "<img src=x onerror=alert(1)></script><b>&\"'"


@pytest.fixture(scope="module")
def digits():
    sample = load_sample("digits")
    return sample, mc.aggregate(sample.labels, gold=sample.gold)


def words_of(page):
    """The text of a report, without scripts, styles and markup."""
    page = re.sub(r"<(script|style)\b.*?</\1>", " ", page, flags=re.DOTALL)
    return " ".join(re.sub(r"<[^>]*>", " ", page).split())


def exclusion(name, kind="annotator", reason="answers at random"):
    time = pd.Timestamp("2026-03-02 10:00", tz="UTC")
    return pd.DataFrame([{"kind": kind, "name": name, "reviewer": "Kim", "reason": reason, "time": time}])


def test_the_report_holds_what_is_to_be_defended(digits):
    """Fingerprint, versions, method and options, agreement, verdicts with their rule, patterns, examples and exclusions are there."""
    sample, result = digits
    said = words_of(audit_report(sample.labels, result, name="digits", pred_probs=sample.pred_probs, gold=sample.gold))

    for part in (sample.labels.fingerprint, "Dawid-Skene", "prior_strength", f"Crowdlens {mc.__version__}", "numpy", "Krippendorff",
                 "4 answers at random", "always says 7", "The first line that holds is the verdict", "A-016 and A-025 share 42 mistakes",
                 "A-039: 88% of the first third", "A-034 said 7", "hard example", "Nothing: every label counts"):  # fmt: skip
        assert part in said


def test_the_same_input_gives_the_same_page(digits):
    """Without a time the page is a function of its input; with one it says when it was made."""
    sample, result = digits
    page = audit_report(sample.labels, result)

    assert audit_report(sample.labels, result) == page
    assert "02 March 2026, 10:00 UTC" in words_of(audit_report(sample.labels, result, made=datetime(2026, 3, 2, 10, tzinfo=UTC)))


def test_one_annotator_gets_a_card_of_their_own(digits):
    """The card holds their verdict, confusion, suspicions and least plausible labels, and not the ranking of the others."""
    sample, result = digits
    said = words_of(audit_report(sample.labels, result, annotator="A-025", name="digits"))

    assert "Audit of annotator A-025, digits" in said
    assert "A-016 and A-025 share 42 mistakes" in said
    assert "37 labels differ" in said
    assert "A-039" not in said


def test_names_stay_text():
    """Names that look like markup are shown as they are in every part of the page."""
    frame, _ = crowd(n_examples=80, n_annotators=6, seed=1)
    frame = frame.replace({"worker": {"a0": EVIL}, "label": {"c0": EVIL}, "task": {"e1": EVIL}})
    labels = mc.CrowdLabels.from_long(frame)
    for annotator in (None, EVIL):
        page = audit_report(
            labels, mc.aggregate(labels), name=EVIL, annotator=annotator, exclusions=exclusion(EVIL, "example", EVIL) if annotator else None
        )
        body = re.sub(r"<script\b[^>]*>.*?</script>", "", page, flags=re.DOTALL)

        assert "<img" not in body
        assert "<b>" not in body
        assert page.count("</body>") == 1


def test_excluded_labels_count_nowhere_and_are_named(digits):
    """An excluded annotator leaves the ranking and the counts, and stands in the list with the reason and who decided."""
    sample, _ = digits
    rest = counted(sample.labels, ["A-005"])
    result = mc.aggregate(rest, gold=sample.gold)
    page = audit_report(sample.labels, result, exclusions=exclusion("A-005"))
    said = words_of(page)
    n = int((sample.labels.annotator == sample.labels.annotators.get_loc("A-005")).sum())

    assert f"{len(sample.labels) - n:,} labels of 1,797 examples by 39 annotators" in said
    assert "annotator A-005 answers at random Kim 2026-03-02 10:00" in said
    assert "39 annotators:" in said
    assert sample.labels.fingerprint in said


def test_an_excluded_example_is_named_and_not_among_the_worst():
    """An example without a label that counts is no unsure example: it stands in the list of what was excluded, with the reason."""
    labels = mc.CrowdLabels.from_wide(pd.DataFrame({"x": [1, 2, 1], "y": [1, 2, 2]}, index=["one", "two", "broken"]))
    out = pd.DataFrame([("example", "broken", "Kim", "no picture", pd.Timestamp("2026-03-01"))], columns=EXCLUSION_COLUMNS)
    page = audit_report(labels, mc.aggregate(without_excluded(labels, out)), exclusions=out)

    assert page.count("<td>broken</td>") == 1
    assert "<td>no picture</td>" in page
    assert "4 labels of 2 examples" in page


def test_pseudonyms_hide_every_name():
    """With pseudonyms no name of an annotator is on the page, not even in reasons; the fingerprint stays that of the data."""
    frame, _ = crowd(n_examples=80, n_annotators=6, seed=1)
    frame["worker"] = "Person " + frame["worker"]
    labels = mc.CrowdLabels.from_long(frame)
    result = mc.aggregate(counted(labels, ["Person a1"]))
    out = exclusion("Person a1", reason="Person a1 guesses")
    for annotator in (None, "Person a2"):
        page = audit_report(labels, result, exclusions=out, annotator=annotator, use_pseudonyms=True)

        assert "Person" not in page
        assert labels.fingerprint in page
        assert pseudonyms(labels)["Person a2"] in page


def test_counted_labels_keep_all_names():
    """Excluding takes labels and nothing else; unknown names and empty crowds are refused."""
    labels = mc.CrowdLabels.from_long(crowd(n_examples=20, n_annotators=5, labels_per_example=3)[0])
    both = pd.concat([exclusion("a1"), exclusion("e3", "example")], ignore_index=True)
    rest = without_excluded(labels, both)
    kept = labels.to_long().query("annotator != 'a1' and example != 'e3'").reset_index(drop=True)

    pd.testing.assert_frame_equal(rest.to_long(), kept)
    assert rest.annotators.equals(labels.annotators)
    assert rest.examples.equals(labels.examples)
    assert counted(labels) is labels
    with pytest.raises(ValueError, match="no annotator 'nobody'"):
        counted(labels, ["nobody"])
    with pytest.raises(ValueError, match="Every label is excluded"):
        counted(labels, labels.annotators)


@pytest.mark.parametrize(
    ("method", "options"),
    [("majority_vote", {}), ("dawid_skene", {"tol": 1e-10, "max_iter": 2000}), ("glad", {})],
    ids=lambda v: str(v)[:12],
)
def test_what_if_is_a_run_without_the_annotator(method, options):
    """The changed labels are those of a run from scratch without the annotator's labels, once both have converged."""
    labels = mc.CrowdLabels.from_long(crowd(n_examples=200, n_annotators=8, labels_per_example=3, seed=4)[0])
    result = mc.aggregate(labels, method, **options)
    found = without_annotator(labels, result, "a2")
    fresh = mc.aggregate(counted(labels, ["a2"]), method, **options)
    rows = fresh.label != result.label

    assert rows.any()
    assert set(found.changed.index) == set(labels.examples[rows])
    assert found.n_touched == labels.labels_per_annotator[labels.annotators.get_loc("a2")]
    assert found.n_alone == 0


def test_unknown_annotator_is_refused():
    """A report card of somebody who is not there is an error that names the annotators."""
    labels = mc.CrowdLabels.from_long(crowd()[0])
    with pytest.raises(ValueError, match="There is no annotator 'x'"):
        audit_report(labels, mc.aggregate(labels), annotator="x")


@pytest.mark.parametrize("rows", [[("e", "a", "c")], [("e", "a", "c"), ("f", "a", "d")]])
def test_tiny_crowds_get_a_report(rows):
    """One annotator, one class or one label is enough for a page that says how little is known."""
    labels = mc.CrowdLabels.from_long(pd.DataFrame(rows, columns=["task", "worker", "label"]))
    result = mc.aggregate(labels)

    assert "not enough data" in words_of(audit_report(labels, result))
    assert "not enough data" in words_of(audit_report(labels, replace(result), annotator="a"))
