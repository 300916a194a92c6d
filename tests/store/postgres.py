"""A private PostgreSQL on loopback for the tests, from the binaries of the system."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

BINARIES = Path("/usr/lib/postgresql")


@contextlib.contextmanager
def server() -> Iterator[str]:
    """The URL of a new server, without a database's name; it ends with the block. Skips with the reason where there is none."""
    found = sorted(BINARIES.glob("*/bin/initdb"), key=lambda path: float(path.parts[-3]))
    if not found:
        pytest.skip(f"no PostgreSQL under {BINARIES}: install the system's package postgresql")
    root = hasattr(os, "geteuid") and os.geteuid() == 0
    if root and not shutil.which("runuser"):
        pytest.skip("PostgreSQL does not run as root, and there is no runuser to become the user postgres")
    become = ["runuser", "-u", "postgres", "--"] if root else []
    folder = Path(tempfile.mkdtemp(prefix="crowdlens-pg-"))
    try:
        if root:
            shutil.chown(folder, "postgres", "postgres")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        tool, data = found[-1].parent, folder / "data"
        options = f"-c listen_addresses=127.0.0.1 -c port={port} -c unix_socket_directories={folder} -c max_connections=60"
        start = [tool / "pg_ctl", "-D", data, "-l", folder / "log", "-o", options, "-w", "start"]
        for command in ([tool / "initdb", "-D", data, "-A", "trust", "-U", "crowdlens", "-E", "UTF8", "--no-sync"], start):
            subprocess.run([*become, *map(str, command)], cwd=folder, check=True, stdout=subprocess.DEVNULL, timeout=60)
        try:
            yield f"postgresql://crowdlens@127.0.0.1:{port}"
        finally:
            stop = [tool / "pg_ctl", "-D", data, "-m", "immediate", "-w", "stop"]
            subprocess.run([*become, *map(str, stop)], cwd=folder, check=True, stdout=subprocess.DEVNULL, timeout=60)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
