"""Many confusion matrices side by side: who differs from the others is seen at a glance."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import ArrayLike, NDArray

from . import theme, wording
from .confusion import FULL_ALARM, MOST_CLASSES

MOST_MATRICES = 12
COLUMNS = 4
SIDE, HEAD, GAP = 150, 40, 0.03  # pixels of a matrix and of its title; share of the width between two


def confusion_multiples(
    confusions: ArrayLike, names: Sequence[Any], classes: Sequence[Any], *, notes: Sequence[str] | None = None, dark: bool = False
) -> go.Figure:
    """Small heat maps of confusions, one an annotator, all on one scale: blue on the diagonal, red elsewhere.

    Args:
        confusions: (m, K, K) [annotator, true class, given class], rows sum to 1; the first 12 are drawn, of at most 50 classes.
        names: m names of annotators.
        notes: m texts for the line below each name, such as the verdict.
    """
    every = np.asarray(confusions, dtype=np.float64)
    rates = every[:MOST_MATRICES, :MOST_CLASSES, :MOST_CLASSES]
    if not rates.size:
        return theme.empty("Choose annotators to see what they say for each class.", dark=dark)
    n, k = rates.shape[:2]
    rows = -(-n // COLUMNS)
    figure = go.Figure()
    share = SIDE / (SIDE + HEAD)  # of a row's height that its matrices take
    for at in range(n):
        row, column = divmod(at, COLUMNS)
        left, top = column * (1 + GAP) / (COLUMNS + GAP * (COLUMNS - 1)), 1 - (row + 1 - share) / rows
        right = left + 1 / (COLUMNS + GAP * (COLUMNS - 1))
        axes = _axes(at)
        figure.add_traces(_heat(rates[at], [wording.escape(name) for name in classes], axes))
        ends = {"showticklabels": False, "ticks": "", "automargin": False}
        figure.update_layout(
            {
                f"xaxis{axes['xaxis'][1:]}": {"domain": [left, min(right, 1.0)], "anchor": axes["yaxis"], "range": [-0.5, k - 0.5], **ends},
                f"yaxis{axes['yaxis'][1:]}": {
                    "domain": [max(top - share / rows, 0.0), top], "anchor": axes["xaxis"], "range": [k - 0.5, -0.5], **ends
                },
            }
        )  # fmt: skip
        note = f"<br>{wording.short(notes[at], 30)}" if notes else ""
        figure.add_annotation(
            text=f'<span style="font-weight:600">{wording.short(names[at], 20)}</span>{note}', x=left, y=top, xref="paper", yref="paper",
            xanchor="left", yanchor="bottom", align="left", showarrow=False,
        )  # fmt: skip
    return theme.style(figure, rows * (SIDE + HEAD) + 12, alt=_alt(rates, names, len(every)), dark=dark)


def _axes(at: int) -> dict[str, str]:
    number = str(at + 1) if at else ""
    return {"xaxis": f"x{number}", "yaxis": f"y{number}"}


def _heat(rates: NDArray[np.float64], classes: Sequence[str], axes: dict[str, str]) -> list[go.Heatmap]:
    right = np.eye(len(rates), dtype=bool)
    hover = [
        [f"true {classes[t]}, gave {classes[g]}<br>{wording.escape(wording.percent(rates[t, g]))}" for g in range(len(rates))]
        for t in range(len(rates))
    ]
    scales, gap = ((right, theme.SEQUENTIAL, 1.0), (~right, theme.ALARM, FULL_ALARM)), 1 if len(rates) <= 12 else 0
    return [
        go.Heatmap(
            z=np.where(cells, rates, np.nan), colorscale=scale, zmin=0, zmax=full, xgap=gap, ygap=gap,
            hovertext=np.where(cells, np.array(hover, dtype=object), "").tolist(), hoverinfo="text", **axes,
        )
        for cells, scale, full in scales
    ]  # fmt: skip


def _alt(rates: NDArray[np.float64], names: Sequence[Any], n: int) -> str:
    right = np.einsum("jkk->j", rates) / rates.shape[1]
    worst = int(right.argmin())
    return (
        f"Confusion matrices of {len(rates)} of {n:,} annotators; {wording.cut(names[worst])} is right least, "
        f"in {wording.percent(right[worst])} on average over the classes."
    )
