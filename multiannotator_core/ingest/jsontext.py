"""JSON and JSON lines. Numbers stay text, as they stand in the file: "007", 7 and 7.0 are three names."""

from __future__ import annotations

import json
import re
from typing import Any

import pyarrow as pa

from . import limits
from .delimited import refuse_long_cells
from .errors import IngestError

_LATER = json.JSONDecoder(parse_int=str, parse_float=str, parse_constant=lambda _: None)
_SPACE = re.compile(r"\s*")
# Half of a surrogate pair is no character; a pair of backslashes comes first, since it is no escape of what follows.
_HALF = re.compile(
    r"\\\\|\\u[dD][89abAB][0-9a-fA-F]{2}(?!\\u[dD][c-fC-F][0-9a-fA-F]{2})"
    r"|(?<!\\u[dD][89abAB][0-9a-fA-F]{2})\\u[dD][c-fC-F][0-9a-fA-F]{2}"
)


def read_json(text: bytes, name: str) -> Any:
    """The value of a JSON file; several values one after the other (JSON lines) give a list.

    Raises:
        IngestError: not JSON (with the line), or too deep.
    """
    string = text.decode()
    if "\\ud" in string or "\\uD" in string:
        string = _HALF.sub(lambda match: match[0] if match[0] == r"\\" else r"\ufffd", string)
    values, at = [], _space(string, 0)
    try:
        while at < len(string):
            value, at = _LATER.raw_decode(string, at)
            values.append(value)
            at = _space(string, at)
    except json.JSONDecodeError as error:
        line = string.count("\n", 0, error.pos) + 1
        raise IngestError(f"{name}, line {line}: not valid JSON ({error.msg}). Export the file again; it may break off here.") from None
    except RecursionError:
        raise too_deep(name) from None
    if not values:
        raise IngestError(f"{name} is empty. Choose a file with at least one label.")
    _refuse_depth(values, name)
    return values[0] if len(values) == 1 and not _is_record(values[0]) else values


def _space(string: str, at: int) -> int:
    match = _SPACE.match(string, at)
    return match.end() if match else at


def _is_record(value: Any) -> bool:
    """Whether one lonely object is a record (JSON lines of one line, a single task) and no nested table."""
    return isinstance(value, dict) and not (value and all(isinstance(inner, (dict, list)) for inner in value.values()))


def _refuse_depth(values: list[Any], name: str) -> None:
    level, depth = [value for value in values if isinstance(value, (dict, list))], 0
    while level:
        depth += 1
        if depth > limits.MAX_DEPTH:
            raise too_deep(name)
        children = (child for value in level for child in (value.values() if isinstance(value, dict) else value))
        level = [child for child in children if isinstance(child, (dict, list))]


def too_deep(name: str) -> IngestError:
    """The refusal of lists inside lists inside lists."""
    return IngestError(f"{name}: lists and objects lie too deep inside each other; {limits.how_to_raise('MAX_DEPTH')}.")


def as_text(value: Any) -> str | None:
    """A JSON value as the text of one cell; None stays None."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if hasattr(value, "isoformat"):  # a time in the nested cells of a Parquet file
        return str(value.isoformat())
    return json.dumps(value, ensure_ascii=False, default=str)


def table_of_records(records: list[dict[str, Any]], name: str) -> pa.Table:
    """A table of text with one row a record; a key that a record lacks is a missing cell.

    Raises:
        IngestError: there are too many keys.
    """
    columns: dict[str, None] = {}
    for row, record in enumerate(records):
        columns.update(dict.fromkeys(record))
        if len(columns) > limits.MAX_COLUMNS:
            raise IngestError(f"{name}, record {row + 1}: there are too many names; {limits.how_to_raise('MAX_COLUMNS')}.")
    arrays = [pa.array([as_text(record.get(column)) for record in records], type=pa.large_string()) for column in columns]
    table = pa.table(arrays, names=list(columns))
    refuse_long_cells(table, name)
    return table
