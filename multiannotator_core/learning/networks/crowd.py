"""What a strategy is told (`Crowd`), and what it answers (`Objective`)."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ...labels import CrowdLabels
from .extra import import_torch

if TYPE_CHECKING:
    from torch import Tensor

    from .inputs import Inputs

    Loss = Callable[["Batch", Tensor], Tensor]


class Batch(NamedTuple):
    """B examples: their positions among all (B,), and what the network sees of them (B, ...)."""

    rows: Tensor
    features: Tensor


class FlatLabels(NamedTuple):
    """The M labels of a batch, one entry each: who (M,), which class (M,), and of which example: its place in the batch (M,)."""

    annotator: Tensor
    label: Tensor
    place: Tensor


class Beside(NamedTuple):
    """What a consensus may rest on beside the labels: gold {example: class}, and (N, K) probabilities of one model or several."""

    gold: Mapping[Hashable, Hashable] | pd.Series | None = None
    pred_probs: Any = None


@dataclass(frozen=True, eq=False)
class Crowd:
    """The labels that may teach, for one training.

    Attributes:
        labels: all N examples and J annotators by name, but only the labels of the examples that are trained on.
        train: (n,) positions of these examples, ascending; each has a label.
        inputs: what the network sees of each example.
        predict: rows (B,) -> (B, K) probabilities of the network as it is now, a numpy array.
        device: where tensors of the strategy must be.
        seed: for what a strategy draws at random.
        beside: gold and probabilities of a model, for the strategy `consensus`.
    """

    labels: CrowdLabels
    train: NDArray[np.intp]
    inputs: Inputs
    predict: Callable[[NDArray[np.intp]], NDArray[np.float64]]
    device: str
    seed: int
    beside: Beside = field(default_factory=Beside)

    @cached_property
    def _columns(self) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """On the device: annotator and label (L,), and where the labels of each example start and how many there are (N,)."""
        n = self.labels.labels_per_example
        columns = (self.labels.annotator, self.labels.label, np.cumsum(n) - n, n)
        torch = import_torch()
        annotator, label, start, count = (torch.tensor(column.astype(np.int64), device=self.device) for column in columns)
        return annotator, label, start, count

    def flat(self, rows: Tensor) -> FlatLabels:
        """The labels of the examples `rows` (B,) as a flat list: no table of examples by annotators, no loop."""
        torch = import_torch()
        annotator, label, start, count = self._columns
        n = count[rows]
        place = torch.repeat_interleave(n)
        first = start[rows] - (torch.cumsum(n, 0) - n)  # of each example: its first label less the labels before it in the batch
        at = torch.arange(len(place), device=place.device) + first[place]
        return FlatLabels(annotator[at], label[at], place)


@dataclass(frozen=True, eq=False)
class Objective:
    """What a strategy trains the network for.

    Attributes:
        loss: batch and the network's logits (B, K) -> what to make small, a mean over labels or examples.
        parameters: learned by the optimiser beside the network's own.
        buffers: other tensors that the strategy changes in place; kept in checkpoints and put back with the best epoch.
        before_epoch: called with the number of the epoch from 0, such as for an E step.
        confusion: () -> (J, K, K) [annotator, true class, given class] as learned, rows sum to 1; or None.
        weights: () -> (J, K, K) the layer's weights [annotator, true class, given class] before they become chances; or None.
    """

    loss: Loss
    parameters: Mapping[str, Tensor] = field(default_factory=dict)
    buffers: Mapping[str, Tensor] = field(default_factory=dict)
    before_epoch: Callable[[int], None] | None = None
    confusion: Callable[[], NDArray[np.float64]] | None = None
    weights: Callable[[], NDArray[np.float64]] | None = None

    def tensors(self) -> dict[str, Tensor]:
        """All that belongs to the state of the strategy, by name."""
        return {**self.parameters, **self.buffers}


def mean_cross_entropy(logits: Tensor, label: Tensor) -> Tensor:
    """Mean over rows of the cross entropy of logits (M, K) with class codes (M,).

    torch's softmax over few columns takes five times as long as this sum on a CPU.
    """
    return (logits.logsumexp(dim=1) - logits.gather(1, label[:, None])[:, 0]).mean()


def as_numpy(tensor: Tensor) -> NDArray[np.float64]:
    """The numbers of a tensor, as numpy's."""
    values: NDArray[np.float64] = tensor.detach().cpu().numpy().astype(np.float64)
    return values
