"""The documents: links lead somewhere, commands run, diffs are real, and what is made is current."""

import os
import re
import shlex
import subprocess
import sys
import tomllib
from itertools import pairwise
from pathlib import Path
from urllib.parse import unquote

import pytest
from click.testing import CliRunner

import multiannotator_core as mc
from docs import make_methods, make_pictures
from multiannotator_core.cli import cli
from tests.crowds import crowd

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), *(ROOT / "sample_data").glob("*.md")])
NAMES = [str(page.relative_to(ROOT)) for page in PAGES]

# Commands that start servers, need a network, take long, or name data that nobody has here.
NOT_HERE = (" app", " datasets install", "--preset", " train", "quality", "active-learning", "sample:digits", "labels_folder", "parts_")


def blocks(page, *kinds):
    """Texts of the fenced blocks of these kinds."""
    return [text for kind, text in re.findall(r"^```(\w*)\n(.*?)^```", page.read_text("utf-8"), re.M | re.S) if kind in kinds]


def prose(page):
    """A page without its fenced blocks."""
    return re.sub(r"^```.*?^```", "", page.read_text("utf-8"), flags=re.M | re.S)


def anchors(page):
    """What the headings of a page are called in links."""
    return {make_methods.anchor(heading) for heading in re.findall(r"^#+ (.*)$", prose(page), re.M)}


def commands(page):
    """Lines of a page that call us, with their arguments."""
    found = []
    for line in "".join(blocks(page, "", "sh", "bash", "console")).splitlines():
        words = re.match(r"\$? ?(?:crowdlens|python3? -m multiannotator_core) (?!--help)([^|>#]+)", line)
        if words and not any(skipped in f" {words[1]}" for skipped in NOT_HERE):
            found.append(words[1].strip())
    return found


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_links_lead_somewhere(page):
    """Relative links and pictures name files that exist, and headings that their pages have."""
    broken = []
    for target in re.findall(r"\]\(([^)\s]+)\)", prose(page)):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, heading = unquote(target).partition("#")
        there = page if not path else page.parent / path
        if not there.exists() or (heading and there.suffix == ".md" and heading not in anchors(there)):
            broken.append(target)

    assert broken == []


RUN = [(name, command) for name, page in zip(NAMES, PAGES, strict=True) for command in commands(page)]


@pytest.fixture(scope="module")
def desk(tmp_path_factory):
    """A folder with the files that commands in the documents name."""
    folder = tmp_path_factory.mktemp("desk")
    frame, truth = crowd()
    frame.to_csv(folder / "answers.csv", index=False)
    truth.rename("truth").rename_axis("task").to_csv(folder / "truth.csv")
    (folder / "export.json").write_bytes(mc.WRITERS["label_studio"].write(mc.export.Outgoing(mc.read_labels(folder / "answers.csv"))))
    return folder


@pytest.mark.parametrize(("name", "command"), RUN, ids=[f"{name}: {command[:60]}" for name, command in RUN])
def test_commands_run(name, command, desk, monkeypatch, tmp_path):
    """Every command that a document shows ends well, as it stands there."""
    words = shlex.split(command)
    written = {word for option, word in pairwise(words) if option in ("-o", "--output", "--truth")}
    for file in desk.iterdir():
        if file.name not in written:
            (tmp_path / file.name).write_bytes(file.read_bytes())
    monkeypatch.chdir(tmp_path)

    outcome = CliRunner().invoke(cli, words)

    assert (outcome.exit_code, outcome.stderr) == (0, "")


def test_there_are_commands_to_run():
    """The search for commands finds those of the guide, the README and the list of commands."""
    assert {name for name, _ in RUN} >= {"README.md", "docs/guide.md", "docs/commands.md"}
    assert len(RUN) >= 15


def test_the_page_of_methods_is_current():
    """docs/methods.md is what `python -m docs.make_methods` writes from the methods and the measurements."""
    assert make_methods.PAGE.read_text("utf-8") == make_methods.page()


