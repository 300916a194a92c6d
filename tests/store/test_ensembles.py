"""Several models of one dataset: kept one by one, read together as their mean, and told apart from a single one."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import multiannotator_core as mc
from multiannotator_core.store import Store
from tests.crowds import crowd


def models(labels: mc.CrowdLabels, n: int) -> list[pd.DataFrame]:
    """Probabilities of n models, by name, the examples in another order."""
    rng = np.random.default_rng(0)
    shape = (len(labels.examples), len(labels.classes))
    names = {"index": labels.examples, "columns": labels.classes}
    return [pd.DataFrame(rng.dirichlet(np.ones(shape[1]), shape[0]), **names).iloc[::-1] for _ in range(n)]


def test_several_models_come_back(store: Store) -> None:
    """Each model comes back in the order of the labels, pred_probs is their mean, and crowdlab sees the ensemble."""
    labels = mc.CrowdLabels.from_long(crowd()[0])
    given = models(labels, 3)
    dataset = store.load(store.add_dataset(labels, name="crowd", pred_probs=given))

    assert dataset.pred_probs is not None
    assert len(dataset.models) == 3
    for back, model in zip(dataset.models, given, strict=True):
        pd.testing.assert_frame_equal(model.iloc[::-1], back, check_names=False)
    np.testing.assert_allclose(np.mean(dataset.models, axis=0), dataset.pred_probs)
    ours = mc.aggregate(labels, "crowdlab", pred_probs=dataset.models)
    np.testing.assert_array_equal(mc.aggregate(labels, "crowdlab", pred_probs=given).posterior, ours.posterior)
    assert not np.allclose(ours.posterior, mc.aggregate(labels, "crowdlab", pred_probs=dataset.pred_probs).posterior)


def test_one_model_is_as_before(store: Store) -> None:
    """A list of one model is that model; taking predictions away leaves none; other models are other inputs."""
    labels = mc.CrowdLabels.from_long(crowd()[0])
    first, second = models(labels, 2)
    key = store.add_dataset(labels, name="crowd", pred_probs=first)
    seen = [store.load(key)]
    for value in ([first], [first, second], None):
        store.update(key, pred_probs=value)
        seen.append(store.load(key))
    alone, listed, both, none = seen

    assert alone.pred_probs is not None
    assert listed.pred_probs is not None
    pd.testing.assert_frame_equal(alone.pred_probs, listed.pred_probs)
    assert [len(one.models) for one in seen] == [1, 1, 2, 0]
    assert none.pred_probs is None
    assert alone.inputs == listed.inputs
    assert len({alone.inputs, both.inputs, none.inputs}) == 3


def test_a_model_that_does_not_fit_changes_nothing(store: Store) -> None:
    """One bad model of several is refused by name, and the dataset keeps what it had."""
    labels = mc.CrowdLabels.from_long(crowd()[0])
    first, second = models(labels, 2)
    key = store.add_dataset(labels, name="crowd", pred_probs=first)
    bad = second.copy()
    bad.iloc[0, 0] = np.nan

    with pytest.raises(ValueError, match="is not a number"):
        store.update(key, pred_probs=[first, bad])
    with pytest.raises(ValueError, match="empty list"):
        store.update(key, pred_probs=[])

    assert len(store.load(key).models) == 1
