"""The page about the formats says what they are."""

from docs import make_formats
from multiannotator_core.ingest import READERS


def test_the_page_is_current() -> None:
    """docs/formats.md is what `python -m docs.make_formats` writes: each row was read from a file."""
    assert make_formats.PAGE.read_text("utf-8") == make_formats.page()


def test_every_reader_has_a_sample_that_it_recognises() -> None:
    """A new format is not in the table without a file of it."""
    assert {key: make_formats.found_in(key)["Sniffed"] for key in READERS} == dict.fromkeys(READERS, True)
