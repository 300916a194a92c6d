"""The consensus of a folder of labels as a Parquet file, written in parts."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from ..consensus import Consensus
from .folder import LabelsFolder

ROWS_AT_A_TIME = 1 << 17


def write_posterior(folder: LabelsFolder, result: Consensus, path: str | Path, *, soft: bool = True, dtype: str = "float64") -> None:
    """Write one row for each example: example, consensus_label, consensus_quality_score, and with `soft` a column for each class.

    Args:
        dtype: of the probabilities: "float64" or "float32".

    Raises:
        ValueError: the result is of other labels; dtype is another one.
    """
    path = Path(path)
    if result.posterior.shape != (folder.shape[0], folder.shape[2]):
        raise ValueError(f"The result has shape {result.posterior.shape}, but the labels have {folder.shape[0]:,} examples.")
    if dtype not in ("float64", "float32"):
        raise ValueError(f"dtype={dtype!r} must be float64 or float32.")
    classes = pq.read_table(folder.path / "classes.parquet")["name"]
    columns = [f"p({name})" for name in classes.to_pylist()] if soft else []
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    writer: pq.ParquetWriter | None = None
    begin = 0
    try:
        for batch in pq.ParquetFile(folder.path / "examples.parquet").iter_batches(ROWS_AT_A_TIME):
            rows = slice(begin, begin + len(batch))
            posterior, label = np.asarray(result.posterior[rows]), np.asarray(result.label[rows])
            quality = posterior[np.arange(len(label)), label].astype(dtype)
            table = {"example": batch["name"], "consensus_label": classes.take(pa.array(label)), "consensus_quality_score": quality}
            table |= {column: posterior[:, k].astype(dtype) for k, column in enumerate(columns)}
            made = pa.table(table)
            writer = writer or pq.ParquetWriter(part, made.schema)
            writer.write_table(made)
            begin = rows.stop
        if writer is not None:
            writer.close()
            os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)
