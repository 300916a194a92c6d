"""One thread for torch, and a small crowd whose confusions are known."""

import importlib
from importlib.util import find_spec
from typing import NamedTuple

import numpy as np
import pandas as pd
import pytest

import multiannotator_core as mc


class Crowd(NamedTuple):
    """Labels of 3 blobs of points (N, 2), the true codes (N,), and the chances [annotator, true, given] they were drawn from."""

    labels: mc.CrowdLabels
    points: np.ndarray
    truth: np.ndarray
    confusion: np.ndarray


def blobs(n, seed=0, n_annotators=5, per_example=4):
    """A crowd on blobs: one expert, some who mix up two classes, one who guesses."""
    rng = np.random.default_rng(seed)
    truth = np.arange(n) % 3
    angle = 2 * np.pi * truth / 3
    points = 3 * np.stack([np.cos(angle), np.sin(angle)], axis=1) + rng.normal(size=(n, 2))
    confusion = np.tile(0.85 * np.eye(3) + 0.05, (n_annotators, 1, 1))
    confusion[0] = 0.97 * np.eye(3) + 0.01
    confusion[1, 0] = [0.25, 0.7, 0.05]
    confusion[2, 2] = [0.6, 0.05, 0.35]
    confusion[3] = 1 / 3
    example = np.repeat(np.arange(n), per_example)
    annotator = np.concatenate([rng.choice(n_annotators, per_example, replace=False) for _ in range(n)])
    label = (confusion.cumsum(axis=2)[annotator, truth[example]] < rng.random(len(example))[:, None]).sum(axis=1)
    labels = mc.CrowdLabels(*(pd.RangeIndex(size) for size in (n, n_annotators, 3)), example, annotator, label)
    return Crowd(labels, points, truth, confusion)


@pytest.fixture(autouse=True, scope="session")
def _one_thread():
    """The machine's other work is not disturbed, and sums are added in one order."""
    if find_spec("torch") is None:
        yield
        return
    torch = importlib.import_module("torch")
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def crowd():
    return blobs(120)
