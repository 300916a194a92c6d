"""Files on the computer where the app runs: only below one folder that its owner names."""

from __future__ import annotations

import os
from pathlib import Path

from .errors import IngestError

VARIABLE = "CROWDLENS_OPEN_FROM"


def open_folder() -> Path | None:
    """The folder from which files may be opened, or None: then nothing on the server can be opened by its path."""
    named = os.environ.get(VARIABLE, "").strip()
    return Path(named).resolve() if named else None


def place(path: str) -> Path:
    """The file or folder that a path names, as a real place below `open_folder`.

    Links are followed first, so that neither ".." nor a link leads out. What lies outside and what is not there get the same
    answer: nobody learns which files the server has.

    Args:
        path: absolute, or from the folder.

    Raises:
        IngestError: opening by path is off, or there is no such file below the folder.
    """
    folder = open_folder()
    if folder is None:
        raise IngestError(f"Files on the server cannot be opened. Its owner can allow one folder with the environment variable {VARIABLE}.")
    try:
        real = (folder / path.strip()).resolve(strict=True)
    except (OSError, ValueError, RuntimeError):  # not there, a NUL byte or a name too long, links in a circle
        real = None
    if real is None or not real.is_relative_to(folder) or not (real.is_file() or real.is_dir()):
        raise IngestError(f"There is no file {path.strip()[:200]!r} below the folder that may be opened. Check the path.")
    return real
