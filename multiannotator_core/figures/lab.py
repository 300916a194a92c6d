"""Figures of simulations and benchmarks: what accuracy costs, and how methods compare with their intervals."""

from __future__ import annotations

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from . import theme, wording


def accuracy_against_cost(table: pd.DataFrame, *, dark: bool = False) -> go.Figure:
    """One line a method: accuracy (mean and interval over draws) against cost; the present crowd is a larger open mark.

    Args:
        table: method (a title), title, labels_each, cost, accuracy, low, high, and now (whether it is the present crowd).
    """
    if table.empty:
        return theme.empty("There is nothing to draw yet.", dark=dark)
    figure = go.Figure()
    methods = list(dict.fromkeys(table["method"]))
    for place, method in enumerate(methods):
        line = table[table["method"] == method].sort_values("cost", kind="stable")
        colour = theme.INK if place == 0 else theme.CLASSES[place % len(theme.CLASSES)]
        hover = [
            f"{wording.escape(method)}<br>{each:.3g} labels each, cost {wording.plain(cost)}<br>"
            f"{wording.percent(mean, 1)} right ({wording.percent(low, 1)} to {wording.percent(high, 1)})"
            for each, cost, mean, low, high in line[["labels_each", "cost", "accuracy", "low", "high"]].itertuples(index=False)
        ]
        figure.add_scatter(
            x=line["cost"],
            y=line["accuracy"],
            error_y={
                "type": "data",
                "array": line["high"] - line["accuracy"],
                "arrayminus": line["accuracy"] - line["low"],
                "thickness": 1.4,
                "width": 0,
            },
            mode="lines+markers",
            line_color=colour,
            marker={
                "color": colour,
                "size": np.where(line["now"], 12, 7).tolist(),
                "symbol": np.where(line["now"], "diamond", "circle").tolist(),
            },
            name=wording.escape(method),
            hovertext=hover,
            hoverinfo="text",
            cliponaxis=False,
        )
    ticks = wording.ticks(float(table["low"].min()), float(table["high"].max()), 4)
    figure.update_yaxes(
        wording.number_axis(ticks, [wording.percent(tick, 0 if len(ticks) < 2 or ticks[1] - ticks[0] >= 0.01 else 1) for tick in ticks])
    )
    cost_ticks = wording.ticks(float(table["cost"].min()), float(table["cost"].max()), 4)
    figure.update_xaxes(title_text="cost", **wording.number_axis(cost_ticks, [wording.brief(tick) for tick in cost_ticks]))
    figure.update_layout(showlegend=len(methods) > 1, legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0})
    first = table[table["method"] == methods[0]].sort_values("cost")
    ends = first.iloc[[0, -1]]
    alt = (
        f"{wording.cut(methods[0], 60)}: from {wording.percent(ends['accuracy'].iloc[0], 1)} right at a cost of "
        f"{wording.plain(ends['cost'].iloc[0])} to {wording.percent(ends['accuracy'].iloc[1], 1)} at {wording.plain(ends['cost'].iloc[1])}."
    )
    return theme.style(figure, 320, alt=alt, dark=dark, grid="y")


def method_intervals(table: pd.DataFrame, *, percent: bool = True, dark: bool = False) -> go.Figure:
    """One row a method, the first on top: its mean with interval; those as good as the first are filled.

    Args:
        table: title, mean, low, high, as_good.
        percent: write the values in percent.
    """
    table = table[table["mean"].notna()]
    if table.empty:
        return theme.empty("No method has a number here.", dark=dark)

    def write(value: float) -> str:
        return wording.percent(value, 1) if percent else wording.plain(value)

    rows = np.arange(len(table))
    good = table["as_good"].to_numpy(dtype=bool)
    hover = [
        f"{wording.escape(title)}: {write(mean)} ({write(low)} to {write(high)})"
        for title, mean, low, high in table[["title", "mean", "low", "high"]].itertuples(index=False)
    ]
    figure = go.Figure(
        go.Scatter(
            x=table["mean"],
            y=rows,
            error_x={
                "type": "data",
                "array": table["high"] - table["mean"],
                "arrayminus": table["mean"] - table["low"],
                "thickness": 1.6,
                "width": 0,
                "color": theme.QUIET,
            },
            mode="markers+text",
            text=[write(value) for value in table["mean"]],
            textposition="top center",
            marker={
                "color": np.where(good, theme.INK, theme.QUIET).tolist(),
                "symbol": np.where(good, "circle", "circle-open").tolist(),
                "size": 10,
            },
            hovertext=hover,
            hoverinfo="text",
            cliponaxis=False,
        )
    )
    figure.update_yaxes(wording.name_axis(table["title"].tolist(), longest=40, down=True))
    ticks = wording.ticks(float(table["low"].min()), float(table["high"].max()), 4)
    figure.update_xaxes(wording.number_axis(ticks, [write(tick) for tick in ticks]))
    alt = f"{wording.cut(table['title'].iloc[0], 60)} is first with {write(table['mean'].iloc[0])}"
    others = [title for title, fine in zip(table["title"], good, strict=True) if fine][1:]
    alt += f"; not told apart from it: {wording.listed(others)}." if others else ", ahead of all others."
    return theme.style(figure, 40 * len(table) + 50, alt=alt, dark=dark, grid="x")
