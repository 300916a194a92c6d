"""Names, options and small tables as JSON that knows their types, so that they come back equal."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pandas as pd

# What JSON itself tells apart; Python's json writes and reads NaN and infinity, and floats with all their digits.
_PLAIN = (str, bool, int, float, type(None))


def to_json(value: Any) -> Any:
    """The value as JSON; tuples, dicts and numpy's numbers carry their type.

    Raises:
        TypeError: a type that would not come back equal.
    """
    if type(value) in _PLAIN:
        return value
    if type(value) is list:
        return [to_json(item) for item in value]
    if type(value) is tuple:
        return {"tuple": [to_json(item) for item in value]}
    if type(value) is dict:
        return {"dict": [[to_json(key), to_json(item)] for key, item in value.items()]}
    if isinstance(value, np.generic) and type(value.item()) in _PLAIN:
        return {"numpy": [type(value).__name__, value.item()]}
    raise TypeError(f"{str(value)[:60]!r} is of type {type(value).__name__}")


def from_json(value: Any) -> Any:
    """What `to_json` was given."""
    if type(value) is list:
        return [from_json(item) for item in value]
    if type(value) is not dict:
        return value
    (kind, content), *more = value.items()
    if kind == "tuple" and not more:
        return tuple(from_json(item) for item in content)
    if kind == "dict" and not more:
        return {from_json(key): from_json(item) for key, item in content}
    if kind == "numpy" and not more:
        scalar = getattr(np, content[0], None)
        if isinstance(scalar, type) and issubclass(scalar, np.generic):
            return scalar(content[1])
    raise ValueError(f"The stored value {str(value)[:60]!r} has a type that this version does not know.")


def name_text(name: Any) -> str:
    """One name as text for a column of the database: plain ASCII, so that every database takes it."""
    return json.dumps(to_json(name))


def text_name(text: str) -> Any:
    """What `name_text` was given."""
    return from_json(json.loads(text))


def index_json(names: pd.Index, what: str) -> dict[str, Any]:
    """The names of an index with their type.

    Raises:
        ValueError: a name is neither text, a number, True, False nor a tuple of these; the message shows it.
    """
    values = names.tolist()
    if not all(type(value) in _PLAIN for value in values):
        try:
            values = [to_json(value) for value in values]
        except TypeError as error:
            raise ValueError(
                f"The {what} {error}, which cannot be stored. Use text, numbers, True or False, or tuples of these: str(name) is the "
                "simplest."
            ) from None
    plain = isinstance(names.dtype, np.dtype) or str(names.dtype) == "str"
    return {"dtype": str(names.dtype) if plain else "object", "values": values}


def json_index(coded: dict[str, Any], name: str | None = None) -> pd.Index:
    """The index that `index_json` was given."""
    values = coded["values"]
    if any(type(value) in (list, dict) for value in values):
        values = [from_json(value) for value in values]
    return pd.Index(values, dtype=coded["dtype"], name=name, tupleize_cols=False)


def frame_json(frame: pd.DataFrame) -> dict[str, Any]:
    """A small table: index, columns and cells, each with its type."""
    return {
        "index": index_json(frame.index, "row"),
        "index_name": to_json(frame.index.name),
        "columns": index_json(frame.columns, "column"),
        "cells": [index_json(pd.Index(frame.iloc[:, i], tupleize_cols=False), "cell") for i in range(frame.shape[1])],
    }


def json_frame(coded: dict[str, Any]) -> pd.DataFrame:
    """The table that `frame_json` was given."""
    index = json_index(coded["index"]).rename(from_json(coded["index_name"]))
    columns = json_index(coded["columns"])
    frame = pd.DataFrame({i: pd.Series(json_index(cells).array, index=index) for i, cells in enumerate(coded["cells"])}, index=index)
    frame.columns = columns
    return frame
