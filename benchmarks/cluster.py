"""What a cluster costs and what it would bring: two workers against one process, bytes an iteration, and weak scaling (simulated).

python -m benchmarks.cluster          (some minutes; writes benchmarks/CLUSTER.md; needs requirements-cluster.txt)
"""

from __future__ import annotations

import math
import pickle
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import multiannotator_core as mc
from benchmarks.crowds import conditions, markdown
from multiannotator_core.aggregation.engine import Step, Sums
from multiannotator_core.cluster import BRANCHES, PARTITIONS_A_THREAD, ClusterEngine
from multiannotator_core.large.running import Given

PAGE = Path(__file__).with_name("CLUSTER.md")

CROWD = {"n_examples": 400_000, "n_annotators": 1_000, "n_classes": 10, "labels_per_example": 5, "seed": 0}
ITERATIONS = 10
WORKERS = (1, 2, 4, 8, 16, 32, 64)
TIMES = 50  # the second simulated table has so many times the labels a worker
NETWORK = 1.25e8  # bytes a second: 1 Gbit Ethernet


class Counting(ClusterEngine):
    """The engine, noting what goes out and what comes back to the client at each step."""

    out: list[int]
    back: list[int]

    def each(self, step: Step, *broadcast: Any) -> Sums:
        """As the engine does."""
        sums = super().each(step, *broadcast)
        self.out.append(len(pickle.dumps(broadcast)))
        self.back.append(len(pickle.dumps(sums)))
        return sums


def start(kind: str, *arguments: str) -> subprocess.Popen[bytes]:
    """A scheduler or worker process, as the documentation starts them."""
    command = [sys.executable, "-m", "dask", kind, *arguments]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def seconds_an_iteration(run: Any) -> float:
    """Median seconds between two iterations of a run that takes `on_iteration`."""
    at: list[float] = []
    run(lambda i, objective: at.append(time.perf_counter()))
    return float(np.median(np.diff(at)))


def measured(client: Any, labels: mc.CrowdLabels) -> dict[str, float]:
    """Seconds an iteration on the cluster and in one process, bytes, and seconds a task without work."""
    fixed = {"max_iter": ITERATIONS, "tol": 0.0}
    ours = seconds_an_iteration(lambda tell: mc.aggregate(labels, "dawid_skene", on_iteration=tell, **fixed))
    theirs = seconds_an_iteration(lambda tell: mc.cluster.aggregate(labels, "dawid_skene", client=client, on_iteration=tell, **fixed))
    engine = Counting(client, labels, Given(None, None, ()))
    engine.out, engine.back = [], []
    before = transferred(client)
    mc.aggregation.run_blockwise(engine, "dawid_skene", **fixed)
    between = transferred(client) - before
    tiny = mc.simulate("one-coin", n_examples=400, n_annotators=5, n_classes=2, labels_per_example=3, seed=0).labels
    tasks = {n: seconds_an_iteration(lambda tell, n=n: empty(client, tiny, n, tell)) for n in (2, 64)}
    return {
        "process": ours,
        "cluster": theirs,
        "out": float(engine.out[-1]),
        "back": float(engine.back[-1]),
        "between": between / (ITERATIONS + 2),
        "task": (tasks[64] - tasks[2]) / (2 * 62),  # a step and its sums are two tasks of each partition
        "round": tasks[2],
    }


def empty(client: Any, tiny: mc.CrowdLabels, partitions: int, tell: Any) -> None:
    """A run whose steps have next to nothing to do."""
    mc.cluster.aggregate(tiny, "dawid_skene", client=client, partitions=partitions, on_iteration=tell, max_iter=ITERATIONS, tol=0.0)


def transferred(client: Any) -> float:
    """Bytes that workers have sent to each other so far."""
    return float(sum(client.run(_sent).values()))


def _sent(dask_worker: Any) -> float:
    return float(dask_worker.transfer_outgoing_bytes_total)


