"""What a manager does in the audit: choose two annotators, exclude and restore, take the report away."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pandas as pd
import streamlit as st

from multiannotator_core.quality.exclusions import counted
from multiannotator_core.report import audit_report
from pages._parts import download, text
from pages._people import may, reviewer_input, write
from pages._pseudonyms import real_name, seen_exclusions
from pages._runs import exclusions_of, store
from pages._session import InUse, choose_annotator, clicked


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


def look_at_clicked(chart: str, key: str) -> None:
    """Choose the two whose cell of a matrix was clicked; the `on_select` of that chart."""
    pair = clicked(chart)
    if len(pair) == 2 and pair[0] != pair[1]:
        look_at(key, str(pair[0]), str(pair[1]))


def choose_clicked(chart: str, key: str) -> None:
    """Choose what was clicked in a select box whose options are texts; the `on_select` of that chart."""
    said = clicked(chart)
    if said:
        st.session_state[key] = str(said[0]) if len(said) == 1 else " called ".join(map(str, said))


# ---------------------------------------------------------------------- exclusions

MOST_SHOWN = 100  # exclusions in a list, each with its button
WHY = {"annotator": "Reason, such as: answers at random", "example": "Reason, such as: picture is broken"}


def excluded(now: InUse) -> pd.DataFrame:
    """What is excluded now: kind, name, reviewer, reason, time."""
    return seen_exclusions(now.info, exclusions_of(now.info))


def exclusion_form(now: InUse, annotator: Any) -> None:
    """Ask who excludes an annotator and why, in a popover."""
    if not may("exclude"):
        return
    with st.popover("Exclude", icon=":material/person_off:", key="ann_exclude"):
        st.caption("Their labels will not count in any run, number, export or report until you restore them. Nothing is deleted.")
        _form(now, "annotator", annotator, "ann_reason", "exclude", "reviewer")


def exclude_example_button(now: InUse, example: Any, key: str = "") -> None:
    """Ask who excludes an example and why, in a popover, or offer to restore it; `key` tells several such buttons on a page apart."""
    if not may("exclude"):
        return
    out = excluded(now)
    if ((out["kind"] == "example") & (out["name"] == example)).any():
        st.button("Count it again", icon=":material/undo:", key=f"restore_example{key}", on_click=_restore, args=(now, "example", example))
        return
    with st.popover("Leave out", icon=":material/block:", type="tertiary", key=f"exclude_example{key}"):
        st.caption("Its labels will not count in any run, number, export or report until you restore it. Nothing is deleted.")
        _form(now, "example", example, f"example_reason{key}", f"exclude_this{key}", f"reviewer_example{key}")


def _form(now: InUse, kind: str, name: Any, reason_key: str, key: str, who_key: str) -> None:
    reviewer_input(who_key)
    st.text_input("Reason", key=reason_key, placeholder=WHY[kind], label_visibility="collapsed", max_chars=300)
    st.button(f"Exclude {text(name, 30)}", key=key, type="primary", on_click=_exclude, args=(now, kind, name, reason_key))


def exclusion_list(now: InUse, kind: str) -> None:
    """What is excluded of a kind, each with a button that restores it."""
    out = excluded(now)
    for row in out[out["kind"] == kind].head(MOST_SHOWN).itertuples(index=False):
        with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
            why = f": {text(row.reason, 200)}" if row.reason else ""
            st.markdown(f"**{text(row.name, 40)}**{why}", width="content")
            st.caption(f"{text(row.reviewer, 40)}, {row.time:%d %b %Y %H:%M} UTC", width="content")
            if may("restore"):
                st.button("Restore", key=f"restore {row.name!r}", icon=":material/undo:", on_click=_restore, args=(now, kind, row.name))


def told() -> str:
    """Why the last exclusion was refused; told once."""
    return str(st.session_state.pop("_audit", ""))


def _exclude(now: InUse, kind: str, name: Any, reason_key: str) -> None:
    try:
        counted(now.labels, **{f"{kind}s": [name]})  # somebody must be left
        write("exclude", now.dataset.id, kind, _in_store(now, kind, name), reason=str(st.session_state.get(reason_key, "")))
        st.session_state[reason_key] = ""
    except ValueError as error:
        _refuse(now, kind, name, error)


def _restore(now: InUse, kind: str, name: Any) -> None:
    try:
        write("restore", now.dataset.id, kind, _in_store(now, kind, name))
    except ValueError as error:
        _refuse(now, kind, name, error)


def _in_store(now: InUse, kind: str, name: Any) -> Any:
    return real_name(now.info, name) if kind == "annotator" else name


def _refuse(now: InUse, kind: str, name: Any, error: ValueError) -> None:
    st.session_state["_audit"] = str(error).replace(repr(_in_store(now, kind, name)), repr(name))


# ---------------------------------------------------------------------- the report


def report_button(now: InUse, annotator: Any = None) -> None:
    """A button that makes the audit report of the crowd or of one annotator, with the names that pages show."""

    def make() -> bytes:
        page = audit_report(
            now.dataset.labels,
            now.result,
            name=now.dataset.name,
            pred_probs=now.dataset.pred_probs,
            gold=gold_of(now),
            annotator=annotator,
            exclusions=excluded(now),
            fingerprint=now.dataset.id,
            made=datetime.now(UTC),
        )
        return page.encode()

    name, title = ("audit_report", "Report") if annotator is None else ("report_card", "Report card")
    download(name, {title: ("html", make)})
