"""The review desk and the history without a browser: queues, grid, undo, versions."""

import pandas as pd
import pytest

import multiannotator_core as mc
from multiannotator_core.samples import load_sample
from pages import _queues, _runs
from tests.pages.waiting import settled, until


def problems(app):
    return [e.value for e in app.exception] + [e.value for e in app.error]


def dataset():
    return _runs.store().datasets()[0].id


def desk(app, who="Kim", **address):
    """The desk by a link, with the reviewer's name typed in."""
    for key, value in address.items():
        app.query_params[key] = value
    app.switch_page("pages/review.py").run()
    settled(app)
    app.text_input(key="reviewer").set_value(who).run()
    return settled(app)


def told(app):
    return [
        m.value.replace("\\", "")
        for m in app.markdown
        if "-badge[" in m.value
        and ("U takes it back" in m.value or "accepted" in m.value or "taken back" in m.value or "changed" in m.value)
    ]


def queued(app):
    """The examples that come next."""
    return [str(name) for name in app.dataframe[-1].value["Example"]]


MORE_TITLES = {name: title for name, (title, _) in _queues.MORE_ORDERS.items()}
LINKS = [  # an order stands in the address with the words of its title
    {"rev_quality": "Would change most"},
    {"rev_quality": "Methods disagree"},
    {"rev_quality": "Entropy", "rev_class": "3"},
    {"rev_annotator": "A-005", "rev_against": "true"},
    {"rev_model": "true", "rev_audit": "false"},
    {"rev_view": "Grid", "rev_class": "8"},
]


@pytest.mark.parametrize("address", LINKS, ids=lambda a: " ".join(a.values()))
def test_a_link_opens_the_same_queue(sample, address):
    """Order and filters stand in the address: a second session that opens it has the same widgets and the same queue."""
    settled(desk(sample, **address))
    titles = {**MORE_TITLES, **{name: method.title for name, method in mc.QUALITY_METHODS.items()}}
    found = {key: str(sample.session_state[key]) for key in address}
    widgets = {key: titles.get(value, value).lower() for key, value in found.items()}
    counted = [m.value for m in sample.markdown if "in this queue" in m.value]

    assert problems(sample) == []
    assert {key: value.lower() for key, value in address.items()} == widgets
    assert len(counted) == 1


def test_the_queue_of_the_model_has_only_those_that_differ(sample):
    """Only where the model differs: its most probable class is not the consensus, for each example of the queue."""
    desk(sample, rev_model="true", rev_audit="false")
    data = load_sample("digits")
    classes = dict(
        zip(data.labels.examples.astype(str), data.labels.classes.astype(str)[data.pred_probs.to_numpy().argmax(axis=1)], strict=True)
    )
    table = sample.dataframe[-1].value

    assert len(table) > 3
    assert [(n, c) for n, c in zip(table["Example"], table["Consensus"], strict=True) if classes[str(n)] == c] == []


def test_the_grid_accepts_the_ticked_and_undo_takes_all_back(sample):
    """One click decides every ticked example as proposed, none that was unticked; the unticked leave the grid; undo is one step."""
    desk(sample, rev_view="Grid")
    ticks = list(sample.checkbox)
    proposed = {tick.key: tick.label for tick in ticks}
    ticks[1].uncheck()
    ticks[4].uncheck()
    sample.button(key="accept").click().run()
    settled(sample)
    made = _runs.store().decisions(dataset())
    shown = {tick.key for tick in sample.checkbox}
    words = told(sample)
    sample.button(key="undo").click().run()
    settled(sample)

    assert problems(sample) == []
    assert len(ticks) == 12
    assert len(made) == 10
    assert words == [w for w in words if "10 accepted, 2 left for one at a time. U takes it back." in w] != []
    assert not shown & set(proposed)
    assert _runs.store().decisions(dataset()).empty
    assert len(_runs.store().history(dataset())) == 20


def test_the_grid_draws_nothing_at_random(sample):
    """Decisions of the grid are no audits: those who put the doubtful aside would find the rest too good."""
    desk(sample, rev_view="Grid")
    sample.button(key="accept").click().run()

    assert _runs.store().decisions(dataset())["audit"].isna().all()


def test_somebody_elses_decision_stands_in_the_grid(sample):
    """Where another reviewer was faster theirs stands, the others are accepted, and the page says so."""
    desk(sample, rev_view="Grid")
    labels = _runs.store().load(dataset()).labels
    code = int(sample.checkbox[0].key.rpartition("_")[2])
    other = labels.classes[0 if sample.checkbox[0].label.startswith("**1") else 1]
    _runs.store().decide(dataset(), labels.examples[code], other, reviewer="Lee")
    sample.button(key="accept").click().run()
    made = _runs.store().decisions(dataset())

    assert made["reviewer"].value_counts().to_dict() == {"Kim": 11, "Lee": 1}
    assert any("Somebody else decided 1 in the meantime" in m.value for m in sample.markdown)


