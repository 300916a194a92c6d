"""The people of the digits sample: who they are, what they label, when, and what they say. Used by make.py."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from multiannotator_core.simulate.crowd import Sampler

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

# How easily people take one digit for another; every other pair has the small weight below.
LOOK_ALIKE = {(4, 9): 3.0, (1, 7): 3.0, (3, 8): 3.0, (5, 6): 1.5, (3, 5): 1.5, (8, 9): 1.5, (1, 8): 1.5, (2, 7): 1.0, (0, 6): 1.0}
ANY_OTHER = 0.08
MIXED_UP = 4.0  # how much more an annotator mixes up the pair that is their own weakness

EXPERT, ORDINARY, RANDOM, CONSTANT = "expert", "ordinary", "random", "constant"
SOURCE, COPIER, TIRED, FEW = "copied", "copier", "tires", "few labels"


@dataclass(frozen=True)
class Kind:
    """How many annotators of a kind there are, and the bounds of their error rate on clear images and of their seconds a label."""

    count: int
    error: tuple[float, float]
    seconds: tuple[float, float]


KINDS = {
    EXPERT: Kind(4, (0.01, 0.03), (5, 8)),
    ORDINARY: Kind(26, (0.06, 0.28), (3, 6)),
    RANDOM: Kind(4, (0.9, 0.9), (0.7, 1.1)),
    CONSTANT: Kind(1, (0.9, 0.9), (0.6, 0.6)),
    SOURCE: Kind(1, (0.25, 0.25), (4, 4)),
    COPIER: Kind(1, (0.3, 0.3), (1.5, 1.5)),
    TIRED: Kind(1, (0.04, 0.04), (5, 5)),
    FEW: Kind(2, (0.1, 0.2), (3, 6)),
}
FAVOURITE = 7  # what the annotator says who always says the same
COPIED_SHARE = 0.9  # of the copier's labels are the source's
SHARED_SHARE = 0.85  # of the source's images the copier labels too
FEW_LABELS = (4, 6)
LABELS_PER_IMAGE = {3: 0.2, 4: 0.35, 5: 0.3, 6: 0.15}
MOST_ERROR = 0.8  # careful people are never worse than this on an image, however ambiguous it is
SESSION = 60  # labels in a row before going on the next day


@dataclass(frozen=True)
class Annotators:
    """The 40 people: kind, error rate, seconds a label and pair they mix up; wrong[j, t, g]: chance to say g if wrong about t."""

    kind: NDArray[np.str_]
    error: Floats
    seconds: Floats
    pair: list[tuple[int, int]]
    wrong: Floats

    def only(self, kind: str) -> int:
        """The one annotator of a kind."""
        return int(np.flatnonzero(self.kind == kind)[0])


def digit_annotators(rng: np.random.Generator) -> Annotators:
    """Kinds in random order, so that names do not tell them."""
    kind = np.repeat(list(KINDS), [kind.count for kind in KINDS.values()])
    kind = kind[rng.permutation(len(kind))]
    error, seconds = (np.array([rng.uniform(*getattr(KINDS[k], what)) for k in kind]) for what in ("error", "seconds"))
    weights = np.array(list(LOOK_ALIKE.values()))
    pair = [list(LOOK_ALIKE)[i] for i in rng.choice(len(weights), size=len(kind), p=weights / weights.sum())]
    return Annotators(kind, error, seconds, pair, np.stack([wrong_digits(k, p) for k, p in zip(kind, pair, strict=True)]))


def wrong_digits(kind: str, mixed_up: tuple[int, int]) -> Floats:
    """(10, 10) chance of each wrong digit, given the true one."""
    weight = np.full((10, 10), 1.0 if kind == RANDOM else ANY_OTHER)
    if kind == CONSTANT:
        weight[:, FAVOURITE] = 1e9
    elif kind != RANDOM:
        for (a, b), similarity in LOOK_ALIKE.items():
            weight[a, b] = weight[b, a] = similarity * (MIXED_UP if (a, b) == mixed_up else 1.0)
    np.fill_diagonal(weight, 0)
    return weight / weight.sum(axis=1, keepdims=True)


def ambiguity(pixels: Ints, truth: Ints, neighbours: int = 8) -> Floats:
    """(N,) factor of the error rate: images among whose nearest neighbours are other digits are labelled wrong more often.

    Integer arithmetic, so that the order of neighbours is the same on every machine.
    """
    square = (pixels**2).sum(axis=1)
    distance = square[:, None] + square[None, :] - 2 * pixels @ pixels.T
    np.fill_diagonal(distance, distance.max() + 1)
    nearest = np.argsort(distance, axis=1, kind="stable")[:, :neighbours]
    strangers = (truth[nearest] != truth[:, None]).sum(axis=1)
    return 0.8 + 0.4 * np.minimum(strangers, 4)


# ---------------------------------------------------------------------- what they do


def chance_wrong(people: Annotators, j: Ints, truth: Ints, factor: Floats, progress: Floats) -> Floats:
    """(l,) chance that annotator j is wrong about an image, at a share `progress` of their work (before any copying)."""
    kind = people.kind[j]
    careful = np.minimum(people.error[j] * factor, MOST_ERROR)
    tired = np.minimum((people.error[j] + 0.55 * progress**2) * factor, MOST_ERROR)
    known = [kind == RANDOM, kind == CONSTANT, kind == TIRED]
    return np.select(known, [np.full(len(j), 0.9), (truth != FAVOURITE).astype(float), tired], careful)


def who_labels_what(rng: np.random.Generator, people: Annotators, n: int) -> tuple[Ints, Ints]:
    """Image and annotator of each label; loads differ, and the last kinds are added by hand."""
    weight = np.exp(rng.normal(0, 0.4, size=len(people.kind)))
    weight[np.isin(people.kind, [SOURCE, TIRED])] = 1.2  # enough labels to see what is special about them
    weight[np.isin(people.kind, [COPIER, FEW])] = 0
    with np.errstate(divide="ignore"):
        key = np.log(weight) + rng.gumbel(size=(n, len(weight)))  # the largest keys are a weighted draw without replacement
    degree = rng.choice(list(LABELS_PER_IMAGE), size=n, p=list(LABELS_PER_IMAGE.values()))
    rank = np.argsort(np.argsort(-key, axis=1, kind="stable"), axis=1)
    image, j = np.nonzero(rank < degree[:, None])
    shared = image[(j == people.only(SOURCE)) & (rng.random(len(j)) < SHARED_SHARE)]
    extra = [(shared, people.only(COPIER))]
    extra += [
        (rng.choice(n, size=size, replace=False), few) for few, size in zip(np.flatnonzero(people.kind == FEW), FEW_LABELS, strict=True)
    ]
    image = np.concatenate([image, *(images for images, _ in extra)])
    return image, np.concatenate([j, *(np.full(len(images), who) for images, who in extra)])


def when(rng: np.random.Generator, people: Annotators, image: Ints, j: Ints, factor: Floats) -> tuple[Floats, Floats, Floats]:
    """Start (seconds after the first day's midnight), seconds spent, and progress of each label; each annotator in an own random order."""
    start, spent, progress = (np.empty(len(j)) for _ in range(3))
    for who in range(len(people.kind)):
        rows = rng.permutation(np.flatnonzero(j == who))
        progress[rows] = np.arange(len(rows)) / len(rows)
        hurry = 1 - 0.6 * progress[rows] if people.kind[who] == TIRED else 1.0
        slow = np.where(factor[image[rows]] > 1, 1.4, 1.0) if people.kind[who] not in (RANDOM, CONSTANT) else 1.0
        spent[rows] = np.round(people.seconds[who] * hurry * slow * np.exp(rng.normal(0, 0.3, size=len(rows))), 1)
        day = rng.integers(0, 9) + np.arange(len(rows)) // SESSION
        first = 3600 * rng.uniform(8, 17)
        start[rows] = 86_400 * day + first + np.cumsum(spent[rows] + rng.uniform(1, 4, size=len(rows)))
    source, copier = j == people.only(SOURCE), j == people.only(COPIER)
    seen = pd.Series(start[source], index=image[source])
    start[copier] = seen[image[copier]].to_numpy() + rng.uniform(20, 90, size=copier.sum())
    return start, spent, progress


def what_they_say(rng: np.random.Generator, people: Annotators, image: Ints, j: Ints, truth: Ints, chance: Floats) -> Ints:
    """The digit of each label."""
    wrong = Sampler(people.wrong)(j, truth[image], rng.random(len(j)))
    label = np.where(rng.random(len(j)) < chance, wrong, truth[image])
    source, copier = j == people.only(SOURCE), (j == people.only(COPIER)) & (rng.random(len(j)) < COPIED_SHARE)
    said = pd.Series(label[source], index=image[source])
    label[copier] = said[image[copier]].to_numpy()
    return label


def true_accuracy(people: Annotators, truth: Ints, factor: Floats) -> Floats:
    """(J,) chance to be right on an image of the set, at a moment of one's work."""
    moments = np.linspace(0, 1, 21)
    n, accuracy = len(truth), np.empty(len(people.kind))
    for who in range(len(accuracy)):
        right = [1 - chance_wrong(people, np.full(n, who), truth, factor, np.full(n, moment)).mean() for moment in moments]
        accuracy[who] = np.mean(right)
    copier, source = people.only(COPIER), people.only(SOURCE)
    accuracy[copier] = COPIED_SHARE * accuracy[source] + (1 - COPIED_SHARE) * accuracy[copier]
    return accuracy


def note(people: Annotators, who: int, names: Sequence[str]) -> str:
    """What there is to find about an annotator."""
    a, b = people.pair[who]
    notes = {
        EXPERT: "almost always right",
        RANDOM: "answers at random, and fast",
        CONSTANT: f"always says {FAVOURITE}",
        SOURCE: f"copied by {names[people.only(COPIER)]}",
        COPIER: f"copies {names[people.only(SOURCE)]}",
        TIRED: "starts well and tires",
        FEW: "too few labels to judge",
    }
    return notes.get(people.kind[who], f"mixes up {a} and {b}")
