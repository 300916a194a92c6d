"""Paths, open files, folders, zips and gzips as a list of named files. Nothing is unpacked to disk."""

from __future__ import annotations

import stat
import zipfile
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from os import PathLike, fspath
from pathlib import Path, PurePosixPath
from typing import IO, Any, TypeAlias

from . import limits
from .errors import IngestError

Source: TypeAlias = str | PathLike[str] | IO[bytes]
Sources: TypeAlias = Source | Iterable[Source]

ZIP, GZIP = b"PK\x03\x04", b"\x1f\x8b"
EXCEL_PART = "[Content_Types].xml"


@dataclass(frozen=True)
class Blob:
    """One file: its name (with folders, when it came from a zip or folder), its size, and how to read its bytes."""

    name: str
    size: int
    read: Callable[[], bytes]


def blobs(sources: Sources) -> list[Blob]:
    """All files behind a path, an open binary file, or a list of those; zips and folders are looked into.

    Raises:
        IngestError: a file is missing, empty, too large, an unsafe or nested archive, or a pickle.
    """
    if isinstance(sources, (bytes, bytearray, memoryview)):
        raise IngestError("These are bytes, not a file. Wrap them in io.BytesIO, or give the path of the file as text.")
    one = isinstance(sources, (str, PathLike, Mapping)) or hasattr(sources, "read") or hasattr(sources, "shape")
    one = one or not isinstance(sources, Iterable)
    several: list[Any] = [sources] if one else list(sources)  # type: ignore[arg-type]
    found = [blob for source, name in zip(several, _names(several), strict=True) for blob in _expand(source, name)]
    if not found:
        raise IngestError("There is no file to read: the list, folder or archive is empty. Choose a file with labels.")
    _refuse_bytes(sum(blob.size for blob in found), "The files together")
    return found


def _names(sources: Sequence[Any]) -> list[str]:
    """A name for each source; files that are called alike are told apart by their folders, or else by a number."""
    paths = [_named(source) for source in sources]
    names = [path.name if [other.name for other in paths].count(path.name) < 2 else f"{path.parent.name}/{path.name}" for path in paths]
    return [name if names.count(name) < 2 else f"{names[:i].count(name) + 1}/{name.lstrip('/')}" for i, name in enumerate(names)]


def _named(source: Any) -> Path:
    if isinstance(source, (str, PathLike)) and isinstance(fspath(source), str):
        return Path(source)
    return Path(str(getattr(source, "name", "file")))


def _expand(source: Any, name: str) -> list[Blob]:
    if isinstance(source, (str, PathLike)) and isinstance(fspath(source), str):
        return _opened(str(fspath(source)), name)
    if not hasattr(source, "read"):
        kind = type(source).__name__
        mend = "CrowdLabels.from_long takes tables" if kind == "DataFrame" else "Give a path, an open binary file, or a list of those"
        raise IngestError(f"An object of type {kind} is no file. {mend}.")
    return _unpacked(name, _contents(source, name))


def _opened(path: str, name: str) -> list[Blob]:
    """The file or folder at a path."""
    if not path.strip():
        raise IngestError("The path is empty. Give the path of a file or folder with labels.")
    if path.startswith(("http://", "https://", "s3://", "gs://", "ftp://")):
        raise IngestError(f"{path[:200]!r} is an address; nothing is loaded from the network. Download the file and give its path.")
    place = Path(path)
    try:
        if place.is_dir():
            return _folder(place)
        if not place.is_file():
            raise IngestError(f"There is no file {place.name!r} at that place. Check the path.")
        size = place.stat().st_size
        _refuse_bytes(size, name)
        return _unpacked(name, place.read_bytes())
    except (OSError, ValueError) as error:  # no permission, a name too long, a NUL byte
        if isinstance(error, IngestError):
            raise
        raise IngestError(f"{place.name[:200]!r} cannot be opened ({_reason(error)}). Check the path and who may read it.") from None


def _reason(error: Exception) -> str:
    return (getattr(error, "strerror", None) or str(error)).lower().rstrip(".")


def _contents(file: IO[bytes], name: str) -> bytes:
    try:  # an upload in memory shares its bytes, whatever its position
        data: Any = file.getvalue() if isinstance(file, BytesIO) else file.read(limits.MAX_BYTES + 1)
    except (OSError, ValueError, TypeError) as error:  # closed, opened for writing, broken off
        raise IngestError(f"{name}: the file cannot be read ({_reason(error)}). Open it again with mode 'rb'.") from None
    if not isinstance(data, bytes):
        raise IngestError(f"{name}: the file was opened as text. Open it with mode 'rb'.")
    _refuse_bytes(len(data), name)
    return data


def _unpacked(name: str, data: bytes) -> list[Blob]:
    """A zip's members, a gzip's content, or the file itself."""
    if data.startswith(GZIP):
        name, data = name.removesuffix(".gz"), _gunzip(name, data)
        if data.startswith((GZIP, ZIP)):
            raise IngestError(f"{name}: an archive inside an archive is not opened. Unpack it once and add the inner file.")
    if data.startswith((ZIP, b"PK\x05\x06")):
        members = _zip(name, data)
        if members is not None:
            return members
    return [Blob(name, len(data), lambda: data)]


