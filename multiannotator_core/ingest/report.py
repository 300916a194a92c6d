"""What a reader tells about the files that it read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from ..names import listed


@dataclass
class Notes:
    """Collected while files are read; `Report` is the finished form."""

    rows_read: int = 0
    dropped: Counter[str] = field(default_factory=Counter)  # rows by reason
    assumptions: list[str] = field(default_factory=list)
    ignored: list[str] = field(default_factory=list)  # columns and files that were not used
    removed: list[str] = field(default_factory=list)  # columns taken out for privacy
    oddities: list[str] = field(default_factory=list)

    def assume(self, *sentences: str) -> None:
        """Add sentences that are not there yet."""
        self.assumptions += [s for s in dict.fromkeys(sentences) if s not in self.assumptions]

    def drop(self, reason: str, rows: int = 1) -> None:
        """Count rows that are left out."""
        if rows:
            self.dropped[reason] += int(rows)

    def add(self, other: Notes) -> None:
        """Take in what another file told."""
        self.rows_read += other.rows_read
        self.dropped += other.dropped
        self.assume(*other.assumptions)
        for mine, theirs in ((self.ignored, other.ignored), (self.removed, other.removed), (self.oddities, other.oddities)):
            mine += [entry for entry in theirs if entry not in mine]


@dataclass(frozen=True)
class Report:
    """What was understood, kept and left out.

    Attributes:
        format, title, why: key and name of the reader, and what it was recognised by.
        rows_read, rows_kept: labels in the files, and labels in the result.
        dropped: number of rows left out, by reason.
        assumptions, oddities: whole sentences.
        ignored: columns and files that were not used; removed: columns taken out for privacy.
    """

    format: str
    title: str
    why: str
    rows_read: int
    rows_kept: int
    dropped: dict[str, int]
    assumptions: tuple[str, ...]
    ignored: tuple[str, ...]
    removed: tuple[str, ...]
    oddities: tuple[str, ...]

    def sentences(self) -> list[str]:
        """The report as plain sentences, the most important first."""
        return [
            f"Read as {self.title}: {self.why}.",
            f"{self.rows_kept:,} of {self.rows_read:,} rows are labels.",
            *(f"{count:,} {_rows(count)} left out: {reason}." for reason, count in self.dropped.items()),
            *self.assumptions,
            *_named("Not used", self.ignored),
            *_named("Removed, since it may identify a person", self.removed),
            *self.oddities,
        ]


def _rows(count: int) -> str:
    return "row is" if count == 1 else "rows are"


def _named(what: str, names: Iterable[str]) -> list[str]:
    names = list(names)
    return [f"{what}: {listed(names, most=12)}."] if names else []
