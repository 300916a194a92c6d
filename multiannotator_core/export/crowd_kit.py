"""crowd-kit: tables of task, worker, label; gold and the consensus beside them."""

from __future__ import annotations

from .writer import MANIFEST, NO_TIMES, TEXT, Outgoing, Writer, csv, manifest, texts, zipped


def write(out: Outgoing) -> bytes:
    """A zip: crowd_labels.csv (task, worker, label), gt.csv (task, true_label), consensus.csv (task, agg_label), and the names."""
    labels = out.labels
    files = {
        "crowd_labels.csv": csv(
            {
                "task": texts(labels.examples.take(labels.example)),
                "worker": texts(labels.annotators.take(labels.annotator)),
                "label": texts(labels.classes.take(labels.label)),
            }
        )
    }
    if out.gold is not None:
        files["gt.csv"] = csv({"task": texts(out.gold.index), "true_label": [str(value) for value in out.gold]})
    if out.result is not None:
        files["consensus.csv"] = csv({"task": out.examples, "agg_label": texts(labels.classes.take(out.result.label))})
    names = {"classes": out.classes, "examples": out.examples, "annotators": out.annotators}
    return zipped({**files, MANIFEST: manifest("crowd_kit", files=sorted(files), **names)})


WRITER = Writer("crowd-kit (CSV)", "zip", write, f"{TEXT} {NO_TIMES}")
