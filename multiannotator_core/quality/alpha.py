"""How sure Krippendorff's alpha is, and who lowers it; both in linear time."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse
from scipy.special import ndtri

from ..labels import CrowdLabels
from .agreement import Units, distances, krippendorff_alpha, units_of
from .annotators import own_repeats


def alpha_interval(labels: CrowdLabels, level: str = "nominal", confidence: float = 0.95) -> tuple[float, float]:
    """Approximate interval of Krippendorff's alpha over other examples of the same kind.

    The standard error is the infinitesimal jackknife over the examples (Efron 1982): what alpha changes by when one
    example counts a little more. Ordinal distances are held as they are. With fewer than about 20 examples it is rough.
    (-1, 1) where no two annotators share an example.

    Raises:
        ValueError: the level is not known.
    """
    alpha = krippendorff_alpha(labels, level)
    units = units_of(labels)
    several = units.n >= 2
    if not several.any():
        return -1.0, 1.0
    pairable = units.shares[several].sum(axis=0)
    distance = distances(labels, level, pairable)
    n, own, spread = units.n[several], units.own_spread(distance)[several], units.spread(distance)[several]
    each = spread / (n - 1)
    chance = pairable @ distance @ pairable - own.sum()
    if chance <= 0:
        return alpha, alpha
    observed, total = each.sum(), n.sum()
    more_chance = 2 * units.shares[several] @ (distance @ pairable) - own
    influence = ((total - 1) * observed * more_chance / chance - n * observed - (total - 1) * each) / chance
    half = float(ndtri(0.5 + confidence / 2) * np.sqrt((influence**2).sum()))
    return max(alpha - half, -1.0), min(alpha + half, 1.0)


def drop_one_alpha(labels: CrowdLabels, level: str = "nominal") -> pd.Series:
    """Krippendorff's alpha without each annotator in turn, by annotator; above the crowd's alpha: they lower it.

    Ordinal distances are held as they are in the whole crowd; for the other levels it is exactly the alpha of the
    labels that stay. 0.0 where no two annotators stay on any example.

    Raises:
        ValueError: the level is not known.
    """
    krippendorff_alpha(labels, level)  # refuses an unknown level
    units = units_of(labels)
    several = units.n >= 2
    distance = distances(labels, level, units.shares[several].sum(axis=0))
    lost_observed, lost_own, lost_pairable = _lost(labels, units, distance)
    observed = (units.spread(distance)[several] / (units.n[several] - 1)).sum() - lost_observed
    pairable = units.shares[several].sum(axis=0) - lost_pairable
    own = units.own_spread(distance)[several].sum() - lost_own
    total = np.rint(pairable.sum(axis=1))
    chance = np.einsum("jk,jk->j", pairable @ distance, pairable) - own
    expected = chance / np.maximum(total - 1, 1)
    varied = expected > 1e-12 * np.maximum(total, 1)
    alpha = np.where(total == 0, 0.0, np.where(varied, 1 - observed / np.where(varied, expected, 1.0), 1.0))
    return pd.Series(alpha, index=labels.annotators, name="alpha")


def _lost(
    labels: CrowdLabels, units: Units, distance: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """What the three sums of alpha lose without each annotator: observed (J,), own (J,) and pairable[j, class]."""
    size, k = len(labels.annotators), len(labels.classes)
    example, annotator, n = labels.example, labels.annotator, units.n[labels.example]
    weight = 1.0 / own_repeats(labels)[0]
    # An example of two annotators drops out with one of them; with more, only the annotator's own pairs do.
    pairs, stay = n == 2, n > 2
    spread, own = units.spread(distance), units.own_spread(distance)
    away = (units.shares @ distance)[example, labels.label]  # distance of a label to all labels of its example
    before = np.where(n > 1, spread[example] / np.maximum(n - 1, 1), 0.0)
    left = np.where(stay, (spread[example] - 2 * away) / np.maximum(n - 2, 1), 0.0)
    observed = np.bincount(annotator, weights=weight * (before - left), minlength=size).astype(np.float64)
    own_lost = np.bincount(annotator, weights=weight * pairs * own[example], minlength=size).astype(np.float64)
    # `away` also holds the distance of repeated labels to each other, which is no pair of two annotators.
    m = units.n[units.repeat_of]
    itself = np.einsum("rk,rk->r", units.repeats @ distance, units.repeats) * (m > 2)
    observed -= np.bincount(units.repeat_by, weights=2 * itself / np.maximum(m - 2, 1), minlength=size)
    own_lost += np.bincount(units.repeat_by, weights=itself, minlength=size)
    cell = annotator.astype(np.int64) * k + labels.label
    alone = np.bincount(cell, weights=weight * stay, minlength=size * k).reshape(size, k)
    with_partner = sparse.csr_array((weight * pairs, (annotator, example)), shape=(size, len(labels.examples))) @ units.shares
    return observed, own_lost, alone + with_partner
