"""crowd-kit's methods of the same name as ours, each run in a process of its own with a time limit."""

from __future__ import annotations

import importlib.util
import multiprocessing
import time
import warnings
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

import pandas as pd

# Our name -> crowd-kit's class and the arguments that differ from its defaults. Its restarts of MACE all draw the same
# numbers, so one gives what ten give.
SAME_NAME: dict[str, tuple[str, dict[str, Any]]] = {
    "majority_vote": ("MajorityVote", {}),
    "wawa": ("Wawa", {}),
    "zero_based_skill": ("ZeroBasedSkill", {}),
    "dawid_skene": ("DawidSkene", {}),
    "one_coin": ("OneCoinDawidSkene", {}),
    "glad": ("GLAD", {}),
    "mace": ("MACE", {"n_restarts": 1}),
    "mmsr": ("MMSR", {}),
    "kos": ("KOS", {}),
}


@dataclass(frozen=True)
class Run:
    """What crowd-kit gave: a class for each example and the seconds it took, or why there is none."""

    label: pd.Series | None
    seconds: float
    trouble: str = ""


def installed() -> bool:
    """Whether crowd-kit is there to compare with."""
    return importlib.util.find_spec("crowdkit") is not None


def run(method: str, frame: pd.DataFrame, limit: float, **options: Any) -> Run:
    """Run crowd-kit's method on a frame of task, worker, label; stop it after `limit` seconds."""
    here, there = multiprocessing.get_context("fork").Pipe(duplex=False)
    process = multiprocessing.get_context("fork").Process(target=_work, args=(there, method, frame, options))
    process.start()
    there.close()
    result = Run(None, limit, f"over {limit:.0f} s")
    if here.poll(limit):
        try:
            result = here.recv()
        except EOFError:
            result = Run(None, 0.0, "died")
    process.kill()
    process.join()
    return result


def _work(answer: Connection, method: str, frame: pd.DataFrame, options: dict[str, Any]) -> None:
    """In the child: fit, predict, and send the result or the name of the error."""
    from crowdkit import aggregation

    name, own = SAME_NAME[method]
    warnings.simplefilter("ignore")
    start = time.perf_counter()
    try:
        label = getattr(aggregation, name)(**{**own, **options}).fit_predict(frame)
        answer.send(Run(label, time.perf_counter() - start))
    except Exception as error:  # a benchmark reports every way in which a peer fails
        answer.send(Run(None, time.perf_counter() - start, type(error).__name__))
