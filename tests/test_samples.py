"""Promises of the sample data: what README.md says is in the files is there, and the script makes the same files again."""

import re
import struct
import subprocess
import sys
import zlib

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_digits

from multiannotator_core.align import aligned_pred_probs, gold_codes
from multiannotator_core.consensus import build
from multiannotator_core.evaluate import evaluate
from multiannotator_core.labels import CrowdLabels
from multiannotator_core.samples import FOLDER, SAMPLES, load_sample


@pytest.fixture(scope="module")
def digits():
    """The digits sample."""
    return load_sample("digits")


def who(sample, kind):
    """Names of the annotators of a kind."""
    return sample.annotators.index[sample.annotators["kind"] == kind].tolist()


def long_table(sample):
    """The labels with their truth."""
    return sample.labels.to_long().assign(right=lambda frame: frame["label"].to_numpy() == sample.truth.loc[frame["example"]].to_numpy())


def readme_row(name):
    """The cells of a sample's row in the first table of README.md."""
    line = next(line for line in (FOLDER / "README.md").read_text("utf-8").splitlines() if line.startswith(f"| {name} |"))
    return [cell.strip() for cell in line.split("|")[2:-1]]


@pytest.mark.parametrize("name", SAMPLES)
class TestEverySample:
    """What holds for each entry of SAMPLES."""

    def test_readme_tells_the_numbers(self, name):
        """Counts and accuracies in README.md are those of the files."""
        sample = load_sample(name)
        labels = sample.labels
        truth = sample.truth.loc[labels.examples].to_numpy()
        found = evaluate(labels, build(labels, labels.votes / labels.labels_per_example[:, None]), sample.truth)
        model = aligned_pred_probs(labels, sample.pred_probs).argmax(axis=1)
        n = labels.labels_per_example
        actual = [str(len(names)) for names in (labels.examples, labels.annotators, labels.classes, labels)]
        actual += [f"{n.min()} to {n.max()}", f"{long_table(sample)['right'].mean():.3f}"[1:]]
        actual += [f"{found[metric]:.4f}"[1:] for metric in ("accuracy", "accuracy_ties_split")] + [f"{(model == truth).mean():.3f}"[1:]]

        assert readme_row(name) == actual

    def test_parts_fit_together(self, name):
        """Content, probabilities, truth and gold are about the examples of the labels, and probabilities sum to 1."""
        sample = load_sample(name)
        examples = set(sample.labels.examples)

        assert set(sample.content.index) == set(sample.pred_probs.index) == set(sample.truth.index) == examples
        assert set(sample.annotators.index) == set(sample.labels.annotators)
        assert sample.pred_probs.columns.tolist() == sample.labels.classes.tolist()
        assert np.abs(sample.pred_probs.sum(axis=1) - 1).max() < 1e-3
        assert sample.annotators["labels"].loc[sample.labels.annotators].tolist() == sample.labels.labels_per_annotator.tolist()
        assert sample.labels.repeated == 0
        if sample.gold is not None:
            assert sample.truth.loc[sample.gold.index].tolist() == sample.gold.tolist()
            assert (gold_codes(sample.labels, sample.gold) >= 0).sum() == len(sample.gold)


def test_the_script_makes_the_same_files(tmp_path):
    """A second run of make.py gives the files of the repository; the model's last digits may differ on another machine."""
    made = subprocess.run([sys.executable, "-W", "error", FOLDER / "make.py", tmp_path], capture_output=True, text=True, check=False)
    files = sorted(path.relative_to(FOLDER) for name in SAMPLES for path in (FOLDER / name).iterdir())

    assert (made.returncode, made.stdout, made.stderr) == (0, "", "")
    assert files == sorted(path.relative_to(tmp_path) for name in SAMPLES for path in (tmp_path / name).iterdir())
    for file in files:
        if file.name == "pred_probs.csv":
            both = [pd.read_csv(root / file, index_col="example") for root in (FOLDER, tmp_path)]
            pd.testing.assert_frame_equal(*both, atol=2e-3, rtol=0)
        else:
            assert (FOLDER / file).read_bytes() == (tmp_path / file).read_bytes(), file


def test_samples_stay_small():
    """Each sample is below 1.5 MB, so that the repository stays light."""
    for name in SAMPLES:
        assert sum(path.stat().st_size for path in (FOLDER / name).iterdir()) < 1_500_000


def test_images_are_the_real_digits(digits):
    """Each PNG is an 8 x 8 grey image with scikit-learn's pixels, dark ink on white, and truth is its class."""
    bunch = load_digits()
    pixels = 255 - bunch.data.astype(int) * 255 // 16

    assert digits.truth.tolist() == bunch.target.tolist()
    for at in (0, 7, 1796):
        image = digits.content.loc[f"d-{at + 1:04d}", "image"]
        size = struct.unpack(">II", image[16:24])
        length = struct.unpack(">I", image[33:37])[0]
        rows = np.frombuffer(zlib.decompress(image[41 : 41 + length]), dtype=np.uint8).reshape(8, 9)
        assert size == (8, 8)
        assert image.startswith(b"\x89PNG\r\n\x1a\n")
        assert rows[:, 1:].ravel().tolist() == pixels[at].tolist()


