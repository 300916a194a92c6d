"""The commands, one function each: options, one call into the library, one table out."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import click
import pandas as pd

import multiannotator_core

from .. import benchmark, export
from ..aggregation import METHODS, aggregate
from ..quality.agreement import fleiss_kappa, gwet_ac1, krippendorff_alpha, pairwise_agreement
from ..quality.alpha import alpha_interval, drop_one_alpha
from ..quality.audit import audit
from ..quality.tables import example_metrics
from ..simulate import STRATEGIES, simulate
from .group import Commands
from .inputs import SAMPLE, Given, given, reading
from .options import METHOD, SEED, method_options, own_options
from .output import Progress, deliver, deliver_table, kind_of, note, out_options, refuse_existing, writer_of

LEVEL = click.Choice(("nominal", "ordinal", "interval"))
FEW_SEEDS = 10
COMMON = ("majority_vote", "wawa", "dawid_skene", "one_coin", "ibcc", "glad", "mace")
CHECKOUT = Path(__file__).resolve().parents[2]


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(multiannotator_core.__version__, prog_name="crowdlens", message="%(prog)s %(version)s")
def cli() -> None:
    """Consensus labels, their quality, and the annotators behind them.

    FILES are labels in any format that Crowdlens reads, "-" for standard input, or sample:digits. Tables go to standard output, or to
    -o FILE as csv, parquet or json. Exit codes: 0 done, 1 stopped, 2 it cannot be done as asked.
    """


@cli.command("aggregate")
@reading()
@METHOD
@SEED
@click.option("--soft", is_flag=True, help="The posterior of each class in place of the consensus label.")
@method_options
@out_options
def aggregate_command(
    given: Given,
    method: str,
    seed: int,
    soft: bool,
    options: Mapping[str, Any],
    output: Path | None,
    kind: str | None,
    force: bool,
) -> None:
    """Estimate the class of each example.

    Example: crowdlens aggregate answers.csv -m glad -o consensus.csv
    """
    refuse_existing(force, output)
    kind = kind_of(output, kind)
    result = _aggregated(given, method, seed, options)
    table = export.soft(given.labels, result) if soft else export.hard(given.labels, result, given.gold)
    deliver_table(table, output, kind, force)


@cli.command("identify")
@reading()
@click.option("--of", type=click.Choice(("examples", "annotators")), default="examples", show_default=True, help="Whom to measure.")
@METHOD
@SEED
@method_options
@out_options
def identify_command(
    given: Given,
    of: str,
    method: str,
    seed: int,
    options: Mapping[str, Any],
    output: Path | None,
    kind: str | None,
    force: bool,
) -> None:
    """Measure examples or annotators; the worst come first.

    All qualities of examples are in [0, 1], low = look at it. Annotators get verdicts, intervals and metrics.

    Example: crowdlens identify answers.csv --of annotators -o annotators.csv
    """
    refuse_existing(force, output)
    kind = kind_of(output, kind)
    result = _aggregated(given, method, seed, options)
    if of == "annotators":
        table = audit(given.labels, result, given.pred_probs, given.gold).table.sort_values("quality", kind="stable")
        table = table.rename_axis(index="annotator")
    else:
        metrics = example_metrics(given.labels, result, given.pred_probs)
        table = export.hard(given.labels, result, given.gold).join(metrics).sort_values("consensus_quality_score", kind="stable")
    deliver_table(table, output, kind, force)


def _aggregated(given: Given, method: str, seed: int, options: Mapping[str, Any]) -> Any:
    most = {**METHODS[method].options, **options}.get("max_iter", 0)
    with Progress("iteration", most) as progress:
        return aggregate(
            given.labels, method, pred_probs=given.pred_probs, gold=given.gold, seed=seed, on_iteration=progress, **dict(options)
        )


@cli.command("agreement")
@reading(gold=False)
@click.option("--level", type=LEVEL, default="nominal", show_default=True, help="How far two classes are apart, for alpha.")
@click.option("--pairs", is_flag=True, help="One row for each pair of annotators.")
@click.option("--without", is_flag=True, help="Alpha without each annotator in turn.")
@out_options
def agreement_command(given: Given, level: str, pairs: bool, without: bool, output: Path | None, kind: str | None, force: bool) -> None:
    """Say how far the annotators agree, beyond chance.

    Example: crowdlens agreement answers.csv --as json
    """
    refuse_existing(force, output)
    kind = kind_of(output, kind)
    labels = given.labels
    if pairs:
        deliver_table(pairwise_agreement(labels), output, kind, force)
    elif without:
        table = drop_one_alpha(labels, level).rename("alpha_without").rename_axis("annotator").to_frame()
        deliver_table(table.sort_values("alpha_without", ascending=False, kind="stable"), output, kind, force)
    else:
        low, high = alpha_interval(labels, level)
        row = {"krippendorff_alpha": krippendorff_alpha(labels, level), "alpha_low": low, "alpha_high": high}
        row |= {"fleiss_kappa": fleiss_kappa(labels), "gwet_ac1": gwet_ac1(labels)}
        sizes = {"n_labels": len(labels), "n_examples": len(labels.examples), "n_annotators": len(labels.annotators)}
        deliver_table(pd.DataFrame([row | sizes]), output, kind, force)


@cli.command("simulate")
@click.option("-s", "--strategy", type=click.Choice(list(STRATEGIES)), default="hammer-spammer", show_default=True, help="How they behave.")
@click.option("--examples", "n_examples", type=int, default=200, show_default=True)
@click.option("--annotators", "n_annotators", type=int, default=30, show_default=True)
@click.option("--classes", "n_classes", type=int, default=5, show_default=True)
@click.option("--labels-per-example", type=int, default=10, show_default=True)
@click.option("--labels-per-annotator", type=int, help="In place of labels per example.")
@click.option("--imbalance", is_flag=True, help="From 1 to that number of labels, uniformly.")
@SEED
@own_options
@click.option("--to", "to", type=click.Choice(list(export.WRITERS)), help="Format of the labels; default: by the ending, else csv.")
@click.option("--truth", type=click.Path(path_type=Path), help="Also write the true class of each example (csv, parquet, json).")
@click.option("--abilities", type=click.Path(path_type=Path), help="Also write the accuracy of each annotator (csv, parquet, json).")
@click.option("-o", "--output", type=click.Path(path_type=Path), help="File for the labels; default: standard output.")
@click.option("--force", is_flag=True, help="Overwrite files that exist.")
def simulate_command(
    options: Mapping[str, Any],
    to: str | None,
    truth: Path | None,
    abilities: Path | None,
    output: Path | None,
    force: bool,
    **sizes: Any,
) -> None:
    """Draw a crowd whose truth is known.

    Example: crowdlens simulate -s student-teacher --ratio 0.8 --truth truth.csv -o answers.csv
    """
    refuse_existing(force, output, truth, abilities)
    to = to or writer_of(output)
    crowd = simulate(**sizes, **dict(options))
    data = export.WRITERS[to].write(export.Outgoing(crowd.labels))
    accuracy = pd.Series(crowd.annotator_accuracy, index=crowd.labels.annotators, name="accuracy")
    for values, path in ((crowd.truth, truth), (accuracy, abilities)):
        if path is not None:
            deliver_table(values.to_frame(), path, None, force)
    deliver(data, output, force)


@cli.command("convert")
@reading()
@click.option("--to", "to", type=click.Choice(list(export.WRITERS)), help="Format to write; default: by the ending, else csv.")
@click.option("-o", "--output", type=click.Path(path_type=Path), help="File to write; default: standard output.")
@click.option("--force", is_flag=True, help="Overwrite files that exist.")
def convert_command(given: Given, to: str | None, output: Path | None, force: bool) -> None:
    """Turn labels of any format into another, with their gold and texts where the format has a place for them.

    Example: crowdlens convert export.json --to crowd_kit -o answers.csv
    """
    refuse_existing(force, output)
    writer = export.WRITERS[to or writer_of(output)]
    if writer.loses:
        note(f"{writer.title}: {writer.loses}")
    deliver(writer.write(export.Outgoing(given.labels, gold=given.gold, content=given.content)), output, force)


@cli.command("benchmark")
@click.argument("files", nargs=-1)
@click.option("--gold", "golds", multiple=True, metavar="FILE", help="True classes, one file for each of FILES, in their order.")
@click.option("--simulate", "crowds", multiple=True, metavar="STRATEGY[:OPTION=VALUE,...]", help="A simulated crowd.")
@click.option("-m", "--method", "methods", multiple=True, metavar="METHOD[:OPTION=VALUE,...]", help="Default: the common ones.")
@click.option("--preset", type=click.Choice(list(benchmark.PRESETS)), help="A table of the peerannot paper, in place of all that.")
@click.option("--seeds", type=click.IntRange(min=1), help="How many seeds; default 10, and 50 for a preset.")
@click.option("--metric", type=click.Choice(benchmark.METRICS), default="accuracy", show_default=True)
@click.option("--cells", "raw", is_flag=True, help="One row a run with all metrics, in place of the ranking.")
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
    results: Path | None,
    jobs: int,
    output: Path | None,
    kind: str | None,
    force: bool,
) -> None:
    """Compare methods on data with known classes, over seeds.

    Example: crowdlens benchmark answers.csv --gold truth.csv --simulate hammer-spammer -m glad -m dawid_skene

    Example: crowdlens benchmark --preset table-3 --jobs 0 --results runs -o table3.csv
    """
    refuse_existing(force, output)
    kind = kind_of(output, kind)
    if preset and (files or crowds or methods):
        raise click.UsageError("A preset says its data and methods itself; give either --preset, or data and methods.")
    if preset:
        cells = benchmark.preset_cells(preset, seeds or benchmark.SEEDS)
    else:
        sources = [*_own_sources(files, golds, seeds or FEW_SEEDS), *map(benchmark.simulated, crowds)]
        cells = benchmark.cells(map(benchmark.contender, methods or COMMON), sources, seeds or FEW_SEEDS)
    with Progress("run") as progress:

        def tell(done: int, total: int) -> None:
            progress.total = total
            progress(done)

        rows = benchmark.run(cells, folder=results, jobs=jobs, on_progress=tell)
    if raw:
        deliver_table(rows, output, kind, force)
    else:
        deliver_table(benchmark.beside_printed(preset, rows) if preset else benchmark.ranking(rows, metric), output, kind, force)


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


@cli.command("app", context_settings={"ignore_unknown_options": True})
@click.argument("streamlit_options", nargs=-1)
def app_command(streamlit_options: tuple[str, ...]) -> int:
    """Start the app in the browser, from a source checkout.

    Example: crowdlens app --server.port 8600
    """
    script = CHECKOUT / "app.py"
    if not script.is_file():
        raise ValueError("The pages come with the source code of Crowdlens: check it out and run `make run` there.")
    if find_spec("streamlit") is None:
        raise ValueError("The app needs Streamlit: install crowdlens[app].")
    return subprocess.run([sys.executable, "-m", "streamlit", "run", str(script), *streamlit_options], cwd=CHECKOUT, check=False).returncode
