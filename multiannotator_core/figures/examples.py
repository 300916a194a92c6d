"""Figures of examples: how sure their labels are, what was said of one of them, and whether the claims hold."""

from __future__ import annotations

from collections.abc import Sequence
from math import floor
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import ArrayLike, NDArray

from . import theme, wording

BIN = 0.025
MOST_CLASSES = 12
MOST_CLASSES_ON_CARD = 4


def quality_histogram(quality: ArrayLike, *, line: float = 0.7, dark: bool = False) -> go.Figure:
    """Histogram of the quality (N,) of examples on a log scale; those below `line` are to be reviewed."""
    values = np.asarray(quality, dtype=np.float64).ravel()
    values = values[np.isfinite(values)]
    if not len(values):
        return theme.empty("There are no examples.", dark=dark)
    edges = _quality_edges(line)
    counts, _ = np.histogram(values.clip(0.0, 1.0), bins=edges)
    left, right, counts = (side[counts > 0] for side in (edges[:-1], edges[1:], counts))  # a log scale has no zero
    middle = (left + right) / 2
    figure = go.Figure(
        go.Bar(
            x=middle,
            y=counts,
            width=(right - left) * 0.86,
            marker_color=np.where(middle < min(line, 0.5), theme.BAD, np.where(middle < line, theme.UNSURE, theme.QUIET)).tolist(),
            hovertext=[f"{n:,} examples with quality {a:.3g} to {b:.3g}" for n, a, b in zip(counts, left, right, strict=True)],
            hoverinfo="text",
        )
    )
    top = int(counts.max())
    start = _first_tenth(float(values.min()), line)
    figure.update_yaxes(
        type="log", range=[np.log10(0.7), np.log10(top) + 0.15 + 0.05 * np.log10(top)], title_text="examples, log scale", **_log_ticks(top)
    )
    figure.update_xaxes(title_text="quality", range=[start - 0.008, 1.008], **wording.number_axis(wording.ticks(start, 1.0, 6)))
    if 0 < line < 1:
        _mark_line(figure, line, start)
    low = int((values < line).sum())
    alt = f"{low:,} of {len(values):,} examples have a quality below {line:g}; the median is {np.median(values):.2f}."
    return theme.style(figure, 250, alt=alt, dark=dark, grid="y")


def _quality_edges(line: float) -> NDArray[np.float64]:
    """Bins that meet at the line, so that no bar lies on both sides of it. Rounded: 0.5 must be the edge, not nearly the edge."""
    edges = np.round(line + BIN * np.arange(-np.ceil(line / BIN), np.ceil((1 - line) / BIN) + 1), 10)
    return np.unique(edges.clip(0.0, 1.0))


def _first_tenth(lowest: float, line: float) -> float:
    """Where the axis begins: below all values, and so far below the line that its words fit."""
    return max(0.0, floor(10 * min(lowest, (line - 0.28) / 0.72) + 1e-9) / 10)


def _log_ticks(top: int) -> dict[str, Any]:
    steps = (1, 2, 5) if top < 10 else (1, 3) if top < 100 else (1,)
    return wording.number_axis([step * 10**power for power in range(8) for step in steps if step * 10**power <= top])


def _mark_line(figure: go.Figure, line: float, start: float) -> None:
    figure.add_shape(
        type="line", x0=line, x1=line, y0=0, y1=1, yref="paper", line={"color": theme.QUIET, "width": 1.5, "dash": "dot"}, layer="below"
    )
    roomy = (line - start) / (1 - start) >= 0.25
    figure.add_annotation(
        text="to review" if roomy else "◂ to review",
        x=line,
        y=1,
        yref="paper",
        xanchor="right" if roomy else "left",
        yanchor="bottom",
        xshift=5 if roomy else -3,
        showarrow=False,
    )
    figure.update_layout(margin_t=24)


