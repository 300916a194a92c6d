"""The pairwise metric plot: every metric against every other, one point an annotator or example."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from numpy.typing import NDArray

from . import grid, theme, wording

MOST_METRICS = 6
BARS, CELLS = 18, 24  # bins of a histogram on the diagonal, and of a side of a binned scatter


@dataclass(frozen=True)
class _Panel:
    """What all cells of one figure share."""

    values: NDArray[np.float64]  # (n, m)
    titles: list[str]  # as given
    ranges: list[tuple[float, float]]  # least and greatest value of each metric
    shown: Sequence[Any]  # name of each row for hovering; escaped only where it is drawn: there may be a million
    keys: Sequence[Any]  # name of each row for clicking
    selected: NDArray[np.bool_]  # (n,)
    binned: bool


def pairwise_metrics(
    frame: pd.DataFrame,
    *,
    names: Sequence[Any] | None = None,
    selected: Hashable | None = None,
    titles: Mapping[str, str] | None = None,
    dark: bool = False,
) -> go.Figure:
    """Scatter plots below the diagonal, histograms on it, Spearman's rank correlation above.

    Args:
        frame: one row an annotator (or example), one numeric column a metric; the first six are drawn. A missing
            value leaves its row out of the cells that need it.
        names: what to call each row on hover; default: the index. Clicking gives the index (customdata) always.
        selected: the row (index name) to show in blue.
        titles: better names of columns.

    Raises:
        ValueError: a column is not numeric.
    """
    for column in frame.columns[:MOST_METRICS]:
        if not pd.api.types.is_numeric_dtype(frame[column]):
            raise ValueError(f"Column {column!r} is not numeric; choose columns with numbers.")
    table = frame.iloc[:, :MOST_METRICS]
    if table.empty:
        return theme.empty("There are no metrics to compare.", dark=dark)
    panel = _panel(table, names, selected, titles or {})
    m = len(panel.titles)
    cells = [(i, j) for i in range(m) for j in range(i + 1)]
    traces = [trace for i, j in cells for trace in (_bars(panel, i) if i == j else _points(panel, i, j))]
    correlation, n = _correlations(panel.values)
    figure = go.Figure(traces, grid.layout(panel.titles, panel.ranges, correlation, n, len(table)))
    if panel.binned:
        theme.note(figure, f"{len(table):,} rows: darker cells hold more of them")
    height = m * (130 if m <= 3 else 105) + 60 + 26 * panel.binned
    return theme.style(figure, height, alt=_alt(panel, correlation), dark=dark)


def _panel(table: pd.DataFrame, names: Sequence[Any] | None, selected: Hashable | None, titles: Mapping[str, str]) -> _Panel:
    values = table.to_numpy(np.float64, na_value=np.nan)
    values = np.where(np.isfinite(values), values, np.nan)
    words = [titles.get(column, str(column).replace("_", " ")) for column in table.columns]
    m = len(words)
    return _Panel(
        values=values,
        titles=words,
        ranges=[_range(values[:, at]) for at in range(m)],
        shown=table.index if names is None else names,
        keys=table.index,
        selected=wording.same(table.index, selected),
        binned=len(table) * m * (m - 1) // 2 + m * BARS > theme.MOST_POINTS,
    )


def _range(values: NDArray[np.float64]) -> tuple[float, float]:
    known = values[~np.isnan(values)]
    if not len(known):
        return 0.0, 1.0
    low, high = float(known.min()), float(known.max())
    return (low, high) if high > low else (low - 0.5, low + 0.5)


def _bars(panel: _Panel, i: int) -> list[go.Bar]:
    column = panel.values[:, i]
    counts, edges = np.histogram(column[~np.isnan(column)], bins=BARS, range=panel.ranges[i])
    return [
        go.Bar(
            **grid.cell(len(panel.titles), i, i),
            x=(edges[:-1] + edges[1:]) / 2,
            y=counts,
            width=(edges[1] - edges[0]) * 0.9,
            marker_color=theme.QUIET,
            hovertext=[
                f"{n:,} from {wording.plain(a)} to {wording.plain(b)}" for n, a, b in zip(counts, edges[:-1], edges[1:], strict=True)
            ],
            hoverinfo="text",
        )
    ]


def _points(panel: _Panel, i: int, j: int) -> list[go.Scatter | go.Heatmap]:
    """Row metric i against column metric j: points, or counts where points are too many; the selected row on top."""
    both = _known(panel, i, j)
    if panel.binned:
        return [_counts(panel, both, i, j), _scatter(panel, both & panel.selected, i, j, chosen=True)]
    return [_scatter(panel, both & ~panel.selected, i, j, chosen=False), _scatter(panel, both & panel.selected, i, j, chosen=True)]


def _known(panel: _Panel, i: int, j: int) -> NDArray[np.bool_]:
    """Which rows have both metrics."""
    known: NDArray[np.bool_] = ~np.isnan(panel.values[:, i]) & ~np.isnan(panel.values[:, j])
    return known


def _scatter(panel: _Panel, rows: NDArray[np.bool_], i: int, j: int, *, chosen: bool) -> go.Scatter:
    at = np.flatnonzero(rows)
    both = int(_known(panel, i, j).sum())
    mark: dict[str, Any] = (
        {"color": theme.INK, "size": 9, "line": {"color": theme.WHITE, "width": 1}}
        if chosen
        else {"color": theme.QUIET, "size": 5.5, "opacity": 0.75}
    )
    return go.Scatter(
        **grid.cell(len(panel.titles), i, j),
        x=panel.values[at, j],
        y=panel.values[at, i],
        mode="markers",
        marker=mark,
        customdata=[wording.key(panel.keys[row]) for row in at.tolist()],
        text=[wording.escape(panel.shown[row]) for row in at.tolist()],
        # The titles come from data: they reach the label as values, never as a part of the template.
        meta=[wording.escape(panel.titles[j]), wording.escape(panel.titles[i]), f"{both:,}"],
        hovertemplate="%{text}<br>%{meta[0]}: %{x:.3~g}<br>%{meta[1]}: %{y:.3~g}<br>n = %{meta[2]}<extra></extra>",
    )


def _counts(panel: _Panel, both: NDArray[np.bool_], i: int, j: int) -> go.Heatmap:
    counts, y, x = np.histogram2d(panel.values[both, i], panel.values[both, j], bins=CELLS, range=[panel.ranges[i], panel.ranges[j]])
    return go.Heatmap(
        **grid.cell(len(panel.titles), i, j),
        x=(x[:-1] + x[1:]) / 2,
        y=(y[:-1] + y[1:]) / 2,
        # Logarithms and a pale start: a single row must be seen beside thousands.
        z=np.where(counts > 0, 0.25 + np.log1p(counts) / max(np.log1p(counts.max()), 1e-9), np.nan),
        zmin=0,
        zmax=1.25,
        xgap=0,
        ygap=0,
        hovertext=[[f"{n:,.0f} of {both.sum():,}" for n in line] for line in counts],
        hoverinfo="text",
    )


def _correlations(values: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """(m, m) Spearman's rank correlation of each pair of columns over the rows that have both, NaN where one is constant; and n."""
    m = values.shape[1]
    known = ~np.isnan(values)
    result, n = np.full((m, m), np.nan), np.zeros((m, m), dtype=np.int64)
    whole = pd.DataFrame(values).rank().to_numpy()  # good for all pairs of columns without a gap: ranking is the slow part
    for i in range(m):
        for j in range(i + 1, m):
            both = known[:, i] & known[:, j]
            n[i, j] = n[j, i] = both.sum()
            ranks = whole[:, [i, j]] if both.all() else pd.DataFrame(values[both][:, [i, j]]).rank().to_numpy()
            if len(ranks) > 1 and (ranks.std(axis=0) > 0).all():
                result[i, j] = result[j, i] = np.corrcoef(ranks.T)[0, 1]
    return result, n


def _alt(panel: _Panel, correlation: NDArray[np.float64]) -> str:
    n, m = panel.values.shape
    alt = f"{m} metric{'s' if m != 1 else ''} of {n:,} rows against each other"
    if np.isnan(correlation).all():
        return alt + "."
    i, j = np.unravel_index(int(np.nanargmax(np.abs(correlation))), correlation.shape)
    return f"{alt}; the closest are {panel.titles[i]} and {panel.titles[j]} with a rank correlation of {correlation[i, j]:.2f}."
