"""The same methods on the workers of a Dask cluster: partitions of examples stay where they are, small sums travel.

Start one with `dask scheduler` and, on each machine, `dask worker ADDRESS`; workers need this package installed. An iteration sends the
parameters out once, each partition answers with its sums (J x K x K numbers for Dawid-Skene), and these are added up in a tree.
Partitions and sums are ordinary tasks, never actors: what a lost worker held is computed again by another.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from concurrent.futures import CancelledError
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from .aggregation import METHODS, checked_options, run_blockwise
from .aggregation.block import Block, Codes, block_bounds, codes_of, cut
from .aggregation.em import OnIteration
from .aggregation.engine import Journal, State, Step, Sums, added
from .align import ensemble, gold_codes
from .consensus import Consensus
from .labels import CrowdLabels
from .large import LabelsFolder, open_labels
from .large.running import Given, checked_given, identity_of
from .large.storage import Checkpoint

if TYPE_CHECKING:
    from distributed import Client, Future

INSTALL = "pip install -r requirements-cluster.txt"

# Partitions for each thread of the cluster: enough that a slow worker leaves some of its share to the others.
PARTITIONS_A_THREAD = 2
# Seconds to wait for a scheduler that does not answer.
PATIENCE = 10
# Sums that one task adds up.
BRANCHES = 8


class ClusterError(ValueError):
    """The cluster is not there, or went away; the message says what is left."""


def aggregate(
    labels: CrowdLabels | LabelsFolder | str | Path,
    method: str = "dawid_skene",
    *,
    client: Client,
    partitions: int | None = None,
    pred_probs: Any = None,
    gold: Mapping[Hashable, Hashable] | pd.Series | None = None,
    seed: int = 0,
    start: NDArray[np.float64] | None = None,
    on_iteration: OnIteration | None = None,
    output: str | Path | None = None,
    checkpoint: str | Path | None = None,
    **options: Any,
) -> Consensus:
    """Estimate the class of each example on a cluster; the same numbers as `multiannotator_core.aggregate` within 1e-8.

    Args:
        labels: in memory, sent to the workers once; or a folder of labels (see `convert_labels`) that all workers can read.
        client: of a Dask cluster.
        partitions: parts into which the examples are cut; default: two for each thread of the cluster.
        pred_probs, gold, seed, start, on_iteration, options: see `aggregate`; for a folder, probabilities are arrays in its order.
        output: a folder or an fsspec URL that all workers can write: each writes the posterior of its partitions there as Parquet,
            `posterior-00000.parquet` ..., with a column for the example and one for each class.
        checkpoint: a folder that client and workers share. A run whose cluster went away goes on from its last iteration when it is
            called again with the same arguments and as many partitions.

    Raises:
        ValueError: the method needs all labels in memory, or cannot run on these.
        ClusterError: there is no cluster, or it went away.
        Cancelled: when on_iteration raised it.
    """
    dask = _dask()
    checked_options(method, options)
    source = labels if isinstance(labels, (CrowdLabels, LabelsFolder)) else open_labels(labels)
    given = _given(source, gold, pred_probs, start)
    # Labels in memory travel inside their tasks: only so can a lost worker's share be made again.
    with _told(checkpoint), dask.config.set({"distributed.admin.large-graph-warning-threshold": "1TB"}):
        engine = ClusterEngine(client, source, given, partitions, output=None if output is None else str(output))
        journal = None
        if checkpoint is not None:
            engine.states = SharedStates(Path(checkpoint))
            about = {**METHODS[method].options, **options, "partitions": len(engine.parts)}
            engine.journal = journal = Checkpoint(engine.states, identity_of(source, method, about, seed, given))
        result = run_blockwise(engine, method, seed=seed, on_iteration=on_iteration, **options)
    if journal is not None:
        journal.done()
    return result


@contextmanager
def connected(address: str) -> Iterator[Client]:
    """A client of the scheduler at an address such as tcp://10.0.0.5:8786, closed at the end.

    Raises:
        ClusterError: there is none, or Dask is not installed.
    """
    _dask()
    try:
        client = import_module("distributed").Client(address, timeout=PATIENCE)
    except (OSError, TimeoutError, ValueError) as error:
        raise ClusterError(f"There is no Dask scheduler at {address}; start one with `dask scheduler` and give its address.") from error
    with client:
        yield client


class SharedStates:
    """States of partitions as files that all workers can read, so that they outlive a cluster; `where` says which are in force."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.where: dict[int, dict[str, str]] = {}
        folder.mkdir(parents=True, exist_ok=True)

    def forget_old(self) -> None:
        """Remove the states that are not in force."""
        needed = {file for files in self.where.values() for file in files.values()}
        for path in self.folder.glob("state-*.npz"):
            if path.name not in needed:
                path.unlink(missing_ok=True)


