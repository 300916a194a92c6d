"""The whole page."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from datetime import datetime
from typing import Any

import pandas as pd

from ..consensus import Consensus
from ..export import pseudonyms
from ..figures.export import document
from ..labels import CrowdLabels
from ..names import listed
from ..quality.exclusions import without_excluded
from . import sections
from .facts import Subject, with_pseudonyms
from .markup import STYLE, paragraph, text

EXCLUSION_COLUMNS = ["kind", "name", "reviewer", "reason", "time"]
WIDTH = "43rem"  # that of a printed A4 page, so that figures are not cut


def audit_report(
    labels: CrowdLabels,
    result: Consensus,
    *,
    name: str = "this dataset",
    pred_probs: Any = None,
    gold: Mapping[Hashable, Hashable] | pd.Series | None = None,
    annotator: Hashable = None,
    exclusions: pd.DataFrame | None = None,
    use_pseudonyms: bool = False,
    fingerprint: str | None = None,
    made: datetime | None = None,
) -> str:
    """The audit of a crowd, or of one annotator, as one HTML page that needs no network and prints.

    Args:
        labels: all of them; those of `exclusions` are taken out here.
        result: of the labels that count.
        name: of the dataset, for the title.
        annotator: their report card instead of the whole crowd.
        exclusions: kind ("annotator" or "example"), name, reviewer, reason, time; as `Store.exclusions` gives them.
        use_pseudonyms: A-001 ... in place of the annotators' names, as `export.pseudonyms` without a secret.
        fingerprint: that of the data, where `labels` have other names by now.
        made: the time to print on the page (UTC); without it the same input gives the same page.

    Raises:
        ValueError: there is no such annotator, every label is excluded, or pred_probs or gold do not fit.
    """
    if annotator is not None and annotator not in labels.annotators:
        raise ValueError(f"There is no annotator {annotator!r}; the labels have {listed(labels.annotators)}.")
    out = pd.DataFrame(columns=EXCLUSION_COLUMNS) if exclusions is None else exclusions
    trusted = None if gold is None else gold if isinstance(gold, pd.Series) else pd.Series(dict(gold), dtype=object)
    subject = Subject(name, without_excluded(labels, out), result, fingerprint or labels.fingerprint, pred_probs, trusted, out, made)
    if use_pseudonyms:
        subject = with_pseudonyms(subject, labels)
        annotator = None if annotator is None else str(pseudonyms(labels).iloc[labels.annotators.get_loc(annotator)])
    if annotator is None:
        title, parts = f"Audit of the annotators of {name}", _of_crowd(subject)
    else:
        title, parts = f"Audit of annotator {annotator}, {name}", _of_one(subject, annotator)
    lead = paragraph("Every number comes from the labels and the run named below. It is evidence, not a judgement: talk first.", "quiet")
    return document(title, f"<h1>{text(title)}</h1>\n{lead}{''.join(parts)}", STYLE, WIDTH)


def _of_crowd(subject: Subject) -> list[str]:
    of_all = (
        sections.origin,
        sections.agreement,
        sections.ranking,
        sections.patterns,
        sections.classes,
        sections.examples,
        sections.exclusions,
    )
    return [make(subject) for make in of_all] + [sections.rules()]


def _of_one(subject: Subject, annotator: Hashable) -> list[str]:
    card = (sections.one_annotator, sections.patterns, sections.disputed)
    return [
        *(make(subject, annotator) for make in card),
        sections.exclusions(subject),
        sections.origin(subject),
        sections.rules(alone=True),
    ]
