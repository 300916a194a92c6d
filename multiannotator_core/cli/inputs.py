"""What commands read: labels in any format, gold and probabilities beside them, the samples, or a pipe."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import reduce, wraps
from pathlib import Path
from typing import IO, Any

import click
import pandas as pd

from ..incoming import DUPLICATES
from ..ingest import READERS, read, read_gold, read_pred_probs
from ..labels import CrowdLabels
from ..large.folder import is_folder_of_labels, open_labels
from ..samples import SAMPLES, load_sample
from .output import note

SAMPLE = "sample:"


@dataclass(frozen=True)
class Given:
    """What was read: labels, and gold, the probabilities of a model (or several) and contents, or None."""

    name: str
    labels: CrowdLabels
    gold: pd.Series | None
    pred_probs: Any
    content: pd.DataFrame | None


class _Pipe(io.BytesIO):
    name = "standard input"


def reading(
    *, gold: bool = True, apart: Callable[[dict[str, Any], dict[str, Any]], bool] | None = None
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """The arguments that say what to read; the command gets `given` in their place.

    Args:
        apart: gets the arguments that say what to read, and all others. It does the whole work where labels must not be read into
            memory, and says whether it did.
    """
    options = [
        click.argument("files", nargs=-1, required=True),
        click.option("--format", "format", type=click.Choice(list(READERS)), help="Format of the files; default: recognised."),
        click.option("--column", "columns", multiple=True, metavar="ROLE=NAME", help="Which column is example, annotator, label, gold ..."),
        click.option("--question", help="Which question, where the files hold several."),
        click.option("--duplicates", type=click.Choice(DUPLICATES), default="keep", show_default=True, help="For repeated labels."),
    ]
    if gold:
        options += [
            click.option("--gold", "gold_file", metavar="FILE", help="Table of trusted examples and their classes."),
            click.option("--ignore-gold", is_flag=True, help="Do not use the gold that the files hold."),
            click.option("--pred-probs", "prob_files", multiple=True, metavar="FILE", help="Probabilities of a model; may be repeated."),
        ]

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(command)
        def run(**arguments: Any) -> Any:
            names = ("files", "format", "columns", "question", "duplicates", "gold_file", "ignore_gold", "prob_files")
            asked = {name: arguments.pop(name) for name in names if name in arguments}
            if apart is not None and apart(asked, arguments):
                return None
            return command(given=given(**asked), **arguments)

        return reduce(lambda wrapped, option: option(wrapped), reversed(options), run)

    return decorate


def given(
    files: Sequence[str],
    format: str | None = None,
    columns: Sequence[str] = (),
    question: str | None = None,
    duplicates: str = "keep",
    gold_file: str | None = None,
    ignore_gold: bool = False,
    prob_files: Sequence[str] = (),
) -> Given:
    """Read what the arguments name; `-` is standard input, `sample:digits` a sample.

    Raises:
        ValueError: a file cannot be read, or the arguments do not fit together.
    """
    roles = mapping(columns)
    if len(files) == 1 and files[0].startswith(SAMPLE):
        sample = load_sample(files[0].removeprefix(SAMPLE))
        found = Given(sample.name, sample.labels, sample.gold, sample.pred_probs, sample.content)
    elif len(files) == 1 and is_folder_of_labels(files[0]):
        found = Given(Path(files[0]).stem, open_labels(files[0]).to_labels(), None, None, None)
    else:
        sources: list[str | Path | IO[bytes]] = [opened(file) for file in files]
        answer = read(sources, format, roles, question, duplicates)
        note(*answer.report.sentences())
        found = Given("labels" if files[0] == "-" else Path(files[0]).stem, answer.labels, answer.gold, answer.pred_probs, answer.content)
    gold = read_gold(opened(gold_file), found.labels) if gold_file else found.gold
    models = [read_pred_probs(opened(file), found.labels)[0] for file in prob_files]
    pred_probs = found.pred_probs if not models else models[0] if len(models) == 1 else models
    return Given(found.name, found.labels, None if ignore_gold else gold, pred_probs, found.content)


def opened(file: str) -> str | IO[bytes]:
    """The path, or standard input for `-`.

    Raises:
        ValueError: it names a sample among files, or one that does not exist.
    """
    if file == "-":
        return _Pipe(sys.stdin.buffer.read())
    if file.startswith(SAMPLE):
        raise ValueError(f"{file}: a sample stands alone; the samples are {', '.join(SAMPLE + name for name in SAMPLES)}.")
    path = Path(file)
    if path.is_fifo() or path.is_char_device():
        pipe = _Pipe(path.read_bytes())
        pipe.name = path.name
        return pipe
    return file


def mapping(columns: Sequence[str]) -> dict[str, str | None]:
    """{role: column} of ROLE=NAME.

    Raises:
        ValueError: there is no equals sign.
    """
    for column in columns:
        if "=" not in column:
            raise ValueError(f"--column {column}: write ROLE=NAME, such as example=image_id.")
    return {role: name for role, _, name in (column.partition("=") for column in columns)}
