"""Takes the pictures of docs/guide.md from the app on the digits sample: python -m docs.make_pictures [NAME ...]

Needs a Chromium (see README.md). The app runs on a port of its own with a workspace in a temporary folder.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from io import BytesIO
from pathlib import Path
from socket import socket
from typing import Any
from urllib.request import urlopen

from PIL import Image
from playwright.sync_api import Page, TimeoutError, sync_playwright

from tests.browser.chromium import find

ROOT = Path(__file__).resolve().parents[1]
FOLDER = Path(__file__).with_name("pictures")
SIZE = {"width": 1280, "height": 800}
COLOURS = 256  # flat pages need no more, and a picture stays below MOST
MOST = 120_000  # bytes
PATIENCE = 600_000  # milliseconds; on a busy machine thirty crowds take minutes


def simulate(page: Page) -> None:
    """Ask what other labels would give."""
    press(page, "Ask", "Press Ask", "What would change?", "What does accuracy cost?")


def benchmark(page: Page) -> None:
    """Compare methods on the sample's gold."""
    press(page, "Run", "Press Run", "Who comes first?", "How fast do they get there?")


def press(page: Page, button: str, hint: str, answer: str, last: str) -> None:
    """Press a button as a person does: again, if the page was not listening yet; then wait for all cards and go to the answer."""
    page.get_by_text(hint).wait_for(timeout=PATIENCE)
    while page.get_by_text(hint).count():
        page.get_by_role("button", name=button, exact=False).last.click()
        with suppress(TimeoutError):
            page.get_by_text(hint).wait_for(state="detached", timeout=10_000)
    page.get_by_text(last).wait_for(timeout=PATIENCE)
    settle(page)
    page.get_by_text(answer).first.evaluate("card => card.scrollIntoView({block: 'start'})")


# Name of a picture -> its page, and what is done there first. At most eight, in the order of the guide.
PICTURES: dict[str, tuple[str, Callable[[Page], None] | None]] = {
    "data": ("data", None),
    "overview": ("", None),
    "review": ("review", None),
    "annotators": ("annotators", None),
    "classes": ("classes", None),
    "relabel": ("relabel", None),
    "simulate": ("simulate", simulate),
    "benchmark": ("benchmark", benchmark),
}


@contextmanager
def app() -> Iterator[str]:
    """The address of an app with an empty workspace."""
    with socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with tempfile.TemporaryDirectory() as home:
        command = [sys.executable, "-m", "streamlit", "run", "app.py", f"--server.port={port}", "--server.fileWatcherType=none"]
        environment = {**os.environ, "CROWDLENS_HOME": home}
        environment.pop("CROWDLENS_DATABASE_URL", None)
        server = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            address = f"http://127.0.0.1:{port}"
            while not _answers(address):
                time.sleep(0.2)
            yield address
        finally:
            server.terminate()
            server.wait()


def _answers(address: str) -> bool:
    with suppress(OSError):
        return bool(urlopen(f"{address}/_stcore/health", timeout=1).read() == b"ok")
    return False


def settle(page: Page) -> None:
    """Wait until nothing on the page is running or missing."""
    running = '[data-testid="stStatusWidget"], [data-testid="stSkeleton"], [data-testid="stProgress"]'
    page.wait_for_function("where => !document.querySelector(where)", arg=running, timeout=PATIENCE)
    page.wait_for_timeout(1000)  # figures are drawn after the page says that it is done


def small(png: bytes) -> bytes:
    """The picture with few colours.

    Raises:
        ValueError: it is still too large for the repository.
    """
    out = BytesIO()
    Image.open(BytesIO(png)).convert("RGB").quantize(COLOURS, method=Image.Quantize.MEDIANCUT).save(out, "PNG", optimize=True)
    if len(out.getvalue()) > MOST:
        raise ValueError(f"A picture has {len(out.getvalue()):,} bytes; at most {MOST:,} are allowed.")
    return out.getvalue()


def main(names: list[str]) -> None:
    """Take all pictures, or those that are named."""
    FOLDER.mkdir(exist_ok=True)
    with app() as address, sync_playwright() as playwright:
        browser: Any = playwright.chromium.launch(executable_path=find(), args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(viewport=SIZE, color_scheme="light")
        page.goto(address)
        page.get_by_role("button", name="Try the digits sample").first.click(timeout=PATIENCE)
        page.get_by_text("digits").first.wait_for(timeout=PATIENCE)
        settle(page)
        for name in names or PICTURES:
            path, prepare = PICTURES[name]
            page.goto(f"{address}/{path}")
            page.wait_for_selector("h1", timeout=PATIENCE)
            settle(page)
            if prepare is not None:
                prepare(page)
                settle(page)
            (FOLDER / f"{name}.png").write_bytes(small(page.screenshot()))
        browser.close()


if __name__ == "__main__":
    main(sys.argv[1:])
