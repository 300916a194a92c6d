"""Addresses of pictures on other computers, in the contents of examples."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

import pandas as pd

from .columns import plain

MOST_CHARACTERS = 2_000  # longer addresses are none, but a way to send data out
PICTURES = ("image", "img", "picture", "photo", "thumbnail")  # how columns of pictures begin
# No blanks, no quotes, and no name or password before the host, which would hide where the address leads.
_ADDRESS = r"https?://[^\s/@\"'<>\\]+/[^\s\"'<>\\]*"
_PICTURE = re.compile(rf"(?i:{_ADDRESS})", re.ASCII)
_ENDING = re.compile(r"(?i:\.(?:png|jpe?g|gif|webp|bmp|avif)(?:\?|$))")


def image_link(column: object, value: object) -> str | None:
    """The host of a picture's address, or None for any other content.

    Args:
        column: its name; in columns called image, photo and so on every http address is a picture's.
    """
    if not isinstance(value, str) or len(value) > MOST_CHARACTERS or not _PICTURE.fullmatch(value):
        return None
    try:
        parts = urlsplit(value)
    except ValueError:  # brackets that hold no address
        return None
    named = plain(str(column)).startswith(PICTURES)
    return parts.hostname if named or _ENDING.search(parts.path) else None


def image_hosts(content: pd.DataFrame) -> dict[str, int]:
    """How many examples show a picture of each other computer: host -> number, the most first."""
    found: dict[str, int] = {}
    for place, column in enumerate(content.columns):
        values = content.iloc[:, place]
        texts = values[[isinstance(value, str) and value[:4].lower() == "http" for value in values]]
        for value in texts:
            host = image_link(column, value)
            if host is not None:
                found[host] = found.get(host, 0) + 1
    return dict(sorted(found.items(), key=lambda entry: (-entry[1], entry[0])))
