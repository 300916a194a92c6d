"""What holds for every command: help, exit codes, threads, files that stay, and pipes."""

import io
import os
import pty
import subprocess
import sys
from pathlib import Path

import click
import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from threadpoolctl import threadpool_info

import multiannotator_core as mc
from multiannotator_core import threads
from multiannotator_core.cli import cli
from multiannotator_core.cli.output import deliver
from tests.crowds import crowd

ROOT = Path(__file__).parents[2]


def every_command(group=cli, path=()):
    """(words, command) of all commands, those of groups too."""
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from every_command(command, (*path, name))
        yield (*path, name), command


def flags(command):
    """All options of a command."""
    return {flag for parameter in command.params for flag in parameter.opts}


COMMANDS = dict(every_command())
LONG = ("train", "quality", "active-learning", "study")  # measure for minutes: their own tests run them on less
QUICK = [words for words in COMMANDS if not any(word in " ".join(words) for word in LONG)]
READING = [words for words, command in COMMANDS.items() if any(p.name == "files" and p.required for p in command.params)]
WRITING = [
    words for words, command in COMMANDS.items() if any("--output" in p.opts for p in command.params) and "--force" in flags(command)
]
THREADED = [words for words, command in COMMANDS.items() if any("--threads" in p.opts for p in command.params)]

# What a command needs besides its files.
NEEDED = {("relabel",): ("--budget", "3"), ("benchmark",): ("--simulate", "hammer-spammer", "--seeds", "1")}


def run(*arguments, given=None):
    return CliRunner().invoke(cli, list(map(str, arguments)), input=given)


def needed(words, answers):
    """Arguments with which a command runs."""
    return [*words, *([str(answers)] if words in READING else []), *NEEDED.get(words, ())]


@pytest.fixture
def answers(tmp_path):
    """A file of labels."""
    path = tmp_path / "answers.csv"
    crowd()[0].to_csv(path, index=False)
    return path


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_help_has_an_example_of_the_command_itself(words):
    """--help of every command, of those in groups too, shows how to call it, and ends with 0."""
    outcome = run(*words, "--help")

    assert outcome.exit_code == 0
    assert f"Example: crowdlens {' '.join(words)}" in " ".join(outcome.stdout.split())


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_an_unknown_option_is_refused(words):
    """A slip in an option is one sentence on standard error, and 2."""
    if words == ("app",):
        pytest.skip("hands unknown options on to Streamlit")
    outcome = run(*words, "--no-such-option")

    assert (outcome.exit_code, outcome.stdout) == (2, "")
    assert len(outcome.stderr.strip().splitlines()) == 1


def test_the_commands_of_the_project_are_there():
    """Everything that computes takes --threads; everything that makes a table takes -o and --force."""
    asked = {"aggregate", "identify", "agreement", "simulate", "benchmark", "convert", "datasets", "report", "relabel", "app"}

    assert asked <= set(cli.commands)
    assert {words[0] for words in COMMANDS} - {words[0] for words in THREADED} == {"app", "datasets"}
    assert [words for words in QUICK if "--output" in flags(COMMANDS[words]) and "--force" not in flags(COMMANDS[words])] == []


# ---------------------------------------------------------------------- threads


def test_threads_are_set_and_set_back(answers, monkeypatch):
    """Inside a command the number holds for blocks, for BLAS and for processes that start; afterwards all is as before."""
    seen = []

    def look(*arguments, **options):
        seen.append((threads.usable_threads(), os.environ["CROWDLENS_THREADS"], {pool["num_threads"] for pool in threadpool_info()}))
        return mc.aggregate(*arguments, **options)

    monkeypatch.setattr("multiannotator_core.cli.commands.aggregate", look)
    before = (os.environ.get("CROWDLENS_THREADS"), [pool["num_threads"] for pool in threadpool_info()])
    outcome = run("aggregate", answers, "--threads", 1)

    assert outcome.exit_code == 0
    assert seen == [(1, "1", {1})]
    assert before == (os.environ.get("CROWDLENS_THREADS"), [pool["num_threads"] for pool in threadpool_info()])


