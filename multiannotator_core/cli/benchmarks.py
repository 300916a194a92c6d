"""The command that compares methods: over seeds, against the clock, or as in the tables of the peerannot paper."""

from __future__ import annotations

from pathlib import Path

import click
import pandas as pd

from .. import benchmark
from .inputs import SAMPLE, given
from .output import Progress, deliver, deliver_table, kind_of, out_options, refuse_existing

FEW_SEEDS = 10
COMMON = ("majority_vote", "wawa", "dawid_skene", "one_coin", "ibcc", "glad", "mace")


@click.command("benchmark")
@click.argument("files", nargs=-1)
@click.option("--gold", "golds", multiple=True, metavar="FILE", help="True classes, one file for each of FILES, in their order.")
@click.option("--simulate", "crowds", multiple=True, metavar="STRATEGY[:OPTION=VALUE,...]", help="A simulated crowd.")
@click.option("-m", "--method", "methods", multiple=True, metavar="METHOD[:OPTION=VALUE,...]", help="Default: the common ones.")
@click.option("--preset", type=click.Choice(list(benchmark.PRESETS)), help="A table of the peerannot paper, in place of all that.")
@click.option("--seeds", type=click.IntRange(min=1), help="How many seeds; default 10, and 50 for a preset.")
@click.option("--metric", type=click.Choice(benchmark.METRICS), default="accuracy", show_default=True)
@click.option("--cells", "raw", is_flag=True, help="One row a run with all metrics, in place of the ranking.")
@click.option("--trace", is_flag=True, help="Accuracy against seconds after 1, 2, 4, 8 ... iterations, in place of the ranking.")
@click.option("--figure", type=click.Path(path_type=Path), help="With --trace, also draw it: an HTML file that opens offline.")
@click.option("--results", type=click.Path(path_type=Path), help="Folder of finished runs; with it a benchmark goes on where it ended.")
@click.option("--jobs", type=click.IntRange(min=0), default=1, show_default=True, help="Processes; 0 takes all cores.")
@out_options
def benchmark_command(
    files: tuple[str, ...],
    golds: tuple[str, ...],
    crowds: tuple[str, ...],
    methods: tuple[str, ...],
    preset: str | None,
    seeds: int | None,
    metric: str,
    raw: bool,
    trace: bool,
    figure: Path | None,
    results: Path | None,
    jobs: int,
    output: Path | None,
    kind: str | None,
    force: bool,
) -> None:
    """Compare methods on data with known classes, over seeds.

    Example: crowdlens benchmark answers.csv --gold truth.csv --simulate hammer-spammer -m glad -m dawid_skene

    Example: crowdlens benchmark --preset table-3 --jobs 0 --results runs -o table3.csv

    Example: crowdlens benchmark sample:digits --trace --figure trace.html -o trace.csv
    """
    refuse_existing(force, output, figure)
    kind = kind_of(output, kind)
    if preset and (files or crowds or methods):
        raise click.UsageError("A preset says its data and methods itself; give either --preset, or data and methods.")
    if trace and raw:
        raise click.UsageError("Give either --trace or --cells.")
    if figure and not trace:
        raise click.UsageError("--figure draws what --trace measures; give both.")
    number = seeds or (benchmark.SEEDS if preset else FEW_SEEDS)
    contenders, sources = _asked(files, golds, crowds, methods, preset, number)
    with Progress("run") as progress:

        def tell(done: int, total: int) -> None:
            progress.total = total
            progress(done)

        if trace:
            table = benchmark.traced(contenders, sources, number, folder=results, jobs=jobs, on_progress=tell)
        else:
            rows = benchmark.run(benchmark.cells(contenders, sources, number), folder=results, jobs=jobs, on_progress=tell)
    if trace:
        _draw(table, figure, force)
    elif raw:
        table = rows
    else:
        table = benchmark.beside_printed(preset, rows) if preset else benchmark.ranking(rows, metric)
    deliver_table(table, output, kind, force)


def _asked(
    files: tuple[str, ...], golds: tuple[str, ...], crowds: tuple[str, ...], methods: tuple[str, ...], preset: str | None, seeds: int
) -> tuple[list[benchmark.Contender], list[benchmark.Source]]:
    """What is compared, and on what."""
    if preset:
        table = benchmark.PRESETS[preset]
        return [benchmark.PRESET_COLUMNS[column] for column in table.printed], [table.crowd]
    sources = [*_own_sources(files, golds, seeds), *map(benchmark.simulated, crowds)]
    return list(map(benchmark.contender, methods or COMMON)), sources


def _draw(table: pd.DataFrame, path: Path | None, force: bool) -> None:
    """One figure a set of data, on one page."""
    if path is None:
        return
    from .. import figures  # needs plotly, which takes a second to import

    drawn = {f"{data}: right after so many seconds": figures.accuracy_over_time(part) for data, part in table.groupby("data", sort=False)}
    deliver(figures.to_html(drawn).encode(), path, force)


def _own_sources(files: tuple[str, ...], golds: tuple[str, ...], seeds: int) -> list[benchmark.Source]:
    """One source a file; its classes come from the sample, from --gold, or from the file itself."""
    sources: list[benchmark.Source] = []
    own = [file for file in files if not file.startswith(SAMPLE)]
    if golds and len(golds) != len(own):
        raise click.UsageError(f"There are {len(golds)} files of gold for {len(own)} files of labels; give one each.")
    gold_of = dict(zip(own, golds, strict=False))
    for file in files:
        if file.startswith(SAMPLE):
            sources.append(benchmark.sample(file.removeprefix(SAMPLE), seeds=seeds))
            continue
        found = given([file], gold_file=gold_of.get(file))
        if found.gold is None:
            raise ValueError(f"{file} has no true classes to judge by; give them with --gold FILE.")
        sources.append(benchmark.own(found.name, found.labels, found.gold, found.pred_probs, seeds=seeds))
    return sources
