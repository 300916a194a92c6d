"""Figures of classes: what is said of each class, and which classes get mixed up."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from numpy.typing import ArrayLike, NDArray

from . import theme, wording
from .clicks import clickable

MOST_CLASSES = 50
MOST_CLASSES_WITH_TEXT = 20  # above, a cell is narrower than two digits on a phone
LEAST = 0.05  # rates below are not written
FULL_ALARM = 0.6  # the rate at which a wrong cell has its full colour
MOST_PAIRS = 12


def confusion_matrix(
    confusion: ArrayLike,
    classes: Sequence[Any],
    *,
    counts: ArrayLike | None = None,
    show: str = "rates",
    clicks: bool = False,
    dark: bool = False,
) -> go.Figure:
    """Heat map of a confusion (K, K) [true class, given class], rows sum to 1: blue on the diagonal, red elsewhere.

    Args:
        confusion: rates; a row of NaN is a class without labels and stays blank.
        classes: K names.
        counts: (K, K) numbers of labels behind the rates, told on hover; whole numbers or expected ones.
        clicks: whether a click on a cell gives the codes of its true and its given class (customdata).
        show: "rates" writes percentages of each row from 5 up, "counts" the counts. Colours follow the rates in both.

    Raises:
        ValueError: `show` is unknown, or counts are to be shown and were not given.
    """
    if show not in ("rates", "counts"):
        raise ValueError(f"show={show!r} is not known; choose 'rates' or 'counts'.")
    if show == "counts" and counts is None:
        raise ValueError("show='counts' needs the counts; pass them as counts=.")
    rates = np.asarray(confusion, dtype=np.float64)
    n = None if counts is None else np.asarray(counts, dtype=np.float64)
    if not rates.size:
        return theme.empty("There are no classes.", dark=dark)
    kept = _most_mixed_up(rates, n)
    names = [classes[code] for code in kept.tolist()]
    part, part_n = rates[np.ix_(kept, kept)], None if n is None else n[np.ix_(kept, kept)]
    figure = go.Figure(_heat(part, part_n, names))
    if len(names) <= MOST_CLASSES_WITH_TEXT:
        figure.add_trace(_cell_text(part, part if show == "rates" or part_n is None else part_n, show, dark=dark))
    if clicks:
        told = _hover(part, part_n, names)
        clickable(figure, [[[t, g] for g in kept.tolist()] for t in kept.tolist()], told, _row_height(len(names)) - 4, dark=dark)
    longest = 16 if len(names) <= 10 else 12
    figure.update_yaxes(wording.name_axis(names, longest=longest, down=True), title_text="true class")
    every = 1 + (len(names) - 1) // 20
    figure.update_xaxes(
        wording.name_axis(names, longest=longest, every=every), title_text="class they gave", side="top", autotickangles=[0, -90]
    )
    if len(kept) < len(rates):
        theme.note(figure, f"the {len(kept)} of {len(rates):,} classes that are mixed up most", below=True)
    return theme.style(figure, _matrix_height(names, longest), alt=_confusion_alt(rates, n, classes), dark=dark)


def _most_mixed_up(rates: NDArray[np.float64], n: NDArray[np.float64] | None) -> NDArray[np.intp]:
    """Codes of at most 50 classes, in class order: those with most errors in their row and column."""
    wrong = np.nan_to_num(rates if n is None else n)
    wrong = wrong - np.diag(np.diag(wrong))
    worst = np.argsort(-(wrong.sum(axis=1) + wrong.sum(axis=0)), kind="stable")[:MOST_CLASSES]
    return np.sort(worst)


def _heat(rates: NDArray[np.float64], n: NDArray[np.float64] | None, names: Sequence[Any]) -> list[go.Heatmap]:
    hover = _hover(rates, n, names)
    right = np.eye(len(names), dtype=bool)
    gap = 2 if len(names) <= 20 else 1 if len(names) <= 30 else 0
    scales = ((right, theme.SEQUENTIAL, 1.0), (~right, theme.ALARM, FULL_ALARM))
    return [
        go.Heatmap(
            z=np.where(cells, rates, np.nan),
            colorscale=scale,
            zmin=0,
            zmax=full,
            xgap=gap,
            ygap=gap,
            hovertext=np.where(cells, np.array(hover, dtype=object), "").tolist(),
            hoverinfo="text",
        )
        for cells, scale, full in scales
    ]


def _hover(rates: NDArray[np.float64], n: NDArray[np.float64] | None, names: Sequence[Any]) -> list[list[str]]:
    shown = [wording.escape(name) for name in names]
    return [[_cell_hover(shown[t], shown[g], rates, n, t, g) for g in range(len(names))] for t in range(len(names))]


def _cell_hover(true: str, given: str, rates: NDArray[np.float64], n: NDArray[np.float64] | None, t: int, g: int) -> str:
    if np.isnan(rates[t, g]):
        return ""
    behind = "" if n is None else f" ({wording.count(n[t, g])} of {wording.count(n[t].sum())} labels)"
    return f"true {true}, gave {given}<br>{wording.escape(wording.percent(rates[t, g]))}{behind}"


def _cell_text(rates: NDArray[np.float64], values: NDArray[np.float64], show: str, *, dark: bool) -> go.Scatter:
    """The numbers in the cells, each in the ink that its cell carries."""
    depth = np.where(np.eye(len(rates), dtype=bool), rates, rates / FULL_ALARM)
    told = rates >= LEAST if show == "rates" else np.round(values) >= 1
    true, given = np.nonzero(told)
    size = 12 if len(rates) <= 12 else 10
    return go.Scatter(
        x=given,
        y=true,
        mode="text",
        text=[
            f"{100 * values[t, g]:.0f}" if show == "rates" else wording.brief(round(values[t, g])) for t, g in zip(true, given, strict=True)
        ],
        textfont={"size": size, "color": [theme.ink_on(depth[t, g], dark=dark) for t, g in zip(true, given, strict=True)]},
        hoverinfo="skip",
    )


def _row_height(k: int) -> int:
    return 56 if k <= 3 else 42 if k <= 6 else 32 if k <= 12 else 26 if k <= MOST_CLASSES_WITH_TEXT else 15


def _matrix_height(names: Sequence[Any], longest: int) -> int:
    k, row = len(names), _row_height(len(names))
    widest = max(len(wording.cut(name, longest)) for name in names)
    upright = 6 * widest if widest * k > 36 else 0  # long names over many columns may stand upright on a narrow page
    return row * k + 60 + upright


def _confusion_alt(rates: NDArray[np.float64], n: NDArray[np.float64] | None, classes: Sequence[Any]) -> str:
    known = ~np.isnan(rates).all(axis=1)
    if not known.any():
        return f"Nothing is known of any of {len(rates):,} classes."
    right = np.diag(rates)[known].mean()
    alt = f"{wording.percent(right)} right on average over {known.sum():,} class{'es' if known.sum() != 1 else ''}"
    wrong = np.nan_to_num(rates) - np.diag(np.diag(np.nan_to_num(rates)))
    t, g = divmod(int(wrong.argmax()), len(rates))
    if wrong[t, g] > 0:
        behind = "" if n is None else f", n = {wording.count(n[t].sum())}"
        alt += f"; worst mix-up: {wording.cut(classes[t])} called {wording.cut(classes[g])} in {wording.percent(wrong[t, g])}{behind}"
    return alt + "."


def confused_classes(pairs: pd.DataFrame, *, dark: bool = False) -> go.Figure:
    """Bars: the classes that are mixed up most, worst first.

    Args:
        pairs: one row a pair: true, given (names), rate (share of the labels on `true` that say `given`) and
            n (labels on `true`). The 12 highest rates are shown.
    """
    if not len(pairs):
        return theme.empty("No classes are mixed up.", dark=dark)
    table = pairs.sort_values("rate", ascending=False, kind="stable").iloc[:MOST_PAIRS]
    rate, rows = table["rate"].to_numpy(np.float64), np.arange(len(table))
    figure = go.Figure(
        go.Bar(
            x=rate,
            y=rows,
            orientation="h",
            text=[wording.escape(f"{wording.percent(r, 1)} of {n:,.0f}") for r, n in zip(rate, table["n"], strict=True)],
            textposition="outside",
            hovertext=[
                f"true {wording.escape(t)}, given {wording.escape(g)}: {wording.escape(wording.percent(r, 1))}, n = {n:,.0f}"
                for t, g, r, n in zip(table["true"], table["given"], rate, table["n"], strict=True)
            ],
            hoverinfo="text",
            customdata=[[wording.key(t), wording.key(g)] for t, g in zip(table["true"], table["given"], strict=True)],
            unselected={"marker": {"opacity": 1}},
        )
    )
    names = [f"{wording.cut(t, 11)} → {wording.cut(g, 11)}" for t, g in zip(table["true"], table["given"], strict=True)]
    figure.update_yaxes(wording.name_axis(names, longest=26, down=True))
    room = 1.35 + 0.03 * max(len(name) for name in names)  # for the number behind the longest bar; long names leave short bars
    figure.update_xaxes(range=[0, max(rate.max(), 1e-9) * room], visible=False)
    worst = table.iloc[0]
    alt = (
        f"{wording.cut(worst['true'])} is called {wording.cut(worst['given'])} in {wording.percent(worst['rate'], 1)} "
        f"of {worst['n']:,.0f} labels, "
        f"the most frequent of {len(pairs):,} mix-up{'s' if len(pairs) != 1 else ''}."
    )
    return theme.style(figure, 28 * len(table) + 12, alt=alt, dark=dark)
