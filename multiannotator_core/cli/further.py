"""Commands that hand on: what to buy next, a report, the data sets at hand, and studies of qualities and of active learning."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click
import pandas as pd

from ..aggregation import aggregate
from ..ingest import read
from ..labels import CrowdLabels
from ..reference_sets import REFERENCE_SETS, verify
from ..relabel import plan
from ..samples import SAMPLES
from .inputs import SAMPLE, Given, reading
from .options import METHOD, SEED, method_options
from .output import Progress, deliver, deliver_table, kind_of, note, out_options, refuse_existing


@click.command("relabel")
@reading()
@click.option("--budget", type=click.IntRange(min=1), required=True, help="How many labels to buy.")
@click.option("--per-annotator", type=click.IntRange(min=1), help="At most so many for one annotator.")
@click.option("--not-to-ask", multiple=True, metavar="NAME", help="An annotator who gets none; may be repeated.")
@METHOD
@SEED
@method_options
@out_options
def relabel_command(
    given: Given,
    budget: int,
    per_annotator: int | None,
    not_to_ask: tuple[str, ...],
    method: str,
    seed: int,
    options: Mapping[str, Any],
    output: Path | None,
    kind: str | None,
    force: bool,
) -> None:
    """Say which labels to buy next, and from whom; the most useful first.

    Example: crowdlens relabel answers.csv --budget 200 -o to_buy.csv
    """
    refuse_existing(force, output)
    kind = kind_of(output, kind)
    labels = given.labels
    names = [name for name in labels.annotators if str(name) in not_to_ask]
    if len(names) < len(set(not_to_ask)):
        missing = set(not_to_ask) - {str(name) for name in names}
        raise ValueError(f"--not-to-ask: the labels have no annotator {min(missing)!r}.")
    result = aggregate(labels, method, pred_probs=given.pred_probs, gold=given.gold, seed=seed, **dict(options))
    found = plan(labels, result, budget, gold=given.gold, most_per_annotator=per_annotator, not_to_ask=names, seed=seed)
    note(found.stop)
    deliver_table(found.table, output, kind, force)


@click.command("report")
@reading()
@click.option("--annotator", metavar="NAME", help="The card of one annotator in place of the whole crowd.")
@click.option("--pseudonyms", is_flag=True, help="A-001 ... in place of the annotators' names.")
@METHOD
@SEED
@method_options
@click.option("-o", "--output", type=click.Path(path_type=Path), help="HTML file to write; default: standard output.")
@click.option("--force", is_flag=True, help="Overwrite files that exist.")
def report_command(
    given: Given,
    annotator: str | None,
    pseudonyms: bool,
    method: str,
    seed: int,
    options: Mapping[str, Any],
    output: Path | None,
    force: bool,
) -> None:
    """Write the audit of the annotators as one HTML page that opens offline and prints.

    Example: crowdlens report answers.csv -o audit.html
    """
    from ..report import audit_report  # needs plotly, which takes a second to import

    refuse_existing(force, output)
    labels = given.labels
    who = None if annotator is None else next((name for name in labels.annotators if str(name) == annotator), annotator)
    result = aggregate(labels, method, pred_probs=given.pred_probs, gold=given.gold, seed=seed, **dict(options))
    page = audit_report(
        labels, result, name=given.name, pred_probs=given.pred_probs, gold=given.gold, annotator=who, use_pseudonyms=pseudonyms
    )
    deliver(page.encode(), output, force)


@click.group("datasets")
def datasets_group() -> None:
    """The data sets at hand: samples, and public sets that are brought into the workspace.

    Example: crowdlens datasets list
    """


@datasets_group.command("list")
@out_options
def list_command(output: Path | None, kind: str | None, force: bool) -> None:
    """Name the samples and the public sets, with home page, licence and published size.

    Example: crowdlens datasets list --as json
    """
    refuse_existing(force, output)
    samples = [{"name": f"{SAMPLE}{name}", "title": sample.title, "licence": "comes with Crowdlens"} for name, sample in SAMPLES.items()]
    public = [{"name": name, **vars(known)} for name, known in REFERENCE_SETS.items()]
    table = pd.DataFrame([*samples, *public])
    counts = [column for column in table if column.startswith("n_")]
    deliver_table(table.astype(dict.fromkeys(counts, "Int64")), output, kind_of(output, kind), force)


@datasets_group.command("install")
@click.argument("name", type=click.Choice(list(REFERENCE_SETS)))
@click.option("--from", "source", type=click.Path(path_type=Path), required=True, help="Folder or file that you have downloaded.")
def install_command(name: str, source: Path) -> None:
    """Bring a public set into the workspace of the app, after its counts were compared with the published ones.

    Example: crowdlens datasets install bluebirds --from downloads/bluebirds
    """
    from ..store import Store, default_home  # needs SQLAlchemy, which only the app has

    labels, gold = _read_set(source)
    verify(name, labels, gold)
    home = Path(os.environ.get("CROWDLENS_HOME") or default_home())
    home.mkdir(parents=True, exist_ok=True)
    with Store(os.environ.get("CROWDLENS_DATABASE_URL") or str(home / "crowdlens.db")) as store:
        store.add_dataset(labels, name=name, gold=gold)
    click.echo(f"{REFERENCE_SETS[name].title}: {len(labels):,} labels of {len(labels.examples):,} examples are in the workspace.")


def _read_set(source: Path) -> tuple[CrowdLabels, pd.Series | None]:
    """The labels and the gold in a folder of answers.csv and truth.csv, or in any file that is read."""
    files = [source / file for file in ("answers.csv", "truth.csv")]
    found = read(list(files) if all(file.is_file() for file in files) else source)
    return found.labels, found.gold


@click.command("study")
@click.argument("what", type=click.Choice(("quality", "active-learning")))
@click.option("--runs", type=click.IntRange(min=1), default=1, show_default=True, help="Of active learning, each with another draw.")
@click.option("--rounds", type=click.IntRange(min=1), default=5, show_default=True, help="Of active learning: how often labels are bought.")
@click.option("--batch", type=click.IntRange(min=1), default=100, show_default=True, help="Of active learning: labels bought each time.")
@SEED
@out_options
def study_command(what: str, runs: int, rounds: int, batch: int, seed: int, output: Path | None, kind: str | None, force: bool) -> None:
    """Measure on the digits sample how well qualities find errors, or what active learning gains.

    Example: crowdlens study active-learning --runs 2 -o curves.csv
    """
    from ..benchmark import active_learning, quality  # need the models of scikit-learn

    refuse_existing(force, output)
    kind = kind_of(output, kind)
    with Progress("step") as progress:

        def tell(done: int, total: int) -> None:
            progress.total = total
            progress(done)

        if what == "quality":
            table = quality.quality_benchmark(quality.digits_case(), seed=seed, on_progress=tell)
        else:
            pool = active_learning.digits_pool
            table = active_learning.active_learning(lambda at: pool(seed + at), runs=runs, rounds=rounds, batch=batch, on_progress=tell)
    deliver_table(table, output, kind, force)
