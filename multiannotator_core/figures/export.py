"""Figures to take away: one HTML page that needs no network, or JSON."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Mapping
from html import escape
from typing import Any

import numpy as np
import plotly.graph_objects as go
import plotly.io as pio
from plotly.io.json import to_json_plotly
from plotly.offline import get_plotlyjs

from . import theme

# The page may run its own script and style and nothing else: a browser refuses every request to elsewhere.
_HEAD = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy"
 content="default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:">
<title>%(title)s</title>
<style>
body { margin: 0 auto; max-width: %(width)s; padding: 2rem 1.25rem; background: #FFFFFF; color: #0F151C; font: 15px/1.5 %(font)s; }
h1 { font-size: 1.75rem; } h2 { font-size: 1.07rem; margin: 0 0 0.5rem; }
figure { margin: 0 0 1.5rem; padding: 1rem 1.25rem; border: 1px solid #D9DFE6; border-radius: 6px; break-inside: avoid; }
figcaption { color: #5A6472; font-size: 0.93rem; margin-top: 0.5rem; }
%(style)s</style>
"""


def to_html(figures: Mapping[str, go.Figure], note: str = "") -> str:
    """One self-contained page (title -> figure) in the light theme; give it figures that were made with dark=False.

    Args:
        note: a sentence below the heading, such as what was left out.
    """
    parts = [
        f"<figure>\n<h2>{escape(title)}</h2>\n{drawing(figure, number)}</figure>\n"
        for number, (title, figure) in enumerate(figures.items(), start=1)
    ]
    said = f"<p>{escape(note)}</p>\n" if note else ""
    return document("Crowdlens figures", "".join((f"<h1>Crowdlens figures</h1>\n{said}", *parts)))


def document(title: str, body: str, style: str = "", width: str = "56rem") -> str:
    """A page that needs no network around a body with `drawing`s; body and style are markup, the title is text."""
    head = _HEAD % {"title": escape(title), "font": theme.FONT, "style": style, "width": width}
    return f"{head}<script>{get_plotlyjs()}</script>\n</head>\n<body>\n{body}</body>\n</html>\n"


def drawing(figure: go.Figure, number: int) -> str:
    """A figure in the light theme with its words below it, as markup for a `document`; the number is its own on the page."""
    light = go.Figure(figure).update_layout(template="crowdlens", paper_bgcolor=theme.WHITE)
    plot = pio.to_html(
        light, full_html=False, include_plotlyjs=False, config={**theme.CONFIG, "responsive": True}, div_id=f"figure-{number}"
    )
    return f"{plot}\n<figcaption>{escape(theme.alt(figure))}</figcaption>\n"


def to_json(figures: go.Figure | Mapping[str, go.Figure]) -> str:
    """A figure, or {title: figure}, as plotly's JSON with numbers as plain lists: older versions of plotly, and people, can read it."""
    if isinstance(figures, go.Figure):
        return str(to_json_plotly(_unpacked(figures.to_plotly_json())))
    return str(to_json_plotly({title: _unpacked(figure.to_plotly_json()) for title, figure in figures.items()}))


def _unpacked(part: Any) -> Any:
    """The same tree with plotly's packed arrays ({"dtype", "bdata", "shape"}) as lists."""
    if isinstance(part, dict):
        if "bdata" in part and "dtype" in part:
            array = np.frombuffer(b64decode(part["bdata"]), dtype=part["dtype"])
            shape = [int(size) for size in str(part.get("shape", len(array))).split(",")]
            return array.reshape(shape).tolist()
        return {name: _unpacked(value) for name, value in part.items()}
    return [_unpacked(value) for value in part] if isinstance(part, (list, tuple)) else part
