"""Downloads: whole, in pieces, refused; against a server on this computer."""

import socket

import pytest

from multiannotator_core import download as module
from multiannotator_core.download import download, file_name, is_address
from tests.server import serving

DATA = bytes(range(256)) * 2000  # 512,000 bytes


@pytest.fixture
def site():
    """A server with one file."""
    with serving() as found:
        found.files["/set/answers.csv"] = DATA
        yield found


def fetched(site, folder, path="/set/answers.csv", **options):
    return download(site.address + path, folder, **options)


def test_a_file_arrives_whole(site, tmp_path):
    """The bytes are those of the server, progress ends at the size, and nothing else is left in the folder."""
    steps = []

    path = fetched(site, tmp_path, on_progress=lambda *step: steps.append(step))

    assert path == tmp_path / "answers.csv"
    assert path.read_bytes() == DATA
    assert steps[-1] == (len(DATA), len(DATA))
    assert [step[0] for step in steps] == sorted(step[0] for step in steps)
    assert list(tmp_path.iterdir()) == [path]


def test_a_broken_connection_is_taken_up_again(site, tmp_path):
    """An answer that breaks off is continued where it ended, within the same call."""
    site.breaks_after = [200_000, 100_000]

    path = fetched(site, tmp_path)

    assert path.read_bytes() == DATA
    assert [span for _, span in site.asked] == [None, "bytes=200000-", "bytes=300000-"]


def test_a_later_call_goes_on(site, tmp_path, monkeypatch):
    """Interrupted for good, the download says how much is there; the next call asks for the rest only."""
    monkeypatch.setattr(module, "TRIES", 1)
    site.breaks_after = [300_000]
    with pytest.raises(ValueError, match="300,000 bytes are here"):
        fetched(site, tmp_path)
    left = {path.name for path in tmp_path.iterdir()}

    path = fetched(site, tmp_path)

    assert left == {"answers.csv.part", "answers.csv.part.json"}
    assert path.read_bytes() == DATA
    assert site.asked[-1] == ("/set/answers.csv", "bytes=300000-")


def test_a_stopped_download_goes_on(site, tmp_path):
    """What a person stops (an exception in the progress) stays, and is continued."""

    class Stopped(Exception):
        pass

    def enough(done, total):
        if done < total:
            raise Stopped

    with pytest.raises(Stopped):
        fetched(site, tmp_path, on_progress=enough)
    there = (tmp_path / "answers.csv.part").stat().st_size

    assert 0 < there < len(DATA)
    assert fetched(site, tmp_path).read_bytes() == DATA
    assert site.asked[-1][1] == f"bytes={there}-"


@pytest.mark.parametrize("what", ["changed", "without ranges", "without validators", "of another address"])
def test_parts_of_different_files_are_never_joined(site, tmp_path, monkeypatch, what):
    """Where the server cannot promise that the rest belongs to the part, the whole file is fetched anew."""
    monkeypatch.setattr(module, "TRIES", 1)
    site.validators = what != "without validators"
    site.breaks_after = [300_000]
    with pytest.raises(ValueError, match="300,000"):
        fetched(site, tmp_path)
    new = DATA[::-1] if what == "changed" else DATA
    site.files = {"/set/answers.csv": new, "/other/answers.csv": new}
    site.ranges = what != "without ranges"

    path = fetched(site, tmp_path, "/other/answers.csv" if what == "of another address" else "/set/answers.csv")

    assert path.read_bytes() == new


def test_a_part_longer_than_the_file_is_dropped(site, tmp_path, monkeypatch):
    """When the server says that there is nothing behind the part, the download begins anew and ends well."""
    monkeypatch.setattr(module, "TRIES", 1)
    site.breaks_after = [300_000]
    with pytest.raises(ValueError, match="300,000"):
        fetched(site, tmp_path)
    monkeypatch.setattr(module, "TRIES", 3)
    (tmp_path / "answers.csv.part").write_bytes(DATA + b"more")

    assert fetched(site, tmp_path).read_bytes() == DATA


def test_a_file_without_length_arrives(site, tmp_path):
    """A server that does not tell the size is believed when it closes."""
    site.lengths = False

    assert fetched(site, tmp_path).read_bytes() == DATA


@pytest.mark.parametrize("lengths", [True, False], ids=["told", "not told"])
def test_too_large_is_refused(site, tmp_path, lengths):
    """A file above the limit is refused, by its told size or as it comes."""
    site.lengths = lengths

    with pytest.raises(ValueError, match="400,000"):
        fetched(site, tmp_path, largest=400_000)


def test_a_redirect_to_another_host_is_refused(site, tmp_path):
    """Nobody is asked but the host that the user named, on its port; within it redirects are followed."""
    with serving() as other:
        other.files["/set/answers.csv"] = DATA
        site.redirects["/away"] = f"{other.address}/set/answers.csv"
        site.redirects["/within"] = "/set/answers.csv"
        with pytest.raises(ValueError, match="sends us on to"):
            fetched(site, tmp_path, "/away")

        assert other.asked == []
    assert fetched(site, tmp_path, "/within").read_bytes() == DATA


def test_what_is_not_there_is_said(site, tmp_path):
    """A missing file, and a host that does not answer, are one sentence each with what can be done."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        nobody = free.getsockname()[1]

    with pytest.raises(ValueError, match="404"):
        fetched(site, tmp_path, "/nothing.csv")
    with pytest.raises(ValueError, match=r"offline\?.* Or download the files elsewhere"):
        download(f"http://127.0.0.1:{nobody}/a.csv", tmp_path)


@pytest.mark.parametrize("url", ["http://example.org/a.csv", "ftp://example.org/a.csv", "file:///etc/passwd", "https:///a.csv"])
def test_addresses_that_are_not_safe_are_refused(url, tmp_path):
    """Only https, and http on this computer; nothing is asked for."""
    with pytest.raises(ValueError, match="give "):
        download(url, tmp_path)


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("https://a.org/x/answers.csv?raw=1", "answers.csv"),
        ("https://a.org/x/..%2F..%2Fetc%2Fpasswd", "passwd"),
        ("https://a.org/x/.hidden", "hidden"),
        ("https://a.org/s%204/a%20b.csv", "a_b.csv"),
        ("https://a.org", "download"),
    ],
)
def test_names_stay_in_the_folder(url, name):
    """Whatever an address says, its file has a plain name."""
    assert file_name(url) == name


def test_addresses_and_paths():
    """A Windows path is none, a URL is one."""
    assert [is_address(text) for text in ("https://a.org/b", "file:///x", "C:\\a\\b", "a/b", "/a/b")] == [True, True, False, False, False]
