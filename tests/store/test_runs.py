"""Runs come back as they were, and a damaged file says so."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import multiannotator_core as mc
from multiannotator_core.labels import CrowdLabels
from multiannotator_core.store import Store


@pytest.fixture
def full() -> mc.Consensus:
    """A result with everything that a result can have."""
    draw = np.random.default_rng(0)
    selection = pd.DataFrame(
        {"score": [0.5, np.nan], "chosen": [True, False], "n": [1, 2], "why": ["best", None]},
        index=pd.Index(["dawid_skene", "mace"], name="method"),
    )
    return mc.Consensus(
        draw.dirichlet(np.ones(3), 3),
        np.array([0, 1, 2], dtype=np.int32),
        draw.random(3),
        draw.dirichlet(np.ones(3), (3, 3)),
        draw.random(3),
        {"ability": draw.random(3), "trust of j": draw.random(3)},
        trace=(-3.5, np.float64(-2.25)),  # type: ignore[arg-type]
        converged=False,
        undecided=np.array([True, False, False]),
        selection=selection,
        method="auto",
        options={"tol": 1e-6, "names": ("a", 1), "nested": {"x": [None, True]}, "k": np.int64(3), "limit": float("inf")},
    )


def equal(one: Any, two: Any) -> bool:
    if isinstance(one, np.ndarray):
        return one.dtype == two.dtype and np.array_equal(one, two) and not two.flags.writeable
    if isinstance(one, pd.DataFrame):
        pd.testing.assert_frame_equal(one, two)
        return True
    if hasattr(one, "items"):
        return list(one) == list(two) and all(equal(value, two[key]) for key, value in one.items())
    return type(one) is type(two) and one == two


def test_every_field_of_a_run_comes_back(store: Store, labels: CrowdLabels, full: mc.Consensus) -> None:
    """A stored run equals the result in every field, arrays with their dtype and read-only."""
    dataset = store.add_dataset(labels, name="pets")
    plain = mc.aggregate(labels, "majority_vote")
    for key, result in (("full_1", full), ("plain-2", plain)):
        store.save_run(dataset, key, result, seconds=1.5)
        found = store.load_run(dataset, key)

        for field in dataclasses.fields(mc.Consensus):
            assert equal(getattr(result, field.name), getattr(found, field.name)), field.name


def test_runs_are_listed_replaced_and_removed(store: Store, labels: CrowdLabels, full: mc.Consensus, tmp_path: Path) -> None:
    """The list of runs needs no file; a run of the same key takes the place of the earlier one, on disk too."""
    dataset = store.add_dataset(labels, name="pets")
    store.save_run(dataset, "a", mc.aggregate(labels, "majority_vote"), seconds=0.1)
    store.save_run(dataset, "b", full, seconds=0.2)
    store.save_run(dataset, "a", full, seconds=0.3)
    listed = [(run.key, run.method, run.seconds, run.n_iter, run.converged) for run in store.runs(dataset)]
    names = store.runs(dataset)[0].options["names"]
    store.remove_run(dataset, "b")
    store.remove_run(dataset, "never there")

    assert listed == [("a", "auto", 0.3, 2, False), ("b", "auto", 0.2, 2, False)]
    assert names == ("a", 1)
    assert [run.key for run in store.runs(dataset)] == ["a"]
    assert store.load_run(dataset, "b") is None
    assert len(list((tmp_path / "files").glob("*/run-*"))) == 1


@pytest.mark.parametrize("home", ["sqlite"], indirect=True)  # the database has no part in it
def test_a_run_that_does_not_fit_is_refused(store: Store, labels: CrowdLabels, full: mc.Consensus) -> None:
    """A key that is no name, a result of other labels, and an option that is no value are refused."""
    dataset = store.add_dataset(labels, name="pets")
    small = mc.aggregate(labels.select(examples=["t1"]), "majority_vote")
    odd = dataclasses.replace(full, options={"start": np.zeros(3)})

    for key, result, message in (("../x", full, "key of a run"), ("a", small, r"shape \(1, 3\)"), ("a", odd, "option of this run")):
        with pytest.raises(ValueError, match=message):
            store.save_run(dataset, key, result, seconds=0)
    assert store.runs(dataset) == []


@pytest.mark.parametrize("home", ["sqlite"], indirect=True)  # the database has no part in it
def test_damaged_and_missing_files_say_so(store: Store, labels: CrowdLabels, full: mc.Consensus, tmp_path: Path) -> None:
    """A truncated, foreign or missing file gives a message with its name, never a parser's error."""
    dataset = store.add_dataset(labels, name="pets", gold={"t1": "cat"})
    store.save_run(dataset, "a", full, seconds=0)
    for pattern, read in (("run-*", lambda: store.load_run(dataset, "a")), ("gold-*", lambda: store.load(dataset))):
        path = next((tmp_path / "files").glob(f"*/{pattern}"))
        good = path.read_bytes()
        for bad in (good[: len(good) // 2], b"", b"other"):
            path.write_bytes(bad)
            with pytest.raises(ValueError, match=f"{path.name} is damaged"):
                read()
        path.unlink()
        with pytest.raises(ValueError, match=f"missing: .*{path.name}"):
            read()
        path.write_bytes(good)
    labels_file = next((tmp_path / "files").glob("*/names.json"))
    labels_file.write_text(labels_file.read_text().replace("cat", "cow"))

    with pytest.raises(ValueError, match="are not those that were stored"):
        store.load(dataset)
