"""How many threads the library uses: all cores, unless the environment or `--threads` says otherwise. No result depends on it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import pyarrow as pa
from threadpoolctl import threadpool_limits

# Processes that are started inherit it, so it is the one place where the number is kept.
VARIABLE = "CROWDLENS_THREADS"


def usable_threads() -> int:
    """The number in CROWDLENS_THREADS, or else of the cores that this process may use.

    Raises:
        ValueError: the variable holds something else than a number of 1 or more.
    """
    asked = os.environ.get(VARIABLE, "").strip()
    if asked:
        if not asked.isdecimal() or int(asked) < 1:
            raise ValueError(f"{VARIABLE} must be a whole number of 1 or more, got {asked!r}.")
        return int(asked)
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def use_threads(n: int) -> None:
    """From now on this process, and those that it starts, use n threads: for blocks of labels, BLAS and reading."""
    os.environ[VARIABLE] = str(n)
    threadpool_limits(n)
    pa.set_cpu_count(n)


@contextmanager
def limited(n: int) -> Iterator[None]:
    """n threads inside, as before afterwards; for a whole program, since the number is the process's own."""
    before, readers = os.environ.get(VARIABLE), pa.cpu_count()
    os.environ[VARIABLE] = str(n)
    pa.set_cpu_count(n)
    try:
        with threadpool_limits(n):
            yield
    finally:
        pa.set_cpu_count(readers)
        if before is None:
            del os.environ[VARIABLE]
        else:
            os.environ[VARIABLE] = before