def vote_bars(votes_row: ArrayLike, classes: Sequence[Any], *, label: int | None = None, dark: bool = False) -> go.Figure:
    """Small bars for a card: the labels of one example, counts (K,); `label` is the code of its consensus class."""
    votes = np.asarray(votes_row, dtype=np.float64).ravel()
    total = votes.sum()
    if not total > 0:
        return theme.empty("No labels", dark=dark, height=90)
    order = np.argsort(-votes, kind="stable")
    order = order[votes[order] > 0]
    shown = order[:MOST_CLASSES_ON_CARD].tolist()
    rows = np.arange(len(shown))
    said = [f"{wording.escape(classes[code])}: {votes[code]:g} of {total:g} labels" for code in shown]
    figure = go.Figure(
        go.Bar(
            x=votes[shown],
            y=rows,
            orientation="h",
            width=0.62,
            marker_color=[theme.INK if code == label else theme.QUIET for code in shown],
            text=[f"{votes[code]:g}" for code in shown],
            textposition="outside",
            hovertext=said,
            hoverinfo="text",
        )
    )
    figure.update_yaxes(wording.name_axis([classes[code] for code in shown], longest=14, down=True))
    figure.update_yaxes(range=[MOST_CLASSES_ON_CARD - 0.5, -0.5])
    figure.update_xaxes(range=[0, votes.max() * 1.25], visible=False)
    consensus = "" if label is None else f" The consensus is {wording.cut(classes[label])}."
    alt = f"{total:g} labels: " + ", ".join(f"{votes[code]:g} say {wording.cut(classes[code])}" for code in shown)
    rest = f" and {len(order) - len(shown)} more classes" if len(order) > len(shown) else ""
    return theme.style(figure, 90, alt=f"{alt}{rest}.{consensus}", dark=dark)


def posterior_bars(
    posterior_row: ArrayLike, classes: Sequence[Any], *, label: int, model: ArrayLike | None = None, dark: bool = False
) -> go.Figure:
    """Bars: the posterior (K,) of one example, blue for its consensus class `label` (a code); white diamonds: a model's (K,)."""
    posterior = np.asarray(posterior_row, dtype=np.float64).ravel()
    belief = None if model is None else np.asarray(model, dtype=np.float64).ravel()
    shown = list(range(len(posterior)))
    if len(posterior) > MOST_CLASSES:
        shown = np.argsort(-posterior, kind="stable")[:MOST_CLASSES].tolist()
    names = [wording.escape(classes[code]) for code in shown]
    rows = np.arange(len(shown))
    figure = go.Figure(
        go.Bar(
            x=posterior[shown],
            y=rows,
            orientation="h",
            marker={"color": [theme.INK if code == label else theme.QUIET for code in shown]},
            hovertext=[f"{name}: {posterior[code]:.3f}" for name, code in zip(names, shown, strict=True)],
            hoverinfo="text",
            customdata=[wording.key(classes[code]) for code in shown],
        )
    )
    ends = posterior[shown].copy()
    if belief is not None:
        figure.add_scatter(
            x=belief[shown],
            y=rows,
            mode="markers",
            marker={"symbol": "diamond", **theme.OPEN_MARK},
            cliponaxis=False,
            hovertext=[f"{name}: the model says {belief[code]:.3f}" for name, code in zip(names, shown, strict=True)],
            hoverinfo="text",
        )
        close = (belief[shown] > ends - 0.04) & (belief[shown] < ends + 0.2)
        ends = np.where(close, np.maximum(belief[shown] + 0.02, ends), ends)  # the number stands behind a diamond, not under it
    told = posterior[shown] >= 0.05
    figure.add_scatter(
        x=ends[told] + 0.015,
        y=rows[told],
        mode="text",
        text=[f"{value:.2f}" for value in posterior[shown][told]],
        textposition="middle right",
        hoverinfo="skip",
        cliponaxis=False,
    )
    figure.update_yaxes(wording.name_axis([classes[code] for code in shown], down=True))
    figure.update_xaxes(range=[-0.012, 1.16], **wording.number_axis([0, 0.5, 1]))
    if len(posterior) > MOST_CLASSES:
        theme.note(figure, f"the {MOST_CLASSES} most probable of {len(posterior):,} classes")
    height = 27 * len(shown) + 34 + 26 * (len(posterior) > MOST_CLASSES)
    return theme.style(figure, height, alt=_posterior_alt(posterior, classes, label, belief), dark=dark, grid="x")


