"""The numbers of annotators, and the labels behind those of one: which kind is shown, or which cell of their confusion matrix."""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

import multiannotator_core as mc
from multiannotator_core.quality.evidence import EVIDENCE
from pages._parts import short, shown, text
from pages._session import clicked

MOST_ROWS = 200
COLUMNS = {"example": "Example", "label": "They said", "consensus": "Consensus", "model": "Model", "gold": "Gold"}


def cell_clicked(chart: str, annotator: str) -> None:
    """Keep the cell that was clicked in an annotator's matrix; the `on_select` of that chart."""
    cell = clicked(chart)
    if len(cell) == 2:
        st.session_state["_cell"] = (annotator, int(cell[0]), int(cell[1]))


def choose_kind(kind: str) -> None:
    """Show labels of a kind; call it in a callback."""
    st.session_state["ann_evidence"] = kind
    forget_cell()


def forget_cell() -> None:
    """Show no cell any more; call it in a callback."""
    st.session_state.pop("_cell", None)


def choose_evidence(labels: mc.CrowdLabels, found: pd.DataFrame, annotator: str) -> pd.DataFrame:
    """Let a person choose a kind of labels, or take the cell they clicked; the rows of `evidence` that fit."""
    cell = st.session_state.get("_cell")
    if cell is not None and cell[0] == annotator and max(cell[1:]) < len(labels.classes):
        true, given = (labels.classes[code] for code in cell[1:])
        words = f"{text(true, 24)} called {text(given, 24)}" if true != given else f"{text(true, 24)} called so"
        st.button(words, icon=":material/close:", key="ann_forget_cell", on_click=forget_cell, help="Show the other labels again")
        return found[(found["consensus"] == true) & (found["label"] == given)]
    kinds = [kind for kind in EVIDENCE if EVIDENCE[kind] in found]
    if st.session_state.get("ann_evidence") not in kinds:
        st.session_state["ann_evidence"] = "consensus"
    kind = st.selectbox(
        "Which labels",
        kinds,
        key="ann_evidence",
        format_func=lambda kind: f"{EVIDENCE[kind]} ({int(found[EVIDENCE[kind]].sum()):,})",
        label_visibility="collapsed",
        width=320,
        bind="query-params",
    )
    return found[found[EVIDENCE[kind]]]


def evidence_table(rows: pd.DataFrame) -> None:
    """The first labels, as a table."""
    some = rows.head(MOST_ROWS)
    columns: dict[str, Any] = {
        title: shown("" if name is None else name for name in some[column]) for column, title in COLUMNS.items() if column in some
    }
    columns["Plausible"] = some["quality"].to_numpy()
    if "seconds" in some:
        columns["Seconds"] = some["seconds"].to_numpy()
    st.dataframe(
        columns,
        column_config={
            "Plausible": st.column_config.NumberColumn(format="%.2f", help="The posterior of the label that they gave"),
            "Seconds": st.column_config.NumberColumn(format="%.1f"),
        },
        hide_index=True,
        height=34 * 7,
        row_height=34,
        key="evidence",
        alt="Labels of this annotator, the least plausible first",
    )


def all_numbers(metrics: pd.DataFrame) -> None:
    """All that is known of annotators, one row each."""
    columns = {
        "sentence": "Verdict",
        "quality": "Quality",
        "rank_low": "Place from",
        "rank_high": "to",
        "raykar_yu": "Spammer score",
        "frobenius": "Distance to rank one",
        "n_labels": "Labels",
        "agreement_with_consensus": "Agrees with consensus",
        "agreement_with_model": "Agrees with model",
        "accuracy_on_gold": "Right on gold",
        "trace": "Trace",
        "worst_class": "Worst class",
        "median_seconds": "Seconds",
        "fast_share": "Very fast",
    }
    every = metrics[[c for c in columns if c in metrics]].rename(columns=columns)
    every.insert(0, "Annotator", shown(every.index))
    every["Verdict"] = shown(every["Verdict"])
    every["Worst class"] = [short(c, 30) for c in every["Worst class"]]
    shares = ("Agrees with consensus", "Agrees with model", "Right on gold", "Very fast")
    for share in shares:
        if share in every:
            every[share] = 100 * every[share].astype("Float64")
    st.dataframe(
        every.reset_index(drop=True),
        column_config={
            "Quality": st.column_config.ProgressColumn(format="%.2f", min_value=0, max_value=1, color="gray"),
            **{c: st.column_config.NumberColumn(format="%.2f") for c in ("Spammer score", "Distance to rank one", "Trace")},
            **{c: st.column_config.NumberColumn(format="%.0f%%") for c in shares},
            "Seconds": st.column_config.NumberColumn(format="%.1f", help="Median seconds for a label"),
        },
        hide_index=True,
        height=400,
        row_height=34,
        key="all_numbers",
        alt="All annotator metrics",
    )
