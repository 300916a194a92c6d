"""What people do, in a real browser."""

import io
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pages import _session
from tests.browser.conftest import ROOT, start_server
from tests.crowds import crowd, model_of

pytestmark = pytest.mark.browser

# The question of each page stands in its first call.
QUESTIONS = {
    name: re.search(r'page_title\(\s*"([^"]+)"', (ROOT / "pages" / f"{name}.py").read_text("utf-8")).group(1)
    for pages in _session.PAGES.values()
    for name, _, _ in pages
}
PATIENCE = 30_000  # milliseconds: a busy machine is no error


def address(server, page):
    return f"{server.address}/{'' if page == 'overview' else page}"


def heading(page, question):
    page.get_by_role("heading", name=question, exact=True).wait_for(timeout=PATIENCE)


def load_sample(page, server):
    page.goto(server.address)
    page.get_by_role("button", name="Try the digits sample").click(timeout=PATIENCE)
    page.get_by_text("1,797 examples · 40 annotators").first.wait_for(timeout=PATIENCE)
    page.get_by_text("How is the agreement computed?").first.wait_for(timeout=PATIENCE)  # the overview is complete


def bring(page, server, path, name):
    """Upload a file of labels and use it."""
    page.goto(address(server, "data"))
    heading(page, QUESTIONS["data"])
    page.locator("input[type=file]").first.set_input_files(path)
    page.get_by_role("button", name="Use these labels").click(timeout=PATIENCE)
    heading(page, QUESTIONS["overview"])
    page.get_by_text("How is the agreement computed?").first.wait_for(timeout=PATIENCE)


def go(page, title, question):
    page.get_by_role("link", name=title, exact=True).click()
    heading(page, question)


def no_error(page):
    assert page.get_by_test_id("stException").count() == 0
    assert page.get_by_test_id("stAlertContentError").count() == 0


@pytest.mark.parametrize("name", QUESTIONS)
def test_cold_deep_link(page, server, name):
    """On a fresh server the first address asked for may be any page: our navigation and that page appear."""
    page.goto(address(server, name))
    heading(page, QUESTIONS[name])

    page.get_by_test_id("stSidebarNav").get_by_text("Compare metrics", exact=True).wait_for(timeout=PATIENCE)
    page.get_by_role("button", name="Try the digits sample").wait_for(timeout=PATIENCE)
    no_error(page)


def test_from_files_to_results(page, server, tmp_path):
    """Upload labels and predictions, see the worst examples, open an annotator, take the consensus away."""
    import multiannotator_core as mc

    frame, truth = crowd(n_examples=80)
    labels = mc.CrowdLabels.from_long(frame)
    frame.to_csv(tmp_path / "crowd.csv", index=False)
    pd.DataFrame(model_of(labels, truth), index=labels.examples, columns=labels.classes).to_csv(tmp_path / "probs.csv")
    bring(page, server, tmp_path / "crowd.csv", "crowd")

    go(page, "Data", QUESTIONS["data"])
    page.get_by_text("What does a model say?").first.wait_for(timeout=PATIENCE)
    page.locator("input[type=file]").nth(1).set_input_files(tmp_path / "probs.csv")
    page.get_by_text("for 80 examples").first.wait_for(timeout=PATIENCE)

    go(page, "Review", QUESTIONS["review"])
    page.get_by_text("1 of 80 in this queue").first.wait_for(timeout=PATIENCE)
    page.keyboard.press("j")
    page.get_by_text("2 of 80 in this queue").first.wait_for(timeout=PATIENCE)

    go(page, "Annotators", QUESTIONS["annotators"])
    page.get_by_text("What do they say for each class?").first.wait_for(timeout=PATIENCE)
    page.get_by_text("Review all that differ").first.click()
    heading(page, QUESTIONS["review"])
    assert "rev_annotator=" in page.url

    go(page, "Export", QUESTIONS["export"])
    with page.expect_download(timeout=PATIENCE) as download:
        page.get_by_role("button", name="CSV").first.click()
    taken = pd.read_csv(io.BytesIO(Path(download.value.path()).read_bytes()), index_col="example")
    expected = mc.aggregate(labels).to_frame(labels)
    no_error(page)
    assert list(taken.index) == list(labels.examples)
    assert list(taken["consensus_label"]) == list(expected["consensus_label"])
    np.testing.assert_allclose(taken["consensus_quality_score"], expected["consensus_quality_score"], atol=1e-9)


