"""Next week's file takes over what people decided, and the whole store moves to another machine."""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import multiannotator_core as mc
from multiannotator_core.labels import CrowdLabels
from multiannotator_core.store import Store, changed_examples
from tests import naive_store
from tests.store.conftest import Home


def crowd(examples: list[object], classes: list[str]) -> CrowdLabels:
    frame = pd.DataFrame({"example": examples, "annotator": "dan", "label": classes[0]})
    return CrowdLabels.from_long(frame, classes=classes)


@pytest.fixture
def dataset(store: Store, labels: CrowdLabels) -> str:
    content = pd.DataFrame({"text": ["one", "two"]}, index=["t1", "t2"])
    dataset = store.add_dataset(labels, name="pets", gold={"t1": "cat", "t2": "cat"}, content=content)
    store.decide(dataset, "t1", "dog", reviewer="Ana")
    store.decide(dataset, "t2", "emu", reviewer="Ana")
    store.exclude(dataset, "example", "t1", "Ana", "twice in the file")
    store.exclude(dataset, "annotator", "bo", "Ana", "random")
    return dataset


def test_a_new_version_takes_over_by_name(store: Store, dataset: str) -> None:
    """Decisions, exclusions, gold and content follow the examples that are still there; the others keep their history."""
    new = store.add_version(dataset, crowd(["t2", "t3"], ["cat", "dog", "emu"]))
    store.decide(new, "t2", "dog", reviewer="Bo", expected_revision=1)
    found = store.load(new)

    assert [(info.name, info.version) for info in store.versions(new)] == [("pets", 1), ("pets", 2)]
    assert store.gold(new).to_dict() == {"t2": "dog"}
    assert store.gold(dataset).to_dict() == {"t1": "dog", "t2": "dog"}
    assert store.history(new)["example"].tolist() == ["t1", "t2", "t2"]
    assert (found.content["text"].tolist(), found.gold.to_dict()) == (["two"], {"t2": "cat"})
    assert (store.exclusions(new)["name"].tolist(), len(store.exclusion_history(new))) == ([], 2)


def test_decisions_follow_names_whose_type_changed(store: Store) -> None:
    """A column of numbers that is text next week still means the same examples."""
    dataset = store.add_dataset(crowd([1, 2], ["cat", "dog"]), name="numbers")
    store.decide(dataset, 2, "dog", reviewer="Ana")
    new = store.add_version(dataset, crowd(["2", "12a"], ["cat", "dog"]), name="text")

    assert store.decide(new, "2", "cat", reviewer="Bo", expected_revision=1) == 2
    assert (store.gold(new).to_dict(), store.gold(dataset).to_dict()) == ({"2": "cat"}, {2: "cat"})
    assert store.datasets()[0].name == "text"


def test_a_version_that_cannot_follow_is_refused(store: Store, dataset: str) -> None:
    """Foreign labels, a lost class, and labels that are a dataset of their own are refused; nothing is added."""
    other = crowd(["t1"], ["emu", "dog", "cat"])
    store.add_dataset(other, name="other")
    for labels, message in (
        (crowd(["x"], ["cat"]), "None of the examples x is in 'pets'"),
        (crowd(["t2"], ["cat", "dog"]), "'t2' was decided as 'emu', which is not one of the classes cat, dog"),
        (other, "in the store already, as 'other'"),
    ):
        with pytest.raises(ValueError, match=message):
            store.add_version(dataset, labels)

    assert [info.name for info in store.datasets()] == ["other", "pets"]


def test_the_same_file_again_is_no_new_version(store: Store, dataset: str, labels: CrowdLabels) -> None:
    """Uploading this week's file twice changes nothing."""
    before = store.datasets()

    assert dataset == store.add_version(dataset, labels)
    assert before == store.datasets()


def test_removing_a_version_keeps_the_decisions_of_the_others(store: Store, dataset: str) -> None:
    """Decisions leave with the last version only."""
    new = store.add_version(dataset, crowd(["t1"], ["cat", "dog", "emu"]))
    store.remove(dataset)
    kept = store.gold(new).to_dict()
    third = store.add_version(new, crowd(["t1", "t4"], ["cat", "dog", "emu"]))

    assert kept == {"t1": "dog"}
    assert [info.version for info in store.versions(third)] == [2, 3]


@pytest.mark.parametrize("seed", range(5))
def test_changed_examples_are_those_of_the_naive_comparison(seed: int) -> None:
    """Added, removed and relabelled examples are found, whatever the order of names, repeated labels and types of ids."""
    draw = np.random.default_rng(seed)

    def some(text: bool) -> CrowdLabels:
        example = draw.integers(0, 12, 20)
        frame = pd.DataFrame({"example": example, "annotator": draw.integers(0, 2, 20), "label": draw.choice(["cat", "dog"], 20)})
        labels = CrowdLabels.from_long(frame.astype(str) if text else frame, classes=["dog", "cat"] if text else ["cat", "dog", "emu"])
        return labels.select(annotators=labels.annotators[: 1 + seed % 2])

    before, after = some(text=False), some(text=True)
    found = changed_examples(before, after)

    assert naive_store.changed_examples(before, after) == {
        str(name): tuple(row) for name, row in zip(found.index, found.to_numpy().tolist(), strict=True)
    }
    assert changed_examples(before, before).empty


