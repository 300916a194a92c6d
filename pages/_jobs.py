"""Background jobs: work that takes longer than a page may wait.

A job is known by its content, not by a tab: a click never loses or doubles it, F5 finds it again, and two people share it.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as NotYet
from dataclasses import dataclass, field
from typing import Any

import streamlit as st

import multiannotator_core as mc

PATIENCE = 0.4  # seconds that a page waits for a job before it shows its progress
MOST_JOBS = 256  # finished ones are kept for the next look, the oldest go first


@dataclass
class Job:
    """Work under way in a thread: `total` 0 means that its length is unknown."""

    title: str
    total: int
    done: int = 0
    stop: threading.Event = field(default_factory=threading.Event)
    started: float = field(default_factory=time.monotonic)
    future: Future[Any] = field(default_factory=Future)
    shown: list[Any] = field(default_factory=list)  # what the work has found so far, for pages to draw

    def tell(self, done: int, objective: float = 0.0) -> None:
        """Progress from inside the work; the place where a cancelled job ends."""
        self.done = done
        if self.stop.is_set():
            raise mc.Cancelled


@st.cache_resource(show_spinner=False, max_entries=1)
def _board() -> tuple[ThreadPoolExecutor, dict[tuple[str, ...], Job], threading.Lock]:
    return ThreadPoolExecutor(max_workers=2), {}, threading.Lock()


def start(key: tuple[str, ...], title: str, work: Callable[[Job], Any], total: int = 0) -> Job:
    """Begin `work` unless a job with this key is under way or finished: no click loses or doubles it."""
    pool, jobs, lock = _board()
    key = (home(), *key)
    with lock:
        if key not in jobs or _failed(jobs[key]):
            for old in [k for k, job in jobs.items() if job.future.done()][: max(0, len(jobs) - MOST_JOBS)]:
                del jobs[old]
            jobs[key] = Job(title, total)
            jobs[key].future = pool.submit(work, jobs[key])
        return jobs[key]


def running(kind: str, dataset: str) -> dict[str, Job]:
    """Jobs of one kind under way on a dataset: last part of the key -> job."""
    jobs = _board()[1]
    return {key[-1]: job for key, job in list(jobs.items()) if key[:3] == (home(), kind, dataset) and not job.future.done()}


def _failed(job: Job) -> bool:
    return job.future.done() and job.future.exception() is not None


def failures(kind: str, dataset: str) -> list[tuple[str, str]]:
    """Title and reason of the jobs that failed since the last look; each is told once."""
    jobs, found = _board()[1], []
    for key, job in list(jobs.items()):
        if key[:3] == (home(), kind, dataset) and _failed(job):
            del jobs[key]
            if not isinstance(job.future.exception(), mc.Cancelled):
                found.append((job.title, str(job.future.exception())))
    return found


def forget(key: tuple[str, ...]) -> None:
    """Drop a finished job."""
    _board()[1].pop((home(), *key), None)


def await_job(key: tuple[str, ...], job: Job) -> Any:
    """The result of a job; while it takes longer, the page shows its progress and ends.

    Raises:
        ValueError: the work refused its input.
    """
    try:
        return job.future.result(timeout=PATIENCE)
    except NotYet:
        watch(job)
        st.stop()
    except mc.Cancelled:
        forget(key)
        st.info("Cancelled. Nothing was changed.")
        st.button("Start again")
        st.stop()


def finished(job: Job, patience: float = PATIENCE) -> bool:
    """Whether a job ends well within `patience` seconds."""
    try:
        return job.future.exception(timeout=patience) is None
    except NotYet:
        return False


@st.fragment(run_every=0.5)
def refresh_when_done(job: Job) -> None:
    """One line while a job runs; then the page is drawn again."""
    if job.future.done():
        st.rerun()
    st.caption(":material/sync: taking in the last decisions …")


@st.fragment(run_every=0.5)
def watch(job: Job) -> None:
    """Progress and a cancel button; when the job ends, the page is drawn again."""
    if job.future.done():
        st.rerun()
    with st.container(border=True, gap="xsmall"):
        seconds = time.monotonic() - job.started
        left = f" · about {seconds * (job.total - job.done) / job.done:.0f} s left at most" if job.done and job.total else ""
        step = f" · step {job.done:,} of at most {job.total:,}" if job.total else f" · {seconds:.0f} s"
        with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
            st.markdown(f":material/progress_activity: **{job.title}** is running{step}{left}", width="content")
            if job.total and st.button(
                "Cancel", icon=":material/close:", type="tertiary", key=f"cancel_{id(job)}", disabled=job.stop.is_set()
            ):
                job.stop.set()
        st.progress(min(1.0, job.done / job.total) if job.total else 0.0)


def home() -> str:
    """The workspace that jobs and caches belong to."""
    return os.environ.get("CROWDLENS_HOME", "")
