"""Datasets as they stand on disk: their folders, what is read from them, and their names, which are kept in memory."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pandas as pd

from ..labels import CrowdLabels
from . import catalog, checks, companions, files
from .database import Database, StoreError, file_trouble

Result = TypeVar("Result")

# Names of this many datasets stay in memory, to check decisions against.
REMEMBERED = 4


def newest(read: Callable[[], Result]) -> Result:
    """Read files that can be replaced while they are read; then the newer ones are read.

    Every file has a name of its own, which never comes back: one that is missing twice is lost, however busy the writers are.

    Raises:
        FileNotFoundError: a file is lost.
    """
    missed = set()
    while True:
        try:
            return read()
        except FileNotFoundError as error:
            if str(error) in missed:
                raise
            missed.add(str(error))


@dataclass(frozen=True, eq=False)
class Dataset:
    """A dataset read from disk.

    Attributes:
        id: the fingerprint of its labels.
        pred_probs: (N, K) by example and class name in the order of the labels, the mean of the models where there are several;
            or None.
        gold: the class of each example with given gold, by example name; without decisions, see `Store.gold`. Or None.
        content: what to show of the examples, by example name in the order of the labels; or None.
        inputs: see `DatasetInfo`.
        models: the probabilities of each model as they were given; empty without any.
    """

    id: str
    name: str
    labels: CrowdLabels
    pred_probs: pd.DataFrame | None
    gold: pd.Series | None
    content: pd.DataFrame | None
    inputs: str
    models: tuple[pd.DataFrame, ...] = ()


def _mean(models: tuple[pd.DataFrame, ...]) -> pd.DataFrame | None:
    """What several models say together."""
    if len(models) < 2:
        return models[0] if models else None
    return pd.DataFrame(np.mean(models, axis=0), index=models[0].index, columns=models[0].columns)


class Names:
    """The names of a dataset's examples, annotators and classes, and which of them share a text."""

    def __init__(self, labels: CrowdLabels) -> None:
        self.labels = labels
        # pandas fills the hash table of an index on first use, which is not safe for threads: hold this while you look up.
        self.lock = threading.Lock()
        self._shared = {"example": checks.same_texts(labels.examples), "annotator": checks.same_texts(labels.annotators)}

    def find(self, kind: str, name: Hashable) -> tuple[str, Any]:
        """What the project knows a name by, and the name as the labels have it.

        Raises:
            ValueError: there is no such name.
        """
        with self.lock:
            own = checks.known(self.labels.examples if kind == "example" else self.labels.annotators, name, kind)
        return checks.key_of(own, self._shared[kind]), own


class Shelf:
    """The folders of the datasets that the database names."""

    def __init__(self, database: Database, root: Path) -> None:
        self.database = database
        self.root = root
        self._names: dict[str, Names] = {}
        self._lock = threading.Lock()

    def folder(self, dataset: str) -> Path:
        """The folder of a dataset's files.

        Raises:
            ValueError: there is no such dataset.
        """
        row, _ = self.database.read(catalog.dataset_row, dataset)
        return self.root / str(row.folder)

    def read(self, dataset: str, read: Callable[[str, Path], Result]) -> Result:
        """Read files that the database names; they can be replaced in between, then the newer ones are read."""
        try:
            return newest(lambda: read(dataset, self.folder(dataset)))
        except FileNotFoundError as error:
            raise StoreError(
                f"A file of the dataset is missing: {error.filename or error}. Restore the folder {self.root} from a backup."
            ) from error
        except OSError as error:
            raise file_trouble(error, self.root) from error

    def load(self, dataset: str, folder: Path) -> Dataset:
        """Read a dataset from its folder.

        Raises:
            StoreError: the files are damaged, or hold other labels.
        """
        row, stored = self.database.read(catalog.dataset_row, dataset)
        labels = files.read_labels(folder)
        if labels.fingerprint != dataset:
            raise StoreError(f"The labels in {folder} are not those that were stored. Restore them from a backup or an exported workspace.")
        read = {kind: companions.read_companion(folder / file, kind, labels) for kind, (file, _) in stored.items()}
        models: tuple[pd.DataFrame, ...] = read.get("pred_probs", ())
        inputs = catalog.inputs_of(row, stored)
        return Dataset(dataset, row.name, labels, _mean(models), read.get("gold"), read.get("content"), inputs, models)

    def abandon(self, folder: Path, names: Iterable[str] = ()) -> None:
        """Remove files that were written for a change that failed, unless the database has them after all.

        A connection can break after a commit and before its answer; then the files are needed. They stay, too, when
        the database cannot be asked.
        """
        try:
            in_use = self.database.read(catalog.files_in_use, folder.name)
        except StoreError:
            return
        if in_use is None:
            shutil.rmtree(folder, ignore_errors=True)
        else:
            files.discard(folder, set(names) - in_use)

    def names(self, dataset: str) -> Names:
        """The names of a dataset, from memory when they were read before, even if another process has removed it since.

        Raises:
            ValueError: there is no such dataset.
        """
        with self._lock:
            if dataset in self._names:
                return self._names[dataset]
        names = Names(self.read(dataset, lambda _, folder: files.read_names(folder)))
        with self._lock:
            while len(self._names) >= REMEMBERED:
                self._names.pop(next(iter(self._names)))
            return self._names.setdefault(dataset, names)
