"""The labels that count once annotators or examples are excluded."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..align import positions
from ..labels import CrowdLabels
from ..names import listed


def counted(labels: CrowdLabels, annotators: Iterable[Hashable] = (), examples: Iterable[Hashable] = ()) -> CrowdLabels:
    """The labels without those of some annotators or on some examples (names); all names stay, so that no id changes.

    Raises:
        ValueError: a name is not in the table, or no label is left.
    """
    left_out = _chosen(labels.annotators, annotators, "annotator")[labels.annotator]
    left_out |= _chosen(labels.examples, examples, "example")[labels.example]
    if not left_out.any():
        return labels
    if left_out.all():
        raise ValueError("Every label is excluded. Restore an annotator or an example first.")
    rows = ~left_out
    return replace(
        labels,
        example=labels.example[rows],
        annotator=labels.annotator[rows],
        label=labels.label[rows],
        timestamp=None if labels.timestamp is None else labels.timestamp[rows],
        seconds=None if labels.seconds is None else labels.seconds[rows],
    )


def without_excluded(labels: CrowdLabels, exclusions: pd.DataFrame) -> CrowdLabels:
    """The labels that count under the exclusions (kind, name) of a store.

    Raises:
        ValueError: as in `counted`.
    """
    kinds = {kind: exclusions["name"][exclusions["kind"] == kind] for kind in ("annotator", "example")}
    return counted(labels, kinds["annotator"], kinds["example"])


def reasons(names: pd.Index, exclusions: pd.DataFrame, kind: str) -> list[str]:
    """For each name why it is excluded, "no reason given" where nobody said so, and nothing where it is not."""
    why = {row.name: row.reason or "no reason given" for row in exclusions.itertuples(index=False) if row.kind == kind}
    return [why.get(name, "") for name in names]


def sentence(exclusions: pd.DataFrame, most: int = 20) -> str:
    """What is excluded and why, in words."""
    if not len(exclusions):
        return "nothing"
    said = [f"{row.kind} {row.name}" + (f" ({row.reason})" if row.reason else "") for row in exclusions.head(most).itertuples(index=False)]
    return ", ".join(said) + (f" and {len(exclusions) - most:,} more" if len(exclusions) > most else "")


def _chosen(names: pd.Index, wanted: Iterable[Hashable], what: str) -> NDArray[np.bool_]:
    """Which of the names are wanted."""
    given = pd.Index(list(wanted), tupleize_cols=False)
    chosen = np.zeros(len(names), dtype=bool)
    if len(given):
        at = positions(names, given)
        if (at < 0).any():
            raise ValueError(f"There is no {what} {given[int((at < 0).argmax())]!r}; the labels have {listed(names)}.")
        chosen[at] = True
    return chosen
