"""Which contents are addresses of pictures on other computers."""

from __future__ import annotations

import pandas as pd
import pytest

from multiannotator_core.ingest.links import image_hosts, image_link


@pytest.mark.parametrize(
    ("column", "value", "expected"),
    [
        ("text", "https://example.org/a/b.png", "example.org"),
        ("text", "HTTP://Example.org:8080/a.JPG?size=2", "example.org"),
        ("image_url", "https://example.org/pictures/17", "example.org"),
        ("Photo", "https://example.org/x", "example.org"),
        ("text", "https://example.org/page.html", None),
        ("text", "look at https://example.org/a.png", None),
        ("image", "/etc/passwd.png", None),
        ("image", "file:///etc/passwd.png", None),
        ("image", "javascript:alert(1)//a.png", None),
        ("image", "data:image/png;base64,AAAA", None),
        ("image", "//example.org/a.png", None),
        ("image", "https://user:secret@example.org/a.png", None),
        ("image", "https://example.org", None),
        ("image", 'https://example.org/a.png" onerror="alert(1)', None),
        ("image", "https://example.org/a.png\nx", None),
        ("image", "https://[::1/a.png", None),
        ("image", "https://example.org/" + "a" * 3000 + ".png", None),
        ("image", b"https://example.org/a.png", None),
        ("image", None, None),
    ],
)
def test_only_plain_web_addresses_of_pictures_count(column: str, value: object, expected: str | None) -> None:
    """http and https with a host, a path that ends as a picture's or a column of pictures; no files, no scripts, no passwords."""
    assert image_link(column, value) == expected


def test_hosts_are_counted_over_all_columns() -> None:
    """The most common host comes first; bytes and texts are passed over."""
    content = pd.DataFrame({"url": ["https://b.org/1.png", "https://a.org/1.png", "x"], "image": [b"\x89PNG", "https://a.org/2", None]})

    assert list(image_hosts(content).items()) == [("a.org", 2), ("b.org", 1)]
