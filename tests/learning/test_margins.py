"""AUM and WAUM: margins of labels while a network learns them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import average_precision_score

import multiannotator_core as mc
from multiannotator_core.learning import networks
from multiannotator_core.learning.networks import margins

torch = pytest.importorskip("torch", reason="the networks need PyTorch: pip install -r requirements-torch.txt")

SHORT = networks.Schedule(n_epochs=4, patience=0, batch_size=16)


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    """Small networks are faster on one thread."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def crowd():
    """60 examples of three blobs, 5 annotators, 3 labels each; the last example has no label."""
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 3, 60)
    features = np.eye(3)[truth] * 3 + rng.normal(size=(60, 3))
    rows = [(i, j, truth[i] if rng.random() < 0.8 else rng.integers(3)) for i in range(59) for j in rng.choice(5, 3, replace=False)]
    table = np.array(rows)
    names = pd.Index(range(60)), pd.Index(list("abcde")), pd.Index([0, 1, 2])
    return mc.CrowdLabels(*names, table[:, 0], table[:, 1], table[:, 2]), features


def recorded(labels, features, **taught):
    """Every batch of a training, as the network saw it: a list of (rows, logits)."""
    seen = []

    def look(rows, logits):
        seen.append((rows.copy(), logits.copy()))

    networks.train(labels, features, "consensus", schedule=SHORT, n_folds=0, on_batch=look, **taught)
    return seen


def naive_margins(labels, seen, of_label):
    """(L,) mean over the epochs of a margin of each label, one label at a time."""
    found = [[] for _ in range(len(labels))]
    for rows, logits in seen:
        for row, z in zip(rows, logits.astype(float), strict=True):
            for at in np.flatnonzero(labels.example == row):
                found[at].append(of_label(z, labels.label[at]))
    return np.array([np.mean(values) for values in found])


def test_waum_is_the_papers_sum(crowd):
    """Margin against the second class, averaged over epochs, weighted by trust, averaged over the labels of an example."""
    labels, features = crowd
    seen = recorded(labels, features, method="naive_soft", soft=True)

    def chances(z):
        return np.exp(z) / np.exp(z).sum()

    margin = naive_margins(labels, seen, lambda z, y: chances(z)[y] - sorted(chances(z))[-2])
    confusion = mc.aggregate(labels, "dawid_skene").confusion
    last = {row: chances(z) for rows, logits in seen for row, z in zip(rows, logits.astype(float), strict=True)}
    trust = [last[i] @ np.diag(confusion[j]) for i, j in zip(labels.example, labels.annotator, strict=True)]
    weighted = np.array(trust) * margin
    expected = np.array([weighted[labels.example == i].mean() if (labels.example == i).any() else 0.0 for i in range(60)])
    actual = networks.waum(labels, features, schedule=SHORT)

    np.testing.assert_allclose(actual.label_margin, margin, atol=1e-9)
    np.testing.assert_allclose(actual.score, expected, atol=1e-9)
    np.testing.assert_allclose(actual.quality, (1 + expected) / 2, atol=1e-9)


def test_aumc_is_the_papers_mean(crowd):
    """Logit of the majority label less the largest other logit, averaged over epochs."""
    labels, features = crowd
    seen = recorded(labels, features, method="majority_vote", soft=False)
    margin = naive_margins(labels, seen, lambda z, y: z[y] - np.delete(z, y).max())
    consensus = mc.aggregate(labels, "majority_vote").label
    agrees = labels.label == consensus[labels.example]
    actual = networks.aumc(labels, features, schedule=SHORT)

    np.testing.assert_allclose(actual.label_margin, margin, atol=1e-6)
    np.testing.assert_allclose(actual.score[labels.example[agrees]], margin[agrees], atol=1e-6)
    assert actual.score[59] == 0
    assert ((actual.quality >= 0) & (actual.quality <= 1)).all()


