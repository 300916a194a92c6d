"""The command `train`: the numbers of the library in files, from contents, tables or folders of images."""

import io

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from PIL import Image

from multiannotator_core.cli import cli
from multiannotator_core.cli.inputs import given
from multiannotator_core.cli.training import features_for
from multiannotator_core.learning import features_of
from multiannotator_core.learning.networks import Schedule, train
from multiannotator_core.samples import load_sample
from tests.learning.conftest import blobs

pytest.importorskip("torch", reason="the networks need PyTorch: pip install -r requirements-torch.txt")


def run(*arguments):
    return CliRunner().invoke(cli, ["train", *map(str, arguments)])


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """A folder with the labels of 24 examples, their points, an image of each, and the class of the first ten."""
    folder = tmp_path_factory.mktemp("crowd")
    made = blobs(24)
    made.labels.to_long().to_csv(folder / "answers.csv", index=False)
    np.save(folder / "points.npy", made.points)
    (folder / "images").mkdir()
    for i, truth in enumerate(made.truth):
        Image.new("L", (5, 5), int(100 * truth)).save(folder / "images" / f"{i}.png")
    return folder


def test_the_command_is_the_library(tmp_path):
    """`train` writes the pred_probs, confusions and curves of `networks.train`, options of the strategy included."""
    sample = load_sample("tutorial")
    features = features_of(sample.content, ["x1", "x2"], sample.labels.examples)
    schedule = Schedule(n_epochs=2, batch_size=64, learning_rate=0.01, patience=0)
    expected = train(sample.labels, features, "raykar", n_folds=2, seed=3, schedule=schedule, warm_up=1)
    given = ("--epochs", 2, "--rate", 0.01, "--patience", 0, "--folds", 2, "--seed", 3, "--warm-up", 1)
    confusions, curves = tmp_path / "confusions.csv", tmp_path / "curves.json"

    done = run("sample:tutorial", "-s", "raykar", *given, "--confusions", confusions, "--curves", curves)
    found = pd.read_csv(io.StringIO(done.stdout), index_col="example")

    assert done.exit_code == 0, done.stderr
    np.testing.assert_allclose(expected.pred_probs, found.to_numpy())
    assert list(found.index) == list(sample.labels.examples)
    np.testing.assert_allclose(expected.confusion.ravel(), pd.read_csv(confusions)["chance"])
    assert len(pd.read_json(curves)) == 3 * 2


@pytest.mark.parametrize("seen", ["--features points.npy", "--images images", "--images images --network cnn"])
def test_what_the_network_looks_at(written, seen):
    """Tables and folders of images of the user's own are learned from."""
    words = [str(written / word) if word in ("points.npy", "images") else word for word in seen.split()]

    done = run(written / "answers.csv", *words, "--epochs", 1, "--folds", 2)

    assert done.exit_code == 0, done.stderr
    assert pd.read_csv(io.StringIO(done.stdout)).shape == (24, 4)


def test_images_among_the_contents_are_seen_as_images():
    """A network for images gets those that came with the labels, and not a row of grey values; others get the row."""
    digits = given(["sample:digits"])

    as_images, as_row = (features_for(digits, None, None, network) for network in ("cnn", "mlp"))

    assert as_images.pixels.shape == (1797, 3, 32, 32)
    assert as_row.numbers.shape == (1797, 64)


def test_what_cannot_be_done_is_said(written, tmp_path):
    """Nothing to look at, no confusions to write, and files that exist are exit code 2 and one sentence."""
    taken = tmp_path / "taken.csv"
    taken.write_text("mine")
    answers, points = written / "answers.csv", ("--features", written / "points.npy")
    brief = ("--epochs", 1, "--folds", 2)
    without = run(answers, *points, *brief, "-s", "consensus", "--method", "majority_vote", "--confusions", tmp_path / "new.csv")

    nothing, exists = run(answers), run(answers, *points, "--curves", taken)

    assert [one.exit_code for one in (nothing, exists, without)] == [2, 2, 2]
    assert "nothing that a network could look at" in nothing.stderr
    assert "--force" in exists.stderr
    assert "no confusions" in without.stderr
    assert taken.read_text() == "mine"
