"""What reviewing has shown, and what the audit says of the rest."""

import numpy as np
import pandas as pd
import pytest

import multiannotator_core as mc
from multiannotator_core.quality.agreement import wilson_interval
from multiannotator_core.quality.review import with_audit
from multiannotator_core.quality.review_progress import LEAST_AUDITS, RECENT, progress, reviewer_agreement, wrong_left
from tests import naive_review
from tests.crowds import crowd


@pytest.fixture(scope="module")
def made():
    frame, truth = crowd(n_examples=600, labels_per_example=3)
    labels = mc.CrowdLabels.from_long(frame)
    return labels, mc.aggregate(labels), truth.reindex(labels.examples)


def review(labels, truth, queue, n_decisions, seed):
    """A review as the desk does it: the worst first, each fifth drawn at random from what is left."""
    n = len(labels.examples)
    codes, drawn = with_audit(queue, np.sort(queue), n_decided=0, seed=seed, most=n_decisions)
    chance = np.where(drawn, 1 / (len(queue) - np.arange(n_decisions)), np.nan)
    undecided = np.ones(n, dtype=bool)
    undecided[codes] = False
    return pd.DataFrame({"label": truth.to_numpy()[codes], "audit": chance}, index=labels.examples[codes]), undecided


@pytest.mark.parametrize("n_decisions", [160, 400])
def test_the_interval_of_wrong_labels_left_covers(made, n_decisions):
    """In 200 reviews of the worst first the interval holds the true number of wrong labels left 92 times in 100 or more."""
    labels, result, truth = made
    queue = np.argsort(result.quality, kind="stable")
    right = result.label == labels.classes.get_indexer(truth)
    covered, bias = 0, []
    for seed in range(200):
        decisions, undecided = review(labels, truth, queue, n_decisions, seed)
        found = progress(labels, result, decisions)
        actual = (~right & undecided).sum()
        covered += found.low <= actual <= found.high
        bias.append(found.wrong_left - actual)

    assert covered >= 184
    assert abs(np.mean(bias)) < 0.1 * (~right).sum()


def test_progress_counts(made):
    """Decided, changed, audited and the last decisions are counted; errors left are told only from enough audits."""
    labels, result, truth = made
    right = result.label == labels.classes.get_indexer(truth)
    decisions, undecided = review(labels, truth, np.argsort(result.quality, kind="stable"), 200, seed=1)
    wrong = ~right[labels.examples.get_indexer(decisions.index)]
    drawn = decisions["audit"].notna().to_numpy()
    found = progress(labels, result, decisions)
    few = progress(labels, result, decisions.iloc[: 5 * LEAST_AUDITS - 1])

    assert (found.decided, found.changed, found.left) == (200, wrong.sum(), undecided.sum())
    assert (found.audited, found.audited_wrong) == (drawn.sum(), (wrong & drawn).sum())
    assert (found.recent, found.recent_changed) == (RECENT, wrong[-RECENT:].sum())
    assert found.accuracy == pytest.approx(1 - found.wrong_left / 600)
    assert (few.audited, few.wrong_left) == (LEAST_AUDITS - 1, None)
    assert progress(labels, result, decisions.assign(audit=np.nan)).wrong_left is None
    assert progress(labels, result, decisions.assign(label=None)).decided == 0


def test_examples_without_labels_cannot_be_wrong(made):
    """What is excluded has no label that could be wrong: it is not among those that are left."""
    labels, result, truth = made
    keep = labels.example >= 100
    codes = labels.example[keep], labels.annotator[keep], labels.label[keep]
    fewer = mc.CrowdLabels(labels.examples, labels.annotators, labels.classes, *codes)
    decisions, _ = review(labels, truth, np.arange(100, 600), 200, seed=1)

    assert progress(fewer, result, decisions).left == 500 - 200


@pytest.mark.parametrize("seed", range(4))
def test_wrong_left_is_what_trying_every_number_says(seed):
    """The blockwise search gives what one number and one coin at a time gives."""
    rng = np.random.default_rng(seed)
    wrong, audited = rng.random(80) < 0.2, rng.random(80) < 0.4
    chance = np.where(audited, 1 / (200 - np.arange(80)), np.nan)

    assert naive_review.wrong_left(wrong.tolist(), chance.tolist(), 120) == wrong_left(wrong, chance, 120)


def test_without_a_queue_it_is_wilsons_interval():
    """Where each decision was drawn at random from many, the interval is Wilson's, times what is left."""
    wrong = np.arange(100) % 20 == 0
    estimate, low, high = wrong_left(wrong, np.full(100, 1e-6), 10**6)
    expected = [float(end) * 10**6 for end in wilson_interval(np.asarray(0.05), np.asarray(100))]

    np.testing.assert_allclose([0.05 * 10**6, *expected], [estimate, low, high], atol=600)


def test_reviewers_agree_on_what_both_decided():
    """The last class of each reviewer counts, flags and what was taken back do not; pairs without a common example have no row."""
    rows = [
        ("a", "cat", "Ana", 1, None),
        ("a", "cat", "Bo", 2, None),
        ("b", "cat", "Ana", 1, None),
        ("b", "dog", "Ana", 2, None),
        ("b", "dog", "Bo", 3, None),
        ("c", "cat", "Ana", 1, None),
        ("c", "dog", "Bo", 2, None),
        ("d", "cat", "Ana", 1, None),
        ("d", "dog", "Bo", 2, None),
        ("d", "cat", "Cy", 3, 2),
        ("e", None, "Cy", 1, None),
    ]
    history = pd.DataFrame(rows, columns=["example", "label", "reviewer", "revision", "undoes"]).astype({"undoes": "Int64"})
    found = reviewer_agreement(history)

    assert found[["one", "other", "n", "agreed"]].to_numpy().tolist() == [["Ana", "Bo", 3, 2]]
    assert found["low"][0] < 2 / 3 < found["high"][0]
    assert reviewer_agreement(history.head(1)).empty
