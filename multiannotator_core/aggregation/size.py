"""How much memory a method needs for what it learns of the annotators, and how much there is."""

from __future__ import annotations

import os
from pathlib import Path

# Tables of annotators x classes x classes, or annotators x classes, that a method holds at its peak: the sums of two blocks and of
# all of them, what was learned from them, its logarithm, and what it was before.
TABLES = 6
NUMBER = 8  # bytes

# Methods with one confusion matrix for each annotator, and the method with a habit for each annotator and class.
WITH_CONFUSIONS = frozenset(
    ("dawid_skene", "fast_dawid_skene", "dawid_skene_clusters", "weighted_dawid_skene", "dawid_skene_with_model", "ibcc", "ebcc", "auto")
)
WITH_HABITS = frozenset(("mace",))

# What a machine is thought to have free if it does not say.
UNKNOWN = 4 << 30


def free_memory() -> int:
    """Bytes that new work can take without pushing others out."""
    try:
        lines = Path("/proc/meminfo").read_text("ascii").splitlines()
        return next(int(line.split()[1]) << 10 for line in lines if line.startswith("MemAvailable:"))
    except (OSError, StopIteration):
        pass
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2
    except (AttributeError, ValueError, OSError):
        return UNKNOWN


def table_bytes(method: str, n_annotators: int, n_classes: int) -> int:
    """Bytes that a method needs for its tables of annotators."""
    if method in WITH_CONFUSIONS:
        return TABLES * NUMBER * n_annotators * n_classes**2
    return TABLES * NUMBER * n_annotators * (n_classes if method in WITH_HABITS else 1)


def too_large(method: str, n_annotators: int, n_classes: int) -> str | None:
    """Why a method cannot hold its tables of annotators, and which methods can; None where it can."""
    needed, free = table_bytes(method, n_annotators, n_classes), free_memory()
    if needed <= free:
        return None
    what = "a confusion matrix" if method in WITH_CONFUSIONS else "the habits"
    others = [
        name for name in ("plantnet", "majority_vote", "one_coin", "glad", "mace") if table_bytes(name, n_annotators, n_classes) <= free
    ]
    return (
        f"needs {readable(needed)} for {what} of each of {n_annotators:,} annotators over {n_classes:,} classes, and {readable(free)} are "
        f"free; with so many take {', '.join(others) or 'a machine with more memory'}"
    )


def readable(n_bytes: float) -> str:
    """A number of bytes as people say it."""
    for unit in ("bytes", "KiB", "MiB", "GiB"):
        if n_bytes < 1024:
            return f"{n_bytes:.3g} {unit}"
        n_bytes /= 1024
    return f"{n_bytes:,.3g} TiB" if n_bytes < 1000 else f"{n_bytes:,.0f} TiB"
