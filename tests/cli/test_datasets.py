"""Public sets on request: from a folder or an address, compared with what was published and with the first install."""

import hashlib
import io
import json
import zipfile

import pandas as pd
import pytest
from click.testing import CliRunner

import multiannotator_core as mc
from multiannotator_core import download
from multiannotator_core.cli import cli
from multiannotator_core.cli.datasets import _read_set
from multiannotator_core.reference_sets import RECORD, REFERENCE_SETS, ReferenceSet, verify
from tests.crowds import crowd
from tests.server import serving


def install(*arguments):
    return CliRunner().invoke(cli, ["datasets", "install", *map(str, arguments)])


def refused(outcome):
    """The one sentence that a refused command says."""
    assert outcome.exit_code == 2
    assert outcome.stdout == ""
    assert len(outcome.stderr.strip().splitlines()) == 1
    return outcome.stderr.strip()


def kept(home):
    """The sets in the workspace."""
    if not (home / "crowdlens.db").is_file():
        return []
    with mc.Store(home / "crowdlens.db") as store:
        return [store.load(info.id) for info in store.datasets()]


@pytest.fixture
def home(tmp_path):
    """The workspace."""
    return tmp_path / "home"


@pytest.fixture
def site(monkeypatch):
    """A server with a small set in the layout of the dog breeds, which is published with its counts."""
    frame, truth = crowd()
    frame = frame.set_axis(["question", "worker", "answer"], axis=1)
    with serving() as found:
        found.files["/dog/answer.csv"] = frame.to_csv(index=False).encode()
        found.files["/dog/truth.csv"] = truth.rename("truth").rename_axis("question").to_csv().encode()
        monkeypatch.setitem(
            REFERENCE_SETS, "dog", ReferenceSet("Made", "https://example.org", "none", 60, 9, 3, 240, 60, ("answer.csv", "truth.csv"))
        )
        yield found


def test_a_set_comes_from_an_address(site, home):
    """An address that ends in a slash is a folder: labels and gold come into the workspace, and the SHA-256 beside it."""
    expected = {name.removeprefix("/dog/"): hashlib.sha256(data).hexdigest() for name, data in site.files.items()}

    done = install("dog", "--from", f"{site.address}/dog/")
    (dataset,) = kept(home)

    assert done.exit_code == 0
    assert done.stderr == ""
    assert (dataset.name, len(dataset.labels), len(dataset.gold)) == ("dog", 240, 60)
    assert json.loads((home / RECORD).read_text()) == {"dog": expected}
    assert list((home / "downloads" / "dog").iterdir()) == []


def test_an_interrupted_install_goes_on(site, home, monkeypatch):
    """A download that breaks off exits with 2 and one sentence; the same command then asks for the rest and ends well."""
    monkeypatch.setattr(download, "TRIES", 1)
    site.breaks_after = [1000]

    told = refused(install("dog", "--from", f"{site.address}/dog/"))
    before = kept(home)
    done = install("dog", "--from", f"{site.address}/dog/")

    assert "1,000 bytes are here" in told
    assert before == []
    assert done.exit_code == 0
    assert site.asked[1] == ("/dog/answer.csv", "bytes=1000-")
    assert len(kept(home)) == 1


def test_another_hash_is_refused(site, home):
    """A file that is not that of the first install is refused, named and not left behind; --force takes it and remembers it."""
    install("dog", "--from", f"{site.address}/dog/")
    before = (home / RECORD).read_text()
    site.files["/dog/truth.csv"] += b"\n"

    told = refused(install("dog", "--from", f"{site.address}/dog/"))
    after = (home / RECORD).read_text()
    forced = install("dog", "--from", f"{site.address}/dog/", "--force")

    assert "truth.csv of dog is not the file of the first install" in told
    assert "--force" in told
    assert after == before
    assert list((home / "downloads" / "dog").iterdir()) == []
    assert forced.exit_code == 0
    assert (home / RECORD).read_text() != before


def test_a_folder_has_the_same_hashes(site, home, tmp_path):
    """The record is of the files, wherever they come from: a folder with another labels file is refused too."""
    install("dog", "--from", f"{site.address}/dog/")
    folder = tmp_path / "dog"
    folder.mkdir()
    for name, data in site.files.items():
        (folder / name.rsplit("/", 1)[1]).write_bytes(data)

    same = install("dog", "--from", folder)
    (folder / "answer.csv").write_bytes(site.files["/dog/answer.csv"].replace(b"\n", b"\r\n"))
    told = refused(install("dog", "--from", folder))

    assert same.exit_code == 0
    assert "answer.csv of dog is not the file" in told
    assert {path.name for path in folder.iterdir()} == {"answer.csv", "truth.csv"}


