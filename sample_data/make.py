"""Make the sample data again: `python sample_data/make.py [FOLDER]` writes the same bytes each time.

The app only reads the files; it never runs this script. What is real and what is drawn is told in README.md.
"""

from __future__ import annotations

import struct
import sys
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_predict

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))  # the script runs from a checkout, with or without the package installed

import digits_crowd as crowd  # noqa: E402

from multiannotator_core.consensus import build  # noqa: E402
from multiannotator_core.labels import CrowdLabels  # noqa: E402
from multiannotator_core.simulate.crowd import Sampler  # noqa: E402

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

DIGITS_SEED = 2026
GOLD_PER_CLASS = 6
TUTORIAL_SEED = 111  # the seed of the tutorial that this crowd is modelled on; not chosen for its result
FOLDS = 5
DECIMALS = 5  # of probabilities: rows still sum to 1 within 1e-4


def make_digits(folder: Path) -> None:
    """Real images, a simulated crowd of 40."""
    rng = np.random.default_rng(DIGITS_SEED)
    bunch = load_digits()
    pixels, truth = bunch.data.astype(np.int64), bunch.target.astype(np.int64)
    examples = pd.Index([f"d-{i + 1:04d}" for i in range(len(truth))], name="example")
    people = crowd.digit_annotators(rng)
    names = [f"A-{i + 1:03d}" for i in range(len(people.kind))]
    factor = crowd.ambiguity(pixels, truth)
    image, j = crowd.who_labels_what(rng, people, len(truth))
    start, spent, progress = crowd.when(rng, people, image, j, factor)
    label = crowd.what_they_say(rng, people, image, j, truth, crowd.chance_wrong(people, j, truth[image], factor[image], progress))
    times = pd.Timestamp("2026-03-02") + pd.to_timedelta(np.floor(start).astype(np.int64), unit="s")
    frame = pd.DataFrame({"example": examples[image], "annotator": np.array(names)[j], "label": label})
    frame = frame.assign(timestamp=times.strftime("%Y-%m-%dT%H:%M:%SZ"), seconds=spent).sort_values(["timestamp", "annotator", "example"])
    write(frame, folder / "labels.csv")
    write(pd.DataFrame({"example": examples, "truth": truth}), folder / "truth.csv")
    trusted = np.sort(np.concatenate([rng.choice(np.flatnonzero(truth == c), size=GOLD_PER_CLASS, replace=False) for c in range(10)]))
    write(pd.DataFrame({"example": examples[trusted], "gold": truth[trusted]}), folder / "gold.csv")
    about = {
        "annotator": names,
        "kind": people.kind,
        "labels": np.bincount(j),
        "true_accuracy": crowd.true_accuracy(people, truth, factor).round(4),
    }
    write(pd.DataFrame(about | {"note": [crowd.note(people, who, names) for who in range(len(names))]}), folder / "annotators.csv")
    write(out_of_sample(frame, pixels / 16, rng), folder / "pred_probs.csv")
    write_images(dict(zip(examples, 255 - (pixels * 255) // 16, strict=True)), folder / "images.zip")


# ---------------------------------------------------------------------- tutorial

BLOBS = [([3, 2], [[5, -1.5], [-1.5, 1]], 150), ([7, 7], [[1, 0.5], [0.5, 4]], 75), ([0, 8], [[5, 1], [1, 5]], 75)]
BETTER, WORSE = 0.8, 0.35  # trace of the noise matrices over K
N_BETTER, N_WORSE = 45, 5
LABELLED = 0.1  # share of the examples that each annotator labels


def noise_matrix(rng: np.random.Generator, mean_right: float, prior: Floats) -> Floats:
    """(K, K) random confusion with trace mean_right * K in which each class is said more often of itself than of the others."""
    k = len(prior)
    while True:
        wrong = (1 - mean_right) * k * rng.dirichlet(np.ones(k))
        confusion = np.zeros((k, k))
        for t in range(k):
            confusion[t, np.arange(k) != t] = wrong[t] * rng.dirichlet(np.ones(k - 1))
            confusion[t, t] = 1 - wrong[t]
        if (confusion >= 0).all() and (np.diag(confusion) > prior @ confusion).all():
            return confusion


def make_tutorial(folder: Path) -> None:
    """Three blobs of points, 45 good and 5 bad annotators who each label about a tenth."""
    rng = np.random.default_rng(TUTORIAL_SEED)
    points = np.vstack([rng.multivariate_normal(mean, cov, size=size) for mean, cov, size in BLOBS])
    truth = np.repeat(np.arange(3), [size for _, _, size in BLOBS])
    better, worse = (noise_matrix(rng, trace, np.bincount(truth) / len(truth)) for trace in (BETTER, WORSE))
    confusion = np.stack([better] * N_BETTER + [worse] * N_WORSE)
    i, j = np.nonzero(rng.random((len(truth), len(confusion))) < LABELLED)
    label = Sampler(confusion)(j, truth[i], rng.random(len(i)))
    kept = np.unique(i)  # as in the tutorial, points that nobody labelled are left out
    examples = pd.Index([f"p-{n + 1:03d}" for n in range(len(kept))], name="example")
    names = np.array([f"A{n + 1:04d}" for n in range(len(confusion))])
    frame = pd.DataFrame({"example": examples[np.searchsorted(kept, i)], "annotator": names[j], "label": label})
    write(frame, folder / "labels.csv")
    wide = CrowdLabels.from_long(frame).to_wide().rename_axis(index="example", columns=None)
    write(wide.reset_index(), folder / "labels_wide.csv")
    features = points[kept].round(4)
    write(pd.DataFrame({"example": examples, "x1": features[:, 0], "x2": features[:, 1]}), folder / "features.csv")
    write(pd.DataFrame({"example": examples, "truth": truth[kept]}), folder / "truth.csv")
    right = np.einsum("t,jtt->j", np.bincount(truth[kept]) / len(kept), confusion).round(4)
    about = {"annotator": names, "kind": ["better"] * N_BETTER + ["worse"] * N_WORSE, "labels": np.bincount(j), "true_accuracy": right}
    write(pd.DataFrame(about), folder / "annotators.csv")
    write(out_of_sample(frame, features, rng), folder / "pred_probs.csv")


# ---------------------------------------------------------------------- model and files


def out_of_sample(frame: pd.DataFrame, features: Floats, rng: np.random.Generator) -> pd.DataFrame:
    """5-fold out-of-sample class probabilities of a logistic regression trained on majority-vote labels, one row an example."""
    labels = CrowdLabels.from_long(frame)
    majority = build(labels, labels.votes / labels.labels_per_example[:, None]).label
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=int(rng.integers(2**31)))
    probability = cross_val_predict(LogisticRegression(max_iter=2000), features, majority, cv=folds, method="predict_proba")
    table = pd.DataFrame(probability.round(DECIMALS), index=labels.examples, columns=labels.classes.astype(str))
    return table.rename_axis(columns=None).reset_index()


def write(frame: pd.DataFrame, path: Path) -> None:
    """A CSV with the same bytes on every system."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(frame.to_csv(index=False, lineterminator="\n").encode())


def write_images(images: dict[str, Ints], path: Path) -> None:
    """One zip of 8x8 grey PNGs, stored without compression: compressors differ from system to system."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for name, pixels in images.items():
            entry = zipfile.ZipInfo(f"{name}.png", date_time=(1980, 1, 1, 0, 0, 0))
            entry.create_system, entry.external_attr = 3, 0o644 << 16
            archive.writestr(entry, png(pixels.reshape(8, 8).astype(np.uint8)))


def png(grey: NDArray[np.uint8]) -> bytes:
    """A greyscale image (height, width) as a PNG."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    height, width = grey.shape
    rows = b"".join(b"\0" + row.tobytes() for row in grey)  # a filter byte before each row
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows, 0)) + chunk(b"IEND", b"")


def make(folder: Path = HERE) -> None:
    """Write all samples into a folder."""
    make_digits(folder / "digits")
    make_tutorial(folder / "tutorial")


if __name__ == "__main__":
    make(Path(sys.argv[1]) if len(sys.argv) > 1 else HERE)
