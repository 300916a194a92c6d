"""A table of times beside the labels: seconds or a timestamp for each pair of example and annotator."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from .columns import guess
from .document import Document
from .rows import Parsed, coded
from .times import seconds_spent, utc_times


def is_times(document: Document) -> bool:
    """A table with columns for example, annotator and a time, and none for the label."""
    found = guess(document.columns)[0]
    return {"example", "annotator"} <= found.keys() and "label" not in found and bool({"seconds", "timestamp"} & found.keys())


def with_times(rows: Parsed, files: Sequence[Document]) -> Parsed:
    """The rows with the times of these tables, joined by example and annotator; repeated pairs stay without."""
    for source in files:
        table = source.table
        assert table is not None
        found = guess(source.columns)[0]
        example, annotator = coded(table[found["example"]]), coded(table[found["annotator"]])
        width = len(rows.annotator.names)
        here = _codes(rows.example.names, example.names)[example.codes] * width
        who = _codes(rows.annotator.names, annotator.names)[annotator.codes]
        pairs = np.where((here >= 0) & (who >= 0) & (example.codes >= 0) & (annotator.codes >= 0), here + who, -1)
        pair_of_row = rows.example.codes.astype(np.int64) * width + rows.annotator.codes
        usable = (pairs >= 0) & ~pd.Series(pairs).duplicated(keep=False).to_numpy()
        at = pd.Index(pairs[usable]).get_indexer(pd.Index(pair_of_row))
        for role, convert, unknown in (("seconds", seconds_spent, np.nan), ("timestamp", utc_times, np.datetime64("NaT", "us"))):
            if role in found and getattr(rows, role) is None:
                values = np.append(convert(table[found[role]].to_pandas())[usable], unknown)
                rows = replace(rows, **{role: values[at]})
        rows.notes.assume(f"{source.name}: times are joined to the labels by example and annotator ({int((at >= 0).sum()):,} labels).")
    return rows


def _codes(names: pd.Index, given: pd.Index) -> np.ndarray:
    return np.asarray(names.get_indexer(given)).astype(np.int64)
