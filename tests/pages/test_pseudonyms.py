"""The switch that hides annotators' names on every page."""

import time

import pytest
from streamlit.testing.v1 import AppTest

import multiannotator_core as mc
from multiannotator_core import export
from pages import _pseudonyms, _runs, _session
from tests.crowds import crowd
from tests.pages.conftest import ROOT

PAGES = [name for pages in _session.PAGES.values() for name, _, _ in pages]


def problems(app):
    return [e.value for e in app.exception] + [e.value for e in app.error]


@pytest.fixture
def people(app):
    """The app with labels by people whose names cannot be mistaken for anything else."""
    frame, truth = crowd()
    frame["worker"] = [f"Zora Quill {j}" for j in frame["worker"]]
    _runs.store().add_dataset(mc.CrowdLabels.from_long(frame), name="people", gold=truth.iloc[:5])
    return complete(app.run())


def complete(app):
    """Draw the page again until its background jobs are done."""
    for _ in range(300):
        if app.title and not any("is running" in m.value for m in app.markdown):
            return app
        time.sleep(0.1)
        app.run()
    raise AssertionError("the page is never complete")


def hide(app, on=True):
    return complete(app.toggle(key="_pseudonyms").set_value(on).run())


def sent(app):
    """All that a page sends: texts, tables, figures, options of widgets."""
    protos = [getattr(element, "proto", None) for element in app]
    return b"".join(proto.SerializeToString() for proto in protos if proto is not None)


def test_no_page_shows_a_name(people):
    """With names hidden nothing that any page sends holds the name of an annotator; without, the pages of annotators do."""
    people.switch_page("pages/annotators.py").run()
    before = sent(complete(people))
    hide(people)
    shown = {}
    for page in PAGES:
        people.switch_page(f"pages/{page}.py").run()
        shown[page] = sent(complete(people))
        assert problems(people) == [], page

    assert b"Zora Quill" in before
    assert [page for page, bytes_sent in shown.items() if b"Zora" in bytes_sent] == []
    assert b"A-001" in shown["annotators"]
    assert "hidden" in people.query_params["names"]


def test_names_come_back(people):
    """The switch shows the names again, and takes itself out of the address."""
    people.switch_page("pages/annotators.py").run()
    hide(complete(people))
    hidden = people.selectbox(key="ann_who").options
    hide(people, on=False)

    assert all(name.startswith("A-0") for name in hidden)
    assert all(name.startswith("Zora") for name in people.selectbox(key="ann_who").options)
    assert "names" not in people.query_params
    assert problems(people) == []


def test_a_mailed_link_hides_names_in_a_new_session(people):
    """An address with names=hidden opens with pseudonyms, the same as in every other session."""
    info = _runs.store().datasets()[0]
    people.switch_page("pages/annotators.py").run()
    hide(complete(people))
    other = AppTest.from_file(str(ROOT / "app.py"), default_timeout=30)
    other.query_params["names"] = "hidden"
    complete(other.run().switch_page("pages/annotators.py").run())

    assert other.selectbox(key="ann_who").options == people.selectbox(key="ann_who").options
    assert sorted(_pseudonyms.pseudonym_key(info)) == sorted(other.selectbox(key="ann_who").options)


def test_the_key_cannot_be_worked_out_from_what_is_shown(people):
    """The pseudonyms depend on a secret of the store, not only on the names and the fingerprint."""
    info = _runs.store().datasets()[0]
    labels = _runs.store().load(info.id).labels

    assert not _pseudonyms.pseudonym_key(info).equals(export.pseudonyms(labels))
    assert info.project not in sent(people).decode("latin-1")


def test_an_exclusion_finds_the_person_behind_the_pseudonym(people):
    """Excluding A-001 excludes who is meant; the list withholds reasons, which may name people; restoring works too."""
    info = _runs.store().datasets()[0]
    real = {alias: name for name, alias in _pseudonyms.pseudonym_key(info).items()}
    people.switch_page("pages/annotators.py").run()
    hide(complete(people))
    people.selectbox(key="ann_who").set_value("A-001").run()
    people.text_input(key="reviewer").set_value("Kim").run()
    people.text_input(key="ann_reason").set_value("Zora is tired").run()
    people.button(key="exclude").click().run()
    out = _runs.store().exclusions(info.id)
    bytes_sent = sent(complete(people))

    assert out[["name", "reason"]].to_numpy().tolist() == [[real["A-001"], "Zora is tired"]]
    assert b"Zora" not in bytes_sent
    assert problems(people) == []

    people.button(key="restore 'A-001'").click().run()

    assert problems(people) == []
    assert len(_runs.store().exclusions(info.id)) == 0
