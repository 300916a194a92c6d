"""How far the crowd agrees, in one object: the coefficients, every pair, and who lowers them."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from ..labels import CrowdLabels
from .agreement import fleiss_kappa, gwet_ac1, krippendorff_alpha, pairwise_agreement, units_of
from .alpha import alpha_interval, drop_one_alpha

RELIABLE, TENTATIVE = 0.8, 2 / 3  # Krippendorff, Content Analysis (2004), section 11.4.2


@dataclass(frozen=True, eq=False)
class CrowdAgreement:
    """alpha (Krippendorff, nominal) with its 95 % interval, Fleiss' kappa, Gwet's AC1; n_compared: examples with two annotators.

    pairs: see `pairwise_agreement`; without: one row an annotator, `alpha` of the crowd without them, `gain` over the crowd's,
    and n_labels, the largest gain first.
    """

    alpha: float
    alpha_low: float
    alpha_high: float
    fleiss: float
    ac1: float
    n_compared: int
    pairs: pd.DataFrame
    without: pd.DataFrame

    @property
    def sentence(self) -> str:
        """What alpha allows to conclude, judged by its interval."""
        if not self.n_compared:
            return "No example was labelled by two annotators, so nothing can be said about their agreement."
        if self.alpha_low >= RELIABLE:
            return "Yes: surely above 0.80, where labels count as reliable."
        if self.alpha_high < TENTATIVE:
            return "No: surely below 0.67, where not even tentative conclusions are safe from the labels of single annotators."
        if self.alpha_low >= TENTATIVE:
            return "Fairly: good enough for tentative conclusions (0.67), not surely for firm ones (0.80)."
        return "Not surely: the interval reaches below 0.67, the least for tentative conclusions."


def crowd_agreement(labels: CrowdLabels) -> CrowdAgreement:
    """The agreement of all annotators, of each pair, and without each annotator."""
    alpha = krippendorff_alpha(labels)
    low, high = alpha_interval(labels)
    without = pd.DataFrame({"alpha": drop_one_alpha(labels), "n_labels": labels.labels_per_annotator}, index=labels.annotators)
    without = without.assign(gain=without["alpha"] - alpha).sort_values("gain", ascending=False, kind="stable")
    pairs = pairwise_agreement(labels)
    n_compared = int((units_of(labels).n >= 2).sum())
    return CrowdAgreement(alpha, low, high, fleiss_kappa(labels), gwet_ac1(labels), n_compared, pairs, without)
