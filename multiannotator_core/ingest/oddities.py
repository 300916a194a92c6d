"""What is unusual about a crowd's labels, as sentences with numbers."""

from __future__ import annotations

import unicodedata

import numpy as np

from ..labels import CrowdLabels
from ..names import listed


def oddities(labels: CrowdLabels) -> list[str]:
    """Repeated pairs, single labels, rare classes, spellings that differ only in case or blanks."""
    per_example, per_annotator, per_class = labels.labels_per_example, labels.labels_per_annotator, labels.labels_per_class
    once = labels.classes[per_class == 1]
    found = [
        (
            labels.repeated,
            f"Labels that repeat a pair of example and annotator: {labels.repeated:,}.",
        ),
        (
            (n := int((per_example == 1).sum())),
            f"Examples with a single label, which nobody can contradict: {n:,} of {len(per_example):,}.",
        ),
        ((n := int((per_example == 0).sum())), f"Examples without a label: {n:,} of {len(per_example):,}."),
        ((n := int((per_annotator == 1).sum())), f"Annotators who gave a single label: {n:,} of {len(per_annotator):,}."),
        (len(once), f"Classes given only once: {listed(map(repr, once))}."),
        ((per_class == 0).any(), f"Classes never given: {listed(map(repr, labels.classes[per_class == 0]))}."),
        (len(labels.annotators) == 1, "There is one annotator only, so there is nobody to compare with."),
        (len(labels.classes) == 1, f"All labels say {labels.classes[0]!r}, so there is nothing to tell apart."),
    ]
    return [sentence for holds, sentence in found if holds] + _variants(labels)


def _variants(labels: CrowdLabels) -> list[str]:
    """Classes that are one when case, blanks around and the form of accents are left aside."""
    alike: dict[str, list[int]] = {}
    for code, name in enumerate(labels.classes):
        alike.setdefault(unicodedata.normalize("NFC", str(name)).strip().casefold(), []).append(code)
    counts = labels.labels_per_class
    sentences = []
    for codes in alike.values():
        if len(codes) > 1:
            spelled = " and ".join(f"{labels.classes[k]!r} ({counts[k]:,})" for k in np.array(codes))
            sentences.append(f"The classes {spelled} differ only in case or blanks and count as {len(codes)} classes.")
    return sentences