def test_every_method_is_described():
    """Each method has its model, when to use it, every option with a meaning, and where it was run the measured numbers."""
    page = make_methods.page()
    measured = make_methods.tables(make_methods.MEASURED / "ACCURACY.md", "Means over")

    for name, method in mc.METHODS.items():
        model, told = make_methods.documented(method)
        assert f"### {method.title}\n\n`{name}`" in page
        assert model[0]
        assert [option for option in method.options if not make_methods.meaning(option, told)] == []
    assert float(measured["dawid_skene"]["accuracy_ties_split"]) > 0.8


def test_the_diffs_are_real():
    """Each line that a diff in CONTRIBUTING.md adds stands in the file that it names."""
    path, checked = None, 0
    for line in "".join(blocks(ROOT / "CONTRIBUTING.md", "diff")).splitlines():
        if line.startswith("+++ b/"):
            path = ROOT / line.removeprefix("+++ b/")
        else:
            assert line.startswith("+"), line
            assert line[1:] in path.read_text("utf-8").splitlines(), f"{path}: {line}"
            checked += 1

    assert checked >= 15


def test_python_in_the_documents_runs(desk, monkeypatch, tmp_path):
    """The examples in Python run one after the other, as they stand there."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "answers.csv").write_bytes((desk / "answers.csv").read_bytes())
    with mc.Store(tmp_path / "crowdlens.db") as store:
        store.add_dataset(mc.read_labels("answers.csv"), name="ours")
    for page in (ROOT / "README.md", ROOT / "docs" / "deployment.md"):
        for text in blocks(page, "python"):
            script = text.replace(".show()", "")  # opens a browser
            done = subprocess.run(
                [sys.executable, "-c", script], env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, timeout=120, check=False
            )

            assert (done.returncode, done.stderr) == (0, b""), text


def test_pictures_are_small_and_all_there():
    """The guide shows each picture that is made, and none is larger than the limit."""
    shown = set(re.findall(r"pictures/(\w+)\.png", (ROOT / "docs" / "guide.md").read_text("utf-8")))

    assert shown == set(make_pictures.PICTURES)
    assert len(shown) <= 8
    assert {path.stem for path in make_pictures.FOLDER.iterdir()} == shown
    assert max(path.stat().st_size for path in make_pictures.FOLDER.iterdir()) <= make_pictures.MOST


def test_the_deployment_files_fit_the_app():
    """The image holds what the app needs, keeps its workspace apart and runs as nobody; the example of secrets has known roles."""
    image = (ROOT / "docs" / "deployment" / "Dockerfile").read_text("utf-8")
    copied = re.findall(r"^COPY (.*) \S+$", image, re.M)
    secrets = tomllib.loads((ROOT / "docs" / "deployment" / "secrets.example.toml").read_text("utf-8"))
    proxy = (ROOT / "docs" / "deployment" / "nginx.conf").read_text("utf-8")

    assert [path for line in copied for path in line.split() if not (ROOT / path).exists()] == []
    assert {"app.py", "pages", "multiannotator_core", "sample_data", ".streamlit/config.toml"} <= {
        p for line in copied for p in line.split()
    }
    assert "CROWDLENS_HOME=/data" in image
    assert re.search(r"^USER crowdlens$", image, re.M)
    assert set(secrets["crowdlens"]["roles"]) == {"viewer", "reviewer", "owner"}
    assert {"redirect_uri", "cookie_secret", "client_id", "client_secret", "server_metadata_url"} <= set(secrets["auth"])
    assert "proxy_set_header Upgrade $http_upgrade;" in proxy
    size = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text("utf-8"))["server"]["maxUploadSize"]
    assert f"client_max_body_size {size}m;" in proxy


def test_variables_in_the_documents_exist():
    """Every CROWDLENS_ variable that a document names is read somewhere in the code, and every one of the app is documented."""
    code = "".join(
        path.read_text("utf-8") for folder in ("multiannotator_core", "pages", "tests") for path in (ROOT / folder).rglob("*.py")
    )
    table = re.findall(r"^\| `(CROWDLENS_[A-Z_]+)` ", (ROOT / "docs" / "deployment.md").read_text("utf-8"), re.M)
    read_by_app = set(re.findall(r"\"(CROWDLENS_[A-Z_]+)\"", "".join(path.read_text("utf-8") for path in (ROOT / "pages").glob("*.py"))))

    assert [name for name in table if name not in code] == []
    assert read_by_app <= set(table)
