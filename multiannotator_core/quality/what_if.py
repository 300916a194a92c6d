"""What would become of the labels without one annotator."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from ..aggregation import aggregate
from ..consensus import Consensus
from ..labels import CrowdLabels
from .annotators import annotator_code
from .exclusions import counted


@dataclass(frozen=True, eq=False)
class WhatIf:
    """changed: examples with another label, the surest before first: before, after (names), quality_before, quality_after.

    n_touched: examples that the annotator labelled; quality_before, quality_after: mean quality of the consensus label there;
    n_alone: examples that would be left without any label.
    """

    changed: pd.DataFrame
    n_touched: int
    n_alone: int
    quality_before: float
    quality_after: float

    @property
    def sentence(self) -> str:
        """What changes, in words."""
        n = len(self.changed)
        said = f"{n:,} consensus label{'s' if n != 1 else ''} would change. On the {self.n_touched:,} examples they labelled, "
        said += f"the mean quality would go from {self.quality_before:.3f} to {self.quality_after:.3f}."
        return said + (f" {self.n_alone:,} examples would have no label left." if self.n_alone else "")


def without_annotator(
    labels: CrowdLabels,
    result: Consensus,
    annotator: Hashable,
    pred_probs: Any = None,
    gold: Mapping[Hashable, Hashable] | pd.Series | None = None,
) -> WhatIf:
    """Run the method of a result again without one annotator, going on from its posterior, and compare.

    Raises:
        ValueError: there is no such annotator, nobody else gave a label, or the method cannot run without them.
    """
    code = annotator_code(labels, annotator)
    rest = counted(labels, [annotator])
    other = aggregate(rest, result.method, pred_probs=pred_probs, gold=gold, start=result.posterior, **result.options)
    touched = np.unique(labels.example[labels.annotator == code])
    rows = np.flatnonzero(other.label != result.label)
    rows = rows[np.argsort(-result.quality[rows], kind="stable")]
    changed = pd.DataFrame(
        {
            "before": labels.classes.take(result.label[rows]),
            "after": labels.classes.take(other.label[rows]),
            "quality_before": result.quality[rows],
            "quality_after": other.quality[rows],
        },
        index=labels.examples.take(rows),
    )
    means = [float(run.quality[touched].mean()) if len(touched) else 0.0 for run in (result, other)]
    return WhatIf(changed, len(touched), int((rest.labels_per_example[touched] == 0).sum()), *means)
