"""Zero-based skill: weighted majority voting whose weights are learned by gradient steps."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..consensus import TIE, Consensus
from ..labels import CrowdLabels
from .block import Block
from .concluding import conclude, mean_of_labels
from .em import OnIteration, run_em
from .engine import Engine, State, Sums, engine_of
from .wawa import weighted_rows

# The learning rate is halved each time this many iterations are done, so that labels that flip back and forth settle.
STEPS_TO_HALVE = 20


def zero_based_skill(
    labels: CrowdLabels | Engine,
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
    engine = engine_of(labels, gold)
    n = engine.labels_per_annotator

    def m_step(believed: tuple[NDArray[np.float64], NDArray[np.float64], int]) -> tuple[NDArray[np.float64], int]:
        right, skill, step = believed
        rate = learning_rate * 0.5 ** ((step + 1) // STEPS_TO_HALVE)
        return skill + rate * (mean_of_labels(engine, right) - skill), step + 1

    def e_step(now: tuple[NDArray[np.float64], int]) -> tuple[tuple[NDArray[np.float64], NDArray[np.float64], int], float]:
        right, gained = engine.each(_vote, now[0])
        return (right, *now), gained - float((n * now[0] ** 2).sum() / 2)

    (right,) = engine.each(_plain_vote)
    fit = run_em(
        m_step,
        e_step,
        (right, np.full(len(n), 1 / engine.shape[2]), 0),
        max_iter=max_iter,
        tol=tol,
        n_labels=engine.n_labels,
        on_iteration=on_iteration,
        journal=engine.journal,
    )
    skill = fit.parameters[0]
    return conclude(engine, weighted_rows, skill, trace=fit.trace, converged=fit.converged, annotator_scores={"skill": skill})


def _plain_vote(block: Block, state: State) -> tuple[State, Sums]:
    """A step: (J,) number of labels of each annotator that equal the vote."""
    cells = block.derived(Cells)
    return state, (cells.right_labels(cells.winners(cells.plain)),)


def _vote(block: Block, state: State, skill: NDArray[np.float64]) -> tuple[State, Sums]:
    """A step: (J,) number of labels that equal the vote weighted by the skills (J,), and the skill that the winners have."""
    cells = block.derived(Cells)
    sums = cells.sums(skill)
    chosen = cells.winners(sums)
    return state, (cells.right_labels(chosen), float((sums * chosen).sum()))


class Cells:
    """The classes that each example got, one cell each: an example has few of the K, so sums over cells are short.

    Cells are in the order of examples; `first` is where each labelled example begins and `width` how many it has.
    """

    def __init__(self, block: Block) -> None:
        n_classes, votes, gold = len(block.classes), block.weighted_votes().ravel(), block.gold
        self.block = block
        self.plain = votes[used := np.flatnonzero(votes)]  # number of labels of each cell
        number = np.cumsum(votes > 0) - 1
        self.cell = number[block.example * n_classes + block.label]  # (l,)
        example, said = np.divmod(used, n_classes)
        self.first = np.flatnonzero(np.diff(example, prepend=-1))
        self.width = np.diff(self.first, append=len(used))
        truth = np.full(len(used), -1) if gold is None else gold[example]
        self.known = np.flatnonzero(truth >= 0)
        self.right = (said == truth)[self.known]

    def sums(self, skill: NDArray[np.float64]) -> NDArray[np.float64]:
        """Sum of the skills (J,) of those who gave each cell."""
        return np.bincount(self.cell, weights=skill.take(self.block.who), minlength=len(self.plain)).astype(np.float64, copy=False)

    def winners(self, sums: NDArray[np.float64]) -> NDArray[np.float64]:
        """Which cell of each example has the highest sum; tied cells share 1. Gold decides where it is known."""
        highest = np.maximum.reduceat(sums, self.first)
        tied = sums >= np.repeat(highest - TIE, self.width)
        chosen = tied.astype(np.float64)
        if np.count_nonzero(tied) > len(self.first):
            chosen /= np.repeat(np.add.reduceat(chosen, self.first), self.width)
        chosen[self.known] = self.right
        return chosen

    def right_labels(self, chosen: NDArray[np.float64]) -> NDArray[np.float64]:
        """(J,) number of labels of each annotator that are chosen."""
        return self.block.by_annotator(chosen.take(self.cell))