def test_a_link_opens_an_example_from_the_end_of_the_queue(sample):
    """A link to any example of the queue opens it, also one beyond the first thousand."""
    labels = _runs.store().load(dataset()).labels
    info = _runs.store().datasets()[0]
    result = _runs.load_run(info, next(iter(_runs.usable_runs(info).values())).key)
    surest = str(labels.examples[result.log_odds.argmax()])
    desk(sample, rev_example=surest)

    assert next(s.value.replace("\\", "") for s in sample.subheader) == f"Example {surest}"


def test_an_example_can_be_decided_again_after_undo(sample):
    """Undo shows the example again, and the next decision on it is kept: taking back is no conflict with oneself."""
    desk(sample, rev_audit="false")
    for key in ("decide_3", "undo", "decide_5"):
        sample.button(key=key).click().run()
        settled(sample)

    assert _runs.store().history(dataset())["revision"].tolist() == [1, 2, 3]
    assert [str(label) for label in _runs.store().decisions(dataset())["label"]] == ["5"]


def test_undo_never_takes_back_what_somebody_else_changed(sample):
    """When another reviewer has decided the example since, undo leaves it and says who it was."""
    desk(sample)
    sample.button(key="decide_3").click().run()
    settled(sample)
    name = _runs.store().decisions(dataset()).index[0]
    _runs.store().decide(dataset(), name, "5", reviewer="Lee")
    sample.button(key="undo").click().run()
    settled(sample)

    assert str(_runs.store().decisions(dataset())["label"].iloc[0]) == "5"
    assert any("Lee has changed 1 since; that stands" in m.value for m in sample.markdown)


def test_one_in_five_is_drawn_at_random_with_its_chance(sample):
    """The fifth example is marked as drawn at random, and its decision keeps the probability with which it was drawn."""
    desk(sample)
    for _ in range(5):
        sample.button(key="decide_3").click().run()
        settled(sample)
    kept = _runs.store().decisions(dataset())["audit"].tolist()

    assert [value for value in kept if value == value] == [pytest.approx(1 / 1793)]
    assert kept[4] == kept[4]


def test_examples_that_look_alike_are_shown(sample):
    """Beside the example stand those whose pictures are most alike, with their consensus."""
    desk(sample)
    until(sample, lambda page: any("Most alike by pixels" in c.value for c in page.caption), "the comparison of the pictures")

    assert problems(sample) == []


def test_excluded_examples_leave_the_queue(sample):
    """An example that is excluded has no labels; it is not offered, unless decided ones are shown too."""
    desk(sample, rev_audit="false")
    first = queued(sample)[0]
    _runs.store().exclude(dataset(), "example", first, "Kim", "broken")
    info = _runs.store().datasets()[0]
    until(sample, lambda page: next(iter(_runs.usable_runs(info).values())).changes == 1, "the run without the example")
    settled(sample.run())

    assert first not in queued(sample)


def test_history_filters_and_agreement(sample):
    """History shows what the filters say, how often two reviewers agree, and takes back only what was seen."""
    store = _runs.store()
    names = store.load(dataset()).labels.examples[:4].tolist()
    for name, one, other in zip(names, ("1", "2", "3", "4"), ("1", "2", "3", "5"), strict=True):
        store.decide(dataset(), name, one, reviewer="Ana", audit=0.1 if name == names[0] else None)
        store.decide(dataset(), name, other, reviewer="Bo")
    store.decide(dataset(), names[0], reviewer="Cy", flag="ambiguous")
    sample.switch_page("pages/history.py").run()
    whole, pairs = len(sample.dataframe[0].value), sample.dataframe[1].value
    counts = {}
    for kind in ("class", "flag", "undo", "audit"):
        sample.selectbox(key="his_kind").set_value(kind).run()
        counts[kind] = len(sample.dataframe[0].value)
    sample.selectbox(key="his_kind").set_value("all").run()
    sample.selectbox(key="his_reviewer").set_value("Bo").run()
    sample.selectbox(key="his_class").set_value("5").run()
    found = sample.dataframe[0].value

    assert problems(sample) == []
    assert (whole, counts) == (9, {"class": 8, "flag": 1, "undo": 0, "audit": 1})
    assert pairs[["Reviewer", "and"]].to_numpy().tolist() == [["Ana", "Bo"]]
    assert pairs["Agree"][0].startswith("75% of 4")
    assert found[["Who", "Example", "Decided"]].to_numpy().tolist() == [["Bo", str(names[3]), "5"]]


def test_annotators_over_the_files_of_a_project(sample):
    """With a second file History draws the annotators over the files; with one there is no such card."""
    sample.switch_page("pages/history.py").run()
    before = [s.value for s in sample.subheader]
    data = load_sample("digits")
    keep = data.labels.example < 1500
    frame = data.labels.to_long()[keep]
    newer = _runs.store().add_version(dataset(), mc.CrowdLabels.from_long(frame))
    sample.query_params["dataset"] = newer
    sample.switch_page("pages/history.py").run()
    until(sample, lambda page: any("between files" in s.value for s in page.subheader) and len(page.dataframe), "the card")

    assert problems(sample) == []
    assert "How did the annotators change between files?" not in before
    assert isinstance(sample.dataframe[-1].value, pd.DataFrame)
    assert len(sample.dataframe[-1].value) == 40
