"""Every page, empty and loaded."""

import io
import time

import pytest

from pages import _runs, _session
from tests.pages.waiting import settled

PAGES = [name for pages in _session.PAGES.values() for name, _, _ in pages]


def problems(app):
    """What went wrong on a page."""
    return [e.value for e in app.exception] + [e.value for e in app.error]


@pytest.mark.parametrize("name", PAGES)
def test_empty_page_says_what_to_do_next(app, name):
    """Without a dataset a page has its heading and the button that loads a sample, and nothing broken."""
    app.switch_page(f"pages/{name}.py").run()

    assert problems(app) == []
    assert len(app.title) == 1
    assert app.button(key="load_sample").label == "Try the digits sample"


@pytest.mark.parametrize("name", PAGES)
def test_loaded_page_answers(sample, name):
    """With the sample every page shows its heading and no error, and keeps doing so when it is drawn again."""
    sample.switch_page(f"pages/{name}.py").run()
    again = sample.run()

    assert problems(again) == []
    assert len(again.title) == 1
    assert not [b for b in again.button if b.label == "Start again"]


def test_one_click_from_nothing_to_results(sample):
    """The sample button leads to the overview with its numbers."""
    assert problems(sample) == []
    assert sample.title[0].value == "What needs your attention?"
    assert "Labels to review" in [m.label for m in sample.metric]


def csv(name, text):
    return (name, text.encode(), "text/csv")


GOOD = "task,worker,label\n" + "".join(f"t{i},w{j},{'yes' if (i + j) % 3 else 'no'}\n" for i in range(12) for j in range(4))


def upload(app, name, text, key="labels"):
    uploader = next(u for u in app.file_uploader if u.key.startswith(f"upload_{key}"))
    return settled(uploader.upload(*csv(name, text) if isinstance(text, str) else (name, text, "application/octet-stream")).run())


def test_upload_to_results(app):
    """A file is understood, shown, confirmed, and every page then answers about it."""
    app.switch_page("pages/data.py").run()
    upload(app, "crowd.csv", GOOD)
    assert problems(app) == []
    assert [m.value for m in app.metric] == ["48", "12", "4", "2"]
    next(b for b in app.button if b.label == "Use these labels").click().run()

    assert problems(app) == []
    assert "12 examples · 4 annotators · 48 labels" in [c.value for c in app.sidebar.caption]


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("empty.csv", "", "empty"),
        ("header.csv", "task,worker,label\n", "no"),
        ("nul.csv", "task,worker,label\na\0,b,c\n", "NUL"),
        ("columns.csv", "id,text\n1,hello\n2,world\n", "annotator"),
        ("picture.csv", b"\x89PNG\r\n\x1a\n" + bytes(range(256)), "picture"),
        ("model.csv", b"\x80\x04\x95\x10\x00\x00\x00", "pickle"),
    ],
)
def test_bad_file_keeps_what_was_there(sample, name, text, words):
    """A bad file gives one clear sentence, and the dataset in use stays."""
    before = [c.value for c in sample.sidebar.caption]
    sample.switch_page("pages/data.py").run()
    upload(sample, name, text)

    told = [*sample.error, *sample.info]  # a column that must be named is asked for, not an error
    assert sample.exception == []
    assert len(told) == 1
    assert words in told[0].value
    assert [c.value for c in sample.sidebar.caption] == before


def test_every_method_card_runs_or_says_why(sample):
    """On the Consensus page each family shows its methods; one that cannot run says why and is disabled."""
    sample.switch_page("pages/consensus.py").run()
    sample.button(key="run_one_coin").click().run()
    runs = []
    for _ in range(100):  # the run is a background job; a busy machine may take its time
        runs = [str(title) for title in sample.run().dataframe[0].value["Method"]]
        if "One-coin" in runs:
            break
        time.sleep(0.1)

    assert problems(sample) == []
    assert "One-coin" in runs


def test_npy_predictions_are_confirmed_first(sample):
    """Predictions without names are shown as pairs, and used only after a person says that the order is right."""
    import numpy as np

    buffer = io.BytesIO()
    np.save(buffer, np.full((1797, 10), 0.1))
    sample.switch_page("pages/data.py").run()
    upload(sample, "probs.npy", buffer.getvalue(), key="pred_probs")
    assert problems(sample) == []
    sample.button(key="confirm_order").click().run()

    assert problems(sample) == []


def review(sample, who="Kim"):
    settled(sample.switch_page("pages/review.py").run())
    return sample.text_input(key="reviewer").set_value(who).run()


def shown_example(app):
    return next(s.value for s in app.subheader if s.value.startswith("Example"))


