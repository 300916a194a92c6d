"""What each page costs: `python -m benchmarks.pages` prints seconds and websocket payload on the digits sample.

Cold: a fresh server is asked for the page first. Warm: the page is asked for again. Keys within the page: `benchmarks.desk`.
"""

import contextlib
import tempfile
import time
from pathlib import Path

from playwright.sync_api import sync_playwright

from tests.browser import chromium
from tests.browser.conftest import FLAGS, start_server
from tests.browser.test_journeys import PATIENCE, QUESTIONS, address, heading, load_sample

# The last thing that a page draws, once its data is there.
LAST = {
    "overview": "How is the agreement computed?",
    "data": "What do examples look like?",
    "consensus": "How does Dawid-Skene work?",
    "review": "How is the order computed?",
    "history": "Nothing was decided yet",
    "annotators": "How is quality computed?",
    "agreement": "When does an annotator change?",
    "compare_metrics": "Open the annotator",
    "classes": "When does someone say a class too often?",
    "relabel": "All 1,797 examples",
    "export": "What went in?",
}


def visit(page, server, name):
    """Seconds until the page is complete, and bytes that the server sent over the websocket meanwhile."""
    received = []
    count = lambda frame: received.append(len(frame if isinstance(frame, bytes) else frame.encode()))  # noqa: E731
    page.on("websocket", lambda socket: socket.on("framereceived", count))
    started = time.perf_counter()
    page.goto(address(server, name))
    heading(page, QUESTIONS[name])
    page.get_by_text(LAST[name]).first.wait_for(timeout=PATIENCE)
    return time.perf_counter() - started, sum(received)


def main():
    """Print the table."""
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright, contextlib.ExitStack() as stack:
        browser = playwright.chromium.launch(executable_path=chromium.find(), args=FLAGS)
        stack.callback(browser.close)
        home = Path(folder) / "home"
        server = start_server(home)
        load_sample(browser.new_page(), server)
        server.stop()
        print(f"{'page':16} {'cold s':>7} {'warm s':>7} {'payload kB':>11}")
        for name in LAST:
            server = start_server(home)
            page = browser.new_page(viewport={"width": 1440, "height": 900})
            cold, payload = visit(page, server, name)
            page.close()
            page = browser.new_page(viewport={"width": 1440, "height": 900})
            warm, _ = visit(page, server, name)
            print(f"{name:16} {cold:7.2f} {warm:7.2f} {payload / 1000:11.0f}")
            page.close()
            server.stop()


if __name__ == "__main__":
    main()
