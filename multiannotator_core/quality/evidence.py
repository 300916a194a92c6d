"""The labels behind the numbers of one annotator."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..align import ensemble, gold_codes
from ..consensus import Consensus, break_ties
from ..labels import CrowdLabels
from .annotators import annotator_code, too_fast

# Kind of evidence -> its title; those that the data does not allow are not offered.
EVIDENCE = {
    "consensus": "Differ from the consensus",
    "model": "Differ from the model",
    "gold": "Wrong on gold",
    "fast": "Given very fast",
    "all": "All labels",
}


def evidence(
    labels: CrowdLabels,
    result: Consensus,
    annotator: Hashable,
    pred_probs: Any = None,
    gold: Mapping[Hashable, Hashable] | pd.Series | None = None,
) -> pd.DataFrame:
    """All labels of one annotator with what speaks against each, the least plausible first.

    Returns:
        example, label, consensus (names), quality (the posterior of the label, in [0, 1]), and where they are known model (its most
        probable class), gold and seconds. Then one boolean column for each kind of EVIDENCE that the data allows.

    Raises:
        ValueError: there is no such annotator, or pred_probs or gold do not fit.
    """
    rows = np.flatnonzero(labels.annotator == annotator_code(labels, annotator))
    quality = result.posterior[labels.example[rows], labels.label[rows]]
    order = np.argsort(quality, kind="stable")
    rows, quality = rows[order], quality[order]
    example, label = labels.example[rows], labels.label[rows]
    consensus = result.label[example]
    known: dict[str, Any] = {"example": labels.examples.take(example), "label": labels.classes.take(label)}
    known |= {"consensus": labels.classes.take(consensus), "quality": quality}
    kinds: dict[str, NDArray[np.bool_]] = {"consensus": label != consensus}
    if pred_probs is not None:
        model = break_ties(np.mean(ensemble(labels, pred_probs), axis=0), labels.labels_per_class)[example]
        known["model"], kinds["model"] = labels.classes.take(model), label != model
    trusted = gold_codes(labels, gold)
    if trusted is not None and (trusted[example] >= 0).any():
        codes = trusted[example]
        names = labels.classes.to_numpy(object)[codes]
        known["gold"], kinds["gold"] = np.where(codes >= 0, names, None), (codes >= 0) & (codes != label)
    if labels.seconds is not None:
        known["seconds"], kinds["fast"] = labels.seconds[rows], too_fast(labels)[rows]
    kinds["all"] = np.ones(len(rows), dtype=bool)
    return pd.DataFrame(known | {EVIDENCE[kind]: which for kind, which in kinds.items()})
