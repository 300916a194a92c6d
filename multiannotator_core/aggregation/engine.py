"""Labels in blocks of whole examples, and the map and sum over them that every blockwise method is made of.

A method asks an engine for `each(step, *broadcast)`: the engine runs the step on every block and adds up what the steps return.
What is broadcast (parameters) and what comes back (sums) is small; rows of examples stay where their block is. So the same method
runs on labels in memory, on a folder of them on disk, and on the workers of a cluster.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cached_property
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ..labels import CrowdLabels
from ..threads import usable_threads
from .block import Block, Codes, block_bounds, codes_of, cut

Floats = NDArray[np.float64]

# Arrays of a block that live from one step to the next: a row for each of its examples, or for each of its labels.
State = dict[str, NDArray[Any]]
# What blocks add up to: arrays, sparse arrays and numbers. The arrays are new ones, for they are added to in place.
Sums = tuple[Any, ...]
# step(block, state, *broadcast) -> (state, sums); a function of a module, so that it can be sent to another process.
Step = Callable[..., tuple[State, Sums]]


class Journal(Protocol):
    """Where loops leave their state after each iteration, so that a run that was killed can go on."""

    def begin(self) -> tuple[Any, ...] | None:
        """The state in which the next loop of the run was left, or None."""

    def save(self, state: tuple[Any, ...]) -> None:
        """Note the state of the loop that began last."""


class Engine(Protocol):
    """What a blockwise method asks of the place where the labels are.

    Attributes:
        shape: (N, J, K); n_labels: L.
        labels_per_annotator, labels_per_class: (J,) and (K,) numbers of labels.
        given: what blocks have besides labels: "gold", "start", "models"; n_models of the last.
        journal: where loops leave their state, or None.
    """

    shape: tuple[int, int, int]
    n_labels: int
    labels_per_annotator: NDArray[np.int64]
    labels_per_class: NDArray[np.int64]
    given: frozenset[str]
    n_models: int
    journal: Journal | None

    def each(self, step: Step, *broadcast: Any) -> Sums:
        """Run a step on every block, keep the states it returns, and add up its sums in the order of the blocks."""

    def rows(self, step: Step, *broadcast: Any) -> tuple[dict[str, NDArray[Any]], Sums]:
        """Run a step whose state is the result: its arrays (N, ...) over all examples, and its sums. No state is kept."""


class Storage(Protocol):
    """Where states of blocks and rows of results are."""

    def state(self, b: int) -> State:
        """The state that block b was left in; empty at first."""

    def keep(self, b: int, state: State, before: State) -> None:
        """Keep the state of block b for the next step; arrays that are those of the state before have not changed."""

    def rows(self, name: str, shape: tuple[int, ...], dtype: np.dtype[Any]) -> NDArray[Any]:
        """A new array over all examples, to write into."""

    def finished(self, rows: dict[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        """The rows, now that they are written."""


class InMemory:
    """States of blocks, and rows of results, as plain arrays."""

    def __init__(self) -> None:
        self._states: dict[int, State] = {}

    def state(self, b: int) -> State:
        """The state that block b was left in."""
        return self._states.get(b, {})

    def keep(self, b: int, state: State, before: State) -> None:
        """Keep the state of block b for the next step."""
        self._states[b] = state

    def rows(self, name: str, shape: tuple[int, ...], dtype: np.dtype[Any]) -> NDArray[Any]:
        """A new array over all examples."""
        return np.empty(shape, dtype)

    def finished(self, rows: dict[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        """The rows, now that they are written."""
        return rows


class Blocks:
    """The engine of one machine: threads share the blocks.

    Blocks depend on the labels alone and their sums are added in their order: the number of threads never
    changes a result.

    Args:
        labels: in memory, or `Codes` that are read when a block needs them.
        gold, start, models: arrays over all N examples, see `Block`.
        kept: keep the blocks and what was derived from them for the next step, as far as they are in memory.
        storage: where states and rows go.
    """

    def __init__(
        self,
        labels: CrowdLabels | Codes,
        threads: int | None = None,
        *,
        gold: NDArray[np.int32] | None = None,
        start: Floats | None = None,
        models: tuple[Floats, ...] = (),
        kept: bool = True,
        storage: Storage | None = None,
        journal: Journal | None = None,
    ) -> None:
        self.codes = codes_of(labels) if isinstance(labels, CrowdLabels) else labels
        self.labels_per_annotator, self.labels_per_class = self.codes.labels_per_annotator, self.codes.labels_per_class
        self.shape = (len(self.codes.first_label) - 1, len(self.labels_per_annotator), len(self.labels_per_class))
        self.n_labels = len(self.codes.label)
        self.gold, self.start, self.models = gold, start, models
        self.n_models = len(models)
        has = {"gold": gold is not None, "start": start is not None, "models": bool(models)}
        self.given = frozenset(name for name, there in has.items() if there)
        self.storage: Storage = storage or InMemory()
        self.kept, self.journal = kept, journal
        self._blocks: dict[int, Block] = {}
        self.threads = min(threads or usable_threads(), len(self.bounds) - 1)

    @cached_property
    def bounds(self) -> NDArray[np.int64]:
        """Examples at which blocks begin, and N at the end."""
        return block_bounds(self.codes.first_label, self.shape)

    def block(self, b: int) -> Block:
        """Block number b."""
        if b in self._blocks:
            return self._blocks[b]
        begin, end = (int(bound) for bound in self.bounds[b : b + 2])
        made = cut(self.codes, self.shape, begin, end, self.gold, self.start, self.models)
        if self.kept:
            self._blocks[b] = made
        return made

    def each(self, step: Step, *broadcast: Any) -> Sums:
        """See `Engine`."""

        def work(b: int) -> Sums:
            before = self.storage.state(b)
            state, sums = step(self.block(b), before, *broadcast)
            self.storage.keep(b, state, before)
            return sums

        return added(sums for _, sums in self._in_order(work))

    def rows(self, step: Step, *broadcast: Any) -> tuple[dict[str, NDArray[Any]], Sums]:
        """See `Engine`."""
        result: dict[str, NDArray[Any]] = {}

        def work(b: int) -> tuple[State, Sums]:
            return step(self.block(b), self.storage.state(b), *broadcast)

        def written() -> Iterator[Sums]:
            for b, (rows, sums) in self._in_order(work):
                for name, values in rows.items():
                    if name not in result:
                        result[name] = self.storage.rows(name, (self.shape[0], *values.shape[1:]), values.dtype)
                    result[name][self.bounds[b] : self.bounds[b + 1]] = values
                yield sums

        total = added(written())
        return self.storage.finished(result), total

    def counts(self, posterior: Floats) -> Floats:
        """counts[j, given, true] of all labels under a posterior (N, K), see `Block.counts`."""

        def work(b: int) -> Sums:
            return (self.block(b).counts(posterior[self.bounds[b] : self.bounds[b + 1]]),)

        counts: Floats = added(sums for _, sums in self._in_order(work))[0]
        return counts

    def _in_order(self, work: Callable[[int], Any]) -> Iterator[tuple[int, Any]]:
        """(b, work(b)) in the order of the blocks; no more results are under way than there are threads, and one."""
        n_blocks = len(self.bounds) - 1
        if self.threads == 1:
            yield from ((b, work(b)) for b in range(n_blocks))
            return
        with ThreadPoolExecutor(self.threads) as pool:
            ahead: deque[tuple[int, Future[Any]]] = deque()
            for b in range(n_blocks):
                ahead.append((b, pool.submit(work, b)))
                if len(ahead) > self.threads:
                    first, future = ahead.popleft()
                    yield first, future.result()
            for first, future in ahead:
                yield first, future.result()


def engine_of(labels: CrowdLabels | Engine, gold: NDArray[np.int32] | None = None, **given: Any) -> Engine:
    """The engine for labels in memory; an engine is its own, and has its gold already."""
    return Blocks(labels, gold=gold, **given) if isinstance(labels, CrowdLabels) else labels


def added(parts: Iterator[Sums]) -> Sums:
    """The sums of all blocks, in their order."""
    total = list(next(parts))
    for part in parts:
        for i, value in enumerate(part):
            total[i] += value
    return tuple(total)
