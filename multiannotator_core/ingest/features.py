"""Features of examples for a model: a table by example name, or an array in the order of the labels."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ..labels import CrowdLabels
from .content import content_of
from .document import document
from .errors import IngestError
from .report import Notes
from .sources import Sources, blobs


def read_features(file: Sources, labels: CrowdLabels) -> tuple[pd.DataFrame, bool]:
    """Features by example name, and whether only the order of rows connects them to the examples.

    Args:
        file: a table (CSV, TSV, Parquet ...) with a column that names the example, or an NPY array (N, F) whose row i
            belongs to labels.examples[i].

    Raises:
        IngestError: more than one file, no numbers, or as many rows as there are examples are not there.
    """
    documents = [document(blob) for blob in blobs(file)]
    if len(documents) != 1:
        raise IngestError(f"There are {len(documents)} files; give one file of features.")
    values = documents[0].value
    if not isinstance(values, np.ndarray):
        return content_of(documents, labels, Notes()), False
    if values.dtype.kind not in "biuf" or values.ndim != 2 or len(values) != len(labels.examples):
        raise IngestError(
            f"{documents[0].name} holds an array of type {values.dtype} and shape {values.shape}, but there are {len(labels.examples):,} "
            "examples: give one row of numbers for each, in their order."
        )
    columns = [f"feature {f}" for f in range(1, values.shape[1] + 1)]
    return pd.DataFrame(values.astype(np.float64), index=labels.examples, columns=columns), True
