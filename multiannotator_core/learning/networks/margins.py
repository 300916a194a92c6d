"""How a network comes to believe each label, while it learns: low margins show examples that are ambiguous or labelled wrongly."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, softmax

from ...aggregation import aggregate
from ...aggregation.dawid_skene import dawid_skene
from ...consensus import Consensus
from ...labels import CrowdLabels
from .inputs import Given, Seen, as_given
from .learned import Learned
from .loop import Epoch, OnEpoch, Schedule
from .training import train

Floats = NDArray[np.float64]
Margin = Callable[[Floats], Floats]

# The papers stop before the network knows the examples by heart: late epochs give wrong labels a margin too.
SCHEDULE = Schedule(n_epochs=30, patience=0)


@dataclass(frozen=True, eq=False)
class Ambiguity:
    """How ambiguous each of N examples is to a network that learns from L labels. Arrays are read-only, nothing is NaN.

    Attributes:
        score: (N,) the paper's number; low = ambiguous. An example without labels has 0.
        quality: (N,) the score in [0, 1], in the same order, to stand beside `example_quality`.
        label_margin: (L,) mean margin of each single label over the epochs.
        trust: (L,) weight of the margin of each label.
        curves: the learning curves.
    """

    score: Floats
    quality: Floats
    label_margin: Floats
    trust: Floats
    curves: tuple[Epoch, ...]

    def __post_init__(self) -> None:
        for array in (self.score, self.quality, self.label_margin, self.trust):
            array.flags.writeable = False

    def most_ambiguous(self, labels: CrowdLabels, alpha: float) -> list[Hashable]:
        """Names of the share `alpha` of the labelled examples with the lowest scores, the lowest first: leave these out of a training.

        Lefort et al. (2022) remove the examples below the `alpha` quantile of the WAUM before they aggregate.
        """
        if not 0 <= alpha <= 1:
            raise ValueError(f"alpha={alpha} must lie between 0 and 1: it is the share of the examples to leave out.")
        labelled = np.flatnonzero(labels.labels_per_example > 0)
        lowest = labelled[np.argsort(self.score[labelled], kind="stable")][: int(alpha * len(labelled))]
        names: list[Hashable] = labels.examples.take(lowest).tolist()
        return names


def aumc(
    labels: CrowdLabels,
    features: Seen,
    *,
    method: str = "majority_vote",
    backbone: str = "mlp",
    backbone_options: Mapping[str, Any] | None = None,
    schedule: Schedule = SCHEDULE,
    seed: int = 0,
    device: str | None = None,
    on_epoch: OnEpoch | None = None,
) -> Ambiguity:
    """Area under the margin of the consensus label (AUM, Pleiss et al. 2020; AUMC in Lefort et al. 2022, on the majority vote).

    score[i] = mean over epochs of z[i, y] - max over k != y of z[i, k], with z the logits before each step and y the consensus label.
    The quality is the logistic function of the score. Each label of an example has the margin of the class that it says.

    Args:
        method: a key of METHODS, whose consensus labels teach; it sees the labels only.
        features, backbone, backbone_options, seed, device, on_epoch: see `train`. All labelled examples are trained on for all epochs.

    Raises:
        ValueError: PyTorch is not installed, or what is given does not fit together.
    """
    settings = {"backbone": backbone, "backbone_options": backbone_options, "seed": seed, "device": device, "on_epoch": on_epoch}
    result = aggregate(labels, method, seed=seed)
    table, _, learned = _recorded(labels, as_given(features), lead_of_logits, schedule, settings, method=method, soft=False)
    score = np.where(labels.labels_per_example > 0, table[np.arange(len(table)), result.label], 0.0)
    return Ambiguity(score, expit(score), table[labels.example, labels.label], np.ones(len(labels)), learned.curves)


def waum(
    labels: CrowdLabels,
    features: Seen,
    *,
    result: Consensus | None = None,
    top_k: int = 1,
    backbone: str = "mlp",
    backbone_options: Mapping[str, Any] | None = None,
    schedule: Schedule = SCHEDULE,
    seed: int = 0,
    device: str | None = None,
    on_epoch: OnEpoch | None = None,
) -> Ambiguity:
    """Area under the margins of an example's labels, weighted by the trust in who gave them (WAUM, Lefort et al. 2022).

    score[i] = mean over the labels (j, y) of i of s[j, i] times the mean over epochs of p[i, y] - p[i] in place top_k + 1, with p the
    network's probabilities before each step; trust s[j, i] = sum over k of p[i, k] confusion[j, k, k] with p of the last epoch
    (equations of section 5.1 of Lefort et al. 2024). The network learns from the shares of the votes. The score is in [-1, 1], the
    quality (1 + score) / 2.

    Args:
        result: a consensus of these labels whose confusions are trusted; default: Dawid-Skene's.
        top_k: the margin is against the class in place top_k + 1; more than 1 where several classes may be right.
        features, backbone, backbone_options, schedule, seed, device, on_epoch: see `aumc`.

    Raises:
        ValueError: PyTorch is not installed, the result has no confusions, or what is given does not fit together.
    """
    settings = {"backbone": backbone, "backbone_options": backbone_options, "seed": seed, "device": device, "on_epoch": on_epoch}
    hits, margin = _hits(labels, result), lead_of_chances(top_k, len(labels.classes))
    table, last, learned = _recorded(labels, as_given(features), margin, schedule, settings, method="naive_soft", soft=True)
    trust = np.einsum("lk,lk->l", last[labels.example], hits[labels.annotator])
    return _weighted(labels, table[labels.example, labels.label], trust, learned.curves)


def waum_per_annotator(
    labels: CrowdLabels,
    features: Seen,
    *,
    result: Consensus | None = None,
    top_k: int = 1,
    backbone: str = "mlp",
    backbone_options: Mapping[str, Any] | None = None,
    schedule: Schedule = SCHEDULE,
    seed: int = 0,
    device: str | None = None,
    on_epoch: OnEpoch | None = None,
) -> Ambiguity:
    """WAUM where each annotator's labels teach a network of their own (the first form of Lefort et al. 2022); J trainings.

    Nobody's labels explain another's, so an annotator who is consistent with themselves has high margins; the trust corrects for that.
    Arguments and result as in `waum`.
    """
    hits, margin = _hits(labels, result), lead_of_chances(top_k, len(labels.classes))
    given = as_given(features)
    active = np.flatnonzero(labels.labels_per_annotator)
    margins, trust, curves = np.zeros(len(labels)), np.zeros(len(labels)), []
    for turn, j in enumerate(active):

        def tell(epoch: Epoch, turn: int = turn) -> None:
            if on_epoch is not None:
                on_epoch(epoch._replace(run=turn, done=(turn + epoch.done) / len(active)))

        settings = {"backbone": backbone, "backbone_options": backbone_options, "seed": seed, "device": device, "on_epoch": tell}
        own = np.flatnonzero(labels.annotator == j)
        of_one = CrowdLabels(
            labels.examples, labels.annotators, labels.classes, labels.example[own], labels.annotator[own], labels.label[own]
        )  # fmt: skip
        table, last, learned = _recorded(of_one, given, margin, schedule, settings, method="naive_soft", soft=True)
        margins[own] = table[labels.example[own], labels.label[own]]
        trust[own] = last[labels.example[own]] @ hits[j]
        curves += [point._replace(run=turn) for point in learned.curves]
    return _weighted(labels, margins, trust, tuple(curves))


class AmbiguityMethod(NamedTuple):
    """One line of AMBIGUITY: run(labels, features, *, backbone, schedule, seed, device, on_epoch, ...) -> Ambiguity."""

    title: str
    run: Callable[..., Ambiguity]
    sentence: str
    reference: str


AMBIGUITY: dict[str, AmbiguityMethod] = {
    "waum": AmbiguityMethod(
        "WAUM", waum, "How hard each example is to learn; each label counts by the trust in who gave it.", "Lefort et al. 2022"
    ),
    "waum_per_annotator": AmbiguityMethod(
        "WAUM by annotator", waum_per_annotator, "The same with a network for each annotator; slow with many.", "Lefort et al. 2022"
    ),
    "aumc": AmbiguityMethod("AUMC", aumc, "How far the majority label stays ahead while a network learns it.", "Pleiss et al. 2020"),
}


# ---------------------------------------------------------------------- margins


def lead_of_logits(logits: Floats) -> Floats:
    """[b, k]: how far class k is ahead of the best other class, in logits (Pleiss et al. 2020, eq. 1)."""
    first, second = _place(logits, 1), _place(logits, min(2, logits.shape[1]))
    lead = logits - first[:, None]
    top = np.arange(len(logits)), logits.argmax(axis=1)
    lead[top] = logits[top] - second
    return lead


def lead_of_chances(top_k: int, n_classes: int) -> Margin:
    """[b, k]: how far the probability of class k is ahead of the one in place top_k + 1 (Yang & Koyejo 2020)."""
    if not 1 <= top_k < max(n_classes, 2) or int(top_k) != top_k:
        raise ValueError(f"top_k={top_k} must be a whole number from 1 to {max(n_classes - 1, 1)}, one less than there are classes.")

    def lead(logits: Floats) -> Floats:
        chances = softmax(logits, axis=1)
        return np.asarray(chances - _place(chances, min(top_k + 1, n_classes))[:, None])

    return lead


def _place(values: Floats, place: int) -> Floats:
    """(B,) the value in this place of each row, counted from the largest = 1."""
    return np.asarray(np.partition(values, values.shape[1] - place, axis=1)[:, values.shape[1] - place])


def _recorded(
    labels: CrowdLabels, features: Given, margin: Margin, schedule: Schedule, settings: Mapping[str, Any], **taught: Any
) -> tuple[Floats, Floats, Learned]:
    """Train once: margin (N, K) of each class, mean over the epochs; probabilities (N, K) of the last epoch; and what was learned."""
    if schedule.patience:
        raise ValueError("Margins are compared over the same epochs of all examples: take a Schedule with patience=0.")
    shape = len(labels.examples), len(labels.classes)
    total, last = np.zeros(shape), np.full(shape, 1 / shape[1])

    def look(rows: NDArray[np.intp], logits: NDArray[np.float32]) -> None:
        values = logits.astype(np.float64)
        total[rows] += margin(values)
        last[rows] = softmax(values, axis=1)

    learned = train(labels, features, "consensus", schedule=schedule, n_folds=0, on_batch=look, **settings, **taught)
    return total / schedule.n_epochs, last, learned


def _hits(labels: CrowdLabels, result: Consensus | None) -> Floats:
    """[j, k]: how often annotator j is right on class k."""
    result = dawid_skene(labels) if result is None else result
    if result.confusion is None:
        raise ValueError("WAUM trusts annotators by their confusion, and this result has none; give a Dawid-Skene result.")
    return np.asarray(np.einsum("jkk->jk", result.confusion))


def _weighted(labels: CrowdLabels, margins: Floats, trust: Floats, curves: tuple[Epoch, ...]) -> Ambiguity:
    """The score of each example from margins and trust (L,) of its labels."""
    n = labels.labels_per_example
    score = np.bincount(labels.example, weights=margins * trust, minlength=len(n)) / np.maximum(n, 1)
    return Ambiguity(score, (1 + score) / 2, margins, trust, curves)
