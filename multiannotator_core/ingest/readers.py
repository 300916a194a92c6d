"""The formats, most specific first: a new one is a file and a line here."""

from __future__ import annotations

from . import long_table, peerannot, wide_table
from .reader import Reader

READERS: dict[str, Reader] = {
    "peerannot": peerannot.READER,
    "long": long_table.READER,
    "wide": wide_table.READER,
}
