"""A folder of labels, sorted by example: raw codes, names beside them, and a manifest that says what they are.

The codes are raw little-endian numbers, the type in the ending of the file. An iteration reads every label: raw numbers are mapped
into memory where they lie, a block is a slice of bytes, and nothing is decoded. Names are read rarely; they are Parquet.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
from numpy.typing import NDArray

from ..aggregation.block import Codes
from ..consensus import Consensus
from ..labels import CrowdLabels

FORMAT, VERSION = "crowdlens labels", 1
MANIFEST = "manifest.json"


class Column:
    """Numbers in a file, read slice by slice: pages of a slice leave memory with it, so a pass never holds the whole file."""

    def __init__(self, path: Path) -> None:
        self.path, self.dtype = path, np.dtype(path.suffix[1:]).newbyteorder("<")
        self.length = path.stat().st_size // self.dtype.itemsize

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, at: Any) -> Any:
        begin, end, _ = slice(at, at + 1).indices(self.length) if not isinstance(at, slice) else at.indices(self.length)
        if end <= begin:
            values = np.empty(0, self.dtype)
        else:
            values = np.memmap(self.path, self.dtype, "r", offset=begin * self.dtype.itemsize, shape=(end - begin,))
        return values if isinstance(at, slice) else values[0]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        """The file as one mapped array, for searches that touch few of its pages."""
        return np.asarray(np.memmap(self.path, self.dtype, "r"), dtype=dtype)

    def whole(self) -> NDArray[Any]:
        """All numbers, in memory."""
        return np.fromfile(self.path, self.dtype)


@dataclass(frozen=True, eq=False)
class LabelsFolder:
    """L labels of N examples by J annotators over K classes on disk; `open_labels` gives it, `convert_labels` writes it.

    Attributes:
        path: the folder.
        manifest: what its manifest says: sizes, fingerprint, version.
    """

    path: Path
    manifest: dict[str, Any]

    def __len__(self) -> int:
        """L, the number of labels."""
        return int(self.manifest["n_labels"])

    def __repr__(self) -> str:
        n, j, k = self.shape
        return f"LabelsFolder({str(self.path)!r}: {len(self):,} labels of {n:,} examples by {j:,} annotators, {k:,} classes)"

    @property
    def shape(self) -> tuple[int, int, int]:
        """(N, J, K)."""
        return self.manifest["n_examples"], self.manifest["n_annotators"], self.manifest["n_classes"]

    @property
    def fingerprint(self) -> str:
        """That of the same labels in memory, without their times."""
        return str(self.manifest["fingerprint"])

    @cached_property
    def examples(self) -> pd.Index:
        """(N,) names; all of them in memory."""
        return self._names("examples", "example")

    @cached_property
    def annotators(self) -> pd.Index:
        """(J,) names."""
        return self._names("annotators", "annotator")

    @cached_property
    def classes(self) -> pd.Index:
        """(K,) names."""
        return self._names("classes", "class")

    @cached_property
    def codes(self) -> Codes:
        """The labels, read slice by slice."""
        first_label, annotator, label = (self._column(name) for name in ("first_label", "annotator", "label"))
        per_annotator, per_class = (self._column(name).whole() for name in ("labels_per_annotator", "labels_per_class"))
        return Codes(first_label, annotator, label, per_annotator, per_class)

    @property
    def n_bytes(self) -> int:
        """Size of the codes on disk."""
        return sum(self._column(name).path.stat().st_size for name in ("first_label", "annotator", "label"))

    def _column(self, name: str) -> Column:
        return Column(self.path / self.manifest["columns"][name])

    def _names(self, file: str, what: str) -> pd.Index:
        return pd.Index(pq.read_table(self.path / f"{file}.parquet")["name"].to_pandas(), name=what)

    def to_labels(self) -> CrowdLabels:
        """The same labels in memory."""
        codes = self.codes
        pointers = codes.first_label.whole()
        example = np.repeat(np.arange(self.shape[0], dtype=np.int32), np.diff(pointers))
        return CrowdLabels(
            self.examples, self.annotators, self.classes, example, codes.annotator.whole(), codes.label.whole().astype(np.int32)
        )

    def aggregate(self, method: str = "dawid_skene", **given: Any) -> Consensus:
        """`multiannotator_core.aggregate` on this folder; see `large.running.aggregate_folder` for what it takes more."""
        from .running import aggregate_folder  # here, since it reads folders

        return aggregate_folder(self, method, **given)


def open_labels(path: str | Path) -> LabelsFolder:
    """Open a folder of labels that `convert_labels` or `save_labels` wrote.

    Raises:
        ValueError: it is no such folder, is of another version, or is damaged.
    """
    path = Path(path)
    try:
        manifest = json.loads((path / MANIFEST).read_text("utf-8"))
    except (OSError, ValueError):
        raise ValueError(f"{path} is no folder of labels: it has no {MANIFEST}. Write one with convert_labels(files, folder).") from None
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
        raise ValueError(f"{path} is no folder of labels: its {MANIFEST} is of something else.")
    if manifest["version"] != VERSION:
        raise ValueError(f"{path} is of version {manifest['version']}, and this program reads version {VERSION}: convert the labels again.")
    folder = LabelsFolder(path, manifest)
    for name, rows in (("first_label", folder.shape[0] + 1), ("annotator", len(folder)), ("label", len(folder))):
        try:
            found = len(folder._column(name))
        except OSError:
            found = 0
        if found != rows:
            raise ValueError(
                f"{path} is damaged: {manifest['columns'][name]} holds {found:,} of {rows:,} numbers. Convert the labels again."
            )
    return folder


def is_folder_of_labels(path: str | Path) -> bool:
    """Whether there is a manifest."""
    return (Path(path) / MANIFEST).is_file()
