"""What is too large for the database: labels, what goes with them, and runs, each file written aside and then renamed."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO, Any
from uuid import uuid4

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from ..align import aligned_pred_probs, gold_codes, positions
from ..consensus import Consensus
from ..labels import CrowdLabels, listed
from .coding import frame_json, from_json, index_json, json_frame, json_index, to_json
from .database import StoreError, file_trouble

LABELS, NAMES = "labels.parquet", "names.json"

# The key of our own JSON in a Parquet file's metadata.
_METADATA = b"crowdlens"

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
def _reading(path: Path) -> Iterator[None]:
    try:
        yield
    except (ValueError, KeyError, EOFError, MemoryError, zipfile.BadZipFile, pa.ArrowException) as error:
        raise StoreError(f"The file {path} is damaged ({error}). Restore it from a backup or an exported workspace.") from error


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
    try:
        folder.mkdir(parents=True)
    except OSError as error:
        raise file_trouble(error, folder) from error
    write_aside(folder / LABELS, lambda file: pq.write_table(pa.table(columns), file))
    write_aside(folder / NAMES, lambda file: file.write(json.dumps(names).encode()))
    if read_labels(folder).fingerprint != labels.fingerprint:
        raise StoreError("The labels did not come back from the disk as they were; nothing was saved. Use text or whole numbers as names.")


def read_names(folder: Path) -> CrowdLabels:
    """The names of stored labels: a table without rows."""
    none = np.empty(0, dtype=np.int32)
    with _reading(folder / NAMES):
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
    with _reading(folder / LABELS):
        table = pq.read_table(folder / LABELS)
        columns = {name: column.to_numpy() for name, column in zip(table.column_names, table.columns, strict=True)}
        return CrowdLabels(names.examples, names.annotators, names.classes, **columns)


# ---------------------------------------------------------------------- what goes with labels


@dataclass(frozen=True)
class Companion:
    """How one companion of labels is checked and written, and read with the names of the labels."""

    suffix: str
    write: Callable[..., object]
    read: Callable[[Path, CrowdLabels], Any]


def _write_pred_probs(file: IO[bytes], names: CrowdLabels, value: Any) -> None:
    np.save(file, aligned_pred_probs(names, value), allow_pickle=False)


def _read_pred_probs(path: Path, names: CrowdLabels) -> pd.DataFrame:
    return pd.DataFrame(np.load(path, allow_pickle=False), index=names.examples, columns=names.classes)


def _write_gold(file: IO[bytes], names: CrowdLabels, value: Any) -> None:
    codes = gold_codes(names, value)
    np.save(file, np.full(len(names.examples), -1, dtype=np.int32) if codes is None else codes, allow_pickle=False)


def _read_gold(path: Path, names: CrowdLabels) -> pd.Series:
    return gold_series(names, np.load(path, allow_pickle=False))


def gold_series(names: CrowdLabels, codes: NDArray[np.int32]) -> pd.Series:
    """Class names by example name from codes (N,), -1 = no gold."""
    known = np.flatnonzero(codes >= 0)
    return pd.Series(names.classes.take(codes[known]), index=names.examples.take(known), name="gold")


def _write_content(file: IO[bytes], names: CrowdLabels, value: Any) -> None:
    """Rows of known examples in the order of the labels; columns that Parquet cannot hold go in as JSON."""
    content = value
    if not isinstance(content, pd.DataFrame):
        raise ValueError(f"content must be a DataFrame with one row an example, not {type(content).__name__}.")
    if not content.index.is_unique:
        raise ValueError(f"content has two rows for the example {content.index[content.index.duplicated()][0]!r}; keep one.")
    example = positions(names.examples, content.index)
    if len(content) and (example < 0).all():
        raise ValueError(
            f"No example of content is among the labels: content has {listed(content.index)}, the labels have {listed(names.examples)}."
        )
    rows = np.argsort(example, kind="stable")[(example < 0).sum() :]
    columns, as_json = [pa.array(example[rows].astype(np.int32))], []
    for at, name in enumerate(content.columns):
        values = content.iloc[rows, at]
        try:
            columns.append(pa.array(values, from_pandas=True))
        except (pa.ArrowException, UnicodeError, TypeError, OverflowError):
            columns.append(_json_column(values, name))
            as_json.append(at)
    about = {"columns": index_json(content.columns, "content column"), "json": as_json}
    table = pa.table(columns, names=[str(i) for i in range(len(columns))]).replace_schema_metadata({_METADATA: json.dumps(about)})
    pq.write_table(table, file)


def _json_column(values: pd.Series, name: Any) -> pa.Array:
    try:
        return pa.array([None if value is None else json.dumps(to_json(value)) for value in values], type=pa.large_string())
    except TypeError as error:
        raise ValueError(f"content, column {name!r}: {error}, which cannot be stored. Turn the column into text.") from None


def _read_content(path: Path, names: CrowdLabels) -> pd.DataFrame:
    table = pq.read_table(path)
    about = json.loads(table.schema.metadata[_METADATA])
    index = names.examples.take(table.column(0).to_numpy())
    columns = {}
    for at, column in enumerate(table.columns[1:]):
        if at in about["json"]:
            values = [None if value is None else from_json(json.loads(value)) for value in column.to_pylist()]
            columns[at] = pd.Series(values, index=index, dtype=object)
        else:
            columns[at] = pd.Series(column.to_pandas().array, index=index)
    frame = pd.DataFrame(columns, index=index)
    frame.columns = json_index(about["columns"])
    return frame


COMPANIONS: dict[str, Companion] = {
    "pred_probs": Companion(".npy", _write_pred_probs, _read_pred_probs),
    "gold": Companion(".npy", _write_gold, _read_gold),
    "content": Companion(".parquet", _write_content, _read_content),
}


def write_companions(folder: Path, names: CrowdLabels, given: Mapping[str, Any]) -> dict[str, tuple[str, str]]:
    """Write what is given (kind -> value, None = not given) into files of new names: kind -> (file name, hash).

    Raises:
        ValueError: a value does not fit the names; nothing is left behind then.
    """
    written: dict[str, tuple[str, str]] = {}
    try:
        for kind, value in given.items():
            if value is not None:
                companion = COMPANIONS[kind]
                path = folder / f"{kind}-{uuid4().hex[:8]}{companion.suffix}"
                write_aside(path, partial(companion.write, names=names, value=value))
                written[kind] = (path.name, digest_of(path))
    except BaseException:
        discard(folder, [file for file, _ in written.values()])
        raise
    return written


def read_companion(path: Path, kind: str, names: CrowdLabels) -> Any:
    """What was given as this companion, in the order and with the names of the labels."""
    with _reading(path):
        return COMPANIONS[kind].read(path, names)


def read_gold_codes(path: Path) -> NDArray[np.int32]:
    """Class codes (N,) of given gold, -1 = none."""
    with _reading(path):
        codes: NDArray[np.int32] = np.load(path, allow_pickle=False)
        return codes


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
    with _reading(path):
        with np.load(path, allow_pickle=False) as stored:
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
