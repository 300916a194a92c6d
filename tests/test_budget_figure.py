"""The curve of what further labels bring."""

import pandas as pd

from multiannotator_core import figures
from multiannotator_core.figures.budget import budget_curve

CURVE = pd.DataFrame({"labels": [0, 50, 400], "accuracy": [0.9, 0.94, 0.96], "low": [0.85, 0.9, 0.93], "high": [0.95, 0.97, 0.98]})


def test_the_curve_shows_now_and_after_the_budget():
    """The mark stands where the budget ends, and the alternative text has both numbers with their range."""
    for dark in (False, True):
        figure = budget_curve(CURVE, 50, dark=dark)
        mark = figure.data[2]

        assert (list(mark.x), list(mark.y)) == ([50.0], [0.94])
        assert "90.0% of the consensus labels are expected to be right now" in figures.alt(figure)
        assert "94.0% (90.0% to 97.0%) after 50 further labels" in figures.alt(figure)


def test_nothing_to_buy():
    """Without a useful label the figure says so."""
    assert "No further label" in figures.alt(budget_curve(CURVE.head(1), 5))
