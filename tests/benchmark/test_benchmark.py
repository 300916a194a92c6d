"""Benchmarks: the same cells, whoever computes them, once; and tables that do not claim too much."""

import numpy as np
import pandas as pd
import pytest

import multiannotator_core as mc
from multiannotator_core import benchmark
from tests.crowds import crowd, model_of

SMALL = benchmark.Simulated("hammer-spammer", {"n_examples": 30, "n_annotators": 8, "labels_per_example": 4})
UNTIMED = ["data", "method", "title", "seed", "accuracy", "ece", "annotator_spearman", "trouble"]


def own(seeds=1):
    frame, truth = crowd()
    labels = mc.CrowdLabels.from_long(frame)
    return benchmark.own("own", labels, truth, model_of(labels, truth), seeds=seeds)


def two_methods(sources, seeds=2):
    return benchmark.cells(map(benchmark.contender, ("majority_vote", "glad:max_iter=5")), sources, seeds)


def test_a_cell_is_the_library():
    """A cell has the metrics that mc.evaluate gives for that crowd, method and seed."""
    drawn = mc.simulate("hammer-spammer", n_examples=30, n_annotators=8, labels_per_example=4, seed=1)
    result = mc.aggregate(drawn.labels, "glad", max_iter=5)
    expected = mc.evaluate(drawn.labels, result, drawn.truth, drawn.annotator_accuracy)

    rows = benchmark.run(two_methods([SMALL]))
    found = rows[(rows["seed"] == 1) & (rows["method"] == "glad")].iloc[0]

    assert {key: found[key] for key in ("accuracy", "macro_f1", "log_loss", "ece", "annotator_spearman")} == {
        key: expected[key] for key in ("accuracy", "macro_f1", "log_loss", "ece", "annotator_spearman")
    }
    assert found["seconds"] > 0
    assert rows["peak_mb"].notna().tolist() == [True, True, False, False]


def test_a_finished_cell_is_never_computed_twice(tmp_path, monkeypatch):
    """A second run with more seeds computes only the new ones; a damaged result is computed again."""
    counted = []
    real = benchmark.running.measure
    monkeypatch.setattr(benchmark.running, "measure", lambda cell, judged=None: counted.append(cell.seed) or real(cell, judged))

    first = benchmark.run(two_methods([SMALL, own()]), folder=tmp_path)
    second = benchmark.run(two_methods([SMALL, own()], 3), folder=tmp_path)
    next(tmp_path.iterdir()).write_text("{")
    benchmark.run(two_methods([SMALL, own()], 3), folder=tmp_path)

    assert counted[:8] == [0, 0, 0, 0, 1, 1, 1, 1]
    assert counted[8:12] == [2, 2, 2, 2]
    assert len(counted) == 13
    pd.testing.assert_frame_equal(first[UNTIMED], second[UNTIMED].head(8))


def test_cancelled_runs_keep_what_is_done(tmp_path):
    """Cancelled in on_progress ends the run; the finished cells stay and are not computed again."""

    def enough(done, total):
        if done == 3:
            raise mc.Cancelled

    with pytest.raises(mc.Cancelled):
        benchmark.run(two_methods([SMALL]), folder=tmp_path, on_progress=enough)
    done = len(list(tmp_path.iterdir()))
    told = []
    benchmark.run(two_methods([SMALL]), folder=tmp_path, on_progress=lambda *step: told.append(step))

    assert done == 3
    assert told == [(3, 4), (4, 4)]


def test_processes_find_the_same():
    """Two processes give the numbers of one."""
    cells = two_methods([SMALL, own(2)], 2)

    pd.testing.assert_frame_equal(benchmark.run(cells)[UNTIMED], benchmark.run(cells, jobs=2)[UNTIMED])


def test_seeds_of_own_data_take_four_fifths():
    """With several seeds each takes another four fifths of the examples, with their truth and predictions; one seed takes all."""
    whole, parts = own(1).draw(0), [own(2).draw(seed) for seed in (0, 1)]

    assert len(whole.labels.examples) == 60
    assert [len(part.labels.examples) for part in parts] == [48, 48]
    assert set(parts[0].labels.examples) != set(parts[1].labels.examples)
    for part in parts:
        at = whole.labels.examples.get_indexer(part.labels.examples)
        np.testing.assert_array_equal(whole.pred_probs[0][at], part.pred_probs[0])
        assert set(part.truth.index) == set(part.labels.examples)


