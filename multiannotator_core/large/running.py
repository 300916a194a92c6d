"""A method over a folder of labels, block by block, that goes on where it was killed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Hashable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from ..aggregation import METHODS, check_blockwise, checked_options, run_blockwise
from ..aggregation.em import OnIteration
from ..aggregation.engine import Blocks
from ..aggregation.size import free_memory
from ..align import aligned_pred_probs, gold_codes
from ..consensus import Consensus
from ..labels import CrowdLabels
from .folder import LabelsFolder
from .storage import Checkpoint, OnDisk

# What a label, an example, and a class of an example take in blocks that are kept, in bytes: codes, and what steps derive from them.
OF_A_LABEL, OF_AN_EXAMPLE, OF_A_CELL = 40, 24, 8

ROWS_AT_A_TIME = 1 << 16


def aggregate_folder(
    folder: LabelsFolder,
    method: str = "dawid_skene",
    *,
    gold: Mapping[Hashable, Hashable] | pd.Series | None = None,
    pred_probs: Any = None,
    seed: int = 0,
    start: NDArray[np.float64] | None = None,
    on_iteration: OnIteration | None = None,
    memory: int | None = None,
    output: str | Path | None = None,
    dtype: str = "float64",
    **options: Any,
) -> Consensus:
    """Estimate the class of each example of a folder; the same numbers as in memory.

    Blocks are read from the folder at each iteration if they take more than `memory`, else they stay in memory after the first.
    The posterior is a file that the result maps. A run that was killed goes on from its last iteration when it is called again with
    the same arguments.

    Args:
        pred_probs: an (N, K) array in the order of the examples, best one that is mapped (`np.load(..., mmap_mode="r")`); or a list.
        memory: bytes; default: half of what is free.
        output: folder for the posterior and the checkpoint; default: under `results` in the folder of the labels.
        dtype: of the posterior: "float64", or "float32" for half the room; rows then sum to 1 within 1e-6.

    Raises:
        ValueError: the method needs all labels in memory, or cannot run on these; dtype is another one.
        Cancelled: when on_iteration raised it; the checkpoint stays.
    """
    checked_options(method, options)
    if dtype not in ("float64", "float32"):
        raise ValueError(f"dtype={dtype!r} must be float64 or float32.")
    given = checked_given(folder, gold, pred_probs, start)
    has = {"gold": given.gold is not None, "models": bool(given.models)}
    check_blockwise(method, options, folder.shape, len(folder), [name for name, there in has.items() if there])
    everything = {**METHODS[method].options, **options}
    identity = identity_of(folder, method, everything, seed, given)
    place = Path(output) if output is not None else folder.path / "results" / f"{method}-{identity[:8]}"
    place.mkdir(parents=True, exist_ok=True)
    with alone(place):
        storage = OnDisk(place, np.dtype(dtype))
        journal = Checkpoint(storage, identity)
        budget = free_memory() // 2 if memory is None else memory
        of_an_example = OF_AN_EXAMPLE + OF_A_CELL * folder.shape[2] * (1 + len(given.models))
        kept = OF_A_LABEL * len(folder) + of_an_example * folder.shape[0] <= budget
        engine = Blocks(folder.codes, gold=given.gold, start=given.start, models=given.models, kept=kept, storage=storage, journal=journal)
        result = run_blockwise(engine, method, seed=seed, on_iteration=on_iteration, **options)
        journal.done()
    return result


@dataclass(frozen=True)
class Given:
    """Gold codes (N,), a start (N, K) and models, each (N, K), as engines take them."""

    gold: NDArray[np.int32] | None
    start: NDArray[np.float64] | None
    models: tuple[NDArray[np.float64], ...]


def checked_given(folder: LabelsFolder, gold: Any, pred_probs: Any, start: Any) -> Given:
    """What is given besides the labels, in the order of the examples.

    Raises:
        ValueError: it does not fit the labels.
    """
    shape = (folder.shape[0], folder.shape[2])
    if start is not None and start.shape != shape:
        raise ValueError(f"start has shape {start.shape}, but the labels need {shape}: give the posterior of a run on these labels.")
    several = isinstance(pred_probs, (list, tuple))
    models = () if pred_probs is None else tuple(pred_probs) if several else (pred_probs,)
    for model in models:
        if not isinstance(model, np.ndarray) or model.shape != shape:
            found = getattr(model, "shape", type(model).__name__)
            raise ValueError(f"pred_probs of labels on disk are arrays of shape {shape} in the order of the examples; got {found}.")
        for begin in range(0, shape[0], ROWS_AT_A_TIME):
            part = model[begin : begin + ROWS_AT_A_TIME]
            aligned_pred_probs(_named(pd.RangeIndex(begin, begin + len(part)), folder.classes), part)
    return Given(folder_gold(folder, gold), start, models)


def _named(examples: pd.Index, classes: pd.Index) -> CrowdLabels:
    """Some of the examples by their names, without labels, for checks that speak of names."""
    nothing = np.empty(0, np.int32)
    return CrowdLabels(examples, pd.Index([]), classes, nothing, nothing, nothing)


def folder_gold(folder: LabelsFolder, gold: Mapping[Hashable, Hashable] | pd.Series | None) -> NDArray[np.int32] | None:
    """`gold_codes` for a folder: (N,) class codes, -1 unknown. The names of the examples are read in parts.

    Raises:
        ValueError: see `gold_codes`.
    """
    if gold is None or not len(gold):
        return None
    wanted = pa.array([str(name) for name in (gold.index if isinstance(gold, pd.Series) else gold)], type=pa.large_string())
    names, places, seen = [], [], 0
    for batch in pq.ParquetFile(folder.path / "examples.parquet").iter_batches(ROWS_AT_A_TIME * 16):
        found = pc.is_in(pc.cast(batch["name"], pa.large_string()), value_set=wanted)
        names.append(batch["name"].filter(found).to_pandas())
        places.append(seen + np.flatnonzero(found))
        seen += len(batch)
    some = _named(pd.Index(pd.concat(names)) if seen else pd.Index([]), folder.classes)
    if not len(some.examples):  # so that the message can name some
        some = _named(pd.Index(next(pq.ParquetFile(folder.path / "examples.parquet").iter_batches(8))["name"].to_pandas()), folder.classes)
    codes = gold_codes(some, gold)
    if codes is None:
        return None
    result = np.full(folder.shape[0], -1, dtype=np.int32)
    result[np.concatenate(places)] = codes
    return result


def identity_of(labels: CrowdLabels | LabelsFolder, method: str, options: Mapping[str, Any], seed: int, given: Given) -> str:
    """A hash of what decides the result."""
    digest = hashlib.blake2b(digest_size=16)
    digest.update(json.dumps([labels.fingerprint, method, options, seed], sort_keys=True, default=str).encode())
    arrays: tuple[NDArray[Any] | None, ...] = (given.gold, given.start, *given.models)
    for array in arrays:
        digest.update(b"|" if array is None else b"+")
        for begin in range(0, 0 if array is None else len(array), ROWS_AT_A_TIME):
            assert array is not None
            digest.update(np.ascontiguousarray(array[begin : begin + ROWS_AT_A_TIME]).tobytes())
    return digest.hexdigest()


@contextmanager
def alone(place: Path) -> Iterator[None]:
    """Nobody else writes into this folder meanwhile; a lock of the system, so that it ends with the process.

    Raises:
        ValueError: somebody does.
    """
    try:
        import fcntl
    except ImportError:  # Windows has no such lock
        yield
        return
    with (place / "lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise ValueError(f"{place} is in use by another run; wait for it, or give another output=.") from None
        yield
