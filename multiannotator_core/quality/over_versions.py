"""How annotators changed from one file of a project to the next."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from ..consensus import Consensus
from ..labels import CrowdLabels
from .uncertainty import annotator_intervals


def quality_over_versions(versions: Mapping[str, tuple[CrowdLabels, Consensus]]) -> pd.DataFrame:
    """Quality of each annotator in each version, with a 95 % interval.

    A newer file mostly holds the labels of the older one too. Its quality is that of all labels in it, so that a change
    between files shows smaller than it is among the new labels alone.

    Args:
        versions: name -> (labels, result), the oldest first.

    Returns:
        One row an annotator and version, in the order of the versions: annotator, version, n_labels, quality, low, high. Annotators
        without labels in a version have no row for it.
    """
    parts = []
    for name, (labels, result) in versions.items():
        found = annotator_intervals(labels, result)
        found = found[found["n_labels"] > 0]
        parts.append(
            pd.DataFrame(
                {
                    "annotator": pd.Series(found.index.tolist(), dtype=object),
                    "version": name,
                    "n_labels": found["n_labels"].to_numpy(),
                    "quality": found["quality"].to_numpy(),
                    "low": found["quality_low"].to_numpy(),
                    "high": found["quality_high"].to_numpy(),
                }
            )
        )
    return pd.concat(parts, ignore_index=True)


def changes_over_versions(table: pd.DataFrame) -> pd.DataFrame:
    """Who changed between their first and their last version: one row an annotator with two versions, the largest change first.

    Args:
        table: from `quality_over_versions`.

    Returns:
        Indexed by annotator: qualities (list, one a version), n_labels (of the last), first, last, last_low, last_high, change, and
        apart: whether the intervals of first and last do not overlap.
    """
    rows = {}
    for annotator, own in table.groupby("annotator", sort=False):
        if len(own) < 2:
            continue
        first, last = own.iloc[0], own.iloc[-1]
        rows[annotator] = {
            "qualities": own["quality"].tolist(),
            "n_labels": int(last["n_labels"]),
            "first": float(first["quality"]),
            "last": float(last["quality"]),
            "last_low": float(last["low"]),
            "last_high": float(last["high"]),
            "change": float(last["quality"] - first["quality"]),
            "apart": bool(first["high"] < last["low"] or last["high"] < first["low"]),
        }
    columns = ["qualities", "n_labels", "first", "last", "last_low", "last_high", "change", "apart"]
    found = pd.DataFrame.from_dict(rows, orient="index", columns=columns)
    return found.iloc[found["change"].abs().argsort(kind="stable").to_numpy()[::-1]]