def _gunzip(name: str, data: bytes) -> bytes:
    unpacker, parts, size = zlib.decompressobj(wbits=31), [], 0
    most = max(limits.RATIO_FROM_BYTES, min(limits.MAX_BYTES, limits.MAX_RATIO * len(data)))
    try:
        while data:
            parts.append(unpacker.decompress(data, most + 1 - size))
            size += len(parts[-1])
            _refuse_bytes(size, f"{name}, unpacked,")
            if size > most:
                raise IngestError(f"{name} unpacks to more than {limits.MAX_RATIO} times its size. Add the unpacked file instead.")
            data = unpacker.unconsumed_tail or unpacker.unused_data.lstrip(b"\0")
            if unpacker.eof and data:  # several members one after the other are one file
                unpacker = zlib.decompressobj(wbits=31)
    except zlib.error:
        raise IngestError(f"{name}: the gzip data is damaged. Make the file again, or add it without compression.") from None
    if not unpacker.eof:
        raise IngestError(f"{name}: the gzip data breaks off. Make the file again, or add it without compression.")
    return b"".join(parts)


def _zip(name: str, data: bytes) -> list[Blob] | None:
    """Members of a zip, checked but not yet read; None for an Excel workbook, which is a zip too."""
    try:
        archive = zipfile.ZipFile(BytesIO(data))
        infos = archive.infolist()
    except (zipfile.BadZipFile, ValueError, NotImplementedError, OSError, IndexError):
        raise IngestError(f"{name}: the zip is damaged or breaks off. Make it again, or add the files one by one.") from None
    _refuse_unsafe(name, infos, len(data))
    if any(info.filename == EXCEL_PART for info in infos):
        return None
    kept = [info for info in infos if not info.is_dir() and not _hidden(PurePosixPath(_slashes(info.filename)))]
    return [Blob(_slashes(info.filename), info.file_size, _member(archive, info, name)) for info in kept]


def _slashes(entry: str) -> str:
    """Zips that were made on Windows may part folders by backslashes."""
    return entry.replace("\\", "/")


def _refuse_unsafe(name: str, infos: Sequence[zipfile.ZipInfo], packed: int) -> None:
    if len(infos) > limits.MAX_FILES:
        raise IngestError(f"{name} holds {len(infos):,} files; {limits.how_to_raise('MAX_FILES')}.")
    total = sum(info.file_size for info in infos)
    _refuse_bytes(total, f"{name}, unpacked,")
    if total > max(limits.RATIO_FROM_BYTES, limits.MAX_RATIO * packed):
        raise IngestError(f"{name} unpacks to more than {limits.MAX_RATIO} times its size. Add the unpacked files instead.")
    seen = set()
    for info in infos:
        entry = _slashes(info.filename)
        parts = PurePosixPath(entry).parts
        if not parts or parts[0] == "/" or ".." in parts or ":" in parts[0]:
            raise IngestError(f"{name}: the entry {entry!r} points outside the archive. Make the zip again with plain names.")
        if stat.S_ISLNK(info.external_attr >> 16):
            raise IngestError(f"{name}: the entry {entry!r} is a link. Put the file itself into the zip.")
        if info.flag_bits & 1:
            raise IngestError(f"{name}: the entry {entry!r} is locked by a password. Make the zip again without one.")
        if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise IngestError(f"{name}: the entry {entry!r} has an unusual compression. Make the zip again with the ordinary one.")
        if entry in seen:
            raise IngestError(f"{name}: two entries are called {entry!r}. Make the zip again with each file once.")
        seen.add(entry)


def _member(archive: zipfile.ZipFile, info: zipfile.ZipInfo, name: str) -> Callable[[], bytes]:
    def read() -> bytes:
        try:
            with archive.open(info) as file:
                data = file.read(info.file_size + 1)
        except (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, NotImplementedError, RuntimeError):
            raise IngestError(f"{name}: the entry {info.filename!r} is damaged. Make the zip again.") from None
        if data.startswith(ZIP) and EXCEL_PART.encode() in data:
            _zip(info.filename, data)  # a workbook is a zip too, and checked as one
        elif data.startswith((ZIP, GZIP)):
            raise IngestError(f"{name}: {info.filename!r} is an archive inside an archive. Unpack it once and add the inner files.")
        return data

    return read


def _folder(path: Path) -> list[Blob]:
    """All files below a folder, in the order of their names; links are not followed."""
    found: list[Blob] = []
    for file in _files(path):
        found.append(Blob(file.relative_to(path).as_posix(), file.stat().st_size, _reader(file)))
        if len(found) > limits.MAX_FILES:
            raise IngestError(f"The folder {path.name!r} holds more than {limits.MAX_FILES:,} files; {limits.how_to_raise('MAX_FILES')}.")
    return sorted(found, key=lambda blob: blob.name)


def _files(path: Path) -> Iterable[Path]:
    for entry in path.iterdir():
        if entry.is_symlink() or _hidden(PurePosixPath(entry.name)):
            continue
        if entry.is_dir():
            yield from _files(entry)
        elif entry.is_file():
            yield entry


def _reader(file: Path) -> Callable[[], bytes]:
    def read() -> bytes:
        try:
            _refuse_bytes(file.stat().st_size, file.name)
            data = file.read_bytes()
        except OSError as error:
            raise IngestError(f"{file.name} cannot be opened ({_reason(error)}). Check who may read it.") from None
        if data.startswith(GZIP):
            data = _gunzip(file.name, data)
        return data

    return read


def _hidden(path: PurePosixPath) -> bool:
    return any(part.startswith(".") or part == "__MACOSX" for part in path.parts)


def _refuse_bytes(size: int, what: str) -> None:
    if size > limits.MAX_BYTES:
        raise IngestError(f"{what} has more than {limits.MAX_BYTES:,} bytes; {limits.how_to_raise('MAX_BYTES')}.")
