"""The command line: what it writes, what it refuses, and how it sits in a pipeline."""

import io
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

import multiannotator_core as mc
from multiannotator_core import ingest
from multiannotator_core.cli import cli
from multiannotator_core.quality.audit import audit
from tests.crowds import crowd, model_of

ROOT = Path(__file__).parents[2]


def run(*arguments, given=None):
    return CliRunner().invoke(cli, list(map(str, arguments)), input=given)


def refused(outcome):
    """The one sentence that a refused command says."""
    assert outcome.exit_code == 2
    assert outcome.stdout == ""
    assert "Traceback" not in outcome.stderr
    assert len(outcome.stderr.strip().splitlines()) == 1
    return outcome.stderr.strip()


@pytest.fixture
def answers(tmp_path):
    """A file of labels, and the same labels in memory."""
    frame, truth = crowd()
    path = tmp_path / "answers.csv"
    frame.to_csv(path, index=False)
    truth.rename("gold").rename_axis("example").to_csv(tmp_path / "gold.csv")
    return path, mc.read_labels(path), truth


def table(text):
    return pd.read_csv(io.StringIO(text), dtype={"example": str, "annotator": str})


def test_aggregate_is_the_library(answers):
    """`aggregate` prints what mc.aggregate finds, with the options that were given."""
    path, labels, _ = answers
    expected = mc.aggregate(labels, "glad", max_iter=7, prior_strength=2.0).to_frame(labels)

    outcome = run("aggregate", path, "-m", "glad", "--max-iter", 7, "--prior-strength", 2)
    found = table(outcome.stdout).set_index("example")

    assert outcome.exit_code == 0
    assert outcome.stderr == ""
    assert list(found["consensus_label"]) == list(expected["consensus_label"])
    np.testing.assert_array_equal(expected["consensus_quality_score"], found["consensus_quality_score"])


@pytest.mark.parametrize(
    ("name", "read"), [("a.csv", pd.read_csv), ("a.json", pd.read_json), ("a.parquet", pd.read_parquet)], ids=["csv", "json", "parquet"]
)
def test_the_ending_says_the_format(answers, tmp_path, name, read):
    """CSV, JSON and Parquet hold the same posterior, and nothing but the file is left behind."""
    path, labels, _ = answers
    expected = mc.aggregate(labels, "dawid_skene").posterior
    (tmp_path / "out").mkdir()

    outcome = run("aggregate", path, "--soft", "-o", tmp_path / "out" / name)
    found = read(tmp_path / "out" / name).drop(columns="example").to_numpy()

    assert (outcome.exit_code, outcome.stdout) == (0, "")
    np.testing.assert_allclose(found, expected, atol=1e-14)
    assert [file.name for file in (tmp_path / "out").iterdir()] == [name]


def test_a_file_that_exists_stays(answers, tmp_path):
    """Without --force nothing is overwritten, and it is said before the work; with it the file is replaced."""
    path, _, _ = answers
    out = tmp_path / "out.csv"
    out.write_text("precious")

    told = refused(run("aggregate", path, "-o", out))
    before = out.read_text()
    forced = run("aggregate", path, "-o", out, "--force")

    assert "--force" in told
    assert before == "precious"
    assert forced.exit_code == 0
    assert out.read_text().replace(chr(34), "").startswith("example,consensus_label")


def test_identify_examples_worst_first(answers):
    """`identify` gives all qualities of each example, the lowest first."""
    path, labels, _ = answers

    found = table(run("identify", path).stdout)

    assert set(found["example"]) == set(labels.examples)
    assert found["consensus_quality_score"].is_monotonic_increasing
    assert {"posterior", "entropy", "agreement"} <= set(found)


def test_identify_annotators_is_the_audit(answers):
    """`identify --of annotators` is the audit table, the worst first."""
    path, labels, _ = answers
    expected = audit(labels, mc.aggregate(labels)).table.sort_values("quality")

    found = table(run("identify", path, "--of", "annotators").stdout).set_index("annotator")

    assert list(found.index) == list(expected.index)
    np.testing.assert_allclose(found["quality"], expected["quality"])
    assert list(found["verdict"]) == list(expected["verdict"])


