"""What every writer gets and gives, and the pieces that several of them share."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable, Iterator, Mapping
from csv import QUOTE_NONNUMERIC
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd

from ..consensus import Consensus
from ..incoming import rows_to_keep
from ..labels import CrowdLabels

MANIFEST = "crowdlens.json"
MOST_CELLS = 200_000_000  # of a wide table: what the reader of such tables takes at most
EPOCH = (1980, 1, 1, 0, 0, 0)  # time of every entry in a zip: equal contents give equal bytes

# Losses that several formats share, as sentences.
TEXT = "Names that are numbers come back as text, and pictures of examples are not written."
UNUSED = "The order of the classes, unused classes, and examples and annotators without labels are lost."
NO_LABEL = "Names of blanks only, and labels such as nan, none, null and NA, come back as no label."
NO_TIMES = "Times are not written."
NO_GOLD = "Gold is not written."


@dataclass(frozen=True, eq=False)
class Outgoing:
    """What there is to write.

    Attributes:
        labels: the crowd's labels; result: their consensus, or None.
        gold: class names indexed by example name, or None.
        content: one row an example, columns of text (others are left out), or None.
    """

    labels: CrowdLabels
    result: Consensus | None = None
    gold: pd.Series | None = None
    content: pd.DataFrame | None = None

    @property
    def examples(self) -> list[str]:
        """(N,) names as text."""
        return texts(self.labels.examples)

    @property
    def annotators(self) -> list[str]:
        """(J,) names as text."""
        return texts(self.labels.annotators)

    @property
    def classes(self) -> list[str]:
        """(K,) names as text."""
        return texts(self.labels.classes)

    def known(self) -> dict[int, str]:
        """Gold of the examples in the table: place of the example -> class."""
        if self.gold is None:
            return {}
        place = {name: i for i, name in enumerate(self.labels.examples)}
        return {place[name]: str(value) for name, value in self.gold.items() if name in place}

    def shown(self) -> list[dict[str, str]]:
        """(N,) the texts of each example; its name where there are none."""
        found: list[dict[str, str]] = [{} for _ in self.labels.examples]
        if self.content is not None:
            rows = self.content.reindex(self.labels.examples)
            for column in rows.columns:
                for i, value in enumerate(rows[column].tolist()):
                    if isinstance(value, str):
                        found[i][str(column)] = value
        return [fields or {"text": name} for fields, name in zip(found, self.examples, strict=True)]


@dataclass(frozen=True)
class Writer:
    """One format.

    Attributes:
        title: for people; ending: of the file's name.
        write: what there is -> the bytes of one file.
        loses: what does not come back when the file is read here, as sentences.
        too_large: why these labels do not fit into the format, or None.
    """

    title: str
    ending: str
    write: Callable[[Outgoing], bytes]
    loses: str
    too_large: Callable[[CrowdLabels], str | None] = lambda labels: None


def texts(names: pd.Index) -> list[str]:
    """Names as text."""
    return [str(name) for name in names]


def given(out: Outgoing) -> Iterator[list[int]]:
    """For each example in order, the rows (places in the table) of its labels."""
    bounds = np.searchsorted(out.labels.example, np.arange(len(out.labels.examples) + 1)).tolist()
    return (list(range(start, end)) for start, end in pairwise(bounds))


def instants(labels: CrowdLabels) -> list[str | None]:
    """(L,) times as ISO text in UTC, None where unknown."""
    if labels.timestamp is None:
        return [None] * len(labels)
    return [None if text == "NaT" else f"{text}Z" for text in np.datetime_as_string(labels.timestamp, unit="us").tolist()]


def one_a_pair(labels: CrowdLabels) -> np.ndarray:
    """Rows with one label a pair of example and annotator: the last one in time."""
    codes = (labels.example, labels.annotator, labels.label)
    rows = rows_to_keep("last", *codes, labels.timestamp, labels.examples, labels.annotators)
    return np.arange(len(labels))[rows]


def manifest(format: str, **names: Any) -> bytes:
    """What our reader needs to give the names back, beside files that hold numbers only."""
    return as_json({"crowdlens": {"format": format, "version": 1, **names}})


def as_json(value: Any) -> bytes:
    """A JSON value; every character outside ASCII stays as it is, and NaN is refused."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()


def as_lines(records: Iterator[Mapping[str, Any]]) -> bytes:
    """JSON lines."""
    return b"".join(as_json(record) + b"\n" for record in records)


def zipped(files: Mapping[str, bytes]) -> bytes:
    """A zip with these files; equal contents give equal bytes."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, data in files.items():
            archive.writestr(zipfile.ZipInfo(path, EPOCH), data, zipfile.ZIP_DEFLATED)
    return out.getvalue()


def csv(columns: Mapping[str, Any]) -> bytes:
    """A table for programs: every text in quotes, nothing guarded."""
    text: str = pd.DataFrame(columns).to_csv(index=False, lineterminator="\n", quoting=QUOTE_NONNUMERIC)
    return text.encode()
