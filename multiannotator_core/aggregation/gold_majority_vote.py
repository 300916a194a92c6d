"""Gold majority vote: labels count by how often their annotator was right on gold examples."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..consensus import Consensus, build
from ..labels import CrowdLabels
from .em import check_strength
from .wawa import weighted_shares


def gold_majority_vote(labels: CrowdLabels, *, gold: NDArray[np.int32] | None = None, prior_strength: float = 1.0) -> Consensus:
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
    if gold is None or not (gold >= 0).any():
        raise ValueError("Gold majority vote needs gold for some examples.")
    truth = gold[labels.example]
    judged, n_annotators = truth >= 0, len(labels.annotators)
    right = np.bincount(labels.annotator[judged], weights=(labels.label == truth)[judged], minlength=n_annotators)
    n = np.bincount(labels.annotator[judged], minlength=n_annotators)
    crowd = right.sum() / max(n.sum(), 1)
    total = n + prior_strength
    skill = np.where(total > 0, (right + prior_strength * crowd) / np.where(total > 0, total, 1), crowd)
    return build(labels, weighted_shares(labels, skill, gold), annotator_scores={"skill": skill})
