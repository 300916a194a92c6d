"""Zero-based skill: weighted majority voting whose weights are learned by gradient steps."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..consensus import Consensus, build, expected_agreement
from ..labels import CrowdLabels
from .em import OnIteration, clamp, run_em, vote_shares
from .wawa import weighted_shares, winners

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
    n, start = labels.labels_per_annotator, winners(vote_shares(labels, gold))
    skill, step = np.full(len(n), 1 / len(labels.classes)), 0

    def m_step(chosen: NDArray[np.float64]) -> NDArray[np.float64]:
        nonlocal skill, step
        step += 1
        rate = learning_rate * 0.5 ** (step // STEPS_TO_HALVE)
        skill = skill + rate * (expected_agreement(labels, chosen) - skill)
        return skill

    def e_step(skill: NDArray[np.float64]) -> tuple[NDArray[np.float64], float]:
        chosen = clamp(winners(weighted_shares(labels, skill)), gold)
        agreeing = labels.weighted_votes(skill[labels.annotator])
        return chosen, float(np.vdot(agreeing, chosen) - (n * skill**2).sum() / 2)

    fit = run_em(m_step, e_step, start, max_iter=max_iter, tol=tol, n_labels=len(labels), on_iteration=on_iteration)
    posterior, scores = weighted_shares(labels, fit.parameters, gold), {"skill": fit.parameters}
    return build(labels, posterior, trace=fit.trace, converged=fit.converged, annotator_scores=scores)
