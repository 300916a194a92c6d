"""Figures of runs: did one converge, how many labels does each leave unsure, and where do they differ."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import plotly.graph_objects as go
from numpy.typing import ArrayLike

from . import theme, wording


def convergence(trace: Sequence[float] | ArrayLike, *, dark: bool = False) -> go.Figure:
    """Line: the objective after each iteration, in whatever unit the method has; its last value is written."""
    objective = np.asarray(trace, dtype=np.float64).ravel()
    iteration = np.arange(1, len(objective) + 1)
    finite = np.isfinite(objective)
    iteration, objective = iteration[finite], objective[finite]
    if not len(objective):
        return theme.empty("This method has no iterations.", dark=dark)
    if len(objective) > theme.MOST_POINTS:
        shown = np.unique(np.linspace(0, len(objective) - 1, theme.MOST_POINTS // 2).astype(np.intp))
        iteration, objective = iteration[shown], objective[shown]
    low, high = float(objective.min()), float(objective.max())
    digits = max(0, min(6, 2 - int(np.floor(np.log10(high - low))))) if high > low else 2
    figure = go.Figure(
        go.Scatter(
            x=iteration,
            y=objective,
            mode="lines" if len(objective) > 1 else "markers",
            line_color=theme.INK,
            marker_color=theme.INK,
            hovertext=[f"iteration {i:,}: {value:,.{digits}f}" for i, value in zip(iteration, objective, strict=True)],
            hoverinfo="text",
            cliponaxis=False,
        )
    )
    if len(objective) > 1:
        figure.add_scatter(
            x=iteration[-1:],
            y=objective[-1:],
            mode="markers+text",
            text=[wording.signed(objective[-1], digits)],
            textposition="bottom left" if objective[-1] >= objective[0] else "top left",  # the side where the line is not
            marker_color=theme.INK,
            hoverinfo="skip",
            cliponaxis=False,
        )
    pad = (high - low) * 0.06 or max(abs(high) * 0.01, 1e-6)
    values = wording.ticks(low, high, 3)
    step = values[1] - values[0] if len(values) > 1 else 1.0
    places = max(0, -int(np.floor(np.log10(step) + 1e-9)))
    text = [wording.signed(value, places) for value in values]
    figure.update_yaxes(range=[low - pad, high + pad], **wording.number_axis(values, text))
    figure.update_xaxes(title_text="iteration", **_iteration_axis(int(iteration[0]), int(iteration[-1])))
    alt = f"The objective goes from {objective[0]:,.{digits}f} to {objective[-1]:,.{digits}f} in {iteration[-1]:,} iterations."
    if len(objective) > 1:
        alt = alt[:-1] + f"; the last one changed it by {objective[-1] - objective[-2]:,.2g}."
    return theme.style(figure, 220, alt=alt, dark=dark, grid="y")


def _iteration_axis(first: int, last: int) -> dict[str, object]:
    if first == last:
        return wording.number_axis([first], range=[first - 1, first + 1])
    inner = [value for value in wording.ticks(first, last, 4, whole=True) if value - first >= 0.12 * (last - first)]
    return wording.number_axis([first, *inner], range=[first - 0.02 * (last - first), last + 0.03 * (last - first)])


def unsure_counts(qualities: Mapping[str, ArrayLike], *, low: float = 0.7, high: float = 0.9, dark: bool = False) -> go.Figure:
    """Stacked bars: for each run (title -> quality (N,)) how many examples lie below `low`, and how many between `low` and `high`."""
    if not qualities:
        return theme.empty("There are no runs yet.", dark=dark)
    arrays = [np.asarray(quality, dtype=np.float64).ravel() for quality in qualities.values()]
    below = np.array([(quality < low).sum() for quality in arrays])
    between = np.array([((quality >= low) & (quality < high)).sum() for quality in arrays])
    top = max(int((below + between).max()), 1)
    rows, titles = np.arange(len(arrays)), list(qualities)
    parts = ((below, f"below {low:g}", theme.BAD, theme.WHITE), (between, f"between {low:g} and {high:g}", theme.UNSURE, theme.BLACK))
    figure = go.Figure()
    for counts, words, colour, ink in parts:
        figure.add_bar(
            x=counts,
            y=rows,
            orientation="h",
            marker_color=colour,
            text=[f"{n:,}" if n >= top * (0.035 + 0.025 * len(f"{n:,}")) else "" for n in counts],
            textposition="inside",
            insidetextanchor="start",
            textangle=0,
            insidetextfont_color=ink,
            hovertext=[f"{wording.escape(title)}: {n:,} of {len(q):,} {words}" for title, n, q in zip(titles, counts, arrays, strict=True)],
            hoverinfo="text",
        )
    figure.add_scatter(
        x=below + between,
        y=rows,
        mode="text",
        text=[f" {n:,}" for n in below + between],
        textposition="middle right",
        hoverinfo="skip",
        cliponaxis=False,
    )
    figure.update_layout(barmode="stack")
    figure.update_yaxes(wording.name_axis(titles, down=True))
    figure.update_xaxes(range=[0, top * 1.18], visible=False)
    theme.note(figure, " ".join(f'<span style="color:{colour}">■</span> {words}&nbsp; ' for _, words, colour, _ in parts).rstrip())
    best = int((below + between).argmin())
    alt = (
        f"Of {len(arrays)} run{'s' if len(arrays) != 1 else ''}, {wording.cut(titles[best])} leaves the fewest unsure: "
        f"{below[best]:,} below {low:g} and {between[best]:,} between {low:g} and {high:g}, of {len(arrays[best]):,} examples."
    )
    return theme.style(figure, 40 * len(rows) + 36, alt=alt, dark=dark)


def run_differences(labels: Mapping[str, ArrayLike], *, dark: bool = False) -> go.Figure:
    """Lower triangle: percent of examples to which two runs (title -> label codes (N,)) give different labels.

    Raises:
        ValueError: the runs have different numbers of examples.
    """
    titles, codes = list(labels), [np.asarray(values).ravel() for values in labels.values()]
    if len(titles) < 2:
        return theme.empty("Run a second method to compare.", dark=dark)
    if len({len(values) for values in codes}) > 1:
        sizes = ", ".join(f"{title} {len(values):,}" for title, values in zip(titles, codes, strict=True))
        raise ValueError(f"The runs have different numbers of examples ({sizes}); compare runs of the same dataset.")
    n = max(len(codes[0]), 1)
    # share[a, b]: run a + 1 (row) against run b (column)
    size = len(titles) - 1
    share = np.full((size, size), np.nan)
    for a in range(size):
        for b in range(a + 1):
            share[a, b] = np.count_nonzero(codes[a + 1] != codes[b]) / n
    full = max(float(np.nanmax(share)), 0.1)  # small differences stay pale
    rows, columns = np.nonzero(~np.isnan(share))
    values = share[rows, columns]
    hover = [["" if b > a else _difference_hover(titles[a + 1], titles[b], share[a, b], n) for b in range(size)] for a in range(size)]
    figure = go.Figure(go.Heatmap(z=share, zmin=0, zmax=full, hovertext=hover, hoverinfo="text"))
    figure.add_scatter(
        x=columns,
        y=rows,
        mode="text",
        text=[f"{100 * value:.1f}" for value in values],
        textfont={"size": 13 if size <= 6 else 11, "color": [theme.ink_on(value / full, dark=dark) for value in values]},
        hoverinfo="skip",
    )
    broken = [wording.broken(title) for title in titles]
    figure.update_yaxes(wording.name_axis(titles[1:], down=True), ticktext=broken[1:])
    figure.update_xaxes(wording.name_axis(titles[:-1]), ticktext=broken[:-1], tickangle=0 if size <= 5 else -90)
    least, most = int(values.argmin()), int(values.argmax())
    pair = [f"{wording.cut(titles[rows[at] + 1])} and {wording.cut(titles[columns[at]])}" for at in (least, most)]
    alt = f"{pair[1]} differ most, on {wording.percent(values[most], 1)} of {n:,} examples"
    if len(values) > 1:
        alt += f"; {pair[0]} least, on {wording.percent(values[least], 1)}"
    return theme.style(figure, 46 * size + 56, alt=f"{alt}.", dark=dark)


def _difference_hover(one: str, other: str, share: float, n: int) -> str:
    return f"{wording.escape(one)} and {wording.escape(other)}<br>{round(share * n):,} of {n:,} examples differ"
