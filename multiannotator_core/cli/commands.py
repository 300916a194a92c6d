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

from .. import export
from ..aggregation import METHODS, aggregate
from ..quality.agreement import fleiss_kappa, gwet_ac1, krippendorff_alpha, pairwise_agreement
from ..quality.alpha import alpha_interval, drop_one_alpha
from ..quality.audit import audit
from ..quality.tables import example_metrics, label_table
from ..simulate import STRATEGIES, simulate
from .group import Commands
from .inputs import Given, reading
from .options import METHOD, SEED, load, method_options, own_options
from .output import Progress, deliver, deliver_table, kind_of, note, out_options, refuse_existing, writer_of
from .stored import CLUSTER, FLOAT32, FOLDER, MEMORY, aggregate_folder, convert_to_folder

LOAD_HELP = "Who labels how much: all the same, as in real crowds a few nearly all, or by a file with one number for each annotator."
LEVEL = click.Choice(("nominal", "ordinal", "interval"))
CHECKOUT = Path(__file__).resolve().parents[2]


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(multiannotator_core.__version__, prog_name="crowdlens", message="%(prog)s %(version)s")
def cli() -> None:
    """Consensus labels, their quality, and the annotators behind them.

    FILES are labels in any format that Crowdlens reads, "-" for standard input, or sample:digits. Tables go to standard output, or to
    -o FILE as csv, parquet or json. Exit codes: 0 done, 1 stopped, 2 it cannot be done as asked.
    """


@cli.command("aggregate")
@reading(apart=aggregate_folder)
@METHOD
@SEED
@MEMORY
@FLOAT32
@CLUSTER
@click.option("--soft", is_flag=True, help="The posterior of each class in place of the consensus label.")
@method_options
@out_options
def aggregate_command(
    given: Given,
    method: str,
    seed: int,
    soft: bool,
    cluster: str | None,
    options: Mapping[str, Any],
    output: Path | None,
    kind: str | None,
    force: bool,
    **_for_folders: Any,
) -> None:
    """Estimate the class of each example.

    A folder of labels (see convert) may be larger than memory: then the result is Parquet, and a run that was killed goes on.

    Example: crowdlens aggregate answers.csv -m glad -o consensus.csv

    Example: crowdlens aggregate labels_folder --memory 4G -o consensus.parquet
    """
    refuse_existing(force, output)
    kind = kind_of(output, kind)
    result = _aggregated(given, method, seed, options, cluster)
    table = export.soft(given.labels, result) if soft else export.hard(given.labels, result, given.gold)
    deliver_table(table, output, kind, force)


@cli.command("identify")
@reading()
@click.option(
    "--of", type=click.Choice(("examples", "annotators", "labels")), default="examples", show_default=True, help="Whom to measure."
)
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
    """Measure examples, annotators or single labels; the worst come first.

    All qualities of examples and labels are in [0, 1], low = look at it. Annotators get verdicts, intervals and metrics.

    Example: crowdlens identify answers.csv --of annotators -o annotators.csv
    """
    refuse_existing(force, output)
    kind = kind_of(output, kind)
    result = _aggregated(given, method, seed, options)
    if of == "annotators":
        table = audit(given.labels, result, given.pred_probs, given.gold).table.sort_values("quality", kind="stable")
        table = table.rename_axis(index="annotator")
    elif of == "labels":
        table = label_table(given.labels, result, given.pred_probs).set_index("example")
    else:
        metrics = example_metrics(given.labels, result, given.pred_probs)
        table = export.hard(given.labels, result, given.gold).join(metrics).sort_values("consensus_quality_score", kind="stable")
    deliver_table(table, output, kind, force)


def _aggregated(given: Given, method: str, seed: int, options: Mapping[str, Any], address: str | None = None) -> Any:
    most = {**METHODS[method].options, **options}.get("max_iter", 0)
    with Progress("iteration", most) as progress:
        everywhere = {"pred_probs": given.pred_probs, "gold": given.gold, "seed": seed, "on_iteration": progress, **options}
        if address is None:
            return aggregate(given.labels, method, **everywhere)
        from .. import cluster  # Dask is an extra

        with cluster.connected(address) as client:
            return cluster.aggregate(given.labels, method, client=client, **everywhere)


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
@click.option("--load", default="equal", show_default=True, callback=load, metavar="equal|heavy-tailed|FILE", help=LOAD_HELP)
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
@reading(apart=convert_to_folder)
@click.option("--to", "to", type=click.Choice([*export.WRITERS, FOLDER]), help="Format to write; default: by the ending, else csv.")
@MEMORY
@click.option("-o", "--output", type=click.Path(path_type=Path), help="File to write; default: standard output.")
@click.option("--force", is_flag=True, help="Overwrite files that exist.")
def convert_command(given: Given, to: str | None, output: Path | None, force: bool, **_for_folders: Any) -> None:
    """Turn labels of any format into another, with their gold and texts where the format has a place for them.

    A folder holds labels only, sorted for files that are larger than memory; CSV and Parquet of any size are turned into one.

    Example: crowdlens convert export.json --to crowd_kit -o answers.csv

    Example: crowdlens convert parts_*.parquet --to folder --memory 4G -o labels_folder
    """
    refuse_existing(force, output)
    writer = export.WRITERS[to or writer_of(output)]
    if writer.loses:
        note(f"{writer.title}: {writer.loses}")
    deliver(writer.write(export.Outgoing(given.labels, gold=given.gold, content=given.content)), output, force)


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
