"""A file from which a training goes on: written aside, then renamed, so that nobody ever finds half of one."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .extra import import_torch


def write(path: Path, content: Mapping[str, Any]) -> None:
    """Replace the file by one with numbers, texts, tensors, and lists and dicts of them.

    Only one process may train with a path; what a killed one left aside is overwritten by the next.
    """
    torch = import_torch()
    aside = path.with_name(f".{path.name}.part")
    try:
        with aside.open("wb") as file:
            torch.save(dict(content), file)
            file.flush()
            os.fsync(file.fileno())
        aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)


def read(path: Path, key: str) -> dict[str, Any] | None:
    """What was written last, or None where there is no file. Nothing in the file is executed.

    Raises:
        ValueError: the file is no checkpoint, or that of another training.
    """
    if not path.is_file():
        return None
    torch = import_torch()
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
        if content["key"] != key:
            raise ValueError(f"{path} belongs to a training with other labels, features or options; delete it or name another file.")
    except ValueError:
        raise
    except Exception:  # torch raises what it meets in a file that is none of its own
        raise ValueError(f"{path} is no checkpoint of a training; name another file.") from None
    return dict(content)
