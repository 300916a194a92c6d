"""The order of reviewing, and the audit in it."""

import numpy as np
import pandas as pd
import pytest

import multiannotator_core as mc
from multiannotator_core.quality.review import expected_change, review_queue, runs_agreement, with_audit
from tests import naive_review
from tests.crowds import crowd
from tests.naive_quality import random_crowd


@pytest.fixture(scope="module")
def made():
    frame, truth = crowd(n_examples=300, labels_per_example=3)
    labels = mc.CrowdLabels.from_long(frame)
    return labels, mc.aggregate(labels), truth.reindex(labels.examples)


def test_worst_first_with_filters(made):
    """Qualities rise along the queue, filters keep what they say, and best_first turns the order round."""
    labels, result, _ = made
    whole = review_queue(labels, result, result.quality)
    of_class = review_queue(labels, result, result.quality, consensus_class=1)
    of_one = review_queue(labels, result, result.quality, annotator=2, against_consensus=True)
    rows = [row for row in range(len(labels)) if labels.annotator[row] == 2]
    differs = {labels.example[row] for row in rows if labels.label[row] != result.label[labels.example[row]]}
    best = review_queue(labels, result, result.quality, best_first=True)

    assert sorted(whole) == list(range(300))
    assert (np.diff(result.log_odds[whole]) >= 0).all()
    assert set(of_class) == set(np.flatnonzero(result.label == 1))
    assert set(of_one) == differs
    np.testing.assert_array_equal(result.log_odds[best], result.log_odds[whole][::-1])


def test_every_fifth_decision_is_drawn_at_random():
    """The audit takes each fifth turn, goes on where it was after decisions, and repeats no example."""
    queue, undecided = np.arange(100), np.arange(100)
    codes, audited = with_audit(queue, undecided, n_decided=0, seed=1)
    later, of_audit = with_audit(queue, undecided, n_decided=4, seed=1)
    none, off = with_audit(queue, undecided, n_decided=0, seed=1, every=0)

    assert np.flatnonzero(audited[:20]).tolist() == [4, 9, 14, 19]
    assert len(set(codes.tolist())) == len(codes)
    assert of_audit[0]
    assert later[0] == codes[4]
    np.testing.assert_array_equal(none, queue)
    assert not off.any()


def test_the_audit_draws_fairly():
    """Over many seeds each undecided example is drawn first about equally often, decided ones never."""
    undecided = np.arange(1, 20, 2)
    first = [with_audit(undecided, undecided, n_decided=4, seed=seed)[0][0] for seed in range(2000)]
    counts = np.bincount(first, minlength=20)

    assert counts[::2].sum() == 0
    assert counts[1::2].min() > 140
    assert counts[1::2].max() < 260


def test_only_where_the_model_differs(made):
    """The filter keeps exactly the examples where the model finds another class most probable."""
    labels, result, _ = made
    model = np.where(np.arange(300) % 7 == 0, (result.label + 1) % len(labels.classes), result.label)
    found = review_queue(labels, result, result.quality, model_label=model)

    assert set(found) == set(range(0, 300, 7))


@pytest.mark.parametrize("seed", range(6))
def test_expected_change_is_what_the_naive_loop_says(seed):
    """Two sparse products give what one example, class and label at a time gives; repeats count too."""
    labels = random_crowd(seed, repeats=True)
    result = mc.aggregate(labels, "dawid_skene", max_iter=5)
    expected = naive_review.expected_change(labels, result)

    np.testing.assert_allclose(expected, expected_change(labels, result), atol=1e-10)


def test_expected_change_ranks_as_true_changes_do():
    """What a decision truly moves when the method runs again (all posteriors, mean over classes) rises with what was expected."""
    frame, _ = crowd(n_examples=60, labels_per_example=4, seed=3)
    labels = mc.CrowdLabels.from_long(frame)
    before = mc.aggregate(labels)
    moved = []
    for i, name in enumerate(labels.examples):
        after = [
            before.posterior[i, k] * np.abs(mc.aggregate(labels, gold={name: label}).posterior - before.posterior).sum() / 2
            for k, label in enumerate(labels.classes)
            if before.posterior[i, k] > 0.01
        ]
        moved.append(sum(after))
    expected = expected_change(labels, before)

    assert pd.Series(expected).corr(pd.Series(moved), method="spearman") > 0.9


def test_a_decided_example_changes_nothing_more(made):
    """Gold is certain: deciding it again is worth nothing, and everything else is worth something."""
    labels, _, truth = made
    name = labels.examples[5]
    change = expected_change(labels, mc.aggregate(labels, gold={name: truth[name]}))

    assert change[5] == 0
    assert (np.delete(change, 5) > 0).all()


def test_runs_agreement_counts_pairs(made):
    """Agreement is the share of pairs of runs with the same class; one run alone is refused."""
    labels, result, _ = made
    votes, glad = (mc.aggregate(labels, method) for method in ("majority_vote", "one_coin"))
    expected = [np.mean([a.label[i] == b.label[i] for a, b in ((result, votes), (result, glad), (votes, glad))]) for i in range(300)]

    np.testing.assert_allclose(expected, runs_agreement([result, votes, glad]))
    with pytest.raises(ValueError, match="run another one"):
        runs_agreement([result])
