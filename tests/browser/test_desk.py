"""The review desk in a real browser: keys, reload, restart, two people at once."""

import json
import re

import pytest
from streamlit.web.server.starlette.starlette_app_utils import create_signed_value

import multiannotator_core as mc
from tests.browser.conftest import start_server
from tests.browser.test_journeys import PATIENCE, QUESTIONS, address, heading, load_sample, no_error
from tests.crowds import crowd

pytestmark = pytest.mark.browser


def open_desk(page, server, name):
    page.goto(address(server, "review"))
    heading(page, QUESTIONS["review"])
    page.get_by_label("Your name").fill(name, timeout=PATIENCE)
    page.get_by_label("Your name").press("Enter")
    page.get_by_label("Your name").blur()
    at_rest(page)


def at_rest(page, button=".st-key-decide_3 button"):
    """Wait until the page is drawn and the server does nothing for it: then its buttons hear their keys."""
    page.locator(button).wait_for(timeout=PATIENCE)
    page.wait_for_function("() => document.querySelector('[data-testid=stApp]').dataset.testScriptState === 'notRunning'", timeout=PATIENCE)


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
    at_rest(page)
    page.keyboard.press("3")
    page.get_by_text("2 decided").first.wait_for(timeout=PATIENCE)
    at_rest(page)
    page.keyboard.press("u")
    page.get_by_text("1 decided").first.wait_for(timeout=PATIENCE)
    at_rest(page)
    page.keyboard.press("5")
    page.get_by_text("2 decided").first.wait_for(timeout=PATIENCE)
    page.reload()
    page.get_by_text("2 decided").first.wait_for(timeout=PATIENCE)

    server.stop()
    again = start_server(tmp_path / "home")
    try:
        open_desk(page, again, "Kim")
        page.get_by_text("2 decided").first.wait_for(timeout=PATIENCE)
        page.goto(address(again, "history"))
        page.get_by_text("4 lines about 2 examples").first.wait_for(timeout=PATIENCE)
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
        at_rest(other)
        assert example(other) == example(page)
        page.keyboard.press("3")
        page.get_by_text("1 decided").first.wait_for(timeout=PATIENCE)
        other.keyboard.press("4")
        other.get_by_text("Kim decided this example in the meantime").first.wait_for(timeout=PATIENCE)
    finally:
        context.close()


def test_a_mailed_link_opens_the_same_queue_and_the_grid_works_by_keyboard(page, server, browser):
    """A link opens order, filter and view in another browser; A accepts the grid, U takes all of it back."""
    load_sample(page, server)
    page.goto(address(server, "review") + "?rev_view=Grid&rev_quality=Would+change+most&rev_class=8")
    page.get_by_label("Your name").fill("Kim", timeout=PATIENCE)
    page.get_by_label("Your name").press("Enter")
    page.get_by_label("Your name").blur()
    at_rest(page, ".st-key-accept button")
    shown = page.get_by_role("checkbox").count()
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    try:
        other = context.new_page()
        other.goto(page.url)
        at_rest(other, ".st-key-accept button")
        same = other.get_by_text("in this queue").first.inner_text(timeout=PATIENCE)
    finally:
        context.close()
    link, queue = page.url, page.get_by_text("in this queue").first.inner_text()
    page.keyboard.press("a")
    page.get_by_text("12 accepted").first.wait_for(timeout=PATIENCE)
    page.get_by_text("12 decided").first.wait_for(timeout=PATIENCE)
    at_rest(page, ".st-key-accept button")
    page.keyboard.press("u")
    page.get_by_text("12 decisions were taken back").first.wait_for(timeout=PATIENCE)

    assert shown == 12
    assert {"rev_view=Grid", "rev_class=8"} <= set(link.partition("?")[2].split("&"))
    assert int(re.search(r"[\d,]+", queue)[0]) - int(re.search(r"[\d,]+", same)[0]) == 12  # those that the first one looks at
    no_error(page)


SECRET = "a secret of this test alone, long enough"


def sign_in(context, server, address):
    """The cookie that the server itself sets after a login; only whoever has its secret can make it."""
    user = {"email": address, "origin": server.address, "is_logged_in": True, "provider": "default"}
    value = create_signed_value(SECRET, "_streamlit_user", json.dumps(user)).decode()
    context.clear_cookies()
    context.add_cookies([{"name": "_streamlit_user", "value": value, "url": server.address}])


def test_a_login_guards_every_address_and_a_viewer_only_looks(page, tmp_path):
    """On a cold server with a login a deep link shows no data; a viewer sees the desk without its buttons, a reviewer decides."""
    secrets = tmp_path / "secrets.toml"
    secrets.write_text(
        f"""[auth]
redirect_uri = "http://127.0.0.1/oauth2callback"
cookie_secret = "{SECRET}"
client_id = "x"
client_secret = "x"
server_metadata_url = "http://127.0.0.1:1/none"
[crowdlens.roles]
reviewer = ["bo@example.org"]
viewer = ["*@example.org"]
"""
    )
    frame, _ = crowd(n_examples=40)
    with mc.Store(tmp_path / "home" / "crowdlens.db") as store:
        dataset = store.add_dataset(mc.CrowdLabels.from_long(frame), name="small")
    server = start_server(tmp_path / "home", f"--secrets.files={secrets}")
    try:
        page.goto(address(server, "review"))
        page.get_by_role("button", name="Log in").wait_for(timeout=PATIENCE)
        assert page.get_by_text("40 examples").count() == page.get_by_text("in this queue").count() == 0

        sign_in(page.context, server, "eve@elsewhere.org")
        page.goto(address(server, "review"))
        page.get_by_text("is in no list of roles").first.wait_for(timeout=PATIENCE)

        sign_in(page.context, server, "cy@example.org")
        page.goto(address(server, "review"))
        page.get_by_text("takes the role of a reviewer").first.wait_for(timeout=PATIENCE)
        assert page.locator("[class*=st-key-decide_], [class*=st-key-flag_], .st-key-undo, .st-key-reviewer").count() == 0

        sign_in(page.context, server, "bo@example.org")
        page.goto(address(server, "review"))
        at_rest(page, ".st-key-decide_0 button")
        page.keyboard.press("1")
        page.get_by_text("1 decided").first.wait_for(timeout=PATIENCE)
        no_error(page)
        with mc.Store(tmp_path / "home" / "crowdlens.db") as store:
            assert store.decisions(dataset)["reviewer"].tolist() == ["bo@example.org"]
    finally:
        server.stop()
