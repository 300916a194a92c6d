"""Labels and what goes with them come back as they were."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from multiannotator_core.labels import CrowdLabels
from multiannotator_core.store import Store, coding, files
from multiannotator_core.store.shelf import newest

NASTY = st.one_of(
    st.text(max_size=8),
    st.integers(),
    st.booleans(),
    st.floats(allow_nan=False),
    st.tuples(st.text(max_size=3), st.integers()),
    st.sampled_from(["", " a", "=1+1", "a#b", 'a,"b"', "é", "e\u0301", "\n", "0", "0.0", "True", "NaN", "None", "\0", "x" * 300]),
)


def index(names: list[Any]) -> pd.Index:
    """Names as pandas takes them, as objects where it would make other numbers of them."""
    inferred = pd.Index(names, tupleize_cols=False)
    return inferred if repr(inferred.tolist()) == repr(names) else pd.Index(names, dtype=object, tupleize_cols=False)


def crowd(examples: list[Any], annotators: list[Any], classes: list[Any], **times: Any) -> CrowdLabels:
    """One label an example; the last class never occurs."""
    indexes = [index(names) for names in (examples, annotators, classes)]
    n = np.arange(len(examples))
    return CrowdLabels(*indexes, n, n % len(annotators), n % max(len(classes) - 1, 1), **times)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(NASTY, min_size=1, unique_by=(repr, lambda name: name)), st.lists(NASTY, min_size=1, unique=True))
def test_names_of_any_type_come_back(tmp_path: Path, names: list[Any], classes: list[Any]) -> None:
    """Text, numbers, booleans and tuples are stored with their type, so that the fingerprint stays."""
    given_labels = crowd(names, names, classes)
    folder = tmp_path / str(sum(1 for _ in tmp_path.iterdir()))

    files.write_labels(folder, given_labels)
    found = files.read_labels(folder)

    assert given_labels.fingerprint == found.fingerprint
    assert [given_labels.examples.dtype, given_labels.classes.dtype] == [found.examples.dtype, found.classes.dtype]


@pytest.mark.parametrize("home", ["sqlite"], indirect=True)  # the database has no part in it
@pytest.mark.parametrize("name", [pd.Timestamp("2026-01-01"), frozenset({1}), ("a", frozenset()), 1 + 2j], ids=repr)
def test_other_names_are_refused(store: Store, name: Any) -> None:
    """A name that would not come back is refused with its value and the mend, and nothing stays behind."""
    strange = crowd([name, "b"], ["ana"], ["cat"])

    with pytest.raises(ValueError, match=r"example name .* cannot be stored\. Use text"):
        store.add_dataset(strange, name="strange")

    assert store.datasets() == []


def test_times_unused_classes_and_names_without_labels_come_back(store: Store) -> None:
    """Timestamps to the microsecond, unknown times, and names without labels are part of the fingerprint."""
    times = np.array(["2026-03-02T09:14:05.123456", "NaT"], dtype="datetime64[us]")
    some = crowd(["a", "b"], ["ana", "bo"], ["cat", "dog", "emu"], timestamp=times, seconds=np.array([np.nan, 0.1 + 0.2]))
    few = some.select(examples=["a", "b"], annotators=["bo"]).select(examples=["a"])

    ids = [store.add_dataset(labels, name="times") for labels in (some, few)]
    found = [store.load(dataset).labels for dataset in ids]

    assert [some.fingerprint, few.fingerprint] == [labels.fingerprint for labels in found] == ids
    assert len(few) == 0
    np.testing.assert_array_equal(times, found[0].timestamp)


def test_companions_come_back_by_name(store: Store, labels: CrowdLabels) -> None:
    """pred_probs, gold and content are aligned to the labels; what belongs to no example is left out."""
    probs = pd.DataFrame({"emu": [0.1, 0.2, 0.3], "dog": [0.9, 0.3, 0.7], "cat": [0, 0.5, 0]}, index=["t10", "t1", "t2"])
    content = pd.DataFrame({"text": ["ten", "other", "one"], 7: [1, None, "x"], "n": [1, 2, 3]}, index=["t10", "t99", "t1"])

    dataset = store.add_dataset(labels, name=" pets ", pred_probs=probs, gold={"t2": "emu", "t99": "dog", "t1": None}, content=content)
    found = store.load(dataset)

    assert found.name == "pets"
    pd.testing.assert_frame_equal(probs.loc[["t1", "t2", "t10"], ["cat", "dog", "emu"]], found.pred_probs, check_names=False)
    pd.testing.assert_series_equal(pd.Series({"t2": "emu"}), found.gold, check_names=False)
    pd.testing.assert_frame_equal(content.loc[["t1", "t10"]], found.content, check_names=False)


def test_inputs_change_with_companions_and_not_with_decisions(store: Store, labels: CrowdLabels) -> None:
    """`inputs` is the key of caches: it knows labels, pred_probs, given gold and content, and the list of datasets has it too."""
    dataset = store.add_dataset(labels, name="pets")
    seen = [store.load(dataset).inputs]
    for change in ({"gold": {"t1": "cat"}}, {"gold": {"t1": "dog"}}, {"pred_probs": np.full((3, 3), 1 / 3)}):
        store.update(dataset, **change)
        seen.append(store.load(dataset).inputs)
    store.decide(dataset, "t2", "emu", reviewer="Ana")
    store.rename(dataset, "zoo")
    after = store.datasets()[0]

    assert len(seen) == len(set(seen))
    assert seen[-1] == after.inputs == store.load(dataset).inputs
    assert (after.name, after.companions) == ("zoo", ("pred_probs", "gold"))

    store.update(dataset, gold=None, pred_probs=None)
    assert seen[0] == store.load(dataset).inputs


def test_inputs_change_when_a_dataset_was_removed_in_between(store: Store, labels: CrowdLabels) -> None:
    """The same labels in the store again are not the same key: the decisions went with the removal."""
    seen = []
    for _ in range(2):
        dataset = store.add_dataset(labels, name="pets")
        seen.append((store.load(dataset).inputs, store.datasets()[0].inputs))
        store.remove(dataset)

    assert seen[0][0] == seen[0][1] != seen[1][0] == seen[1][1]


def test_adding_the_same_labels_again_updates_and_keeps_decisions(store: Store, labels: CrowdLabels) -> None:
    """A second upload takes the new name and companions, and loses no decision and no other companion."""
    dataset = store.add_dataset(labels, name="pets", gold={"t1": "dog"})
    store.decide(dataset, "t2", "cat", reviewer="Ana")

    again = store.add_dataset(labels, name="more pets", content=pd.DataFrame({"text": ["two"]}, index=["t2"]))

    assert dataset == again == labels.fingerprint
    assert [(i.name, i.n_examples, i.n_annotators, i.n_classes, i.n_labels) for i in store.datasets()] == [("more pets", 3, 3, 3, 6)]
    assert store.gold(dataset).to_dict() == {"t1": "dog", "t2": "cat"}
    assert store.load(dataset).content["text"].tolist() == ["two"]


def test_files_that_nothing_needs_are_removed(store: Store, labels: CrowdLabels, tmp_path: Path) -> None:
    """Replaced companions leave the disk; a removed dataset leaves with all its files, decisions and runs."""
    dataset = store.add_dataset(labels, name="pets", gold={"t1": "dog"})
    store.update(dataset, gold={"t1": "cat"})
    store.decide(dataset, "t2", "cat", reviewer="Ana")
    kept = sorted(path.name.split("-")[0] for path in (tmp_path / "files").glob("*/*"))

    store.remove(dataset)
    gone = list((tmp_path / "files").iterdir())
    store.add_dataset(labels, name="pets")

    assert kept == ["gold", "labels.parquet", "names.json"]
    assert gone == []
    assert store.history(dataset).empty


@pytest.mark.parametrize("home", ["sqlite"], indirect=True)  # the database has no part in it
@pytest.mark.parametrize(
    ("companions", "message"),
    [
        ({"gold": {"t1": "cow"}}, "'cow' for example 't1'"),
        ({"gold": {"x": "cat"}}, "No example of gold"),
        ({"pred_probs": np.ones((3, 3))}, "sum to 3"),
        ({"content": pd.DataFrame({"text": ["a", "b"]}, index=["t1", "t1"])}, "two rows for the example 't1'"),
        ({"content": pd.DataFrame({"text": ["a"]}, index=["x"])}, "No example of content"),
        ({"content": pd.DataFrame({"text": [{1, 2}]}, index=["t1"])}, "column 'text': .* of type set"),
    ],
    ids=["class", "strangers", "sum", "twice", "no-content", "set"],
)
def test_bad_companions_are_refused_and_nothing_is_saved(
    store: Store, labels: CrowdLabels, tmp_path: Path, companions: dict[str, Any], message: str
) -> None:
    """A dataset is added as a whole or not at all; the message names the place."""
    with pytest.raises(ValueError, match=message):
        store.add_dataset(labels, name="pets", **companions)
    dataset = store.add_dataset(labels, name="pets")
    with pytest.raises(ValueError, match=message):
        store.update(dataset, **companions)

    assert store.datasets()[0].companions == ()
    assert {"labels.parquet", "names.json"} == {path.name for path in (tmp_path / "files").glob("*/*")}


def test_an_unknown_dataset_is_named(store: Store, labels: CrowdLabels) -> None:
    """Every call with an id that is not there says so, as a ValueError."""
    dataset = "0" * 32
    calls = [
        lambda: store.load(dataset),
        lambda: store.rename(dataset, "x"),
        lambda: store.remove(dataset),
        lambda: store.update(dataset, gold={"t1": "cat"}),
        lambda: store.runs(dataset),
        lambda: store.load_run(dataset, "a"),
        lambda: store.remove_run(dataset, "a"),
        lambda: store.decide(dataset, "t1", "cat", reviewer="Ana"),
        lambda: store.undo(dataset, "t1", reviewer="Ana"),
        lambda: store.decisions(dataset),
        lambda: store.history(dataset),
        lambda: store.changes(dataset),
        lambda: store.gold(dataset),
        lambda: store.exclude(dataset, "example", "t1", "Ana"),
        lambda: store.exclusions(dataset),
        lambda: store.versions(dataset),
        lambda: store.remote_images(dataset),
        lambda: store.allow_remote_images(dataset, True),
        lambda: store.add_version(dataset, labels),
    ]

    for call in calls:
        with pytest.raises(ValueError, match="There is no dataset '0000"):
            call()


def test_remote_images_are_off_until_allowed_and_stay_out_of_workspaces(store: Store, labels: CrowdLabels, tmp_path: Path) -> None:
    """The switch holds for the dataset and its versions, can be taken back, and no file of a stranger brings it along."""
    dataset = store.add_dataset(labels, name="pets")
    other = store.add_dataset(labels.select(examples=["t2"]), name="other")

    assert store.remote_images(dataset) is False

    store.allow_remote_images(dataset, True)
    newer = store.add_version(dataset, labels.select(examples=["t1", "t2"]))
    store.export_workspace(tmp_path / "all.zip")

    assert (store.remote_images(dataset), store.remote_images(newer), store.remote_images(other)) == (True, True, False)
    with Store(tmp_path / "second" / "crowdlens.db") as second:
        second.import_workspace(tmp_path / "all.zip")

        assert second.remote_images(dataset) is False

    store.allow_remote_images(newer, False)

    assert store.remote_images(dataset) is False


def test_a_dataset_needs_a_name(store: Store, labels: CrowdLabels) -> None:
    """A blank name, or one that PostgreSQL cannot hold, is refused on both databases."""
    for name, message in ((" ", "is empty"), ("a\0", "NUL"), (3, "must be a text")):
        with pytest.raises(ValueError, match=f"name of the dataset .*{message}"):
            store.add_dataset(labels, name=name)  # type: ignore[arg-type]


def test_the_newest_dataset_comes_first(store: Store, labels: CrowdLabels) -> None:
    """The list of datasets begins with the one that was added last."""
    other = labels.select(annotators=["ana"])
    ids = [store.add_dataset(some, name=name) for some, name in ((labels, "first"), (other, "second"))]

    assert ids[::-1] == [info.id for info in store.datasets()]


def test_two_writers_of_the_same_labels_make_one_dataset(store: Store, labels: CrowdLabels, tmp_path: Path) -> None:
    """Uploading the same file twice at once gives one dataset with one folder."""
    threads = [threading.Thread(target=store.add_dataset, args=(labels,), kwargs={"name": f"pets {i}"}) for i in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert 1 == len(store.datasets()) == len(list((tmp_path / "files").iterdir()))
    assert labels.fingerprint == store.load(labels.fingerprint).labels.fingerprint


def test_a_reader_is_as_patient_as_the_writers_are_busy() -> None:
    """However often a file is replaced while it is read, the newest is read in the end; one that is missing twice is lost."""
    names = iter([f"gold-{i}" for i in range(50)])

    def busy() -> str:
        for name in names:
            raise FileNotFoundError(2, "No such file", name)
        return "read"

    def lost() -> str:
        raise FileNotFoundError(2, "No such file", "gold")

    assert newest(busy) == "read"
    with pytest.raises(FileNotFoundError, match="gold"):
        newest(lost)


def test_readers_survive_replacement(store: Store, labels: CrowdLabels) -> None:
    """A companion that is replaced while it is read is read again: no reader sees an error or half a file."""
    dataset = store.add_dataset(labels, name="pets", gold={"t1": "cat"})
    seen, failed = set(), []

    def read() -> None:
        try:
            for _ in range(15):
                seen.update(store.load(dataset).gold.tolist(), store.gold(dataset).tolist())
        except ValueError as error:
            failed.append(error)

    threads = [threading.Thread(target=read) for _ in range(3)]
    for thread in threads:
        thread.start()
    for i in range(20):
        store.update(dataset, gold={"t1": ["cat", "dog"][i % 2]})
    for thread in threads:
        thread.join()

    assert failed == []
    assert seen <= {"cat", "dog"}


@given(
    st.recursive(
        st.one_of(st.none(), st.just("\ud800"), NASTY),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    )
)
@settings(max_examples=30, deadline=None)
def test_values_come_back_from_json(value: Any) -> None:
    """What is coded into JSON comes back equal and of the same type."""
    found = coding.from_json(json.loads(json.dumps(coding.to_json(value))))

    assert repr(value) == repr(found)


def test_numbers_of_numpy_come_back() -> None:
    """A numpy number keeps its type, and a stored type that numpy does not have is refused."""
    values = [np.int64(3), np.float32(0.1), np.bool_(True), np.str_("a")]
    found = coding.from_json(json.loads(json.dumps(coding.to_json(values))))

    assert values == found
    assert [type(value) for value in values] == [type(value) for value in found]
    with pytest.raises(ValueError, match="does not know"):
        coding.from_json({"numpy": ["load", "x"]})
