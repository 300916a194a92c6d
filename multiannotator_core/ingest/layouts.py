"""JSON that holds a table in another layout than a list of records."""

from __future__ import annotations

from typing import Any

from .columns import REQUIRED, guess

WRAPPERS = ("data", "records", "rows", "items", "results", "labels", "tasks", "examples")  # keys around the list that is meant
NO_WRAPPER = {"annotations", "completions", "answers", "annotationsFromAllWorkers", "projects"}  # such an object is itself a record


def records_of(value: Any) -> Any:
    """The records of a JSON value that holds a table by columns, in pandas' layouts, or below one key; any other value as it is."""
    single = value[0] if isinstance(value, list) and len(value) == 1 else value
    if not isinstance(single, dict):
        return value
    inner = _unwrapped(single)
    if inner is not None:
        return inner
    return _by_columns(value) if isinstance(value, dict) and len(value) > 1 else value


def _unwrapped(value: dict[str, Any]) -> list[dict[str, Any]] | None:
    """{"data": [{...}, ...]}, also beside a schema, or {"columns": [...], "data": [[...], ...]}."""
    titles, rows = value.get("columns"), value.get("data")
    if (
        isinstance(titles, list)
        and isinstance(rows, list)
        and rows
        and all(isinstance(row, list) and len(row) == len(titles) for row in rows)
    ):
        return [dict(zip(map(str, titles), row, strict=True)) for row in rows]
    lists = [key for key in WRAPPERS if isinstance(value.get(key), list) and value[key] and isinstance(value[key][0], dict)]
    if len(lists) != 1 or NO_WRAPPER & value.keys() or "id" in value:
        return None
    found: list[dict[str, Any]] = value[lists[0]]
    return found


def _by_columns(value: dict[str, Any]) -> Any:
    """One list (or one numbered object) for each column, whichever tool wrote it so."""
    columns = list(value.values())
    if all(isinstance(column, dict) for column in columns) and set(REQUIRED) <= guess(list(value))[0].keys():
        rows = dict.fromkeys(row for column in columns for row in column)
        return [{name: column.get(row) for name, column in value.items()} for row in rows]
    if not all(isinstance(column, list) for column in columns) or len({len(column) for column in columns}) != 1:
        return value
    if any(isinstance(cell, (dict, list)) for column in columns for cell in column):
        return value
    return [dict(zip(value, row, strict=True)) for row in zip(*columns, strict=True)]
