"""Gold: a table with one column for the example and one for its trusted class."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ..align import positions
from ..labels import CrowdLabels
from ..names import listed, natural_order
from .columns import guess
from .document import Document, document
from .errors import IngestError
from .rows import NO_LABEL, coded, settled_gold, without
from .sources import Source, blobs


def is_gold(document: Document) -> bool:
    """A table with columns for example and gold, and none for the annotator."""
    found = guess(document.columns)[0]
    return {"example", "gold"} <= found.keys() and not {"annotator", "label"} & found.keys()


def read_gold(file: Source, labels: CrowdLabels | None = None) -> pd.Series:
    """Gold as class names indexed by example name; rows without gold are left out.

    Args:
        file: CSV, TSV, Parquet or JSON lines with a column for the example (task, item ...) and one for the gold
            (gold, truth ...; a column called label or class will do).
        labels: checks that the file speaks of these examples.

    Raises:
        IngestError: a column is not found, an example has two golds, or no example is known.
    """
    documents = [document(blob) for blob in blobs(file)]
    if len(documents) != 1:
        raise IngestError(f"There are {len(documents)} files; give one file of gold, with a column for the example and one for the gold.")
    gold = gold_of(documents[0])
    if labels is not None and (positions(labels.examples, gold.index) < 0).all():
        raise IngestError(
            f"{documents[0].name}: no example of the gold is among the labels. The gold has {listed(gold.index)}, "
            f"the labels have {listed(labels.examples)}. Use the same names in both files."
        )
    return gold


def gold_of(source: Document) -> pd.Series:
    """Gold from a table whose columns are found by their names."""
    table, name = source.table, source.name
    found, clashes = guess(source.columns, ("gold", "example", "label"))
    if clashes:
        role, columns = next(iter(clashes.items()))
        raise IngestError(f"{name}: two columns, {listed(columns)}, could name the {role}. Rename or remove one of them.")
    truth = found.get("gold") or found.get("label")
    if table is None or "example" not in found or truth is None:
        raise IngestError(
            f"{name}: gold needs a column for the example (such as 'example' or 'task') and one for its class (such as 'gold' or 'truth'); "
            f"the file has {listed(source.columns) or 'no columns'}."
        )
    example, gold = without(coded(table[found["example"]]), ("",)), without(coded(table[truth]), NO_LABEL)
    known = (example.codes >= 0) & (gold.codes >= 0)
    if not known.any():
        raise IngestError(f"{name}: column {truth!r} names no class. Choose a file with gold for at least one example.")
    pairs = pd.Series(gold.names[gold.codes[known]].to_numpy(object), index=example.names[example.codes[known]])
    settled = settled_gold(pairs, name)
    assert settled is not None
    return settled


def with_gold_classes(labels: CrowdLabels, gold: pd.Series) -> CrowdLabels:
    """The same labels with a class list that has every class that gold names, in natural order."""
    named = pd.Index(list(dict.fromkeys(gold.dropna().tolist())), tupleize_cols=False)
    new = named[positions(labels.classes, named) < 0]
    if not len(new):
        return labels
    names = pd.Index([*labels.classes, *new], tupleize_cols=False, name="class")
    order = natural_order(names)
    ranks = np.empty(len(order), dtype=np.int32)
    ranks[order] = np.arange(len(order), dtype=np.int32)
    return CrowdLabels(
        labels.examples,
        labels.annotators,
        names[order],
        labels.example,
        labels.annotator,
        ranks[labels.label],
        labels.timestamp,
        labels.seconds,
    )
