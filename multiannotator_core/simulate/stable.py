"""Draws that stay the same on every machine and with every numpy: functions of uniform numbers alone.

numpy promises the bits of PCG64, and `random` and `integers` take them as they come. Its gamma, beta, normal and permutation may
change with a release (NEP 19), so crowds do not use them: they invert distribution functions instead.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaincinv, gammaln, ndtri

Floats = NDArray[np.float64]
Random = np.random.Generator

# Below this the inverse of the gamma distribution is its leading term (x^a = u Γ(a + 1)), which does not underflow as a logarithm.
SMALL = 1e-250


def open_uniform(rng: Random, size: int | tuple[int, ...]) -> Floats:
    """Uniform numbers that are neither 0 nor 1."""
    drawn: Floats = np.maximum(rng.random(size), 2.0**-54)
    return drawn


def normal(rng: Random, mean: float, sd: float, size: int) -> Floats:
    """Normal numbers (size,)."""
    drawn: Floats = mean + sd * ndtri(open_uniform(rng, size))
    return drawn


def log_gamma(rng: Random, shape: float, size: int | tuple[int, ...]) -> Floats:
    """Logarithms of gamma numbers with this shape; small shapes would underflow as numbers."""
    uniform = open_uniform(rng, size)
    if shape == 1.0:
        exponential: Floats = np.log(-np.log1p(-uniform))
        return exponential
    value = gammaincinv(shape, uniform)
    leading = (np.log(uniform) + gammaln(shape + 1)) / shape
    logs: Floats = np.where(value > SMALL, np.log(np.maximum(value, SMALL)), leading)
    return logs


def dirichlet(rng: Random, concentration: float, shape: tuple[int, ...]) -> Floats:
    """Points of a symmetric Dirichlet along the last axis of `shape`."""
    logs = log_gamma(rng, concentration, shape)
    drawn = np.exp(logs - logs.max(axis=-1, keepdims=True))
    points: Floats = drawn / drawn.sum(axis=-1, keepdims=True)
    return points


def beta(rng: Random, shape: float, size: int) -> Floats:
    """Beta(shape, shape) numbers (size,)."""
    return dirichlet(rng, shape, (size, 2))[:, 0]


def permutation(rng: Random, n: int) -> NDArray[np.intp]:
    """0 ... n - 1 in random order."""
    order: NDArray[np.intp] = np.argsort(rng.random(n), kind="stable")
    return order