def test_gold_and_model_are_used(answers, tmp_path):
    """Gold makes its examples certain, and pred_probs make CROWDLAB run."""
    path, labels, truth = answers
    probs = model_of(labels, truth)
    frame = pd.DataFrame(probs, index=labels.examples, columns=labels.classes)
    frame.rename_axis("example").to_csv(tmp_path / "probs.csv")
    expected = mc.aggregate(labels, "crowdlab", pred_probs=probs)

    with_gold = table(run("aggregate", path, "--gold", tmp_path / "gold.csv").stdout)
    with_model = table(run("aggregate", path, "-m", "crowdlab", "--pred-probs", tmp_path / "probs.csv").stdout)

    assert with_gold["is_gold"].all()
    assert (with_gold["consensus_quality_score"] == 1).all()
    np.testing.assert_allclose(with_model["consensus_quality_score"], expected.quality, atol=1e-12)
    assert "pred_probs" in refused(run("aggregate", path, "-m", "crowdlab"))


def test_agreement_is_the_library(answers):
    """`agreement` prints alpha with its interval; --pairs one row a pair; --without one row an annotator."""
    path, labels, _ = answers

    found = json.loads(run("agreement", path, "--as", "json").stdout)[0]
    pairs = table(run("agreement", path, "--pairs").stdout)
    without = table(run("agreement", path, "--without").stdout)

    assert found["krippendorff_alpha"] == pytest.approx(mc.krippendorff_alpha(labels))
    assert found["alpha_low"] < found["krippendorff_alpha"] < found["alpha_high"]
    assert len(pairs) == len(mc.pairwise_agreement(labels))
    assert set(without["annotator"]) == set(labels.annotators)


def test_simulate_is_the_library(tmp_path):
    """`simulate` draws the same crowd as mc.simulate with that seed, with its truth and the annotators' accuracy."""
    expected = mc.simulate("student-teacher", n_examples=40, n_annotators=6, labels_per_example=3, ratio=0.5, seed=4)

    outcome = run(
        "simulate", "-s", "student-teacher", "--examples", 40, "--annotators", 6, "--labels-per-example", 3, "--ratio", 0.5,
        "--seed", 4, "--truth", tmp_path / "truth.csv", "--abilities", tmp_path / "who.json", "-o", tmp_path / "answers.csv",
    )  # fmt: skip
    found = ingest.read_labels(tmp_path / "answers.csv")

    assert outcome.exit_code == 0
    assert list(found.label) == list(expected.labels.label)
    assert list(pd.read_csv(tmp_path / "truth.csv")["truth"]) == list(expected.truth)
    np.testing.assert_allclose(pd.read_json(tmp_path / "who.json")["accuracy"], expected.annotator_accuracy)


def test_given_matrices_are_drawn_from(tmp_path):
    """The matrices of `given-confusion` come from an NPY file."""
    np.save(tmp_path / "right.npy", np.stack([np.eye(3)] * 4))

    found = table(run("simulate", "-s", "given-confusion", "--confusion", tmp_path / "right.npy", "--labels-per-example", 4).stdout)

    assert len(found.groupby(["example", "label"])) == 200


@pytest.mark.parametrize("to", list(mc.export.WRITERS))
def test_convert_to_any_format(answers, tmp_path, to):
    """What `convert` writes is read back with the same labels."""
    path, labels, _ = answers
    out = tmp_path / f"out.{mc.export.WRITERS[to].ending}"

    outcome = run("convert", path, "--to", to, "-o", out)

    assert (outcome.exit_code, outcome.stderr) == (0, "")
    assert len(ingest.read(out).labels) == len(labels)


def test_benchmark_ranks_and_resumes(answers, tmp_path):
    """`benchmark` ranks methods over data and seeds; with --results a second call computes nothing anew."""
    path, _, _ = answers
    arguments = ("benchmark", path, "--gold", tmp_path / "gold.csv", "--simulate", "hammer-spammer:n_examples=40", "--seeds", 2)
    arguments += ("-m", "majority_vote", "-m", "dawid_skene:tol=0,max_iter=3", "--results", tmp_path / "runs")

    first = run(*arguments)
    files = {file.name: file.stat().st_mtime_ns for file in (tmp_path / "runs").iterdir()}
    second = run(*arguments)

    assert first.exit_code == 0
    assert len(files) == 8
    assert second.stdout == first.stdout
    assert {file.name: file.stat().st_mtime_ns for file in (tmp_path / "runs").iterdir()} == files
    assert set(table(first.stdout)["title"]) == {"Majority vote", "Dawid-Skene, tol 0.0, max_iter 3"}


