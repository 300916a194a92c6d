"""Figures of annotators: who is good, and who agrees with whom."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from numpy.typing import NDArray

from . import theme, wording
from .clicks import clickable

MOST_ROWS = 60
ROW = 18  # pixels
MOST_NAMES_WITH_TEXT = 12
FEWEST_SHARED = 5  # a kappa of fewer examples is noise


def annotator_ranking(
    metrics: pd.DataFrame,
    *,
    column: str = "quality",
    low: str | None = None,
    high: str | None = None,
    verdict: str | None = None,
    selected: Hashable | None = None,
    title: str | None = None,
    dark: bool = False,
) -> go.Figure:
    """One row an annotator, the lowest value of `column` first, with the scale on top.

    Args:
        metrics: one row an annotator, indexed by name. Above 60 rows the lowest 60 are shown: give one page at a time.
        column, low, high: names of the columns with the value and the ends of its interval.
        verdict: name of the column with the verdict in words, which gives colour and symbol.
        selected: the annotator whose row is shaded.
        title: what the value is called on the figure; default: the column name.

    Raises:
        ValueError: a named column is not in the table.
    """
    for name in (column, low, high, verdict):
        if name is not None and name not in metrics.columns:
            raise ValueError(f"There is no column {name!r}; the table has {wording.listed(metrics.columns)}.")
    if not len(metrics):
        return theme.empty("There are no annotators to rank.", dark=dark)
    table = metrics.sort_values(column, kind="stable", na_position="last").iloc[:MOST_ROWS]
    rows = _ranking_rows(table, column, low, high, verdict, selected)
    title = column.replace("_", " ") if title is None else title
    figure = go.Figure([_ranking_trace(colour, part) for colour, part in rows.groupby("colour", sort=False)])
    for row in np.flatnonzero(wording.same(table.index, selected)):
        figure.add_shape(
            type="rect",
            xref="paper",
            x0=0,
            x1=1,
            y0=row - 0.5,
            y1=row + 0.5,
            fillcolor=theme.INK,
            opacity=0.15,
            line_width=0,
            layer="below",
        )
    figure.update_yaxes(wording.name_axis(table.index, down=True))
    figure.update_xaxes(side="top", **_ranking_scale(rows))
    if len(metrics) > MOST_ROWS:
        theme.note(figure, f"the lowest {MOST_ROWS} of {len(metrics):,} annotators", below=True)
    height = ROW * len(table) + 34 + 26 * (len(metrics) > MOST_ROWS)
    return theme.style(figure, height, alt=_ranking_alt(rows, title, len(metrics)), dark=dark, grid="x")


def _ranking_rows(
    table: pd.DataFrame, column: str, low: str | None, high: str | None, verdict: str | None, selected: Hashable | None
) -> pd.DataFrame:
    """Position, value, interval, colour and hover text of each row."""
    value = table[column].to_numpy(np.float64, na_value=np.nan)
    ends = [value if end is None else table[end].to_numpy(np.float64, na_value=np.nan) for end in (low, high)]
    low_end, high_end = (np.where(np.isfinite(end), end, value) for end in ends)
    if verdict is None:
        colour = np.where(wording.same(table.index, selected), theme.INK, theme.QUIET)
    else:
        colour = np.array([theme.verdict_colour(word) for word in table[verdict]])
    hover = []
    for at, name in enumerate(table.index):
        number = wording.plain(value[at]) if np.isfinite(value[at]) else "not known"
        interval = f" ({wording.plain(low_end[at])} to {wording.plain(high_end[at])})" if low_end[at] < high_end[at] else ""
        hover.append(
            f"{wording.escape(name)}: {number}{interval}" + ("" if verdict is None else f"<br>{wording.escape(table[verdict].iloc[at])}")
        )
    names = [wording.key(name) for name in table.index]
    return pd.DataFrame(
        {"name": pd.Series(names, dtype=object), "value": value, "low": low_end, "high": high_end, "colour": colour, "hover": hover}
    )


def _ranking_trace(colour: Any, rows: pd.DataFrame) -> go.Scatter:
    return go.Scatter(
        x=rows["value"].to_numpy(),
        y=rows.index.to_numpy(),
        mode="markers",
        marker={
            "color": colour,
            "symbol": theme.SYMBOLS[colour],
            "size": 9,
            "line": {"width": 1.8 if "open" in theme.SYMBOLS[colour] else 0},
        },
        error_x={
            "array": (rows["high"] - rows["value"]).clip(lower=0).to_numpy(),
            "arrayminus": (rows["value"] - rows["low"]).clip(lower=0).to_numpy(),
            "color": colour,
            "thickness": 1.5,
            "width": 0,
        },
        customdata=rows["name"].tolist(),
        unselected={"marker": {"opacity": 1}},
        hovertext=rows["hover"].tolist(),
        hoverinfo="text",
        cliponaxis=False,
    )


def _ranking_scale(rows: pd.DataFrame) -> dict[str, Any]:
    """0 to 1 where all values lie there, else what holds them all."""
    ends = rows[["low", "high"]].to_numpy()
    ends = ends[np.isfinite(ends)]
    low, high = (0.0, 1.0) if not len(ends) or (ends.min() >= 0 and ends.max() <= 1) else (min(float(ends.min()), 0.0), float(ends.max()))
    pad = 0.02 * (high - low or 1.0)
    return wording.number_axis(wording.ticks(low, high, 5), range=[low - pad, high + pad])


def _ranking_alt(rows: pd.DataFrame, title: str, n: int) -> str:
    known = rows[np.isfinite(rows["value"])]
    if not len(known):
        return f"The {title} of none of {n:,} annotators is known."
    worst, best = known.iloc[0], known.iloc[-1]
    interval = f" ({wording.plain(worst['low'])} to {wording.plain(worst['high'])})" if worst["low"] < worst["high"] else ""
    alt = f"{wording.cut(worst['name'])} has the lowest {title}, {wording.plain(worst['value'])}{interval}"
    if len(known) > 1:
        alt += f"; of those shown {wording.cut(best['name'])} has the highest, {wording.plain(best['value'])}"
    return f"{alt}; {n:,} annotator{'s' if n != 1 else ''}."


def agreement_matrix(
    frame: pd.DataFrame, *, order: Sequence[Hashable] | None = None, clicks: bool = False, dark: bool = False
) -> go.Figure:
    """Heat map of Cohen's kappa of each pair, blank below 5 shared examples.

    Args:
        frame: one row a pair: annotator_a, annotator_b, kappa, n_shared. Above 60 annotators the 60 who share most are shown.
        order: names in the order in which they stand; those it lacks come last. Default: by their mean kappa.
        clicks: whether a click on a cell gives its two names (customdata).
    """
    pairs = frame[(frame["n_shared"] >= FEWEST_SHARED) & frame["kappa"].notna()]
    if not len(pairs):
        return theme.empty(f"No two annotators share {FEWEST_SHARED} examples.", dark=dark)
    ends = pd.concat([pairs.set_index("annotator_a"), pairs.set_index("annotator_b")])
    shared, mean = ends["n_shared"].groupby(level=0).sum(), ends["kappa"].groupby(level=0).mean()
    people = shared.sort_values(ascending=False, kind="stable").index[:MOST_ROWS]
    names = mean.loc[people].sort_values(kind="stable").index
    if order is not None:
        place = pd.Index(list(order), tupleize_cols=False).get_indexer(names)
        names = names[np.argsort(np.where(place < 0, len(place) + len(order), place), kind="stable")]
    kappa, n = (_square(pairs, column, names) for column in ("kappa", "n_shared"))
    hover = [
        ["" if np.isnan(kappa[a, b]) else _pair_hover(names[a], names[b], kappa[a, b], n[a, b]) for b in range(len(names))]
        for a in range(len(names))
    ]
    gap = 2 if len(names) <= 20 else 1 if len(names) <= 30 else 0
    figure = go.Figure(
        go.Heatmap(z=kappa, colorscale=theme.DIVERGING, zmin=-1, zmid=0, zmax=1, xgap=gap, ygap=gap, hovertext=hover, hoverinfo="text")
    )
    if len(names) <= MOST_NAMES_WITH_TEXT:
        figure.add_trace(_kappa_text(kappa, dark=dark))
    rows = 40 if len(names) <= 6 else 26 if len(names) <= 20 else 15
    if clicks:
        keys = [wording.key(name) for name in names]
        blank = f"fewer than {FEWEST_SHARED} shared"
        told = [
            [text or (wording.escape(a) if a == b else f"{wording.escape(a)} and {wording.escape(b)}<br>{blank}")
             for b, text in zip(names, line, strict=True)]
            for a, line in zip(names, hover, strict=True)
        ]  # fmt: skip
        clickable(figure, [[[a, b] for b in keys] for a in keys], told, rows - 3, dark=dark)
    figure.update_yaxes(wording.name_axis(names, longest=16, down=True))
    figure.update_xaxes(wording.name_axis(names, longest=16, every=1 + (len(names) - 1) // 20), side="top", autotickangles=[0, -90])
    if len(shared) > len(names):
        theme.note(figure, f"the {len(names)} of {len(shared):,} annotators who share most", below=True)
    low, high = pairs.loc[pairs["kappa"].idxmin()], pairs.loc[pairs["kappa"].idxmax()]
    alt = (
        f"Kappa of {len(pairs):,} pairs of {len(shared):,} annotators, mean {pairs['kappa'].mean():.2f}: lowest {low['kappa']:.2f} between "
        f"{wording.cut(low['annotator_a'])} and {wording.cut(low['annotator_b'])}, highest {high['kappa']:.2f} between "
        f"{wording.cut(high['annotator_a'])} and {wording.cut(high['annotator_b'])}."
    )
    return theme.style(figure, rows * len(names) + 110, alt=alt, dark=dark)


def _kappa_text(kappa: NDArray[np.float64], *, dark: bool) -> go.Scatter:
    row, column = np.nonzero(~np.isnan(kappa))
    values = kappa[row, column]
    return go.Scatter(
        x=column,
        y=row,
        mode="text",
        text=[wording.signed(value, 2) for value in values],
        textfont={"size": 11, "color": [theme.ink_on(abs(value), dark=dark, deep=0.8) for value in values]},
        hoverinfo="skip",
    )


def _square(pairs: pd.DataFrame, column: str, names: pd.Index) -> NDArray[np.float64]:
    """A symmetric table of a column of pairs, NaN where there is no pair."""
    square = np.full((len(names), len(names)), np.nan)
    a, b = names.get_indexer(pairs["annotator_a"]), names.get_indexer(pairs["annotator_b"])
    known = (a >= 0) & (b >= 0)
    square[a[known], b[known]] = square[b[known], a[known]] = pairs[column].to_numpy(np.float64)[known]
    return square


def _pair_hover(one: Any, other: Any, kappa: float, n: float) -> str:
    return f"{wording.escape(one)} and {wording.escape(other)}<br>kappa {kappa:.2f}, {n:,.0f} shared"
