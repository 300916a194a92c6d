"""Commands that hand on: what to buy, the report, and the data sets at hand."""

import io
import json

import pandas as pd
import pytest
from click.testing import CliRunner

import multiannotator_core as mc
from multiannotator_core.cli import cli
from multiannotator_core.reference_sets import REFERENCE_SETS, ReferenceSet
from multiannotator_core.relabel import plan
from tests.crowds import crowd


def run(*arguments):
    return CliRunner().invoke(cli, list(map(str, arguments)))


@pytest.fixture
def answers(tmp_path):
    """A file of labels, and the same labels in memory."""
    path = tmp_path / "answers.csv"
    crowd()[0].to_csv(path, index=False)
    return path, mc.read_labels(path)


def test_relabel_is_the_plan(answers):
    """`relabel` prints the plan of the library, and asks nobody who is not to be asked."""
    path, labels = answers
    expected = plan(labels, mc.aggregate(labels), 5, not_to_ask=["a0"]).table

    found = pd.read_csv(io.StringIO(run("relabel", path, "--budget", 5, "--not-to-ask", "a0").stdout))
    refused = run("relabel", path, "--budget", 5, "--not-to-ask", "nobody")

    assert list(found["example"]) == list(expected["example"])
    assert list(found["annotator"]) == list(expected["annotator"])
    assert "a0" not in set(found["annotator"])
    assert (refused.exit_code, "nobody" in refused.stderr) == (2, True)


def test_report_is_one_page(answers, tmp_path):
    """`report` writes HTML about the crowd, or about one annotator, by pseudonym if asked."""
    path, _ = answers

    whole = run("report", path, "-o", tmp_path / "audit.html")
    one = run("report", path, "--annotator", "a1", "--pseudonyms").stdout

    assert whole.exit_code == 0
    assert (tmp_path / "audit.html").read_text().startswith("<!DOCTYPE html>")
    assert "A-00" in one
    assert "a1<" not in one


def test_public_sets_name_their_home():
    """`datasets list` has the samples and every public set with home page, licence and size."""
    found = {row["name"]: row for row in json.loads(run("datasets", "list", "--as", "json").stdout)}

    assert {"sample:digits", "sample:tutorial", *REFERENCE_SETS} == set(found)
    assert all(found[name]["home"].startswith("https://") and found[name]["licence"] for name in REFERENCE_SETS)
    assert found["bluebirds"]["n_labels"] == 4212


def test_a_public_set_is_installed_when_its_counts_are_right(answers, tmp_path, monkeypatch):
    """A folder with the published counts comes into the workspace with its gold; another one is refused with both numbers."""
    (tmp_path / "set").mkdir()
    frame, truth = crowd()
    frame.to_csv(tmp_path / "set" / "answers.csv", index=False)
    truth.rename("truth").rename_axis("task").to_csv(tmp_path / "set" / "truth.csv")
    monkeypatch.setitem(REFERENCE_SETS, "dog", ReferenceSet("Made", "https://example.org", "none", 60, 9, 3, 240, 60))

    done = run("datasets", "install", "dog", "--from", tmp_path / "set")
    refused = run("datasets", "install", "rte", "--from", tmp_path / "set")
    with mc.Store(tmp_path / "home" / "crowdlens.db") as store:
        kept = store.load(store.datasets()[0].id)

    assert done.exit_code == 0
    assert (kept.name, len(kept.labels), len(kept.gold)) == ("dog", 240, 60)
    assert refused.exit_code == 2
    assert "240 labels in place of 8,000" in refused.stderr
