"""The order of reviewing, the audit in it, and what it shows."""

import numpy as np
import pandas as pd
import pytest

import multiannotator_core as mc
from multiannotator_core.quality.review import LEAST_AUDITS, progress, review_queue, with_audit
from tests.crowds import crowd


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


def test_progress_counts_and_estimates(made):
    """Changed labels are counted; errors left are estimated only from enough audits, and the interval holds the truth."""
    labels, result, truth = made
    right = result.label == labels.classes.get_indexer(truth)
    rng = np.random.default_rng(0)
    covered = 0
    for _ in range(200):
        chosen = rng.choice(300, 60, replace=False)
        decisions = pd.DataFrame({"label": truth.to_numpy()[chosen], "audit": 1 / 300}, index=labels.examples[chosen])
        found = progress(labels, result, decisions)
        wrong_left = (~right).sum() - (~right[chosen]).sum()
        covered += found.low <= wrong_left <= found.high
        assert found.changed == found.audited_wrong == (~right[chosen]).sum()
    few = progress(labels, result, decisions.iloc[: LEAST_AUDITS - 1])
    unaudited = progress(labels, result, decisions.assign(audit=None))

    assert covered >= 180
    assert few.wrong_left is None
    assert (unaudited.audited, unaudited.wrong_left) == (0, None)
    assert progress(labels, result, decisions.assign(label=None)).decided == 0
