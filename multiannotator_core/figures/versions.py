"""Figure of annotators over the files of a project."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
import plotly.graph_objects as go

from . import theme, wording

# Lines with a name, a colour and a mark of their own; all others are grey.
SYMBOLS = ("circle", "diamond", "square", "cross", "x")
MOST_NAMED = len(SYMBOLS)


def quality_over_versions(
    table: pd.DataFrame, versions: Sequence[str], named: Sequence[object] = (), *, most: int = 60, dark: bool = False
) -> go.Figure:
    """One line an annotator: quality in each file; those who are named stand out, with their intervals.

    Args:
        table: annotator, version, n_labels, quality, low, high, one row an annotator and version.
        versions: the versions in their order.
        named: annotators to name, at most MOST_NAMED are.
        most: so many others are drawn at most, as they come.
    """
    lines = {annotator: own for annotator, own in table.groupby("annotator", sort=False) if len(own) > 1}
    if not lines:
        return theme.empty("No annotator has labels in two files.", dark=dark)
    place = {version: at for at, version in enumerate(versions)}
    figure = go.Figure()
    front = [name for name in named if name in lines][:MOST_NAMED]
    back = [name for name in lines if name not in front][:most]
    for name in [*back, *front]:
        own, special = lines[name], name in front
        colour = theme.CLASSES[front.index(name) % len(theme.CLASSES)] if special else theme.QUIET
        figure.add_scatter(
            x=[place[version] for version in own["version"]],
            y=own["quality"],
            error_y={"type": "data", "array": own["high"] - own["quality"], "arrayminus": own["quality"] - own["low"], "width": 0}
            if special
            else None,
            mode="lines+markers",
            line={"color": colour, "width": 2.2 if special else 1},
            marker={"color": colour, "size": 9 if special else 4, "symbol": SYMBOLS[front.index(name)] if special else "circle"},
            opacity=1.0 if special else 0.45,
            name=wording.short(name),
            showlegend=special,
            hovertext=[
                f"{wording.short(name)}<br>{wording.escape(row.version)}<br>quality {row.quality:.2f} ({row.low:.2f} to {row.high:.2f}), "
                f"{row.n_labels:,} labels"
                for row in own.itertuples()
            ],
            hoverinfo="text",
        )
    names = [wording.short(version) for version in versions]
    figure.update_xaxes(tickvals=list(range(len(versions))), ticktext=names, range=[-0.25, len(versions) - 0.75])
    figure.update_yaxes(title_text="quality")
    figure.update_layout(showlegend=bool(front))
    changed = "; ".join(
        f"{wording.cut(name, 40)} from {lines[name]['quality'].iloc[0]:.2f} to {lines[name]['quality'].iloc[-1]:.2f}" for name in front
    )
    alt = f"Quality of {len(lines):,} annotators over {len(versions)} files" + (f": {changed}." if changed else ".")
    return theme.style(figure, 300, alt=alt, dark=dark, grid="y")
