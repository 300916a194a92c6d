"""Commands that hand on: what to buy next, and a report."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from ..aggregation import aggregate
from ..export import TASK_LISTS, ToAsk
from ..relabel import plan
from .inputs import Given, reading
from .options import METHOD, SEED, method_options
from .output import deliver, deliver_table, kind_of, note, out_options, refuse_existing


@click.command("relabel")
@reading()
@click.option("--budget", type=click.IntRange(min=1), required=True, help="How many labels to buy.")
@click.option("--per-annotator", type=click.IntRange(min=1), help="At most so many for one annotator.")
@click.option(
    "--to", "to", type=click.Choice(list(TASK_LISTS)), help="Write a task list to import into a labelling tool, in place of the plan."
)
@click.option("--not-to-ask", multiple=True, metavar="NAME", help="An annotator who gets none; may be repeated.")
@METHOD
@SEED
@method_options
@out_options
def relabel_command(
    given: Given,
    budget: int,
    per_annotator: int | None,
    to: str | None,
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

    Example: crowdlens relabel answers.csv --budget 200 --to label_studio -o tasks.json
    """
    refuse_existing(force, output)
    kind = None if to else kind_of(output, kind)
    labels = given.labels
    names = [name for name in labels.annotators if str(name) in not_to_ask]
    if len(names) < len(set(not_to_ask)):
        missing = set(not_to_ask) - {str(name) for name in names}
        raise ValueError(f"--not-to-ask: the labels have no annotator {min(missing)!r}.")
    result = aggregate(labels, method, pred_probs=given.pred_probs, gold=given.gold, seed=seed, **dict(options))
    found = plan(labels, result, budget, gold=given.gold, most_per_annotator=per_annotator, not_to_ask=names, seed=seed)
    note(found.stop)
    if to:
        note(TASK_LISTS[to].use)
        deliver(TASK_LISTS[to].write(ToAsk(found.table, labels, given.content)), output, force)
        return
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
