"""Options of methods and strategies, read from their signatures."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from functools import reduce, wraps
from pathlib import Path
from typing import Any

import click
import numpy as np

from ..aggregation import METHODS
from ..learning import networks
from ..simulate import LOADS, STRATEGIES, strategy_options
from ..threads import limited

Owners = Mapping[str, Mapping[str, Any]]  # owner -> option -> default


SEED = click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="For what is drawn at random.")
METHOD = click.option(
    "-m", "--method", type=click.Choice(list(METHODS)), default="dawid_skene", show_default=True, help="How to aggregate."
)


def add_threads(command: click.Command) -> click.Command:
    """Give a command --threads; whatever it computes, and the processes that it starts, keep to that number."""

    def limit(context: click.Context, option: click.Parameter, n: int | None) -> None:
        if n is not None:
            context.with_resource(limited(n))

    text = "How many threads to use; default: all cores. Results do not depend on it."
    command.params.append(click.Option(["--threads"], type=click.IntRange(min=1), expose_value=False, callback=limit, help=text))
    return command


def method_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """One option for each keyword argument of a method; the command gets those that were given as `options`."""
    return _with_options(command, {name: method.options for name, method in METHODS.items()})


def own_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """One option for each keyword argument of a strategy; the command gets those that were given as `options`."""
    owners = {name: {option: p.default for option, p in strategy_options(name).items()} for name in STRATEGIES}
    return _with_options(command, owners)


def learning_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """One option for each keyword argument of a way to learn; the command gets those that were given as `options`."""
    return _with_options(command, {name: way.options for name, way in networks.STRATEGIES.items()})


def _with_options(command: Callable[..., Any], owners: Owners) -> Callable[..., Any]:
    names = list(dict.fromkeys(option for options in owners.values() for option in options))

    @wraps(command)
    def run(**arguments: Any) -> Any:
        own = {name: value for name in names if (value := arguments.pop(name)) is not None}
        return command(options=own, **arguments)

    described = {name: {owner: options[name] for owner, options in owners.items() if name in options} for name in reversed(names)}
    start: Callable[..., Any] = run
    return reduce(lambda wrapped, name: _option(name, described[name])(wrapped), described, start)


def _option(name: str, defaults: Mapping[str, Any]) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    default = next(iter(defaults.values()))
    flag = f"--{name.replace('_', '-')}"
    text = _help(defaults)
    if isinstance(default, bool):
        return click.option(f"{flag}/--no-{flag[2:]}", name, default=None, help=text)
    if default is inspect.Parameter.empty:
        return click.option(flag, name, type=click.Path(path_type=Path), callback=_array, metavar="NPY", help=text)
    return click.option(flag, name, type=type(default), default=None, help=text)


def load(context: click.Context, option: click.Parameter, value: str | None) -> Any:
    """A word of LOADS, or the numbers in a text file.

    Raises:
        ValueError: there is no such word or file, or it holds something else than numbers.
    """
    if value is None or value in LOADS:
        return value
    if not Path(value).is_file():
        raise ValueError(f"--load {value}: this is none of {', '.join(LOADS)}, and no file.")
    try:
        return np.loadtxt(value, ndmin=1)
    except ValueError:
        raise ValueError(f"--load {value}: write one number for each annotator, each on a line of its own.") from None


def _array(context: click.Context, option: click.Parameter, path: Path | None) -> Any:
    """The matrices in an NPY file."""
    if path is None:
        return None
    with path.open("rb") as file:
        return np.load(file, allow_pickle=False)


def _help(defaults: Mapping[str, Any]) -> str:
    """Who has the option, and its defaults."""
    values = list(dict.fromkeys(map(str, defaults.values())))
    if defaults and next(iter(defaults.values())) is inspect.Parameter.empty:
        return f"Needed by {', '.join(defaults)}."
    if len(values) == 1:
        shown = list(defaults) if len(defaults) <= 4 else [*list(defaults)[:3], f"{len(defaults) - 3} more"]
        return f"Default {values[0]}. Of {', '.join(shown)}."
    common = max(values, key=lambda value: sum(str(v) == value for v in defaults.values()))
    others = ", ".join(f"{owner} {value}" for owner, value in defaults.items() if str(value) != common)
    return f"Default {common}; {others}. Of {len(defaults)} methods."
