"""Cells that can be clicked, and many matrices side by side."""

import numpy as np
import pandas as pd

from multiannotator_core import figures
from multiannotator_core.figures import theme


def kappas(names):
    rows = [(a, b, 0.5, 10) for i, a in enumerate(names) for b in names[i + 1 :]]
    return pd.DataFrame(rows, columns=["annotator_a", "annotator_b", "kappa", "n_shared"])


def test_every_cell_of_the_agreement_says_its_pair():
    """One square over each cell carries the two names as they are, also where there is no kappa."""
    frame = kappas(["a", "<b>", "c"]).assign(n_shared=[10, 10, 4])
    squares = figures.agreement_matrix(frame, order=["c", "a", "<b>"], clicks=True).data[-1]

    assert [list(pair) for pair in squares.customdata[:3]] == [["c", "c"], ["c", "a"], ["c", "<b>"]]
    assert (squares.x[1], squares.y[1]) == (1, 0)
    assert squares.hovertext[2] == "c and &lt;b&gt;<br>fewer than 5 shared"
    assert (squares.marker.opacity, squares.unselected.marker.opacity, squares.selected.marker.opacity) == (0, 0, 1)


def test_the_given_order_is_kept_and_the_rest_comes_last():
    """Names stand as ordered; a name that the order lacks is not lost."""
    figure = figures.agreement_matrix(kappas(list("abcd")), order=["d", "b", "a"])

    assert list(figure.layout.yaxis.ticktext) == ["d", "b", "a", "c"]


def test_a_matrix_of_sixty_can_be_drawn_and_clicked():
    """The most that is shown stays below the limit of points."""
    squares = figures.agreement_matrix(kappas([f"a{j}" for j in range(70)]), clicks=True).data[-1]

    assert len(squares.x) == 3600
    assert len(squares.x) <= theme.MOST_POINTS


def test_every_cell_of_a_confusion_says_its_classes():
    """The code of the true and of the given class, also where only the worst classes are drawn; numbers in cells keep their colour."""
    rates = np.eye(60)
    rates[58, 58], rates[58, 3] = 0.4, 0.6
    figure = figures.confusion_matrix(rates, range(60), clicks=True)
    small = figures.confusion_matrix(np.eye(3), "abc", clicks=True)

    assert [58, 3] in [list(cell) for cell in figure.data[-1].customdata]
    assert [list(cell) for cell in small.data[-1].customdata][:4] == [[0, 0], [0, 1], [0, 2], [1, 0]]
    assert {trace.hoverinfo for trace in small.data if trace.type == "heatmap"} == {"skip"}
    assert next(trace for trace in small.data if trace.type == "scatter" and trace.mode == "text").selected.textfont.color == theme.INK


def test_a_page_of_figures_says_what_was_left_out():
    """The note stands below the heading, as text."""
    page = figures.to_html({"One": figures.confusion_matrix(np.eye(2), "ab")}, note="Left out: annotator <x>.")

    assert "<p>Left out: annotator &lt;x&gt;.</p>" in page
    assert "<p>" not in figures.to_html({"One": figures.confusion_matrix(np.eye(2), "ab")})


def test_matrices_side_by_side():
    """Two heat maps an annotator, at most twelve annotators, each with name and note above it and inside the figure."""
    figure = figures.confusion_multiples([np.eye(3)] * 15, [f"a{j}" for j in range(15)], "xyz", notes=["mixes up x and y"] * 15)
    places = [figure.layout[f"{axis}axis{number or ''}"].domain for axis in "xy" for number in ("", *range(2, 13))]

    assert len(figure.data) == 24
    assert [note.text for note in figure.layout.annotations[:1]] == ['<span style="font-weight:600">a0</span><br>mixes up x and y']
    assert min(low for low, _ in places) >= 0
    assert max(high for _, high in places) <= 1
    assert "12 of 15 annotators" in figures.alt(figure)
    assert figures.alt(figures.confusion_multiples(np.empty((0, 3, 3)), [], "xyz")).startswith("Choose annotators")
