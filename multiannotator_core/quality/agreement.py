"""How far the annotators agree with each other, beyond what chance would give.

An annotator who labelled an example more than once counts there once, with the shares of their labels; nobody is
compared with themselves. Every coefficient is a finite number: 1.0 where all labels that can be compared say one
class, and 0.0 where no example was labelled by two annotators, since then nothing speaks for agreement.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy import sparse
from scipy.special import ndtri

from ..labels import CrowdLabels
from .annotators import annotator_code, own_repeats

LEVELS = ("nominal", "ordinal", "interval")
WEIGHTS = ("identity", "linear", "quadratic", "ordinal")


def krippendorff_alpha(labels: CrowdLabels, level: str = "nominal") -> float:
    """Krippendorff's alpha: 1 = perfect agreement, 0 = chance, below 0 = systematic disagreement.

    Missing labels are no problem, and the time is linear in the labels: all comes from the counts of each example.
    Krippendorff, Computing Krippendorff's Alpha-Reliability (2011), sections C and D.

    Args:
        level: how far two classes are apart. nominal: equal or not; ordinal: by the ranks of the classes in the order
            of labels.classes; interval: squared difference of the class names if they are numbers, else of their places.

    Raises:
        ValueError: the level is not known.
    """
    if level not in LEVELS:
        raise ValueError(f"level={level!r} is not known; choose one of {', '.join(LEVELS)}.")
    units = units_of(labels)
    comparable = units.n >= 2
    pairable = units.shares[comparable].sum(axis=0)
    distance = distances(labels, level, pairable)
    observed = (units.spread(distance)[comparable] / (units.n[comparable] - 1)).sum()
    total = pairable.sum()
    expected = (pairable @ distance @ pairable - units.own_spread(distance)[comparable].sum()) / max(total - 1, 1)
    return _beyond_chance(observed, expected, total)


def fleiss_kappa(labels: CrowdLabels) -> float:
    """Fleiss' kappa (1971, equations 1 to 7), generalised to examples with unequal numbers of labels.

    As in Gwet (Handbook of Inter-Rater Reliability, 2014): agreement is the mean over the examples with two labels or
    more, the share of a class the mean over all labelled examples of its share there. With equal numbers it is
    Fleiss' own; with two annotators who labelled everything it is Scott's pi.
    """
    agreement, share, n_compared = _agreement_and_shares(labels, np.eye(len(labels.classes)))
    return _beyond_chance(1 - agreement, 1 - float((share**2).sum()), n_compared)


def gwet_ac1(labels: CrowdLabels) -> float:
    """Gwet's AC1 (2008): agreement beyond chance that stays meaningful where one class is far more frequent.

    Chance agreement is the sum of share (1 - share) over the classes, divided by K - 1; K counts unused classes too.
    """
    return gwet_ac2(labels, weights="identity")


def gwet_ac2(labels: CrowdLabels, weights: str | ArrayLike = "quadratic") -> float:
    """Gwet's AC2 (2014): AC1 in which classes that lie close together agree in part.

    Args:
        weights: identity (this is AC1), linear, quadratic, ordinal, or a symmetric (K, K) array with ones on its
            diagonal and values from 0 to 1. linear and quadratic use the class names if they are numbers, else their places.

    Raises:
        ValueError: the weights are not known or do not fit.
    """
    table = _weights(labels, weights)
    agreement, share, n_compared = _agreement_and_shares(labels, table)
    k = len(share)
    if k == 1:
        return 1.0 if n_compared else 0.0
    chance = table.sum() / (k * (k - 1)) * float((share * (1 - share)).sum())
    return _beyond_chance(1 - agreement, 1 - chance, n_compared)


def cohen_kappa(labels: CrowdLabels, a: Hashable, b: Hashable) -> float:
    """Cohen's kappa (1960) of two annotators on the examples that both labelled; each has their own class shares.

    Raises:
        ValueError: there is no such annotator.
    """
    one, other = _shared(labels, a, b)
    if not len(one):
        return 0.0
    return float(_kappa(np.mean((one * other).sum(axis=1)), one.mean(axis=0) @ other.mean(axis=0)))


def scott_pi(labels: CrowdLabels, a: Hashable, b: Hashable) -> float:
    """Scott's pi (1955) of two annotators on the examples that both labelled; both have the same class shares.

    For more than two annotators see `fleiss_kappa`, its generalisation.

    Raises:
        ValueError: there is no such annotator.
    """
    one, other = _shared(labels, a, b)
    if not len(one):
        return 0.0
    share = (one.mean(axis=0) + other.mean(axis=0)) / 2
    return float(_kappa(np.mean((one * other).sum(axis=1)), share @ share))


def pairwise_agreement(labels: CrowdLabels, level: float = 0.95) -> pd.DataFrame:
    """Agreement of each pair of annotators who labelled an example in common, one row a pair.

    Everything comes from products of sparse matrices (annotator x example), one for each class.

    Args:
        level: of the interval.

    Returns:
        annotator_a, annotator_b: names, a before b in labels.annotators; n_shared: examples that both labelled;
        agreement: share of these on which they agree; kappa: Cohen's kappa; kappa_low, kappa_high: its interval, from
        Wilson's interval of the agreement with the chance agreement held fixed (an approximation).
    """
    n_annotators, k = len(labels.annotators), len(labels.classes)
    shape = (n_annotators, len(labels.examples))
    weight = 1.0 / own_repeats(labels)[0]
    cells = (labels.annotator, labels.example)
    labelled = sparse.csr_array((weight, cells), shape=shape)  # labelled[j, i]: 1 if j labelled example i
    labelled.data[:] = 1.0
    # both[a, b]: examples labelled by both; agreeing: on how many they agree; by_chance: sum over classes of the
    # products of how often each says the class on these examples.
    both = labelled @ labelled.T
    agreeing, by_chance = sparse.csr_array(both.shape), sparse.csr_array(both.shape)
    for c in range(k):
        rows = np.flatnonzero(labels.label == c)
        chosen = sparse.csr_array((weight[rows], (labels.annotator[rows], labels.example[rows])), shape=shape)
        agreeing += chosen @ chosen.T
        use = chosen @ labelled.T
        by_chance += use * use.T
    shared = sparse.csr_array(sparse.triu(both, k=1))
    agreeing, by_chance = _at(shared, agreeing), _at(shared, by_chance)
    a, b = shared.tocoo().coords
    n = shared.data
    agreement, chance = np.minimum(agreeing / n, 1.0), by_chance / n**2
    low, high = wilson_interval(agreement, n, level)
    return pd.DataFrame(
        {
            "annotator_a": labels.annotators.take(a),
            "annotator_b": labels.annotators.take(b),
            "n_shared": np.rint(n).astype(np.int64),
            "agreement": agreement,
            "kappa": _kappa(agreement, chance),
            "kappa_low": _kappa(low, chance),
            "kappa_high": _kappa(high, chance),
        }
    )


def wilson_interval(
    share: NDArray[np.float64], n: NDArray[np.float64], level: float = 0.95
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Interval of a share out of n > 0 trials (Wilson 1927): sensible for few trials and for shares of 0 and 1."""
    z = ndtri(0.5 + level / 2)
    middle = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * np.sqrt(share * (1 - share) / n + z**2 / (4 * n**2))
    return np.clip(middle - half, 0.0, share), np.clip(middle + half, share, 1.0)


