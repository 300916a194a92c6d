"""What further labels of an example are expected to bring, and which of them fit into a budget."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

# An example is judged by its likeliest classes; what is left over is taken as never right, which is on the safe side.
LIKELIEST = 4

CHUNK = 400  # examples at a time, so that (CHUNK, classes, outcomes) stays small


def expected_gains(posterior: NDArray[np.float64], confusion: NDArray[np.float64], most: int) -> NDArray[np.float64]:
    """(n, most) expected gain in accuracy of 1 ... most further labels of each example, by annotators of one confusion (K, K).

    E[max_k P(k | labels)] - max_k P(k), over all that the labels may say; exact for the LIKELIEST classes of each example.
    """
    n, k = posterior.shape
    gains = np.empty((n, most))
    for start in range(0, n, CHUNK):
        part = posterior[start : start + CHUNK]
        top = np.argsort(-part, axis=1, kind="stable")[:, : min(LIKELIEST, k)]
        joint = np.take_along_axis(part, top, axis=1)[:, :, None]  # [example, class, what was said so far]
        said = confusion[top[:, :, None], top[:, None, :]]  # [example, true class, given class], both among the likeliest
        other = np.clip(1 - said.sum(axis=2, keepdims=True), 0.0, 1.0)  # any other class
        said = np.concatenate([said, other], axis=2)
        now = joint[:, :, 0].max(axis=1)
        for m in range(most):
            joint = (joint[:, :, :, None] * said[:, :, None, :]).reshape(len(part), joint.shape[1], -1)
            gains[start : start + CHUNK, m] = joint.max(axis=1).sum(axis=1) - now
    return np.maximum.accumulate(np.maximum(gains, 0.0), axis=1)


def packages(gains: NDArray[np.float64]) -> list[tuple[int, int, float]]:
    """(example, labels, gain a label), the best first: labels that only help together are bought together."""
    found = []
    for i, row in enumerate(np.hstack([np.zeros((len(gains), 1)), gains])):
        at = 0
        while at < len(row) - 1:
            rate = (row[at + 1 :] - row[at]) / np.arange(1, len(row) - at)
            step = int(rate.argmax()) + 1
            if rate[step - 1] <= 1e-12:
                break
            found.append((i, step, float(rate[step - 1])))
            at += step
    return sorted(found, key=lambda package: -package[2])


def within(packages: list[tuple[int, int, float]], budget: int) -> list[tuple[int, int, float]]:
    """The packages that fit into the budget; an example whose earlier package did not fit gets no later one."""
    kept, skipped = [], set()
    for i, size, rate in packages:
        if budget == 0:
            break
        if size > budget or i in skipped:
            skipped.add(i)
            continue
        kept.append((i, size, rate))
        budget -= size
    return kept
