"""Everything a manager asks about annotators, in one table that agrees with itself."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..consensus import Consensus
from ..labels import CrowdLabels
from .annotators import annotator_metrics
from .spammers import spammer_scores
from .uncertainty import confusion_posterior
from .verdicts import verdicts_of


@dataclass(frozen=True, eq=False)
class Audit:
    """table: one row an annotator; confusion (J, K, K) [annotator, true, given]: the estimate behind it, rows sum to 1."""

    table: pd.DataFrame
    confusion: NDArray[np.float64]


def audit(
    labels: CrowdLabels,
    result: Consensus,
    pred_probs: Any = None,
    gold: Mapping[Hashable, Hashable] | pd.Series | None = None,
) -> Audit:
    """Verdicts, intervals and metrics of all annotators, all from one estimate of their confusions.

    The confusions are the posterior means under the prior of `confusion_prior`, fitted to this crowd; a method's own
    (`result.confusion`) is shrunk towards the whole crowd instead, which flatters those who label at random. Columns:
    those of `annotator_verdicts`, then those of `annotator_metrics` that it does not have.
    """
    posterior = confusion_posterior(labels, result, gold)
    verdicts = verdicts_of(labels, result, posterior)
    metrics = annotator_metrics(labels, result, pred_probs, gold)
    rest = metrics[metrics.columns.difference(verdicts.columns, sort=False)]
    spam = spammer_scores(posterior.mean, posterior.share)
    return Audit(verdicts.join(rest).assign(**{column: spam[column].to_numpy() for column in spam}), posterior.mean)