@dataclass(frozen=True)
class Units:
    """shares[i, k]: annotators who gave example i class k; n[i]: annotators of example i.

    repeats[r, k]: shares of annotator repeat_by[r], who labelled example repeat_of[r] more than once.
    """

    shares: NDArray[np.float64]
    n: NDArray[np.float64]
    repeats: NDArray[np.float64]
    repeat_of: NDArray[np.int32]
    repeat_by: NDArray[np.int32]

    def spread(self, weight: NDArray[np.float64]) -> NDArray[np.float64]:
        """(N,) sum of weight[k, l] over all ordered pairs of labels of two different annotators."""
        pairs: NDArray[np.float64] = np.einsum("ik,ik->i", self.shares @ weight, self.shares)
        return pairs - self.own_spread(weight)

    def own_spread(self, weight: NDArray[np.float64]) -> NDArray[np.float64]:
        """(N,) the part of the sum that compares annotators with themselves."""
        # Who labelled an example once adds the diagonal of the weight, one class with itself.
        once = self.shares @ np.diag(weight)
        if not len(self.repeats):
            return once
        extra = np.einsum("rk,rk->r", self.repeats @ weight, self.repeats) - self.repeats @ np.diag(weight)
        return once + np.bincount(self.repeat_of, weights=extra, minlength=len(self.n))


def units_of(labels: CrowdLabels) -> Units:
    """The examples as the coefficients see them."""
    k = len(labels.classes)
    if not labels.repeated:
        nobody = np.empty(0, dtype=np.int32)
        return Units(labels.votes, labels.labels_per_example.astype(np.float64), np.empty((0, k)), nobody, nobody)
    weight = 1.0 / own_repeats(labels)[0]
    shares = labels.weighted_votes(weight)
    rows = np.flatnonzero(weight < 1)
    pair = labels.example[rows].astype(np.int64) * len(labels.annotators) + labels.annotator[rows]
    _, first, place = np.unique(pair, return_index=True, return_inverse=True)
    repeats = np.zeros((len(first), k))
    np.add.at(repeats, (place, labels.label[rows]), weight[rows])
    return Units(shares, np.rint(shares.sum(axis=1)), repeats, labels.example[rows[first]], labels.annotator[rows[first]])


