"""Figures of simulations and benchmarks: what accuracy costs, and how methods compare with their intervals."""

from __future__ import annotations

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from . import theme, wording

MARKS = ("circle", "diamond", "square", "x")


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


def accuracy_over_time(table: pd.DataFrame, *, dark: bool = False) -> go.Figure:
    """One line a method: accuracy (mean and interval over seeds) after so many seconds, on a logarithmic scale.

    As figures 14 and 15 of the peerannot paper (Lefort, Charlier, Joly & Salmon); each point is a run of so many iterations.

    Args:
        table: title, iterations, seconds, accuracy, low, high, n, of one set of data.
    """
    if table.empty:
        return theme.empty("No method could run here.", dark=dark)
    figure = go.Figure()
    titles = list(dict.fromkeys(table["title"]))
    for place, title in enumerate(titles):
        line = table[table["title"] == title].sort_values("iterations", kind="stable")
        colour = theme.CLASSES[place % len(theme.CLASSES)]
        figure.add_scatter(
            x=line["seconds"],
            y=line["accuracy"],
            # Intervals at the last mark alone: all of them would hide the lines.
            error_y={
                "type": "data",
                "array": [*[0.0] * (len(line) - 1), line["high"].iloc[-1] - line["accuracy"].iloc[-1]],
                "arrayminus": [*[0.0] * (len(line) - 1), line["accuracy"].iloc[-1] - line["low"].iloc[-1]],
                "thickness": 1.2,
                "width": 3,
            },
            mode="lines+markers",
            # Beyond the number of colours the mark tells lines apart.
            marker={"color": colour, "size": 7, "symbol": MARKS[place // len(theme.CLASSES) % len(MARKS)]},
            line_color=colour,
            name=wording.short(title),
            hovertext=[
                f"{wording.escape(title)}<br>{steps:,} iteration{'s' * (steps != 1)}, {duration(seconds)}: "
                f"{wording.percent(mean, 1)} right ({wording.percent(low, 1)} to {wording.percent(high, 1)}, n = {n:,})"
                for steps, seconds, mean, low, high, n in line[["iterations", "seconds", "accuracy", "low", "high", "n"]].itertuples(
                    index=False
                )
            ],
            hoverinfo="text",
            cliponaxis=False,
        )
    ends = np.log10([table["seconds"].min(), table["seconds"].max()])
    times = [float(step * 10.0**power) for power in range(int(np.floor(ends[0])), int(np.ceil(ends[1])) + 1) for step in (1, 3)]
    times = [time for time in times if ends[0] - 0.1 <= np.log10(time) <= ends[1] + 0.1]
    while len(times) > 6:
        times = times[::2]
    figure.update_xaxes(
        title_text="time of a run",
        type="log",
        range=[ends[0] - 0.08, ends[1] + 0.08],
        **wording.number_axis(times, [duration(time) for time in times]),
    )
    last = table.groupby("title", sort=False).tail(1)
    lowest, highest = min(table["accuracy"].min(), last["low"].min()), max(table["accuracy"].max(), last["high"].max())
    ticks = wording.ticks(float(lowest), float(highest), 4)
    digits = 0 if len(ticks) < 2 or ticks[1] - ticks[0] >= 0.01 else 1
    figure.update_yaxes(wording.number_axis(ticks, [wording.percent(tick, digits) for tick in ticks]))
    figure.update_layout(showlegend=True, legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0})
    best = table.iloc[int(table["accuracy"].to_numpy().argmax())]
    alt = (
        f"{wording.cut(best['title'], 60)} gets highest, {wording.percent(best['accuracy'], 1)} right "
        f"after {duration(best['seconds'])}; {len(titles):,} methods."
    )
    return theme.style(figure, 360, alt=alt, dark=dark, grid="y")


def duration(seconds: float) -> str:
    """Seconds for an axis."""
    if seconds >= 1:
        return f"{seconds:.3g} s"
    return f"{1000 * seconds:.0f} ms" if seconds >= 0.01 else f"{1000 * seconds:.2g} ms"
