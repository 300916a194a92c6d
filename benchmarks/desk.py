"""How fast the review desk answers: `python -m benchmarks.desk` prints p50 and p99 from a key to the next example, in Chromium.

Server and browser share the machine; the digits sample with a finished run; 40 keys each. The clock runs in the browser, from the
key until the heading of the next example stands there. On a busy machine read the last two columns: the processor time that the
server and the page's own thread spend on a key until both are at rest, which includes taking in the decision.
"""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
from pathlib import Path

import numpy as np
from playwright.sync_api import CDPSession, Page, sync_playwright

from tests.browser import chromium
from tests.browser.conftest import FLAGS, Server, start_server
from tests.browser.test_desk import at_rest, open_desk
from tests.browser.test_journeys import load_sample

KEYS = 40

# Watches the heading of the example: `timed` has the milliseconds from the next key to another heading.
WATCH = """() => { window.timed = new Promise(done => {
  const heading = () => [...document.querySelectorAll('h3')].map(h => h.innerText).find(t => t.startsWith('Example '));
  const before = heading();
  document.addEventListener('keydown', () => {
    const started = performance.now();
    const look = () => { const now = heading(); if (now && now !== before) done(performance.now() - started); else setTimeout(look, 4); };
    look();
  }, {once: true, capture: true});
}); }"""


def spent(server: Server, page: Page, session: CDPSession) -> tuple[float, float]:
    """Processor milliseconds so far of the server and of the thread that draws the page (Linux)."""
    fields = Path(f"/proc/{server.process.pid}/stat").read_text().rpartition(")")[2].split()
    ticks = int(fields[11]) + int(fields[12])
    metrics = {m["name"]: m["value"] for m in session.send("Performance.getMetrics")["metrics"]}
    return 1000 * ticks / os.sysconf("SC_CLK_TCK"), 1000 * metrics["TaskDuration"]


def timed(page: Page, key: str) -> list[float]:
    """Milliseconds of each of KEYS presses of a key."""
    found = []
    for _ in range(KEYS):
        page.evaluate(WATCH)
        page.keyboard.press(key)
        found.append(float(page.evaluate("() => window.timed")))
        at_rest(page)
    return found


def main() -> None:
    """Print the table."""
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright, contextlib.ExitStack() as stack:
        browser = playwright.chromium.launch(executable_path=chromium.find(), args=FLAGS)
        stack.callback(browser.close)
        server = start_server(Path(folder) / "home")
        stack.callback(server.stop)
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        load_sample(page, server)
        open_desk(page, server, "Kim")
        session = page.context.new_cdp_session(page)
        session.send("Performance.enable", {"timeDomain": "threadTicks"})
        sys.stdout.write(f"{'':24} {'p50 ms':>7} {'p99 ms':>7} {'most':>7} {'server':>7} {'page':>7}\n")
        for what, key in (("next (j)", "j"), ("decide (3)", "3"), ("next, once more", "j")):
            before = spent(server, page, session)
            seconds = timed(page, key)
            server_ms, page_ms = ((now - then) / KEYS for now, then in zip(spent(server, page, session), before, strict=True))
            p50, p99 = np.quantile(seconds, [0.5, 0.99])
            sys.stdout.write(f"{what:24} {p50:7.0f} {p99:7.0f} {max(seconds):7.0f} {server_ms:7.0f} {page_ms:7.0f}\n")


if __name__ == "__main__":
    main()
