"""peerannot: answers.json with gap-free numbers, metadata.json, and a table that says which number is which name."""

from __future__ import annotations

from typing import Any

import numpy as np

from .tables import to_npy
from .writer import MANIFEST, NO_GOLD, NO_TIMES, TEXT, Outgoing, Writer, as_json, csv, manifest, one_a_pair, zipped


def write(out: Outgoing) -> bytes:
    """A zip: answers.json {example: {annotator: class}}, metadata.json, mapping.csv, and the consensus as NPY.

    peerannot takes ids without gaps only, so examples and annotators without labels are left out.
    """
    labels, rows = out.labels, one_a_pair(out.labels)
    # number[i]: the gap-free number of name i, in the order of the names
    example, annotator = (np.cumsum(n > 0) - 1 for n in (labels.labels_per_example, labels.labels_per_annotator))
    answers: dict[str, dict[str, int]] = {}
    codes = example[labels.example[rows]], annotator[labels.annotator[rows]], labels.label[rows]
    for i, j, k in zip(*(values.tolist() for values in codes), strict=True):
        answers.setdefault(str(i), {})[str(j)] = k
    names = {
        "example": [name for name, n in zip(out.examples, labels.labels_per_example, strict=True) if n],
        "annotator": [name for name, n in zip(out.annotators, labels.labels_per_annotator, strict=True) if n],
        "class": out.classes,
    }
    metadata = {
        "name": "crowdlens",
        "n_classes": len(names["class"]),
        "n_workers": len(names["annotator"]),
        "n_task": len(names["example"]),
        "n_tasks": len(names["example"]),
    }
    files: dict[str, bytes] = {"answers.json": as_json(answers), "metadata.json": as_json(metadata), "mapping.csv": _mapping(names)}
    files[MANIFEST] = manifest(
        "peerannot", files=["answers.json"], classes=names["class"], examples=names["example"], annotators=names["annotator"]
    )
    if out.result is not None:
        files["consensus.npy"] = to_npy(out.result.label[labels.labels_per_example > 0].astype(np.int64))
    return zipped(files)


def _mapping(names: dict[str, list[str]]) -> bytes:
    rows: list[tuple[str, int, Any]] = [(kind, i, name) for kind, known in names.items() for i, name in enumerate(known)]
    kinds, numbers, texts = zip(*rows, strict=True)
    return csv({"kind": list(kinds), "number": list(numbers), "name": list(texts)})


WRITER = Writer(
    "peerannot",
    "zip",
    write,
    f"{TEXT} Of several labels by one annotator for one example, only the last one is kept. "
    f"Examples and annotators without labels are left out, since peerannot cannot read gaps. {NO_TIMES} {NO_GOLD}",
)
