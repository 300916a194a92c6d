"""What commands write: tables by the ending of the file, aside and renamed; progress on a terminal only."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import pandas as pd

from ..export import WRITERS, to_csv, to_parquet

ENDINGS = ("csv", "parquet", "json")


def out_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """-o, --as and --force."""
    for option in (
        click.option("--force", is_flag=True, help="Overwrite files that exist."),
        click.option("--as", "kind", type=click.Choice(ENDINGS), help="Format of the output; default: by the ending, else csv."),
        click.option("-o", "--output", type=click.Path(path_type=Path), help="File to write; default: standard output."),
    ):
        command = option(command)
    return command


def refuse_existing(force: bool, *paths: Path | None) -> None:
    """Say before the work that a file would be overwritten.

    Raises:
        ValueError: a file exists and --force was not given, a folder is no file, or its folder is missing.
    """
    for path in paths:
        if path is None:
            continue
        if path.is_dir():
            raise ValueError(f"{path} is a folder; give the name of a file.")
        if not path.parent.is_dir():
            raise ValueError(f"There is no folder {path.parent}; make it first.")
        if path.is_file() and not force:
            raise ValueError(f"{path} exists; give --force to overwrite it, or another name.")


def kind_of(path: Path | None, kind: str | None) -> str:
    """csv, parquet or json: as asked, else by the ending.

    Raises:
        ValueError: the ending is another one.
    """
    if kind is not None or path is None or not _regular(path):
        return kind or "csv"
    ending = path.suffix.removeprefix(".").casefold()
    if ending not in ENDINGS:
        raise ValueError(f"{path}: the ending is none of {', '.join(ENDINGS)}; name the file so, or say --as.")
    return ending


def writer_of(path: Path | None) -> str:
    """The format of labels that a file name suggests, a key of WRITERS.

    Raises:
        ValueError: the ending belongs to several formats or to none.
    """
    if path is None or not _regular(path) or path.suffix.casefold() == ".csv":
        return "csv"
    fitting = [key for key, writer in WRITERS.items() if path.name.casefold().endswith(f".{writer.ending}")]
    if len(fitting) != 1:
        raise ValueError(f"{path}: the ending does not say the format; name one with --to: {', '.join(fitting or WRITERS)}.")
    return fitting[0]


def deliver_table(frame: pd.DataFrame, path: Path | None, kind: str | None, force: bool) -> None:
    """Write a table; a named index becomes the first column."""
    frame = frame.reset_index() if frame.index.name else frame
    deliver(_encoded(frame, kind_of(path, kind)), path, force)


def _encoded(frame: pd.DataFrame, kind: str) -> bytes:
    if kind == "csv":
        return to_csv(frame, index=False, guard=False)  # for programs: a name is written as it is
    if kind == "parquet":
        return to_parquet(frame)
    records = frame.to_json(orient="records", force_ascii=False, date_format="iso", double_precision=15, default_handler=str)
    return f"{records}\n".encode()


def deliver(data: bytes, path: Path | None, force: bool) -> None:
    """Write bytes to standard output, into a pipe, or aside and then under their name."""
    if path is None:
        stream = sys.stdout.buffer
        if b"\0" in data[:1024] and stream.isatty():
            raise ValueError("This is no text, so it is not shown on a terminal; give -o FILE, or send it into a pipe.")
        rest = memoryview(data)
        while rest:  # an unbuffered stream (PYTHONUNBUFFERED) may take a part only
            rest = rest[stream.write(rest) :]
        stream.flush()
    elif not _regular(path):
        path.write_bytes(data)  # a named pipe or a device cannot be renamed onto
    else:
        refuse_existing(force, path)
        aside = path.with_name(f".{path.name}.{os.getpid()}.part")
        try:
            with aside.open("xb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            aside.replace(path)
        finally:
            aside.unlink(missing_ok=True)


def _regular(path: Path) -> bool:
    return not path.exists() or stat.S_ISREG(path.stat().st_mode)


def note(*sentences: str) -> None:
    """Tell a person at a terminal; a pipeline is not told."""
    if sys.stderr.isatty():
        for sentence in sentences:
            click.echo(sentence, err=True)


class Progress:
    """One line on standard error that counts; nothing where that is no terminal."""

    def __init__(self, what: str, total: int = 0) -> None:
        self.what, self.total, self.shown = what, total, sys.stderr.isatty()

    def __call__(self, done: int, objective: float = 0.0) -> None:
        """Show how far the work is."""
        if self.shown:
            of = f" of {'' if self.what != 'iteration' else 'at most '}{self.total:,}" if self.total else ""
            click.echo(f"\r{self.what} {done:,}{of} ", nl=False, err=True)

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *error: object) -> None:
        if self.shown:
            click.echo("\r\033[K", nl=False, err=True)
