"""`benchmark quality` and `benchmark active-learning`: the benchmarks of the library, with files and figures; task lists of `relabel`."""

import io
import json

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from multiannotator_core.benchmark import active_learning, quality
from multiannotator_core.cli import cli
from multiannotator_core.export import TASK_LISTS
from tests.crowds import crowd

ROWS = pd.DataFrame(
    {
        "method": ["random"] * 2,
        "run": [0, 0],
        "round": [0, 1],
        "n_labels": [9, 19],
        "n_labelled": [9, 9],
        "consensus_accuracy": [0.5, 0.75],
        "model_accuracy": [0.25, 0.5],
    }
)


def run(*arguments):
    return CliRunner().invoke(cli, list(map(str, arguments)))


@pytest.fixture
def asked(monkeypatch):
    """What the benchmark of active learning was asked for; it answers ROWS."""
    calls = []
    monkeypatch.setattr(active_learning, "active_learning", lambda pool, **options: calls.append(options) or ROWS)
    return calls


def test_active_learning_fills_a_folder(asked, tmp_path):
    """Two tables a set of data and start, one page of figures, and a folder for finished runs; without a folder one table."""
    done = run(
        "benchmark", "active-learning", "--data", "digits", "--runs", 2, "--rounds", 3, "--batch", 20, "-m", "random", "-o", tmp_path
    )
    printed = run("benchmark", "active-learning", "--data", "digits", "--start", "500")

    assert done.exit_code == printed.exit_code == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "curves.html", "digits-500-curves.csv", "digits-500-rounds.csv", "digits-full-curves.csv", "digits-full-rounds.csv",
    ]  # fmt: skip
    assert [options["n_start"] for options in asked] == [None, 500, 500]
    assert {key: asked[0][key] for key in ("methods", "runs", "rounds", "batch", "folder")} == {
        "methods": ("random",), "runs": 2, "rounds": 3, "batch": 20, "folder": tmp_path / "runs",
    }  # fmt: skip
    assert "digits-full: consensus accuracy" in (tmp_path / "curves.html").read_text("utf-8")
    assert pd.read_csv(io.StringIO(printed.stdout))["consensus_accuracy"].tolist() == [0.5, 0.75]


def test_what_is_missing_is_said(asked, tmp_path):
    """Without the file of the robot the digits are used; asked for by name it is an error that names the file."""
    found = run("benchmark", "active-learning", "--folder", tmp_path, "--start", "full")
    refused = run("benchmark", "active-learning", "--folder", tmp_path, "--data", "wall_robot")
    wrong = run("benchmark", "quality", tmp_path)

    assert set(pd.read_csv(io.StringIO(found.stdout))["data"]) == {"digits-full"}
    assert (refused.exit_code, "features4_with_class.csv" in refused.stderr) == (2, True)
    assert (wrong.exit_code, "answers.csv" in wrong.stderr) == (2, True)


def test_quality_is_the_library(monkeypatch):
    """The digits sample by default, and the rows of all data in one table."""
    monkeypatch.setattr(
        quality, "quality_benchmark", lambda case, *, models, seed, on_progress: pd.DataFrame({"data": [case.name], "seed": [seed]})
    )

    assert pd.read_csv(io.StringIO(run("benchmark", "quality", "--seed", 4).stdout)).to_dict("records") == [{"data": "digits", "seed": 4}]
    assert len(pd.read_csv(io.StringIO(run("benchmark", "quality", "sample:digits", "sample:digits").stdout))) == 2


def test_cifar10h_takes_the_users_models(tmp_path):
    """The file where the user has it, with probabilities by image; without them the command says what is missing."""
    rng = np.random.default_rng(0)
    image = np.repeat(np.arange(30), 4)
    truth = np.array(["cat", "dog", "frog"])[image % 3]
    chosen = np.where(rng.random(120) < 0.8, truth, "cat")
    raw = {"annotator_id": np.tile(np.arange(8), 15), "chosen_category": chosen, "true_category": truth, "cifar10_test_test_idx": image}
    pd.DataFrame(raw).to_csv(tmp_path / "cifar10h-raw.csv", index=False)
    probabilities = rng.dirichlet(np.ones(3), 30)
    np.save(tmp_path / "net.npy", probabilities)

    found = run("benchmark", "quality", tmp_path / "cifar10h-raw.csv", "--pred-probs", tmp_path / "net.npy")
    refused = run("benchmark", "quality", tmp_path / "cifar10h-raw.csv")

    assert set(pd.read_csv(io.StringIO(found.stdout))["model"]) == {"net"}
    assert (refused.exit_code, "--pred-probs" in refused.stderr) == (2, True)


def test_a_file_named_as_a_command_of_two_words_is_no_surprise():
    """`benchmark FILES` still compares methods; its first word alone decides."""
    refused = run("benchmark", "no_such_file.csv")

    assert refused.exit_code == 2
    assert "no_such_file.csv" in refused.stderr


@pytest.mark.parametrize("kind", TASK_LISTS)
def test_relabel_writes_task_lists(kind, tmp_path):
    """`relabel --to` writes the list of the plan in the format of a tool."""
    crowd()[0].to_csv(tmp_path / "answers.csv", index=False)
    done = run("relabel", tmp_path / "answers.csv", "--budget", 5, "--to", kind, "-o", tmp_path / "tasks")
    text = (tmp_path / "tasks").read_text("utf-8")

    assert done.exit_code == 0
    if TASK_LISTS[kind].ending == "json":
        assert 1 <= len(json.loads(text)) <= 5
    else:
        assert 1 <= len(text.splitlines()) <= 6
