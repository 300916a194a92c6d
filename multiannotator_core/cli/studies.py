"""Benchmarks of scores: which of them finds wrong consensus labels, and which says best what to label next."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import click
import pandas as pd

from ..ingest import read_pred_probs
from .inputs import SAMPLE
from .output import Progress, deliver, deliver_table, kind_of, out_options, refuse_existing

CIFAR10H = "cifar10h-raw.csv"
STARTS: dict[str, int | None] = {"full": None, "500": 500}
WALL_ROBOT = "wall_robot/features4_with_class.csv"


@click.command("benchmark quality")
@click.argument("data", nargs=-1)
@click.option("--pred-probs", "models", multiple=True, metavar="FILE", help=f"Probabilities of a model for the images of {CIFAR10H}.")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="For the label sets, the folds and the models.")
@out_options
def quality_command(data: tuple[str, ...], models: tuple[str, ...], seed: int, output: Path | None, kind: str | None, force: bool) -> None:
    """Measure which quality score finds wrong consensus labels: one row for each label set, model, consensus and score.

    DATA are sample:digits (the default), folders with answers.csv, truth.csv and features (features_train.npy or items.csv), or
    cifar10h-raw.csv, whose models come from --pred-probs.

    Example: crowdlens benchmark quality sample:digits data/labelme -o quality.csv
    """
    from ..benchmark import quality  # needs the models of scikit-learn

    refuse_existing(force, output)
    kind = kind_of(output, kind)
    rows = []
    for one in data or (f"{SAMPLE}digits",):
        case, given = _case(one, models)
        with Progress("step") as progress:
            rows.append(quality.quality_benchmark(case, models=given, seed=seed, on_progress=_told(progress)))
    deliver_table(pd.concat(rows, ignore_index=True), output, kind, force)


def _case(name: str, files: tuple[str, ...]) -> tuple[Any, Callable[[Any], Mapping[str, Any]] | None]:
    """A case by name, and where its models are given, what gives them."""
    from ..benchmark import quality

    if name.startswith(SAMPLE):
        if name != f"{SAMPLE}digits":
            raise ValueError(f"{name}: of the samples, only sample:digits has pictures for a model.")
        return quality.digits_case(), None
    if not name.endswith(CIFAR10H):
        return quality.folder_case(name), None
    labels, truth = quality.cifar10h(quality.table_of(Path(name)))
    if not files:
        raise ValueError(f"{CIFAR10H} has no pictures; give the probabilities of a model with --pred-probs FILE.")
    given = {Path(file).stem: read_pred_probs(file, labels)[0].to_numpy() for file in files}
    return quality.Case("cifar10h", labels, truth, None), lambda drawn: given


@click.command("benchmark active-learning")
@click.option(
    "--data", "pools", type=click.Choice(("wall_robot", "digits")), multiple=True, help="Default: both, as far as they are there."
)
@click.option("--start", "starts", type=click.Choice(tuple(STARTS)), multiple=True, help="Examples labelled at the start; default: both.")
@click.option("-m", "--method", "methods", multiple=True, metavar="METHOD", help="Default: all.")
@click.option("--consensus", default="published", show_default=True, help="published, majority_vote or crowdlab.")
@click.option("--runs", type=click.IntRange(min=1), default=5, show_default=True, help="Each with another draw.")
@click.option("--rounds", type=click.IntRange(min=1), default=19, show_default=True, help="How often labels are bought.")
@click.option("--batch", type=click.IntRange(min=1), default=100, show_default=True, help="Labels bought each time.")
@click.option(
    "--folder", type=click.Path(path_type=Path), envvar="CROWDLENS_DATA", default="../shared/data", show_default=True,
    help=f"Where {WALL_ROBOT} is.",
)  # fmt: skip
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    help="Folder for tables, figures and finished runs; default: one table to standard output.",
)
def active_learning_command(
    pools: tuple[str, ...],
    starts: tuple[str, ...],
    methods: tuple[str, ...],
    consensus: str,
    runs: int,
    rounds: int,
    batch: int,
    folder: Path,
    output: Path | None,
) -> None:
    """Measure what each way to choose the next labels gains: accuracy of consensus and model, label by label, over runs.

    A benchmark that is stopped goes on where it ended when it gets the same folder.

    Example: crowdlens benchmark active-learning --data digits --start full --runs 2 -o curves
    """
    from ..benchmark import active_learning as study  # needs the models of scikit-learn

    if output is not None and output.is_file():
        raise ValueError(f"{output} is a file; give the name of a folder.")
    done: dict[str, pd.DataFrame] = {}
    for name, pool in _pools(pools, folder).items():
        for start in starts or STARTS:
            with Progress(f"{name}, {start}: round") as progress:
                rows = study.active_learning(
                    pool, methods=methods or tuple(study.METHODS), consensus=consensus, n_start=STARTS[start], runs=runs, rounds=rounds,
                    batch=batch, folder=None if output is None else output / "runs", on_progress=_told(progress),
                )  # fmt: skip
            done[f"{name}-{start}"] = study.curves(rows)
            if output is not None:
                deliver_table(rows, output / f"{name}-{start}-rounds.csv", "csv", True)
                deliver_table(done[f"{name}-{start}"], output / f"{name}-{start}-curves.csv", "csv", True)
                _draw(done, output / "curves.html")
    if output is None:
        deliver_table(pd.concat([table.assign(data=name) for name, table in done.items()], ignore_index=True), None, "csv", False)


def _pools(names: tuple[str, ...], folder: Path) -> dict[str, Callable[[int], Any]]:
    """seed -> pool, by name; without names those whose data are there."""
    from ..benchmark import active_learning as study

    path, found = folder / WALL_ROBOT, {}
    if path.is_file() and (not names or "wall_robot" in names):
        table = pd.read_csv(path)
        found["wall_robot"] = lambda seed: study.wall_robot_pool(table, seed)
    elif "wall_robot" in names:
        raise ValueError(
            f"There is no file {path}; say with --folder where {WALL_ROBOT} is (the 4-feature file of OpenML 1526, with a column class)."
        )
    if not names or "digits" in names:
        found["digits"] = study.digits_pool
    return found


def _draw(tables: Mapping[str, pd.DataFrame], path: Path) -> None:
    """Both accuracies of each table, on one page."""
    from .. import figures  # needs plotly, which takes a second to import

    drawn = {
        f"{name}: {what.replace('_', ' ')}": figures.learning_curves(table, what)
        for name, table in tables.items()
        for what in ("consensus_accuracy", "model_accuracy")
    }
    deliver(figures.to_html(drawn).encode(), path, True)


def _told(progress: Progress) -> Callable[[int, int], None]:
    def tell(done: int, total: int) -> None:
        progress.total = total
        progress(done)

    return tell
