"""What to look at next: the orders and filters of the review queue, the random audit in it, and what looks alike."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import streamlit as st
from numpy.typing import NDArray

import multiannotator_core as mc
from multiannotator_core.align import positions
from multiannotator_core.learning import networks
from multiannotator_core.learning.neighbours import Alike, alike
from multiannotator_core.quality.review import expected_change, review_queue, runs_agreement, with_audit
from multiannotator_core.quality.tables import eligible_qualities
from pages._compared import other_runs
from pages._jobs import Job, finished, start
from pages._leases import held_by_others
from pages._networks import AMBIGUITY, trainings
from pages._runs import load_run, usable_runs
from pages._session import InUse, remember

AUDIT_EVERY = 5  # one decision in five is about an example drawn at random

CHANGE, SPLIT = "most_change", "methods_disagree"
MORE_ORDERS = {
    CHANGE: (
        "Would change most",
        "How much a decision would move, counted in examples: the example's own posterior, and those of all examples that its "
        "annotators labelled, since a decision says who was right. Each class counts with its present probability. First order: it "
        "ranks, it does not promise.",
    ),
    SPLIT: ("Methods disagree", "The share of pairs of finished runs that give the example the same class, the lowest first."),
}


def orders(now: InUse) -> dict[str, str]:
    """By what the queue can be ordered: name -> title."""
    more = {name: title for name, (title, _) in MORE_ORDERS.items() if name != SPLIT or len(usable_runs(now.info)) > 1}
    learned = {run.method: title for title, run in trainings(now.info, AMBIGUITY).items()}
    return {**eligible_qualities(now.result, now.dataset.pred_probs), **more, **learned}


def sentence(order: str) -> str:
    """How the order is computed."""
    if order in networks.AMBIGUITY:
        return networks.AMBIGUITY[order].sentence
    return MORE_ORDERS[order][1] if order in MORE_ORDERS else mc.QUALITY_METHODS[order].sentence


def worth(now: InUse, order: str) -> NDArray[np.float64]:
    """(N,) in [0, 1], low = look at it first."""
    labels, result = now.labels, now.result
    if order == CHANGE:
        return remember(now, order, lambda: 1 / (1 + expected_change(labels, result)))
    if order == SPLIT:
        others = other_runs(now)
        return remember(now, f"{order} {sorted(others)}", lambda: runs_agreement([result, *others.values()]))
    for run in trainings(now.info, AMBIGUITY).values():
        if run.method == order:
            return mc.example_quality(labels, load_run(now.info, run.key), "difficulty")
    return remember(now, f"quality {order}", lambda: mc.example_quality(labels, result, order, pred_probs=now.dataset.pred_probs))


@dataclass(frozen=True)
class Filters:
    """Which examples are in the queue; None, False = all."""

    of_class: int | None = None
    annotator: int | None = None
    against: bool = False
    model: bool = False


def queue_of(now: InUse, order: str, quality: NDArray[np.float64], filters: Filters) -> NDArray[np.intp]:
    """Codes of examples in their order, by the filters."""
    probs = now.dataset.pred_probs if filters.model else None

    def compute() -> NDArray[np.intp]:
        return review_queue(
            now.labels,
            now.result,
            quality,
            consensus_class=filters.of_class,
            annotator=filters.annotator,
            against_consensus=filters.against,
            model_label=None if probs is None else probs.to_numpy().argmax(axis=1),
        )

    runs = (
        sorted(other_runs(now)) if order == SPLIT else [run.key for run in trainings(now.info, AMBIGUITY).values() if run.method == order]
    )
    return remember(now, f"queue {order} {filters} {runs}", compute)


def mixed_queue(
    now: InUse, queue: NDArray[np.intp], decided: pd.DataFrame, *, hide: bool, audit: bool
) -> tuple[NDArray[np.intp], NDArray[np.float64], int]:
    """The first thousand of a queue with the random audit mixed in, the chance with which the audit drew each, NaN for those that it
    did not draw, and the length of the whole. With `hide`, decided and excluded examples are left out. The example that the address
    names is among them wherever it stands in the queue.
    """
    free = np.ones(len(now.labels.examples), dtype=bool)
    free[held_by_others(now)] = False
    open_ones = free & (now.labels.labels_per_example > 0)
    open_ones[now.labels.examples.get_indexer(decided.index)] = False
    queue = queue[(open_ones if hide else free)[queue]]
    undecided = np.flatnonzero(open_ones)
    seed = int(now.dataset.id[:8], 16)
    codes, drawn = with_audit(queue, undecided, n_decided=len(decided), seed=seed, every=AUDIT_EVERY if audit else 0)
    chance = np.where(drawn, 1 / max(1, len(undecided)), np.nan)
    wanted = positions(now.labels.examples, pd.Index([st.query_params.get("rev_example", "")]))
    if wanted[0] in queue and wanted[0] not in codes:  # a link, or what was just taken back, may be far down
        codes, chance = np.concatenate([wanted, codes]), np.concatenate([[np.nan], chance])
    return codes, chance, len(queue)


# ---------------------------------------------------------------------- what looks alike


def most_alike(now: InUse, example: int) -> tuple[NDArray[np.intp], str]:
    """Codes of the examples that look most like one (code), and by what; none while that is still being found out."""
    if now.dataset.content is None:
        return np.empty(0, dtype=np.intp), ""
    contents, examples = now.dataset.content, now.labels.examples

    def work(job: Job) -> Alike | None:
        try:
            return alike(contents, examples)
        except ValueError:  # a picture that cannot be decoded: the desk works without
            return None

    job = start(("alike", now.info.id, now.info.inputs), "Comparing the examples", work)
    found: Alike | None = job.future.result() if finished(job, 0.01) else None
    return (np.empty(0, dtype=np.intp), "") if found is None else (found.nearest(example), found.by)
