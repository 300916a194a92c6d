"""Rows of a benchmark that are kept as soon as they are measured, so that a run which is ended goes on where it stopped."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd


class Rows:
    """Rows in a file beside a page: `SPEED.md` has `SPEED.rows.jsonl`, one row a line.

    The file belongs to one state of the code: begin afresh after a change of what is measured.
    """

    def __init__(self, page: Path, afresh: bool = False) -> None:
        self.path = page.with_suffix(".rows.jsonl")
        if afresh:
            self.path.unlink(missing_ok=True)
        text = self.path.read_text("utf-8") if self.path.exists() else ""
        whole = text[: text.rfind("\n") + 1]  # a run that was killed may leave half a line
        self._rows: list[dict[str, Any]] = [json.loads(line) for line in whole.splitlines()]
        if whole != text:
            self.path.write_text(whole, encoding="utf-8")

    def has(self, **key: Any) -> bool:
        """Whether there is a row with these values."""
        return any(all(row.get(name) == value for name, value in key.items()) for row in self._rows)

    def add(self, **row: Any) -> None:
        """Keep a row, in the file too."""
        row = json.loads(json.dumps(row))
        self._rows.append(row)
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")

    def where(self, **key: Any) -> list[dict[str, Any]]:
        """The rows with these values, without them."""
        found = [row for row in self._rows if all(row.get(name) == value for name, value in key.items())]
        return [{name: value for name, value in row.items() if name not in key} for row in found]

    def frame(self, **key: Any) -> pd.DataFrame:
        """These rows as a table."""
        return pd.DataFrame(self.where(**key))
