"""The pages of the lab: questions to crowds like one's own, made-up crowds, and benchmarks."""

import time

import multiannotator_core as mc


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


def test_the_answer_is_seen_at_a_glance(sample):
    """One tile a question: how right, what is gained with its range, and what it costs; the crowd as it is stands above."""
    sample.switch_page("pages/simulate.py").run()
    sample.number_input(key="sim_draws").set_value(5).run()
    next(b for b in sample.button if b.label == "Ask").click().run()
    answered(sample, "What does accuracy cost?")
    tiles = {metric.label: metric for metric in sample.metric}

    assert list(tiles) == ["2 more labels each", "30% fewer labels", "Without the 3 worst annotators"]
    assert tiles["2 more labels each"].value.endswith("% right")
    assert tiles["2 more labels each"].delta.startswith("+")
    assert tiles["30% fewer labels"].delta.startswith("-")
    assert any("costs 3,594 more" in c.value for c in sample.caption)
    assert any("right as it is" in c.value for c in sample.caption)


def test_a_made_up_crowd_is_shown_and_taken_away(sample):
    """Loads, labels of each example and a few annotators are drawn; the crowd is a file of any format, with its true classes."""
    sample.switch_page("pages/simulate.py").run()
    sample.segmented_control(key="sim_which").set_value("made").run()
    sample.selectbox(key="sim_load").set_value("heavy-tailed").run()
    sample.number_input(key="sim_seeds").set_value(2).run()
    next(b for b in sample.button if b.label == "Draw and compare").click().run()
    answered(sample, "What does such a crowd look like?")
    sample.selectbox(key="sim_format").set_value("peerannot").run()

    assert problems(sample) == []
    assert len(sample.get("plotly_chart")) == 4
    assert [button.label for button in sample.get("download_button")] == ["Labels", "True classes"]
    assert any("share of spammers" in c.value for c in sample.caption)


def test_time_and_calibration_of_a_benchmark(sample):
    """After the ranking a reliability diagram is there at once, and accuracy against time when it is asked for."""
    sample.switch_page("pages/benchmark.py").run()
    sample.multiselect(key="bench_methods").set_value(["majority_vote", "dawid_skene"]).run()
    sample.number_input(key="bench_seeds_None").set_value(2).run()
    next(b for b in sample.button if b.label == "Run").click().run()
    answered(sample, "How fast do they get there?")
    before = len(sample.get("plotly_chart"))
    sample.button(key="bench_trace").click().run()
    for _ in range(100):
        if len(sample.get("plotly_chart")) > before:
            break
        time.sleep(0.1)
        sample.run()

    assert problems(sample) == []
    assert before == 2
    assert len(sample.get("plotly_chart")) == 3
    assert any("One row a method and number of iterations" in c.value for c in sample.caption)


def test_other_data_with_gold_can_be_compared(sample, tmp_path):
    """A set that was installed beside the dataset in use is offered, with its gold."""
    drawn = mc.simulate("hammer-spammer", n_examples=40)
    with mc.Store(tmp_path / "home" / "crowdlens.db") as store:
        store.add_dataset(drawn.labels, name="installed", gold=drawn.truth)
    sample.switch_page("pages/benchmark.py").run()
    data = sample.multiselect(key="bench_data")
    data.set_value([option for option in data.options if "installed" in option] and [found.id for found in _others(tmp_path)]).run()
    sample.number_input(key="bench_seeds_None").set_value(2).run()
    next(b for b in sample.button if b.label == "Run").click().run()
    answered(sample, "Who comes first?")

    assert problems(sample) == []
    assert "Majority vote · installed" in sample.selectbox(key="bench_claims").options


def _others(tmp_path):
    with mc.Store(tmp_path / "home" / "crowdlens.db") as store:
        return [found for found in store.datasets() if found.name == "installed"]
