"""The audit: one table that agrees with itself."""

import numpy as np
import pytest

import multiannotator_core as mc
from multiannotator_core.quality.audit import audit
from tests.crowds import crowd


@pytest.mark.parametrize("method", ["majority_vote", "dawid_skene", "glad"])
def test_numbers_follow_from_one_confusion(method):
    """Quality and trace are those of the confusion that is shown, and lie inside their intervals."""
    labels = mc.CrowdLabels.from_long(crowd(n_examples=300)[0])
    found = audit(labels, mc.aggregate(labels, method))
    table = found.table

    np.testing.assert_allclose(found.confusion.sum(axis=2), 1)
    np.testing.assert_allclose(table["trace"], np.einsum("jkk->j", found.confusion))
    assert (table["quality_low"] <= table["quality"]).all()
    assert (table["quality"] <= table["quality_high"]).all()


def test_one_who_labels_at_random_is_told_apart():
    """Among good annotators, one who labels at random gets that verdict and the lowest spammer score."""
    frame, _ = crowd(n_examples=400, accuracy=(0.85, 0.95), seed=3)
    rng = np.random.default_rng(0)
    of_one = frame["worker"] == "a0"
    frame.loc[of_one, "label"] = rng.choice(["c0", "c1", "c2"], of_one.sum())
    labels = mc.CrowdLabels.from_long(frame)
    table = audit(labels, mc.aggregate(labels)).table

    assert table["verdict"]["a0"] == "answers at random"
    assert table["raykar_yu"].idxmin() == "a0"
    assert not table["verdict"].drop("a0").isin(["answers at random", "always says"]).any()
