"""How far the crowd agrees, in one object: the coefficients, every pair, and who lowers them."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..labels import CrowdLabels
from .agreement import fleiss_kappa, gwet_ac1, krippendorff_alpha, pairwise_agreement, units_of
from .alpha import alpha_interval, drop_one_alpha

RELIABLE, TENTATIVE = 0.8, 2 / 3  # Krippendorff, Content Analysis (2004), section 11.4.2

MOST_GROUPED = 200  # annotators; a picture holds fewer


@dataclass(frozen=True, eq=False)
class CrowdAgreement:
    """alpha (Krippendorff, nominal) with its 95 % interval, Fleiss' kappa, Gwet's AC1; n_compared: examples with two annotators.

    pairs: see `pairwise_agreement`; without: one row an annotator, `alpha` of the crowd without them, `gain` over the crowd's,
    and n_labels, the largest gain first; order: see `grouped_order`.
    """

    alpha: float
    alpha_low: float
    alpha_high: float
    fleiss: float
    ac1: float
    n_compared: int
    pairs: pd.DataFrame
    without: pd.DataFrame
    order: list[Hashable]

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
    return CrowdAgreement(alpha, low, high, fleiss_kappa(labels), gwet_ac1(labels), n_compared, pairs, without, grouped_order(pairs))


def grouped_order(pairs: pd.DataFrame, least_shared: int = 5) -> list[Hashable]:
    """The annotators in an order that puts those who agree with each other side by side, the group that agrees least first.

    Leaves of a clustering by average linkage of 1 - kappa, in the order that keeps neighbours closest (Bar-Joseph, Gifford & Jaakkola
    2001). Pairs with fewer shared examples count with the mean kappa of their two annotators.

    Args:
        pairs: as `pairwise_agreement` gives them. Of more than 200 annotators the 200 who share most are ordered.
    """
    # SciPy's clustering takes long to import, and only this needs it.
    from scipy.cluster.hierarchy import leaves_list, linkage

    known = pairs[(pairs["n_shared"] >= least_shared) & pairs["kappa"].notna()]
    ends = pd.concat([known.set_index("annotator_a"), known.set_index("annotator_b")])
    of_each = ends.groupby(level=0, sort=False)
    names = of_each["n_shared"].sum().sort_values(ascending=False, kind="stable").index[:MOST_GROUPED]
    mean = of_each["kappa"].mean().reindex(names).to_numpy(np.float64)
    kappa = _kappas(known, names)
    if len(names) < 3:
        return list(names[np.argsort(mean, kind="stable")])
    filled = np.where(np.isnan(kappa), (mean[:, None] + mean[None, :]) / 2, kappa)
    tree = linkage((1 - filled)[np.triu_indices(len(names), k=1)], "average", optimal_ordering=True)
    leaves = leaves_list(tree)
    half = len(leaves) // 2
    return list(names[leaves if mean[leaves[:half]].mean() <= mean[leaves[-half:]].mean() else leaves[::-1]])


def _kappas(pairs: pd.DataFrame, names: pd.Index) -> NDArray[np.float64]:
    """A symmetric table of kappa, NaN where there is no pair."""
    square = np.full((len(names), len(names)), np.nan)
    a, b = names.get_indexer(pairs["annotator_a"]), names.get_indexer(pairs["annotator_b"])
    both = (a >= 0) & (b >= 0)
    square[a[both], b[both]] = square[b[both], a[both]] = pairs["kappa"].to_numpy(np.float64)[both]
    return square
