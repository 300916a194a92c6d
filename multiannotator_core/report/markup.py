"""Pieces of the page; every text that comes from data is escaped here and nowhere else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

import pandas as pd

from ..figures.export import drawing

MOST_CHARACTERS = 200  # of one cell: a name can be a whole text

STYLE = """section { margin: 0 0 2rem; } h1 { margin-bottom: 0; } h2 { margin: 1.75rem 0 0.5rem; }
p { margin: 0.25rem 0 0.75rem; } .quiet { color: #5A6472; } .rule { white-space: pre-line; }
table { border-collapse: collapse; width: 100%; font-size: 0.87rem; margin-bottom: 1rem; }
th, td { text-align: left; padding: 0.22rem 0.5rem 0.22rem 0; border-bottom: 1px solid #D9DFE6; overflow-wrap: anywhere; }
th { font-weight: 600; color: #5A6472; } td.number, th.number { text-align: right; font-variant-numeric: tabular-nums; }
@page { size: A4; margin: 16mm 15mm; }
@media print {
 body { max-width: none; padding: 0; font-size: 10pt; }
 h2 { break-after: avoid; } tr, figure, .whole { break-inside: avoid; } thead { display: table-header-group; }
 figure { border: none; padding: 0; }
}
"""


def text(value: Any) -> str:
    """A value as inert text of one line."""
    line = " ".join(str(value).split())
    return escape(line if len(line) <= MOST_CHARACTERS else line[: MOST_CHARACTERS - 1] + "…")


def number(value: Any, digits: int = 2) -> str:
    """A number, or a dash where it is not known."""
    if pd.isna(value):
        return "–"
    # Adding nothing turns a rounded -0.0 into 0.0.
    return f"{value:,}" if isinstance(value, int) else f"{round(value, digits) + 0.0:,.{digits}f}"


def section(title: str, *parts: str) -> str:
    """A heading (our own words) and what stands below it; nothing without parts."""
    kept = [part for part in parts if part]
    return f"<section>\n<h2>{escape(title)}</h2>\n{''.join(kept)}</section>\n" if kept else ""


def paragraph(words: str, kind: str = "") -> str:
    """A paragraph of text."""
    return f"<p{f' class={kind!r}' if kind else ''}>{escape(words)}</p>\n" if words else ""


def facts(rows: Mapping[str, Any]) -> str:
    """Names and values, one a line."""
    lines = "".join(f"<tr><th>{escape(name)}</th><td>{text(value)}</td></tr>\n" for name, value in rows.items())
    return f"<table class='whole'>\n{lines}</table>\n"


def table(rows: Sequence[Sequence[Any]], titles: Sequence[str], numbers: Sequence[str] = ()) -> str:
    """Rows of cells under titles; the titles in `numbers` stand to the right."""
    kinds = [" class='number'" if title in numbers else "" for title in titles]
    head = "".join(f"<th{kind}>{escape(title)}</th>" for title, kind in zip(titles, kinds, strict=True))
    lines = "".join(
        "<tr>" + "".join(f"<td{kind}>{text(cell)}</td>" for cell, kind in zip(row, kinds, strict=True)) + "</tr>\n" for row in rows
    )
    return f"<table>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{lines}</tbody>\n</table>\n"


def picture(figure: Any, place: int) -> str:
    """A figure; `place` is its own on the page."""
    return f"<figure>\n{drawing(figure, place)}</figure>\n"
