"""What is different in next week's file."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..align import positions
from ..labels import CrowdLabels


def changed_examples(before: CrowdLabels, after: CrowdLabels) -> pd.DataFrame:
    """Examples that were added, removed or have other labels, by name.

    An example is changed when who gave it which label how often is not the same; times do not count. Names that differ
    only in type (1, "1") are the same name.

    Returns:
        Indexed by example, those of `after` first: change ("added", "changed" or "removed"), labels_before, labels_after.
    """
    example, examples = _joint(before.examples, after.examples)
    annotator, annotators = _joint(before.annotators, after.annotators)
    label, classes = _joint(before.classes, after.classes)
    # The number of each label (example, annotator, class) in joint codes; int64 holds a million of each of the first two.
    size = np.int64(len(annotators) * len(classes))
    old = example[before.example] * size + annotator[before.annotator] * len(classes) + label[before.label]
    new = after.example * size + after.annotator * np.int64(len(classes)) + after.label
    numbers, place = np.unique(np.concatenate([old, new]), return_inverse=True)
    same = np.bincount(place[: len(old)], minlength=len(numbers)) == np.bincount(place[len(old) :], minlength=len(numbers))
    n, n_after = len(examples), len(after.examples)
    changed = np.bincount(numbers[~same] // size if size else [], minlength=n) > 0
    known = np.isin(np.arange(n), example)
    change = np.where(~known, "added", np.where(np.arange(n) >= n_after, "removed", np.where(changed, "changed", "same")))
    frame = pd.DataFrame(
        {
            "change": change,
            "labels_before": np.bincount(example[before.example], minlength=n),
            "labels_after": np.bincount(after.example, minlength=n),
        },
        index=examples,
    )
    return frame[frame["change"] != "same"]


def _joint(before: pd.Index, after: pd.Index) -> tuple[NDArray[np.int64], pd.Index]:
    """The code of each old name in a joint list, which has the new names first, and that list."""
    code = positions(after, before).astype(np.int64)
    gone = np.flatnonzero(code < 0)
    code[gone] = len(after) + np.arange(len(gone))
    names = pd.Index([*after.tolist(), *before.take(gone).tolist()], name=after.name, tupleize_cols=False)
    return code, names
