"""Argilla and Hugging Face: one row an example, parallel lists of responses, users and statuses; the consensus as suggestion."""

from __future__ import annotations

import io

import pyarrow as pa
import pyarrow.parquet as pq

from .writer import NO_GOLD, NO_LABEL, NO_TIMES, TEXT, UNUSED, Outgoing, Writer, given

QUESTION = "label"


def write(out: Outgoing) -> bytes:
    """Parquet of id, the texts, label.responses, .users and .status, and label.suggestion with its agent and score."""
    labels, who, what = out.labels, out.annotators, out.classes
    rows = list(given(out))
    shown = out.shown()
    fields = [key for key in dict.fromkeys(key for row in shown for key in row) if key not in ("id", "status") and "." not in key]
    columns: dict[str, pa.Array] = {
        "id": _strings(out.examples),
        **{key: _strings([row.get(key) for row in shown]) for key in fields if key != QUESTION},
        f"{QUESTION}.responses": _lists([[what[labels.label[row]] for row in mine] for mine in rows]),
        f"{QUESTION}.responses.users": _lists([[who[labels.annotator[row]] for row in mine] for mine in rows]),
        f"{QUESTION}.responses.status": _lists([["submitted"] * len(mine) for mine in rows]),
    }
    if out.result is not None:
        columns[f"{QUESTION}.suggestion"] = _strings([what[code] for code in out.result.label])
        columns[f"{QUESTION}.suggestion.agent"] = _strings([out.result.method] * len(rows))
        columns[f"{QUESTION}.suggestion.score"] = pa.array(out.result.quality)
    file = io.BytesIO()
    pq.write_table(pa.table(columns), file)
    return file.getvalue()


def _strings(values: list[str] | list[str | None]) -> pa.Array:
    return pa.array(values, type=pa.string())


def _lists(values: list[list[str]]) -> pa.Array:
    return pa.array(values, type=pa.list_(pa.string()))


WRITER = Writer("Argilla, Hugging Face (Parquet)", "parquet", write, " ".join((TEXT, UNUSED, NO_LABEL, NO_TIMES, NO_GOLD)))
