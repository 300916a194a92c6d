"""PyTorch is an extra: here is the one sentence for those who do not have it."""

from __future__ import annotations

import importlib
from importlib.util import find_spec
from typing import Any

INSTALL = "pip install -r requirements-torch.txt"
SENTENCE = f"Networks need PyTorch, which is not installed: {INSTALL}"


def torch_missing() -> str | None:
    """Why networks cannot be trained here, in one sentence with the command that mends it; None when they can."""
    try:
        return SENTENCE if find_spec("torch") is None else None
    except ValueError:  # the import was blocked
        return SENTENCE


def import_torch() -> Any:
    """The module torch; imported where it is used, since it takes seconds and is not there for everybody.

    Raises:
        ValueError: it is not installed.
    """
    try:
        return importlib.import_module("torch")
    except ImportError:
        raise ValueError(SENTENCE) from None


def device_of(name: str | None) -> str:
    """The device to train on: as asked, else a graphics card if there is one.

    Raises:
        ValueError: this machine does not have it.
    """
    torch = import_torch()
    there = ["cpu"]
    if torch.cuda.is_available():
        there.insert(0, "cuda")
    elif torch.backends.mps.is_available():
        there.insert(0, "mps")
    if name is None:
        return there[0]
    if name.partition(":")[0] not in there:
        raise ValueError(f"There is no device {name!r} here; choose one of {', '.join(there)}.")
    return name
