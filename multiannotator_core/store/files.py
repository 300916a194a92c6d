"""What is too large for the database: labels and runs, each file written aside and then renamed."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import zipfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import IO, Any
from uuid import uuid4

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from ..consensus import Consensus
from ..labels import CrowdLabels
from .coding import frame_json, from_json, index_json, json_frame, json_index, to_json
from .database import StoreError, file_trouble

LABELS, NAMES = "labels.parquet", "names.json"

_CODES = ("example", "annotator", "label")
_ARRAYS = ("posterior", "label", "annotator_quality", "confusion", "difficulty", "undecided")


# ---------------------------------------------------------------------- any file


def write_aside(path: Path, write: Callable[[IO[bytes]], object]) -> None:
    """Write a file beside its name, bring it to the disk, then rename it: it is there as a whole or not at all."""
    aside = path.with_name(f".{path.name}.{uuid4().hex[:8]}")
    try:
        try:
            with aside.open("wb") as file:
                write(file)
                file.flush()
                os.fsync(file.fileno())
            aside.replace(path)
            _sync_folder(path.parent)
        except BaseException:
            with contextlib.suppress(OSError):
                aside.unlink(missing_ok=True)
            raise
    except OSError as error:
        if isinstance(error, FileNotFoundError) and error.filename != str(aside):
            raise  # a file that was to be copied is gone: the caller knows more
        raise file_trouble(error, path) from error


def _sync_folder(folder: Path) -> None:
    """A new name is on the disk only when its folder is; Windows does that by itself."""
    if os.name != "nt":
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def discard(folder: Path, names: Iterable[str]) -> None:
    """Remove files that nothing refers to any more; what cannot be removed only takes room."""
    for name in names:
        with contextlib.suppress(OSError):
            (folder / name).unlink(missing_ok=True)


@contextlib.contextmanager
def reading(path: Path) -> Iterator[None]:
    """A file that cannot be understood is damaged, whatever the parser says."""
    try:
        yield
    except (ValueError, KeyError, TypeError, EOFError, MemoryError, zipfile.BadZipFile, pa.ArrowException) as error:
        raise StoreError(f"The file {path} is damaged ({error}). Restore it from a backup or an exported workspace.") from error


def make_folder(folder: Path) -> None:
    """A new folder, and those above it."""
    try:
        folder.mkdir(parents=True)
    except OSError as error:
        raise file_trouble(error, folder) from error


def digest_of(path: Path) -> str:
    """A hash of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=16)).hexdigest()


# ---------------------------------------------------------------------- labels


def write_labels(folder: Path, labels: CrowdLabels) -> None:
    """Labels as Parquet with codes, and names with their types as JSON; what was written is read again and compared.

    Raises:
        ValueError: a name has a type that would not come back.
        StoreError: the disk refuses, or did not keep what it was given.
    """
    names = {
        "examples": index_json(labels.examples, "example name"),
        "annotators": index_json(labels.annotators, "annotator name"),
        "classes": index_json(labels.classes, "class name"),
    }
    columns = {column: pa.array(getattr(labels, column)) for column in _CODES}
    if labels.timestamp is not None:
        columns["timestamp"] = pa.array(labels.timestamp, type=pa.timestamp("us"))
    if labels.seconds is not None:
        columns["seconds"] = pa.array(labels.seconds, from_pandas=False)
    make_folder(folder)
    write_aside(folder / LABELS, lambda file: pq.write_table(pa.table(columns), file))
    write_aside(folder / NAMES, lambda file: file.write(json.dumps(names).encode()))
    if read_labels(folder).fingerprint != labels.fingerprint:
        raise StoreError("The labels did not come back from the disk as they were; nothing was saved. Use text or whole numbers as names.")


def read_names(folder: Path) -> CrowdLabels:
    """The names of stored labels: a table without rows."""
    none = np.empty(0, dtype=np.int32)
    with reading(folder / NAMES):
        names = json.loads((folder / NAMES).read_bytes())
        indexes = (
            json_index(names["examples"], "example"),
            json_index(names["annotators"], "annotator"),
            json_index(names["classes"], "class"),
        )
        return CrowdLabels(*indexes, none, none, none)


def read_labels(folder: Path) -> CrowdLabels:
    """The labels that `write_labels` was given."""
    names = read_names(folder)
    with reading(folder / LABELS):
        table = pq.read_table(folder / LABELS)
        columns = {name: column.to_numpy() for name, column in zip(table.column_names, table.columns, strict=True)}
        return CrowdLabels(names.examples, names.annotators, names.classes, **columns)


# ---------------------------------------------------------------------- runs


def write_run(path: Path, result: Consensus) -> None:
    """A result as one `.npz` without pickle; what is no array stands in it as JSON."""
    arrays = {name: value for name in _ARRAYS if (value := getattr(result, name)) is not None}
    scores = list(result.annotator_scores)
    about = {
        "scores": scores,
        "trace": [float(value) for value in result.trace],
        "converged": bool(result.converged),
        "method": result.method,
        "options": options_json(result),
        "selection": None if result.selection is None else frame_json(result.selection),
    }
    arrays |= {f"score_{i}": np.asarray(result.annotator_scores[name]) for i, name in enumerate(scores)}
    for name, values in arrays.items():
        if values.dtype == object:
            raise ValueError(f"The result's {name} holds objects; only numbers can be stored.")
    about_bytes = np.frombuffer(json.dumps(about).encode(), dtype=np.uint8)
    write_aside(path, lambda file: np.savez(file, about=about_bytes, **arrays))


def options_json(result: Consensus) -> Any:
    """The options of a run as JSON.

    Raises:
        ValueError: an option is neither text, a number, a list nor a dict of these.
    """
    try:
        return to_json(dict(result.options))
    except TypeError as error:
        raise ValueError(f"An option of this run cannot be stored: {error}. Use text, numbers, lists or dicts.") from None


def read_run(path: Path) -> Consensus:
    """The result that `write_run` was given.

    Raises:
        StoreError: the file is damaged.
    """
    with reading(path):
        with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
            arrays = {name: stored[name] for name in stored.files}
        about = json.loads(arrays["about"].tobytes())
        fields: dict[str, Any] = {name: arrays.get(name) for name in _ARRAYS}
        return Consensus(
            **fields,
            annotator_scores={name: arrays[f"score_{i}"] for i, name in enumerate(about["scores"])},
            trace=tuple(about["trace"]),
            converged=about["converged"],
            selection=None if about["selection"] is None else json_frame(about["selection"]),
            method=about["method"],
            options=from_json(about["options"]),
        )
