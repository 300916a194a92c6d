"""What a person does to train a model: bring features, start, look at the last training, use its predictions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st
from numpy.typing import NDArray

from multiannotator_core.ingest.features import read_features
from multiannotator_core.learning import Round, features_of, improve
from multiannotator_core.store import Dataset, DatasetInfo
from pages._jobs import Job, await_job, failures, forget, running, start
from pages._people import write
from pages._uploads import uploader_key


@dataclass(frozen=True)
class Plan:
    """How to train: names of columns, a classifier, the number of folds and rounds, and whether to calibrate."""

    columns: tuple[str, ...]
    classifier: str
    folds: int
    rounds: int
    calibrate: bool


def own_features(data: Dataset) -> tuple[pd.DataFrame, bool] | None:
    """The features in the file that a person brought, and whether only the order of rows names the examples; None without a file."""
    given = st.file_uploader("Features of your own", key=uploader_key("features"), label_visibility="collapsed")
    if given is None:
        return None
    key = ("features", data.id, given.file_id)
    found: tuple[pd.DataFrame, bool] = await_job(key, start(key, "Reading the features", lambda job: read_features([given], data.labels)))
    return found


def begin(info: DatasetInfo, data: Dataset, table: pd.DataFrame, plan: Plan) -> None:
    """Train in the background; the same plan on the same features is not trained twice."""
    content = str(pd.util.hash_pandas_object(table[list(plan.columns)]).sum())
    key = ("train", info.id, f"{plan} {content}")

    def work(job: Job) -> tuple[Plan, list[Round]]:
        features = features_of(table, plan.columns, data.labels.examples)
        settings: dict[str, Any] = {
            "classifier": plan.classifier,
            "n_folds": plan.folds,
            "rounds": plan.rounds,
            "calibrate": plan.calibrate,
        }
        return plan, improve(data.labels, features, gold=data.gold, on_step=job.tell, **settings)

    start(key, "Training", work, total=plan.folds * plan.rounds)
    st.session_state["_training"] = key


def last_training(info: DatasetInfo) -> tuple[Plan, list[Round]] | None:
    """The training that was begun last, also by another person while it runs; the page waits for it and shows its progress.

    Raises:
        ValueError: it could not be trained.
    """
    key = st.session_state.get("_training")
    under_way = running("train", info.id)
    if (key is None or key[1] != info.id) and under_way:
        key = st.session_state["_training"] = ("train", info.id, next(iter(under_way)))
    if key is None or key[1] != info.id:
        return None

    told = failures("train", info.id)
    if told:
        del st.session_state["_training"]
        raise ValueError(told[0][1])
    trained: tuple[Plan, list[Round]] | None = await_job(key, start(key, "Training", lambda job: None))
    if trained is None:  # it was cancelled, or the memory of a server that was started anew does not have it
        forget(key)
        del st.session_state["_training"]
    return trained


def use_predictions(info: DatasetInfo, data: Dataset, pred_probs: NDArray[np.float64]) -> None:
    """Keep a model's probabilities (N, K) with the dataset; call it in a callback."""
    write("update", info.id, pred_probs=pd.DataFrame(pred_probs, index=data.labels.examples, columns=data.labels.classes))
    st.session_state["_trained"] = True


def just_used() -> bool:
    """Whether predictions were kept a moment ago; told once."""
    return bool(st.session_state.pop("_trained", False))