def test_reload_and_restart_keep_everything(page, server, tmp_path):
    """F5, a mailed link on another tab, and a new server on the same workspace all show the same dataset and run."""
    load_sample(page, server)
    go(page, "Consensus", QUESTIONS["consensus"])
    page.locator(".st-key-run_one_coin button").click(timeout=PATIENCE)
    page.wait_for_url(re.compile("run=one_coin-"), timeout=PATIENCE)
    page.reload()
    heading(page, QUESTIONS["consensus"])
    page.get_by_text("How does One-coin work?").first.wait_for(timeout=PATIENCE)
    link = page.url.removeprefix(server.address)

    server.stop()
    again = start_server(tmp_path / "home")
    try:
        page.goto(again.address + link)
        page.get_by_text("How does One-coin work?").first.wait_for(timeout=PATIENCE)
        no_error(page)
    finally:
        again.stop()


HOSTILE = [
    "<img src=x onerror=alert(1)>",
    "![x](http://198.51.100.7/x.png)",
    "[a](javascript:alert(1))",
    r"$\LaTeX$ :red[x] :material/home:",
    "</script><b>bold</b>",
]


def test_hostile_names_stay_text(page, server, tmp_path):
    """Names that look like markup are shown as they are on every page and ask no other host for anything."""
    rows = [(example, annotator, HOSTILE[(i + j) % 2]) for i, example in enumerate(HOSTILE) for j, annotator in enumerate(HOSTILE)]
    pd.DataFrame(rows, columns=["task", "worker", "label"]).to_csv(tmp_path / "hostile.csv", index=False)
    pd.DataFrame({"task": HOSTILE, "text": HOSTILE}).to_csv(tmp_path / "texts.csv", index=False)
    dialogs = []
    page.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))
    bring(page, server, tmp_path / "hostile.csv", "hostile")
    go(page, "Data", QUESTIONS["data"])
    page.get_by_text("What do examples look like?").first.wait_for(timeout=PATIENCE)
    page.locator("input[type=file]").nth(3).set_input_files(tmp_path / "texts.csv")
    page.get_by_text("for 5 examples").first.wait_for(timeout=PATIENCE)

    for name, question in QUESTIONS.items():
        page.goto(address(server, name))
        heading(page, question)
        page.wait_for_timeout(1500)
        no_error(page)
        assert dialogs == []
        assert page.locator("[data-testid=stMain] img[src*='198.51.100.7'], [data-testid=stMain] a[href^='javascript']").count() == 0
        assert page.locator("[data-testid=stMain] :is(b, strong):text-is('bold')").count() == 0


@pytest.mark.parametrize(("name", "examples"), [("bluebirds", 108), ("rte", 800), ("dog", 807), ("labelme", 1000)])
def test_real_sets_from_file_to_ranking(page, server, real_data, name, examples):
    """Real crowds go from the file to the annotator ranking without a line of code."""
    bring(page, server, real_data / name / "answers.csv", name)
    go(page, "Annotators", QUESTIONS["annotators"])

    page.get_by_text(f"{examples:,} examples").first.wait_for(timeout=PATIENCE)
    page.get_by_text("worst first").first.wait_for(timeout=PATIENCE)
    page.get_by_text("What do they say for each class?").first.wait_for(timeout=PATIENCE)
    no_error(page)


def test_clicking_a_point_names_the_annotator(page, server):
    """On Compare metrics a click on a point selects that annotator below the plot."""
    load_sample(page, server)
    go(page, "Compare metrics", QUESTIONS["compare_metrics"])
    page.get_by_text("Click a point to see which annotator it is.").first.wait_for(timeout=PATIENCE)
    page.set_viewport_size({"width": 1440, "height": 1400})  # the whole plot is on the screen
    points = page.locator(".js-plotly-plot .scatterlayer .point")
    for attempt in range(10):  # a click before the plot listens is lost, as it is for a person
        page.wait_for_timeout(2000)
        box = points.nth(3 + attempt).bounding_box(timeout=PATIENCE)
        page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2, steps=3)
        page.wait_for_timeout(300)
        page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        page.wait_for_timeout(2000)
        if not page.get_by_text("Click a point to see which annotator it is.").is_visible():
            break

    assert not page.get_by_text("Click a point to see which annotator it is.").is_visible()
    no_error(page)
