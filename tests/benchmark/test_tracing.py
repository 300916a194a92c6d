"""Accuracy against wall time: every point is a whole run of so many iterations."""

import numpy as np
import pytest

import multiannotator_core as mc
from multiannotator_core import benchmark
from multiannotator_core.benchmark import running
from tests.crowds import crowd

SMALL = benchmark.Simulated("independent-confusion", {"n_examples": 40, "n_annotators": 8, "labels_per_example": 4})
STEPS = (1, 2, 4)


def traced(*methods, seeds=2, **options):
    return benchmark.traced(map(benchmark.contender, methods), [SMALL], seeds, steps=STEPS, **options)


def test_a_point_is_a_run_of_so_many_iterations():
    """Accuracy after n iterations is the mean over the seeds of what mc.aggregate gives with exactly n."""
    table = traced("dawid_skene").set_index("iterations")

    for step in STEPS:
        right = []
        for seed in (0, 1):
            drawn = SMALL.draw(seed)
            result = mc.aggregate(drawn.labels, "dawid_skene", max_iter=step, tol=0)

            assert result.n_iter == step
            right.append(mc.evaluate(drawn.labels, result, drawn.truth)["accuracy_ties_split"])
        assert table.loc[step, "accuracy"] == pytest.approx(np.mean(right))
        assert table.loc[step, "low"] <= table.loc[step, "accuracy"] <= table.loc[step, "high"]
        assert table.loc[step, "n"] == 2
    assert (table["seconds"] > 0).all()


@pytest.mark.parametrize("method", list(mc.METHODS))
def test_every_method_can_be_stopped(method):
    """A method with iterations is asked for exactly so many; another one runs once as it is."""
    stops = benchmark.stopped_at(benchmark.Contender(method), STEPS)
    options = mc.METHODS[method].options

    assert list(stops) == (list(STEPS) if "max_iter" in options else [1])
    for step, stop in stops.items():
        assert stop.options.get("max_iter", step) == step
        assert stop.options.get("tol", 0.0) == 0.0
        assert set(stop.options) <= set(options)


def test_methods_that_cannot_run_have_no_points():
    """KOS on five classes is left out, a vote is one point, and options of a contender stay in its title."""
    table = traced("kos", "majority_vote", "glad:prior_strength=2")

    assert list(table["title"]) == ["Majority vote", *["GLAD, prior_strength 2.0"] * 3]
    assert list(table["iterations"]) == [1, 1, 2, 4]


def test_finished_points_are_never_computed_twice(tmp_path, monkeypatch):
    """With a folder, a second trace with more seeds measures the new ones only."""
    counted = []
    real = running.measure
    monkeypatch.setattr(running, "measure", lambda cell, judged=None: counted.append(cell.seed) or real(cell, judged))

    traced("dawid_skene", folder=tmp_path)
    traced("dawid_skene", seeds=3, folder=tmp_path)

    assert counted == [0, 0, 0, 1, 1, 1, 2, 2, 2]


def test_own_data_are_traced_too():
    """The user's own gold gives a line of its own beside a simulated crowd."""
    frame, truth = crowd()
    mine = benchmark.own("mine", mc.CrowdLabels.from_long(frame), truth, seeds=2)

    table = benchmark.traced([benchmark.Contender("dawid_skene")], [mine, SMALL], 2, steps=(1,))

    assert list(table["data"]) == ["mine", SMALL.name]


def test_nothing_to_trace_is_said():
    """Without a method there is no table but a sentence."""
    with pytest.raises(ValueError, match="at least one method"):
        traced()


def test_short_runs_are_timed_by_their_fastest(monkeypatch):
    """A run below the limit is repeated and the fastest counts; a long one is timed once."""
    ticks = iter([0.0, 0.04, 1.0, 1.01, 2.0, 2.03, 3.0, 4.0])
    monkeypatch.setattr(running.time, "perf_counter", lambda: next(ticks))

    short, long = running._timed(lambda: "result"), running._timed(lambda: "result")

    assert short == ("result", pytest.approx(0.01))
    assert long == ("result", pytest.approx(1.0))
