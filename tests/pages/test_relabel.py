"""The page Relabel: a budget becomes a list of whom to ask about what."""

import time

from multiannotator_core.export import TASK_LISTS
from tests.pages.test_states import GOOD, problems, upload


def until(app, found):
    """What is found on the page when its background jobs are done; a busy machine may take its time."""
    for _ in range(300):
        if answer := found(app):
            return answer
        assert problems(app) == []
        time.sleep(0.1)
        app.run()
    raise AssertionError("the page never showed it")


def teach(app):
    """The table of the examples that would teach the model most, when the page has it."""
    return next(([d.value] for d in app.dataframe if "n_labels" in d.value), None)


def test_a_budget_becomes_a_list(sample):
    """The list is as long as the budget, another budget gives another list, and nobody who is away is asked."""
    sample.switch_page("pages/relabel.py").run()
    lists = [sample.dataframe[0].value]
    sample.slider(key="rel_budget").set_value(50).run()
    sample.multiselect(key="rel_away").set_value([lists[0]["annotator"].iloc[0]]).run()
    lists.append(sample.dataframe[0].value)

    assert problems(sample) == []
    assert [len(rows) for rows in lists] == [100, 50]
    assert lists[0]["annotator"].iloc[0] not in set(lists[1]["annotator"])
    assert [m.label for m in sample.metric] == ["Now", "After 50 labels"]


def test_calibration_is_told(sample):
    """With gold the page says on how many examples it was calibrated."""
    sample.switch_page("pages/relabel.py").run()

    assert [c.value for c in sample.caption if "Calibrated on 60 gold examples" in c.value]


def test_without_gold_and_with_nobody_left_to_ask(app):
    """A crowd in which everybody labelled everything, without gold: the range is called uncalibrated, and the list says why it is empty."""
    app.switch_page("pages/data.py").run()
    upload(app, "crowd.csv", GOOD)
    next(b for b in app.button if b.label == "Use these labels").click().run()
    app.switch_page("pages/relabel.py").run()

    assert problems(app) == []
    assert [c.value for c in app.caption if "Uncalibrated" in c.value]
    assert [c.value for c in app.caption if "Nobody is asked" in c.value]

    app.switch_page("pages/train.py").run()

    assert problems(app) == []
    assert next(b for b in app.button if b.label == "Train").disabled


def test_the_list_can_be_taken_to_a_labelling_tool(sample):
    """Every format of task lists can be chosen, says what to do with it, and has its own file."""
    sample.switch_page("pages/relabel.py").run()
    until(sample, teach)
    told = []
    for kind in TASK_LISTS:
        sample.selectbox(key="rel_list").set_value(kind).run()
        told.append([c.value for c in sample.caption if TASK_LISTS[kind].use[:20].replace("`", "") in c.value.replace("\\", "")])
        assert problems(sample) == []

    assert [len(found) for found in told] == [1] * len(TASK_LISTS)


def test_what_would_teach_the_model(sample):
    """With a model, all examples are ordered by the chosen way; another way is another order."""
    sample.switch_page("pages/relabel.py").run()
    tables = [*until(sample, teach)]
    sample.selectbox(key="rel_way").set_value("uncertainty").run()
    until(sample, lambda app: [c for c in app.caption if "highest probability is lowest" in c.value])
    tables += until(sample, teach)

    assert problems(sample) == []
    assert len(tables[0]) == 1000
    assert tables[0]["score"].is_monotonic_increasing
    assert list(tables[0]["example"]) != list(tables[1]["example"])