def _posterior_alt(posterior: NDArray[np.float64], classes: Sequence[Any], label: int, belief: NDArray[np.float64] | None) -> str:
    alt = f"{wording.cut(classes[label])} at {posterior[label]:.2f}"
    others = np.delete(np.arange(len(posterior)), label)
    if len(others):
        second = int(others[posterior[others].argmax()])
        alt += f", then {wording.cut(classes[second])} at {posterior[second]:.2f}"
    if belief is not None:
        best = int(belief.argmax())
        alt += f"; the model says {wording.cut(classes[best])} at {belief[best]:.2f}"
    return alt + "."


def reliability(quality: ArrayLike, right: ArrayLike, bins: int = 15, *, dark: bool = False) -> go.Figure:
    """Reliability diagram: claimed quality (N,) against the share that is right (N, bool), in equal bins with 95% Wilson intervals.

    The expected calibration error is that of Guo et al. 2017: the mean over examples of |share right - mean quality| of their bin.
    """
    claimed, correct = np.asarray(quality, dtype=np.float64).ravel(), np.asarray(right, dtype=np.float64).ravel()
    if len(claimed) != len(correct):
        raise ValueError(f"There are {len(claimed)} values of quality and {len(correct)} of right; give one of each for every example.")
    if not len(claimed):
        return theme.empty("There are no examples with gold.", dark=dark)
    place = np.minimum((claimed * bins).astype(np.intp), bins - 1)
    n = np.bincount(place, minlength=bins)
    used = n > 0
    n = n[used]
    mean = np.bincount(place, weights=claimed, minlength=bins)[used] / n
    share = np.bincount(place, weights=correct, minlength=bins)[used] / n
    error = float((n * np.abs(share - mean)).sum() / n.sum())
    low, high = _wilson(share, n)
    figure = go.Figure(
        go.Scatter(
            x=mean,
            y=share,
            mode="markers",
            marker={"color": theme.INK, "size": 5 + 9 * np.sqrt(n / n.max())},
            error_y={
                "array": np.maximum(high - share, 0.0),
                "arrayminus": np.maximum(share - low, 0.0),
                "color": theme.INK,
                "thickness": 1.5,
                "width": 0,
            },
            hovertext=[
                f"claimed {m:.2f}, right {s:.2f} ({a:.2f} to {b:.2f}), n = {k:,}"
                for m, s, a, b, k in zip(mean, share, low, high, n, strict=True)
            ],
            hoverinfo="text",
            cliponaxis=False,
        )
    )
    figure.add_shape(type="line", x0=0, y0=0, x1=1, y1=1, line={"color": theme.QUIET, "width": 1.5, "dash": "dot"}, layer="below")
    figure.update_xaxes(title_text="quality claimed", range=[-0.02, 1.03], **wording.number_axis([0, 0.2, 0.4, 0.6, 0.8, 1]))
    figure.update_yaxes(title_text="share right", range=[-0.02, 1.03], **wording.number_axis([0, 0.2, 0.4, 0.6, 0.8, 1]))
    theme.note(figure, f"Calibration error {error:.3f}, n = {n.sum():,}. Dotted: claims hold.")
    claim = f"On average {claimed.mean():.2f} is claimed and {correct.mean():.2f} is right"
    return theme.style(figure, 320, alt=f"{claim}; calibration error {error:.3f}, n = {n.sum():,}.", dark=dark, grid="xy")


def _wilson(share: NDArray[np.float64], n: NDArray[np.int64], z: float = 1.959964) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """95% interval of a share (Wilson 1927): also honest where all or none are right."""
    centre = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z * np.sqrt(share * (1 - share) / n + z**2 / (4 * n**2)) / (1 + z**2 / n)
    return centre - half, centre + half
