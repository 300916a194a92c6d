"""CoNAL: mistakes that all share, mistakes of each annotator, and which of the two speaks (Chu, Ma & Wang 2021)."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .crowd import Batch, Crowd, FlatLabels, Objective, as_numpy, mean_cross_entropy
from .crowdlayer import softmax_rows, through
from .extra import import_torch

if TYPE_CHECKING:
    from torch import Tensor

HIDDEN, EMBEDDING = 128, 20  # sizes of the auxiliary network in the authors' experiments
START = 2.0  # diagonal of all matrices at the start, as the authors have it
ROWS = 1024


class Conal(NamedTuple):
    """What CoNAL learns beside the network.

    Attributes:
        shared: (K, K) [true class, given class], the common confusion; own: (J, K, K) of each annotator.
        first, second: (F, H), (H, E) of the auxiliary network from an example to its embedding; `first_bias`, `second_bias`.
        annotator: (J, E) embedding of each annotator.
    """

    shared: Tensor
    own: Tensor
    first: Tensor
    first_bias: Tensor
    second: Tensor
    second_bias: Tensor
    annotator: Tensor


def conal(crowd: Crowd, *, scale: float = 1e-5) -> Objective:
    """Learn the network with a common and an own confusion of each annotator, mixed by a weight for each label (Chu et al. 2021).

    P(j says g) = softmax over g of [w shared + (1 - w) own_j] on the network's probabilities, w = sigmoid(u_j . v_i) with embeddings of
    length 1 (equations 2 to 5); the loss is the mean over labels, less `scale` times the sum of the Frobenius distances between own and
    shared confusions (equation 7). The confusion of an annotator has the mean w of their labels.

    Args:
        scale: how strongly own confusions are pushed away from the common one; 0: not at all.
    """
    if not scale >= 0:
        raise ValueError(f"scale={scale} must be 0 or more.")
    learned = _start(crowd)

    def loss(batch: Batch, logits: Tensor) -> Tensor:
        return conal_loss(logits, batch.features, learned, crowd.flat(batch.rows), scale)

    def weights() -> NDArray[np.float64]:
        shared, own = as_numpy(learned.shared), as_numpy(learned.own)
        mix = _mean_mix(crowd, learned)[:, None, None]
        return mix * shared + (1 - mix) * own

    return Objective(loss, learned._asdict(), confusion=lambda: softmax_rows(weights()), weights=lambda: as_numpy(learned.own))


def conal_loss(logits: Tensor, features: Tensor, learned: Conal, labels: FlatLabels, scale: float) -> Tensor:
    """Mean cross entropy of the labels (M,) under the mixed confusions on softmax(logits), less the push apart.

    Args:
        logits: (B, K); features: (B, ...) what the network saw.
    """
    probability = logits.softmax(dim=1)
    by_all = (probability @ learned.shared).index_select(0, labels.place)  # (M, K)
    by_one = through(probability.index_select(0, labels.place), learned.own, labels.annotator)
    mix = mixing(features, learned, labels)[:, None]
    said = mix * by_all + (1 - mix) * by_one
    fit = mean_cross_entropy(said, labels.label)
    return fit - scale * (learned.own - learned.shared).flatten(1).norm(dim=1).sum() if scale else fit


def mixing(features: Tensor, learned: Conal, labels: FlatLabels) -> Tensor:
    """(M,) w of each label: how far the common confusion speaks."""
    hidden = features.flatten(1) @ learned.first + learned.first_bias
    example = _unit(hidden @ learned.second + learned.second_bias)
    return (example.index_select(0, labels.place) * _unit(learned.annotator).index_select(0, labels.annotator)).sum(dim=1).sigmoid()


def _unit(rows: Tensor) -> Tensor:
    return rows / rows.norm(dim=1, keepdim=True).clamp_min(1e-12)


def _start(crowd: Crowd) -> Conal:
    """Identities for the confusions, small random numbers for the auxiliary network."""
    torch = import_torch()
    n_annotators, n_classes = len(crowd.labels.annotators), len(crowd.labels.classes)
    size = int(np.prod(crowd.inputs.shape))
    rng = np.random.default_rng([crowd.seed, EMBEDDING])

    def drawn(fan_in: int, *shape: int) -> Tensor:
        return torch.tensor(rng.uniform(-1, 1, shape) / np.sqrt(fan_in), dtype=torch.float32)

    eye = START * torch.eye(n_classes)
    start = Conal(
        eye,
        eye.repeat(n_annotators, 1, 1),
        drawn(size, size, HIDDEN),
        drawn(size, HIDDEN),
        drawn(HIDDEN, HIDDEN, EMBEDDING),
        drawn(HIDDEN, EMBEDDING),
        drawn(n_annotators, n_annotators, EMBEDDING),
    )
    return Conal(*(tensor.to(crowd.device).requires_grad_() for tensor in start))


def _mean_mix(crowd: Crowd, learned: Conal) -> NDArray[np.float64]:
    """(J,) mean w over the labels of each annotator; the mean of the crowd for one without labels."""
    torch = import_torch()
    annotator = crowd.labels.annotator
    parts = []
    with torch.no_grad():
        for start in range(0, len(crowd.train), ROWS):
            rows = torch.from_numpy(crowd.train[start : start + ROWS]).to(crowd.device)
            parts.append(as_numpy(mixing(crowd.inputs.take(rows), learned, crowd.flat(rows))))
    mix = np.concatenate(parts)  # in the order of the labels, since both are sorted by example
    n = np.bincount(annotator, minlength=len(crowd.labels.annotators))
    return np.where(n > 0, np.bincount(annotator, weights=mix, minlength=len(n)) / np.maximum(n, 1), mix.mean())