def test_files_are_named_one_by_one(site, home):
    """--from may be repeated: labels here, gold there."""
    done = install("dog", "--from", f"{site.address}/dog/answer.csv", "--from", f"{site.address}/dog/truth.csv")

    assert done.exit_code == 0
    assert len(kept(home)[0].gold) == 60


def test_wrong_counts_are_refused(site, home):
    """A set that is not as published does not come into the workspace, is not remembered, and its files are gone."""
    site.files["/dog/truth.csv"] = b"question,truth\n" + site.files["/dog/truth.csv"].split(b"\n", 2)[2]

    told = refused(install("dog", "--from", f"{site.address}/dog/"))

    assert "59 examples with gold in place of 60" in told
    assert kept(home) == []
    assert not (home / RECORD).exists()
    assert list((home / "downloads" / "dog").iterdir()) == []


def test_a_redirect_to_another_host_is_refused(site, home):
    """Only the host that was named is asked."""
    with serving() as other:
        site.redirects["/dog/answer.csv"] = f"{other.address}/dog/answer.csv"
        told = refused(install("dog", "--from", f"{site.address}/dog/"))

        assert other.asked == []
    assert "sends us on to" in told


def test_offline_is_one_sentence(site, home):
    """Without the server the command says what to do, and exits with 2."""
    address = site.address
    with serving() as gone:
        address = gone.address

    told = refused(install("dog", "--from", f"{address}/dog/"))

    assert "offline?" in told
    assert "give their folder" in told
    assert kept(home) == []


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("http://example.org/dog/", "https"),
        ("nowhere", "no such file or folder"),
    ],
)
def test_sources_that_cannot_be_used(site, source, words):
    """What is no address and no path is said."""
    assert words in refused(install("dog", "--from", source))


def test_too_large_is_refused(site):
    """--max-mb is the most that is downloaded of a file."""
    site.files["/dog/answer.csv"] = b"a" * (2**20 + 1)

    assert "1,048,576" in refused(install("dog", "--from", f"{site.address}/dog/", "--max-mb", 1))


def test_a_damaged_record_is_said(site, home):
    """A record that cannot be read is no reason to trust a file."""
    home.mkdir()
    (home / RECORD).write_text("{")

    assert "damaged" in refused(install("dog", "--from", f"{site.address}/dog/"))


def test_cifar10h_comes_from_its_zip(tmp_path, home, monkeypatch):
    """Single labels with the true class come from the table in the published zip; attention checks are left out."""
    columns = "annotator_id,chosen_category,true_category,cifar10_test_test_idx\n"
    rows = "0,cat,cat,5\n0,dog,cat,-99999\n1,cat,dog,5\n1,dog,dog,7\n"
    with zipfile.ZipFile(tmp_path / "cifar10h-raw.zip", "w") as archive:
        archive.writestr("cifar10h-raw.csv", columns + rows.replace("1,cat,dog,5", "1,dog,cat,5"))
    known = REFERENCE_SETS["cifar10h"]
    monkeypatch.setitem(REFERENCE_SETS, "cifar10h", ReferenceSet(known.title, known.home, known.licence, 2, 2, 2, 3, 2, known.files))

    done = install("cifar10h", "--from", tmp_path / "cifar10h-raw.zip")
    (dataset,) = kept(home)

    assert done.exit_code == 0
    assert (len(dataset.labels), len(dataset.gold)) == (3, 2)
    (tmp_path / "other.csv").write_text(columns)
    assert "comes in a zip" in refused(install("cifar10h", "--from", tmp_path / "other.csv"))


def test_public_sets_are_as_published(real_data):
    """The sets that we have hold what the list says."""
    there = [name for name in REFERENCE_SETS if (real_data / name).is_dir()]

    assert len(there) >= 10
    for name in there:
        files = [real_data / name / file for file in ("answers.csv", "truth.csv")]
        verify(name, *_read_set(name, files))


def test_the_list_is_a_table():
    """`datasets list` names every set with its files, as CSV too."""
    outcome = CliRunner().invoke(cli, ["datasets", "list"])
    table = pd.read_csv(io.StringIO(outcome.stdout)).set_index("name")

    assert {"bluebirds", "rte", "dog", "web", "trec", "labelme", "music_genre", "cifar10h"} <= set(table.index)
    assert table.loc["cifar10h", "licence"] == "CC BY-NC-SA 4.0"
    assert table.loc["dog", "files"] == "answer.csv truth.csv"
