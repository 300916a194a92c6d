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
<title>Crowdlens figures</title>
<style>
body { margin: 0 auto; max-width: 56rem; padding: 2rem 1.25rem; background: #FFFFFF; color: #0F151C; font: 15px/1.5 %(font)s; }
h1 { font-size: 1.75rem; } h2 { font-size: 1.07rem; margin: 0 0 0.5rem; }
figure { margin: 0 0 1.5rem; padding: 1rem 1.25rem; border: 1px solid #D9DFE6; border-radius: 6px; break-inside: avoid; }
figcaption { color: #5A6472; font-size: 0.93rem; margin-top: 0.5rem; }
</style>
"""


def to_html(figures: Mapping[str, go.Figure]) -> str:
    """One self-contained page (title -> figure) in the light theme; give it figures that were made with dark=False."""
    parts = [_HEAD % {"font": theme.FONT}, f"<script>{get_plotlyjs()}</script>\n</head>\n<body>\n<h1>Crowdlens figures</h1>\n"]
    for number, (title, figure) in enumerate(figures.items(), start=1):
        light = go.Figure(figure).update_layout(template="crowdlens", paper_bgcolor=theme.WHITE)
        plot = pio.to_html(
            light, full_html=False, include_plotlyjs=False, config={**theme.CONFIG, "responsive": True}, div_id=f"figure-{number}"
        )
        caption = escape(theme.alt(figure))
        parts.append(f"<figure>\n<h2>{escape(title)}</h2>\n{plot}\n<figcaption>{caption}</figcaption>\n</figure>\n")
    return "".join((*parts, "</body>\n</html>\n"))


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
