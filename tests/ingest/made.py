"""Small files for the tests of the readers, made in memory."""

from __future__ import annotations

import io
import json
import zipfile
from typing import Any

import numpy as np
import pandas as pd


def upload(name: str, content: str | bytes) -> io.BytesIO:
    """An open binary file with a name, as an upload gives it."""
    file = io.BytesIO(content.encode() if isinstance(content, str) else content)
    file.name = name
    return file


def json_file(name: str, value: Any) -> io.BytesIO:
    """A JSON file over several lines."""
    return upload(name, json.dumps(value, indent=1))


def json_lines(name: str, records: list[Any]) -> io.BytesIO:
    """One record a line."""
    return upload(name, "\n".join(json.dumps(record) for record in records))


def zipped(name: str, entries: dict[str, str | bytes]) -> io.BytesIO:
    """A zip with these entries."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for entry, content in entries.items():
            archive.writestr(entry, content)
    return upload(name, file.getvalue())


def npy(name: str, array: Any, allow_pickle: bool = False) -> io.BytesIO:
    """An array as numpy.save writes it."""
    file = io.BytesIO()
    np.save(file, array, allow_pickle=allow_pickle)
    return upload(name, file.getvalue())


def parquet(name: str, frame: pd.DataFrame) -> io.BytesIO:
    """A Parquet file."""
    file = io.BytesIO()
    frame.to_parquet(file, index=False)
    return upload(name, file.getvalue())


def triples(labels: Any) -> list[tuple[str, str, str]]:
    """(example, annotator, class) of every label, sorted."""
    return sorted(labels.to_long()[["example", "annotator", "label"]].itertuples(index=False, name=None))
