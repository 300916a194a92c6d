"""Pictures on other computers, in a real browser: nothing is asked for until the owner of the dataset allows it."""

import base64
import http.server
import re
import threading

import pandas as pd
import pytest

from tests.browser.test_journeys import PATIENCE, QUESTIONS, address, bring, go, heading, no_error

pytestmark = pytest.mark.browser

PICTURE = base64.b64decode("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==")


@pytest.fixture
def host():
    """Another host: a server of pictures on a port of its own, and the paths that it was asked for."""
    asked = []

    class Pictures(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            self.send_response(200)
            self.send_header("Content-Type", "image/png")
            self.end_headers()
            self.wfile.write(PICTURE)

        def log_message(self, *words):
            """Say nothing."""

    running = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Pictures)
    threading.Thread(target=running.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{running.server_address[1]}", asked
    running.shutdown()
    running.server_close()


def test_remote_pictures_are_loaded_only_when_allowed(page, server, host, tmp_path):
    """Off: no request leaves on any page that shows examples. On, with a sentence of what it means: they are loaded. Off again."""
    other, asked = host
    rows = [(f"t{i}", f"w{j}", "ab"[(i * j) % 2], f"{other}/{i}.png") for i in range(6) for j in range(3)]
    pd.DataFrame(rows, columns=["task", "worker", "label", "picture"]).to_csv(tmp_path / "crowd.csv", index=False)
    bring(page, server, tmp_path / "crowd.csv", "crowd")
    go(page, "Review", QUESTIONS["review"])
    page.get_by_text("in this queue").first.wait_for(timeout=PATIENCE)
    page.get_by_text(other).first.wait_for(timeout=PATIENCE)  # the address is there, as text
    go(page, "Data", QUESTIONS["data"])
    page.get_by_text("the host of these images will see your address").wait_for(timeout=PATIENCE)

    assert asked == []

    page.get_by_text("Load these pictures").click(timeout=PATIENCE)
    page.get_by_text("The host of these images sees your address").wait_for(timeout=PATIENCE)
    with page.expect_response(re.compile(re.escape(other)), timeout=PATIENCE):
        go(page, "Review", QUESTIONS["review"])
    no_error(page)

    assert asked

    page.goto(address(server, "data"))
    heading(page, QUESTIONS["data"])
    page.get_by_text("Load these pictures").click(timeout=PATIENCE)
    page.get_by_text("the host of these images will see your address").wait_for(timeout=PATIENCE)
    asked.clear()
    go(page, "Review", QUESTIONS["review"])
    page.get_by_text(other).first.wait_for(timeout=PATIENCE)

    assert asked == []
