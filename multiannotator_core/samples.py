"""The sample data of the repository: `load_sample("digits")` gives everything that the app needs to show something real."""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from .labels import CrowdLabels

# sample_data/ stands beside the package in a checkout; an installed package alone does not carry it.
FOLDER = Path(__file__).resolve().parent.parent / "sample_data"


@dataclass(frozen=True)
class Sample:
    """A sample on the shelf: its title and what it is, each for people."""

    title: str
    description: str


SAMPLES: dict[str, Sample] = {
    "digits": Sample(
        "Handwritten digits",
        "1,797 real images of digits, about 8,000 labels by 40 simulated annotators: experts, ordinary people who mix up look-alike "
        "digits, some who answer at random, one who always says 7, a copier, and one who tires.",
    ),
    "tutorial": Sample(
        "Three blobs",
        "297 points of three classes, 50 simulated annotators who each label about a tenth; the last five are much worse than the others.",
    ),
}


@dataclass(frozen=True, eq=False)
class LoadedSample:
    """A sample in memory: N examples, J annotators, K classes.

    Attributes:
        name: its key in SAMPLES.
        labels: with timestamps and seconds where the sample has them.
        gold: trusted classes by example name, for a share of the examples; or None.
        content: what is shown of each example, indexed by example: `image` (PNG bytes), or numbers.
        pred_probs: (N, K) out-of-sample probabilities of a model, indexed by example, one column a class.
        truth: true class of every example, by example name: for benchmarks, not for the user.
        annotators: (J rows) indexed by annotator: kind, labels, true_accuracy, and note where there is one.
    """

    name: str
    labels: CrowdLabels
    gold: pd.Series | None
    content: pd.DataFrame
    pred_probs: pd.DataFrame
    truth: pd.Series
    annotators: pd.DataFrame


def load_sample(name: str = "digits", folder: Path | str = FOLDER) -> LoadedSample:
    """Read a sample from sample_data/.

    Args:
        name: a key of SAMPLES.
        folder: where the samples are; default: beside the package.

    Raises:
        ValueError: the name is unknown, or the files are not there.
    """
    if name not in SAMPLES:
        raise ValueError(f"There is no sample {name!r}; choose one of {', '.join(SAMPLES)}.")
    home = Path(folder) / name
    if not (home / "labels.csv").is_file():
        raise ValueError(
            f"The sample {name!r} is not in {home}. It comes with the source code of Crowdlens: run from a checkout, "
            "or make it there with python sample_data/make.py."
        )
    frame = pd.read_csv(home / "labels.csv")
    times = {column: column for column in ("timestamp", "seconds") if column in frame.columns}
    labels = CrowdLabels.from_long(frame, **times)
    pred_probs = _by_example(home / "pred_probs.csv")
    names = {str(label): label for label in labels.classes}
    return LoadedSample(
        name,
        labels,
        _by_example(home / "gold.csv")["gold"] if (home / "gold.csv").is_file() else None,
        _images(home / "images.zip") if (home / "images.zip").is_file() else _by_example(home / "features.csv"),
        pred_probs.rename(columns=names),
        _by_example(home / "truth.csv")["truth"],
        pd.read_csv(home / "annotators.csv", index_col="annotator"),
    )


def _by_example(path: Path) -> pd.DataFrame:
    return pd.read_csv(path, index_col="example")


def _images(path: Path) -> pd.DataFrame:
    """One row a file of the zip: its name without the ending, and its bytes."""
    with zipfile.ZipFile(path) as archive:
        images = {Path(entry).stem: archive.read(entry) for entry in archive.namelist()}
    return pd.DataFrame({"image": list(images.values())}, index=pd.Index(list(images), name="example"))
