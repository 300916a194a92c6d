"""Figures of the lab: every number is there, the best comes first, and names from data stay text."""

import pandas as pd
import pytest

from multiannotator_core import figures

HOSTILE = "<b>x</b>"


@pytest.mark.parametrize("dark", [False, True])
def test_accuracy_against_cost_has_every_point(dark):
    """One line a method in the order of cost, with its interval; the alternative text names both ends."""
    table = pd.DataFrame(
        {
            "method": [HOSTILE, HOSTILE, "Wawa", "Wawa"], "title": ["b", "a", "b", "a"], "labels_each": [4.0, 2.0, 4.0, 2.0],
            "cost": [400.0, 200.0, 400.0, 200.0], "accuracy": [0.9, 0.8, 0.7, 0.6], "low": [0.85, 0.7, 0.6, 0.5],
            "high": [0.95, 0.9, 0.8, 0.7], "now": [False, True, False, True],
        }
    )  # fmt: skip

    figure = figures.accuracy_against_cost(table, dark=dark)

    assert [list(line.x) for line in figure.data] == [[200, 400], [200, 400]]
    assert [list(line.y) for line in figure.data] == [[0.8, 0.9], [0.6, 0.7]]
    assert list(figure.data[0].error_y.arrayminus) == pytest.approx([0.1, 0.05])
    assert [line.name for line in figure.data] == ["&lt;b&gt;x&lt;/b&gt;", "Wawa"]
    assert "80.0% right at a cost of 200 to 90.0% at 400" in figures.alt(figure)


@pytest.mark.parametrize("dark", [False, True])
def test_method_intervals_have_every_method(dark):
    """The first method is on top, filled where it is not told apart from the first, and one without a number is left out."""
    table = pd.DataFrame(
        {
            "title": ["GLAD", HOSTILE, "KOS"], "mean": [0.9, 0.8, float("nan")], "low": [0.85, 0.75, float("nan")],
            "high": [0.95, 0.85, float("nan")], "as_good": [True, False, False],
        }
    )  # fmt: skip

    figure = figures.method_intervals(table, dark=dark)

    assert list(figure.data[0].x) == [0.9, 0.8]
    assert list(figure.data[0].marker.symbol) == ["circle", "circle-open"]
    assert list(figure.layout.yaxis.ticktext) == ["GLAD", "&lt;b&gt;x&lt;/b&gt;"]
    assert figure.layout.yaxis.range[0] > figure.layout.yaxis.range[1]
    assert figures.alt(figure) == "GLAD is first with 90.0%, ahead of all others."


def test_nothing_to_draw_is_said():
    """Without a number the figure is one sentence."""
    empty = pd.DataFrame({name: [] for name in ("title", "mean", "low", "high", "as_good")})

    assert figures.alt(figures.method_intervals(empty)) == "No method has a number here."
    assert figures.alt(figures.accuracy_against_cost(pd.DataFrame())) == "There is nothing to draw yet."
