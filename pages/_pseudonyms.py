"""Annotators behind pseudonyms: one switch for all pages, kept in the session and in the address.

Pages never ask: the labels and runs that they get have other names and another order of annotators. Only what goes back to the
store needs the real name.
"""

from __future__ import annotations

import contextlib
from collections.abc import Hashable
from dataclasses import replace
from typing import Any

import pandas as pd
import streamlit as st
from streamlit.errors import StreamlitAPIException

import multiannotator_core as mc
from multiannotator_core.export import pseudonymous, pseudonymous_result, pseudonyms
from multiannotator_core.store import Dataset, DatasetInfo
from pages._jobs import home
from pages._runs import open_dataset

ADDRESS, HIDDEN = "names", "hidden"  # ?names=hidden in the address: a mailed link hides names too
NAMED = ("ann_", "agr_", "rev_annotator", "rel_away", "cmp_")  # how the keys of widgets that hold names begin


def hidden() -> bool:
    """Whether pages show pseudonyms."""
    return bool(st.session_state.get("pseudonyms"))


def read_address() -> None:
    """Hide names where the address says so; it never shows them again, only a person does."""
    if st.query_params.get(ADDRESS) == HIDDEN:
        st.session_state["pseudonyms"] = True
    if hidden():
        st.query_params[ADDRESS] = HIDDEN


def names_switch() -> None:
    """The switch in the sidebar."""
    st.session_state["_pseudonyms"] = hidden()
    st.toggle(
        "Hide annotator names",
        key="_pseudonyms",
        on_change=_switch,
        help="A-001 … in place of every annotator's name, on all pages and in all files. The key is on the page Export. "
        "This keeps names off a screen or a printout; it is no lock: whoever can open the app can switch it off.",
    )


def _switch() -> None:
    st.session_state["pseudonyms"] = st.session_state["_pseudonyms"]
    for key in [key for key in st.session_state if str(key).startswith(NAMED)]:
        del st.session_state[key]  # what is selected has another name now
    forget_address((*NAMED, ADDRESS))


def forget_address(beginnings: tuple[str, ...] = ("",)) -> None:
    """Take parameters out of the address whose names begin so; those of widgets on the page follow their widgets."""
    for key in [key for key in st.query_params if key.startswith(beginnings)]:
        with contextlib.suppress(StreamlitAPIException):
            del st.query_params[key]


# ---------------------------------------------------------------------- what pages see


def pseudonym_key(info: DatasetInfo) -> pd.Series:
    """The pseudonym of each annotator (index: real name), the same in every session and on every server of the store."""
    return _key(home(), info.project, info.id, info)


@st.cache_resource(max_entries=4, show_spinner=False)
def _key(home: str, project: str, dataset: str, _info: DatasetInfo) -> pd.Series:
    # The id of a project is a random number that no page, address or file shows.
    return pseudonyms(open_dataset(_info).labels, secret=project)


def seen_labels(info: DatasetInfo, labels: mc.CrowdLabels) -> mc.CrowdLabels:
    """Labels of a dataset with the names that pages show."""
    return _renamed(home(), info.project, labels.fingerprint, labels, info) if hidden() else labels


@st.cache_resource(max_entries=4, show_spinner=False)
def _renamed(home: str, project: str, fingerprint: str, _labels: mc.CrowdLabels, _info: DatasetInfo) -> mc.CrowdLabels:
    return pseudonymous(_labels, pseudonym_key(_info))


def seen_dataset(info: DatasetInfo) -> Dataset:
    """The dataset with the names that pages show."""
    dataset = open_dataset(info)
    return replace(dataset, labels=seen_labels(info, dataset.labels))


def seen_run(info: DatasetInfo, result: mc.Consensus) -> mc.Consensus:
    """A run that belongs to `seen_labels`."""
    return pseudonymous_result(result, pseudonym_key(info)) if hidden() else result


def seen_state(state: str) -> str:
    """The state of a run, for the keys of what is computed from it: results hold names."""
    return f"{state} {HIDDEN}" if hidden() else state


def shown_name(info: DatasetInfo, name: Hashable) -> Any:
    """The name of an annotator as pages show it."""
    key = pseudonym_key(info)
    return key.iloc[key.index.get_loc(name)] if hidden() else name


def real_name(info: DatasetInfo, shown: Hashable) -> Any:
    """The name in the store of an annotator whom a page shows."""
    if not hidden():
        return shown
    key = pseudonym_key(info)
    return key.index[key.to_numpy(object).tolist().index(shown)]


def seen_exclusions(info: DatasetInfo, exclusions: pd.DataFrame) -> pd.DataFrame:
    """Exclusions of a store with the names that pages show; reasons of annotators are withheld, since they may name people."""
    if not hidden():
        return exclusions
    people = (exclusions["kind"] == "annotator").to_numpy()
    names = [shown_name(info, name) if person else name for name, person in zip(exclusions["name"], people, strict=True)]
    reasons = ["" if person else reason for reason, person in zip(exclusions["reason"], people, strict=True)]
    return exclusions.assign(name=pd.Series(names, index=exclusions.index, dtype=object), reason=reasons)
