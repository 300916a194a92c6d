"""The number of threads changes how long a method takes, never what it says."""

import numpy as np
import pytest

import multiannotator_core as mc
from multiannotator_core.aggregation import block
from multiannotator_core.aggregation.engine import Blocks
from multiannotator_core.threads import VARIABLE
from tests.crowds import crowd, model_of

FRAME, TRUTH = crowd(n_examples=150, n_classes=2)
GOLD = TRUTH.iloc[:5].to_dict()


def same(one, two):
    """Equal to the last bit, or both absent."""
    return (one is None and two is None) or np.array_equal(one, two)


@pytest.mark.parametrize("method", mc.METHODS)
def test_results_do_not_depend_on_threads(method, monkeypatch):
    """On labels in many blocks, one thread and three give the same posterior, label, confusion and quality to the last bit."""
    monkeypatch.setattr(block, "BLOCK", 1)
    labels = mc.CrowdLabels.from_long(FRAME)
    found = []
    for threads in ("1", "3"):
        monkeypatch.setenv(VARIABLE, threads)
        found.append(mc.aggregate(labels, method, pred_probs=model_of(labels, TRUTH), gold=GOLD))
    one, three = found

    assert len(Blocks(labels, 3).bounds) > 4
    for name in ("posterior", "label", "confusion", "annotator_quality", "difficulty", "trace"):
        assert same(getattr(one, name), getattr(three, name)), name
