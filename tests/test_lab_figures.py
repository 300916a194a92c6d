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


def times(title="Dawid-Skene", **more):
    row = {"title": title, "iterations": 1, "seconds": 0.001, "accuracy": 0.8, "low": 0.75, "high": 0.85, "n": 5}
    return pd.DataFrame([row, row | {"iterations": 4, "seconds": 0.01, "accuracy": 0.9, "low": 0.85, "high": 0.95} | more])


@pytest.mark.parametrize("dark", [False, True])
def test_accuracy_over_time_has_a_line_a_method(dark):
    """Every method has a line over logarithmic seconds, its hover text has iterations, time, interval and n, and names stay text."""
    figure = figures.accuracy_over_time(pd.concat([times(), times(HOSTILE, accuracy=0.7)]), dark=dark)

    assert [trace.name for trace in figure.data] == ["Dawid-Skene", "&lt;b&gt;x&lt;/b&gt;"]
    assert figure.layout.xaxis.type == "log"
    assert "4 iterations, 10 ms: 90.0% right (85.0% to 95.0%, n = 5)" in figure.data[0].hovertext[1]
    assert "Dawid-Skene gets highest, 90.0% right after 10 ms; 2 methods." in figures.alt(figure)


def test_many_methods_are_told_apart():
    """Beyond the number of colours the marks differ, so that no two lines look alike."""
    table = pd.concat([times(f"method {n}") for n in range(20)])
    looks = {(trace.line.color, trace.marker.symbol) for trace in figures.accuracy_over_time(table).data}

    assert len(looks) == 20
    assert "No method" in figures.alt(figures.accuracy_over_time(table.head(0)))


@pytest.mark.parametrize("dark", [False, True])
def test_learning_curves_have_a_line_and_a_band_a_method(dark):
    """Each method is one line in the order of labels with its band; the alternative text names the ends, the best first."""
    table = pd.DataFrame(
        {
            "title": [HOSTILE, HOSTILE, "ActiveLab", "ActiveLab"], "n_labels": [200.0, 100.0, 100.0, 200.0],
            "consensus_accuracy": [0.8, 0.7, 0.75, 0.95], "consensus_accuracy_low": [0.75, 0.65, 0.7, 0.9],
            "consensus_accuracy_high": [0.85, 0.75, 0.8, 1.0],
        }
    )  # fmt: skip

    figure = figures.learning_curves(table, dark=dark)
    bands, lines = figure.data[::2], figure.data[1::2]

    assert [list(line.x) for line in lines] == [[100, 200], [100, 200]]
    assert [list(line.y) for line in lines] == [[0.7, 0.8], [0.75, 0.95]]
    assert list(bands[1].y) == [0.8, 1.0, 0.9, 0.7]
    assert [line.name for line in lines] == ["&lt;b&gt;x&lt;/b&gt;", "ActiveLab"]
    assert figures.alt(figure) == "Right at the end: ActiveLab 95.0%, <b>x</b> 80.0%."
    assert figures.alt(figures.learning_curves(table[:0])) == "There is nothing to draw yet."
