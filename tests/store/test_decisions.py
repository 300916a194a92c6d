"""Decisions are never lost, never changed, and never overwrite another reviewer's in silence."""

from __future__ import annotations

import random
import threading
from pathlib import Path
from typing import Any
from uuid import uuid4

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from multiannotator_core.labels import CrowdLabels
from multiannotator_core.store import FLAGS, Conflict, Store
from tests import naive_store
from tests.store.conftest import Home
from tests.store.test_datasets import NASTY, crowd


@pytest.fixture
def dataset(store: Store, labels: CrowdLabels) -> str:
    return store.add_dataset(labels, name="pets", gold={"t1": "cat"})


@pytest.mark.parametrize("seed", range(3))
def test_gold_is_what_the_naive_desk_says(store: Store, dataset: str, seed: int) -> None:
    """After any mix of decisions, flags and undos, gold and revisions are those of a stack for each example."""
    draw, desk = random.Random(seed), naive_store.NaiveDesk({"t1": "cat"})
    for _ in range(40):
        example, label = draw.choice(["t1", "t2", "t10"]), draw.choice(["cat", "dog", "emu", None, "undo"])
        if label == "undo":
            expected = desk.undo(example)
            if expected is None:
                with pytest.raises(ValueError, match="no decision to undo"):
                    store.undo(dataset, example, reviewer="Ana")
            else:
                assert expected == store.undo(dataset, example, reviewer="Ana")
        else:
            flag = draw.choice(FLAGS) if label is None else None
            assert desk.decide(example, label) == store.decide(dataset, example, label, flag=flag, reviewer="Bo")

    assert desk.gold() == store.gold(dataset).to_dict()
    assert sum(desk.revisions.values()) == len(store.history(dataset)) == store.changes(dataset)


def test_gold_keeps_the_order_and_the_names_of_the_labels(store: Store, dataset: str) -> None:
    """Gold is a Series by example name in the order of the labels, whatever the order of the decisions."""
    for example in ("t10", "t2"):
        store.decide(dataset, example, "dog", reviewer="Ana")
    expected = pd.Series(["cat", "dog", "dog"], index=pd.Index(["t1", "t2", "t10"], name="example"), name="gold")

    pd.testing.assert_series_equal(expected, store.gold(dataset))


def test_a_stale_revision_is_a_conflict_that_says_who_decided(store: Store, dataset: str) -> None:
    """A reviewer who has not seen the latest decision is told who decided what; nothing is written."""
    store.decide(dataset, "t2", "dog", reviewer="Ana", note="a tail", expected_revision=0)
    with pytest.raises(Conflict, match="'t2' was decided by Ana as 'dog' after you opened it") as caught:
        store.decide(dataset, "t2", "cat", reviewer="Bo", expected_revision=0)
    with pytest.raises(Conflict, match="Ana"):
        store.undo(dataset, "t2", reviewer="Bo", expected_revision=0)
    after = store.history(dataset)
    store.undo(dataset, "t2", reviewer="Cy", expected_revision=1)
    with pytest.raises(Conflict, match="changed by Cy, who took a decision back"):
        store.decide(dataset, "t2", "cat", reviewer="Bo", expected_revision=1)
    with pytest.raises(Conflict, match="has no decision any more"):
        store.decide(dataset, "t10", "cat", reviewer="Bo", expected_revision=4)

    conflict = caught.value
    seen = (conflict.example, conflict.revision, conflict.reviewer, conflict.label, conflict.flag, conflict.note)
    assert seen == ("t2", 1, "Ana", "dog", None, "a tail")
    assert after["label"].tolist() == ["dog"]


def test_revisions_count_on_when_a_decision_is_taken_back(store: Store, dataset: str) -> None:
    """Who saw an undo can decide again: the latest revision is known although no decision stands."""
    store.decide(dataset, "t2", "dog", reviewer="Ana", expected_revision=0)
    store.undo(dataset, "t2", reviewer="Ana", expected_revision=1)
    seen = store.revisions(dataset)

    assert seen.to_dict() == {"t2": 2}
    assert store.decisions(dataset).empty
    assert store.decide(dataset, "t2", "cat", reviewer="Ana", expected_revision=int(seen["t2"])) == 3