@pytest.mark.parametrize("method", ["dawid_skene", "glad", "mace", "ibcc"])
def test_results_do_not_depend_on_threads(method, tmp_path):
    """With labels in several blocks, one thread and three write the same bytes."""
    labels = mc.simulate("independent-confusion", n_examples=30_000, n_annotators=40, labels_per_example=8, n_classes=3).labels
    path = tmp_path / "many.csv"
    labels.to_long().to_csv(path, index=False)

    one, three = (run("aggregate", path, "-m", method, "--max-iter", 3, "--soft", "--threads", n).stdout_bytes for n in (1, 3))

    assert one == three
    assert len(one) > 500_000


@pytest.mark.parametrize("value", ["0", "-1", "x"])
def test_no_threads_is_refused(answers, value):
    """--threads takes a number of 1 or more; so does the variable."""
    assert run("aggregate", answers, "--threads", value).exit_code == 2


def test_the_variable_counts(monkeypatch):
    """CROWDLENS_THREADS is the default of everything, and a slip in it is said."""
    monkeypatch.setenv("CROWDLENS_THREADS", "3")
    three = threads.usable_threads()
    monkeypatch.setenv("CROWDLENS_THREADS", "many")

    assert three == 3
    with pytest.raises(ValueError, match="CROWDLENS_THREADS must be a whole number"):
        threads.usable_threads()


# ---------------------------------------------------------------------- exit codes


def test_interrupted_is_1(answers, monkeypatch):
    """Ctrl-C ends with 1 and one sentence, without a traceback."""

    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("multiannotator_core.cli.commands.aggregate", interrupted)
    outcome = run("aggregate", answers)

    assert (outcome.exit_code, outcome.stdout) == (1, "")
    assert "Stopped" in outcome.stderr


def test_a_closed_pipe_is_1():
    """A reader that leaves early ends the command with 1 and silence."""
    command = [sys.executable, "-m", "multiannotator_core", "simulate", "--examples", "20000"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=ROOT) as process:
        process.stdout.readline()
        process.stdout.close()
        told = process.stderr.read()
        code = process.wait(60)

    assert (code, told) == (1, b"")


# ---------------------------------------------------------------------- files


@pytest.mark.parametrize("words", WRITING, ids=" ".join)
def test_no_command_overwrites_without_force(words, answers, tmp_path):
    """A file that exists stays as it is, and the exit code is 2; this is said before any work."""
    out = tmp_path / "out.csv"
    out.write_text("precious")

    outcome = run(*needed(words, answers), "-o", out)

    assert outcome.exit_code == 2
    assert "--force" in outcome.stderr
    assert out.read_text() == "precious"


@pytest.mark.parametrize("words", [words for words in WRITING if words in QUICK], ids=" ".join)
def test_force_replaces_the_file_at_once(words, answers, tmp_path):
    """With --force the file is new, and nothing else lies in its folder."""
    (tmp_path / "out").mkdir()
    out = tmp_path / "out" / "out.csv"
    out.write_text("precious")

    outcome = run(*needed(words, answers), "-o", out, "--force")

    assert (outcome.exit_code, outcome.stdout) == (0, "")
    assert "precious" not in out.read_text()
    assert list((tmp_path / "out").iterdir()) == [out]


def test_a_write_that_fails_leaves_the_old_file(tmp_path, monkeypatch):
    """The disk is full half-way: the old file is whole, and no half one lies beside it."""
    out = tmp_path / "out.csv"
    out.write_text("precious")

    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space"):
        deliver(b"new", out, force=True)

    assert out.read_text() == "precious"
    assert list(tmp_path.iterdir()) == [out]


# ---------------------------------------------------------------------- pipes


