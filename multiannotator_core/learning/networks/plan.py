"""What all networks of one call share: the examples of all kinds one below the other, folds, and who judges."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ...aggregation.calibration import label_shares
from ...align import ensemble, gold_codes, positions
from ...labels import CrowdLabels
from ...names import listed
from ..crossval import folds
from .crowd import Beside
from .inputs import Given, as_given, digest, stacked
from .learned import Known
from .loop import Schedule, Validation


@dataclass(frozen=True, eq=False)
class Plan:
    """All that the networks of one call share.

    Attributes:
        given: features of the N examples, then of validation and test examples.
        judges: the validation examples; None: a share of the N is held out.
        test_rows: positions of the test examples in `given`.
        fold: (N,) fold of each example from 1; 0 without folds.
        beside: gold and probabilities for the methods of `consensus`.
    """

    labels: CrowdLabels
    given: Given
    strategy: str
    options: Mapping[str, Any]
    backbone: str
    backbone_options: Mapping[str, Any]
    schedule: Schedule
    judges: Validation | None
    test_rows: NDArray[np.intp]
    fold: NDArray[np.intp]
    beside: Beside
    device: str
    seed: int


def together(
    labels: CrowdLabels, features: Given, validation: Known | None, test: Known | None
) -> tuple[Given, Validation | None, NDArray[np.intp]]:
    """All features one below the other, who judges, and the rows of the test examples."""
    n = len(labels.examples)
    if len(features) != n:
        raise ValueError(f"There are features of {len(features):,} examples, but labels of {n:,}; give one row for each.")
    further = [as_given(known.features) for known in (validation, test) if known is not None]
    sizes = np.cumsum([n, *map(len, further)])
    judges = None
    if validation is not None:
        code = codes_of(labels, validation, len(further[0]))
        if code is None or (code < 0).all():
            raise ValueError("The validation examples have no known class; give their truth, or leave them out.")
        rows = np.flatnonzero(code >= 0)
        judges = Validation(n + rows, np.eye(len(labels.classes))[code[rows]])
    test_rows = np.arange(sizes[-2], sizes[-1]) if test is not None else np.empty(0, dtype=np.intp)
    return stacked([features, *further]), judges, test_rows


def codes_of(labels: CrowdLabels, known: Known, n: int) -> NDArray[np.intp] | None:
    """(n,) class codes of known examples, -1 where the class is not known."""
    if known.truth is None:
        return None
    names = pd.Series(list(known.truth), dtype=object)
    if len(names) != n:
        raise ValueError(f"There are features of {n:,} examples, but classes of {len(names):,}; give one for each.")
    code = positions(labels.classes, pd.Index(names.tolist(), tupleize_cols=False, dtype=object))
    stranger = np.flatnonzero((code < 0) & names.notna().to_numpy())
    if stranger.size:
        raise ValueError(f"{names[stranger[0]]!r} is not one of the classes {listed(labels.classes)}.")
    return code


def fold_of(labels: CrowdLabels, n_folds: int, seed: int) -> NDArray[np.intp]:
    """(N,) fold of each example from 1, or 0 without folds; classes by majority are spread evenly."""
    teaches = labels.labels_per_example > 0
    if not n_folds:
        if not teaches.any():
            raise ValueError("There are no labels to learn from.")
        return np.zeros(len(teaches), dtype=np.intp)
    if n_folds < 2 or teaches.sum() < n_folds:
        raise ValueError(f"{n_folds} folds need from 2 to as many as there are examples with labels, and there are {teaches.sum():,}.")
    return 1 + folds(labels.votes.argmax(axis=1), teaches, n_folds, seed)


def only(labels: CrowdLabels, rows: NDArray[np.intp]) -> CrowdLabels:
    """The labels of the examples `rows`; all names stay, so that positions do too."""
    chosen = np.zeros(len(labels.examples), dtype=bool)
    chosen[rows] = True
    at = chosen[labels.example]
    return CrowdLabels(
        labels.examples, labels.annotators, labels.classes, labels.example[at], labels.annotator[at], labels.label[at]
    )  # fmt: skip


def held_out(plan: Plan, teaches: NDArray[np.intp], run: int) -> tuple[NDArray[np.intp], Validation | None]:
    """The examples that teach, and those that judge when to stop."""
    if plan.judges is not None or not plan.schedule.patience or len(teaches) < 2:
        return teaches, plan.judges
    n = min(len(teaches) - 1, max(1, round(plan.schedule.validation_share * len(teaches))))
    rows = np.sort(np.random.default_rng([plan.seed, run]).choice(teaches, n, replace=False))
    return np.setdiff1d(teaches, rows), Validation(rows, label_shares(plan.labels)[rows])


def key_of(plan: Plan) -> str:
    """A hash of everything that a training depends on."""
    parts = (plan.strategy, dict(plan.options), plan.backbone, dict(plan.backbone_options), asdict(plan.schedule), plan.seed)
    codes = gold_codes(plan.labels, plan.beside.gold)
    gold = None if codes is None else codes.tolist()
    text = json.dumps([plan.labels.fingerprint, digest(plan.given), *parts, plan.test_rows.tolist(), gold], default=str)
    found = hashlib.blake2b(text.encode(), digest_size=16)
    found.update(plan.fold.tobytes())
    for model in () if plan.beside.pred_probs is None else ensemble(plan.labels, plan.beside.pred_probs):
        found.update(model.tobytes())
    if plan.judges is not None:
        found.update(plan.judges.rows.tobytes() + plan.judges.shares.tobytes())
    return found.hexdigest()
