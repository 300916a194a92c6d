"""Zero-based skill: weighted majority voting whose weights are learned by gradient steps."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..consensus import TIE, Consensus, build
from ..labels import CrowdLabels
from .em import OnIteration, run_em
from .wawa import weighted_shares

# The learning rate is halved each time this many iterations are done, so that labels that flip back and forth settle.
STEPS_TO_HALVE = 20


def zero_based_skill(
    labels: CrowdLabels,
    *,
    gold: NDArray[np.int32] | None = None,
    on_iteration: OnIteration | None = None,
    learning_rate: float = 1.0,
    max_iter: int = 100,
    tol: float = 1e-6,
) -> Consensus:
    """Learn each annotator's skill from the agreement with the vote that the skills give (crowd-kit's ZeroBasedSkill).

    Model: none. With y[i] the class of the highest sum of skills (all equal at first; tied classes share y), each iteration takes
        skill[j] += rate * (share of j's labels that equal y - skill[j]),   then y anew from the skills;
    rate starts at `learning_rate` and is halved every 20 iterations. Both steps raise the objective
    sum over all labels of skill * [label equals y] - skill^2 / 2, so it never falls. The posterior is the share of the skills.

    Args:
        learning_rate: above 0 and at most 1; 1 takes the share itself.
    """
    if not 0 < learning_rate <= 1:
        raise ValueError(f"learning_rate={learning_rate} must be above 0 and at most 1.")
    cells, n = Cells(labels, gold), labels.labels_per_annotator
    skill: NDArray[np.float64] = np.full(len(n), 1 / len(labels.classes))
    step = 0

    def m_step(chosen: NDArray[np.float64]) -> NDArray[np.float64]:
        nonlocal skill, step
        step += 1
        rate = learning_rate * 0.5 ** (step // STEPS_TO_HALVE)
        skill = skill + rate * (cells.agreement(chosen) - skill)
        return skill

    def e_step(skill: NDArray[np.float64]) -> tuple[NDArray[np.float64], float]:
        sums = cells.sums(skill)
        chosen = cells.winners(sums)
        return chosen, float(np.vdot(sums, chosen) - (n * skill**2).sum() / 2)

    start = cells.winners(cells.plain)
    fit = run_em(m_step, e_step, start, max_iter=max_iter, tol=tol, n_labels=len(labels), on_iteration=on_iteration)
    posterior, scores = weighted_shares(labels, fit.parameters, gold), {"skill": fit.parameters}
    return build(labels, posterior, trace=fit.trace, converged=fit.converged, annotator_scores=scores)


class Cells:
    """The classes that each example got, one cell each: an example has few of the K, so sums over cells are short.

    Cells are in the order of examples; `first` is where each labelled example begins and `width` how many it has.
    """

    def __init__(self, labels: CrowdLabels, gold: NDArray[np.int32] | None) -> None:
        n_classes, votes = len(labels.classes), labels.votes.ravel()
        self.plain = votes[used := np.flatnonzero(votes)]  # number of labels of each cell
        number = np.cumsum(votes > 0) - 1
        self.cell = number[labels.example.astype(np.intp) * n_classes + labels.label]  # (L,)
        self.annotator, self.n = labels.annotator.astype(np.intp), labels.labels_per_annotator
        example, said = np.divmod(used, n_classes)
        self.first = np.flatnonzero(np.diff(example, prepend=-1))
        self.width = np.diff(self.first, append=len(used))
        truth = np.full(len(used), -1) if gold is None else gold[example]
        self.known = np.flatnonzero(truth >= 0)
        self.right = (said == truth)[self.known]

    def sums(self, skill: NDArray[np.float64]) -> NDArray[np.float64]:
        """Sum of the skills (J,) of those who gave each cell."""
        return np.bincount(self.cell, weights=skill.take(self.annotator), minlength=len(self.plain)).astype(np.float64, copy=False)

    def winners(self, sums: NDArray[np.float64]) -> NDArray[np.float64]:
        """Which cell of each example has the highest sum; tied cells share 1. Gold decides where it is known."""
        highest = np.maximum.reduceat(sums, self.first)
        tied = sums >= np.repeat(highest - TIE, self.width)
        chosen = tied.astype(np.float64)
        if np.count_nonzero(tied) > len(self.first):
            chosen /= np.repeat(np.add.reduceat(chosen, self.first), self.width)
        chosen[self.known] = self.right
        return chosen

    def agreement(self, chosen: NDArray[np.float64]) -> NDArray[np.float64]:
        """(J,) share of each annotator's labels that are chosen; the crowd's for annotators without labels."""
        right = chosen.take(self.cell)
        total = np.bincount(self.annotator, weights=right, minlength=len(self.n))
        return np.where(self.n > 0, total / np.maximum(self.n, 1), right.mean())
