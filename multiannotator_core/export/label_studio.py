"""Label Studio: tasks with the labels as annotations and the consensus as a prediction."""

from __future__ import annotations

from typing import Any

import numpy as np

from .writer import NO_LABEL, TEXT, UNUSED, Outgoing, Writer, as_json, given, instants

CONTROL, OBJECT = "label", "text"  # from_name and to_name: the labelling interface needs a <Choices> and a <Text> of these names
OURS = "crowdlens_id"  # Label Studio numbers tasks itself, so the example's name travels in the data


def write(out: Outgoing) -> bytes:
    """A list of tasks: data, annotations (completed_by is the annotator's name as e-mail), predictions, ground truths."""
    return as_json(_tasks(out))


def _tasks(out: Outgoing) -> list[dict[str, Any]]:
    labels, who, what = out.labels, out.annotators, out.classes
    times, gold = instants(labels), out.known()
    tasks = []
    for i, (name, shown, rows) in enumerate(zip(out.examples, out.shown(), given(out), strict=True)):
        annotations = [_annotation(who[labels.annotator[row]], what[labels.label[row]], times[row], _spent(out, row)) for row in rows]
        if i in gold:
            annotations.append({**_annotation("gold", gold[i]), "ground_truth": True})
        task: dict[str, Any] = {"id": i + 1, "data": {**shown, OURS: name}, "annotations": annotations}
        if out.result is not None:
            prediction = {"model_version": out.result.method, "score": float(out.result.quality[i])}
            task["predictions"] = [{**prediction, "result": [_choice(what[out.result.label[i]])]}]
        tasks.append(task)
    return tasks


def _spent(out: Outgoing, row: int) -> float | None:
    seconds = out.labels.seconds
    return None if seconds is None or not np.isfinite(seconds[row]) else float(seconds[row])


def _annotation(annotator: str, label: str, time: str | None = None, seconds: float | None = None) -> dict[str, Any]:
    known = {"created_at": time, "updated_at": time, "lead_time": seconds}
    return {
        "completed_by": {"email": annotator},
        "result": [_choice(label)],
        "was_cancelled": False,
        "ground_truth": False,
        **{key: value for key, value in known.items() if value is not None},
    }


def _choice(label: str) -> dict[str, Any]:
    return {"from_name": CONTROL, "to_name": OBJECT, "type": "choices", "value": {"choices": [label]}}


WRITER = Writer("Label Studio (JSON tasks)", "json", write, f"{TEXT} {UNUSED} {NO_LABEL} Times spent below zero or above a day are lost.")