class ClusterEngine:
    """The `Engine` of a cluster: blocks and their states live on its workers.

    Args:
        source: the labels; given: what goes with them.
        partitions: how many; None: by the threads of the cluster.
        output: where workers write the posterior, or None.
    """

    journal: Journal | None = None
    states: SharedStates | None = None  # None: states stay in the memory of the workers

    def __init__(
        self, client: Client, source: CrowdLabels | LabelsFolder, given: Given, partitions: int | None = None, *, output: str | None = None
    ) -> None:
        codes = codes_of(source) if isinstance(source, CrowdLabels) else source.codes
        self.client, self.output = client, output
        self.labels_per_annotator, self.labels_per_class = codes.labels_per_annotator, codes.labels_per_class
        self.shape = (len(codes.first_label) - 1, len(self.labels_per_annotator), len(self.labels_per_class))
        self.n_labels = len(codes.label)
        self.n_models = len(given.models)
        has = {"gold": given.gold is not None, "start": given.start is not None, "models": bool(given.models)}
        self.given = frozenset(name for name, there in has.items() if there)
        self.bounds = partition_bounds(codes.first_label, self.shape[0], self._usual() if partitions is None else partitions)
        self.parts = [self._part(source, codes, given, p) for p in range(len(self.bounds) - 1)]
        self._last: Sequence[Any] = [None] * len(self.parts)  # of each partition: the task whose state is in force

    def each(self, step: Step, *broadcast: Any) -> Sums:
        """See `Engine`."""
        shared = self._submit(_same, broadcast)
        names = [f"state-{uuid4().hex[:12]}-{p}.npz" for p in range(len(self.parts))]
        folder = None if self.states is None else str(self.states.folder)
        places = [None if folder is None else f"{folder}/{name}" for name in names]
        tasks = [
            self._submit(_stepped, part, state, step, shared, place)
            for part, state, place in zip(self.parts, self._before(), places, strict=True)
        ]
        sums, stateful = self._total(tasks)
        # A task whose state is empty is not needed again; else a lost worker would have to repeat all iterations.
        self._last = tasks if stateful and self.states is None else [None] * len(tasks)
        if self.states is not None:
            self.states.where = {p: {"state": name} for p, name in enumerate(names)} if stateful else {}
        return sums

    def rows(self, step: Step, *broadcast: Any) -> tuple[dict[str, NDArray[Any]], Sums]:
        """See `Engine`; with an output the workers write the posterior there, too."""
        shared = self._submit(_same, broadcast)
        tasks = [
            self._submit(_rows, part, state, step, shared, self.output) for part, state in zip(self.parts, self._before(), strict=True)
        ]
        sums, _ = self._total(tasks)
        parts = [self._submit(_rows_of, task) for task in tasks]
        gathered: list[dict[str, NDArray[Any]]] = self.client.gather(parts)  # type: ignore[no-untyped-call]
        return {name: np.concatenate([rows[name] for rows in gathered]) for name in gathered[0]}, sums

    def _usual(self) -> int:
        threads = sum(self.client.nthreads().values())  # type: ignore[no-untyped-call]
        if not threads:
            raise ClusterError("The cluster has no workers; start some with `dask worker ADDRESS`.")
        return PARTITIONS_A_THREAD * threads

    def _submit(self, work: Callable[..., Any], *arguments: Any) -> Future[Any]:
        """A task of its own, that carries what it needs: whatever is lost can be computed again."""
        return self.client.submit(work, *arguments, pure=False)

    def _part(self, source: CrowdLabels | LabelsFolder, codes: Codes, given: Given, p: int) -> Future[Any]:
        begin, end = (int(bound) for bound in self.bounds[p : p + 2])
        rows = slice(begin, end)
        gold, start = (None if values is None else np.asarray(values[rows]) for values in (given.gold, given.start))
        beside = (gold, start, tuple(np.asarray(model[rows]) for model in given.models))
        if isinstance(source, LabelsFolder):
            return self._submit(_part_of_folder, p, str(source.path), begin, end, beside)
        names = source.examples[rows] if self.output is not None else None
        return self._submit(_part, p, cut(codes, self.shape, begin, end), beside, names, list(source.classes))

    def _before(self) -> Sequence[Any]:
        """The state of each partition: the task that returned it, a file, or None."""
        if self.states is not None and self.states.where:
            return [str(self.states.folder / self.states.where[p]["state"]) for p in range(len(self.parts))]
        return self._last

    def _total(self, tasks: Sequence[Future[Any]]) -> tuple[Sums, bool]:
        """The sums of all partitions, and whether any keeps a state; added on the workers, in the order of the partitions."""
        level = [self._submit(_sums_of, task) for task in tasks]
        while len(level) > 1:
            level = [self._submit(_joined, level[i : i + BRANCHES]) for i in range(0, len(level), BRANCHES)]
        total: tuple[Sums, bool] = level[0].result()
        return total


