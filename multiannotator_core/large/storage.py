"""States of blocks and rows of results as files, and the checkpoint from which a run that was killed goes on."""

from __future__ import annotations

import json
import os
import time
from dataclasses import fields, is_dataclass
from importlib import import_module
from itertools import count
from pathlib import Path
from typing import Any, BinaryIO, Protocol
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from ..aggregation.engine import State

AGGREGATION = "multiannotator_core.aggregation"


class RowsFile:
    """An array over all examples that is written from its first row to its last."""

    def __init__(self, path: Path, shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
        self.path, self.dtype = path, dtype
        self.file: BinaryIO = path.open("wb")
        header = {"descr": np.lib.format.dtype_to_descr(dtype), "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(self.file, header)

    def __setitem__(self, rows: slice, values: NDArray[Any]) -> None:
        np.ascontiguousarray(values, dtype=self.dtype).tofile(self.file)


class OnDisk:
    """`Storage` in a folder. Arrays of a state are files that are never written twice, so that the last checkpoint stays whole.

    Args:
        dtype: of the posterior: float64, or float32 for half the room.
    """

    def __init__(self, folder: Path, dtype: np.dtype[Any]) -> None:
        self.folder, self.dtype = folder, dtype
        self.where: dict[int, dict[str, str]] = {}  # block -> name -> file
        self._began, self._numbers = f"{time.time_ns():x}", count()  # threads may take numbers at the same time

    def state(self, b: int) -> State:
        """The state that block b was left in."""
        return {name: np.load(self.folder / file) for name, file in self.where.get(b, {}).items()}

    def keep(self, b: int, state: State, before: State) -> None:
        """Write the arrays of block b that are new."""
        files = {}
        for name, values in state.items():
            if name in before and values is before[name]:
                files[name] = self.where[b][name]
            else:
                files[name] = f"state-{name}-{b}-{self._began}-{next(self._numbers)}.npy"
                np.save(self.folder / files[name], values)
        self.where[b] = files

    def forget_old(self) -> None:
        """Remove the states that neither the blocks nor the last checkpoint need."""
        needed = {file for files in self.where.values() for file in files.values()}
        for path in self.folder.glob("state-*.npy"):
            if path.name not in needed:
                path.unlink(missing_ok=True)

    def rows(self, name: str, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Any:
        """A file for the posterior, an array in memory for one number an example."""
        if len(shape) == 1:
            return np.empty(shape, dtype)
        return RowsFile(self.folder / f"{name}.npy.part", shape, self.dtype if name == "posterior" else dtype)

    def finished(self, rows: dict[str, Any]) -> dict[str, NDArray[Any]]:
        """The files under their names, mapped."""
        for name, of in rows.items():
            if isinstance(of, RowsFile):
                of.file.close()
                path = of.path.with_suffix("")
                of.path.replace(path)
                rows[name] = np.load(path, mmap_mode="r")
        return rows


class States(Protocol):
    """States of blocks as files in a folder; `where` says which are in force."""

    folder: Path
    where: dict[int, dict[str, str]]

    def forget_old(self) -> None:
        """Remove the files that are not in force."""


class Checkpoint:
    """`Journal` in a file, written aside and renamed after each iteration.

    Args:
        identity: what is run on what; the state of another run is not taken up.
    """

    def __init__(self, storage: States, identity: str) -> None:
        self.storage, self.identity = storage, identity
        self.path = storage.folder / "checkpoint.npz"
        self.loops: list[Any] = []  # the last state of each loop that has begun
        self.number = -1
        self._left, self._where = self._read()

    def begin(self) -> tuple[Any, ...] | None:
        """The state in which the next loop was left."""
        self.number += 1
        if self.number >= len(self._left):
            return None
        state = self._left[self.number]
        self.loops.append(state)
        if self.number == len(self._left) - 1:
            self.storage.where = self._where
        return tuple(state)

    def save(self, state: tuple[Any, ...]) -> None:
        """Note the state of the present loop; what finished loops left for their next step is not needed any more."""
        del self.loops[self.number :]
        self.loops.append(state)
        arrays: list[NDArray[Any]] = []
        where = {str(b): files for b, files in self.storage.where.items()}
        tree = {"identity": self.identity, "where": where, "loops": packed(self.loops, arrays)}
        part = self.path.with_suffix(".part")
        named: dict[str, Any] = {f"a{i}": array for i, array in enumerate(arrays)}
        with part.open("wb") as file:
            np.savez(file, tree=np.frombuffer(json.dumps(tree).encode(), np.uint8), **named)
        os.replace(part, self.path)
        self.storage.forget_old()

    def done(self) -> None:
        """The run has ended: nothing is left to go on from."""
        self.path.unlink(missing_ok=True)
        self.storage.where = {}
        self.storage.forget_old()

    def _read(self) -> tuple[list[Any], dict[int, dict[str, str]]]:
        try:
            with np.load(self.path) as stored:
                tree = json.loads(stored["tree"].tobytes())
                if tree["identity"] != self.identity:
                    return [], {}
                loops = unpacked(tree["loops"], [stored[f"a{i}"] for i in range(len(stored.files) - 1)])
        except (OSError, ValueError, KeyError, BadZipFile):
            return [], {}
        return loops, {int(b): files for b, files in tree["where"].items()}


def packed(value: Any, arrays: list[NDArray[Any]]) -> Any:
    """What JSON can hold of tuples, lists, numbers and dataclasses of a method; arrays go to the list."""
    if isinstance(value, np.ndarray):
        arrays.append(value)
        return {"array": len(arrays) - 1}
    if isinstance(value, (tuple, list)):
        return {type(value).__name__: [packed(item, arrays) for item in value]}
    if is_dataclass(value):
        kind = type(value)
        of = {part.name: packed(getattr(value, part.name), arrays) for part in fields(value)}
        return {"dataclass": [kind.__module__.removeprefix(f"{AGGREGATION}."), kind.__name__], "of": of}
    return {"value": value.item() if isinstance(value, np.generic) else value}


def unpacked(tree: Any, arrays: list[NDArray[Any]]) -> Any:
    """What was packed."""
    if "array" in tree:
        return arrays[tree["array"]]
    if "tuple" in tree:
        return tuple(unpacked(item, arrays) for item in tree["tuple"])
    if "list" in tree:
        return [unpacked(item, arrays) for item in tree["list"]]
    if "dataclass" in tree:
        module, name = tree["dataclass"]
        kind = getattr(import_module(f"{AGGREGATION}.{module}"), name)
        return kind(**{part: unpacked(of, arrays) for part, of in tree["of"].items()})
    return tree["value"]
