"""How good the examples, the labels and the annotators are."""

from __future__ import annotations

from .agreement import cohen_kappa, fleiss_kappa, gwet_ac1, gwet_ac2, krippendorff_alpha, pairwise_agreement, scott_pi
from .alpha import alpha_interval, drop_one_alpha
from .annotators import annotator_metrics, confusion_counts, disagreements
from .spammers import spammer_scores
from .uncertainty import annotator_intervals, probability_better
from .verdicts import annotator_verdicts

__all__ = [
    "alpha_interval",
    "annotator_intervals",
    "annotator_metrics",
    "annotator_verdicts",
    "cohen_kappa",
    "confusion_counts",
    "disagreements",
    "drop_one_alpha",
    "fleiss_kappa",
    "gwet_ac1",
    "gwet_ac2",
    "krippendorff_alpha",
    "pairwise_agreement",
    "probability_better",
    "scott_pi",
    "spammer_scores",
]
