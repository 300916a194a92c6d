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


def test_a_cell_of_the_agreement_leads_to_the_examples(page, server):
    """A click on a cell of the matrix chooses the two annotators whose cell it is."""
    load_sample(page, server)
    go(page, "Agreement", QUESTIONS["agreement"])
    plot = page.locator(".js-plotly-plot").first.locator(".nsewdrag").first
    plot.wait_for(timeout=PATIENCE)
    rows = page.locator(".js-plotly-plot").first.locator(".ytick")
    page.wait_for_function("() => document.querySelectorAll('.js-plotly-plot .ytick').length > 30", timeout=PATIENCE)
    n = rows.count()
    first, second = rows.nth(3).text_content(), rows.nth(10).text_content()
    box = plot.bounding_box()
    for _ in range(20):  # a plot that is not listening yet loses a click
        page.mouse.click(box["x"] + box["width"] * 10.5 / n, box["y"] + box["height"] * 3.5 / n)
        page.wait_for_timeout(500)
        if f"agr_a={first}" in page.url:
            break

    no_error(page)
    assert f"agr_a={first}&agr_b={second}" in page.url


def test_hidden_names_are_in_no_file_and_the_key_is(page, server):
    """With names hidden the report holds pseudonyms only, and the key on Export says who is who."""
    load_sample(page, server)
    page.get_by_text("Hide annotator names").click(timeout=PATIENCE)
    page.wait_for_url("**names=hidden**", timeout=PATIENCE)
    go(page, "Export", QUESTIONS["export"])
    with page.expect_download(timeout=PATIENCE) as taken:
        page.get_by_role("button", name="Key", exact=True).click(timeout=PATIENCE)
    key = dict(line.replace('"', "").split(",") for line in Path(taken.value.path()).read_text("utf-8").splitlines()[1:])
    with page.expect_download(timeout=PATIENCE) as taken:
        page.get_by_role("button", name="Report", exact=True).click(timeout=PATIENCE)
    report = Path(taken.value.path()).read_text("utf-8")

    no_error(page)
    assert len(key) == 40
    assert sorted(key) == sorted(key.values())  # the sample's own names look like pseudonyms
    assert f"Suspected copying: {min(key['A-016'], key['A-025'])} and" in report
