"""Prodigy: one record a label, as a choice among all classes."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any

import numpy as np

from .writer import NO_GOLD, NO_LABEL, TEXT, UNUSED, Outgoing, Writer, as_lines, given

FIELDS = ("text", "html")
OURS = "crowdlens_id"  # Prodigy's hashes are numbers, so the example's name travels in the meta data


def write(out: Outgoing) -> bytes:
    """JSON lines of text, options, accept, answer, the hashes, annotator and time; the consensus stands in the meta data."""
    return as_lines(_records(out))


def _records(out: Outgoing) -> Iterator[dict[str, Any]]:
    labels, who, what = out.labels, out.annotators, out.classes
    options = [{"id": name, "text": name} for name in what]
    times = labels.timestamp
    for i, (name, shown, rows) in enumerate(zip(out.examples, out.shown(), given(out), strict=True)):
        number = int.from_bytes(hashlib.blake2b(name.encode("utf-8", "surrogatepass"), digest_size=4).digest(), signed=True)
        meta: dict[str, Any] = {OURS: name}
        if out.result is not None:
            meta |= {"consensus": what[out.result.label[i]], "quality": float(out.result.quality[i])}
        fields = {"text": name, **{key: value for key, value in shown.items() if key in FIELDS}}
        head = {**fields, "options": options, "meta": meta, "_input_hash": number, "_task_hash": number, "_view_id": "choice"}
        for row in rows:
            annotator = who[labels.annotator[row]]
            record = {**head, "accept": [what[labels.label[row]]], "answer": "accept", "_annotator_id": annotator, "_session_id": annotator}
            if times is not None and not np.isnat(times[row]):
                record["_timestamp"] = int(times[row].astype(np.int64)) / 1e6
            yield record


WRITER = Writer(
    "Prodigy (JSONL)",
    "jsonl",
    write,
    f"{TEXT} {UNUSED} {NO_LABEL} Seconds spent, times before 1974 and millionths of seconds after 2100 are lost. {NO_GOLD} "
    "Of the contents, only text and html are written.",
)
