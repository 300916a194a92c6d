"""The review desk in a real browser: keys, reload, restart, two people at once."""

import re

import pytest

from tests.browser.conftest import start_server
from tests.browser.test_journeys import PATIENCE, QUESTIONS, address, heading, load_sample, no_error

pytestmark = pytest.mark.browser


def open_desk(page, server, name):
    page.goto(address(server, "review"))
    heading(page, QUESTIONS["review"])
    page.get_by_label("Your name").fill(name, timeout=PATIENCE)
    page.get_by_label("Your name").press("Enter")
    page.get_by_label("Your name").blur()
    page.wait_for_timeout(1500)  # keys are heard once everything is drawn


def example(page):
    return page.get_by_role("heading", name=re.compile("^Example ")).inner_text(timeout=PATIENCE)


def test_deciding_by_keyboard_survives_reload_and_restart(page, server, tmp_path):
    """A key decides and the next example appears; F5 and a killed server lose nothing; undo is a new line of the history."""
    load_sample(page, server)
    open_desk(page, server, "Kim")
    first = example(page)
    page.keyboard.press("3")
    page.get_by_text("1 decided").first.wait_for(timeout=PATIENCE)
    page.wait_for_function("name => ![...document.querySelectorAll('h3')].some(h => h.innerText === name)", arg=first, timeout=PATIENCE)
    page.keyboard.press("3")
    page.get_by_text("2 decided").first.wait_for(timeout=PATIENCE)
    page.reload()
    page.get_by_text("2 decided").first.wait_for(timeout=PATIENCE)

    server.stop()
    again = start_server(tmp_path / "home")
    try:
        open_desk(page, again, "Kim")
        page.get_by_text("2 decided").first.wait_for(timeout=PATIENCE)
        page.goto(address(again, "history"))
        page.get_by_text("2 lines about 2 examples").first.wait_for(timeout=PATIENCE)
        page.goto(address(again, "review"))
        page.get_by_text("2 decided").first.wait_for(timeout=PATIENCE)
        no_error(page)
    finally:
        again.stop()


def test_two_people_do_not_get_the_same_example(page, server, browser):
    """A second reviewer is offered another example; on a shared link the later decision is refused, not overwritten."""
    load_sample(page, server)
    open_desk(page, server, "Kim")
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    try:
        other = context.new_page()
        open_desk(other, server, "Lee")
        assert example(other) != example(page)

        other.goto(page.url)
        heading(other, QUESTIONS["review"])
        other.get_by_label("Your name").fill("Lee", timeout=PATIENCE)
        other.get_by_label("Your name").press("Enter")
        other.get_by_label("Your name").blur()
        other.wait_for_timeout(1500)
        assert example(other) == example(page)
        page.keyboard.press("3")
        page.get_by_text("1 decided").first.wait_for(timeout=PATIENCE)
        other.keyboard.press("4")
        other.get_by_text("Kim decided this example in the meantime").first.wait_for(timeout=PATIENCE)
    finally:
        context.close()
