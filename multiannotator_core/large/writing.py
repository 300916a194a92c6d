"""Writing a folder of labels: aside, part by part in the order of examples, and then under its name."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from ..labels import CrowdLabels
from ..names import names_as_bytes
from .folder import FORMAT, MANIFEST, VERSION, LabelsFolder, is_folder_of_labels, open_labels

ROWS_AT_A_TIME = 1 << 20


@contextmanager
def aside(path: Path, *, force: bool = False) -> Iterator[Path]:
    """A folder to write into, which takes the name `path` when all went well and leaves nothing behind otherwise.

    Raises:
        ValueError: the name is taken, or is no place for a folder.
    """
    if path.exists() and not (force and is_folder_of_labels(path)):
        what = "give force=True to replace it, or" if is_folder_of_labels(path) else "it is no folder of labels, so it is not replaced:"
        raise ValueError(f"{path} exists; {what} choose another name.")
    if not path.absolute().parent.is_dir():
        raise ValueError(f"There is no folder {path.absolute().parent}; make it first.")
    part = path.absolute().with_name(f".{path.name}.{os.getpid()}.part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir()
    try:
        yield part
        if path.exists():
            old = part.with_suffix(".old")
            path.rename(old)
            part.rename(path)
            shutil.rmtree(old, ignore_errors=True)
        else:
            part.rename(path)
    finally:
        shutil.rmtree(part, ignore_errors=True)


class FolderWriter:
    """Writes labels that come in the order of examples; `names` are Arrow arrays of text or whole numbers."""

    def __init__(self, folder: Path, annotators: pa.Array, classes: pa.Array) -> None:
        self.folder, self.annotators, self.classes = folder, annotators, classes
        label = np.min_scalar_type(max(len(classes) - 1, 0))
        self.names = {"first_label": "first_label.int64", "annotator": "annotator.int32", "label": f"label.{label}"}
        self.files = {name: (folder / file).open("wb") for name, file in self.names.items()}
        self.n_examples = self.n_labels = 0
        self.per_annotator, self.per_class = np.zeros(len(annotators), np.int64), np.zeros(len(classes), np.int64)
        self.examples: pq.ParquetWriter | None = None
        self._put("first_label", np.zeros(1, np.int64))

    def add(self, names: pa.Array, counts: NDArray[Any], annotator: NDArray[np.int32], label: NDArray[np.int32]) -> None:
        """The next examples, how many labels each has, and these labels in canonical order."""
        if self.examples is None:
            self.examples = pq.ParquetWriter(self.folder / "examples.parquet", pa.schema([("name", names.type)]))
        self.examples.write_table(pa.table([names], names=["name"]))
        self._put("first_label", self.n_labels + np.cumsum(counts, dtype=np.int64))
        self._put("annotator", annotator)
        self._put("label", label)
        self.n_examples += len(counts)
        self.n_labels += len(label)
        self.per_annotator += np.bincount(annotator, minlength=len(self.annotators))
        self.per_class += np.bincount(label, minlength=len(self.classes))

    def _put(self, name: str, values: NDArray[Any]) -> None:
        values.astype(np.dtype(self.names[name].partition(".")[2]).newbyteorder("<"), copy=False).tofile(self.files[name])

    def __enter__(self) -> FolderWriter:
        return self

    def __exit__(self, *error: object) -> None:
        for file in self.files.values():
            file.close()
        if self.examples is not None:
            self.examples.close()

    def finish(self) -> None:
        """Write what is known at the end: the names of annotators and classes, the counts and the manifest."""
        self.__exit__()
        for what, names in (("annotators", self.annotators), ("classes", self.classes)):
            pq.write_table(pa.table([names], names=["name"]), self.folder / f"{what}.parquet")
        for name, counts in (("labels_per_annotator", self.per_annotator), ("labels_per_class", self.per_class)):
            self.names[name] = f"{name}.int64"
            counts.astype("<i8").tofile(self.folder / self.names[name])
        sizes = {"n_labels": self.n_labels, "n_examples": self.n_examples}
        sizes |= {"n_annotators": len(self.annotators), "n_classes": len(self.classes)}
        manifest = {"format": FORMAT, "version": VERSION, **sizes, "columns": self.names, "fingerprint": ""}
        manifest["fingerprint"] = fingerprint(LabelsFolder(self.folder, manifest))
        (self.folder / MANIFEST).write_text(json.dumps(manifest, indent=1) + "\n", "utf-8")


def save_labels(labels: CrowdLabels, path: str | Path, *, force: bool = False) -> LabelsFolder:
    """Write labels in memory as a folder. Times are not kept, since no method reads them.

    Raises:
        ValueError: names are neither all text nor all whole numbers; the path is taken.
    """
    path = Path(path)
    columns = {"example": labels.examples, "annotator": labels.annotators, "class": labels.classes}
    names = {what: _arrow(index, what) for what, index in columns.items()}
    with aside(path, force=force) as folder:
        first = np.concatenate([[0], np.cumsum(labels.labels_per_example)])
        with FolderWriter(folder, names["annotator"], names["class"]) as writer:
            for begin in range(0, max(len(labels.examples), 1), ROWS_AT_A_TIME):
                end = min(begin + ROWS_AT_A_TIME, len(labels.examples))
                rows = slice(first[begin], first[end])
                writer.add(names["example"][begin:end], np.diff(first[begin : end + 1]), labels.annotator[rows], labels.label[rows])
            writer.finish()
    return open_labels(path)


def _arrow(names: pd.Index, what: str) -> pa.Array:
    """Names as text or whole numbers."""
    if names.dtype == "str" or all(type(name) is str for name in names):
        return pa.array(names.astype(object), type=pa.large_string())
    if names.dtype.kind in "iu":
        return pa.array(names.to_numpy(np.int64))
    odd = next(name for name in names if type(name) is not str)
    raise ValueError(
        f"The {what} name {odd!r} is {type(odd).__name__}; on disk names are all text or all whole numbers. Rename them to text."
    )


def fingerprint(folder: LabelsFolder) -> str:
    """`CrowdLabels.fingerprint` of the labels in a folder, in bounded memory."""
    digest = hashlib.blake2b(digest_size=16)
    for what in ("examples", "annotators", "classes"):
        digest.update(b"[")
        for i, batch in enumerate(pq.ParquetFile(folder.path / f"{what}.parquet").iter_batches(ROWS_AT_A_TIME)):
            digest.update((b", " if i else b"") + names_as_bytes(pd.Index(batch["name"].to_pandas()))[1:-1])
        digest.update(b"]")
    codes = folder.codes
    for begin in range(0, folder.shape[0], ROWS_AT_A_TIME):
        counts = np.diff(codes.first_label[begin : begin + ROWS_AT_A_TIME + 1])
        digest.update(np.repeat(np.arange(begin, begin + len(counts), dtype=np.int32), counts).tobytes())
    for column in (codes.annotator, codes.label):
        for begin in range(0, len(column), ROWS_AT_A_TIME):
            digest.update(column[begin : begin + ROWS_AT_A_TIME].astype(np.int32).tobytes())
    digest.update(b"--")
    return digest.hexdigest()