def partition_bounds(first_label: Any, n_examples: int, partitions: int) -> NDArray[np.int64]:
    """Examples at which partitions begin, and N at the end: about equal numbers of labels, and at least one example each.

    Raises:
        ValueError: partitions is no whole number from 1.
    """
    if partitions < 1 or int(partitions) != partitions:
        raise ValueError(f"partitions={partitions} must be a whole number from 1.")
    cuts = np.searchsorted(first_label, np.linspace(0, int(first_label[n_examples]), int(partitions) + 1)[1:-1])
    return np.unique(np.concatenate([[0], cuts, [n_examples]])).astype(np.int64)


# ---------------------------------------------------------------------- what runs on the workers


@dataclass(frozen=True, eq=False)
class Part:
    """Partition number p: its blocks; the names (n,) of its examples, None where nobody asks for them; and all class names."""

    number: int
    blocks: tuple[Block, ...]
    names: pd.Index | None
    classes: Sequence[Any]


def _same(value: Any) -> Any:
    return value


def _part(number: int, whole: Block, beside: tuple[Any, ...], names: pd.Index | None, classes: Sequence[Any]) -> Part:
    """A partition in blocks; beside the labels it has gold, start and models."""
    shape = (len(whole.examples), len(whole.annotators), len(whole.classes))
    codes = Codes(whole.first_label, whole.annotator, whole.label, np.empty(0, np.int64), np.empty(0, np.int64))
    bounds = pairwise(block_bounds(whole.first_label, shape).tolist())
    return Part(number, tuple(cut(codes, shape, begin, end, *beside) for begin, end in bounds), names, classes)


def _part_of_folder(number: int, path: str, begin: int, end: int, beside: tuple[Any, ...]) -> Part:
    """The examples from `begin` to `end` of a folder that this worker can read."""
    folder = open_labels(path)
    return _part(number, cut(folder.codes, folder.shape, begin, end), beside, _names(folder, begin, end), list(folder.classes))


def _names(folder: LabelsFolder, begin: int, end: int) -> pd.Index:
    """Names of the examples from `begin` to `end`; only the parts of the file that hold them are read."""
    file = pq.ParquetFile(folder.path / "examples.parquet")
    ends = np.cumsum([file.metadata.row_group(g).num_rows for g in range(file.num_row_groups)])
    first, last = np.searchsorted(ends, [begin, end - 1], side="right")
    skipped = int(ends[first - 1]) if first else 0
    return pd.Index(file.read_row_groups(range(int(first), int(last) + 1))["name"].slice(begin - skipped, end - begin).to_pandas())


def _stepped(part: Part, before: Any, step: Step, broadcast: tuple[Any, ...], place: str | None) -> tuple[list[State], Sums]:
    """A step on each block of a partition: their states (empty where they are written to `place`), and the sums."""
    results = [step(block, state, *broadcast) for block, state in zip(part.blocks, _states(part, before), strict=True)]
    states = [state for state, _ in results]
    if place is not None and any(states):
        flat: dict[str, Any] = {f"{b}/{name}": values for b, state in enumerate(states) for name, values in state.items()}
        aside = Path(f"{place}.{uuid4().hex[:8]}.part")
        with aside.open("wb") as file:
            np.savez(file, **flat)
        aside.replace(place)
    return states, added(sums for _, sums in results)


