"""Tables that put several qualities side by side, for pages and notebooks."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from ..consensus import Consensus
from ..labels import CrowdLabels
from .examples import QUALITY_METHODS, example_quality, label_quality, why_this_label

# Scores that only name a group or repeat the quality say nothing beside it.
NOT_COMPARED = ("accuracy", "cluster")


def eligible_qualities(result: Consensus, pred_probs: Any = None) -> dict[str, str]:
    """The example qualities that can be computed from this result and model: name -> title."""
    return {
        name: method.title
        for name, method in QUALITY_METHODS.items()
        if (pred_probs is not None or not method.needs_pred_probs) and (name != "difficulty" or result.difficulty is not None)
    }


def example_metrics(labels: CrowdLabels, result: Consensus, pred_probs: Any = None) -> pd.DataFrame:
    """One row an example, one column for each quality that can be computed; all in [0, 1], low = look at it."""
    return pd.DataFrame(
        {name: example_quality(labels, result, name, pred_probs) for name in eligible_qualities(result, pred_probs)}, index=labels.examples
    )


def label_table(labels: CrowdLabels, result: Consensus, pred_probs: Any = None) -> pd.DataFrame:
    """One row a label, the least plausible first: as `to_long`, with consensus_label, agrees, and quality in [0, 1] (`label_quality`)."""
    table = labels.to_long()
    table["consensus_label"] = labels.classes.take(result.label[labels.example])
    table["agrees"] = labels.label == result.label[labels.example]
    table["quality"] = label_quality(labels, result, pred_probs)
    return table.sort_values("quality", kind="stable", ignore_index=True)


def with_other_runs(metrics: pd.DataFrame, others: Mapping[str, Consensus]) -> pd.DataFrame:
    """`annotator_metrics` and what other runs (by title) say of each annotator: `Quality (GLAD)`, `Ability (GLAD)` ..."""
    columns: dict[str, Any] = {}
    for title, result in others.items():
        scores = {name: values for name, values in result.annotator_scores.items() if name not in NOT_COMPARED}
        columns |= {f"{name.capitalize()} ({title})": values for name, values in {"quality": result.annotator_quality, **scores}.items()}
    return metrics.assign(**columns)


def split_examples(labels: CrowdLabels, runs: Mapping[str, Consensus], most: int = 200) -> pd.DataFrame:
    """Examples to which runs (by title) give different labels, those with most different labels first.

    Returns:
        indexed by example: the class that each run gives, and `lowest_quality`, the lowest quality that any run has there.
    """
    codes = np.stack([result.label for result in runs.values()], axis=1)
    lowest = np.min([result.quality for result in runs.values()], axis=0)
    ordered = np.sort(codes, axis=1)
    different = (np.diff(ordered, axis=1) != 0).sum(axis=1)
    rows = np.flatnonzero(different)
    rows = rows[np.lexsort((rows, lowest[rows], -different[rows]))][:most]
    columns = {title: labels.classes.take(result.label[rows]) for title, result in runs.items()}
    return pd.DataFrame({**columns, "lowest_quality": lowest[rows]}, index=labels.examples.take(rows))


def who_said_what(labels: CrowdLabels, result: Consensus, example: Hashable, pred_probs: Any = None) -> pd.DataFrame:
    """Who speaks for which class of one example, most weight first.

    Returns:
        label, agrees (with the consensus), source (annotator, model or class frequencies), weight in [0, 1] (see
        `why_this_label`), and for annotators quality and, where times are known, seconds.
    """
    why = why_this_label(labels, result, example, pred_probs if result.method == "crowdlab" else None)
    at = labels.examples.get_loc(example)
    rows = np.arange(*np.searchsorted(labels.example, [at, at + 1]))
    people = (why["kind"] == "annotator").to_numpy()
    table = why[["label", "agrees", "source", "weight"]].assign(quality=np.nan)
    table.loc[people, "quality"] = result.annotator_quality[labels.annotator[rows]]
    if labels.seconds is not None:
        table.loc[people, "seconds"] = labels.seconds[rows]
    return table.sort_values("weight", ascending=False, kind="stable")
