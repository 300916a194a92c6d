"""Train on a consensus: the oldest way to learn from a crowd, with any method."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...aggregation import aggregate
from .crowd import Crowd, Objective, mean_cross_entropy
from .extra import import_torch

if TYPE_CHECKING:
    from torch import Tensor


def consensus(crowd: Crowd, *, method: str = "dawid_skene", soft: bool = True) -> Objective:
    """Cross entropy with the posterior of a method, or with its consensus label; the confusion is the method's.

    The method sees the labels of the training examples only, and gold and pred_probs if `train` was given them.

    Args:
        method: a key of METHODS.
        soft: the posterior teaches; else the consensus label.
    """
    torch = import_torch()
    result = aggregate(crowd.labels, method, seed=crowd.seed, **crowd.beside._asdict())
    confusion = result.confusion
    learned = None if confusion is None else confusion.copy
    if soft:
        posterior = torch.tensor(result.posterior, dtype=torch.float32, device=crowd.device)
        return Objective(lambda batch, logits: soft_loss(logits, posterior[batch.rows]), confusion=learned)
    label = torch.tensor(result.label.astype("int64"), device=crowd.device)

    return Objective(lambda batch, logits: mean_cross_entropy(logits, label[batch.rows]), confusion=learned)


def soft_loss(logits: Tensor, shares: Tensor) -> Tensor:
    """Mean over examples of the cross entropy of logits (B, K) with shares (B, K) that sum to 1."""
    return (logits.logsumexp(dim=1) - (shares * logits).sum(dim=1)).mean()