def test_a_decision_is_kept_and_the_next_example_appears(sample):
    """A click on a class stores the decision under the reviewer's name, shows the next example, and can be taken back."""
    review(sample)
    first = shown_example(sample)
    sample.button(key="decide_3").click().run()
    second = shown_example(sample)
    told = [m.value for m in sample.markdown if "taken" in m.value or "takes it back" in m.value]
    sample.switch_page("pages/history.py").run()
    history = sample.dataframe[0].value
    assert (list(history["Who"]), list(history["Decided"])) == (["Kim"], ["3"])

    review(sample)
    next(b for b in sample.button if b.label == "Undo").click().run()
    sample.switch_page("pages/history.py").run()

    assert problems(sample) == []
    assert first != second
    assert len(told) == 1
    assert len(sample.dataframe[0].value) == 2


def test_nobody_decides_without_a_name(sample):
    """Without a name nothing is stored, and the desk says why."""
    sample.switch_page("pages/review.py").run()
    sample.button(key="decide_3").click().run()
    told = [m.value for m in sample.markdown if "Say who you are first" in m.value]
    sample.switch_page("pages/history.py").run()

    assert len(told) == 1
    assert [m.value for m in sample.markdown if "Nothing was decided yet" in m.value]


def test_decisions_become_gold_for_the_run(sample):
    """After a decision the posterior of that example is certain in the run in use."""
    review(sample)
    name = shown_example(sample).removeprefix("Example ").replace("\\", "")
    sample.button(key="decide_3").click().run()
    store = _runs.store()
    dataset = store.datasets()[0]
    for _ in range(100):
        sample.run()
        run = next(iter(_runs.usable_runs(dataset).values()))
        if run.changes == 1:
            break
        time.sleep(0.1)
    result = store.load_run(dataset.id, run.key)
    labels = store.load(dataset.id).labels
    at = labels.examples.get_loc(name)

    assert run.changes == 1
    assert (result.quality[at], str(labels.classes[result.label[at]])) == (1.0, "3")


def test_next_weeks_file_brings_the_decisions_along(app):
    """A newer file of the same project says what changed, and decisions follow by example name."""
    app.switch_page("pages/data.py").run()
    upload(app, "week1.csv", GOOD)
    next(b for b in app.button if b.label == "Use these labels").click().run()
    review(app)
    app.button(key="decide_0").click().run()
    app.switch_page("pages/data.py").run()
    upload(app, "week2.csv", GOOD + "t99,w0,yes\n")
    app.toggle(key="newer_file").set_value(True).run()
    told = [t.value for t in app.text if "1 added, 0 changed, 0 removed" in t.value]
    next(b for b in app.button if b.label == "Use these labels").click().run()
    app.switch_page("pages/history.py").run()

    assert problems(app) == []
    assert len(told) == 1
    assert "13 examples · 4 annotators · 49 labels" in [c.value for c in app.sidebar.caption]
    assert len(app.dataframe[0].value) == 1


PROBS = "example,no,yes\n" + "".join(f"t{i},0.25,0.75\n" for i in range(12))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (PROBS.replace("t3,", "t99,"), "t3"),
        (PROBS.replace("example,no,yes", "example,no,maybe"), "yes"),
        (PROBS.replace("t3,0.25,0.75", "t3,0.5,0.75"), "sum to 1.25"),
        (PROBS.replace("t3,0.25,0.75", "t3,much,0.75"), "much"),
        (PROBS.replace("t3,0.25,0.75", "t3,-0.25,1.25"), "negative"),
    ],
    ids=["rows", "columns", "sums", "words", "negative"],
)
def test_wrong_predictions_are_refused_in_one_sentence(app, text, words):
    """Predictions with wrong examples, classes or numbers are refused with the place; the labels stay in use."""
    app.switch_page("pages/data.py").run()
    upload(app, "crowd.csv", GOOD)
    next(b for b in app.button if b.label == "Use these labels").click().run()
    app.switch_page("pages/data.py").run()
    upload(app, "probs.csv", text, key="pred_probs")

    assert app.exception == []
    assert len(app.error) == 1
    assert words in app.error[0].value.replace("\\", "")
    assert "12 examples · 4 annotators · 48 labels" in [c.value for c in app.sidebar.caption]
    upload(app, "probs.csv", PROBS, key="pred_probs")
    assert problems(app) == []
    assert [m.value for m in app.markdown if "for 12 examples" in m.value]


def test_a_dataset_that_was_removed_can_be_opened_again(sample):
    """The same labels again start anew: with their runs, and without the decisions that went with the removal."""
    review(sample)
    sample.button(key="decide_3").click().run()
    sample.switch_page("pages/data.py").run()
    sample.button(key="remove_dataset").click().run()
    sample.button(key="load_sample").click().run()
    settled(sample)

    assert problems(sample) == []
    assert "Labels to review" in [m.label for m in sample.metric]
    assert _runs.store().decisions(_runs.store().datasets()[0].id).empty