def test_decisions_and_history_say_who_what_and_when(store: Store, dataset: str) -> None:
    """The table of standing decisions has one row an example; the history keeps each row, undone ones too."""
    store.decide(dataset, "t2", "dog", reviewer=" Ana ", note="sure", audit=0.2)
    store.decide(dataset, "t1", reviewer="Bo", flag="bad example")
    store.decide(dataset, "t2", "cat", reviewer="Bo")
    store.undo(dataset, "t2", reviewer="Ana", note="slip")
    standing, history = store.decisions(dataset), store.history(dataset)

    assert {name: [row.label, row.flag, row.reviewer, row.revision] for name, row in standing.iterrows()} == {
        "t1": [None, "bad example", "Bo", 1],
        "t2": ["dog", None, "Ana", 2 + 1],
    }
    assert history["revision"].tolist() == [1, 1, 2, 3]
    assert history["undoes"].astype(object).where(history["undoes"].notna(), None).tolist() == [None, None, None, 2]
    assert history["audit"].dropna().tolist() == [0.2, 0.2]
    assert history["time"].is_monotonic_increasing
    assert str(history["time"].dt.tz) == "UTC"
    assert {dataset} == set(history["dataset"])


def test_tables_without_rows_have_their_columns(store: Store, dataset: str) -> None:
    """A page can show a table before the first decision."""
    assert store.decisions(dataset).columns.tolist() == ["label", "flag", "reviewer", "note", "audit", "time", "revision"]
    assert ["example", *store.decisions(dataset).columns, "undoes", "dataset"] == store.history(dataset).columns.tolist()
    assert store.exclusions(dataset).columns.tolist() == ["kind", "name", "reviewer", "reason", "time"]
    assert [*store.exclusions(dataset).columns, "excluded"] == store.exclusion_history(dataset).columns.tolist()
    assert store.gold(dataset).to_dict() == {"t1": "cat"}


@pytest.mark.parametrize("home", ["sqlite"], indirect=True)  # the database has no part in it
@pytest.mark.parametrize(
    ("decision", "message"),
    [
        ({"example": "t9", "label": "cat"}, "no example 't9'; the labels have t1"),
        ({"example": ["t1"], "label": "cat"}, "no example"),
        ({"example": "t1", "label": "cow"}, "no class 'cow'; the labels have cat"),
        ({"example": "t1"}, "Decide on a class, or on one of the flags"),
        ({"example": "t1", "label": "cat", "flag": "ambiguous"}, "one of the two"),
        ({"example": "t1", "flag": "odd"}, "no flag 'odd'"),
        ({"example": "t1", "label": "cat", "reviewer": " "}, "reviewer is empty"),
        ({"example": "t1", "label": "cat", "note": "a\0"}, "note holds a character"),
        ({"example": "t1", "label": "cat", "audit": 0.0}, "audit is the probability"),
    ],
    ids=["example", "list", "class", "nothing", "both", "flag", "reviewer", "note", "audit"],
)
def test_a_decision_is_checked_before_it_is_written(store: Store, dataset: str, decision: dict[str, object], message: str) -> None:
    """A wrong decision is refused with the place and the mend, and leaves no row."""
    with pytest.raises(ValueError, match=message):
        store.decide(dataset, **{"reviewer": "Ana", **decision})  # type: ignore[arg-type]

    assert store.changes(dataset) == 0


