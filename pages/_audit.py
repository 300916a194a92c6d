"""What a manager does in the audit: choose two annotators, exclude and restore, take the report away."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pandas as pd
import streamlit as st

from multiannotator_core.quality.exclusions import counted
from multiannotator_core.report import audit_report
from pages._decisions import reviewer_input
from pages._parts import download, text
from pages._runs import store
from pages._session import InUse, choose_annotator


def gold_of(now: InUse) -> pd.Series:
    """The gold that came with the data and the decisions of reviewers."""
    return store().gold(now.dataset.id)


def pair_select(key: str, names: list[str], first: str, second: str) -> tuple[str, str]:
    """Two select boxes of annotators; these two until a person chooses others."""
    chosen = []
    with st.container(horizontal=True, vertical_alignment="bottom"):
        for title, place, default in (("First", "a", first), ("Second", "b", second)):
            choose_annotator(f"{key}_{place}", [default, *names])
            chosen.append(st.selectbox(title, names, key=f"{key}_{place}", bind="query-params", width=200))
    return chosen[0], chosen[1]


def look_at(key: str, first: str, second: str) -> None:
    """Choose two annotators in `pair_select`; call it in a callback."""
    st.session_state[f"{key}_a"], st.session_state[f"{key}_b"] = first, second


# ---------------------------------------------------------------------- exclusions


def excluded(now: InUse) -> pd.DataFrame:
    """What is excluded now: kind, name, reviewer, reason, time."""
    return store().exclusions(now.dataset.id)


def exclusion_form(now: InUse, annotator: Any) -> None:
    """Ask who excludes an annotator and why, in a popover."""
    with st.popover("Exclude", icon=":material/person_off:", key="ann_exclude"):
        st.caption("Their labels will not count in any run, number, export or report until you restore them. Nothing is deleted.")
        reviewer_input()
        words = "Reason"
        st.text_input(
            words, key="ann_reason", placeholder="Reason, such as: answers at random", label_visibility="collapsed", max_chars=300
        )
        st.button(f"Exclude {text(annotator, 30)}", key="exclude", type="primary", on_click=_exclude, args=(now, annotator))


def exclusion_list(now: InUse) -> None:
    """The excluded annotators, each with a button that restores them."""
    out = excluded(now)
    for row in out[out["kind"] == "annotator"].itertuples(index=False):
        with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
            why = f": {text(row.reason, 200)}" if row.reason else ""
            st.markdown(f"**{text(row.name, 40)}**{why}", width="content")
            st.caption(f"{text(row.reviewer, 40)}, {row.time:%d %b %Y %H:%M} UTC", width="content")
            st.button("Restore", key=f"restore {row.name!r}", icon=":material/undo:", on_click=_restore, args=(now, row.name))


def told() -> str:
    """Why the last exclusion was refused; told once."""
    return str(st.session_state.pop("_audit", ""))


def _exclude(now: InUse, annotator: Any) -> None:
    reviewer = str(st.session_state.get("reviewer", "")).strip()
    if not reviewer:
        st.session_state["_audit"] = "Say who you are first: your name is kept with each exclusion."
        return
    try:
        counted(now.labels, [annotator])  # somebody must be left
        store().exclude(now.dataset.id, "annotator", annotator, reviewer, str(st.session_state.get("ann_reason", "")))
        st.session_state["ann_reason"] = ""
    except ValueError as error:
        st.session_state["_audit"] = str(error)


def _restore(now: InUse, annotator: Any) -> None:
    try:
        store().restore(now.dataset.id, "annotator", annotator, str(st.session_state.get("reviewer", "")).strip() or "unknown")
    except ValueError as error:
        st.session_state["_audit"] = str(error)


# ---------------------------------------------------------------------- the report


def report_button(now: InUse, annotator: Any = None, *, use_pseudonyms: bool = False) -> None:
    """A button that makes the audit report of the crowd or of one annotator."""

    def make() -> bytes:
        page = audit_report(
            now.dataset.labels,
            now.result,
            name=now.dataset.name,
            pred_probs=now.dataset.pred_probs,
            gold=gold_of(now),
            annotator=annotator,
            exclusions=excluded(now),
            use_pseudonyms=use_pseudonyms,
            made=datetime.now(UTC),
        )
        return page.encode()

    name, title = ("audit_report", "Report") if annotator is None else ("report_card", "Report card")
    download(name, {title: ("html", make)})
