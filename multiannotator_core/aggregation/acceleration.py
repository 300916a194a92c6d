"""SQUAREM: a guess of where EM is going, from three successive estimates that are probability distributions."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from .em import FLOOR

Floats = NDArray[np.float64]


def leap(first: Sequence[Floats], second: Sequence[Floats], third: Sequence[Floats]) -> list[Floats] | None:
    """Distributions further along the path of three successive estimates, or None if the path shows nowhere to go.

    With r = x1 - x0 and v = (x2 - x1) - r the guess is x0 + 2 a r + a² v, where a = |r| / |v| (Varadhan & Roland 2008, scheme S3);
    a = 1 is x2 itself, so only a > 1 goes further. Here x are the square roots of the probabilities: on that scale a step means the
    same near 0 as elsewhere, and what comes out is a distribution again once it is squared and scaled.

    Args:
        first, second, third: each the same tables of distributions along axis 0.
    """
    x0, x1, x2 = ([np.sqrt(table) for table in point] for point in (first, second, third))
    r = [b - a for a, b in zip(x0, x1, strict=True)]
    v = [c - b - d for b, c, d in zip(x1, x2, r, strict=True)]
    length, bend = (np.sqrt(sum(float(np.vdot(table, table)) for table in tables)) for tables in (r, v))
    if not 0 < bend < length:
        return None
    a = length / bend
    roots = [np.maximum(start + 2 * a * p + a * a * q, np.sqrt(FLOOR)) for start, p, q in zip(x0, r, v, strict=True)]
    return [root**2 / (root**2).sum(axis=0) for root in roots]
