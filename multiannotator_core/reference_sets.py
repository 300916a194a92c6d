"""Public crowd data with gold that benchmarks speak of: where they come from and what they must hold. None is shipped."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from .labels import CrowdLabels


@dataclass(frozen=True)
class ReferenceSet:
    """A public set: its home page, its licence as stated there, and its published size."""

    title: str
    home: str
    licence: str
    n_examples: int
    n_annotators: int
    n_classes: int
    n_labels: int
    n_gold: int


_NONE = "none stated"
_SURVEY = "https://github.com/zhydhkcws/crowd_truth_infer"
_SPECTRAL = "https://github.com/zhangyuc/SpectralMethodsMeetEM"
_TOOLKIT = "https://github.com/orchidproject/active-crowd-toolkit"
_LEARNING = "https://github.com/fmenat/PyLearningCrowds"

REFERENCE_SETS: dict[str, ReferenceSet] = {
    "bluebirds": ReferenceSet("Bluebirds", "https://github.com/welinder/cubam", "BSD 3-clause style", 108, 39, 2, 4212, 108),
    "rte": ReferenceSet("Textual entailment", "https://github.com/TrentoCrowdAI/crowdsourced-datasets", _NONE, 800, 164, 2, 8000, 800),
    "dog": ReferenceSet("Dog breeds", _SURVEY, _NONE, 807, 109, 4, 8070, 807),
    "d_product": ReferenceSet("Same product?", _SURVEY, _NONE, 8315, 176, 2, 24945, 8315),
    "web": ReferenceSet("Web search relevance", _SPECTRAL, _NONE, 2665, 177, 5, 15567, 2653),
    "trec": ReferenceSet("TREC 2011 relevance", _SPECTRAL, _NONE, 19033, 762, 2, 88385, 2275),
    "labelme": ReferenceSet("LabelMe images", _LEARNING, _NONE, 1000, 59, 8, 2547, 1000),
    "sentiment_polarity": ReferenceSet("Sentiment polarity", _LEARNING, _NONE, 4999, 203, 2, 27746, 4999),
    "music_genre": ReferenceSet("Music genres", _TOOLKIT, "Apache-2.0", 700, 44, 10, 2945, 700),
    "weather_amt": ReferenceSet("Weather sentiment", _TOOLKIT, "Apache-2.0", 300, 110, 5, 6030, 300),
}


def verify(name: str, labels: CrowdLabels, gold: pd.Series | None) -> None:
    """Compare what was read with the published counts.

    Raises:
        ValueError: the set is unknown, or a count differs; the message names both.
    """
    if name not in REFERENCE_SETS:
        raise ValueError(f"There is no reference set {name!r}; choose one of {', '.join(REFERENCE_SETS)}.")
    known = REFERENCE_SETS[name]
    found = {
        "labels": (len(labels), known.n_labels),
        "examples": (len(labels.examples), known.n_examples),
        "annotators": (len(labels.annotators), known.n_annotators),
        "classes": (len(labels.classes), known.n_classes),
        "examples with gold": (0 if gold is None else len(gold), known.n_gold),
    }
    wrong = [f"{have:,} {what} in place of {want:,}" for what, (have, want) in found.items() if have != want]
    if wrong:
        raise ValueError(f"This is not {name} as it was published: it has {', '.join(wrong)}. See {known.home}.")
