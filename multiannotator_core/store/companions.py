"""What goes with labels: model probabilities, given gold and content, checked and aligned when they are written."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
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

from ..align import ensemble, gold_codes, positions
from ..labels import CrowdLabels
from ..names import listed
from .coding import from_json, index_json, json_index, to_json
from .files import digest_of, discard, reading, write_aside

# The key of our own JSON in a Parquet file's metadata.
_METADATA = b"crowdlens"


@dataclass(frozen=True)
class Companion:
    """How one companion of labels is checked and written, and read with the names of the labels."""

    suffix: str
    write: Callable[..., object]
    read: Callable[[Path, CrowdLabels], Any]


def _write_pred_probs(file: IO[bytes], names: CrowdLabels, value: Any) -> None:
    """(N, K) of one model, (models, N, K) of several."""
    models = ensemble(names, value)
    np.save(file, models[0] if len(models) == 1 else np.stack(models), allow_pickle=False)


def _read_pred_probs(path: Path, names: CrowdLabels) -> tuple[pd.DataFrame, ...]:
    stored = np.load(path, allow_pickle=False)
    models = stored if stored.ndim == 3 else stored[None]
    return tuple(pd.DataFrame(model, index=names.examples, columns=names.classes) for model in models)


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
        # Arrow would turn objects into others: a set into a list, a list into an array, equal keys into one struct.
        if values.dtype == object and pd.api.types.infer_dtype(values, skipna=True) not in ("string", "bytes", "empty"):
            columns.append(_json_column(values, name))
            as_json.append(at)
        else:
            columns.append(_arrow_column(values, name))
    about = {"columns": index_json(content.columns, "content column"), "json": as_json}
    table = pa.table(columns, names=[str(i) for i in range(len(columns))]).replace_schema_metadata({_METADATA: json.dumps(about)})
    pq.write_table(table, file)


def _arrow_column(values: pd.Series, name: Any) -> pa.Array:
    try:
        return pa.array(values, from_pandas=True)
    except (pa.ArrowException, UnicodeError) as error:
        raise ValueError(f"content, column {name!r} cannot be stored: {error}. Turn the column into text.") from None


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
    with reading(path):
        return COMPANIONS[kind].read(path, names)


def read_gold_codes(path: Path) -> NDArray[np.int32]:
    """Class codes (N,) of given gold, -1 = none."""
    with reading(path):
        codes: NDArray[np.int32] = np.load(path, allow_pickle=False)
        return codes
