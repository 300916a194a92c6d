"""Writes docs/commands.md from the commands themselves: python -m docs.make_commands."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from pathlib import Path

import click

from multiannotator_core.cli import cli

PAGE = Path(__file__).with_name("commands.md")

HEAD = """# Commands

`crowdlens` and `python -m multiannotator_core` are the same. This page is made from the commands by `python -m docs.make_commands`.

- `FILES` are labels in any format that Crowdlens reads (a file, a zip, a folder), `-` for standard input, or `sample:digits`.
- Tables go to standard output, or with `-o` into a file: CSV, Parquet or JSON by its ending, or by `--as`.
- A file that exists is overwritten with `--force` only. Files are written aside and renamed, so that nobody reads half of one.
- Progress is shown on a terminal only. An error is one sentence on standard error.
- `--threads` sets how many threads are used (`CROWDLENS_THREADS` does so for everything); no result depends on it.
- Exit codes: 0 done; 1 stopped, by you or by a fault of Crowdlens; 2 it cannot be done as asked.

## For those who know peerannot

| peerannot | here |
|---|---|
| `peerannot simulate --strategy student-teacher` | `crowdlens simulate -s student-teacher --to peerannot -o crowd.zip` |
| `peerannot aggregate FOLDER -s DS` | `crowdlens aggregate FOLDER -m dawid_skene` |
| `peerannot identify FOLDER --method entropy` | `crowdlens identify FOLDER`, with all qualities; `--of annotators` for the annotators |
| `peerannot train FOLDER --labels MV.npy` | `crowdlens train FOLDER -s consensus --method majority_vote --no-soft --images FOLDER` |
| `peerannot aggregate-deep FOLDER -s CoNAL[scale=1e-4]` | `crowdlens train FOLDER -s conal --scale 1e-4 --images FOLDER` |
| `peerannot install` | `crowdlens datasets install NAME --from FOLDER_OR_URL` |
"""


def page() -> str:
    """The whole page."""
    return "\n".join([HEAD, *(part for name, command in cli.commands.items() for part in described(f"crowdlens {name}", command))])


def described(path: str, command: click.Command) -> Iterator[str]:
    """A heading, what the command does, and its options; then its own commands."""
    arguments = [parameter.make_metavar(click.Context(command)) for parameter in command.params if isinstance(parameter, click.Argument)]
    yield f"## {' '.join([path, *arguments])}\n"
    for paragraph in inspect.cleandoc(command.help or "").split("\n\n"):
        text = " ".join(paragraph.split())
        yield f"```\n{text.removeprefix('Example: ')}\n```\n" if text.startswith("Example: ") else f"{text}\n"
    options = [parameter for parameter in command.params if isinstance(parameter, click.Option)]
    if options:
        yield "\n".join(["| option | what it does |", "|---|---|", *map(row, options)]) + "\n"
    if isinstance(command, click.Group):
        for name, inner in command.commands.items():
            yield from described(f"{path} {name}", inner)


def row(option: click.Option) -> str:
    """One line of the table of options."""
    names = ", ".join(f"`{name}`" for name in option.opts) + "".join(f" / `{name}`" for name in option.secondary_opts)
    told = [option.help or ""]
    if isinstance(option.type, click.Choice):
        told.append(f"One of {', '.join(map(str, option.type.choices))}.")
    if option.show_default and isinstance(option.default, (str, int, float)):
        told.append(f"Default {option.default}.")
    return f"| {names} | {' '.join(filter(None, told)).replace('|', chr(92) + '|')} |"


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
