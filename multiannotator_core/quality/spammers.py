"""How close an annotator's confusion is to that of someone who labels without looking."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

# Rows of a confusion may miss 1 by the rounding of a file; a larger gap means that they are no probabilities.
ROW_SUM_SLACK = 1e-3


def spammer_scores(confusion: ArrayLike, prior: ArrayLike | None = None) -> pd.DataFrame:
    """Two distances of each annotator from a spammer, one row an annotator; low = labels like a spammer.

    A spammer's label does not depend on the true class: all rows of the confusion are equal, its rank is one.

    Args:
        confusion: (J, K, K) [annotator, true class, given class], rows sum to 1; or one (K, K).
        prior: (K,) how frequent each true class is; default: all the same.

    Returns:
        frobenius: Frobenius distance to the closest matrix of rank one, the root of the sum of the squared singular
            values beyond the first (Eckart & Young 1936; the spam score of Lefort et al. 2024, section 5.2); 0 for a
            spammer, sqrt(K - 1) for an annotator who is always right.
        raykar_yu: mean squared distance of two rows, in [0, 1] (Raykar & Yu 2011, the score for several classes):
            sum over c < d of prior[c] prior[d] |row c - row d|^2, divided by 1 - sum of prior^2. 0 for a spammer, 1 for
            an annotator who is always right.

    Both are 0 where there is one class.

    Raises:
        ValueError: the shape is wrong, or a row or the prior is not made of probabilities.
    """
    tables = _confusions(confusion)
    weights = _prior(prior, tables.shape[1])
    return pd.DataFrame({"frobenius": rank_one_distance(tables), "raykar_yu": row_spread(tables, weights)})


def rank_one_distance(confusion: NDArray[np.float64]) -> NDArray[np.float64]:
    """(J,) Frobenius distance of each confusion (J, K, K) to the closest matrix of rank one."""
    singular = np.linalg.svd(confusion, compute_uv=False)  # falling
    distance: NDArray[np.float64] = np.sqrt((singular[:, 1:] ** 2).sum(axis=1))
    return distance


def row_spread(confusion: NDArray[np.float64], prior: NDArray[np.float64]) -> NDArray[np.float64]:
    """(J,) score of Raykar & Yu for confusions (J, K, K) and a prior (K,)."""
    # The weighted sum over pairs of rows is the weighted sum of squared distances from the mean row.
    mean_row = np.einsum("t,jtg->jg", prior, confusion)
    spread = np.einsum("t,jtg->j", prior, (confusion - mean_row[:, None, :]) ** 2)
    most = 1.0 - float((prior**2).sum())
    result: NDArray[np.float64] = np.clip(spread / most, 0.0, 1.0) if most > 0 else np.zeros(len(confusion))
    return result


def _confusions(confusion: ArrayLike) -> NDArray[np.float64]:
    tables = np.asarray(confusion, dtype=np.float64)
    if tables.ndim == 2:
        tables = tables[None]
    if tables.ndim != 3 or tables.shape[1] != tables.shape[2] or tables.shape[1] == 0:
        raise ValueError(f"confusion has shape {np.shape(confusion)}; give (K, K) or (J, K, K), [annotator, true class, given class].")
    bad = ~(tables >= 0).all(axis=2) | ~(np.abs(tables.sum(axis=2) - 1) <= ROW_SUM_SLACK)
    if bad.any():
        j, true = np.argwhere(bad)[0]
        raise ValueError(
            f"confusion of annotator {j}, true class {true}: {tables[j, true]} are not probabilities that sum to 1. "
            "Divide each row by its sum."
        )
    return tables


def _prior(prior: ArrayLike | None, n_classes: int) -> NDArray[np.float64]:
    if prior is None:
        return np.full(n_classes, 1.0 / n_classes)
    weights = np.asarray(prior, dtype=np.float64)
    if weights.shape != (n_classes,):
        raise ValueError(f"prior has shape {weights.shape}, but the confusion has {n_classes} classes; give one number for each.")
    if not (weights >= 0).all() or not 0 < weights.sum() < np.inf:
        raise ValueError(f"prior {weights} is not a distribution: give numbers from 0, not all of them 0.")
    normed: NDArray[np.float64] = weights / weights.sum()
    return normed
