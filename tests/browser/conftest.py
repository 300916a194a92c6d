"""A server of its own for each test module, and a headless Chromium."""

import contextlib
import os
import socket
import subprocess
import sys
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.browser import chromium

ROOT = Path(__file__).parent.parent.parent
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--no-first-run",
    "--disable-component-update",
    "--disable-sync",
    "--disable-quic",
]


@dataclass
class Server:
    """A running app."""

    process: subprocess.Popen
    address: str

    def stop(self):
        """End the server; nothing it acknowledged may be lost."""
        self.process.kill()
        self.process.wait()


def start_server(home, *options):
    """Start the app on a free port of loopback, with its workspace in `home`, and more options of Streamlit."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [
        sys.executable,
        "-m",
        "streamlit",
        "run",
        str(ROOT / "app.py"),
        f"--server.port={port}",
        "--server.fileWatcherType=none",
        *options,
    ]
    environment = {**os.environ, "CROWDLENS_HOME": str(home)}
    process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    server = Server(process, f"http://127.0.0.1:{port}")
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError), urllib.request.urlopen(f"{server.address}/_stcore/health", timeout=1) as answer:
            if answer.read() == b"ok":
                return server
        time.sleep(0.1)
    server.stop()
    raise RuntimeError("the server did not start within 30 s")


@pytest.fixture
def server(tmp_path):
    """A fresh server with an empty workspace."""
    running = start_server(tmp_path / "home")
    yield running
    running.stop()


@pytest.fixture(scope="session")
def browser():
    """One Chromium for all tests."""
    playwright = pytest.importorskip("playwright.sync_api", reason="the browser tests need playwright: pip install -r requirements-dev.txt")
    with playwright.sync_playwright() as p:
        found = chromium.find()
        running = p.chromium.launch(executable_path=found, args=FLAGS) if found else p.chromium.launch(args=FLAGS)
        yield running
        running.close()


@pytest.fixture
def page(browser):
    """A new tab; the test fails when it asked any other host for anything."""
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    tab = context.new_page()
    asked = []
    tab.on("request", lambda request: asked.append(request.url))
    yield tab
    context.close()
    foreign = [url for url in asked if not url.startswith(("http://127.0.0.1", "ws://127.0.0.1", "data:", "blob:"))]
    assert foreign == []
