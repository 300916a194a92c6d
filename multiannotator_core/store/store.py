"""The store: one object for all sessions of the app, or for a notebook."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Hashable, Mapping, Sequence
from pathlib import Path
from types import EllipsisType, TracebackType
from typing import Any
from uuid import uuid4

import pandas as pd
from numpy.typing import ArrayLike

from ..align import positions
from ..consensus import Consensus
from ..labels import CrowdLabels
from ..names import listed
from . import catalog, checks, companions, files, frames, journal, workspace
from .catalog import DatasetInfo, RunInfo
from .database import ATTEMPTS, Database, StoreError, address, decisions, default_home, exclusions, now
from .shelf import Dataset, Shelf, newest

_RUN_KEY = re.compile(r"[a-z0-9_-]{1,100}")


class Store:
    """Datasets, runs and review decisions on disk; safe for threads, and for processes on one machine or one PostgreSQL.

    Every method that changes something has it on the disk when it returns, or raises and changes nothing. Every method that
    takes a dataset (its id) raises ValueError when there is none.

    Args:
        path_or_url: the path of a SQLite file, which is made on first use, or an SQLAlchemy URL of SQLite or PostgreSQL.
        files: the folder of labels and runs; default: `files` beside the SQLite file, or in the user's data folder
            (CROWDLENS_HOME, else `default_home()`). Servers that share a PostgreSQL must share it too.

    Raises:
        StoreError: the database cannot be opened, is read-only, or was written by a newer version.
    """

    def __init__(self, path_or_url: str | Path, *, files: str | Path | None = None) -> None:
        url = address(path_or_url)
        beside = (
            Path(str(url.database)).parent if url.get_backend_name() == "sqlite" else os.environ.get("CROWDLENS_HOME") or default_home()
        )
        self._database = Database(url)
        self._files = Path(beside) / "files" if files is None else Path(files)
        self._shelf = Shelf(self._database, self._files)

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
        pred_probs: ArrayLike | pd.DataFrame | Sequence[pd.DataFrame] | None = None,
        gold: Mapping[Hashable, Hashable] | pd.Series | None = None,
        content: pd.DataFrame | None = None,
    ) -> str:
        """Keep labels and what goes with them; the same labels again take the new name and companions and keep all else.

        Args:
            pred_probs: (N, K) probabilities of a model, or a list of them: an ensemble; see `aggregate`.
            gold: {example name: class name}; names that the labels do not have are left out.
            content: one row an example, indexed by example name; rows of other examples are left out.

        Returns:
            The id: `labels.fingerprint`.

        Raises:
            ValueError: a name, class or value does not fit; the message says which. Nothing is saved then.
        """
        title = checks.required_text(name, "name of the dataset")
        return self._add(labels, title, {"pred_probs": pred_probs, "gold": gold, "content": content}, after=None)

    def _add(self, labels: CrowdLabels, name: str | None, given: Mapping[str, Any], after: str | None) -> str:
        for _ in range(ATTEMPTS):
            stored = self._database.read(catalog.folder_of, labels.fingerprint)
            folder = self._files / (stored or f"{labels.fingerprint}-{uuid4().hex[:8]}")
            written: catalog.Stored = {}
            unneeded = None
            try:
                if stored is None:
                    files.write_labels(folder, labels)
                written = companions.write_companions(folder, labels, given)
                unneeded = self._database.write(catalog.save_dataset, labels, folder.name, stored is None, name, written, after)
            finally:
                if unneeded is None:
                    self._shelf.abandon(folder, [file for file, _ in written.values()])
            if unneeded is not None:
                files.discard(folder, unneeded)
                return labels.fingerprint
        raise StoreError("Someone keeps adding and removing this dataset. Try again later.")

    def add_version(
        self,
        dataset: str,
        labels: CrowdLabels,
        *,
        name: str | None = None,
        pred_probs: ArrayLike | pd.DataFrame | Sequence[pd.DataFrame] | None = None,
        gold: Mapping[Hashable, Hashable] | pd.Series | None = None,
        content: pd.DataFrame | None = None,
    ) -> str:
        """Keep next week's file of the same project: decisions and exclusions hold for all versions, by name.

        Given gold and content follow by example name unless new ones are given; pred_probs do not, since a model must be
        asked about every example. Examples that are gone keep their history. The same labels again change nothing else.

        Args:
            name: default: the name of the earlier version.

        Returns:
            The id of the new version: `labels.fingerprint`.

        Raises:
            ValueError: no example in common, or labels without a class that was decided on or is gold.
        """
        title = checks.optional_text(name, "name of the dataset") or None
        before = self.load(dataset)
        here = positions(labels.examples, before.labels.examples) >= 0
        if not here.any():
            raise ValueError(
                f"None of the examples {listed(labels.examples)} is in {before.name!r}, which has {listed(before.labels.examples)}. "
                "Add these labels as a dataset of their own."
            )
        given = {"pred_probs": pred_probs, "gold": gold, "content": content}
        if self._database.read(catalog.folder_of, labels.fingerprint) is None:
            for kind, old in (("gold", before.gold), ("content", before.content)):
                if given[kind] is None and old is not None:
                    still = old[positions(labels.examples, old.index) >= 0]
                    given[kind] = still if len(still) else None
        return self._add(labels, title, given, after=dataset)

    def versions(self, dataset: str) -> list[DatasetInfo]:
        """All versions of a dataset, the oldest first."""
        return self._database.read(catalog.version_infos, dataset)

    def update(
        self,
        dataset: str,
        *,
        pred_probs: ArrayLike | pd.DataFrame | Sequence[pd.DataFrame] | EllipsisType | None = ...,
        gold: Mapping[Hashable, Hashable] | pd.Series | EllipsisType | None = ...,
        content: pd.DataFrame | EllipsisType | None = ...,
    ) -> None:
        """Replace what goes with the labels; None takes it away, what is not named stays.

        Raises:
            ValueError: a value does not fit, see `add_dataset`.
        """
        given = {k: v for k, v in {"pred_probs": pred_probs, "gold": gold, "content": content}.items() if v is not ...}
        folder = self._shelf.folder(dataset)
        written = companions.write_companions(folder, self._shelf.names(dataset).labels, given)
        gone = [kind for kind, value in given.items() if value is None]
        try:
            unneeded = self._database.write(catalog.save_companions, dataset, folder.name, written, gone)
        except BaseException:
            self._shelf.abandon(folder, [file for file, _ in written.values()])
            raise
        files.discard(folder, unneeded)

    def datasets(self) -> list[DatasetInfo]:
        """All datasets, the newest first."""
        return self._database.read(catalog.dataset_infos)

    def load(self, dataset: str) -> Dataset:
        """Read a dataset.

        Raises:
            ValueError: its files are gone.
        """
        return self._shelf.read(dataset, self._shelf.load)

    def rename(self, dataset: str, name: str) -> None:
        """Give a dataset another name.

        Raises:
            ValueError: an empty name.
        """
        self._database.write(catalog.rename, dataset, checks.required_text(name, "name of the dataset"))

    def remote_images(self, dataset: str) -> bool:
        """Whether pictures of other computers may be loaded for a dataset and its versions; off until someone allows it."""
        return self._database.read(catalog.allows, dataset, catalog.REMOTE_IMAGES)

    def allow_remote_images(self, dataset: str, on: bool) -> None:
        """Let pages load pictures from the addresses in the contents, or stop it. Exported workspaces do not carry this along."""
        self._database.write(catalog.allow, dataset, catalog.REMOTE_IMAGES, on)

    def remove(self, dataset: str) -> None:
        """Remove a dataset with its runs; with the last version of a project its decisions and exclusions go too."""
        folder = self._shelf.folder(dataset)
        self._database.write(catalog.remove, dataset)
        shutil.rmtree(folder, ignore_errors=True)

    # ------------------------------------------------------------------ runs

    def save_run(self, dataset: str, key: str, result: Consensus, *, seconds: float) -> None:
        """Keep a result under a key; a run of the same key is replaced.

        Args:
            key: lower-case letters, digits, _ and -, at most 100.
            seconds: how long it took.

        Raises:
            ValueError: a bad key, or a result of another shape than the dataset.
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
            self._shelf.abandon(folder, [file])
            raise
        files.discard(folder, replaced)

    def load_run(self, dataset: str, key: str) -> Consensus | None:
        """Read a run, or None when there is none of that key.

        Raises:
            ValueError: the run is damaged.
        """

        def read(dataset: str, folder: Path) -> Consensus | None:
            file = self._database.read(catalog.run_file, dataset, key)
            return None if file is None else files.read_run(folder / file)

        return self._shelf.read(dataset, read)

    def runs(self, dataset: str) -> list[RunInfo]:
        """All runs of a dataset, the newest first."""
        return self._database.read(catalog.run_infos, dataset)

    def remove_run(self, dataset: str, key: str) -> None:
        """Remove a run; nothing happens when there is none of that key."""
        folder = self._shelf.folder(dataset)
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
            ValueError: an unknown example, class or flag, or no reviewer.
        """
        known = self._shelf.names(dataset)
        key, own = known.find("example", example)
        decision = checks.check_decision(known.labels.classes, checks.Decision(own, label, flag, reviewer, note, audit))
        return self._database.write(journal.decide, dataset, key, decision, expected_revision)

    def undo(self, dataset: str, example: Hashable, *, reviewer: str, note: str | None = None, expected_revision: int | None = None) -> int:
        """Take back the decision that stands on an example: what stood before it stands again. A new row, nothing is deleted.

        Raises:
            Conflict: another decision came first.
            ValueError: an unknown example, no reviewer, or no decision to undo.
        """
        key, name = self._shelf.names(dataset).find("example", example)
        who = checks.required_text(reviewer, "reviewer")
        return self._database.write(journal.undo, dataset, key, name, who, checks.optional_text(note, "note"), expected_revision)

    def decisions(self, dataset: str) -> pd.DataFrame:
        """The decision that stands for each decided example, the oldest first.

        Returns:
            Indexed by example: label (class name or None), flag (or None), reviewer, note, audit, time (UTC), revision.
        """
        known = self._shelf.names(dataset)
        rows = self._database.read(journal.rows_of, decisions, dataset)
        with known.lock:
            return frames.standing_decisions(rows, known.labels.examples)

    def revisions(self, dataset: str) -> pd.Series:
        """The latest revision of each example that was ever decided on, by example: what `expected_revision` is compared with.

        Where a decision was taken back none stands, but the revision counts on.
        """
        known = self._shelf.names(dataset)
        rows = self._database.read(journal.rows_of, decisions, dataset)
        with known.lock:
            return frames.latest_revisions(rows, known.labels.examples)

    def history(self, dataset: str) -> pd.DataFrame:
        """Every decision ever made on any version, the oldest first: example, label, flag, reviewer, note, audit, time, revision,
        undoes (the revision that this row took back) and dataset (the version it was made on).
        """
        return frames.decision_history(self._database.read(journal.rows_of, decisions, dataset))

    def changes(self, dataset: str) -> int:
        """How many decisions and exclusions were ever written for a dataset: a cheap sign that there is something new."""
        return self._database.read(journal.changes, dataset)

    def gold(self, dataset: str) -> pd.Series:
        """Class names by example name: the given gold, overlaid with the decisions; a flagged example has none."""
        return self._shelf.read(dataset, self._gold)

    def _gold(self, dataset: str, folder: Path) -> pd.Series:
        known = self._shelf.names(dataset)
        _, stored = self._database.read(catalog.dataset_row, dataset)
        given = companions.read_gold_codes(folder / stored["gold"][0]) if "gold" in stored else None
        decided = self.decisions(dataset)
        with known.lock:
            return companions.gold_series(known.labels, frames.overlaid(given, decided, known.labels))

    # ------------------------------------------------------------------ exclusions

    def exclude(self, dataset: str, kind: str, name: Hashable, reviewer: str, reason: str = "") -> int:
        """Leave an annotator or an example out of what is computed, until it is restored.

        Args:
            kind: "annotator" or "example".

        Returns:
            The revision of this name, from 1.

        Raises:
            ValueError: an unknown kind or name, or no reviewer.
        """
        return self._exclude(dataset, kind, name, reviewer, reason, excluded=True)

    def restore(self, dataset: str, kind: str, name: Hashable, reviewer: str, reason: str = "") -> int:
        """End an exclusion.

        Raises:
            ValueError: as in `exclude`, or the name is not excluded.
        """
        return self._exclude(dataset, kind, name, reviewer, reason, excluded=False)

    def _exclude(self, dataset: str, kind: str, name: Hashable, reviewer: str, reason: str, *, excluded: bool) -> int:
        if kind not in checks.KINDS:
            raise ValueError(f"Only an {' or an '.join(checks.KINDS)} can be excluded, not {kind!r}.")
        key, own = self._shelf.names(dataset).find(kind, name)
        who = checks.required_text(reviewer, "reviewer")
        why = checks.optional_text(reason, "reason") or ""
        return self._database.write(journal.exclude, dataset, kind, key, own, excluded, who, why)

    def exclusions(self, dataset: str) -> pd.DataFrame:
        """What is excluded now: kind, name, reviewer, reason, time (UTC); only names that the labels have."""
        known = self._shelf.names(dataset)
        rows = self._database.read(journal.rows_of, exclusions, dataset)
        with known.lock:
            return frames.standing_exclusions(rows, known.labels)

    def exclusion_history(self, dataset: str) -> pd.DataFrame:
        """Every exclusion and restoration, the oldest first: as `exclusions`, and excluded (False = restored)."""
        return frames.exclusion_history(self._database.read(journal.rows_of, exclusions, dataset))

    # ------------------------------------------------------------------ workspace

    def export_workspace(self, path: str | Path) -> None:
        """Write all datasets, runs, decisions and exclusions into one zip.

        Raises:
            StoreError: the zip cannot be written, or a file of the store is missing.
        """
        try:
            newest(lambda: workspace.export(self._shelf, Path(path)))
        except FileNotFoundError as error:
            raise StoreError(f"The file {error.filename} is missing. Restore the folder {self._files} from a backup.") from error

    def import_workspace(self, path: str | Path) -> list[str]:
        """Add all that an exported zip holds.

        Returns:
            The ids of its datasets.

        Raises:
            ValueError: the zip is not one of ours or was changed, a fingerprint does not match, or a dataset is here already.
                Nothing is imported then.
        """
        return workspace.restore(self._shelf, Path(path))
