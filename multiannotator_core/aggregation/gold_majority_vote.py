"""Gold majority vote: labels count by how often their annotator was right on gold examples."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..consensus import Consensus
from ..labels import CrowdLabels
from .block import Block
from .concluding import conclude
from .em import check_strength
from .engine import Engine, State, Sums, engine_of
from .wawa import weighted_rows


def gold_majority_vote(labels: CrowdLabels | Engine, *, gold: NDArray[np.int32] | None = None, prior_strength: float = 1.0) -> Consensus:
    """Weigh each label by its annotator's accuracy on the examples with gold (crowd-kit's GoldMajorityVote, with a prior).

    Model: none.
        skill[j]        = (right labels of j on gold + s * c) / (labels of j on gold + s)
        posterior[i, k] = sum of the skills of those who say k / sum of the skills of all who labelled i,
    where c is the accuracy of the whole crowd on gold. An annotator without labels on gold has the skill c.

    Args:
        prior_strength: s, imagined labels with the crowd's accuracy; 0 is the plain share.

    Raises:
        ValueError: there is no gold.
    """
    check_strength(prior_strength)
    engine = engine_of(labels, gold)
    n_gold, right, n = engine.each(_judged) if "gold" in engine.given else (0, None, None)
    if not n_gold:
        raise ValueError("Gold majority vote needs gold for some examples.")
    crowd = right.sum() / max(n.sum(), 1)
    total = n + prior_strength
    skill = np.where(total > 0, (right + prior_strength * crowd) / np.where(total > 0, total, 1), crowd)
    return conclude(engine, weighted_rows, skill, annotator_scores={"skill": skill})


def _judged(block: Block, state: State) -> tuple[State, Sums]:
    """A step: number of gold examples; (J,) number of right labels, and of all labels, of each annotator on them."""
    assert block.gold is not None
    truth = block.gold[block.example]
    judged = (truth >= 0).astype(np.float64)
    return state, (int((block.gold >= 0).sum()), block.by_annotator(judged * (block.label == truth)), block.by_annotator(judged))
