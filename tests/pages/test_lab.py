"""The pages of the lab: questions to crowds like one's own, made-up crowds, and benchmarks."""

import time


def problems(app):
    return [e.value for e in app.exception] + [e.value for e in app.error]


def answered(app, heading):
    """The app when its background job is done and the card with this heading is there."""
    for _ in range(200):
        if any(s.value == heading for s in app.subheader):
            return app
        assert problems(app) == []
        time.sleep(0.1)
        app.run()
    raise AssertionError(f"no card {heading!r}: {[s.value for s in app.subheader]}")


def test_a_crowd_like_yours_answers(sample):
    """After Ask the questions are answered with intervals, the present crowd first."""
    sample.switch_page("pages/simulate.py").run()
    sample.number_input(key="sim_draws").set_value(5).run()
    next(b for b in sample.button if b.label == "Ask").click().run()
    answered(sample, "What does accuracy cost?")
    table = sample.dataframe[0].value

    assert problems(sample) == []
    assert list(dict.fromkeys(table["Question"])) == [
        "As it is",
        "2 more labels each",
        "30% fewer labels",
        "Without the 3 worst annotators",
    ]
    assert (table["from"] <= table["to"]).all()


def test_made_up_crowds_judge_methods(sample):
    """A made-up crowd with its own options tells which method is right most often."""
    sample.switch_page("pages/simulate.py").run()
    sample.segmented_control(key="sim_which").set_value("made").run()
    sample.number_input(key="sim_seeds").set_value(2).run()
    next(b for b in sample.button if b.label == "Draw and compare").click().run()
    answered(sample, "Which method is right most often?")

    assert problems(sample) == []
    assert any("comes first with" in c.value for c in sample.caption)


def test_a_benchmark_on_the_users_gold(sample):
    """The dataset's gold is the first choice of data; Run ranks the methods."""
    sample.switch_page("pages/benchmark.py").run()
    sample.number_input(key="bench_seeds_None").set_value(2).run()
    next(b for b in sample.button if b.label == "Run").click().run()
    answered(sample, "Who comes first?")
    table = sample.dataframe[0].value

    assert problems(sample) == []
    assert set(table["Method"]) == {"Majority vote", "Wawa", "Dawid-Skene", "IBCC", "GLAD"}


def test_a_table_of_the_paper(sample):
    """A preset shows the printed values beside ours."""
    sample.switch_page("pages/benchmark.py").run()
    sample.selectbox(key="bench_preset").set_value("table-1").run()
    sample.number_input(key="bench_seeds_table-1").set_value(2).run()
    next(b for b in sample.button if b.label == "Run").click().run()
    answered(sample, "Who comes first?")

    assert problems(sample) == []
    assert sample.dataframe[0].value["Printed"].tolist() == [0.755, 0.775, 0.89, 0.775, 0.77, 0.76]
