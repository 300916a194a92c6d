"""What a reviewer does: decide, flag, undo. Every decision is on disk before the next example appears."""

from __future__ import annotations

import threading
import time
from typing import Any
from uuid import uuid4

import numpy as np
import pandas as pd
import streamlit as st
from numpy.typing import NDArray

from multiannotator_core.quality.review import LEAST_AUDITS, progress, with_audit
from multiannotator_core.store import Conflict
from pages._compared import blind_run
from pages._jobs import home
from pages._runs import store
from pages._session import InUse, step

KEYS = "123456789"
LEASE = 120.0  # seconds that an example is kept for the one who looks at it
AUDIT_EVERY = 5  # one decision in five is about an example drawn at random
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


def mixed_queue(
    now: InUse, queue: NDArray[np.intp], decided: pd.DataFrame, *, hide: bool, audit: bool
) -> tuple[NDArray[np.intp], NDArray[np.bool_], int]:
    """The first thousand of a queue with the random audit mixed in, whether the audit drew each, and the length of the whole."""
    names = now.labels.examples
    done = names.get_indexer(decided.index)
    elsewhere = _held_by_others(now)
    if hide:
        queue = queue[~np.isin(queue, done)]
    undecided = np.setdiff1d(np.arange(len(names)), [*done, *elsewhere])
    queue = queue[~np.isin(queue, elsewhere)]
    seed = int(now.dataset.id[:8], 16)
    codes, drawn = with_audit(queue, undecided, n_decided=len(decided), seed=seed, every=AUDIT_EVERY if audit else 0)
    return codes, drawn, len(queue)


@st.cache_resource(show_spinner=False, max_entries=1)
def _leases() -> tuple[threading.Lock, dict[tuple[str, str], dict[str, tuple[int, float]]]]:
    return threading.Lock(), {}


def hold(now: InUse, example: int) -> None:
    """Say that this session looks at an example (code): for a while nobody else is offered it."""
    lock, leases = _leases()
    me = st.session_state.setdefault("_me", uuid4().hex)
    with lock:
        leases.setdefault((home(), now.dataset.id), {})[me] = (example, time.monotonic())


def _held_by_others(now: InUse) -> list[int]:
    """Codes of examples that other sessions look at; the one that the address names is not among them."""
    lock, leases = _leases()
    me, oldest = st.session_state.setdefault("_me", uuid4().hex), time.monotonic() - LEASE
    with lock:
        of_dataset = leases.setdefault((home(), now.dataset.id), {})
        for session in [session for session, (_, since) in of_dataset.items() if since < oldest]:
            del of_dataset[session]
        held = [code for session, (code, _) in of_dataset.items() if session != me]
    wanted = st.query_params.get("rev_example")
    return [code for code in held if str(now.labels.examples[code]) != wanted]


def progress_words(now: InUse, decided: pd.DataFrame) -> str:
    """How far the review is, and what the audit says of the rest."""
    found = progress(now.labels, blind_run(now), decided)
    words = f"**{found.decided:,}** decided, {found.changed:,} changed a label"
    if found.wrong_left is None:
        return f"{words} · {found.audited} of {LEAST_AUDITS} audits before errors left can be told"
    return (
        f"{words} · about **{found.wrong_left:,.0f}** wrong left ({found.low:,.0f} to {found.high:,.0f}) · "
        f"{100 * found.accuracy:.1f}% right ({100 * found.accuracy_low:.1f} to {100 * found.accuracy_high:.1f})"
    )


def decide(now: InUse, example: Any, label: Any, flag: str | None, revision: int, chance: float | None) -> None:
    """Keep a decision and go on; call it in a callback. Somebody else's newer decision is shown instead of overwritten.

    `chance` is the probability with which the audit drew the example; None when it came from the queue.
    """
    name = str(st.session_state.get("reviewer", "")).strip()
    note = str(st.session_state.get("rev_note", "")).strip() or None
    if not name:
        st.session_state["_desk"] = ("error", "Say who you are first: your name is kept with each decision.")
        return
    try:
        store().decide(now.dataset.id, example, label, reviewer=name, note=note, expected_revision=revision, flag=flag, audit=chance)
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
