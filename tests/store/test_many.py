"""Many reviewers at once, and processes that are killed while they write."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import random
import sys
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.connection import Connection

import numpy as np
import pytest

from multiannotator_core.labels import CrowdLabels
from multiannotator_core.store import Store
from tests.store.conftest import Home

KILLS = int(os.environ.get("CROWDLENS_KILLS", "50"))

EXAMPLES = ["t1", "t2", "t10"]


def stream(home: Home, dataset: str, kill: int, acknowledged: Connection) -> None:
    """Decide with four threads until killed; each decision is told once it is acknowledged."""
    turn = threading.Lock()

    def reviewer(name: str) -> None:
        draw = random.Random(name)
        for i in range(1_000_000):
            example = draw.choice(EXAMPLES)
            revision = store.decide(dataset, example, draw.choice(["cat", "dog"]), reviewer=name, note=str(i))
            with turn:
                acknowledged.send((example, revision, name, str(i)))

    store = home.open()
    with ThreadPoolExecutor(4) as reviewers:
        list(reviewers.map(reviewer, [f"{kill}-{i}" for i in range(4)]))


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL and no forkserver")
def test_every_acknowledged_decision_survives_a_kill(home: Home, labels: CrowdLabels) -> None:
    """After SIGKILL at random moments each acknowledged decision is there once, and revisions have no gap."""
    processes = multiprocessing.get_context("forkserver")
    processes.set_forkserver_preload(["tests.store.test_many"])
    draw, told = random.Random(0), Counter()
    with home.open() as store:
        dataset = store.add_dataset(labels, name="pets")
    for kill in range(KILLS):
        ours, theirs = processes.Pipe(duplex=False)
        child = processes.Process(target=stream, args=(home, dataset, kill, theirs))
        child.start()
        theirs.close()
        told[ours.recv()] += 1
        time.sleep(draw.uniform(0, 0.15))
        child.kill()
        child.join()
        with contextlib.suppress(EOFError, OSError):
            while True:
                told[ours.recv()] += 1
        ours.close()
        child.close()
    with home.open() as store:
        history = store.history(dataset)
    kept = Counter(history[["example", "revision", "reviewer", "note"]].itertuples(index=False, name=None))

    assert set(told.values()) == set(kept.values()) == {1}
    assert told <= kept
    assert len(kept) <= len(told) + 4 * KILLS  # one for each thread can be written and not yet told
    for _, revisions in history.groupby("example")["revision"]:
        assert list(range(1, len(revisions) + 1)) == revisions.tolist()


@pytest.mark.parametrize("servers", [1, 4])
def test_twenty_reviewers_at_once(home: Home, labels: CrowdLabels, servers: int, capsys: pytest.CaptureFixture[str]) -> None:
    """Twenty reviewers on one or four servers decide on the same examples: no error, no lost decision."""
    with contextlib.ExitStack() as open_stores:
        stores = [open_stores.enter_context(home.open()) for _ in range(servers)]
        dataset = stores[0].add_dataset(labels, name="pets")
        start = threading.Barrier(20)

        def review(number: int) -> list[float]:
            start.wait()
            return [timed(stores[number % servers], dataset, EXAMPLES[(number + i) % 3], f"reviewer {number}") for i in range(5)]

        with ThreadPoolExecutor(20) as reviewers:
            seconds = [second for mine in reviewers.map(review, range(20)) for second in mine]
        history = stores[0].history(dataset)
    middle, slow = np.quantile(seconds, [0.5, 0.99]) * 1e3
    with capsys.disabled():
        sys.stdout.write(f"\n20 reviewers, {servers} server(s): p50 {middle:.0f} ms, p99 {slow:.0f} ms\n")

    assert {f"reviewer {i}": 5 for i in range(20)} == history["reviewer"].value_counts().to_dict()
    for _, revisions in history.groupby("example")["revision"]:
        assert list(range(1, len(revisions) + 1)) == revisions.tolist()


def timed(store: Store, dataset: str, example: str, reviewer: str) -> float:
    began = time.perf_counter()
    store.decide(dataset, example, "dog", reviewer=reviewer)
    return time.perf_counter() - began


def open_and_close(home: Home) -> int:
    """In a process of its own."""
    with home.open() as store:
        return len(store.datasets())


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no forkserver")
def test_several_processes_may_make_the_store(home: Home) -> None:
    """Servers that start at the same time on an empty place make one set of tables."""
    processes = multiprocessing.get_context("forkserver")
    processes.set_forkserver_preload(["tests.store.test_many"])
    with processes.Pool(3) as pool:
        assert pool.map(open_and_close, [home] * 8, chunksize=1) == [0] * 8
