"""The one training loop: epochs over shuffled batches, early stopping, and a state from which it can go on."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .crowd import Batch, Objective
from .extra import import_torch
from .inputs import Inputs

if TYPE_CHECKING:
    from torch import Tensor
    from torch.nn import Module
    from torch.optim import Optimizer

OnBatch = Callable[[NDArray[np.intp], NDArray[np.float32]], Any]
Save = Callable[[dict[str, Any]], Any]

PREDICTION_BATCH = 1024
DECAY = 0.1  # of the learning rate at a milestone

# Layers draw from torch's one generator. Whoever trains holds it, and puts it back as it was.
_GENERATOR = threading.RLock()


@dataclass(frozen=True)
class Schedule:
    """How long and how fast to learn, with Adam (Kingma & Ba 2015).

    Attributes:
        n_epochs: at most so many times through the examples.
        batch_size: examples in a step.
        learning_rate: of the network and of what a strategy learns beside it; a tenth after each of the `milestones` (epochs).
        weight_decay: L2 penalty on the network's weights.
        patience: stop after so many epochs without a better validation accuracy (ties: loss), and go back to the best epoch;
            0: all epochs, and the last one counts.
        validation_share: of the examples is held out for that where no validation examples are given.
    """

    n_epochs: int = 100
    batch_size: int = 64
    learning_rate: float = 1e-3
    milestones: tuple[int, ...] = ()
    weight_decay: float = 0.0
    patience: int = 20
    validation_share: float = 0.1

    def __post_init__(self) -> None:
        whole = {"n_epochs": 1, "batch_size": 1, "patience": 0}
        for name, least in whole.items():
            value = getattr(self, name)
            if int(value) != value or value < least:
                raise ValueError(f"{name}={value} must be a whole number from {least}.")
        if not self.learning_rate > 0 or not self.weight_decay >= 0:
            raise ValueError(f"learning_rate={self.learning_rate} must be above 0 and weight_decay={self.weight_decay} at least 0.")
        if not 0 < self.validation_share < 1:
            raise ValueError(f"validation_share={self.validation_share} must lie between 0 and 1.")

    def rate(self, epoch: int) -> float:
        """The learning rate of an epoch, counted from 0."""
        return self.learning_rate * DECAY ** sum(epoch >= milestone for milestone in self.milestones)


class Epoch(NamedTuple):
    """One point of the learning curves.

    Attributes:
        run: 0 is the network that learns from all examples; fold f = 1, 2 ... the one that never sees the examples of fold f.
        epoch: from 1.
        loss: mean over the batches of what the strategy makes small.
        validation_loss, validation_accuracy: cross entropy, and share right; None without validation examples.
        done: share of all the work that is done, at least; in [0, 1].
    """

    run: int
    epoch: int
    loss: float
    validation_loss: float | None
    validation_accuracy: float | None
    done: float


OnEpoch = Callable[[Epoch], Any]


class Validation(NamedTuple):
    """Examples that judge, by position (V,), and the share of each class in what is believed of them (V, K)."""

    rows: NDArray[np.intp]
    shares: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Training:
    """All that one run of the loop needs."""

    network: Module
    objective: Objective
    inputs: Inputs
    train: NDArray[np.intp]
    validation: Validation | None
    schedule: Schedule
    device: str
    seed: int
    run: int = 0


def fit(
    training: Training,
    *,
    on_epoch: OnEpoch | None = None,
    on_batch: OnBatch | None = None,
    state: Mapping[str, Any] | None = None,
    save: Save | None = None,
) -> tuple[Epoch, ...]:
    """Train the network and the tensors of the strategy in place, and give the learning curve.

    Args:
        on_epoch: called after each epoch, with `done` counted within this run; what it raises stops the training.
        on_batch: called with the positions (B,) and the logits (B, K) of each batch before its step, both numpy arrays; in an epoch every
            example of `train` comes once.
        state: what `save` was given last, to go on from there; the result equals that of a training without a break.
        save: called after each epoch with the state.
    """
    torch = import_torch()
    schedule, objective = training.schedule, training.objective
    own = {"params": list(objective.parameters.values()), "weight_decay": 0.0}
    groups = [{"params": list(training.network.parameters())}, *([own] if objective.parameters else [])]
    optimizer = torch.optim.Adam(groups, lr=schedule.learning_rate, weight_decay=schedule.weight_decay)
    curve: list[Epoch] = []
    best: dict[str, Any] | None = None
    if state is not None:
        curve, best = [Epoch(*point) for point in state["curve"]], state["best"]
        _put_back(training, state["now"])
        optimizer.load_state_dict(state["optimizer"])
    while len(curve) < schedule.n_epochs and not _stuck(curve, schedule.patience if training.validation is not None else 0):
        epoch = len(curve)
        with seeded(training.device, training.seed, training.run, epoch):
            for group in optimizer.param_groups:
                group["lr"] = schedule.rate(epoch)
            if objective.before_epoch is not None:
                objective.before_epoch(epoch)
            loss = _one_epoch(training, optimizer, epoch, on_batch)
        judged = _judge(training)
        curve.append(Epoch(training.run, epoch + 1, loss, *judged, (epoch + 1) / schedule.n_epochs))
        if _best(curve) == epoch:
            best = _copied(training)
        if save is not None:
            save({"curve": [tuple(point) for point in curve], "best": best, "now": _copied(training), "optimizer": optimizer.state_dict()})
        if on_epoch is not None:
            on_epoch(curve[-1])
    if best is not None and schedule.patience and training.validation is not None:
        _put_back(training, best)
    return tuple(curve)


@contextmanager
def seeded(device: str, *key: int) -> Iterator[None]:
    """Draw what layers draw (weights, dropout) from a seed made of the key; torch's generator is as before afterwards."""
    torch = import_torch()
    seed = int(np.random.SeedSequence([abs(part) for part in key]).generate_state(1, np.uint64)[0] >> 1)
    with _GENERATOR, torch.random.fork_rng([device] if device.startswith("cuda") else []):
        torch.manual_seed(seed)
        yield


