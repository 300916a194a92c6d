"""The same answers on a cluster: a real scheduler and worker processes on loopback, that are killed where it says so."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

import multiannotator_core as mc
from multiannotator_core import cluster
from multiannotator_core.cli import cli
from multiannotator_core.large import save_labels

distributed = pytest.importorskip("distributed", reason="the cluster needs Dask: pip install -r requirements-cluster.txt")

ROOT = Path(__file__).parent.parent
BLOCKWISE = [name for name, method in mc.METHODS.items() if method.blockwise]


class Cluster:
    """A scheduler and its workers, as the commands of the documentation start them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.file = folder / "scheduler.json"
        self.scheduler = self._start(
            "scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard", "--scheduler-file", str(self.file)
        )
        self.workers = [self.add_worker() for _ in range(2)]

    def _start(self, *arguments: str) -> subprocess.Popen:
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
        return subprocess.Popen(
            [sys.executable, "-m", "dask", *arguments],
            cwd=self.folder,
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def add_worker(self) -> subprocess.Popen:
        """One more worker process."""
        return self._start("worker", "--scheduler-file", str(self.file), "--no-nanny", "--no-dashboard", "--nthreads", "1")

    def client(self) -> distributed.Client:
        """A client, when two workers are there."""
        deadline = time.monotonic() + 60
        while not self.file.exists():
            assert time.monotonic() < deadline, "the scheduler did not start"
            time.sleep(0.05)
        found = distributed.Client(scheduler_file=str(self.file), timeout=5)
        found.wait_for_workers(2, timeout=60)
        return found

    def stop(self) -> None:
        """End all processes."""
        for process in (*self.workers, self.scheduler):
            process.kill()
            process.wait()


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    """A cluster for the whole file."""
    cluster = Cluster(tmp_path_factory.mktemp("cluster"))
    yield cluster
    cluster.stop()


@pytest.fixture(scope="module")
def client(running):
    """A client of it."""
    with running.client() as client:
        yield client


@pytest.fixture(scope="module")
def crowd():
    """A crowd of 400 examples, with gold for some and the probabilities of a model."""
    made = mc.simulate("independent-confusion", n_examples=400, n_annotators=12, n_classes=3, labels_per_example=4, seed=3)
    rng = np.random.default_rng(0)
    truth = made.labels.classes.get_indexer(made.truth)
    pred_probs = np.eye(3)[truth] * 2 + rng.random((400, 3))
    return made.labels, made.truth.iloc[::29], pred_probs / pred_probs.sum(axis=1, keepdims=True)


@pytest.mark.parametrize("method", BLOCKWISE)
def test_every_method_gives_the_local_answer(client, crowd, method):
    """Posterior, labels, quality, confusion and difficulty agree with one process to 1e-8, with gold and a model."""
    labels, gold, pred_probs = crowd
    few = {name: value for name, value in {"max_iter": 4, "tol": 0.0, "n_restarts": 2}.items() if name in mc.METHODS[method].options}
    given = {"gold": gold, "pred_probs": pred_probs, "seed": 1, **few}
    expected = mc.aggregate(labels, method, **given)
    actual = cluster.aggregate(labels, method, client=client, partitions=5, **given)

    np.testing.assert_allclose(actual.posterior, expected.posterior, atol=1e-8)
    np.testing.assert_array_equal(actual.label, expected.label)
    np.testing.assert_allclose(actual.annotator_quality, expected.annotator_quality, atol=1e-8)
    for name in ("confusion", "difficulty", "undecided"):
        if getattr(expected, name) is not None:
            np.testing.assert_allclose(getattr(actual, name), getattr(expected, name), rtol=1e-7, atol=1e-8)
    assert (actual.method, actual.n_iter) == (method, expected.n_iter)


def test_a_folder_is_read_and_the_posterior_written_by_the_workers(client, crowd, tmp_path):
    """Workers read their share of a folder, and write its posterior with names; together they are the whole."""
    labels, gold, _ = crowd
    folder = save_labels(labels, tmp_path / "labels")
    expected = mc.aggregate(labels, "dawid_skene", gold=gold)
    actual = cluster.aggregate(tmp_path / "labels", "dawid_skene", client=client, partitions=3, gold=gold, output=tmp_path / "out")
    written = pd.concat([pq.read_table(path).to_pandas() for path in sorted((tmp_path / "out").glob("posterior-*.parquet"))])

    np.testing.assert_allclose(actual.posterior, expected.posterior, atol=1e-8)
    assert len(list((tmp_path / "out").iterdir())) == 3
    assert written["example"].tolist() == labels.examples.tolist()
    np.testing.assert_allclose(written.iloc[:, 1:].to_numpy(), expected.posterior, atol=1e-8)
    assert folder is None or len(folder) == len(labels)


@pytest.mark.parametrize("method", ["dawid_skene", "glad"])
def test_a_killed_worker_costs_neither_the_run_nor_the_answer(tmp_path, crowd, method):
    """A worker that gets SIGKILL in the middle is replaced, and its work done again: the answer is the same."""
    labels, gold, _ = crowd
    expected = mc.aggregate(labels, method, gold=gold, max_iter=5, tol=0)
    own = Cluster(tmp_path)

    def on_iteration(i, objective):
        if i == 3:
            own.workers.append(own.add_worker())
            own.workers[0].send_signal(signal.SIGKILL)

    try:
        with own.client() as client:
            actual = cluster.aggregate(labels, method, client=client, partitions=4, gold=gold, on_iteration=on_iteration, max_iter=5, tol=0)
    finally:
        own.stop()

    assert own.workers[0].returncode == -signal.SIGKILL
    np.testing.assert_allclose(actual.posterior, expected.posterior, atol=1e-8)


@pytest.mark.parametrize("method", ["ibcc", "glad"])
def test_without_a_scheduler_the_last_iteration_is_kept(tmp_path, client, crowd, method):
    """A scheduler that is killed gives one sentence; the same call on another cluster goes on where the first one was."""
    labels, _, _ = crowd
    expected = mc.aggregate(labels, method, max_iter=6, tol=0)
    (tmp_path / "own").mkdir()
    own = Cluster(tmp_path / "own")
    arguments = {"partitions": 4, "checkpoint": tmp_path / "kept", "max_iter": 6, "tol": 0}

    def on_iteration(i, objective):
        if i == 3:
            own.scheduler.kill()
            own.scheduler.wait()

    try:
        with own.client() as doomed, pytest.raises(cluster.ClusterError, match=r"went away.*go on from the last iteration"):
            cluster.aggregate(labels, method, client=doomed, on_iteration=on_iteration, **arguments)
    finally:
        own.stop()
    seen = []
    actual = cluster.aggregate(labels, method, client=client, on_iteration=lambda i, _: seen.append(i), **arguments)

    assert seen == [4, 5, 6]
    np.testing.assert_allclose(actual.posterior, expected.posterior, atol=1e-8)
    assert list((tmp_path / "kept").glob("state-*")) == []


def test_the_command_runs_on_a_cluster(client, crowd, tmp_path):
    """`aggregate --cluster ADDRESS` writes what the command without it writes, from a file and from a folder of labels."""
    labels, _, _ = crowd
    labels.to_long().to_csv(tmp_path / "labels.csv", index=False)
    save_labels(labels, tmp_path / "folder")
    address = client.scheduler.address

    def run(*arguments: str) -> int:
        return CliRunner().invoke(cli, ["aggregate", *arguments, "-m", "ibcc", "--soft"]).exit_code

    done = [
        run(str(tmp_path / "labels.csv"), "-o", str(tmp_path / "here.parquet")),
        run(str(tmp_path / "labels.csv"), "--cluster", address, "-o", str(tmp_path / "there.parquet")),
        run(str(tmp_path / "folder"), "-o", str(tmp_path / "folder_here.parquet")),
        run(str(tmp_path / "folder"), "--cluster", address, "-o", str(tmp_path / "folder_there.parquet")),
    ]
    here, there, folder_here, folder_there = (
        pd.read_parquet(tmp_path / f"{name}.parquet") for name in ("here", "there", "folder_here", "folder_there")
    )

    assert done == [0, 0, 0, 0]
    pd.testing.assert_frame_equal(here, there, atol=1e-8)
    pd.testing.assert_frame_equal(folder_here, folder_there, atol=1e-8)


def test_an_address_without_a_scheduler_gives_one_sentence(monkeypatch):
    """Nobody waits for minutes, and the message says what to start."""
    monkeypatch.setattr(cluster, "PATIENCE", 1)
    with (
        pytest.raises(cluster.ClusterError, match="There is no Dask scheduler at tcp:"),
        cluster.connected("tcp://127.0.0.1:9"),
    ):
        pass


def test_cancel_and_refusals(client, crowd):
    """A callback ends a run; what cannot be done is said before anything is sent."""
    labels, _, pred_probs = crowd

    def stop(i, objective):
        raise mc.Cancelled

    with pytest.raises(mc.Cancelled):
        cluster.aggregate(labels, "dawid_skene", client=client, on_iteration=stop)
    with pytest.raises(ValueError, match="needs all labels in memory"):
        cluster.aggregate(labels, "ebcc", client=client)
    with pytest.raises(ValueError, match="needs pred_probs"):
        cluster.aggregate(labels, "crowdlab", client=client)
    with pytest.raises(ValueError, match="has no option 'colour'"):
        cluster.aggregate(labels, "glad", client=client, colour=1)
    with pytest.raises(ValueError, match="partitions=0 must be a whole number from 1"):
        cluster.aggregate(labels, "glad", client=client, partitions=0)
    with pytest.raises(ValueError, match="start has shape"):
        cluster.aggregate(labels, "dawid_skene", client=client, start=pred_probs[:3])


def test_without_dask_one_sentence(crowd, monkeypatch):
    """Where Dask is missing the message has the command that installs it."""
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(cluster.ClusterError, match=r"pip install -r requirements-cluster\.txt"):
        cluster.aggregate(crowd[0], client=None)
