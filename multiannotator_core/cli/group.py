"""The group of commands, and what becomes of errors: one sentence on standard error and an exit code."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from typing import Any

import click

from ..aggregation import Cancelled

DONE, STOPPED, REFUSED = 0, 1, 2


class Commands(click.Group):
    """A group whose errors are one sentence each, never a traceback."""

    def resolve_command(self, ctx: click.Context, args: list[str]) -> tuple[str | None, click.Command | None, list[str]]:
        """A command of two words, such as `benchmark quality`, comes before one of one word with an argument."""
        both = " ".join(args[:2])
        if len(args) > 1 and both in self.commands:
            return both, self.commands[both], args[2:]
        return super().resolve_command(ctx, args)

    def main(self, args: Any = None, prog_name: str | None = None, *, standalone_mode: bool = True, **extra: Any) -> Any:  # type: ignore[override]
        """Run a command; as a program it ends with an exit code."""
        run: Callable[[], Any] = partial(super().main, args, prog_name, standalone_mode=False, **extra)
        if not standalone_mode:
            return run()
        try:
            code = run()
        except Exception as error:
            told, code = told_error(error)
            click.echo(told, err=True)
        sys.exit(code if isinstance(code, int) else DONE)


def told_error(error: Exception) -> tuple[str, int]:
    """One sentence for a person, and the exit code."""
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        return error.format_message(), REFUSED
    if isinstance(error, click.UsageError):
        where = f" See '{error.ctx.command_path} --help'." if error.ctx is not None else ""
        return f"Error: {' '.join(error.format_message().split())}{where}", REFUSED
    if isinstance(error, click.ClickException):
        return f"Error: {error.format_message()}", REFUSED
    if isinstance(error, (click.Abort, Cancelled)):
        return "Stopped; no file was changed by the step under way.", STOPPED
    if isinstance(error, OSError):
        return f"Error: {error.filename or 'the system'}: {error.strerror or error}.", REFUSED
    if isinstance(error, ValueError):
        return f"Error: {' '.join(str(error).split())}", REFUSED
    if isinstance(error, MemoryError):
        return "Error: there is not enough memory for this; try fewer labels.", STOPPED
    return f"Error: a fault of Crowdlens itself ({type(error).__name__}: {' '.join(str(error).split())}).", STOPPED
