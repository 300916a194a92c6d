"""Figures of how networks learn."""

from __future__ import annotations

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from . import theme, wording


def training_curves(curves: pd.DataFrame, *, dark: bool = False) -> go.Figure:
    """One line a network over the epochs: how often it is right on examples held out, or its loss where none were.

    Args:
        curves: run, epoch, loss and validation_accuracy, as `Learned.curve_table` gives them; run 0 saw all examples and is drawn strong.
    """
    if curves.empty:
        return theme.empty("The first epoch is not finished yet.", dark=dark)
    judged = bool(curves["validation_accuracy"].notna().any())
    column = "validation_accuracy" if judged else "loss"
    figure = go.Figure()
    for run, of in reversed(list(curves.groupby("run"))):
        values = of[column].to_numpy(np.float64)
        who = "all examples" if run == 0 else f"without fold {run}"
        said = [wording.percent(v, 1) if judged else f"{v:.3f}" for v in values]
        figure.add_scatter(
            x=of["epoch"],
            y=values,
            mode="lines" if len(of) > 1 else "markers",
            line={"color": theme.INK if run == 0 else theme.QUIET, "width": 2.2 if run == 0 else 1},
            hovertext=[f"{who}, epoch {epoch}: {value}" for epoch, value in zip(of["epoch"], said, strict=True)],
            hoverinfo="text",
        )
    last = int(curves["epoch"].max())
    epochs = wording.ticks(1, max(last, 2), 4, whole=True)
    figure.update_xaxes(title_text="epoch", range=[0.5, max(last, 2) + 0.5], **wording.number_axis(epochs, [f"{t:.0f}" for t in epochs]))
    low, high = float(curves[column].min()), float(curves[column].max())
    pad = 0.06 * (high - low) or 0.02
    levels = wording.ticks(low, high, 3) if high > low else [low]
    text = [wording.percent(t, 0 if high - low > 0.05 else 1) if judged else f"{t:.2f}" for t in levels]
    figure.update_yaxes(
        title_text="right on held-out labels" if judged else "loss", range=[low - pad, high + pad], **wording.number_axis(levels, text)
    )
    of_all = curves.loc[curves["run"] == curves["run"].min(), column].to_numpy(np.float64)
    value = wording.percent(of_all[-1], 1) if judged else f"{of_all[-1]:.3f}"
    what = "is right on so many held-out labels" if judged else "has this loss"
    alt = f"After {len(of_all)} epochs the network {what}: {value}; {curves['run'].nunique()} networks so far."
    return theme.style(figure, 240, alt=alt, dark=dark, grid="y")
