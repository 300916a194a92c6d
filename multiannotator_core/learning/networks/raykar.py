"""EM with a classifier: network and confusions explain the labels together (Raykar et al. 2010)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from ...aggregation.dawid_skene import PRIOR_STRENGTH, confusion_of
from ...aggregation.em import check_strength, softmax, vote_shares
from ...labels import CrowdLabels
from .consensus import soft_loss
from .crowd import Batch, Crowd, Objective, as_numpy
from .extra import import_torch

if TYPE_CHECKING:
    from torch import Tensor


def raykar(crowd: Crowd, *, prior_strength: float = PRIOR_STRENGTH, warm_up: int = 5, every: int = 1) -> Objective:
    """Dawid-Skene where the network's probabilities are the prior of each example (Raykar et al. 2010, section 3, K classes).

    E step: posterior of an example ~ network(example) times the chances of its labels. M step: confusions from the posterior, and epochs
    of cross entropy with it. The network first learns from the shares of the votes.

    Args:
        prior_strength: imagined labels for each row of a confusion, spread as the crowd's are.
        warm_up: epochs before the first E step.
        every: epochs between E steps.
    """
    check_strength(prior_strength)
    for name, value, least in (("warm_up", warm_up, 0), ("every", every, 1)):
        if int(value) != value or value < least:
            raise ValueError(f"{name}={value} must be a whole number from {least}.")
    torch = import_torch()
    labels, train = crowd.labels, crowd.train
    shares = vote_shares(labels)
    start = {"posterior": shares, "confusion": confusion_of(labels, shares, prior_strength)}
    buffers = {name: torch.tensor(values, dtype=torch.float64 if name == "confusion" else torch.float32) for name, values in start.items()}
    buffers["posterior"] = buffers["posterior"].to(crowd.device)

    def e_step(epoch: int) -> None:
        if epoch < warm_up or (epoch - warm_up) % every:
            return
        posterior = shares.copy()
        posterior[train] = joined(labels, crowd.predict(train), as_numpy(buffers["confusion"]), train)
        buffers["posterior"].copy_(torch.from_numpy(posterior.astype(np.float32)))
        buffers["confusion"].copy_(torch.from_numpy(confusion_of(labels, posterior, prior_strength)))

    def loss(batch: Batch, logits: Tensor) -> Tensor:
        return soft_loss(logits, buffers["posterior"][batch.rows])

    return Objective(loss, buffers=buffers, before_epoch=e_step, confusion=lambda: as_numpy(buffers["confusion"]))


def joined(
    labels: CrowdLabels, pred_probs: NDArray[np.float64], confusion: NDArray[np.float64], rows: NDArray[np.intp] | None = None
) -> NDArray[np.float64]:
    """(n, K) posterior of the examples `rows` (default: all): pred_probs (n, K) times confusion[j, true, given] of each label."""
    n_annotators, n_classes = confusion.shape[:2]
    columns = labels.annotator.astype(np.int64) * n_classes + labels.label
    starts = np.concatenate([[0], np.cumsum(labels.labels_per_example)])
    given = sparse.csr_array((np.ones(len(labels)), columns, starts), shape=(len(labels.examples), n_annotators * n_classes))
    smallest = np.finfo(np.float64).tiny
    table = np.log(np.maximum(confusion.transpose(0, 2, 1).reshape(-1, n_classes), smallest))
    evidence = (given if rows is None else given[rows]) @ table
    posterior, _ = softmax(evidence + np.log(np.maximum(pred_probs, smallest)))
    return posterior
