"""What is known beside the run in use: how it does on gold, the annotators by it, and the other runs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pandas as pd
import streamlit as st

import multiannotator_core as mc
from multiannotator_core.quality.audit import Audit, audit
from pages._networks import NETWORK, trainings
from pages._pseudonyms import seen_run
from pages._runs import BASELINE, load_blind, load_run, store, usable_runs
from pages._session import InUse, remember, use


def gold_check(now: InUse, run: str | None = None) -> dict[str, Any] | None:
    """How a run that did not see the gold does on the gold that came with the data; None without gold.

    Decisions do not count here: those who review the worst first would measure the worst.
    """
    gold = now.dataset.gold
    blind = None if gold is None or not len(gold) else load_blind(now.info, run or now.run)
    return None if blind is None else remember(now, f"gold {run}", lambda: mc.evaluate(now.labels, blind, gold))


def blind_run(now: InUse) -> mc.Consensus:
    """The run in use as it is without gold and decisions, to compare decisions with; votes where it cannot do without."""
    blind = load_blind(now.info, now.run)
    return remember(now, "votes", lambda: mc.aggregate(now.labels, BASELINE)) if blind is None else seen_run(now.info, blind)


@dataclass(frozen=True)
class ComparedRuns:
    """The runs of a dataset side by side: `table` has one row a run; the results are by title."""

    table: pd.DataFrame
    results: dict[str, mc.Consensus]
    key: str

    @property
    def sentence(self) -> str:
        """What the best run is, or why that cannot be said."""
        right = self.table["right"].dropna().sort_values(ascending=False)
        if len(right) < 2:
            return ""
        best, second = (self.table.loc[key] for key in right.index[:2])
        n = int(best["n_gold"])
        apart = round((best["right"] - second["right"]) * n)
        return f"{best['title']} and {second['title']} differ by {apart} of {n} gold examples. " + (
            "That is within chance." if apart**2 <= 4 * max(apart, 1) else "That is more than chance."
        )

    def use_clicked(self) -> None:
        """Take the run whose button was clicked."""
        use(run=str(self.table.index[st.session_state["use_run"].row]))


def compared_runs(now: InUse) -> ComparedRuns:
    """All finished runs on the present inputs, at most twelve."""
    majority = remember(now, "majority", lambda: mc.aggregate(now.labels, BASELINE, gold=store().gold(now.dataset.id)))
    rows, results = {}, {}
    for name, run in list(usable_runs(now.info).items())[:12]:
        result, checked = load_run(now.info, run.key), gold_check(now, name)
        rows[name] = {
            "title": run.title,
            "right": checked["accuracy"] if checked else None,
            "n_gold": checked["n"] if checked else 0,
            "unsure": int((result.quality < 0.7).sum()),
            "differs": float((result.label != majority.label).mean()),
            "seconds": run.seconds,
        }
        results[run.title] = result
    table = pd.DataFrame.from_dict(rows, orient="index").astype({"right": "Float64"})
    return ComparedRuns(table, results, " ".join(run.key for run in usable_runs(now.info).values()))


def audited(now: InUse) -> Audit:
    """What is known of the annotators by the run in use."""
    data = now.dataset
    return remember(now, "audit", lambda: audit(now.labels, now.result, data.pred_probs, store().gold(data.id)))


def other_runs(now: InUse) -> dict[str, mc.Consensus]:
    """The finished runs beside the one in use, and the networks, by title."""
    keys = {run.title: run.key for name, run in list(usable_runs(now.info).items())[:12] if name != now.run}
    keys |= {title: run.key for title, run in trainings(now.info, NETWORK).items()}
    return {title: seen_run(now.info, load_run(now.info, key)) for title, key in keys.items()}
