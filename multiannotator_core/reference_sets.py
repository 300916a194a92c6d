"""Public crowd data with gold that benchmarks speak of: where they come from and what they must hold. None is shipped."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from .labels import CrowdLabels


@dataclass(frozen=True)
class ReferenceSet:
    """A public set: its home page, its licence as stated there, its published size, and the files that hold it."""

    title: str
    home: str
    licence: str
    n_examples: int
    n_annotators: int
    n_classes: int
    n_labels: int
    n_gold: int
    files: tuple[str, ...] = ("answers.csv", "truth.csv")


# Beside the workspace: {set: {file: SHA-256}} of the first install.
RECORD = "reference_sets.json"

_NONE = "none stated"
_SURVEY = "https://github.com/zhydhkcws/crowd_truth_infer"
_SPECTRAL = "https://github.com/zhangyuc/SpectralMethodsMeetEM"
_SCALE = "https://github.com/yuan-li/truth-inference-at-scale"
_TOOLKIT = "https://github.com/orchidproject/active-crowd-toolkit"
_LEARNING = "https://github.com/fmenat/PyLearningCrowds"

REFERENCE_SETS: dict[str, ReferenceSet] = {
    "bluebirds": ReferenceSet("Bluebirds", "https://github.com/welinder/cubam", "BSD 3-clause style", 108, 39, 2, 4212, 108),
    "rte": ReferenceSet("Textual entailment", "https://github.com/TrentoCrowdAI/crowdsourced-datasets", _NONE, 800, 164, 2, 8000, 800),
    "dog": ReferenceSet("Dog breeds", _SURVEY, _NONE, 807, 109, 4, 8070, 807, ("answer.csv", "truth.csv")),
    "d_product": ReferenceSet("Same product?", _SURVEY, _NONE, 8315, 176, 2, 24945, 8315),
    "web": ReferenceSet("Web search relevance", _SPECTRAL, _NONE, 2665, 177, 5, 15567, 2653),
    "trec": ReferenceSet("TREC 2011 relevance", _SPECTRAL, _NONE, 19033, 762, 2, 88385, 2275),
    "labelme": ReferenceSet("LabelMe images", _LEARNING, _NONE, 1000, 59, 8, 2547, 1000),
    "sentiment_polarity": ReferenceSet("Sentiment polarity", _LEARNING, _NONE, 4999, 203, 2, 27746, 4999),
    "music_genre": ReferenceSet("Music genres", _TOOLKIT, "Apache-2.0", 700, 44, 10, 2945, 700),
    "s_rel": ReferenceSet("Search relevance", _SCALE, _NONE, 20232, 766, 4, 98453, 4460),
    "cifar10h": ReferenceSet(
        "CIFAR-10H", "https://github.com/jcpeterson/cifar-10h", "CC BY-NC-SA 4.0", 10000, 2571, 10, 514200, 10000, ("cifar10h-raw.csv",)
    ),
    "weather_amt": ReferenceSet("Weather sentiment", _TOOLKIT, "Apache-2.0", 300, 110, 5, 6030, 300),
}


def verify(name: str, labels: CrowdLabels, gold: pd.Series | None) -> None:
    """Compare what was read with the published counts.

    Raises:
        ValueError: the set is unknown, or a count differs; the message names both.
    """
    if name not in REFERENCE_SETS:
        raise ValueError(f"There is no reference set {name!r}; choose one of {', '.join(REFERENCE_SETS)}.")
    known = REFERENCE_SETS[name]
    found = {
        "labels": (len(labels), known.n_labels),
        "examples": (len(labels.examples), known.n_examples),
        "annotators": (len(labels.annotators), known.n_annotators),
        "classes": (len(labels.classes), known.n_classes),
        "examples with gold": (0 if gold is None else len(gold), known.n_gold),
    }
    wrong = [f"{have:,} {what} in place of {want:,}" for what, (have, want) in found.items() if have != want]
    if wrong:
        raise ValueError(f"This is not {name} as it was published: it has {', '.join(wrong)}. See {known.home}.")


def fingerprints(files: Sequence[Path]) -> dict[str, str]:
    """{file name: SHA-256 of its bytes}."""
    found = {}
    for path in files:
        with path.open("rb") as file:
            found[path.name] = hashlib.file_digest(file, "sha256").hexdigest()
    return found


def check_unchanged(name: str, found: Mapping[str, str], home: Path) -> None:
    """Compare files with those of the first install of this set; files that were not there then pass.

    Raises:
        ValueError: a file has another SHA-256 than it had.
    """
    before = _recorded(home).get(name, {})
    for file, digest in found.items():
        if before.get(file, digest) != digest:
            raise ValueError(
                f"{file} of {name} is not the file of the first install: its SHA-256 is {digest}, and was {before[file]}. "
                "If the set was published anew and you trust it, give --force."
            )


def record(name: str, found: Mapping[str, str], home: Path) -> None:
    """Keep the SHA-256 of the files that were installed."""
    known = _recorded(home)
    known[name] = {**known.get(name, {}), **found}
    home.mkdir(parents=True, exist_ok=True)
    aside = home / f".{RECORD}.{os.getpid()}.part"
    aside.write_text(json.dumps(known, indent=1, sort_keys=True) + "\n", "utf-8")
    aside.replace(home / RECORD)


def _recorded(home: Path) -> dict[str, dict[str, str]]:
    path = home / RECORD
    if not path.is_file():
        return {}
    try:
        known = json.loads(path.read_text("utf-8"))
    except ValueError:
        raise ValueError(f"{path} is damaged, so no SHA-256 can be compared; mend it, or delete it to begin anew.") from None
    if not isinstance(known, dict) or not all(isinstance(files, dict) for files in known.values()):
        raise ValueError(f"{path} is damaged, so no SHA-256 can be compared; mend it, or delete it to begin anew.")
    return known
