"""Figures of active learning: what a method of choosing gains, label by label."""

from __future__ import annotations

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from . import theme, wording

DASHES = ("solid", "dash", "dot", "dashdot")
MOST_METHODS = 12


def learning_curves(table: pd.DataFrame, what: str = "consensus_accuracy", *, dark: bool = False) -> go.Figure:
    """One line a method: mean accuracy over the runs against labels bought, with a band from the lowest to the highest run.

    Args:
        table: title, n_labels, and the columns what, what_low and what_high; at most MOST_METHODS titles are drawn.
        what: "consensus_accuracy" or "model_accuracy".
    """
    if table.empty:
        return theme.empty("There is nothing to draw yet.", dark=dark)
    figure = go.Figure()
    titles = list(dict.fromkeys(table["title"]))[:MOST_METHODS]
    for place, title in enumerate(titles):
        line = table[table["title"] == title].sort_values("n_labels", kind="stable")
        x, mean, low, high = (line[column].to_numpy(np.float64) for column in ("n_labels", what, f"{what}_low", f"{what}_high"))
        colour, group = theme.CLASSES[place % len(theme.CLASSES)], str(place)
        edge = {"x": np.concatenate([x, x[::-1]]), "y": np.concatenate([high, low[::-1]]), "mode": "lines", "line_width": 0}
        figure.add_scatter(**edge, fill="toself", fillcolor=_faint(colour), hoverinfo="skip", showlegend=False, legendgroup=group)
        hover = [
            f"{wording.escape(title)}<br>{n:,.0f} labels: {wording.percent(m, 1)} right "
            f"({wording.percent(a, 1)} to {wording.percent(b, 1)})"
            for n, m, a, b in zip(x, mean, low, high, strict=True)
        ]
        stroke = {"color": colour, "dash": DASHES[place // len(theme.CLASSES)]}
        named = {"name": wording.escape(title), "legendgroup": group, "hovertext": hover, "hoverinfo": "text"}
        figure.add_scatter(x=x, y=mean, mode="lines", line=stroke, cliponaxis=False, **named)
    shown = table[table["title"].isin(titles)]
    levels = wording.ticks(float(shown[f"{what}_low"].min()), float(shown[f"{what}_high"].max()), 5)
    digits = 0 if len(levels) < 2 or levels[1] - levels[0] >= 0.01 else 1
    figure.update_yaxes(title_text="right", **wording.number_axis(levels, [wording.percent(level, digits) for level in levels]))
    ticks = wording.ticks(float(shown["n_labels"].min()), float(shown["n_labels"].max()), 4, whole=True)
    figure.update_xaxes(title_text="labels bought", **wording.number_axis(ticks, [f"{tick:,.0f}" for tick in ticks]))
    figure.update_layout(showlegend=True, legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0})
    ends = shown.sort_values("n_labels", kind="stable").groupby("title")[what].last().sort_values(ascending=False)
    told = [f"{wording.cut(title, 40)} {wording.percent(value, 1)}" for title, value in ends.items()]
    return theme.style(figure, 380, alt=f"Right at the end: {', '.join(told)}.", dark=dark, grid="y")


def _faint(colour: str) -> str:
    red, green, blue = (int(colour[at : at + 2], 16) for at in (1, 3, 5))
    return f"rgba({red},{green},{blue},0.12)"
