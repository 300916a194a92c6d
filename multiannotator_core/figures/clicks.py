"""Cells that can be clicked: a browser reports clicks on points, not on the cells of a heat map."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import plotly.graph_objects as go

from . import theme


def clickable(figure: go.Figure, keys: Sequence[Sequence[Any]], hover: Sequence[Sequence[str]], side: int, *, dark: bool) -> None:
    """Lay an invisible square over each cell of a heat map whose cells stand at 0, 1, ...; a click gives its key as customdata.

    Args:
        keys, hover: of each cell, by row and column; the text on hover moves from the heat map to the squares.
        side: of the frame around the clicked cell, in pixels.
    """
    figure.update_traces(hoverinfo="skip", selector={"type": "heatmap"})
    # With a colour of its own for what is selected, plotly leaves the other numbers in the cells as they are; else it pales them.
    figure.update_traces(selected={"textfont": {"color": theme.INK}}, selector={"mode": "text"})
    seen, unseen = {"marker": {"opacity": 1.0}}, {"marker": {"opacity": 0.0}}
    places = [(row, column) for row, line in enumerate(keys) for column in range(len(line))]
    figure.add_trace(
        go.Scatter(
            x=[column for _, column in places],
            y=[row for row, _ in places],
            mode="markers",
            marker={"symbol": "square-open", "size": side, "color": theme.ink_on(0.0, dark=dark), "opacity": 0, "line": {"width": 2}},
            selected=seen,
            unselected=unseen,
            customdata=[keys[row][column] for row, column in places],
            hovertext=[hover[row][column] for row, column in places],
            hoverinfo="text",
            cliponaxis=False,
        )
    )
    figure.update_layout(hoverdistance=-1)  # the nearest square is that of the cell, however wide cells are
