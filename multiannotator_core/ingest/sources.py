"""Paths, open files, folders, zips and gzips as a list of named files. Nothing is unpacked to disk."""

from __future__ import annotations

import stat
import zipfile
import zlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path, PurePosixPath
from typing import IO, Any, TypeAlias

from . import limits
from .errors import IngestError

Source: TypeAlias = str | Path | IO[bytes]
Sources: TypeAlias = Source | Sequence[Source]

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
    several = isinstance(sources, Sequence) and not isinstance(sources, str)
    found = [blob for source in (sources if several else [sources]) for blob in _expand(source)]  # type: ignore[arg-type, union-attr]
    if not found:
        raise IngestError("There is no file to read: the list, folder or archive is empty. Choose a file with labels.")
    _refuse_bytes(sum(blob.size for blob in found), "The files together")
    return found


def _expand(source: Source) -> list[Blob]:
    if isinstance(source, (str, Path)):
        path = Path(source)
        if path.is_dir():
            return _folder(path)
        if not path.is_file():
            raise IngestError(f"There is no file {path.name!r} at that place. Check the path.")
        size = path.stat().st_size
        _refuse_bytes(size, path.name)
        return _unpacked(path.name, path.read_bytes())
    if not hasattr(source, "read"):
        raise IngestError(f"A {type(source).__name__} is no file. Give a path, an open binary file, or a list of those.")
    name = Path(str(getattr(source, "name", "file"))).name
    return _unpacked(name, _contents(source, name))


def _contents(file: IO[bytes], name: str) -> bytes:
    if isinstance(file, BytesIO):  # an upload: shares its memory, whatever its position
        data: Any = file.getvalue()
    else:
        data = file.read(limits.MAX_BYTES + 1)
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
    kept = [info for info in infos if not info.is_dir() and not _hidden(PurePosixPath(info.filename))]
    return [Blob(info.filename, info.file_size, _member(archive, info, name)) for info in kept]


def _refuse_unsafe(name: str, infos: Sequence[zipfile.ZipInfo], packed: int) -> None:
    if len(infos) > limits.MAX_FILES:
        raise IngestError(f"{name} holds {len(infos):,} files; {limits.how_to_raise('MAX_FILES')}.")
    total = sum(info.file_size for info in infos)
    _refuse_bytes(total, f"{name}, unpacked,")
    if total > max(limits.RATIO_FROM_BYTES, limits.MAX_RATIO * packed):
        raise IngestError(f"{name} unpacks to more than {limits.MAX_RATIO} times its size. Add the unpacked files instead.")
    seen = set()
    for info in infos:
        entry = info.filename
        parts = PurePosixPath(entry.replace("\\", "/")).parts
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
        if data.startswith((ZIP, GZIP)):
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
        _refuse_bytes(file.stat().st_size, file.name)
        data = file.read_bytes()
        if data.startswith(GZIP):
            data = _gunzip(file.name, data)
        return data

    return read


def _hidden(path: PurePosixPath) -> bool:
    return any(part.startswith(".") or part == "__MACOSX" for part in path.parts)


def _refuse_bytes(size: int, what: str) -> None:
    if size > limits.MAX_BYTES:
        raise IngestError(f"{what} has more than {limits.MAX_BYTES:,} bytes; {limits.how_to_raise('MAX_BYTES')}.")