def test_names_keep_their_type_and_may_be_given_as_text(store: Store) -> None:
    """A number in an address arrives as text and finds its example; 1 and "1" stay two examples where both exist."""
    frame = pd.DataFrame({"example": [1, 2], "annotator": ["a", "b"], "label": [0, 1]})
    mixed = pd.DataFrame({"example": pd.Series([1, "1"], dtype=object), "annotator": ["a", "b"], "label": [0, 1]})
    numbers, both = (store.add_dataset(CrowdLabels.from_long(f), name="numbers") for f in (frame, mixed))

    store.decide(numbers, "2", "0", reviewer="Ana")
    store.decide(both, 1, 1, reviewer="Ana")
    store.decide(both, "1", 0, reviewer="Ana", expected_revision=0)

    assert store.gold(numbers).to_dict() == {2: 0}
    assert list(store.gold(both).items()) == [(1, 1), ("1", 0)]


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(NASTY, min_size=2, max_size=5, unique_by=(str, lambda name: name)),
    st.lists(NASTY, min_size=1, max_size=4, unique_by=(str, lambda name: name)),
)
def test_any_name_can_be_decided(tmp_path: Path, names: list[Any], classes: list[Any]) -> None:
    """A decision finds its example and class again, whatever their type and text; so does an exclusion."""
    with Store(tmp_path / f"{uuid4().hex}.db") as store:
        dataset = store.add_dataset(crowd(names, names, classes), name="nasty")
        expected = {name: classes[i % len(classes)] for i, name in enumerate(names)}
        for name, label in expected.items():
            store.decide(dataset, name, label, reviewer="Ana", expected_revision=0)
            store.exclude(dataset, "annotator", name, "Ana")

        assert expected == store.gold(dataset).to_dict()
        assert expected == dict(store.history(dataset)[["example", "label"]].itertuples(index=False, name=None))
        assert names == store.exclusions(dataset)["name"].tolist()


def test_a_class_called_none_is_no_flag(store: Store) -> None:
    """A flag takes gold away even when a class has the name that Python prints for nothing."""
    frame = pd.DataFrame({"example": ["a", "b"], "annotator": ["x", "x"], "label": ["None", "yes"]})
    dataset = store.add_dataset(CrowdLabels.from_long(frame), name="none", gold={"a": "None", "b": "yes"})
    store.decide(dataset, "b", reviewer="Ana", flag="ambiguous")

    assert store.gold(dataset).to_dict() == {"a": "None"}


def test_exclusions_come_and_go_and_leave_a_trace(store: Store, dataset: str) -> None:
    """What is excluded stands until it is restored; both are kept with who and why."""
    assert store.exclude(dataset, "annotator", "bo", "Ana", "random labels") == 1
    store.exclude(dataset, "example", "t2", "Ana")
    assert store.restore(dataset, "example", "t2", "Cy", "was fine") == 2
    standing, history = store.exclusions(dataset), store.exclusion_history(dataset)

    assert [tuple(row)[:4] for row in standing.to_numpy().tolist()] == [("annotator", "bo", "Ana", "random labels")]
    assert history["excluded"].tolist() == [True, True, False]
    assert store.changes(dataset) == 3
    for call, message in (
        (lambda: store.restore(dataset, "example", "t2", "Cy"), "is not excluded"),
        (lambda: store.exclude(dataset, "class", "cat", "Cy"), "Only an annotator or an example"),
        (lambda: store.exclude(dataset, "annotator", "zoe", "Cy"), "no annotator 'zoe'"),
        (lambda: store.exclude(dataset, "annotator", "bo", ""), "reviewer is empty"),
    ):
        with pytest.raises(ValueError, match=message):
            call()


def test_two_stores_on_the_same_data_see_each_other(home: Home, labels: CrowdLabels) -> None:
    """Two processes work on one store: each sees the other's decisions, conflicts and removals."""
    with home.open() as one, home.open() as two:
        dataset = one.add_dataset(labels, name="pets")
        two.decide(dataset, "t1", "emu", reviewer="Ana", expected_revision=0)
        with pytest.raises(Conflict):
            one.decide(dataset, "t1", "cat", reviewer="Bo", expected_revision=0)
        assert one.gold(dataset).to_dict() == {"t1": "emu"}
        one.remove(dataset)
        with pytest.raises(ValueError, match="no dataset"):
            two.decide(dataset, "t1", "cat", reviewer="Ana")


def test_only_one_of_many_at_once_wins(store: Store, dataset: str) -> None:
    """Of reviewers who saw the same revision and decide at once, one wins and all others are told."""
    outcomes: list[str] = []
    start = threading.Barrier(8)

    def work(name: str) -> None:
        start.wait()
        try:
            store.decide(dataset, "t1", "dog", reviewer=name, expected_revision=0)
            outcomes.append("won")
        except Conflict as conflict:
            outcomes.append(f"lost to {conflict.reviewer}")

    threads = [threading.Thread(target=work, args=(f"reviewer {i}",)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    winner = store.decisions(dataset)["reviewer"].tolist()

    assert sorted(["won", *[f"lost to {winner[0]}"] * 7]) == sorted(outcomes)
    assert store.changes(dataset) == 1