# ---------------------------------------------------------------------- workspace


def moved(home: Home, tmp_path: Path) -> Store:
    return Store(tmp_path / "elsewhere" / "crowdlens.db")


def test_a_workspace_moves_with_everything(store: Store, dataset: str, labels: CrowdLabels, tmp_path: Path, home: Home) -> None:
    """What is exported from either database comes back in another store: datasets, runs, decisions, versions."""
    result = mc.aggregate(labels, "dawid_skene")
    store.save_run(dataset, "ds", result, seconds=1)
    new = store.add_version(dataset, crowd(["t1"], ["cat", "dog", "emu"]))
    store.export_workspace(tmp_path / "all.zip")

    with moved(home, tmp_path) as other:
        assert {dataset, new} == set(other.import_workspace(tmp_path / "all.zip"))
        assert store.datasets() == other.datasets()
        assert store.runs(dataset) == other.runs(dataset)
        assert result.trace == other.load_run(dataset, "ds").trace
        for table in ("history", "decisions", "exclusions", "exclusion_history"):
            pd.testing.assert_frame_equal(getattr(store, table)(dataset), getattr(other, table)(dataset))
        pd.testing.assert_series_equal(store.gold(dataset), other.gold(dataset))
        pd.testing.assert_frame_equal(store.load(dataset).content, other.load(dataset).content)
        other.decide(new, "t1", "cat", reviewer="Cy", expected_revision=1)
        with pytest.raises(ValueError, match="'pets' is in this store already"):
            other.import_workspace(tmp_path / "all.zip")


Change = Callable[[dict[str, bytes]], dict[str, bytes]]


def with_manifest(change: Callable[[dict], object]) -> Change:
    def apply(members: dict[str, bytes]) -> dict[str, bytes]:
        manifest = json.loads(members["manifest.json"])
        change(manifest)
        return members | {"manifest.json": json.dumps(manifest).encode()}

    return apply


def other_names(members: dict[str, bytes]) -> dict[str, bytes]:
    """Labels of which a name was changed, with a manifest that admits it."""
    name = next(name for name in members if name.endswith("names.json"))
    members = members | {name: members[name].replace(b"t10", b"t11")}
    digest = hashlib.blake2b(members[name], digest_size=16).hexdigest()
    return with_manifest(lambda manifest: manifest["files"].update({name: digest}))(members)


BROKEN: dict[str, tuple[Change, str]] = {
    "fingerprint": (other_names, "fingerprint"),
    "changed file": (lambda m: {n: b + b"x" if n.endswith("names.json") else b for n, b in m.items()}, "is not the one that was exported"),
    "missing file": (lambda m: {n: b for n, b in m.items() if not n.endswith(".parquet")}, "lacks the file"),
    "no manifest": (lambda m: {n: b for n, b in m.items() if n != "manifest.json"}, "no exported workspace"),
    "bad manifest": (lambda m: m | {"manifest.json": b"[1"}, "manifest is damaged"),
    "newer tables": (with_manifest(lambda m: m.update(tables_version=99)), "another version of Crowdlens"),
    "odd column": (with_manifest(lambda m: m["tables"]["projects"][0].update(x=1)), "unknown columns"),
    "path": (with_manifest(lambda m: m["tables"]["datasets"][0].update(id="../../evil")), "no fingerprint"),
    "folder": (with_manifest(lambda m: m["tables"]["datasets"][0].update(folder="../evil")), "lacks the file"),
    "orphan": (with_manifest(lambda m: m["tables"]["projects"].clear()), "refusing the change"),
}


@pytest.mark.parametrize("broken", BROKEN, ids=str)
def test_a_changed_workspace_is_refused_as_a_whole(labels: CrowdLabels, tmp_path: Path, broken: str) -> None:
    """A zip that was changed is refused with the reason, and leaves neither a row nor a file."""
    change, message = BROKEN[broken]
    with Store(tmp_path / "one" / "a.db") as store:
        store.add_dataset(labels, name="pets")
        store.export_workspace(tmp_path / "all.zip")
    with zipfile.ZipFile(tmp_path / "all.zip") as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as archive:
        for name, content in change(members).items():
            archive.writestr(name, content)

    with Store(tmp_path / "two" / "b.db") as store:
        with pytest.raises(ValueError, match=message):
            store.import_workspace(tmp_path / "all.zip")
        assert store.datasets() == []
        assert list((tmp_path / "two").glob("files/*")) == []


@pytest.mark.parametrize("home", ["sqlite"], indirect=True)  # the database has no part in it
def test_what_is_no_workspace_is_refused(store: Store, tmp_path: Path) -> None:
    """A missing file, a text, a truncated zip and a compressed zip are refused by name."""
    store.export_workspace(tmp_path / "good.zip")
    (tmp_path / "text.zip").write_text("hello")
    (tmp_path / "half.zip").write_bytes((tmp_path / "good.zip").read_bytes()[:100])
    with zipfile.ZipFile(tmp_path / "packed.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("manifest.json", "0" * 1000)

    for name, message in (("none", "There is no file"), ("text", "damaged"), ("half", "damaged"), ("packed", "no exported workspace")):
        with pytest.raises(ValueError, match=message):
            store.import_workspace(tmp_path / f"{name}.zip")
