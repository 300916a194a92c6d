"""Excluding and restoring annotators, and what every page says then."""

import time

import pytest

from pages import _runs


def problems(app):
    return [e.value for e in app.exception] + [e.value for e in app.error]


def until_changes(app, n):
    """Draw the page again until the run in use knows of n changes."""
    info = _runs.store().datasets()[0]
    for _ in range(200):
        app.run()
        run = next(iter(_runs.usable_runs(info).values()))
        if run.changes == n:
            return info
        time.sleep(0.1)
    raise AssertionError("the run was not computed again")


def exclude(app, name, reviewer="Kim", reason="answers at random"):
    app.switch_page("pages/annotators.py").run()
    app.selectbox(key="ann_who").set_value(name).run()
    app.text_input(key="reviewer").set_value(reviewer).run()
    app.text_input(key="ann_reason").set_value(reason).run()
    app.button(key="exclude").click().run()


def test_an_excluded_annotator_counts_nowhere_until_restored(sample):
    """After an exclusion the next run has no label of theirs, the ranking leaves them out, and their restoration undoes it."""
    exclude(sample, "A-005")
    info = until_changes(sample, 1)
    labels = _runs.counted_labels(info)
    out = _runs.store().exclusions(info.id)
    told = [m.value for m in sample.markdown if "answers at random" in m.value and r"A\-005" in m.value]

    assert problems(sample) == []
    assert labels.labels_per_annotator[labels.annotators.get_loc("A-005")] == 0
    assert len(labels.annotators) == 40
    assert out[["name", "reviewer", "reason"]].to_numpy().tolist() == [["A-005", "Kim", "answers at random"]]
    assert "A-005" not in sample.selectbox(key="ann_who").options
    assert told

    sample.button(key="restore 'A-005'").click().run()
    until_changes(sample, 2)

    assert problems(sample) == []
    assert len(_runs.counted_labels(info)) == info.n_labels
    assert "A-005" in sample.selectbox(key="ann_who").options


def test_nobody_excludes_without_a_name(sample):
    """Without a name nothing is excluded, and the page says why."""
    exclude(sample, "A-005", reviewer="")

    assert [e.value for e in sample.error] == [r"Say who you are first\: your name is kept with each exclusion\."]
    assert len(_runs.store().exclusions(_runs.store().datasets()[0].id)) == 0


def test_what_if_says_what_changes_without_them(sample):
    """The switch computes the consensus without the annotator, says what changes, and changes nothing."""
    sample.switch_page("pages/annotators.py").run()
    sample.toggle(key="ann_what_if").set_value(True).run()
    for _ in range(100):
        if sample.info:
            break
        time.sleep(0.1)
        sample.run()

    assert problems(sample) == []
    assert "would change. On the" in sample.info[0].value
    assert _runs.store().changes(_runs.store().datasets()[0].id) == 0


@pytest.mark.parametrize("page", ["agreement", "classes", "review", "overview", "consensus", "compare_metrics", "export"])
def test_every_page_lives_with_an_exclusion(sample, page):
    """With an annotator excluded every page answers as before."""
    info = _runs.store().datasets()[0]
    _runs.store().exclude(info.id, "annotator", "A-034", "Kim", "always says 7")
    until_changes(sample, 1)
    sample.switch_page(f"pages/{page}.py").run()

    assert problems(sample) == []
    assert len(sample.title) == 1


def test_the_pair_suspected_of_copying_is_shown_first(sample):
    """The agreement page names the copying pair and shows the examples of these two."""
    sample.switch_page("pages/agreement.py").run()
    for _ in range(100):
        if any("suspected" in m.value for m in sample.markdown):
            break
        time.sleep(0.1)
        sample.run()

    assert problems(sample) == []
    assert (sample.selectbox(key="agr_a").value, sample.selectbox(key="agr_b").value) == ("A-016", "A-025")


def test_the_evidence_is_one_click_away(sample):
    """From any pair a click on the suspicion leads to the examples of the suspected two."""
    sample.switch_page("pages/agreement.py").run()
    for _ in range(100):
        if any("suspected" in m.value for m in sample.markdown):
            break
        time.sleep(0.1)
        sample.run()
    sample.selectbox(key="agr_a").set_value("A-001").run()
    before = sample.selectbox(key="agr_a").value
    sample.button(key="pair ('A-016', 'A-025')").click().run()

    assert before == "A-001"
    assert (sample.selectbox(key="agr_a").value, sample.selectbox(key="agr_b").value) == ("A-016", "A-025")
    assert problems(sample) == []


def test_an_excluded_example_counts_nowhere_until_restored(sample):
    """An example is excluded beside the evidence, named with its reason, left out of every number, and comes back."""
    sample.switch_page("pages/classes.py").run()
    button = next(b for b in sample.button if b.key and b.key.startswith("exclude_this"))
    name = button.key.removeprefix("exclude_this '").removesuffix("'")
    sample.text_input(key=f"reviewer_example '{name}'").set_value("Kim").run()
    sample.text_input(key=f"example_reason '{name}'").set_value("the picture is broken").run()
    sample.button(key=f"exclude_this '{name}'").click().run()
    info = until_changes(sample, 1)
    labels = _runs.counted_labels(info)
    out = _runs.store().exclusions(info.id)
    told = [m.value for m in sample.markdown if "picture is broken" in m.value]

    assert problems(sample) == []
    assert out[["kind", "name", "reviewer", "reason"]].to_numpy().tolist() == [["example", name, "Kim", "the picture is broken"]]
    assert labels.labels_per_example[labels.examples.get_loc(name)] == 0
    assert len(labels.examples) == info.n_examples
    assert told

    sample.switch_page("pages/export.py").run()
    assert problems(sample) == []
    assert "the picture is broken" in sample.table[0].value.to_string().replace("\\", "")
    sample.switch_page("pages/classes.py").run()
    sample.button(key=f"restore '{name}'").click().run()
    until_changes(sample, 2)

    assert problems(sample) == []
    assert len(_runs.counted_labels(info)) == info.n_labels


def test_numbers_of_the_card_lead_to_their_labels(sample):
    """A click on a number of the report card shows the labels behind it, as many as it says."""
    sample.switch_page("pages/annotators.py").run()
    shown = {}
    for kind in ("consensus", "model", "gold", "fast"):
        sample.button(key=f"ann_fact_{kind}").click().run()
        chosen = sample.selectbox(key="ann_evidence")
        shown[kind] = chosen.value, len(next(d.value for d in sample.dataframe if "Plausible" in d.value))

    assert problems(sample) == []
    assert [kind for kind, (chosen, _) in shown.items() if kind != chosen] == []
    assert shown["gold"][1] < shown["consensus"][1]


def test_the_evidence_leads_to_the_desk_and_to_exclusion(sample):
    """Beside the labels of an annotator an example can be excluded."""
    sample.switch_page("pages/annotators.py").run()
    sample.text_input(key="reviewer_example").set_value("Kim").run()
    sample.button(key="exclude_this").click().run()
    info = until_changes(sample, 1)

    assert problems(sample) == []
    assert _runs.store().exclusions(info.id)["kind"].tolist() == ["example"]
