"""What a reviewer does: decide, flag, undo. Every decision is on disk before the next example appears."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd
import streamlit as st

from multiannotator_core.quality.review_progress import LEAST_AUDITS, progress
from multiannotator_core.store import Conflict
from pages._compared import blind_run
from pages._people import write
from pages._runs import decisions_of, store
from pages._session import InUse, remember, step

KEYS = "123456789"
TAKEN = {"j", "k", "s", "u", "f"}  # keys of the desk itself
MOST_UNDONE = 50


def class_keys(names: list[str]) -> list[str | None]:
    """The key of each class: its own name when all are single letters or digits that are free, else 1 to 9."""
    own = [name.lower() for name in names]
    if all(len(name) == 1 and name.isascii() and name.isalnum() and name not in TAKEN for name in own) and len(set(own)) == len(own):
        return list(own)
    return [KEYS[k] if k < len(KEYS) else None for k in range(len(names))]


def decisions(now: InUse) -> pd.DataFrame:
    """The latest decision on each example."""
    return decisions_of(now.info)


def progress_words(now: InUse, decided: pd.DataFrame) -> str:
    """How far the review is, how fast wrong labels still turn up, and what the audit says of the rest."""
    labels, blind = now.labels, blind_run(now)
    found = remember(now, f"progress {store().changes(now.info.id)}", lambda: progress(labels, blind, decided))
    words = f"**{found.decided:,}** decided, {found.changed:,} changed a label"
    if found.decided > found.recent:
        words += f" ({found.recent_changed} of the last {found.recent})"
    if found.wrong_left is None:
        return f"{words} · errors left: not enough reviews yet ({found.audited} of {LEAST_AUDITS} at random)"
    return (
        f"{words} · about **{found.wrong_left:,.0f}** wrong left ({found.low:,.0f} to {found.high:,.0f}) · "
        f"{100 * found.accuracy:.1f}% right ({100 * found.accuracy_low:.1f} to {100 * found.accuracy_high:.1f})"
    )


# ---------------------------------------------------------------------- decide


def decide(now: InUse, example: Any, label: Any, flag: str | None, revision: int, chance: float | None) -> None:
    """Keep a decision and go on; call it in a callback. Somebody else's newer decision is shown instead of overwritten.

    `chance` is the probability with which the audit drew the example; None when it came from the queue.
    """
    note = str(st.session_state.get("rev_note", "")).strip() or None
    try:
        made = write("decide", now.dataset.id, example, label, note=note, expected_revision=revision, flag=flag, audit=chance)
    except Conflict as conflict:
        _tell("error", f"{conflict.reviewer} decided this example in the meantime. Look again; decide once more if you differ.")
        return
    except ValueError as error:
        _tell("error", str(error))
        return
    st.session_state["rev_note"] = ""
    _remember_undo(now.dataset.id, [(example, made)])
    _tell("done", f"{example} {f'flagged as {flag}' if flag else f'is {label}'}. U takes it back.")
    step("rev_example", 1)


def accept(now: InUse, proposed: Mapping[Any, tuple[Any, int]], ticks: Mapping[Any, str]) -> None:
    """Keep the proposed class of all examples that are still ticked; call it in a callback.

    Each is a decision of its own: where somebody else was faster theirs stands, and is told. Those that were unticked are left for
    one at a time, and do not come back into the grid of this session.

    Args:
        proposed: example -> its class and the revision that was seen.
        ticks: example -> key of its tick.
    """
    made, faster = [], []
    for example, (label, revision) in proposed.items():
        if not st.session_state.get(ticks[example]):
            continue
        try:
            made.append((example, write("decide", now.dataset.id, example, label, expected_revision=revision)))
        except Conflict:
            faster.append(example)
        except ValueError as error:
            _remember_undo(now.dataset.id, made)
            _tell("error", f"{len(made)} of {len(proposed)} were accepted, then it stopped: {error}")
            return
    later = [example for example in proposed if not st.session_state.get(ticks[example])]
    st.session_state.setdefault("_later", {}).setdefault(now.dataset.id, []).extend(later)
    _remember_undo(now.dataset.id, made)
    words = f"{len(made)} accepted" + (f", {len(later)} left for one at a time" if later else "")
    if faster:
        _tell("error", f"{words}. Somebody else decided {len(faster)} in the meantime; theirs stands.")
    else:
        _tell("done", f"{words}. U takes it back." if made else f"{words}.")


def left_for_later(now: InUse) -> list[Any]:
    """Examples that were unticked in the grid of this session."""
    return list(st.session_state.get("_later", {}).get(now.dataset.id, []))


def _tell(kind: str, words: str) -> None:
    st.session_state["_desk"] = (kind, words)


def message() -> tuple[str, str] | None:
    """What the last action led to; told once."""
    told: tuple[str, str] | None = st.session_state.pop("_desk", None)
    return told


# ---------------------------------------------------------------------- take back


def _remember_undo(dataset: str, made: list[tuple[Any, int]]) -> None:
    if made:
        st.session_state["_undo"] = [*st.session_state.get("_undo", [])[-MOST_UNDONE:], (dataset, made)]


def undo() -> None:
    """Take back what this session did last, one decision or a whole grid; call it in a callback.

    What somebody else has changed since stays as they left it.
    """
    stack = st.session_state.get("_undo", [])
    if not stack:
        _tell("error", "There is nothing to take back in this session. The page History has all decisions.")
        return
    dataset, made = stack[-1]
    back, faster = [], []
    for at, (example, revision) in enumerate(made):
        try:
            write("undo", dataset, example, expected_revision=revision)
            back.append(example)
        except Conflict as conflict:
            faster.append(conflict.reviewer)
        except ValueError as error:
            st.session_state["_undo"] = [*stack[:-1], (dataset, made[at:])]
            _tell("error", str(error))
            return
    st.session_state["_undo"] = stack[:-1]
    if len(made) == 1 and back:
        st.query_params["rev_example"] = str(back[0])
    what = f"The decision on {back[0]} was taken back." if len(back) == 1 else f"{len(back)} decisions were taken back."
    if faster:
        _tell("error", f"{what if back else 'Nothing was taken back.'} {faster[0]} has changed {len(faster)} since; that stands.")
    else:
        _tell("done", what)


def revert(dataset: str, example: Any, revision: int) -> None:
    """Take back the decision that stands on an example, if it is still the one that was seen; call it in a callback."""
    try:
        write("undo", dataset, example, expected_revision=revision)
        _tell("done", f"The decision on {example} was taken back.")
    except Conflict as conflict:
        _tell("error", f"{conflict.reviewer} has changed {example} in the meantime. Look again.")
    except ValueError as error:
        _tell("error", str(error))


def history(dataset: str) -> pd.DataFrame:
    """Every decision ever made, the newest first."""
    table = store().history(dataset)
    return table.sort_values("time", ascending=False, kind="stable") if len(table) else table
