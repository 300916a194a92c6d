"""Temperature scaling of a model's probabilities to the labels of a crowd."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from ..labels import CrowdLabels
from .block import Block

# An ensemble: the class probabilities (N, K) of each model.
Models = Sequence[NDArray[np.float64]]

# Temperatures that are tried first, then eight or less between the neighbours of the best one.
TEMPERATURES = (0.1, 0.2, 0.5, 0.8, 1.0, 2.0, 3.0, 5.0, 8.0)
FINE_STEPS = 4
SMALLEST_PROBABILITY = 1e-30


def label_shares(labels: CrowdLabels | Block) -> NDArray[np.float64]:
    """(N, K) share of each class among the labels of each example; 0 without labels."""
    shares: NDArray[np.float64] = labels.votes / np.maximum(labels.labels_per_example, 1)[:, None]
    return shares


def calibrated(labels: CrowdLabels, models: Models) -> Models:
    """The models (N, K), each at the temperature that fits the shares of the labels best."""
    shares = label_shares(labels)
    return [scaled(model, best_temperature(shares, model)) for model in models]


def best_temperature(shares: NDArray[np.float64], model: NDArray[np.float64]) -> float:
    """The temperature at which the model (N, K) has the lowest cross entropy with the shares (N, K) of the labels.

    A grid, then a finer one around its best point (Goh & Mueller 2023, section 3); 1 with one class.
    """
    return found_temperature(lambda temperatures: cross_entropies(shares, model, temperatures)) if shares.shape[1] > 1 else 1.0


def found_temperature(entropies: Callable[[NDArray[np.float64]], NDArray[np.float64]]) -> float:
    """The temperature with the lowest of what `entropies` gives for several: the best of a grid, then of a finer one around it."""
    coarse = np.array(TEMPERATURES)
    at = int(np.argmin(entropies(coarse)))
    below = np.linspace(coarse[at - 1], coarse[at], FINE_STEPS, endpoint=False) if at > 0 else coarse[:0]
    above = np.linspace(coarse[at], coarse[at + 1], FINE_STEPS + 1) if at + 1 < len(coarse) else coarse[:0]
    fine = np.concatenate([below, above])
    return float(fine[int(np.argmin(entropies(fine)))])


def cross_entropies(shares: NDArray[np.float64], model: NDArray[np.float64], temperatures: NDArray[np.float64]) -> NDArray[np.float64]:
    """Sum over the examples of the cross entropy of the shares (N, K) and the model (N, K), at each of the temperatures."""
    log_model = np.log(model, out=np.full(model.shape, -np.inf), where=model > 0)
    return np.array([_cross_entropy(shares, log_model, temperature) for temperature in temperatures])


def _cross_entropy(shares: NDArray[np.float64], log_model: NDArray[np.float64], temperature: float) -> float:
    tempered = np.exp(log_model / temperature)
    tempered /= tempered.sum(axis=1, keepdims=True)
    return -float((shares * np.log(np.maximum(tempered, SMALLEST_PROBABILITY))).sum())


def scaled(model: NDArray[np.float64], temperature: float) -> NDArray[np.float64]:
    """The model (N, K) at a temperature: below 1 sharper, above 1 flatter. Rows sum to 1."""
    log_model = np.log(np.maximum(model, SMALLEST_PROBABILITY)) / temperature
    tempered: NDArray[np.float64] = np.exp(log_model - log_model.max(axis=1, keepdims=True))
    tempered /= tempered.sum(axis=1, keepdims=True)
    return tempered
