"""Figures of the crowd: how many labels there are of each example, by each annotator, of each class."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from . import theme, wording

if TYPE_CHECKING:
    from ..consensus import Consensus
    from ..labels import CrowdLabels

MOST_BARS = 30
FEWEST_SLOTS = 8


def labels_per_example(labels: CrowdLabels, *, dark: bool = False) -> go.Figure:
    """Histogram: how many examples got how many labels."""
    counts = labels.labels_per_example
    single = int((counts == 1).sum())
    tail = f" {single:,} have only one." if single else ""
    return _histogram(counts, "labels of an example", "examples", tail, dark=dark)


def labels_per_annotator(labels: CrowdLabels, *, dark: bool = False) -> go.Figure:
    """Histogram: how many annotators gave how many labels."""
    counts = labels.labels_per_annotator
    busiest = f" The busiest gave {wording.percent(counts.max() / max(counts.sum(), 1))} of all labels." if len(counts) > 1 else ""
    return _histogram(counts, "labels by an annotator", "annotators", busiest, dark=dark)


def _histogram(counts: NDArray[np.int64], what: str, who: str, tail: str, *, dark: bool) -> go.Figure:
    if not len(counts):
        return theme.empty(f"There are no {who}.", dark=dark)
    edges = whole_bins(int(counts.min()), int(counts.max()), bars(len(counts)))
    height, _ = np.histogram(counts, bins=edges)
    width = int(edges[1] - edges[0])
    middle = (edges[:-1] + edges[1:] - 1) / 2  # of the whole numbers that fall into the bin
    spans = [f"{low:,.0f}" if width == 1 else f"{low:,.0f} to {low + width - 1:,.0f}" for low in edges[:-1]]
    figure = go.Figure(
        go.Bar(
            x=middle,
            y=height,
            width=width * 0.8,
            hovertext=[f"{n:,} {who} with {span} labels" for n, span in zip(height, spans, strict=True)],
            hoverinfo="text",
        )
    )
    spare = max(0.0, (FEWEST_SLOTS - len(height)) / 2) * width  # a lone bar must not fill the figure
    figure.update_xaxes(
        title_text=what,
        range=[max(edges[0] - spare, -0.5) - 0.5 - 0.1 * width, edges[-1] + spare - 0.5 + 0.1 * width],
        **wording.number_axis(wording.ticks(edges[0], edges[-1] - 1, 6, whole=True)),
    )
    figure.update_yaxes(title_text=who, range=[0, height.max() * 1.06], **wording.number_axis(wording.ticks(0, height.max(), whole=True)))
    alt = f"{len(counts):,} {who}: {counts.min():,} to {counts.max():,} {what}, median {np.median(counts):,g}.{tail}"
    return theme.style(figure, 220, alt=alt, dark=dark, grid="y")


def bars(n: int) -> int:
    """How many bars show n values: few for few values, so that a shape is seen and not its noise."""
    return int(np.clip(2 * np.sqrt(n), 10, MOST_BARS))


def whole_bins(low: int, high: int, most: int) -> NDArray[np.int64]:
    """Edges of at most about `most` bins of equal whole width over the whole numbers from low to high."""
    width = next(size * 10**power for power in range(20) for size in (1, 2, 5) if (high - low) // (size * 10**power) < most)
    start = low if width == 1 else low // width * width
    return np.arange(start, high + width + 1, width) if (high + 1 - start) % width else np.arange(start, high + 2, width)


def class_balance(labels: CrowdLabels, result: Consensus | None = None, *, dark: bool = False) -> go.Figure:
    """Bars: share of the labels that say each class; with a result, a white dot at the class's share of the consensus."""
    given = labels.labels_per_class / max(len(labels), 1)  # (K,)
    found = None if result is None else np.bincount(result.label, minlength=len(given)) / max(len(result.label), 1)
    if not len(given):
        return theme.empty("There are no classes.", dark=dark)
    shown = np.arange(len(given)) if len(given) <= MOST_BARS else np.sort(np.argsort(-given, kind="stable")[:MOST_BARS])
    rest = np.setdiff1d(np.arange(len(given)), shown)
    names = [labels.classes[code] for code in shown]
    figure = go.Figure(_share_bars(given, found, shown, labels))
    rows, notes = np.arange(len(shown)), []
    top = max(float(given[shown].max()), 0.0 if found is None else float(found[shown].max()), 1e-9)
    if found is not None:
        figure.add_scatter(x=found[shown], y=rows, mode="markers", marker={"symbol": "circle", **theme.OPEN_MARK}, hoverinfo="skip")
        notes.append("Bars: labels given. ○ consensus.")
    if len(rest):
        notes.append(f"Not shown: {len(rest):,} classes with {wording.escape(wording.percent(given[rest].sum()))} of the labels.")
    figure.add_scatter(  # with dots on the figure the numbers stand in a column, where they cannot be taken for the dot's
        x=given[shown] + 0.015 * top if found is None else np.full(len(shown), 1.05 * top),
        y=rows,
        mode="text",
        text=[wording.escape(wording.percent(share)) for share in given[shown]],
        textposition="middle right",
        hoverinfo="skip",
        cliponaxis=False,
    )
    figure.update_yaxes(wording.name_axis(names, down=True))
    figure.update_xaxes(range=[0, 1.16 * top], visible=False)
    if notes:
        theme.note(figure, *notes)
    height = 24 * len(shown) + 12 + 20 * len(notes)
    return theme.style(figure, height, alt=_balance_alt(labels, given, found, rest), dark=dark)


def _share_bars(given: NDArray[np.float64], found: NDArray[np.float64] | None, shown: NDArray[np.intp], labels: CrowdLabels) -> go.Bar:
    hover = []
    for code in shown:
        share = wording.escape(wording.percent(given[code], 1))
        hover.append(f"{wording.escape(labels.classes[code])}: {share} of the labels, n = {labels.labels_per_class[code]:,}")
        if found is not None:
            hover[-1] += f"<br>{wording.escape(wording.percent(found[code], 1))} of the consensus labels"
    return go.Bar(
        x=given[shown],
        y=np.arange(len(shown)),
        orientation="h",
        marker_color=theme.class_colours(shown.tolist(), len(given)),
        hovertext=hover,
        hoverinfo="text",
        customdata=[wording.key(labels.classes[code]) for code in shown],
    )


def _balance_alt(labels: CrowdLabels, given: NDArray[np.float64], found: NDArray[np.float64] | None, rest: NDArray[np.intp]) -> str:
    most, least = int(given.argmax()), int(given.argmin())
    name: Any = wording.cut
    alt = f"Of {len(labels):,} labels, {name(labels.classes[most])} has {wording.percent(given[most])}"
    if most != least:
        alt += f", {name(labels.classes[least])} the fewest with {wording.percent(given[least])}"
    if found is not None:
        alt += f"; of the consensus labels {name(labels.classes[int(found.argmax())])} has most, {wording.percent(found.max())}"
    return alt + (f". Not shown: {wording.listed(labels.classes[code] for code in rest)}." if len(rest) else ".")