def _states(part: Part, before: Any) -> list[State]:
    """The states of the blocks, from the step or the file that left them."""
    if before is None:
        return [{} for _ in part.blocks]
    if not isinstance(before, str):
        return list(before[0])
    states: list[State] = [{} for _ in part.blocks]
    with np.load(before) as file:
        for key in file.files:
            b, name = key.split("/", 1)
            states[int(b)][name] = file[key]
    return states


def _rows(part: Part, before: Any, step: Step, broadcast: tuple[Any, ...], output: str | None) -> tuple[dict[str, NDArray[Any]], Sums]:
    """A last step on each block of a partition: its rows one below the other, and the sums."""
    results = [step(block, state, *broadcast) for block, state in zip(part.blocks, _states(part, before), strict=True)]
    rows = {name: np.concatenate([state[name] for state, _ in results]) for name in results[0][0]}
    if output is not None:
        _write(part, rows["posterior"], output)
    return rows, added(sums for _, sums in results)


def _write(part: Part, posterior: NDArray[np.float64], output: str) -> None:
    """The posterior of a partition as Parquet, written aside and then renamed."""
    files, folder = import_module("fsspec.core").url_to_fs(output)
    files.makedirs(folder, exist_ok=True)
    path = f"{folder}/posterior-{part.number:05d}.parquet"
    aside = f"{folder}/.{part.number:05d}-{uuid4().hex[:8]}.part"
    columns = {"example": pa.array(part.names)} | {f"p({name})": posterior[:, k] for k, name in enumerate(part.classes)}
    with files.open(aside, "wb") as file:
        pq.write_table(pa.table(columns), file)
    files.mv(aside, path)


def _sums_of(result: tuple[Any, Sums]) -> tuple[Sums, bool]:
    """The sums of a step, and whether it keeps a state."""
    states, sums = result
    return sums, any(states)


def _rows_of(result: tuple[dict[str, NDArray[Any]], Sums]) -> dict[str, NDArray[Any]]:
    return result[0]


def _joined(parts: Sequence[tuple[Sums, bool]]) -> tuple[Sums, bool]:
    """Sums added into new ones: those of other tasks are not touched."""
    total, stateful = parts[0]
    for sums, keeps in parts[1:]:
        total = tuple(mine + other for mine, other in zip(total, sums, strict=True))
        stateful = stateful or keeps
    return total, stateful


# ---------------------------------------------------------------------- what is given, and what goes wrong


def _given(source: CrowdLabels | LabelsFolder, gold: Any, pred_probs: Any, start: Any) -> Given:
    """What goes with the labels, in the order of the examples."""
    if isinstance(source, LabelsFolder):
        return checked_given(source, gold, pred_probs, start)
    shape = (len(source.examples), len(source.classes))
    if start is not None and start.shape != shape:
        raise ValueError(f"start has shape {start.shape}, but the labels need {shape}: give the posterior of a run on these labels.")
    return Given(gold_codes(source, gold), start, () if pred_probs is None else tuple(ensemble(source, pred_probs)))


def _dask() -> Any:
    """The module dask, with which distributed comes; imported where it is used, since it is an extra.

    Raises:
        ClusterError: it is not installed.
    """
    try:
        import_module("distributed")
        return import_module("dask")
    except ImportError:
        raise ClusterError(f"A cluster needs Dask, which is not installed: {INSTALL}") from None


@contextmanager
def _told(checkpoint: str | Path | None) -> Iterator[None]:
    """Errors of the cluster as one sentence with the mend."""
    distributed = import_module("distributed")
    left = "call it again with a new client to start anew"
    if checkpoint is not None:
        left = f"call it again with a new client and the same arguments to go on from the last iteration, kept in {checkpoint}"
    try:
        yield
    except distributed.scheduler.KilledWorker as error:
        raise ClusterError(
            f"Workers ended again and again at the same work ({error}), probably for lack of memory. Give more partitions=; then {left}."
        ) from error
    except (CancelledError, OSError, TimeoutError) as error:
        why = " ".join(str(error).split()) or type(error).__name__
        raise ClusterError(f"The cluster went away ({why}); {left}.") from error
