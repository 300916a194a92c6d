"""Every page, empty and loaded."""

import io

import pytest

PAGES = ["overview", "data", "consensus", "review", "annotators", "compare_metrics", "export"]


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
    return uploader.upload(*csv(name, text) if isinstance(text, str) else (name, text, "application/octet-stream")).run()


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
    ],
)
def test_bad_file_keeps_what_was_there(sample, name, text, words):
    """A bad file gives one clear sentence, and the dataset in use stays."""
    before = [c.value for c in sample.sidebar.caption]
    sample.switch_page("pages/data.py").run()
    upload(sample, name, text)

    assert sample.exception == []
    assert len(sample.error) == 1
    assert words in sample.error[0].value
    assert [c.value for c in sample.sidebar.caption] == before


def test_every_method_card_runs_or_says_why(sample):
    """On the Consensus page each family shows its methods; one that cannot run says why and is disabled."""
    sample.switch_page("pages/consensus.py").run()
    sample.button(key="run_one_coin").click().run()
    sample.run()

    assert problems(sample) == []
    assert "One-coin" in [str(v) for v in sample.dataframe[0].value["Method"]]


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