def test_accuracy_of_annotators_needs_ten_gold_labels():
    """An annotator's accuracy is the share of right labels on gold; with fewer than ten it is not known."""
    frame, truth = crowd()
    labels, gold = mc.CrowdLabels.from_long(frame), truth.iloc[:30]
    expected = []
    for name in labels.annotators:
        mine = frame[(frame["worker"] == name) & frame["task"].isin(gold.index)]
        expected.append((mine["label"] == gold[mine["task"]].to_numpy()).mean() if len(mine) >= 10 else np.nan)

    np.testing.assert_allclose(benchmark.sources.accuracy_on(labels, gold), expected)


def test_a_method_that_cannot_run_says_why():
    """KOS on five classes has no numbers but a reason, and the ranking leaves it out."""
    cells = benchmark.cells(map(benchmark.contender, ("kos", "majority_vote")), [SMALL], 2)

    rows = benchmark.run(cells)

    assert set(rows.loc[rows["method"] == "kos", "trouble"]) == {"needs exactly two classes, got 5"}
    assert list(benchmark.ranking(rows)["method"]) == ["majority_vote"]


def made_up(values):
    """Rows of a benchmark: {title: accuracies by seed}."""
    return pd.DataFrame(
        [
            {"data": "d", "share": 1.0, "title": title, "method": title, "seed": seed, "accuracy": value, "seconds": 1.0, "trouble": None}
            for title, given in values.items()
            for seed, value in enumerate(given)
        ]
    )


def test_ranking_by_hand():
    """Mean ranks with ties shared, and who is as good as the best by paired differences."""
    rows = made_up({"a": [0.9, 0.8, 0.7, 0.9], "b": [0.8, 0.8, 0.75, 0.7], "c": [0.1, 0.2, 0.15, 0.1]})

    table = benchmark.ranking(rows)

    assert list(table["title"]) == ["a", "b", "c"]
    assert list(table["rank"]) == [1.375, 1.625, 3.0]
    assert list(table["as_good"]) == [True, True, False]
    assert table["behind"].tolist() == pytest.approx([0, 0.0625, 0.6875])


def test_summary_interval_covers_as_promised():
    """Student's interval of the mean holds the true mean in about 95 of 100 benchmarks."""
    rng = np.random.default_rng(0)
    hits = 0
    for _ in range(300):
        line = benchmark.summary(made_up({"a": rng.normal(0.8, 0.05, 5)})).iloc[0]
        hits += line["low"] <= 0.8 <= line["high"]

    assert 0.92 <= hits / 300 <= 0.98


def test_parts_of_the_same_examples_do_not_add_up():
    """On own data the interval covers the mean over all such examples in about 95 of 100 cases, however many parts are drawn."""
    rng = np.random.default_rng(0)
    hits = 0
    for _ in range(200):
        right = rng.random(200) < 0.8
        parts = np.array([right[rng.permutation(200)[:160]].mean() for _ in range(40)])
        _, low, high = benchmark.tables.mean_interval(parts, np.full(40, 0.8))
        hits += low <= 0.8 <= high

    assert 0.9 <= hits / 200 <= 0.99


def test_presets_are_the_tables_of_the_paper():
    """Four tables with 200 examples each; the note tells where a printed value lies outside our seeds."""
    rows = benchmark.run(benchmark.preset_cells("table-5", 3))
    table = benchmark.beside_printed("table-5", rows)
    outside = ~table["printed"].between(table["seed_low"] - 1e-9, table["seed_high"] + 1e-9)

    assert list(benchmark.PRESETS) == ["table-1", "table-2", "table-3", "table-5"]
    assert {preset.crowd.options["n_examples"] for preset in benchmark.PRESETS.values()} == {200}
    assert list(table["note"] != "") == list(outside)


def test_intervals_of_shares_stay_shares():
    """An interval of accuracies ends at 0 and 1, however few seeds there are; that of seconds does not."""
    rows = made_up({"a": [1.0, 0.9]})

    line = benchmark.summary(rows).iloc[0]

    assert (line["low"] >= 0, line["high"]) == (True, 1.0)
    assert benchmark.summary(rows.assign(seconds=rows["accuracy"]), "seconds").iloc[0]["high"] > 1


def test_claims_are_those_of_the_cell():
    """The reliability diagram shows quality and rightness of every example with a known class."""
    cell = two_methods([SMALL], 1)[1]
    drawn = SMALL.draw(0)
    result = mc.aggregate(drawn.labels, "glad", max_iter=5)

    quality, right = benchmark.claims(cell)

    np.testing.assert_array_equal(result.quality, quality)
    np.testing.assert_array_equal(drawn.truth.to_numpy() == result.label, right)