def _agreement_and_shares(labels: CrowdLabels, weight: NDArray[np.float64]) -> tuple[float, NDArray[np.float64], float]:
    """Mean weighted agreement of the examples with two annotators, mean class shares (K,), and how many such examples."""
    units = units_of(labels)
    comparable, labelled = units.n >= 2, units.n >= 1
    share = (units.shares[labelled] / units.n[labelled, None]).mean(axis=0) if labelled.any() else np.zeros(len(labels.classes))
    if not comparable.any():
        return 1.0, share, 0.0
    n = units.n[comparable]
    return float((units.spread(weight)[comparable] / (n * (n - 1))).mean()), share, float(comparable.sum())


def _beyond_chance(observed: float, expected: float, n_compared: float) -> float:
    """1 - observed / expected disagreement, with the two conventions of this module for crowds without either."""
    if not n_compared:
        return 0.0
    return 1.0 if expected <= 1e-12 * n_compared else float(1 - observed / expected)


def _kappa(agreement: NDArray[np.float64] | float, chance: NDArray[np.float64] | float) -> NDArray[np.float64]:
    """(agreement - chance) / (1 - chance); 1 where both say one and the same class throughout."""
    room = np.maximum(1.0 - np.asarray(chance, dtype=np.float64), 0.0)
    return np.where(room > 1e-12, (agreement - chance) / np.where(room > 1e-12, room, 1.0), 1.0)


def distances(labels: CrowdLabels, level: str, pairable: NDArray[np.float64]) -> NDArray[np.float64]:
    """Squared distance of each two classes (K, K)."""
    k = len(labels.classes)
    if level == "nominal":
        return 1.0 - np.eye(k)
    # Ordinal: classes are apart by the labels between them, half of their own included.
    place = np.cumsum(pairable) - pairable / 2 if level == "ordinal" else _places(labels)
    return (place[:, None] - place[None, :]) ** 2


def _places(labels: CrowdLabels) -> NDArray[np.float64]:
    """(K,) the class names where they are different numbers, else 0 .. K - 1."""
    texts = pd.Series([str(name) for name in labels.classes])
    values: NDArray[np.float64] = pd.to_numeric(texts, errors="coerce").to_numpy(np.float64)
    numbers = np.isfinite(values).all() and len(np.unique(values)) == len(values)
    return values if numbers else np.arange(len(values), dtype=np.float64)


def _weights(labels: CrowdLabels, weights: str | ArrayLike) -> NDArray[np.float64]:
    """Agreement weights (K, K) of Gwet (2014)."""
    k = len(labels.classes)
    if not isinstance(weights, str):
        table = np.asarray(weights, dtype=np.float64)
        if table.shape != (k, k) or not ((table >= 0) & (table <= 1) & (table == table.T)).all() or not (np.diag(table) == 1).all():
            raise ValueError(f"weights must be a symmetric ({k}, {k}) array with values from 0 to 1 and ones on the diagonal.")
        return table
    if weights not in WEIGHTS:
        raise ValueError(f"weights={weights!r} is not known; choose one of {', '.join(WEIGHTS)}, or give a ({k}, {k}) array.")
    if weights == "identity" or k == 1:
        return np.eye(k)
    if weights == "ordinal":
        steps = np.abs(np.subtract.outer(np.arange(k), np.arange(k)))
        apart = steps * (steps + 1) / 2
    else:
        apart = np.abs(np.subtract.outer(_places(labels), _places(labels))) ** (2 if weights == "quadratic" else 1)
    closeness: NDArray[np.float64] = 1.0 - apart / apart.max()
    return closeness


def _shared(labels: CrowdLabels, a: Hashable, b: Hashable) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Shares (shared examples, K) of the labels of two annotators."""
    codes = [annotator_code(labels, name) for name in (a, b)]
    k = len(labels.classes)
    both = np.intersect1d(*(labels.example[labels.annotator == code] for code in codes))
    tables = []
    for code in codes:
        rows = np.flatnonzero((labels.annotator == code) & np.isin(labels.example, both))
        place = np.searchsorted(both, labels.example[rows])
        counts = np.bincount(place * k + labels.label[rows], minlength=len(both) * k).reshape(len(both), k)
        tables.append(counts / np.maximum(counts.sum(axis=1, keepdims=True), 1))
    return tables[0], tables[1]


def _at(pattern: sparse.csr_array, values: sparse.csr_array) -> NDArray[np.float64]:
    """Entries of `values` (zero where absent) at the non-zeros of `pattern`, which are 1 or more, in its order."""
    total = sparse.csr_array(sparse.triu(values, k=1) + pattern)
    total.sort_indices()
    entries: NDArray[np.float64] = total.data - pattern.data
    return entries
