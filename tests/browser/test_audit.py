"""Excluding an annotator, and taking the report away, in a real browser."""

from pathlib import Path

import pytest

from tests.browser.test_journeys import PATIENCE, QUESTIONS, go, load_sample, no_error

pytestmark = pytest.mark.browser


def test_exclude_report_restore(page, server):
    """A manager excludes who labels at random, takes a report that says so, and restores them."""
    load_sample(page, server)
    go(page, "Annotators", QUESTIONS["annotators"])
    page.get_by_text("What do they say for each class?").first.wait_for(timeout=PATIENCE)
    page.get_by_role("button", name="Exclude").click(timeout=PATIENCE)
    page.get_by_placeholder("Your name").fill("Kim")
    page.get_by_placeholder("Your name").press("Tab")
    page.get_by_placeholder("Reason, such as").fill("labels at random")
    page.get_by_placeholder("Reason, such as").press("Tab")
    page.get_by_role("button", name="Exclude A-005").click(timeout=PATIENCE)
    page.get_by_text("Who is excluded?").first.wait_for(timeout=PATIENCE)
    page.get_by_text("39 annotators. The selected one").first.wait_for(timeout=PATIENCE)
    with page.expect_download(timeout=PATIENCE) as taken:
        page.get_by_role("button", name="Report", exact=True).click(timeout=PATIENCE)
    report = Path(taken.value.path()).read_text("utf-8")
    page.get_by_role("button", name="Restore").click(timeout=PATIENCE)
    page.get_by_text("40 annotators. The selected one").first.wait_for(timeout=PATIENCE)

    no_error(page)
    assert "<td>A-005</td><td>labels at random</td><td>Kim</td>" in report
    assert "by 39 annotators" in report
