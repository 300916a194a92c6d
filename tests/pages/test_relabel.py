"""The page Relabel: a budget becomes a list of whom to ask about what."""

from tests.pages.test_states import GOOD, problems, upload


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
