"""What was learned from a crowd, and how good it is where the truth is known."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ...consensus import Consensus, build
from ...evaluate import LOG_LOSS_FLOOR, Scored, calibration_error, reliability
from ...labels import CrowdLabels
from .inputs import Seen
from .loop import Epoch
from .raykar import joined


class Known(NamedTuple):
    """Further examples: their features, and the class name of each (None: not known), or None where none is known."""

    features: Seen
    truth: Sequence[Hashable | None] | None = None


@dataclass(frozen=True, eq=False)
class Learned:
    """What was learned from a crowd of N examples, J annotators and K classes. Arrays are read-only, nothing is NaN.

    Attributes:
        strategy, backbone, options: what was trained, with all options of the strategy.
        pred_probs: (N, K) out of sample: the examples are dealt into folds, and those of a fold get the probabilities of a network that
            learned from the other folds alone (their features, labels, consensus, words and scales); None with n_folds=0.
        test_probs: (M, K) of the test examples, by the network that learned from all N; or None.
        test: n, accuracy, ece (15 bins) and log_loss on the test examples whose class is known; empty without.
        confusion: (J, K, K) [annotator, true class, given class] that the network from all N learned, rows sum to 1; or None.
        weights: (J, K, K) what the confusion was made of, before it became chances (figure 12 of Lefort et al. 2024 shows traces of
            these); or None.
        curves: the learning curves of all networks.
        n_parameters: learned numbers of one network with its strategy.
    """

    strategy: str
    backbone: str
    options: Mapping[str, Any]
    pred_probs: NDArray[np.float64] | None
    test_probs: NDArray[np.float64] | None
    test: Mapping[str, float]
    confusion: NDArray[np.float64] | None
    weights: NDArray[np.float64] | None
    curves: tuple[Epoch, ...]
    n_parameters: int

    def __post_init__(self) -> None:
        object.__setattr__(self, "options", MappingProxyType(dict(self.options)))
        object.__setattr__(self, "test", MappingProxyType(dict(self.test)))
        for array in (self.pred_probs, self.test_probs, self.confusion, self.weights):
            if array is not None:
                array.flags.writeable = False

    def consensus(self, labels: CrowdLabels) -> Consensus:
        """What pred_probs and the learned confusions say together about the labels they were learned from.

        The posterior is pred_probs times the chances of the labels (Raykar et al. 2010, E step); without confusions it is pred_probs.

        Raises:
            ValueError: the folds were left out.
        """
        if self.pred_probs is None:
            raise ValueError("There are no out-of-sample probabilities; train with n_folds=2 or more.")
        posterior = self.pred_probs.copy() if self.confusion is None else joined(labels, self.pred_probs, self.confusion)
        confusion = None if self.confusion is None else self.confusion.copy()
        return build(labels, posterior, confusion=confusion, method=self.strategy, options=self.options)

    def curve_table(self) -> pd.DataFrame:
        """One row an epoch: run, epoch, loss, validation_loss, validation_accuracy."""
        return pd.DataFrame(self.curves, columns=list(Epoch._fields)).drop(columns="done")


def probability_metrics(probabilities: NDArray[np.float64], truth: NDArray[np.intp]) -> dict[str, float]:
    """n, accuracy, ece (Guo et al. 2017, 15 bins) and log_loss of (M, K) where the class code (M,) is known, that is 0 or more."""
    known = np.flatnonzero(truth >= 0)
    p, code = probabilities[known], truth[known].astype(np.intp)
    label = p.argmax(axis=1).astype(np.int32)
    quality = p[np.arange(len(p)), label]
    scored = Scored(known, code, label, p, quality, np.zeros(len(p)), label == code)
    at_truth = np.maximum(p[np.arange(len(p)), code], LOG_LOSS_FLOOR)
    return {
        "n": len(known),
        "accuracy": float(scored.correct.mean()),
        "ece": calibration_error(reliability(scored)),
        "log_loss": float(-np.log(at_truth).mean()),
    }
