"""Figures of what further labels bring: expected accuracy over a budget, and measured accuracy over rounds."""

from __future__ import annotations

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from . import theme, wording


def budget_curve(curve: pd.DataFrame, bought: int, *, dark: bool = False) -> go.Figure:
    """Line with its range: expected accuracy in [0, 1] of the consensus after so many labels; a mark where the budget ends.

    Args:
        curve: columns labels (rising from 0), accuracy, low, high.
        bought: the number of labels of the plan.
    """
    labels = curve["labels"].to_numpy(np.float64)
    if labels[-1] <= 0:
        return theme.empty("No further label is expected to change anything.", dark=dark)
    end = min(float(labels[-1]), max(2.0 * bought, 100.0))
    x = np.unique(np.concatenate([np.linspace(0, end, 200), [min(bought, end)]]))
    accuracy, low, high = (np.interp(x, labels, curve[column]) for column in ("accuracy", "low", "high"))
    at = int(np.searchsorted(x, min(bought, end)))
    figure = go.Figure(
        go.Scatter(
            x=np.concatenate([x, x[::-1]]),
            y=np.concatenate([high, low[::-1]]),
            fill="toself",
            fillcolor="rgba(54,108,183,0.15)",
            line_width=0,
            mode="lines",
            hoverinfo="skip",
        )
    )
    hover = [
        f"{round(n):,} labels: {wording.percent(a, 1)} right ({wording.percent(b, 1)} to {wording.percent(c, 1)})"
        for n, a, b, c in zip(x, accuracy, low, high, strict=True)
    ]
    figure.add_scatter(x=x, y=accuracy, mode="lines", line_color=theme.INK, hovertext=hover, hoverinfo="text")
    figure.add_scatter(x=x[at : at + 1], y=accuracy[at : at + 1], mode="markers", marker=theme.OPEN_MARK, hoverinfo="skip")
    ticks = wording.ticks(0, end, 4, whole=True)
    figure.update_xaxes(
        title_text="further labels", range=[-0.02 * end, 1.02 * end], **wording.number_axis(ticks, [f"{t:,.0f}" for t in ticks])
    )
    bottom, top = float(low.min()), float(high.max())
    pad = max(0.05 * (top - bottom), 0.002)
    levels = wording.ticks(bottom, top, 4)
    figure.update_yaxes(
        title_text="expected share right",
        range=[bottom - pad, min(top + pad, 1.002)],
        **wording.number_axis(levels, [wording.percent(t, 0 if top - bottom > 0.05 else 1) for t in levels]),
    )
    alt = (
        f"{wording.percent(accuracy[0], 1)} of the consensus labels are expected to be right now, and {wording.percent(accuracy[at], 1)} "
        f"({wording.percent(low[at], 1)} to {wording.percent(high[at], 1)}) after {bought:,} further labels."
    )
    return theme.style(figure, 280, alt=alt, dark=dark, grid="xy")