@pytest.mark.parametrize("words", [words for words in READING if words in QUICK], ids=" ".join)
def test_every_reading_command_reads_a_pipe(words, answers):
    """`-` is standard input: what a command says of a pipe is what it says of the file."""
    arguments = needed(words, answers)
    from_pipe = run(*[argument if argument != str(answers) else "-" for argument in arguments], given=answers.read_bytes())
    from_file = run(*arguments)

    assert (from_pipe.exit_code, from_pipe.stderr) == (0, "")
    if words == ("report",):  # names the file
        assert from_pipe.stdout.startswith("<!DOCTYPE html>")
    else:
        assert from_pipe.stdout == from_file.stdout


def test_parquet_goes_through_a_pipe(answers):
    """Bytes that are no text go to standard output when it is no terminal."""
    found = pd.read_parquet(io.BytesIO(run("aggregate", answers, "--as", "parquet").stdout_bytes))

    assert len(found) == 60


@pytest.mark.skipif(not hasattr(os, "openpty"), reason="no terminals to try on this system")
def test_progress_is_for_terminals(answers):
    """On a terminal standard error counts iterations and leaves nothing behind; in a pipeline it is silent."""
    command = [sys.executable, "-m", "multiannotator_core", "aggregate", str(answers)]
    master, slave = pty.openpty()
    try:
        subprocess.run(command, stdout=subprocess.PIPE, stderr=slave, cwd=ROOT, timeout=60, check=True)
        told = os.read(master, 100_000).decode()
    finally:
        os.close(slave)
        os.close(master)
    silent = subprocess.run(command, capture_output=True, cwd=ROOT, timeout=60, check=True).stderr

    assert "\riteration 1" in told
    assert told.endswith("\r\x1b[K")
    assert silent == b""


# ---------------------------------------------------------------------- loads, traces


def test_simulated_loads_are_the_library(tmp_path):
    """--load takes a word, or a file with one number for each annotator; a file of something else is said."""
    (tmp_path / "loads.txt").write_text("\n".join(str(n) for n in range(1, 7)))
    (tmp_path / "words.txt").write_text("a\nb")
    sizes = ("--examples", 40, "--annotators", 6, "--labels-per-example", 2)
    options = {"n_examples": 40, "n_annotators": 6, "labels_per_example": 2}

    for given, load in ((tmp_path / "loads.txt", np.arange(1, 7)), ("heavy-tailed", "heavy-tailed")):
        found = pd.read_csv(io.StringIO(run("simulate", *sizes, "--load", given).stdout))
        expected = mc.simulate("hammer-spammer", load=load, **options).labels

        assert found["annotator"].tolist() == expected.annotator.tolist()
    assert "one number for each annotator" in run("simulate", "--load", tmp_path / "words.txt").stderr
    assert "equal, heavy-tailed" in run("simulate", "--load", "lazy").stderr


def test_traces_are_tables_and_figures(answers, tmp_path):
    """`benchmark --trace` writes accuracy after 1, 2, 4 ... iterations as a table, and draws it on a page that opens offline."""
    asked = (
        "benchmark",
        "--simulate",
        "hammer-spammer:n_examples=30,load=heavy-tailed",
        "--seeds",
        2,
        "-m",
        "majority_vote",
        "-m",
        "dawid_skene",
    )

    outcome = run(*asked, "--trace", "--figure", tmp_path / "trace.html")
    table = pd.read_csv(io.StringIO(outcome.stdout))
    page = (tmp_path / "trace.html").read_text()

    assert outcome.exit_code == 0
    assert table["iterations"].tolist() == [1, 1, 2, 4, 8, 16, 32, 64]
    assert table["n"].eq(2).all()
    assert "right after so many seconds" in page
    assert run(*asked, "--figure", tmp_path / "b.html").exit_code == 2
    assert run(*asked, "--trace", "--cells").exit_code == 2
