"""Rows collected one by one, for formats that are nested objects."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from .columns import private
from .jsontext import as_text
from .report import Notes
from .rows import Parsed, coded
from .times import seconds_spent, utc_times


@dataclass
class Gathered:
    """Labels, gold and content of one file, in the order in which they are met."""

    notes: Notes
    rows: list[tuple[str | None, str | None, str | None]] = field(default_factory=list)
    times: list[str | None] = field(default_factory=list)
    seconds: list[Any] = field(default_factory=list)
    golds: list[tuple[str, str]] = field(default_factory=list)
    shown: dict[str, dict[str, str]] = field(default_factory=dict)

    def label(self, example: str | None, annotator: str | None, label: str | None, time: Any = None, seconds: Any = None) -> None:
        """One label."""
        self.notes.rows_read += 1
        self.rows.append((example, annotator, label))
        self.times.append(as_text(time))
        self.seconds.append(as_text(seconds))

    def skip(self, reason: str) -> None:
        """One row that is no label."""
        self.notes.rows_read += 1
        self.notes.drop(reason)

    def gold(self, example: str, label: str | None) -> None:
        """The trusted class of an example."""
        if label is not None:
            self.golds.append((example, label))

    def show(self, example: str | None, content: Mapping[str, Any]) -> None:
        """What an example is; only single values, without columns that may identify a person."""
        if example is None or example in self.shown:
            return
        removed = private(content)
        self.notes.removed += [column for column in removed if column not in self.notes.removed]
        texts = {
            "image_name" if column == "image" else column: as_text(value) for column, value in content.items() if column not in removed
        }
        single = {column: text for column, text in texts.items() if text is not None and not isinstance(content.get(column), (dict, list))}
        self.shown[example] = {column: text for column, text in single.items() if not text.startswith("data:")}

    def parsed(self) -> Parsed:
        """The rows as columns."""
        example, annotator, label = ([row[i] for row in self.rows] for i in range(3))
        times, seconds = utc_times(self.times), seconds_spent(self.seconds)
        content = pd.DataFrame.from_dict(self.shown, orient="index", dtype="str") if any(self.shown.values()) else None
        gold = pd.Series([label for _, label in self.golds], index=pd.Index([name for name, _ in self.golds], dtype="str"), dtype="str")
        return Parsed(
            coded(example),
            coded(annotator),
            coded(label),
            None if np.isnat(times).all() else times,
            None if np.isnan(seconds).all() else seconds,
            gold if len(gold) else None,
            content,
            notes=self.notes,
        )


def entries(value: Any) -> list[dict[str, Any]]:
    """The objects in a list; anything else counts for nothing."""
    return [entry for entry in value if isinstance(entry, dict)] if isinstance(value, list) else []


def inside(value: Any, *keys: str) -> Any:
    """The value below several keys, or None where one is missing."""
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def true(value: Any) -> bool:
    """Whether a JSON value or a cell says yes."""
    return value is True or str(value).strip().casefold() in ("true", "1", "yes")
