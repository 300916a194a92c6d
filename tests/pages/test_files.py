"""Files in by path and out in every format, without a browser."""

import pytest

from multiannotator_core.export import WRITERS
from tests.pages.test_states import problems


def place_input(app):
    return next((w for w in app.text_input if w.label == "Or a path on the server"), None)


def test_paths_on_the_server_are_off_by_default(app, monkeypatch):
    """Nobody is asked for a path unless the owner of the server allows a folder; the limit on uploads is told."""
    monkeypatch.delenv("CROWDLENS_OPEN_FROM", raising=False)
    app.switch_page("pages/data.py").run()

    assert place_input(app) is None
    assert any("200 MB" in caption.value for caption in app.caption)


def test_a_path_on_the_server_is_read(app, monkeypatch, tmp_path):
    """With a folder allowed, a file in it is understood like an upload; a path that leads out is one sentence."""
    (tmp_path / "open").mkdir()
    (tmp_path / "secret.csv").write_text("task,worker,label\na,b,c\n")
    (tmp_path / "open" / "a.csv").write_text("task,worker,label\nt1,w1,a\nt1,w2,b\nt2,w1,a\n")
    monkeypatch.setenv("CROWDLENS_OPEN_FROM", str(tmp_path / "open"))
    app.switch_page("pages/data.py").run()
    place_input(app).set_value("../secret.csv").run()

    assert [error.value.startswith("There is no file") for error in app.error] == [True]

    place_input(app).set_value("a.csv").run()

    assert problems(app) == []
    assert [m.value for m in app.metric] == ["3", "2", "2", "2"]


@pytest.mark.parametrize("key", ["label_studio", "excel", "crowdlens"])
def test_each_format_has_its_download_and_its_losses(sample, key):
    """The page offers the chosen format and says in words what does not come back."""
    sample.switch_page("pages/export.py").run()
    chosen = next(box for box in sample.selectbox if box.key == "out_format")

    assert list(chosen.options) == [writer.title for writer in WRITERS.values()]

    chosen.set_value(key).run()

    assert problems(sample) == []
    assert any(WRITERS[key].loses[:40] in caption.value for caption in sample.caption)


def test_undecided_answers_are_left_out_when_said(app, monkeypatch, tmp_path):
    """Answers such as "unsure" count as classes until a person says that they are none; then they are counted as left out."""
    (tmp_path / "a.csv").write_text("task,worker,label\nt1,w1,a\nt1,w2,b\nt2,w1,unsure\nt2,w2,a\n")
    monkeypatch.setenv("CROWDLENS_OPEN_FROM", str(tmp_path))
    app.switch_page("pages/data.py").run()
    place_input(app).set_value("a.csv").run()

    assert [m.value for m in app.metric] == ["4", "2", "2", "3"]

    next(box for box in app.multiselect if box.label == "Answers that are no class").select("unsure").run()

    assert problems(app) == []
    assert [m.value for m in app.metric] == ["3", "2", "2", "2"]
    assert any("1 row is left out: no label" in said.value for said in app.text)