def test_digits_have_the_people_of_the_readme(digits):
    """Kinds and their numbers are those of README.md, and names run from A-001 to A-040."""
    text = (FOLDER / "README.md").read_text("utf-8")
    expected = {
        kind: int(n) for kind, n in re.findall(r"^\| (expert|ordinary|random|constant|tires|few labels) \| (\d+) \|", text, re.MULTILINE)
    }
    actual = digits.annotators["kind"].value_counts().to_dict()

    assert expected | {"copied": 1, "copier": 1} == actual
    assert digits.labels.annotators.tolist() == [f"A-{n:03d}" for n in range(1, 41)]
    assert (len(who(digits, "copied")), len(who(digits, "copier"))) == (1, 1)


def test_each_kind_behaves_as_told(digits):
    """Experts are nearly always right, random ones are at chance and fast, the constant one says one class, few are few."""
    frame = long_table(digits)
    right = frame.groupby("annotator")["right"].mean()
    spent = frame.groupby("annotator")["seconds"].median()
    n = frame.groupby("annotator").size()

    assert right[who(digits, "expert")].min() > 0.9
    assert right[who(digits, "random")].max() < 0.2
    assert spent[who(digits, "random") + who(digits, "constant")].max() < 1.5 < 2.5 < spent[who(digits, "ordinary")].min()
    assert right[who(digits, "ordinary")].between(0.6, 0.98).all()
    assert set(frame.loc[frame["annotator"].isin(who(digits, "constant")), "label"]) == {7}
    assert sorted(n[who(digits, "few labels")]) == [4, 6]
    assert n.drop(who(digits, "few labels")).min() >= 50
    # the true accuracy is what is seen, within four standard errors
    truth = digits.annotators["true_accuracy"]
    allowed = 4 * np.sqrt(0.25 / n)
    assert ((right - truth).abs() <= allowed).all()


def test_ordinary_people_mix_up_their_pair(digits):
    """The pairs 4/9, 1/7 and 3/8 hold far more of the ordinary annotators' errors than chance (3 of 45 pairs) would give."""
    frame = long_table(digits)
    wrong = frame[frame["annotator"].isin(who(digits, "ordinary")) & ~frame["right"]]
    pairs = [tuple(sorted(pair)) for pair in zip(wrong["label"], digits.truth.loc[wrong["example"]], strict=True)]
    share = sum(pair in {(4, 9), (1, 7), (3, 8)} for pair in pairs) / len(pairs)

    assert share > 0.3


def test_the_copier_copies_and_the_tired_one_tires(digits):
    """The pair agrees on 9 of 10 shared images, also where wrong; the tired one's last third is much worse than the first."""
    frame = long_table(digits)
    source, copier = (frame[frame["annotator"] == who(digits, kind)[0]] for kind in ("copied", "copier"))
    both = source.merge(copier, on="example", suffixes=("", "_copy"))
    tired = frame[frame["annotator"] == who(digits, "tires")[0]].sort_values("timestamp")["right"].to_numpy()
    third = len(tired) // 3

    assert len(both) == len(copier) >= 50
    assert (both["label"] == both["label_copy"]).mean() > 0.85
    assert (both["label"] == both["label_copy"])[~both["right"]].mean() > 0.7
    assert both["timestamp_copy"].sub(both["timestamp"]).dt.total_seconds().between(19, 91).all()
    assert tired[:third].mean() - tired[-third:].mean() > 0.25


def test_wide_and_long_tutorial_are_the_same_labels():
    """labels_wide.csv holds the table of labels.csv."""
    wide = CrowdLabels.from_wide(pd.read_csv(FOLDER / "tutorial" / "labels_wide.csv", index_col="example"))

    assert wide.fingerprint == load_sample("tutorial").labels.fingerprint


def test_the_last_five_of_the_tutorial_are_the_worst():
    """A0046 to A0050 are those with the worse noise, and their labels are right far less often."""
    sample = load_sample("tutorial")
    right = long_table(sample).groupby("annotator")["right"].mean()

    assert who(sample, "worse") == [f"A{n:04d}" for n in range(46, 51)]
    assert right[who(sample, "worse")].max() < right[who(sample, "better")].min()


def test_missing_samples_are_one_clear_sentence(tmp_path):
    """An unknown name and a folder without the files say what to do."""
    with pytest.raises(ValueError, match="no sample 'digit'; choose one of digits, tutorial"):
        load_sample("digit")
    with pytest.raises(ValueError, match=r"The sample 'digits' is not in .* python sample_data/make\.py"):
        load_sample("digits", tmp_path)
