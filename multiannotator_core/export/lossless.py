"""Our own file: labels as Parquet, names in their order as JSON, gold and contents beside them. Nothing is lost."""

from __future__ import annotations

import io
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from .writer import MANIFEST, TEXT, Outgoing, Writer, instants, manifest, texts, zipped


def write(out: Outgoing) -> bytes:
    """A zip: labels.parquet, gold.parquet, content.parquet, and crowdlens.json with all names in their order."""
    labels = out.labels
    columns: dict[str, Any] = {
        "example": _named(out.examples, labels.example),
        "annotator": _named(out.annotators, labels.annotator),
        "label": _named(out.classes, labels.label),
    }
    if labels.timestamp is not None:
        columns["timestamp"] = pa.array(instants(labels), type=pa.string())
    if labels.seconds is not None:
        columns["seconds"] = pa.array([repr(value) for value in labels.seconds.tolist()], type=pa.string())
    files = {"labels.parquet": _parquet(columns)}
    if out.gold is not None:
        files["gold.parquet"] = _parquet({"example": texts(out.gold.index), "gold": [str(value) for value in out.gold]})
    if out.content is not None:
        files["content.parquet"] = _parquet({"example": texts(out.content.index), **_texts_of(out.content)})
    names = {"classes": out.classes, "examples": out.examples, "annotators": out.annotators}
    about = manifest("crowdlens", files=sorted(files), fingerprint=labels.fingerprint, **names)
    return zipped({MANIFEST: about, **files})


def _named(names: list[str], codes: Any) -> pa.DictionaryArray:
    return pa.DictionaryArray.from_arrays(pa.array(codes), pa.array(names, type=pa.string()))


def _texts_of(content: pd.DataFrame) -> dict[str, list[str | None]]:
    kept = [column for column in content.columns if column != "example" and not any(isinstance(v, bytes) for v in content[column])]
    return {str(column): [None if pd.isna(value) else str(value) for value in content[column]] for column in kept}


def _parquet(columns: dict[str, Any]) -> bytes:
    file = io.BytesIO()
    pq.write_table(pa.table({name: pa.array(v, type=pa.string()) if isinstance(v, list) else v for name, v in columns.items()}), file)
    return file.getvalue()


WRITER = Writer("Crowdlens (lossless)", "zip", write, TEXT)
