"""Datasets and runs, read from disk once for all sessions; none of it knows who is looking."""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import streamlit as st

import multiannotator_core as mc
from multiannotator_core.quality.exclusions import without_excluded
from multiannotator_core.store import Dataset, DatasetInfo, default_home
from pages._jobs import Job, home, start

DEFAULT_METHOD = "dawid_skene"
BASELINE = "majority_vote"
BLIND = "-blind"  # ends the name of a run that did not see the gold
KEPT_STATES = 2  # states of a run that stay on disk while pages of others may still show them


@st.cache_resource(max_entries=4, show_spinner=False)
def _open_store(path: str) -> mc.Store:
    return mc.Store(path)


def store() -> mc.Store:
    """The store: the database of CROWDLENS_DATABASE_URL, or a file in CROWDLENS_HOME."""
    folder = Path(os.environ.get("CROWDLENS_HOME") or default_home())
    return _open_store(os.environ.get("CROWDLENS_DATABASE_URL") or str(folder / "crowdlens.db"))


@st.cache_resource(max_entries=4, show_spinner=False)
def _load_dataset(home: str, dataset: str, inputs: str) -> Dataset:
    return store().load(dataset)


def open_dataset(info: DatasetInfo) -> Dataset:
    """The dataset, read from disk once for all sessions."""
    return _load_dataset(home(), info.id, info.inputs)


@st.cache_resource(max_entries=8, show_spinner=False)
def _standing(home: str, dataset: str, inputs: str, changes: int) -> tuple[pd.DataFrame, pd.DataFrame, pd.Series]:
    return store().decisions(dataset), store().exclusions(dataset), store().revisions(dataset)


def decisions_of(info: DatasetInfo) -> pd.DataFrame:
    """The decision that stands on each example; read anew only when something was written."""
    return _standing(home(), info.id, info.inputs, store().changes(info.id))[0]


def exclusions_of(info: DatasetInfo) -> pd.DataFrame:
    """What is excluded now; read anew only when something was written."""
    return _standing(home(), info.id, info.inputs, store().changes(info.id))[1]


def revision_of(info: DatasetInfo, example: Any) -> int:
    """The latest revision of an example, 0 when nobody ever decided on it; it counts on when a decision is taken back."""
    return int(_standing(home(), info.id, info.inputs, store().changes(info.id))[2].get(example, 0))


def counted_labels(info: DatasetInfo) -> mc.CrowdLabels:
    """The labels of the dataset without those of excluded annotators and examples; all names stay."""
    out = exclusions_of(info)
    return _counted_labels(home(), info.id, info.inputs, _names_of(out), out)


@st.cache_resource(max_entries=4, show_spinner=False)
def _counted_labels(home: str, dataset: str, inputs: str, names: str, _exclusions: pd.DataFrame) -> mc.CrowdLabels:
    return without_excluded(_load_dataset(home, dataset, inputs).labels, _exclusions)


def _names_of(exclusions: pd.DataFrame) -> str:
    """A short sign of what is excluded; empty when nothing is."""
    names = sorted(f"{kind} {name!r}" for kind, name in zip(exclusions["kind"], exclusions["name"], strict=True))
    return hashlib.blake2b("\n".join(names).encode(), digest_size=4).hexdigest() if names else ""


def run_name(inputs: str, method: str, options: Mapping[str, Any]) -> str:
    """The name of a run: equal inputs, method, options and version give the same name, whatever was decided since."""
    canonical = json.dumps([inputs, method, dict(options), mc.__version__], sort_keys=True, default=str)
    return f"{method}-{hashlib.blake2b(canonical.encode(), digest_size=5).hexdigest()}"


@dataclass(frozen=True)
class Run:
    """A finished run: under `key` in the store, after so many changes (decisions, exclusions)."""

    key: str
    changes: int
    title: str
    method: str
    options: Mapping[str, Any]
    seconds: float


def usable_runs(info: DatasetInfo) -> dict[str, Run]:
    """The newest state of each run on the present inputs, by name; Dawid-Skene first."""
    newest: dict[str, Run] = {}
    for run in sorted(store().runs(info.id), key=lambda r: r.method != DEFAULT_METHOD):
        name, _, changes = run.key.rpartition("_")
        if run.method not in mc.METHODS or not changes.isdigit() or name != run_name(info.inputs, run.method, run.options):
            continue
        changed = {k: v for k, v in run.options.items() if mc.METHODS[run.method].options.get(k) != v}
        title = mc.METHODS[run.method].title + "".join(f", {k} {v}" for k, v in changed.items())
        if name not in newest or newest[name].changes < int(changes):
            newest[name] = Run(run.key, int(changes), title, run.method, run.options, run.seconds)
    return newest


def start_run(info: DatasetInfo, method: str, options: Mapping[str, Any]) -> tuple[str, Job]:
    """Begin a run in the background, unless it is under way; it is saved when it ends."""
    options = {**mc.METHODS[method].options, **options}
    name = run_name(info.inputs, method, options)
    database, data = store(), open_dataset(info)
    labels, blind = counted_labels(info), _blind_key(info, name)
    changes = database.changes(info.id)
    before = usable_runs(info).get(name)

    def work(job: Job) -> str:
        # After a decision the last state is a good place to go on from.
        last = None if before is None else database.load_run(info.id, before.key)
        start = None if last is None else last.posterior

        def run(gold: pd.Series | None) -> mc.Consensus:
            return mc.aggregate(labels, method, pred_probs=data.models or None, gold=gold, start=start, on_iteration=job.tell, **options)

        gold = database.gold(info.id)
        started = time.perf_counter()
        result = run(gold)
        seconds = time.perf_counter() - started
        known = {old.key for old in database.runs(info.id)}
        if blind not in known and "gold" not in mc.METHODS[method].needs:
            # Only a run that did not see gold and decisions can be judged by them.
            database.save_run(info.id, blind, run(None) if len(gold) else result, seconds=seconds)
        database.save_run(info.id, f"{name}_{changes}", result, seconds=seconds)
        for old in known:  # states before the last decision are of no use any more
            if old.startswith(f"{name}_") and int(old.rpartition("_")[2]) < changes - KEPT_STATES:
                database.remove_run(info.id, old)
        return name

    return name, start(("run", info.id, f"{name}_{changes}"), mc.METHODS[method].title, work, total=int(options.get("max_iter", 0)))


@st.cache_resource(max_entries=16, show_spinner=False)
def _load_run(home: str, dataset: str, run: str) -> mc.Consensus | None:
    return store().load_run(dataset, run)


def load_run(info: DatasetInfo, run: str) -> mc.Consensus:
    """A finished run, read from disk once for all sessions."""
    result = _load_run(home(), info.id, run)
    if result is None:
        raise ValueError("This run is no longer on disk. Run the method again on the page Consensus.")
    return result


def _blind_key(info: DatasetInfo, run: str) -> str:
    return "-".join(part for part in (f"{run}{BLIND}", _names_of(exclusions_of(info))) if part)


def load_blind(info: DatasetInfo, run: str) -> mc.Consensus | None:
    key = _blind_key(info, run)
    found = _load_run(home(), info.id, key)
    if found is None:  # after an exclusion it may be under way
        _load_run.clear(home(), info.id, key)
    return found
