"""The one error of all readers."""

from __future__ import annotations


class IngestError(ValueError):
    """A file cannot be read as it is; the message names the file, the place, what was expected, and what to do."""


class NotRecognisedError(IngestError):
    """The bytes are no format that holds data for us; beside other files this is no reason to stop."""
