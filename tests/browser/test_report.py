"""The audit report in a real browser without a network."""

import pytest

import multiannotator_core as mc
from multiannotator_core.report import audit_report
from multiannotator_core.samples import load_sample

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("annotator", [None, "A-025"], ids=["crowd", "annotator"])
def test_it_opens_offline_and_prints(browser, tmp_path, annotator):
    """The page draws its figures without a single request, without an error, and fits the printed page."""
    sample = load_sample("digits")
    result = mc.aggregate(sample.labels, gold=sample.gold)
    path = tmp_path / "report.html"
    path.write_text(audit_report(sample.labels, result, name="digits", gold=sample.gold, annotator=annotator), "utf-8")
    context = browser.new_context(viewport={"width": 1000, "height": 900}, offline=True)
    tab = context.new_page()
    asked, trouble = [], []
    tab.on("request", lambda request: asked.append(request.url))
    tab.on("console", lambda message: trouble.append(message.text))
    tab.on("pageerror", lambda error: trouble.append(str(error)))
    tab.goto(path.as_uri())
    tab.wait_for_function("() => document.querySelectorAll('.main-svg').length > 0", timeout=30_000)
    tab.emulate_media(media="print")
    tab.set_viewport_size({"width": 680, "height": 960})  # A4 less its margins
    wide = tab.evaluate("() => document.documentElement.scrollWidth")
    pages = tab.pdf(prefer_css_page_size=True).count(b"/Type /Page\n")
    context.close()

    assert asked == [path.as_uri()]
    assert trouble == []
    assert wide <= 690
    assert 2 <= pages <= 15