def test_benchmark_preset_shows_the_printed_values():
    """A preset has one row a column of the paper's table, with its printed value."""
    found = table(run("benchmark", "--preset", "table-1", "--seeds", 2).stdout)

    assert list(found["column"]) == ["MV", "GLAD", "DS", "DSWC[L=5]", "DSWC[L=10]", "NS"]
    assert list(found["printed"]) == [0.755, 0.775, 0.89, 0.775, 0.77, 0.76]
    assert found["mean"].between(0.6, 1).all()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("aggregate", "nothing.csv"), "nothing.csv"),
        (("aggregate", "sample:nothing"), "choose one of"),
        (("aggregate", "sample:tutorial", "--n-clusters", "3"), "n_clusters"),
        (("aggregate", "sample:tutorial", "--tol", "x"), "--tol"),
        (("aggregate", "sample:tutorial", "-m", "kos"), "two classes"),
        (("aggregate", "sample:tutorial", "-o", "out.txt"), "csv, parquet, json"),
        (("aggregate", "sample:tutorial", "-o", "no/such/out.csv"), "no folder"),
        (("aggregate", "sample:tutorial", "x.csv"), "stands alone"),
        (("simulate", "--examples", "0"), "n_examples"),
        (("simulate", "--ratio", "2"), "ratio"),
        (("simulate", "-s", "given-confusion", "--confusion", "no.npy"), "no.npy"),
        (("convert", "sample:tutorial", "-o", "x.zip2"), "--to"),
        (("agreement", "sample:tutorial", "--column", "example"), "ROLE=NAME"),
        (("benchmark",), "at least one"),
        (("benchmark", "--simulate", "hammer-spammer:ratio=much"), "OPTION=VALUE"),
        (("benchmark", "--simulate", "hammer-spammer", "-m", "glad:tol=x"), "tol"),
        (("nonsense",), "nonsense"),
    ],
)
def test_errors_are_one_sentence(arguments, words, tmp_path, monkeypatch):
    """What cannot be done is said in one line on standard error, with exit code 2."""
    monkeypatch.chdir(tmp_path)

    assert words in refused(run(*arguments))


def test_a_fault_of_ours_is_no_traceback(monkeypatch):
    """An error nobody thought of is one line too, with exit code 1."""

    def broken(*_, **__):
        raise TypeError("unheard of")

    monkeypatch.setattr("multiannotator_core.cli.commands.aggregate", broken)
    outcome = run("aggregate", "sample:tutorial")

    assert (outcome.exit_code, outcome.stdout) == (1, "")
    assert outcome.stderr == "Error: a fault of Crowdlens itself (TypeError: unheard of).\n"


@pytest.mark.parametrize("command", list(cli.commands))
def test_help_shows_an_example(command):
    """Every command explains itself with an example."""
    outcome = run(command, "--help")

    assert outcome.exit_code == 0
    assert "Example: crowdlens" in outcome.stdout


@pytest.mark.parametrize("method", list(mc.METHODS))
def test_every_option_of_a_method_is_an_option(method):
    """Each keyword argument of a method is an option of `aggregate` and `identify`."""
    for command in ("aggregate", "identify"):
        known = {parameter.name for parameter in cli.commands[command].params}

        assert set(mc.METHODS[method].options) <= known


# ---------------------------------------------------------------------- real processes


def process(*arguments, given=None):
    command = [sys.executable, "-m", "multiannotator_core", *map(str, arguments)]
    return subprocess.run(command, input=given, capture_output=True, cwd=ROOT, timeout=60, check=False)


def test_a_pipeline():
    """simulate | aggregate - works through pipes, with nothing on standard error."""
    drawn = process("simulate", "--examples", 20)
    found = process("aggregate", "-", "--as", "json", given=drawn.stdout)

    assert (drawn.returncode, drawn.stderr) == (0, b"")
    assert (found.returncode, found.stderr) == (0, b"")
    assert len(json.loads(found.stdout)) == 20


@pytest.mark.skipif(not Path("/dev/stdout").exists(), reason="no /dev/stdout on this system")
def test_devices_are_read_and_written():
    """A pipe that has a name is read and written like a file, without renaming anything onto it."""
    found = process("convert", "/dev/stdin", "-o", "/dev/stdout", given=b"task,worker,label\na,b,c\n")

    assert (found.returncode, found.stderr) == (0, b"")
    assert found.stdout.replace(b'"', b"") == b"example,annotator,label\na,b,c\n"


def test_a_reader_that_leaves_early():
    """`crowdlens ... | head -1` ends without a traceback."""
    command = f'"{sys.executable}" -m multiannotator_core simulate --examples 20000 | head -1'
    found = subprocess.run(command, shell=True, capture_output=True, cwd=ROOT, timeout=60, check=False)

    assert found.stdout.replace(b'"', b"") == b"example,annotator,label\n"
    assert found.stderr == b""
