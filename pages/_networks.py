"""Networks on the page Train: begin a training, watch it learn, keep what it found as a run that other pages put beside theirs."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Mapping
from typing import Any

import pandas as pd
import streamlit as st

import multiannotator_core as mc
from multiannotator_core import figures
from multiannotator_core.learning import features_of, networks
from multiannotator_core.store import DatasetInfo, RunInfo
from pages._jobs import Job, failures, finished, running, start, watch
from pages._parts import dark, show, text
from pages._runs import counted_labels, load_run, store

NETWORK, AMBIGUITY = "network", "ambiguity"  # the kinds of trainings, and how the names of their runs begin
KNOWN: dict[str, Mapping[str, Any]] = {NETWORK: networks.STRATEGIES, AMBIGUITY: networks.AMBIGUITY}


def title_of(run: RunInfo) -> str:
    """What a kept training is called: its method, and the options that are not the usual ones."""
    kind = NETWORK if run.key.startswith(NETWORK) else AMBIGUITY
    usual = networks.STRATEGIES[run.method].options if kind == NETWORK else {}
    changed = [f"{option} {value}" for option, value in run.options.items() if usual.get(option, value) != value]
    return ", ".join([KNOWN[kind][run.method].title, *changed])


def trainings(info: DatasetInfo, kind: str) -> dict[str, RunInfo]:
    """The kept trainings of a kind by title, the last one first; of equal titles the newest."""
    found: dict[str, RunInfo] = {}
    for run in sorted(store().runs(info.id), key=lambda run: run.created, reverse=True):
        if run.key.startswith(f"{kind}-") and run.method in KNOWN[kind]:
            found.setdefault(title_of(run), run)
    return found


def begin(
    info: DatasetInfo, kind: str, method: str, table: pd.DataFrame, columns: list[str], about: Mapping[str, Any], **options: Any
) -> None:
    """Train in the background; what it finds is kept with the dataset. The same training is not done twice.

    Args:
        about: backbone, epochs and (of networks) folds.
        options: of the strategy.
    """
    labels = counted_labels(info)
    content = str(pd.util.hash_pandas_object(table[columns]).sum())
    plan = json.dumps([labels.fingerprint, columns, content, dict(about), options, mc.__version__], sort_keys=True, default=str)
    key = f"{kind}-{method}-{hashlib.blake2b(plan.encode(), digest_size=5).hexdigest()}".replace("_", "-")
    if any(run.key == key for run in store().runs(info.id)):
        return

    def work(job: Job) -> None:
        def on_epoch(epoch: networks.Epoch) -> None:
            job.shown.append(epoch)
            job.tell(int(100 * epoch.done))

        begun = time.perf_counter()
        features = features_of(table, columns, labels.examples)
        result = TRAIN[kind](labels, features, method, dict(about), options, on_epoch)
        store().save_run(info.id, key, result, seconds=time.perf_counter() - begun)

    start((kind, info.id, key), KNOWN[kind][method].title, work, total=100)


def _network(
    labels: mc.CrowdLabels, features: Any, strategy: str, about: dict[str, Any], options: dict[str, Any], on_epoch: networks.loop.OnEpoch
) -> mc.Consensus:
    schedule = networks.Schedule(n_epochs=about["epochs"])
    learned = networks.train(
        labels, features, strategy, backbone=about["backbone"], schedule=schedule, n_folds=about["folds"], on_epoch=on_epoch, **options
    )
    return networks.prediction_run(labels, learned, about)


def _ambiguity(
    labels: mc.CrowdLabels, features: Any, method: str, about: dict[str, Any], options: dict[str, Any], on_epoch: networks.loop.OnEpoch
) -> mc.Consensus:
    schedule = networks.Schedule(n_epochs=about["epochs"], patience=0)
    found = networks.AMBIGUITY[method].run(labels, features, backbone=about["backbone"], schedule=schedule, on_epoch=on_epoch, **options)
    return networks.ambiguity_run(labels, method, found, about)


TRAIN: dict[str, Callable[..., mc.Consensus]] = {NETWORK: _network, AMBIGUITY: _ambiguity}


def watch_trainings(info: DatasetInfo, kind: str) -> None:
    """Progress and learning curves of the trainings under way, and why others failed."""
    for job in running(kind, info.id).values():
        if finished(job):
            st.rerun()
        watch(job)
        _curves(job)
    for title, reason in failures(kind, info.id):
        st.error(f"{title} was not trained: {text(reason, 2000)}")


@st.fragment(run_every=1.0)
def _curves(job: Job) -> None:
    """How far the networks have come."""
    if not job.future.done():
        table = pd.DataFrame(list(job.shown), columns=list(networks.Epoch._fields))
        show(figures.training_curves(table, dark=dark()), f"curves_{id(job)}")


@st.cache_data(max_entries=64, show_spinner=False)
def _judged(dataset: str, key: str, inputs: str, _info: DatasetInfo, _gold: pd.Series) -> dict[str, Any]:
    return mc.evaluate(counted_labels(_info), load_run(_info, key), _gold)


def judged(info: DatasetInfo, found: Mapping[str, RunInfo], gold: pd.Series | None) -> pd.DataFrame:
    """One row a training: title, accuracy and calibration error on gold that it never saw (NaN without), seconds."""
    rows = []
    for title, run in found.items():
        metrics = {} if gold is None or not len(gold) else _judged(info.id, run.key, info.inputs, info, gold)
        rows.append({"title": title, "accuracy": metrics.get("accuracy"), "ece": metrics.get("ece"), "seconds": run.seconds})
    return pd.DataFrame(rows, columns=["title", "accuracy", "ece", "seconds"]).astype({"accuracy": "Float64", "ece": "Float64"})
