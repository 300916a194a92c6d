"""The store: one object for all sessions of the app, or for a notebook."""

from __future__ import annotations

import json
import os
import re
import shutil
import threading
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import EllipsisType, TracebackType
from typing import Any, TypeVar
from uuid import uuid4

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from ..align import positions
from ..consensus import Consensus
from ..labels import CrowdLabels
from . import catalog, files, journal
from .catalog import DatasetInfo, RunInfo
from .database import Database, StoreError, address, decisions, default_home, exclusions, file_trouble, now

Result = TypeVar("Result")

# Names of this many datasets stay in memory, to check decisions against.
REMEMBERED = 4

# Files of a dataset can be replaced or removed while they are used; then the newer ones are used.
ATTEMPTS = 5

_RUN_KEY = re.compile(r"[a-z0-9_-]{1,100}")


@dataclass(frozen=True, eq=False)
class Dataset:
    """A dataset read from disk.

    Attributes:
        id: the fingerprint of its labels.
        pred_probs: (N, K) by example and class name in the order of the labels, or None.
        gold: the class of each example with given gold, by example name; without decisions, see `Store.gold`. Or None.
        content: what to show of the examples, by example name in the order of the labels; or None.
        inputs: see `DatasetInfo`.
    """

    id: str
    name: str
    labels: CrowdLabels
    pred_probs: pd.DataFrame | None
    gold: pd.Series | None
    content: pd.DataFrame | None
    inputs: str


