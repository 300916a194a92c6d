"""The part of the page Train where a classifier and the consensus improve each other in rounds."""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from multiannotator_core import figures
from multiannotator_core.learning import CLASSIFIERS, Round, rounds_table
from multiannotator_core.store import Dataset, DatasetInfo
from pages._parts import card_title, dark, how, show, text
from pages._people import may
from pages._training import Plan, begin, last_training, use_predictions

NAMES = {
    "consensus_accuracy": "Consensus right",
    "model_accuracy": "Model right",
    "model_ece": "Model's calibration error",
    "model_agrees": "Model agrees",
    "changed": "Consensus changed",
    "unsure": "Below 0.7",
}
SHARES = ("consensus_accuracy", "model_accuracy", "model_agrees")


def rounds_part(info: DatasetInfo, data: Dataset, table: pd.DataFrame | None, columns: list[str], place: Any) -> None:
    """Settings at `place`, and below what the last training found."""
    with place.container(border=True, height="stretch"):
        _settings(info, data, table, columns)
    try:
        trained = last_training(info)
    except ValueError as error:
        st.error(text(error, 2000))
        trained = None
    if trained is None:
        st.caption("Nothing was trained yet.")
        return
    _results(info, data, *trained)
    how(
        "How does this work?",
        "The first consensus is the majority vote. The examples are dealt into folds; each fold is predicted by a model that the consensus "
        "of the other folds taught, words and scales included, so no example is ever predicted by a model that saw it. CROWDLAB then "
        "weighs these predictions against the labels, and the next round trains on its consensus. Gold only judges.",
        "Goh, Tkachenko & Mueller 2022, CROWDLAB · Guo et al. 2017 for temperature and calibration error",
    )


def _settings(info: DatasetInfo, data: Dataset, table: pd.DataFrame | None, columns: list[str]) -> None:
    card_title("How shall it learn?", "Each example is predicted by a model that was trained without it")
    classifier = st.selectbox(
        "Classifier", list(CLASSIFIERS), format_func=lambda c: CLASSIFIERS[c].title, key="trn_classifier", bind="query-params"
    )
    st.caption(CLASSIFIERS[classifier].sentence)
    with st.container(horizontal=True):
        folds = st.number_input("Folds", 2, 20, 5, key="trn_folds", bind="query-params", help="Into how many parts the examples are dealt.")
        rounds = st.number_input("Rounds", 1, 10, 2, key="trn_rounds", bind="query-params", help="Train, better consensus, train again …")
    calibrate = st.toggle(
        "Calibrate",
        value=True,
        key="trn_calibrate",
        help="One temperature for all probabilities, at which they fit the held-out consensus.",
    )
    if st.button("Train", type="primary", icon=":material/model_training:", disabled=not columns) and table is not None:
        begin(info, data, table, Plan(tuple(columns), classifier, int(folds), int(rounds), calibrate))


def _results(info: DatasetInfo, data: Dataset, plan: Plan, found: list[Round]) -> None:
    progress = rounds_table(data.labels, found)
    judged = found[-1].model_on_gold
    title = f"{CLASSIFIERS[plan.classifier].title}, {plan.folds} folds, {len(plan.columns)} column{'s' if len(plan.columns) > 1 else ''}"
    grid = st.grid(2, min_column_width=330, gap="small", border=True)
    with grid.cell():
        on_gold = "accuracy on gold that neither saw" if judged is not None else "add gold on the page Data to see which round is right"
        card_title("Does it get better?", f"{title}; {on_gold}")
        numbers = progress.assign(**{share: 100 * progress[share] for share in SHARES if share in progress})
        st.dataframe(
            numbers[[c for c in NAMES if c in numbers]].rename(columns=NAMES).rename_axis("Round").reset_index(),
            column_config={
                **{NAMES[share]: st.column_config.NumberColumn(format="%.1f%%") for share in SHARES},
                NAMES["model_ece"]: st.column_config.NumberColumn(format="%.3f"),
                NAMES["changed"]: st.column_config.NumberColumn(
                    help="Examples with another consensus than in the round before (first: majority)"
                ),
                NAMES["unsure"]: st.column_config.NumberColumn(help="Examples whose consensus has a quality below 0.7"),
            },
            hide_index=True,
            row_height=34,
            key="rounds",
            alt="Accuracy and calibration a round",
        )
        chosen = st.selectbox("Round to use", list(progress.index), index=len(progress) - 1, width=160)
        st.button(
            "Use these predictions",
            type="primary",
            icon=":material/check:",
            on_click=use_predictions,
            disabled=not may("update"),
            args=(info, data, found[chosen - 1].pred_probs),
            help="Keeps them with the dataset, in place of those that are there. Runs with a model are then computed anew.",
        )
        if data.pred_probs is not None:
            st.caption("This dataset has predictions already; they would be replaced.")
    with grid.cell():
        if judged is None:
            card_title("Can its probabilities be believed?", "This needs gold")
            st.caption("With gold for some examples this shows how often the model is right when it claims to be.")
        else:
            known = found[chosen - 1].model_on_gold
            card_title("Can its probabilities be believed?", f"Round {chosen}: claimed and found, on {len(known.example):,} gold examples")
            show(figures.reliability(known.quality, known.correct, dark=dark()), "reliability")
