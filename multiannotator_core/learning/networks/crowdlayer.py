"""CrowdLayer: the network's probabilities pass through a small layer for each annotator (Rodrigues & Pereira 2018)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from .crowd import Batch, Crowd, FlatLabels, Objective, as_numpy, mean_cross_entropy
from .extra import import_torch

if TYPE_CHECKING:
    from torch import Tensor

VARIANTS = ("matrix", "vector", "vector_bias")


def crowdlayer(crowd: Crowd, *, variant: str = "matrix") -> Objective:
    """Learn network and annotators together: P(j says g) = softmax over g of the layer of j on the network's probabilities.

    Section "Crowd layer" of Rodrigues & Pereira 2018; every layer starts as the identity. The loss is the mean over labels.

    Args:
        variant: `matrix` weighs each pair of classes; `vector` has one weight a class, `vector_bias` also one bias a class.
    """
    if variant not in VARIANTS:
        raise ValueError(f"CrowdLayer has no variant {variant!r}; choose one of {', '.join(VARIANTS)}.")
    torch = import_torch()
    shape = (len(crowd.labels.annotators), len(crowd.labels.classes))
    start = torch.eye(shape[1]).repeat(shape[0], 1, 1) if variant == "matrix" else torch.ones(shape)
    parameters = {"weight": start.to(crowd.device).requires_grad_()}
    if variant == "vector_bias":
        parameters["bias"] = torch.zeros(shape, device=crowd.device, requires_grad=True)
    bias = parameters.get("bias")

    def loss(batch: Batch, logits: Tensor) -> Tensor:
        return crowdlayer_loss(logits, parameters["weight"], bias, crowd.flat(batch.rows))

    def weights() -> NDArray[np.float64]:
        return layer_weights(as_numpy(parameters["weight"]), None if bias is None else as_numpy(bias))

    return Objective(loss, parameters, confusion=lambda: softmax_rows(weights()), weights=weights)


def crowdlayer_loss(logits: Tensor, weight: Tensor, bias: Tensor | None, labels: FlatLabels) -> Tensor:
    """Mean cross entropy of the labels (M,) under softmax(layer of the annotator on softmax(logits)).

    Args:
        logits: (B, K).
        weight: (J, K, K) [annotator, true class, given class], or (J, K) a weight a class.
        bias: (J, K) or None.
    """
    probability = logits.softmax(dim=1).index_select(0, labels.place)  # (M, K): of the example of each label
    said = through(probability, weight, labels.annotator) if weight.ndim == 3 else probability * weight.index_select(0, labels.annotator)
    if bias is not None:
        said = said + bias.index_select(0, labels.annotator)
    return mean_cross_entropy(said, labels.label)


def through(probability: Tensor, weight: Tensor, annotator: Tensor) -> Tensor:
    """(M, K) [label, given class]: probabilities (M, K) times the matrix of the annotator (M,) of each, of weight (J, K, K).

    Multiply and sum: products of many small matrices take twice as long, most of it on the way back.
    """
    own = weight.flatten(1).index_select(0, annotator).view(-1, *weight.shape[1:])
    return (probability[:, :, None] * own).sum(dim=1)


def layer_weights(weight: NDArray[np.float64], bias: NDArray[np.float64] | None) -> NDArray[np.float64]:
    """(J, K, K) [annotator, true class, given class]: what the layer makes of a network that is certain of the true class."""
    rows: NDArray[np.float64] = weight if weight.ndim == 3 else weight[:, :, None] * np.eye(weight.shape[1])
    return rows if bias is None else rows + bias[:, None, :]


def softmax_rows(weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """Chances (J, K, K), rows sum to 1, of logits."""
    powers = np.exp(weights - weights.max(axis=2, keepdims=True))
    chances: NDArray[np.float64] = powers / powers.sum(axis=2, keepdims=True)
    return chances
