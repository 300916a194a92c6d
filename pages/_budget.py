"""What the page Relabel asks of the core: a plan for the run in use."""

from __future__ import annotations

from typing import Any

import pandas as pd

from multiannotator_core.active import what_to_label
from multiannotator_core.relabel import Plan, plan, trust_in
from pages._runs import BLIND, store
from pages._session import InUse, remember


def planned(now: InUse, budget: int, cap: int, most: int, not_to_ask: list[Any]) -> Plan:
    """The plan for a budget; how far to believe the run is measured on the gold that came with the data, if there is any.

    Decisions are known and need no labels, but do not measure: those who review the worst first would measure the worst.
    """
    labels, data = now.labels, now.dataset
    blind = None if data.gold is None else store().load_run(data.id, f"{now.run}{BLIND}")
    seen = now.result if blind is None else blind
    trust = remember(now, "trust", lambda: trust_in(labels, seen, None if blind is None else data.gold))
    limits: dict[str, Any] = {"most_per_annotator": cap, "most_per_example": most, "not_to_ask": not_to_ask}
    return remember(
        now,
        f"plan {budget} {limits}",
        lambda: plan(labels, now.result, budget, gold=store().gold(data.id), trust=trust, **limits),
    )


def to_teach(now: InUse, method: str) -> pd.DataFrame:
    """All examples, the one whose next label helps most first, as a way of choosing has it."""
    return remember(now, f"next {method}", lambda: what_to_label(now.labels, list(now.dataset.models), method=method))
