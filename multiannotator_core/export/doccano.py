"""doccano: one record an example with the consensus as its label; who said what stands beside it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .writer import NO_GOLD, NO_LABEL, TEXT, UNUSED, Outgoing, Writer, as_lines, given, instants

KEPT = ("id", "label", "annotations", "Comments")


def write(out: Outgoing) -> bytes:
    """JSON lines of id, text, label (the consensus, as a list) and annotations (label, user, updated_at)."""
    return as_lines(_records(out))


def _records(out: Outgoing) -> Iterator[dict[str, Any]]:
    labels, who, what, times = out.labels, out.annotators, out.classes, instants(out.labels)
    for i, (name, shown, rows) in enumerate(zip(out.examples, out.shown(), given(out), strict=True)):
        consensus = [] if out.result is None else [what[out.result.label[i]]]
        fields = {key: value for key, value in shown.items() if key not in KEPT}
        entries = [{"label": what[labels.label[row]], "user": who[labels.annotator[row]], "updated_at": times[row]} for row in rows]
        yield {"id": name, "text": name, **fields, "label": consensus, "annotations": entries}


WRITER = Writer("doccano (JSONL)", "jsonl", write, f"{TEXT} {UNUSED} {NO_LABEL} Seconds spent are not written. {NO_GOLD}")