def test_per_annotator_trains_on_ones_own_labels_only(crowd):
    """The margins of an annotator do not change when everybody else's labels do."""
    labels, features = crowd
    own = labels.annotator == 0
    shifted = np.where(own, labels.label, (labels.label + 1) % 3)
    names = labels.examples, labels.annotators, labels.classes
    changed = mc.CrowdLabels(*names, labels.example, labels.annotator, shifted)
    before, after = (networks.waum_per_annotator(some, features, schedule=SHORT) for some in (labels, changed))

    np.testing.assert_array_equal(before.label_margin[own], after.label_margin[own])
    assert not np.allclose(before.label_margin[~own], after.label_margin[~own])
    assert {point.run for point in before.curves} == set(range(5))


def test_margins_in_place_k():
    """The margin of top_k is against the next place; of two classes there is only one."""
    logits = np.log(np.array([[0.5, 0.3, 0.2]]))

    np.testing.assert_allclose(margins.lead_of_chances(1, 3)(logits), [[0.2, 0.0, -0.1]])
    np.testing.assert_allclose(margins.lead_of_chances(2, 3)(logits), [[0.3, 0.1, 0.0]])
    np.testing.assert_allclose(np.exp(margins.lead_of_logits(logits)), [[5 / 3, 3 / 5, 2 / 5]])
    with pytest.raises(ValueError, match="top_k=2 must be a whole number from 1 to 1"):
        margins.lead_of_chances(2, 2)


def test_waum_finds_planted_ambiguity():
    """Where every example has one label, entropy is blind; WAUM still finds the examples that lie between the classes."""
    rng = np.random.default_rng(1)
    truth = rng.integers(0, 3, 400)
    between = rng.random(400) < 0.15
    centre = np.eye(3)[truth] * 4
    centre[between] = (np.eye(3)[truth] * 2 + np.eye(3)[(truth + 1) % 3] * 2)[between]
    features = centre + rng.normal(size=(400, 3)) * 0.7
    given = np.where(between & (rng.random(400) < 0.5), (truth + 1) % 3, truth)
    labels = mc.CrowdLabels(
        pd.Index(range(400)), pd.Index(range(8)), pd.Index(range(3)), np.arange(400), rng.integers(0, 8, 400), given
    )  # fmt: skip
    found = networks.waum(labels, features, schedule=networks.Schedule(n_epochs=15, patience=0))
    entropy = mc.example_quality(labels, mc.aggregate(labels, "naive_soft"), "entropy")

    assert average_precision_score(between, -found.quality) > 0.8
    assert average_precision_score(between, -entropy) == pytest.approx(between.mean())
    assert set(found.most_ambiguous(labels, 0.1)) <= set(np.flatnonzero(found.score <= np.quantile(found.score, 0.1)))
    assert len(found.most_ambiguous(labels, 0.1)) == 40
    assert found.most_ambiguous(labels, 0) == []


def test_wrong_use(crowd):
    """What cannot be weighed or compared is refused with the mend."""
    labels, features = crowd
    with pytest.raises(ValueError, match="this result has none; give a Dawid-Skene result"):
        networks.waum(labels, features, result=mc.aggregate(labels, "majority_vote"))
    with pytest.raises(ValueError, match="patience=0"):
        networks.aumc(labels, features, schedule=networks.Schedule(n_epochs=2))
    with pytest.raises(ValueError, match=r"alpha=1\.5 must lie between 0 and 1"):
        networks.aumc(labels, features, schedule=SHORT).most_ambiguous(labels, 1.5)


def test_same_seed_same_scores_and_cancel(crowd):
    """A seed decides all; a callback can stop the training."""
    labels, features = crowd

    def stop(epoch):
        raise mc.Cancelled

    first, again, other = (networks.waum(labels, features, schedule=SHORT, seed=seed).score for seed in (1, 1, 2))

    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)
    with pytest.raises(mc.Cancelled):
        networks.waum_per_annotator(labels, features, schedule=SHORT, on_epoch=stop)
