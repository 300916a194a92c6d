"""The real sets, straight from their folders."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from multiannotator_core import ingest

DATA = Path(os.environ.get("CROWDLENS_DATA", "../shared/data"))
pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason="real crowd data not found: set CROWDLENS_DATA")

# examples, annotators, classes, labels, examples with gold, as in the README of the data
COUNTS = {
    "agree_cac_raw4raters": (12, 4, 5, 41, 0),
    "agree_diagnoses": (30, 6, 5, 180, 0),
    "anesthesia": (45, 5, 4, 315, 0),
    "bluebirds": (108, 39, 2, 4212, 108),
    "d_product": (8315, 176, 2, 24945, 8315),
    "dog": (807, 109, 4, 8070, 807),
    "labelme": (1000, 59, 8, 2547, 1000),
    "music_genre": (700, 44, 10, 2945, 700),
    "rte": (800, 164, 2, 8000, 800),
    "s_rel": (20232, 766, 4, 98453, 4460),
    "sentiment_polarity": (4999, 203, 2, 27746, 4999),
    "weather_amt": (300, 110, 5, 6030, 300),
    "web": (2665, 177, 5, 15567, 2653),
}


@pytest.mark.parametrize("name", COUNTS)
def test_a_folder_reads_with_the_numbers_of_its_readme(name: str) -> None:
    """Every set gives its published counts, and its gold, from the folder alone."""
    found = ingest.read(DATA / name)
    labels = found.labels
    gold = 0 if found.gold is None else len(found.gold)

    assert COUNTS[name] == (len(labels.examples), len(labels.annotators), len(labels.classes), len(labels), gold)


def test_seconds_and_texts_come_along() -> None:
    """The times of weather_amt are joined to its labels, the texts of rte to its examples."""
    seconds = ingest.read(DATA / "weather_amt").labels.seconds
    content = ingest.read(DATA / "rte").content

    assert 0.99 < np.isfinite(seconds).mean() <= 1
    assert {"text", "hypothesis", "subtask"} == set(content.columns)
    assert content["text"].notna().sum() == 800