def scaled(costs: dict[str, float], workers: int, times: int) -> dict[str, Any]:
    """One row of the simulated table: each worker has one thread and so many times the labels of the crowd above."""
    partitions = workers * PARTITIONS_A_THREAD
    levels = math.ceil(math.log(max(partitions, 2), BRANCHES))
    compute = costs["thread"] * times
    tasks = costs["round"] + costs["task"] * 2 * partitions
    sums = costs["back"] / NETWORK * BRANCHES * levels if workers > 1 else 0.0
    parameters = costs["out"] / NETWORK * math.ceil(math.log2(workers)) if workers > 1 else 0.0
    total = compute + tasks + sums + parameters
    return {
        "workers": workers,
        "labels": f"{times * workers * CROWD['n_examples'] * CROWD['labels_per_example'] / 1e6:,.0f} M",
        "s an iteration": f"{total:.3f}",
        "computing": f"{compute:.3f}",
        "scheduling": f"{tasks:.3f}",
        "sums": f"{sums:.3f}",
        "parameters": f"{parameters:.3f}",
        "efficiency": f"{100 * compute / total:.0f} %",
    }


def simulated(costs: dict[str, float], times: int) -> pd.DataFrame:
    """The simulated table."""
    return pd.DataFrame([scaled(costs, workers, times) for workers in WORKERS]).set_index("workers")


def main() -> None:
    """Measure, simulate, write the page."""
    import distributed

    labels = mc.simulate("independent-confusion", **CROWD).labels
    with tempfile.TemporaryDirectory() as folder:
        file = f"{folder}/scheduler.json"
        here = ("--no-dashboard", "--scheduler-file", file)
        processes = [start("scheduler", "--host", "127.0.0.1", "--port", "0", *here)]
        while not Path(file).exists():
            time.sleep(0.1)
        processes += [start("worker", "--no-nanny", "--nthreads", "1", *here) for _ in range(2)]
        try:
            with distributed.Client(scheduler_file=file, timeout=30) as client:
                client.wait_for_workers(2, timeout=60)
                costs = measured(client, labels)
        finally:
            for process in processes:
                process.kill()
                process.wait()
    single = mc.aggregation.engine.Blocks(labels, threads=1)
    costs["thread"] = seconds_an_iteration(
        lambda tell: mc.aggregation.run_blockwise(single, "dawid_skene", on_iteration=tell, max_iter=ITERATIONS, tol=0.0)
    )
    PAGE.write_text(page(labels, costs), encoding="utf-8")


def page(labels: mc.CrowdLabels, costs: dict[str, float]) -> str:
    """The page in Markdown."""
    j, k = len(labels.annotators), len(labels.classes)
    places = {"one process, two threads": "process", "one process, one thread": "thread", "two workers of one thread": "cluster"}
    table = pd.DataFrame({"where": places.keys(), "s an iteration": [costs[cost] for cost in places.values()]}).set_index("where")
    megabytes = {name: costs[name] / 1e6 for name in ("out", "back", "between")}
    table_mb = 8 * j * k * k / 1e6
    return f"""# The cluster: what it costs, and what it would bring

Written by `python -m benchmarks.cluster`. {conditions()}

Dawid-Skene on {len(labels):,} labels, {j:,} annotators, {k} classes; median of {ITERATIONS} iterations. Scheduler, workers and client share
one machine.

{markdown(table, 3)}

Two workers take {costs["cluster"] / costs["process"]:.2f} times as long as one process with two threads. An iteration sends
{megabytes["out"]:.2f} MB of parameters out and brings {megabytes["back"]:.2f} MB of sums back; {table_mb:.2f} MB hold J K K numbers.
Between workers went {megabytes["between"]:.2f} MB an iteration. A task without work costs {1e3 * costs["task"]:.2f} ms, a round with two
partitions {1e3 * costs["round"]:.1f} ms.

## Weak scaling (simulated, not measured)

Computed from these costs for workers of one thread on a network of 1 Gbit/s: computing grows with the labels of a worker, scheduling
with the number of tasks, sums with the depth of the tree, parameters with the logarithm of the number of workers. With
{len(labels):,} labels a worker a cluster is a waste; it pays where a machine has too many.

{markdown(simulated(costs, 1), 3)}

With {TIMES * len(labels):,} labels a worker:

{markdown(simulated(costs, TIMES), 3)}
"""


if __name__ == "__main__":
    main()