class Store:
    """Datasets, runs and review decisions on disk; safe for threads, and for processes on one machine or one PostgreSQL.

    Every method that changes something has it on the disk when it returns, or raises and changes nothing.

    Args:
        path_or_url: the path of a SQLite file, which is made on first use, or an SQLAlchemy URL of SQLite or PostgreSQL.
        files: the folder of labels and runs; default: `files` beside the SQLite file, or in the user's data folder
            (CROWDLENS_HOME, else `default_home()`). Servers that share a PostgreSQL must share it too.

    Raises:
        StoreError: the database cannot be opened, is read-only, or was written by a newer version.
    """

    def __init__(self, path_or_url: str | Path, *, files: str | Path | None = None) -> None:
        url = address(path_or_url)
        home = (
            Path(str(url.database)).parent
            if url.get_backend_name() == "sqlite"
            else Path(os.environ.get("CROWDLENS_HOME") or default_home())
        )
        self._files = home / "files" if files is None else Path(files)
        self._database = Database(url)
        self._names: dict[str, _Names] = {}
        self._lock = threading.Lock()

    def close(self) -> None:
        """Close the connections to the database; the store cannot be used after that by anyone."""
        self._database.close()

    def __enter__(self) -> Store:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    # ------------------------------------------------------------------ datasets

    def add_dataset(
        self,
        labels: CrowdLabels,
        *,
        name: str,
        pred_probs: ArrayLike | pd.DataFrame | None = None,
        gold: Mapping[Hashable, Hashable] | pd.Series | None = None,
        content: pd.DataFrame | None = None,
    ) -> str:
        """Keep labels and what goes with them; the same labels again take the new name and companions and keep all else.

        Args:
            pred_probs: (N, K) probabilities of a model, see `aggregate`.
            gold: {example name: class name}; names that the labels do not have are left out.
            content: one row an example, indexed by example name; rows of other examples are left out.

        Returns:
            The id: `labels.fingerprint`.

        Raises:
            ValueError: a name, class or value does not fit; the message says which. Nothing is saved then.
        """
        title = journal.required_text(name, "name of the dataset")
        return self._add(labels, title, {"pred_probs": pred_probs, "gold": gold, "content": content}, after=None)

    def _add(self, labels: CrowdLabels, name: str | None, given: Mapping[str, Any], after: str | None) -> str:
        for _ in range(ATTEMPTS):
            stored = self._database.read(catalog.folder_of, labels.fingerprint)
            folder = self._files / (stored or f"{labels.fingerprint}-{uuid4().hex[:8]}")
            done = False
            try:
                if stored is None:
                    files.write_labels(folder, labels)
                written = files.write_companions(folder, labels, given)
                unneeded = self._database.write(catalog.save_dataset, labels, folder.name, stored is None, name, written, after)
                done = unneeded is not None
            finally:
                if not done and stored is None:
                    shutil.rmtree(folder, ignore_errors=True)
            if unneeded is not None:
                files.discard(folder, unneeded)
                return labels.fingerprint
        raise StoreError("Someone keeps adding and removing this dataset. Try again later.")

    def update(
        self,
        dataset: str,
        *,
        pred_probs: ArrayLike | pd.DataFrame | EllipsisType | None = ...,
        gold: Mapping[Hashable, Hashable] | pd.Series | EllipsisType | None = ...,
        content: pd.DataFrame | EllipsisType | None = ...,
    ) -> None:
        """Replace what goes with the labels; None takes it away, what is not named stays.

        Raises:
            ValueError: no such dataset, or a value does not fit, see `add_dataset`.
        """
        given = {k: v for k, v in {"pred_probs": pred_probs, "gold": gold, "content": content}.items() if v is not ...}
        folder = self._folder(dataset)
        written = files.write_companions(folder, self._known(dataset).labels, given)
        gone = [kind for kind, value in given.items() if value is None]
        try:
            unneeded = self._database.write(catalog.save_companions, dataset, folder.name, written, gone)
        except BaseException:
            files.discard(folder, [file for file, _ in written.values()])
            raise
        files.discard(folder, unneeded)

    def datasets(self) -> list[DatasetInfo]:
        """All datasets, the newest first."""
        return self._database.read(catalog.dataset_infos)

    def load(self, dataset: str) -> Dataset:
        """Read a dataset.

        Raises:
            ValueError: no such dataset, or its files are gone.
        """
        return self._retry(dataset, self._load)

    def _load(self, dataset: str, folder: Path) -> Dataset:
        row, stored = self._database.read(catalog.dataset_row, dataset)
        labels = files.read_labels(folder)
        if labels.fingerprint != dataset:
            raise StoreError(f"The labels in {folder} are not those that were stored. Restore them from a backup or an exported workspace.")
        read = {kind: files.read_companion(folder / file, kind, labels) for kind, (file, _) in stored.items()}
        pred_probs, gold, content = (read.get(kind) for kind in files.COMPANIONS)
        return Dataset(dataset, row.name, labels, pred_probs, gold, content, catalog.inputs_of(dataset, stored))

    def rename(self, dataset: str, name: str) -> None:
        """Give a dataset another name.

        Raises:
            ValueError: no such dataset, or an empty name.
        """
        self._database.write(catalog.rename, dataset, journal.required_text(name, "name of the dataset"))

    def remove(self, dataset: str) -> None:
        """Remove a dataset with its runs; with the last version of a project its decisions and exclusions go too.

        Raises:
            ValueError: no such dataset.
        """
        folder = self._folder(dataset)
        self._database.write(catalog.remove, dataset)
        shutil.rmtree(folder, ignore_errors=True)
        with self._lock:
            self._names.pop(dataset, None)

    # ------------------------------------------------------------------ runs

    def save_run(self, dataset: str, key: str, result: Consensus, *, seconds: float) -> None:
        """Keep a result under a key; a run of the same key is replaced.

        Args:
            key: lower-case letters, digits, _ and -, at most 100.
            seconds: how long it took.

        Raises:
            ValueError: no such dataset, a bad key, or a result of another shape than the dataset.
        """
        if not _RUN_KEY.fullmatch(key):
            raise ValueError(f"The key of a run is made of a-z, 0-9, _ and -, at most 100 of them, not {key!r}.")
        row, _ = self._database.read(catalog.dataset_row, dataset)
        folder = self._files / str(row.folder)
        if result.posterior.shape != (row.n_examples, row.n_classes):
            raise ValueError(
                f"The run has a posterior of shape {result.posterior.shape}, but the dataset has {row.n_examples:,} examples and "
                f"{row.n_classes} classes. Save it under the dataset it was made from."
            )
        file = f"run-{key}-{uuid4().hex[:8]}.npz"
        values = {
            "file": file,
            "method": result.method,
            "options": json.dumps(files.options_json(result)),
            "created": now(),
            "seconds": float(seconds),
            "n_iter": result.n_iter,
            "converged": bool(result.converged),
        }
        files.write_run(folder / file, result)
        try:
            replaced = self._database.write(catalog.save_run, dataset, folder.name, key, values)
        except BaseException:
            files.discard(folder, [file])
            raise
        files.discard(folder, replaced)

    def load_run(self, dataset: str, key: str) -> Consensus | None:
        """Read a run, or None when there is none of that key.

        Raises:
            ValueError: no such dataset, or the run is damaged.
        """

        def read(dataset: str, folder: Path) -> Consensus | None:
            file = self._database.read(catalog.run_file, dataset, key)
            return None if file is None else files.read_run(folder / file)

        return self._retry(dataset, read)

    def runs(self, dataset: str) -> list[RunInfo]:
        """All runs of a dataset, the newest first.

        Raises:
            ValueError: no such dataset.
        """
        return self._database.read(catalog.run_infos, dataset)

    def remove_run(self, dataset: str, key: str) -> None:
        """Remove a run; nothing happens when there is none of that key.

        Raises:
            ValueError: no such dataset.
        """
        folder = self._folder(dataset)
        files.discard(folder, self._database.write(catalog.save_run, dataset, folder.name, key, None))

    # ------------------------------------------------------------------ decisions

    def decide(
        self,
        dataset: str,
        example: Hashable,
        label: Hashable | None = None,
        *,
        reviewer: str,
        note: str | None = None,
        expected_revision: int | None = None,
        flag: str | None = None,
        audit: float | None = None,
    ) -> int:
        """Decide the class of an example, or flag it; the decision is on the disk when this returns.

        Args:
            label: a class name; None with a flag.
            expected_revision: the revision that the reviewer saw, 0 = no decision; None: whatever is there.
            flag: one of FLAGS instead of a class: the example then has no gold.
            audit: the probability with which the audit drew this example; None: it came from a queue.

        Returns:
            The revision of this example, from 1.

        Raises:
            Conflict: another decision came first.
            ValueError: an unknown dataset, example, class or flag, or no reviewer.
        """
        known = self._known(dataset)
        with self._lock:
            decision = journal.check_decision(known.labels, journal.Decision(example, label, flag, reviewer, note, audit))
        return self._database.write(journal.decide, dataset, known.key("example", decision.example), decision, expected_revision)

    def undo(self, dataset: str, example: Hashable, *, reviewer: str, note: str | None = None, expected_revision: int | None = None) -> int:
        """Take back the decision that stands on an example: what stood before it stands again. A new row, nothing is deleted.

        Raises:
            Conflict: another decision came first.
            ValueError: an unknown dataset or example, no reviewer, or no decision to undo.
        """
        key, name = self._key(dataset, "example", example)
        who = journal.required_text(reviewer, "reviewer")
        return self._database.write(journal.undo, dataset, key, name, who, journal.optional_text(note, "note"), expected_revision)

    def decisions(self, dataset: str) -> pd.DataFrame:
        """The decision that stands for each decided example, the oldest first.

        Returns:
            Indexed by example: label (class name or None), flag (or None), reviewer, note, audit, time (UTC), revision.
        """
        known = self._known(dataset)
        rows = self._database.read(journal.rows_of, decisions, dataset)
        with self._lock:
            return journal.standing_decisions(rows, known.labels.examples)

    def history(self, dataset: str) -> pd.DataFrame:
        """Every decision ever made on any version, the oldest first: example, label, flag, reviewer, note, audit, time, revision,
        undoes (the revision that this row took back) and dataset (the version it was made on).
        """
        return journal.decision_history(self._database.read(journal.rows_of, decisions, dataset))

    def changes(self, dataset: str) -> int:
        """How many decisions and exclusions were ever written for a dataset: a cheap sign that there is something new."""
        return self._database.read(journal.changes, dataset)

    def gold(self, dataset: str) -> pd.Series:
        """Class names by example name: the given gold, overlaid with the decisions; a flagged example has none."""
        return self._retry(dataset, self._gold)

    def _gold(self, dataset: str, folder: Path) -> pd.Series:
        names = self._known(dataset).labels
        _, stored = self._database.read(catalog.dataset_row, dataset)
        codes = np.full(len(names.examples), -1, dtype=np.int32)
        if "gold" in stored:
            codes = files.read_gold_codes(folder / stored["gold"][0])
        decided = self.decisions(dataset)
        with self._lock:
            codes[names.examples.get_indexer(decided.index)] = -1
            decided = decided[decided["flag"].isna()]
            code = positions(names.classes, pd.Index(decided["label"].tolist(), dtype=object, tupleize_cols=False))
            codes[names.examples.get_indexer(decided.index)] = code
        return files.gold_series(names, codes)

    # ------------------------------------------------------------------ exclusions

    def exclude(self, dataset: str, kind: str, name: Hashable, reviewer: str, reason: str = "") -> int:
        """Leave an annotator or an example out of what is computed, until it is restored.

        Args:
            kind: "annotator" or "example".

        Returns:
            The revision of this name, from 1.

        Raises:
            ValueError: an unknown dataset, kind or name, or no reviewer.
        """
        return self._exclude(dataset, kind, name, reviewer, reason, excluded=True)

    def restore(self, dataset: str, kind: str, name: Hashable, reviewer: str, reason: str = "") -> int:
        """End an exclusion.

        Raises:
            ValueError: as in `exclude`, or the name is not excluded.
        """
        return self._exclude(dataset, kind, name, reviewer, reason, excluded=False)

    def _exclude(self, dataset: str, kind: str, name: Hashable, reviewer: str, reason: str, *, excluded: bool) -> int:
        if kind not in journal.KINDS:
            raise ValueError(f"Only an {' or an '.join(journal.KINDS)} can be excluded, not {kind!r}.")
        key, own = self._key(dataset, kind, name)
        who = journal.required_text(reviewer, "reviewer")
        why = journal.optional_text(reason, "reason") or ""
        return self._database.write(journal.exclude, dataset, kind, key, own, excluded, who, why)

    def exclusions(self, dataset: str) -> pd.DataFrame:
        """What is excluded now: kind, name, reviewer, reason, time (UTC); only names that the labels have."""
        known = self._known(dataset)
        rows = self._database.read(journal.rows_of, exclusions, dataset)
        with self._lock:
            return journal.standing_exclusions(rows, known.labels)

    def exclusion_history(self, dataset: str) -> pd.DataFrame:
        """Every exclusion and restoration, the oldest first: as `exclusions`, and excluded (False = restored)."""
        return journal.exclusion_history(self._database.read(journal.rows_of, exclusions, dataset))

    # ------------------------------------------------------------------ within

    def _folder(self, dataset: str) -> Path:
        row, _ = self._database.read(catalog.dataset_row, dataset)
        return self._files / str(row.folder)

    def _retry(self, dataset: str, read: Callable[[str, Path], Result]) -> Result:
        """Read files that the database names; they can be replaced in between, then the newer ones are read."""
        for _ in range(ATTEMPTS):
            folder = self._folder(dataset)
            try:
                return read(dataset, folder)
            except FileNotFoundError as error:
                missing = error.filename or error
            except OSError as error:
                raise file_trouble(error, folder) from error
        raise StoreError(f"The file {missing} of the dataset is missing. Restore the folder {self._files} from a backup.")

    def _known(self, dataset: str) -> _Names:
        """The names of a dataset, read once."""
        self._folder(dataset)  # names stay in memory, but another process may have removed the dataset
        with self._lock:
            if dataset in self._names:
                return self._names[dataset]
        names = _Names(self._retry(dataset, lambda _, folder: files.read_names(folder)))
        with self._lock:
            while len(self._names) >= REMEMBERED:
                self._names.pop(next(iter(self._names)))
            return self._names.setdefault(dataset, names)

    def _key(self, dataset: str, kind: str, name: Hashable) -> tuple[str, Any]:
        """The project's key for a name, and the name as the labels have it."""
        known = self._known(dataset)
        with self._lock:  # pandas fills an index's hash table on first use, which is not safe for threads
            own = journal.known(known.labels.examples if kind == "example" else known.labels.annotators, name, kind)
        return known.key(kind, own), own


class _Names:
    """The names of a dataset's examples, annotators and classes, and which of them share a text."""

    def __init__(self, labels: CrowdLabels) -> None:
        self.labels = labels
        self._shared = {"example": journal.same_texts(labels.examples), "annotator": journal.same_texts(labels.annotators)}

    def key(self, kind: str, name: Hashable) -> str:
        return journal.key_of(name, self._shared[kind])