def predicted(network: Module, inputs: Inputs, rows: NDArray[np.intp], device: str) -> NDArray[np.float64]:
    """(len(rows), K) probabilities of the network; it is not changed by being asked."""
    torch = import_torch()
    trains = network.training
    network.eval()
    parts = []
    with torch.no_grad():
        for batch in cut(rows, PREDICTION_BATCH):
            logits = network(inputs.take(torch.from_numpy(batch).to(device)))
            parts.append(logits.cpu().double().softmax(dim=1).numpy())
    network.train(trains)
    return np.concatenate(parts)


def cut(rows: NDArray[np.intp], size: int) -> Sequence[NDArray[np.intp]]:
    """Batches of at most `size` rows that differ by one at most, so that none is left with a single row."""
    return np.array_split(rows, max(1, -(-len(rows) // size)))


def _one_epoch(training: Training, optimizer: Optimizer, epoch: int, on_batch: OnBatch | None) -> float:
    """Mean loss over the batches of one epoch in an order of its own."""
    torch = import_torch()
    order = np.random.default_rng([training.seed, training.run, epoch]).permutation(training.train)
    training.network.train()
    batches = cut(order, training.schedule.batch_size)
    total = torch.zeros((), device=training.device)
    for rows in batches:
        at = torch.from_numpy(rows).to(training.device)
        batch = Batch(at, training.inputs.take(at))
        logits = training.network(batch.features)
        loss = training.objective.loss(batch, logits)
        if on_batch is not None:
            on_batch(rows, logits.detach().cpu().numpy())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.detach()
    return float(total) / len(batches)


def _judge(training: Training) -> tuple[float | None, float | None]:
    """Cross entropy and accuracy on the validation examples."""
    if training.validation is None:
        return None, None
    rows, shares = training.validation
    probabilities = predicted(training.network, training.inputs, rows, training.device)
    right = shares[np.arange(len(rows)), probabilities.argmax(axis=1)]
    loss = -(shares * np.log(np.maximum(probabilities, np.finfo(np.float64).tiny))).sum(axis=1)
    return float(loss.mean()), float(right.mean())


def _best(curve: Sequence[Epoch]) -> int:
    """Position of the epoch with the highest validation accuracy, ties by loss; the last one without validation."""
    if curve[-1].validation_loss is None:
        return len(curve) - 1
    return max(range(len(curve)), key=lambda at: (curve[at].validation_accuracy, -curve[at].validation_loss))  # type: ignore[operator]


def _stuck(curve: Sequence[Epoch], patience: int) -> bool:
    return patience > 0 and len(curve) > patience and len(curve) - 1 - _best(curve) >= patience


def _copied(training: Training) -> dict[str, Any]:
    """The tensors of network and strategy as they are now."""
    state = training.network.state_dict()
    own = training.objective.tensors()
    return {part: {name: t.detach().clone() for name, t in of.items()} for part, of in (("network", state), ("strategy", own))}


def _put_back(training: Training, kept: Mapping[str, Mapping[str, Tensor]]) -> None:
    torch = import_torch()
    training.network.load_state_dict(kept["network"])
    with torch.no_grad():
        for name, tensor in training.objective.tensors().items():
            tensor.copy_(kept["strategy"][name])
