"""Who looks at which examples: for a while nobody else is offered them."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable
from uuid import uuid4

import streamlit as st

from pages._jobs import home
from pages._session import InUse

LEASE = 120.0  # seconds that examples are kept for the one who looks at them


@st.cache_resource(show_spinner=False, max_entries=1)
def _leases() -> tuple[threading.Lock, dict[tuple[str, str], dict[str, tuple[frozenset[int], float]]]]:
    """Of each dataset: session -> codes of the examples that it looks at, and since when."""
    return threading.Lock(), {}


def _me() -> str:
    return str(st.session_state.setdefault("_me", uuid4().hex))


def hold(now: InUse, examples: Iterable[int]) -> None:
    """Say that this session looks at these examples (codes), and at no others any more."""
    lock, leases = _leases()
    with lock:
        leases.setdefault((home(), now.dataset.id), {})[_me()] = (frozenset(examples), time.monotonic())


def held_by_others(now: InUse) -> list[int]:
    """Codes of examples that other sessions look at; the one that the address names is not among them."""
    lock, leases = _leases()
    me, oldest = _me(), time.monotonic() - LEASE
    with lock:
        of_dataset = leases.setdefault((home(), now.dataset.id), {})
        for session in [session for session, (_, since) in of_dataset.items() if since < oldest]:
            del of_dataset[session]
        held = [code for session, (codes, _) in of_dataset.items() if session != me for code in codes]
    wanted = st.query_params.get("rev_example")
    return [code for code in held if str(now.labels.examples[code]) != wanted]
