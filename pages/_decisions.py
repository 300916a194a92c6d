"""What a reviewer does: decide, flag, undo. Every decision is on disk before the next example appears."""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from multiannotator_core.store import Conflict
from pages._session import InUse, step, store

KEYS = "123456789"
TAKEN = {"j", "k", "s", "u", "f"}  # keys of the desk itself


def reviewer_input() -> str:
    """The name that is kept with each decision; asked once a session."""
    words = "Your name"
    name = st.text_input(
        words, key="reviewer", persist_state="session", placeholder=words, label_visibility="collapsed", width=170, max_chars=80
    )
    return str(name).strip()


def class_keys(names: list[str]) -> list[str | None]:
    """The key of each class: its own name when all are single letters or digits that are free, else 1 to 9."""
    own = [name.lower() for name in names]
    if all(len(name) == 1 and name.isascii() and name.isalnum() and name not in TAKEN for name in own) and len(set(own)) == len(own):
        return list(own)
    return [KEYS[k] if k < len(KEYS) else None for k in range(len(names))]


def decisions(now: InUse) -> pd.DataFrame:
    """The latest decision on each example."""
    return store().decisions(now.dataset.id)


def decide(now: InUse, example: Any, label: Any, flag: str | None, revision: int) -> None:
    """Keep a decision and go on; call it in a callback. Somebody else's newer decision is shown instead of overwritten."""
    name = str(st.session_state.get("reviewer", "")).strip()
    note = str(st.session_state.get("rev_note", "")).strip() or None
    if not name:
        st.session_state["_desk"] = ("error", "Say who you are first: your name is kept with each decision.")
        return
    try:
        store().decide(now.dataset.id, example, label, reviewer=name, note=note, expected_revision=revision, flag=flag)
    except Conflict as conflict:
        st.session_state["_desk"] = (
            "error",
            f"{conflict.reviewer} decided this example in the meantime. Look again; decide once more if you differ.",
        )
        return
    except ValueError as error:
        st.session_state["_desk"] = ("error", str(error))
        return
    st.session_state["rev_note"] = ""
    st.session_state["_undo"] = [*st.session_state.get("_undo", [])[-50:], (now.dataset.id, example)]
    said = f"flagged as {flag}" if flag else f"is {label}"
    st.session_state["_desk"] = ("done", f"{example} {said}. U takes it back.")
    step("rev_example", 1)


def undo() -> None:
    """Take back the last decision of this session and show its example again; call it in a callback."""
    stack = st.session_state.get("_undo", [])
    if not stack:
        st.session_state["_desk"] = ("error", "There is nothing to take back in this session. The page History has all decisions.")
        return
    dataset, example = stack[-1]
    try:
        store().undo(dataset, example, reviewer=str(st.session_state.get("reviewer", "")).strip() or "unknown")
    except ValueError as error:
        st.session_state["_desk"] = ("error", str(error))
        return
    st.session_state["_undo"] = stack[:-1]
    st.query_params["rev_example"] = str(example)
    st.session_state["_desk"] = ("done", f"The decision on {example} was taken back.")


def message() -> tuple[str, str] | None:
    """What the last action led to; told once."""
    told: tuple[str, str] | None = st.session_state.pop("_desk", None)
    return told


def revert(dataset: str, example: Any, reviewer: str) -> None:
    """Take back the latest decision on an example; call it in a callback."""
    try:
        store().undo(dataset, example, reviewer=reviewer)
        st.session_state["_desk"] = ("done", f"The decision on {example} was taken back.")
    except ValueError as error:
        st.session_state["_desk"] = ("error", str(error))


def history(dataset: str) -> pd.DataFrame:
    """Every decision ever made, the newest first."""
    table = store().history(dataset)
    return table.sort_values("time", ascending=False, kind="stable") if len(table) else table
