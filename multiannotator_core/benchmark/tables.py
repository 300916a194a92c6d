"""What a benchmark says: means with intervals, and a ranking that tells apart only what can be told apart.

Seeds of a simulation are independent crowds, so the mean over them is as sure as Student says. Seeds of own data are parts of the
same examples: more of them do not make it surer, and the interval is that of the delete-d jackknife (Shao & Wu 1989).
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import stdtrit

from .running import LOW_IS_GOOD

LEVEL = 0.95
SHARES = ("accuracy", "accuracy_ties_split", "macro_f1", "ece", "auroc", "auprc")  # their means and intervals lie in [0, 1]


def summary(rows: pd.DataFrame, metric: str = "accuracy", level: float = LEVEL) -> pd.DataFrame:
    """One row a (data, title): mean of a metric with its interval over seeds, and the seconds.

    Returns:
        data, title, method, n (seeds with a number), mean, low, high (its interval; the mean itself for one
        seed), seed_low, seed_high (where 95 % of the seeds lie), seconds (median), trouble.

    Raises:
        ValueError: the rows do not have this metric.
    """
    found = []
    for (data, title), group in _checked(rows, metric).groupby(["data", "title"], sort=False):
        values = group[metric].dropna().to_numpy(np.float64)
        mean, low, high = mean_interval(values, group.loc[group[metric].notna(), "share"].to_numpy(), level=level)
        low, high = (max(low, 0.0), min(high, 1.0)) if metric in SHARES else (low, high)
        ends = np.quantile(values, [(1 - level) / 2, (1 + level) / 2]) if len(values) else (np.nan, np.nan)
        found.append(
            {
                "data": data,
                "title": title,
                "method": group["method"].iloc[0],
                "n": len(values),
                "mean": mean,
                "low": low,
                "high": high,
                "seed_low": ends[0],
                "seed_high": ends[1],
                "seconds": group["seconds"].median() if "seconds" in group else np.nan,
                "trouble": next(iter(group["trouble"].dropna()), None),
            }
        )
    return pd.DataFrame(found)


def ranking(rows: pd.DataFrame, metric: str = "accuracy", level: float = LEVEL) -> pd.DataFrame:
    """Methods by their mean rank over all sets and seeds that all of them could run, the best first (Demšar 2006).

    Returns:
        title, method, rank (mean; ties share), rank_low, rank_high, mean, behind (mean paired difference to the best), behind_low,
        behind_high, as_good: whether the interval of that difference holds 0; n (sets × seeds), seconds (median).
        Methods that could not run everywhere are left out.

    Raises:
        ValueError: the rows do not have this metric, or no method ran everywhere.
    """
    table = _checked(rows, metric).pivot(index=["data", "seed"], columns="title", values=metric)
    table = table[list(dict.fromkeys(rows["title"]))].dropna(axis=1)
    if table.empty:
        raise ValueError(f"No method has a {metric} on all sets and seeds, so there is nothing to rank.")
    low_is_good = metric in LOW_IS_GOOD
    ranks = table.round(9).rank(axis=1, ascending=low_is_good)
    best = str(ranks.mean().idxmin())
    data = table.index.get_level_values("data").to_numpy()
    share = rows.groupby("data")["share"].first().reindex(data).to_numpy(np.float64)
    found = []
    for title in table.columns:
        rank, rank_low, rank_high = mean_interval(ranks[title].to_numpy(), share, data, level)
        behind = (table[title] - table[best]) * (1 if low_is_good else -1)
        gap, gap_low, gap_high = mean_interval(behind.to_numpy(), share, data, level)
        own = rows[rows["title"] == title]
        found.append(
            {
                "title": title,
                "method": own["method"].iloc[0],
                "rank": rank,
                "rank_low": max(rank_low, 1.0),
                "rank_high": min(rank_high, float(len(table.columns))),
                "mean": float(table[title].mean()),
                "behind": gap,
                "behind_low": gap_low,
                "behind_high": gap_high,
                "as_good": bool(gap_low <= 0),
                "n": len(table),
                "seconds": own["seconds"].median(),
            }
        )
    return pd.DataFrame(found).sort_values("rank", kind="stable", ignore_index=True)


def mean_interval(
    values: NDArray[np.float64], share: NDArray[np.float64], data: NDArray[np.object_] | None = None, level: float = LEVEL
) -> tuple[float, float, float]:
    """The mean of values (n,) and its interval; the mean alone where no set has two values, NaN for none.

    Args:
        share: (n,) part of the examples that a value rests on; 1 = independent sets.
        data: (n,) the set that each value comes from; default: all from one.
    """
    if not len(values):
        return np.nan, np.nan, np.nan
    sets = np.zeros(len(values), dtype=np.intp) if data is None else pd.factorize(data)[0]
    n = np.bincount(sets)
    centre = np.bincount(sets, weights=values) / n
    spread = np.bincount(sets, weights=(values - centre[sets]) ** 2) / np.maximum(n - 1, 1)
    part = np.bincount(sets, weights=share) / n
    variance = np.where(part < 1, spread * part / np.maximum(1 - part, 1e-9), spread / n)
    mean, freedom = float(np.mean(values)), int((n - 1).sum())
    if not freedom:
        return mean, mean, mean
    half = float(stdtrit(freedom, (1 + level) / 2) * np.sqrt((variance * (n / n.sum()) ** 2).sum()))
    return mean, mean - half, mean + half


def _checked(rows: pd.DataFrame, metric: str) -> pd.DataFrame:
    if metric not in rows.columns:
        raise ValueError(f"The results have no {metric!r}; they have {', '.join(map(str, rows.columns))}.")
    return rows
