"""The grid of the pairwise metric plot: where its cells lie, their axes, and the words and numbers in and around them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import wording

GAP = 0.012  # between cells, as a share of the figure
EDGE = "rgba(133,145,161,0.35)"


def cell(m: int, i: int, j: int) -> dict[str, str]:
    """The axes of the cell in row i and column j of m, for a trace."""
    number = i * m + j + 1
    return {"xaxis": f"x{number}" if number > 1 else "x", "yaxis": f"y{number}" if number > 1 else "y"}


def layout(
    titles: Sequence[str], ranges: Sequence[tuple[float, float]], correlation: NDArray[np.float64], n: NDArray[np.int64], rows: int
) -> dict[str, Any]:
    """Axes of the cells on and below the diagonal, the correlations (m, m) above it with their n (m, m), and the titles around."""
    m = len(titles)
    axes: dict[str, Any] = {}
    for i in range(m):
        for j in range(i + 1):
            names = cell(m, i, j)
            axes[f"xaxis{names['xaxis'][1:]}"] = _axis(m, ranges[j], _across(m, j), names["yaxis"], ticks=i == m - 1) | {"tickangle": 0}
            # The bars on the diagonal count rows, which has no scale: their shape is what matters.
            up = _axis(m, ranges[i], _up(m, i), names["xaxis"], ticks=j == 0)
            axes[f"yaxis{names['yaxis'][1:]}"] = up if i != j else {**_frame(m, _up(m, i), names["xaxis"]), "rangemode": "tozero"}
    upper = [(i, j) for i in range(m) for j in range(i + 1, m)]
    numbers = [_number(titles, correlation[i, j], int(n[i, j]), rows, i, j) for i, j in upper]
    words, margin = _titles(titles)
    return axes | {"shapes": [_shade(m, correlation[i, j], i, j) for i, j in upper], "annotations": numbers + words, "margin": margin}


def _across(m: int, j: int) -> tuple[float, float]:
    width = (1 - GAP * (m - 1)) / m
    return j * (width + GAP), min(1.0, j * (width + GAP) + width)


def _up(m: int, i: int) -> tuple[float, float]:
    """Rows are counted from the top, the paper from the bottom."""
    return _across(m, m - 1 - i)


def _frame(m: int, domain: tuple[float, float], anchor: str) -> dict[str, Any]:
    return {
        "domain": domain,
        "anchor": anchor,
        "showline": True,
        "linewidth": 1,
        "linecolor": EDGE,
        "mirror": True,
        "automargin": False,
        "showticklabels": False,
        "tickfont": {"size": 12 if m <= 3 else 11 if m == 4 else 10},
    }


def _axis(m: int, limits: tuple[float, float], domain: tuple[float, float], anchor: str, *, ticks: bool) -> dict[str, Any]:
    low, high = limits
    pad = 0.07 * (high - low)
    values = _few_ticks(low, high)
    scale = wording.number_axis(values, [wording.brief(value).replace("-", "−") for value in values], range=[low - pad, high + pad])
    return _frame(m, domain, anchor) | scale | {"showticklabels": ticks}


def _few_ticks(low: float, high: float) -> list[float]:
    """Two or three round numbers: enough to read a small cell, and not too many for its width."""
    values = wording.ticks(low, high, 2)
    if len(values) < 2:
        values = wording.ticks(low, high, 3)
    return values if len(values) <= 3 else values[::2]


def _shade(m: int, rho: float, i: int, j: int) -> dict[str, Any]:
    """A cell above the diagonal: blue for a positive correlation, brown for a negative one, pale enough for its number."""
    hue, depth = ("133,145,161", 0.08) if np.isnan(rho) else ("54,108,183" if rho > 0 else "168,85,15", 0.25 * abs(rho))
    (x0, x1), (y0, y1) = _across(m, j), _up(m, i)
    place = {"xref": "paper", "yref": "paper", "x0": x0, "x1": x1, "y0": y0, "y1": y1}
    return {"type": "rect", "fillcolor": f"rgba({hue},{depth:.3f})", "line": {"width": 1, "color": EDGE}, "layer": "below"} | place


def _number(titles: Sequence[str], rho: float, n: int, rows: int, i: int, j: int) -> dict[str, Any]:
    few = f'<br><span style="font-size:10px">n = {n:,}</span>' if n < rows else ""
    return {
        "text": ("–" if np.isnan(rho) else wording.signed(rho, 2)) + few,
        "hovertext": f"rank correlation of {wording.escape(titles[i])} and {wording.escape(titles[j])}, n = {n:,}",
        "xref": "paper",
        "yref": "paper",
        "x": sum(_across(len(titles), j)) / 2,
        "y": sum(_up(len(titles), i)) / 2,
        "xanchor": "center",
        "yanchor": "middle",
        "showarrow": False,
        "font": {"size": 14 if len(titles) <= 4 else 12},
    }


def _titles(titles: Sequence[str]) -> tuple[list[dict[str, Any]], dict[str, int]]:
    """Titles below and at the left, and the margins for them.

    They stand in line whatever room the ticks of their axis take: so they are annotations and not axis titles.
    """
    m = len(titles)
    broken = [wording.broken(title, 12 if m <= 4 else 9) for title in titles]
    size = 12 if m <= 4 else 10
    common = {"xref": "paper", "yref": "paper", "showarrow": False, "font": {"size": size}}
    words = []
    for at, title in enumerate(broken):
        below = {"x": sum(_across(m, at)) / 2, "y": 0, "xanchor": "center", "yanchor": "top", "yshift": -24}
        beside = {"x": 0, "y": sum(_up(m, at)) / 2, "xanchor": "right", "yanchor": "middle", "xshift": -34, "textangle": -90}
        words += [{"text": title, **common, **below}, {"text": title, **common, **beside}]
    room = (size + 4) * (1 + max(title.count("<br>") for title in broken))
    return words, {"l": 38 + room, "b": 30 + room}
