"""Where pyarrow takes memory for large files."""

from __future__ import annotations

from functools import cache

import pyarrow as pa


@cache
def frugal_pool() -> pa.MemoryPool:
    """The pool that wastes least: with 5 M rows the default one keeps up to 90 MB for itself, jemalloc about 20 MB."""
    try:
        pool = pa.jemalloc_memory_pool()
        pa.jemalloc_set_decay_ms(0)  # at once, not after a second: the next step needs the room
        return pool
    except NotImplementedError:  # on Windows and in some builds
        return pa.system_memory_pool()


def release() -> None:
    """Give back what is no longer used."""
    for pool in (frugal_pool(), pa.default_memory_pool()):
        pool.release_unused()
