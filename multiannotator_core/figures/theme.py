"""The look of every figure: colours and their meaning, the plotly templates, and one function that applies them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import plotly.graph_objects as go
import plotly.io as pio

FONT = "'Source Sans', system-ui, -apple-system, 'Segoe UI', Roboto, 'Noto Sans', sans-serif"

INK = "#366CB7"  # the one series, the selected thing, the consensus
QUIET = "#8591A1"  # everything else
GOOD, UNSURE, BAD, SCARCE = "#1F8A70", "#B7791F", "#BC3347", "#A383E7"  # always with a symbol or a word beside them
SYMBOLS = {GOOD: "circle", QUIET: "circle-open", UNSURE: "diamond", BAD: "x", SCARCE: "square-open", INK: "circle"}
# How a verdict begins, and its colour. A verdict that is not listed is ordinary.
VERDICTS = {
    "trustworthy": GOOD,
    "mixes up": UNSURE,
    "confused about": UNSURE,
    "answers at random": BAD,
    "always says": BAD,
    "not enough data": SCARCE,
}

# Distinguishable under the three kinds of colour blindness, and at least 3 : 1 on both pages.
CLASSES = ("#366CB7", "#A8550F", "#419BA2", "#8D5078", "#B48E2B", "#A383E7", "#5B7E52", "#E36E7C")

# Scales begin at the page itself (no colour), so that one scale serves both themes.
SEQUENTIAL = [[0.0, "rgba(54,108,183,0)"], [0.5, "rgba(54,108,183,0.55)"], [1.0, "rgba(54,108,183,1)"]]
ALARM = [[0.0, "rgba(188,51,71,0)"], [0.5, "rgba(188,51,71,0.55)"], [1.0, "rgba(188,51,71,1)"]]
DIVERGING = [[0.0, "#A8550F"], [0.5, "rgba(133,145,161,0.10)"], [1.0, "#366CB7"]]

WHITE, BLACK = "#FFFFFF", "#0F151C"
# A second estimate on top of bars: white with a dark edge is seen on every bar and on both pages.
OPEN_MARK = {"size": 9, "color": WHITE, "line": {"color": BLACK, "width": 1.6}}

CONFIG = {"displayModeBar": False, "scrollZoom": False}

MOST_POINTS = 5_000  # SVG points in one figure; a browser draws so many without a pause


def _template(*, text: str, grid: str, card: str, edge: str, card_text: str) -> go.layout.Template:
    small = {"size": 12, "color": text}
    axis = {
        "gridcolor": grid,
        "showgrid": False,
        "zeroline": False,
        "showline": False,
        "ticks": "",
        "automargin": True,
        "ticklabelstandoff": 6,
        "fixedrange": True,
        "tickfont": small,
        "title": {"font": small, "standoff": 8},
    }
    layout = {
        "font": {"family": FONT, "size": 13, "color": text},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "colorway": list(CLASSES),
        "colorscale": {"sequential": SEQUENTIAL, "diverging": DIVERGING},
        "margin": {"l": 4, "r": 12, "t": 6, "b": 4},
        "xaxis": axis,
        "yaxis": axis,
        "dragmode": False,
        "hovermode": "closest",
        "bargap": 0.28,
        "showlegend": False,
        "hoverlabel": {"bgcolor": card, "bordercolor": edge, "align": "left", "font": {"family": FONT, "size": 13, "color": card_text}},
        "annotationdefaults": {"showarrow": False, "font": small},
        "uniformtext": {"mode": "show", "minsize": 10},
    }
    data = {
        "bar": [{"marker": {"color": INK, "line": {"width": 0}}, "textfont": small, "cliponaxis": False}],
        "heatmap": [{"colorscale": SEQUENTIAL, "showscale": False, "xgap": 2, "ygap": 2, "hoverongaps": False}],
        "scatter": [{"marker": {"size": 8}, "line": {"width": 2.2}, "textfont": small}],
    }
    return go.layout.Template(layout=layout, data=data)


# Text of both themes lies in a narrow band of greys: after a switch of theme a figure keeps its old
# text until the page runs again, and must stay readable meanwhile.
TEXT = {False: "#5A6472", True: "#8F9BAA"}
pio.templates["crowdlens"] = _template(text=TEXT[False], grid="rgba(133,145,161,0.25)", card=WHITE, edge="#B9C3CF", card_text=BLACK)
pio.templates["crowdlens-dark"] = _template(
    text=TEXT[True], grid="rgba(133,145,161,0.20)", card="#1B222B", edge="#465362", card_text="#E3E8EE"
)


def style(figure: go.Figure, height: int, *, alt: str, dark: bool = False, grid: str = "") -> go.Figure:
    """Give a figure the house style and its alternative text; `grid` names the axes ("x", "y", "xy") whose lines help reading."""
    figure.update_layout(template="crowdlens-dark" if dark else "crowdlens", height=height, meta={"alt": alt})
    return figure.update_xaxes(showgrid="x" in grid).update_yaxes(showgrid="y" in grid)


def alt(figure: go.Figure) -> str:
    """The alternative text of a figure: one plain sentence with the takeaway and its numbers."""
    return str((figure.layout.meta or {}).get("alt", ""))


def empty(message: str, *, dark: bool = False, height: int = 120) -> go.Figure:
    """A figure that says in one sentence why there is nothing to draw."""
    figure = go.Figure()
    figure.add_annotation(text=message, x=0.5, y=0.5, xref="paper", yref="paper", font_size=13)
    figure.update_xaxes(visible=False).update_yaxes(visible=False)
    return style(figure, height, alt=message, dark=dark)


def note(figure: go.Figure, *lines: str, below: bool = False) -> None:
    """Small print above the plot, or below it, from the figure's left edge. The text is the caller's own, or escaped."""
    place = {"y": 0.0, "yanchor": "bottom"} if below else {"y": 1.0, "yanchor": "top"}
    figure.update_layout(
        title={
            "text": "<br>".join(lines),
            "font": {"size": 12},
            "x": 0,
            "xref": "container",
            "xanchor": "left",
            "pad": {"l": 4, "t": 4, "b": 4},
            **place,
        }
    )
    figure.update_layout({"margin_b" if below else "margin_t": 12 + 17 * len(lines)})


def class_colours(codes: Sequence[int], n_classes: int) -> list[str]:
    """One colour a class code, the same in every figure; above eight classes colours would be confused, so all get INK."""
    return [CLASSES[code] if n_classes <= len(CLASSES) else INK for code in codes]


def verdict_colour(verdict: Any) -> str:
    """The colour of a verdict on an annotator; its symbol is SYMBOLS[colour]."""
    return next((colour for start, colour in VERDICTS.items() if str(verdict).startswith(start)), QUIET)


def ink_on(depth: float, *, dark: bool, deep: float = 0.85) -> str:
    """Colour of text in a heat-map cell; `depth` in [0, 1] is its place on a scale that begins at the page."""
    return WHITE if dark or depth > deep else BLACK
