"""Rows of decisions and exclusions as tables for people: all of them, or those that stand."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sqlalchemy import Row, Table

from ..align import positions
from ..labels import CrowdLabels
from .coding import from_json
from .database import decisions, exclusions

DECISION_COLUMNS = ["example", "label", "flag", "reviewer", "note", "audit", "time", "revision"]
EXCLUSION_COLUMNS = ["kind", "name", "reviewer", "reason", "time"]


def decision_history(rows: Sequence[Row[Any]]) -> pd.DataFrame:
    """Every decision as a table, with the names of examples as they were when it was made."""
    frame = _frame(rows, decisions)
    frame = frame.assign(example=decoded(frame["name"]), label=decoded(frame["label"]))
    return frame[[*DECISION_COLUMNS, "undoes", "dataset"]].astype({"revision": "int64", "audit": "float64", "undoes": "Int64"})


def _frame(rows: Sequence[Row[Any]], table: Table) -> pd.DataFrame:
    """Rows with all columns of their table as objects, and the time as a time."""
    names = [column.name for column in table.columns]
    columns = zip(*rows, strict=True) if rows else [()] * len(names)
    frame = pd.DataFrame({name: pd.Series(values, dtype=object) for name, values in zip(names, columns, strict=True)})
    return frame.assign(time=pd.to_datetime(frame["time"], utc=True, format="ISO8601"))


def decoded(texts: pd.Series) -> pd.Series:
    """The names that `name_text` made into these texts; None stays. One call of the parser reads all of them."""
    values = json.loads(f"[{','.join(texts.fillna('null'))}]")
    return pd.Series([from_json(value) if type(value) is dict else value for value in values], index=texts.index, dtype=object)


def standing_decisions(rows: Sequence[Row[Any]], examples: pd.Index) -> pd.DataFrame:
    """The decision that stands for each of the examples, indexed by example in the order of the decisions."""
    return _by_example([row for row in _last_rows(rows) if row.label is not None or row.flag is not None], examples)


def latest_revisions(rows: Sequence[Row[Any]], examples: pd.Index) -> pd.Series:
    """The revision of the last row about each of the examples, also where that took a decision back and none stands."""
    return _by_example(_last_rows(rows), examples)["revision"]


def _last_rows(rows: Sequence[Row[Any]]) -> list[Row[Any]]:
    last: dict[str, Row[Any]] = {}
    for row in rows:
        last.pop(row.example, None)
        last[row.example] = row
    return list(last.values())


def _by_example(rows: Sequence[Row[Any]], examples: pd.Index) -> pd.DataFrame:
    frame = decision_history(rows)
    at = positions(examples, pd.Index(frame["example"].tolist(), dtype=None if len(frame) else examples.dtype, tupleize_cols=False))
    frame = frame[at >= 0].set_axis(examples.take(at[at >= 0]).rename("example"))
    return frame[DECISION_COLUMNS[1:]]


def overlaid(given: NDArray[np.int32] | None, decided: pd.DataFrame, names: CrowdLabels) -> NDArray[np.int32]:
    """Class codes (N,) of given gold with the standing decisions on top; -1 = no gold, and so where a flag stands."""
    codes = np.full(len(names.examples), -1, dtype=np.int32) if given is None else given.copy()
    example = names.examples.get_indexer(decided.index)
    flagged = decided["flag"].notna().to_numpy()
    label = pd.Index(decided["label"][~flagged].tolist(), dtype=object, tupleize_cols=False)
    codes[example[flagged]] = -1
    codes[example[~flagged]] = positions(names.classes, label)
    return codes


def exclusion_history(rows: Sequence[Row[Any]]) -> pd.DataFrame:
    """Every exclusion and restoration as a table."""
    frame = _frame(rows, exclusions)
    return frame.assign(name=decoded(frame["name"]))[[*EXCLUSION_COLUMNS, "excluded"]].astype({"excluded": bool})


def standing_exclusions(rows: Sequence[Row[Any]], names: CrowdLabels) -> pd.DataFrame:
    """The exclusions that stand for examples and annotators of these labels, with their names."""
    last = {(row.kind, row.item): row for row in rows}
    frame = exclusion_history([row for row in last.values() if row.excluded])
    if frame.empty:  # mostly nothing is excluded, and every page asks
        return frame[EXCLUSION_COLUMNS]
    for kind, own in (("example", names.examples), ("annotator", names.annotators)):
        mine = (frame["kind"] == kind).to_numpy()
        given = pd.Index(frame.loc[mine, "name"].tolist(), dtype=None if mine.any() else own.dtype, tupleize_cols=False)
        at = positions(own, given)
        found = iter(own.take(at[at >= 0]).tolist())
        renamed = pd.Series([next(found) if i >= 0 else None for i in at], index=frame.index[mine], dtype=object)
        frame.loc[mine, "name"] = renamed
        frame = frame.drop(index=renamed.index[at < 0])
    return frame[EXCLUSION_COLUMNS].reset_index(drop=True)
