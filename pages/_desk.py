"""The parts of the review desk that a reviewer's hands are on: the bar of decisions, the grid, and what looks alike."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import streamlit as st
from numpy.typing import NDArray

from multiannotator_core.store import FLAGS
from pages._audit import exclude_example_button
from pages._decisions import accept, class_keys, decide, left_for_later, undo
from pages._leases import hold
from pages._parts import content, picture, shown, text
from pages._people import may, reviewer_input
from pages._queues import most_alike
from pages._runs import revision_of
from pages._session import InUse

GRID = 12  # examples on a page of the grid
MOST_BUTTONS = 12  # more classes than this get six buttons and a search box


def decision_bar(now: InUse, example: Any, proposed: int, order: NDArray[np.intp], revision: int, chance: float | None) -> None:
    """Buttons and keys for the classes, note, flags and undo, pinned to the bottom; those who may not decide are told so.

    Args:
        proposed: code of the consensus class; order: codes of all classes, the most probable first.
        revision: the latest of the example, 0 = none; chance: with which the audit drew the example, None = from the queue.
    """
    if not may("decide"):
        with st.bottom:
            st.caption(":material/visibility: You can look at everything here. To decide takes the role of a reviewer.")
        return
    classes = shown(now.labels.classes)
    many = len(classes) > MOST_BUTTONS
    buttons = order[:6].tolist() if many else list(range(len(classes)))
    keys = class_keys([""] * len(buttons) if many else classes)

    def button(label: str, key: str, k: int | None, flag: str | None = None, **more: Any) -> None:
        chosen = None if k is None else now.labels.classes[k]
        st.button(label, key=key, on_click=decide, args=(now, example, chosen, flag, revision, chance), **more)

    with st.bottom, st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
        with st.container(horizontal=True, gap="xsmall", width="content"):
            reviewer_input()
            for k, key in zip(buttons, keys, strict=True):
                button(text(classes[k], 18), f"decide_{k}", k, shortcut=key, type="primary" if k == proposed else "secondary")
            if many:
                other = st.selectbox(
                    "Another class",
                    [None, *range(len(classes))],
                    format_func=lambda k: "Another class …" if k is None else classes[k],
                    key="rev_other",
                    label_visibility="collapsed",
                    width=170,
                )
                if other is not None:
                    button("Decide", "decide_other", other)
        with st.container(horizontal=True, gap="xsmall", width="content"):
            with st.popover("Note", icon=":material/edit_note:", type="tertiary"):
                st.text_input("Note for the next decision", key="rev_note", max_chars=500)
            with st.popover("Flag", icon=":material/flag:", type="tertiary"):
                for flag in FLAGS:
                    button(flag.capitalize(), f"flag_{flag}", None, flag)
            exclude_example_button(now, example)
            st.button("Undo", icon=":material/undo:", type="tertiary", shortcut="u", on_click=undo, key="undo")


def proposals(now: InUse, queue: NDArray[np.intp]) -> bool:
    """A page of the queue with the proposed classes, to be accepted at once, except those that are unticked. False when it is empty.

    Nothing here is drawn at random: an audit in which the doubtful ones are put aside would find the rest too good.
    """
    names, classes = now.labels.examples, shown(now.labels.classes)
    aside = names.get_indexer(pd.Index(left_for_later(now), tupleize_cols=False)) if left_for_later(now) else []
    page = queue[~np.isin(queue, aside)][:GRID]
    if not len(page):
        return False
    if may("decide"):
        hold(now, page.tolist())
    proposed, ticks = {}, {}
    columns, least = (6, 150) if picture(now.dataset, names[page[0]]) else (4, 220)
    grid = st.grid(columns, min_column_width=least, gap="small", border=True)
    for i in page.tolist():
        name = names[i]
        proposed[name] = (now.labels.classes[now.result.label[i]], revision_of(now.info, name))
        ticks[name] = f"tick_{now.info.id[:8]}_{i}"
        with grid.cell():
            st.caption(text(name, 24))
            content(now.dataset, name, compact=True)
            said = f"**{text(classes[now.result.label[i]], 24)}** at {now.result.quality[i]:.2f}"
            st.checkbox(said, value=True, key=ticks[name], disabled=not may("decide"))
    if not may("decide"):
        return True
    with st.bottom, st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
        with st.container(horizontal=True, gap="xsmall", width="content"):
            reviewer_input()
            words = "Accept the ticked, leave the others"
            st.button(words, key="accept", type="primary", shortcut="a", on_click=accept, args=(now, proposed, ticks))
        with st.container(horizontal=True, gap="xsmall", width="content"):
            st.button(
                "Leave all", key="leave", type="tertiary", shortcut="j", on_click=accept, args=(now, proposed, dict.fromkeys(ticks, ""))
            )
            st.button("Undo", icon=":material/undo:", type="tertiary", shortcut="u", on_click=undo, key="undo")
    return True


def alike_examples(now: InUse, example: int) -> None:
    """Examples that look like this one (code), with their consensus."""
    codes, by = most_alike(now, example)
    if not len(codes):
        return
    classes = shown(now.labels.classes)
    st.caption(f"Most alike by {by}")
    with st.container(horizontal=True, gap="xsmall"):
        for i in codes.tolist():
            name, said = now.labels.examples[i], f"{text(classes[now.result.label[i]], 16)} {now.result.quality[i]:.2f}"
            image = picture(now.dataset, name)
            with st.container(width=46 if image else 150, gap=None):
                if image:
                    st.image(image, width=44, alt=f"Example {text(name, 30)}")
                else:
                    content(now.dataset, name, compact=True)
                st.caption(said)
