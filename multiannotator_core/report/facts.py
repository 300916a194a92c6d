"""What a report is about, gathered once: the labels, the run, and everything the audit found."""

from __future__ import annotations

import platform
import sys
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
import scipy

from ..aggregation import METHODS
from ..consensus import Consensus
from ..export import pseudonymous, pseudonymous_result, pseudonyms
from ..labels import CrowdLabels
from ..quality.audit import Audit, audit
from ..quality.copying import copying
from ..quality.crowd_agreement import CrowdAgreement, crowd_agreement
from ..quality.patterns import class_bias, drift


@dataclass(frozen=True, eq=False)
class Subject:
    """The labels (with pseudonyms if wanted), the run, and what stands beside them; `fingerprint` is that of the data."""

    name: str
    labels: CrowdLabels
    result: Consensus
    fingerprint: str
    pred_probs: Any
    gold: pd.Series | None
    exclusions: pd.DataFrame
    made: datetime | None

    @cached_property
    def audit(self) -> Audit:
        """Verdicts, intervals and metrics."""
        return audit(self.labels, self.result, self.pred_probs, self.gold)

    @cached_property
    def agreement(self) -> CrowdAgreement:
        """Agreement of the crowd."""
        return crowd_agreement(self.labels)

    @cached_property
    def copied(self) -> pd.DataFrame:
        """Pairs that are suspected of copying."""
        pairs = copying(self.labels, self.result, self.gold)
        return pairs[pairs["suspected"]]

    @cached_property
    def changed(self) -> pd.DataFrame:
        """Annotators who change with time."""
        people = drift(self.labels, self.result, self.gold)
        return people[people["suspected"]]

    @cached_property
    def biased(self) -> pd.DataFrame:
        """Annotators who say a class too often."""
        rows = class_bias(self.labels, self.result, self.gold)
        return rows[rows["biased"]]

    def origin(self) -> dict[str, str]:
        """Where the numbers come from: data, method with options, gold, model and versions."""
        options = ", ".join(f"{key} {value}" for key, value in self.result.options.items())
        n = self.labels
        n_examples, n_annotators = (int((counts > 0).sum()) for counts in (n.labels_per_example, n.labels_per_annotator))
        ran = f"{self.result.n_iter} iterations, {'converged' if self.result.converged else 'not converged'}"
        return {
            "Data": self.name,
            "Fingerprint": self.fingerprint,
            "Counted": f"{len(n):,} labels of {n_examples:,} examples by {n_annotators:,} annotators, {len(n.classes):,} classes",
            "Consensus": f"{METHODS[self.result.method].title} ({ran})" if self.result.method in METHODS else self.result.method,
            "Options": options or "none",
            "Seed": "0, for the draws behind rank intervals; the audit draws nothing else",
            "Model": "none" if self.pred_probs is None else "predicted probabilities of a model were compared",
            "Gold": "none" if self.gold is None or not len(self.gold) else f"{len(self.gold):,} trusted examples",
            "Versions": versions(),
            **({"Made": f"{self.made:%d %B %Y, %H:%M} UTC"} if self.made else {}),
        }


def versions() -> str:
    """The versions of what computed the numbers."""
    # Parts of the core never import its root, which imports them; it is there, since it was imported first.
    ours = getattr(sys.modules[__name__.partition(".")[0]], "__version__", "unknown")
    return f"Crowdlens {ours}, Python {platform.python_version()}, numpy {np.__version__}, scipy {scipy.__version__}"


def with_pseudonyms(subject: Subject, source: CrowdLabels) -> Subject:
    """The same with pseudonyms in place of the annotators' names; reasons of exclusions are left out, since they may name people."""
    names = pseudonyms(source)
    exclusions = subject.exclusions
    people = (exclusions["kind"] == "annotator").to_numpy()
    hidden = exclusions.assign(reviewer="", reason="")
    hidden.loc[people, "name"] = [str(names.iloc[names.index.get_loc(name)]) for name in exclusions["name"][people]]
    # The order of the annotators changes too: that of their names would say who is who among equals.
    labels, result = pseudonymous(subject.labels, names), pseudonymous_result(subject.result, names)
    return replace(subject, labels=labels, result=result, exclusions=hidden)
