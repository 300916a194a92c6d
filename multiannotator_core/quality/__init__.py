"""How good the examples, the labels and the annotators are."""

from __future__ import annotations

from .agreement import cohen_kappa, fleiss_kappa, gwet_ac1, gwet_ac2, krippendorff_alpha, pairwise_agreement, scott_pi
from .annotators import annotator_metrics, confusion_counts, disagreements
from .spammers import spammer_scores

__all__ = [
    "annotator_metrics",
    "cohen_kappa",
    "confusion_counts",
    "disagreements",
    "fleiss_kappa",
    "gwet_ac1",
    "gwet_ac2",
    "krippendorff_alpha",
    "pairwise_agreement",
    "scott_pi",
    "spammer_scores",
]
