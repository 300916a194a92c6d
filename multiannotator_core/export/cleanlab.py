"""cleanlab: one row an example, one column an annotator, whole numbers from 0; the class list says what they mean."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..labels import CrowdLabels
from .tables import to_npy
from .writer import MANIFEST, MOST_CELLS, NO_GOLD, NO_TIMES, TEXT, Outgoing, Writer, manifest, one_a_pair, zipped

LOSES = " ".join(
    (
        TEXT,
        "Of several labels by one annotator for one example, only the last one is kept.",
        "Examples and annotators without labels are left out, since cleanlab refuses empty rows and columns.",
        NO_TIMES,
        NO_GOLD,
    )
)


def too_large(labels: CrowdLabels) -> str | None:
    """Why a wide table of these labels would have too many cells, or None."""
    n, j = np.count_nonzero(labels.labels_per_example), np.count_nonzero(labels.labels_per_annotator)
    if n * j <= MOST_CELLS:
        return None
    return (
        f"A wide table of {n:,} examples and {j:,} annotators would have more than {MOST_CELLS:,} cells. "
        "Take the long table (crowd-kit) instead."
    )


def write_csv(out: Outgoing) -> bytes:
    """A zip: labels.csv with the examples' names in the first column, the class list, and the consensus as NPY."""
    cells, examples, annotators = _wide(out)
    frame = pd.DataFrame(cells, columns=_titles(annotators)).astype("Int64")
    frame.insert(0, "example", examples)
    return _zip(out, {"labels.csv": frame.to_csv(index=False, lineterminator="\n", quoting=2).encode()}, examples, annotators)


def write_npy(out: Outgoing) -> bytes:
    """A zip: labels.npy (NaN = not labelled), the lists of names, and the consensus as NPY."""
    cells, examples, annotators = _wide(out)
    return _zip(out, {"labels.npy": to_npy(cells)}, examples, annotators)


def _wide(out: Outgoing) -> tuple[NDArray[np.float64], list[str], list[str]]:
    """(N, J) class codes, NaN = not labelled, without empty rows and columns; and the names of both."""
    labels = out.labels
    examples, annotators = np.flatnonzero(labels.labels_per_example), np.flatnonzero(labels.labels_per_annotator)
    if refusal := too_large(labels):
        raise ValueError(refusal)
    rows = one_a_pair(labels)
    cells = np.full((len(examples), len(annotators)), np.nan)
    cells[np.searchsorted(examples, labels.example[rows]), np.searchsorted(annotators, labels.annotator[rows])] = labels.label[rows]
    return cells, [out.examples[i] for i in examples], [out.annotators[j] for j in annotators]


def _titles(annotators: list[str]) -> list[str]:
    """The annotators as names of columns; numbered where blanks around a name would make two of them one."""
    plain = {"example", *(name.strip() for name in annotators)}
    return annotators if len(plain) == len(annotators) + 1 and "" not in plain else [f"annotator_{j}" for j in range(len(annotators))]


def _zip(out: Outgoing, files: dict[str, bytes], examples: list[str], annotators: list[str]) -> bytes:
    names = manifest("cleanlab", files=sorted(files), classes=out.classes, examples=examples, annotators=annotators)
    if out.result is not None:
        files["consensus.npy"] = to_npy(out.result.label[out.labels.labels_per_example > 0].astype(np.int64))
    return zipped({**files, MANIFEST: names})


CSV = Writer("cleanlab (wide CSV)", "zip", write_csv, LOSES, too_large)
NPY = Writer("cleanlab (NPY)", "zip", write_npy, LOSES, too_large)
