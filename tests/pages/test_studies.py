"""Studies of scores on the page Benchmark: asked for by a button, answered in the background."""

from functools import partial

from multiannotator_core.benchmark import active_learning, quality
from tests.pages.test_lab import answered, problems


def press(app, label):
    next(b for b in app.button if b.label == label).click().run()
    return app


def test_quality_scores_are_measured_on_the_users_gold(sample, monkeypatch):
    """The data in use come first where they have gold and a model; the best finder is on top."""
    few = partial(quality.quality_benchmark, consensus=("majority_vote", "crowdlab"), sets=("complete", "worst annotators"))
    monkeypatch.setattr(quality, "quality_benchmark", few)
    sample.switch_page("pages/benchmark.py").run()
    sample.segmented_control(key="bench_what").set_value("quality").run()
    answered(press(sample, "Measure"), "The best finders first")
    table = sample.dataframe[0].value

    assert problems(sample) == []
    assert set(table["consensus"]) == {"Majority vote", "CROWDLAB"}
    assert table["auroc"].is_monotonic_decreasing
    assert set(table["model"]) == {"model 1"}


def test_active_learning_is_drawn(sample, monkeypatch):
    """After Run there are both accuracies, a line for each method; finished runs are kept."""
    quick = partial(active_learning.active_learning, models=(active_learning.NEIGHBOURS,))
    monkeypatch.setattr(active_learning, "active_learning", quick)
    sample.switch_page("pages/benchmark.py").run()
    sample.segmented_control(key="bench_what").set_value("learning").run()
    sample.number_input(key="study_rounds").set_value(1).run()
    answered(press(sample, "Run"), "How good is the model?")

    assert problems(sample) == []
    assert [s.value for s in sample.subheader][-2:] == ["How much of the consensus is right?", "How good is the model?"]
