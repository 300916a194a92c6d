"""One file from an address, in one go or in several: what is there stays, and the rest is asked for.

Only the standard library, and only what the user named: no other host is followed to.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from http.client import HTTPException, HTTPMessage, HTTPResponse
from pathlib import Path
from typing import IO, Any
from urllib.error import HTTPError, URLError
from urllib.parse import SplitResult, unquote, urlsplit
from urllib.request import HTTPRedirectHandler, OpenerDirector, Request, build_opener

LARGEST = 2**30  # bytes; the largest public crowd known to us has a tenth of it
CHUNK = 1 << 18
TRIES = 3  # connections that break are taken up again, as long as something came
TIMEOUT = 30.0  # seconds without a byte
LOOPBACK = ("127.0.0.1", "::1", "localhost")

OnProgress = Callable[[int, int], object]


class _SameHost(HTTPRedirectHandler):
    """Follows a redirect within the host that the user named, to no other."""

    def redirect_request(self, req: Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage, newurl: str) -> Request | None:
        """The next request.

        Raises:
            ValueError: it leads to another host, or from https to http.
        """
        here, there = urlsplit(req.full_url), urlsplit(newurl)
        if there.netloc != here.netloc or there.scheme != here.scheme:
            raise ValueError(
                f"{here.hostname} sends us on to {there.scheme}://{there.netloc}, which nobody asked for. "
                "If you trust it, give the address that it leads to."
            )
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def is_address(text: str) -> bool:
    """Whether this is meant as an address and not as a path."""
    return re.match(r"[a-zA-Z][a-zA-Z0-9+.-]+://", text) is not None


def download(url: str, folder: Path, *, largest: int = LARGEST, on_progress: OnProgress | None = None) -> Path:
    """Fetch a file into a folder, under the last part of its address; a later call goes on where an earlier one broke off.

    Args:
        url: https, or http on this computer.
        largest: bytes; a file that is larger is refused.
        on_progress: called with (bytes there, bytes in all or 0); an exception in it ends the download, and what is there stays.

    Raises:
        ValueError: the address cannot be used, leads elsewhere, has no such file, cannot be reached, or breaks off again and again.
    """
    parts = _checked(url)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / file_name(url)
    part = path.with_name(f"{path.name}.part")
    opener = build_opener(_SameHost)
    before = -1
    for _ in range(TRIES):
        try:
            if _fetched(opener, url, part, largest, on_progress or (lambda done, total: None)):
                part.replace(path)
                _notes(part).unlink(missing_ok=True)
                return path
        except HTTPError as error:
            raise ValueError(f"{parts.hostname} has no such file: {error.code} {error.reason} for {url}.") from None
        except (URLError, TimeoutError, ConnectionError, HTTPException, OSError) as error:
            if isinstance(error, OSError) and error.filename is not None:
                raise
            if _size(part) <= max(before, 0):
                raise ValueError(_unreachable(parts, error, part)) from None
        before = _size(part)
    raise ValueError(f"The connection to {parts.hostname} breaks off; {_size(part):,} bytes are here. Run it again to go on from there.")


def _fetched(opener: OpenerDirector, url: str, part: Path, largest: int, tell: OnProgress) -> bool:
    """Whether the file is complete now."""
    there, notes = _size(part), _read_notes(part)
    headers = {"User-Agent": "crowdlens", "Accept-Encoding": "identity"}
    if there and notes.get("url") == url and notes.get("validator"):
        # Only the same version of the file may be continued: otherwise the server sends all of the new one.
        headers |= {"Range": f"bytes={there}-", "If-Range": notes["validator"]}
    try:
        answer: HTTPResponse = opener.open(Request(url, headers=headers), timeout=TIMEOUT)
    except HTTPError as error:
        if error.code != 416:
            raise
        part.unlink(missing_ok=True)  # it has shrunk, or it was complete under another version
        return False
    with answer:
        begin, total = _extent(answer, there)
        if total > largest:
            raise ValueError(f"{url} has {total:,} bytes, more than the {largest:,} that are allowed.")
        _notes(part).write_text(json.dumps({"url": url, "validator": _validator(answer)}), "utf-8")
        with part.open("r+b" if begin else "wb") as file:
            file.truncate(begin)
            file.seek(begin)
            done = begin
            while chunk := answer.read(CHUNK):
                done += len(chunk)
                if done > largest:
                    raise ValueError(f"{url} has more than the {largest:,} bytes that are allowed.")
                file.write(chunk)
                tell(done, total)
            file.flush()
            os.fsync(file.fileno())
    return done == total or not total


def _extent(answer: HTTPResponse, there: int) -> tuple[int, int]:
    """The byte that the answer begins with, and the bytes of the whole file (0: not told)."""
    if answer.status == 206:
        span = re.fullmatch(r"bytes (\d+)-\d+/(\d+)", answer.headers.get("Content-Range", ""))
        if span and int(span[1]) == there:
            return there, int(span[2])
        raise ConnectionError("the server sent another part of the file than was asked for")
    length = answer.headers.get("Content-Length", "")
    return 0, int(length) if length.isdecimal() else 0


def _validator(answer: HTTPResponse) -> str:
    """What names this version of the file: a strong ETag, or the time of its last change; empty for neither."""
    tag = str(answer.headers.get("ETag", ""))
    return tag if tag and not tag.startswith("W/") else str(answer.headers.get("Last-Modified", ""))


def _checked(url: str) -> SplitResult:
    parts = urlsplit(url)
    if parts.scheme == "http" and parts.hostname not in LOOPBACK:
        raise ValueError(f"{url}: with http anybody on the way can change the file; give the https address.")
    if parts.scheme not in ("https", "http") or not parts.hostname:
        raise ValueError(f"{url}: give an https address, or a folder.")
    return parts


def file_name(url: str) -> str:
    """The last part of an address as a harmless name."""
    last = unquote(urlsplit(url).path).rsplit("/", 1)[-1]
    return re.sub(r"[^\w.-]+", "_", last).lstrip("._")[-100:] or "download"


def _unreachable(parts: SplitResult, error: Exception, part: Path) -> str:
    reason = getattr(error, "reason", None) or error
    kept = f" {_size(part):,} bytes are here already; run it again to go on from there." if _size(part) else ""
    return (
        f"{parts.hostname} cannot be reached ({' '.join(str(reason).split())}); is this computer offline?{kept} "
        "Or download the files elsewhere, and give their folder."
    )


def _size(part: Path) -> int:
    return part.stat().st_size if part.is_file() else 0


def _notes(part: Path) -> Path:
    return part.with_name(f"{part.name}.json")


def _read_notes(part: Path) -> dict[str, Any]:
    try:
        found = json.loads(_notes(part).read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
