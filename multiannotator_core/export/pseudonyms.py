"""Annotators behind pseudonyms: A-001 … in place of names, in labels and in results."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import numpy as np
import pandas as pd

from ..consensus import Consensus
from ..labels import CrowdLabels

LONGEST_SECRET = 64  # bytes that a key of BLAKE2b may have


def pseudonyms(labels: CrowdLabels, secret: str = "") -> pd.Series:
    """A-001 … for each annotator (index), in an order that says nothing about their names.

    Args:
        secret: what the order depends on beside the names (64 characters of ASCII at most): with the same secret the same
            annotators get the same pseudonyms. Without one the order follows from the labels themselves, and whoever has
            the names and the fingerprint can find it again.
    """
    key = (secret or labels.fingerprint).encode()[:LONGEST_SECRET]
    mixed = [hashlib.blake2b(repr(name).encode(), key=key).digest() for name in labels.annotators.tolist()]
    rank = np.argsort(np.array(sorted(range(len(mixed)), key=mixed.__getitem__), dtype=np.intp), kind="stable")
    width = max(3, len(str(len(mixed))))
    return pd.Series([f"A-{place + 1:0{width}d}" for place in rank.tolist()], index=labels.annotators, name="pseudonym", dtype=object)


def pseudonymous(labels: CrowdLabels, names: pd.Series | None = None) -> CrowdLabels:
    """The same labels with `pseudonyms` (by default those without a secret) for names, annotators in the order of these."""
    names = pseudonyms(labels) if names is None else names
    order = _order(names)
    place = np.argsort(order, kind="stable")  # old code -> new code
    aliases = pd.Index(names.to_numpy(object)[order], name="annotator")
    return replace(labels, annotators=aliases, annotator=place[labels.annotator].astype(np.int32))


def pseudonymous_result(result: Consensus, names: pd.Series) -> Consensus:
    """A result of labels as it belongs to `pseudonymous(labels, names)`: what it says of each annotator, in their new order."""
    order = _order(names)
    return replace(
        result,
        annotator_quality=result.annotator_quality[order],
        confusion=None if result.confusion is None else result.confusion[order],
        annotator_scores={name: values[order] for name, values in result.annotator_scores.items()},
    )


def _order(names: pd.Series) -> np.ndarray:
    """Old codes of the annotators in the order of their pseudonyms."""
    return np.argsort(names.to_numpy(object).astype(str), kind="stable")
