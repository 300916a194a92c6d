"""The labels behind the numbers of an annotator, and the order in which groups of annotators show."""

import numpy as np
import pandas as pd
import pytest

import multiannotator_core as mc
from multiannotator_core.quality.annotators import annotator_metrics, disagreements
from multiannotator_core.quality.confusion_prior import MOST_FITTED, fit_crowd_prior
from multiannotator_core.quality.crowd_agreement import crowd_agreement, grouped_order
from multiannotator_core.quality.evidence import EVIDENCE, evidence
from multiannotator_core.quality.exclusions import reasons, sentence
from multiannotator_core.samples import load_sample


@pytest.fixture(scope="module")
def digits():
    sample = load_sample("digits")
    return sample, mc.aggregate(sample.labels)


def test_every_number_is_a_count_of_labels(digits):
    """The rows of each kind are as many as the number on the report card says."""
    sample, result = digits
    table = annotator_metrics(sample.labels, result, sample.pred_probs, sample.gold)
    for name in ("A-005", "A-022"):
        found, row = evidence(sample.labels, result, name, sample.pred_probs, sample.gold), table.loc[name]

        assert len(found) == row["n_labels"]
        assert found[EVIDENCE["all"]].all()
        assert 1 - found[EVIDENCE["consensus"]].mean() == pytest.approx(row["agreement_with_consensus"])
        assert 1 - found[EVIDENCE["model"]].mean() == pytest.approx(row["agreement_with_model"])
        assert 1 - found[EVIDENCE["gold"]].sum() / row["n_gold"] == pytest.approx(row["accuracy_on_gold"])
        assert found[EVIDENCE["fast"]].mean() == pytest.approx(row["fast_share"])
        assert found["quality"].is_monotonic_increasing
        assert sorted(found["example"][found[EVIDENCE["consensus"]]]) == sorted(disagreements(sample.labels, result, name)["example"])


def test_evidence_that_cannot_be_is_not_offered():
    """Without a model, gold and times there are no such columns; without labels there are no rows."""
    frame = pd.DataFrame({"example": ["a", "b"], "annotator": ["x", "x"], "label": [1, 2]})
    labels = mc.CrowdLabels.from_long(frame)
    labels = mc.CrowdLabels(labels.examples, pd.Index(["x", "y"]), labels.classes, labels.example, labels.annotator, labels.label)
    found = evidence(labels, mc.aggregate(labels), "y")

    assert len(found) == 0
    assert [kind for kind, title in EVIDENCE.items() if title in found] == ["consensus", "all"]
    with pytest.raises(ValueError, match="no annotator 'z'"):
        evidence(labels, mc.aggregate(labels), "z")


def test_very_fast_is_measured_against_the_crowd():
    """A label in less than a quarter of the crowd's median time is very fast; unknown times are not."""
    frame = pd.DataFrame(
        {"example": list("abcdefgh"), "annotator": ["x"] * 4 + ["y"] * 4, "label": 1, "seconds": [8, 8, 8, 8, 1, 1.9, 2.1, np.nan]}
    )
    labels = mc.CrowdLabels.from_long(frame, seconds="seconds")
    share = annotator_metrics(labels, mc.aggregate(labels))["fast_share"]

    assert share.tolist() == [0.0, pytest.approx(2 / 3)]


def test_groups_stand_side_by_side():
    """Two groups that agree inside but not with each other are not mixed, and the one that agrees least comes first."""
    rng = np.random.default_rng(3)
    truth = rng.integers(0, 3, 200)
    wide = {}
    for j in range(12):
        follows = rng.random(200) < (0.95 if j % 2 else 0.8)
        wide[f"{'good' if j % 2 else 'poor'} {j}"] = np.where(follows, truth if j % 2 else (truth + 1) % 3, rng.integers(0, 3, 200))
    order = crowd_agreement(mc.CrowdLabels.from_wide(pd.DataFrame(wide))).order

    assert [name.split()[0] for name in order] == ["poor"] * 6 + ["good"] * 6


@pytest.mark.parametrize("n", [0, 1, 2, 3])
def test_few_annotators_have_an_order(n):
    """None, one, two or three annotators are ordered without an error; those whom nobody can be compared with are left out."""
    wide = pd.DataFrame({f"a{j}": np.arange(8) % 2 for j in range(n)} | {"lonely": [None] * 8}).iloc[:, : max(n, 1) + 1]
    pairs = mc.pairwise_agreement(mc.CrowdLabels.from_wide(wide)) if n else mc.pairwise_agreement(_lonely())

    assert sorted(grouped_order(pairs)) == ([f"a{j}" for j in range(n)] if n > 1 else [])


def _lonely():
    return mc.CrowdLabels.from_long(pd.DataFrame({"example": ["a"], "annotator": ["x"], "label": [1]}))


def test_the_prior_of_very_many_is_that_of_a_part():
    """Above the limit the prior is fitted to annotators spread over all amounts of work, in any order, and hardly differs."""
    rng = np.random.default_rng(0)
    rows = rng.dirichlet([6, 1, 1], size=(MOST_FITTED + 500, 3))
    rows = np.stack([np.roll(rows[:, t], t, axis=1) for t in range(3)], axis=1)
    counts = np.stack([rng.multinomial(n, row) for n, row in zip(rng.integers(5, 30, len(rows)), rows, strict=True)]).astype(float)
    part = fit_crowd_prior(counts)
    all_of_them = fit_crowd_prior(counts[:MOST_FITTED])
    order = rng.permutation(len(counts))
    other = fit_crowd_prior(counts[order])

    np.testing.assert_allclose(part.crowd, all_of_them.crowd, rtol=0.1)
    np.testing.assert_allclose(other.crowd, part.crowd, rtol=0.02)
    np.testing.assert_allclose(other.spammer, part.spammer[order], atol=0.02)


def test_exclusions_in_words():
    """Who is excluded is named with the reason, at most so many."""
    out = pd.DataFrame({"kind": ["annotator", "example"], "name": ["x", "d-1"], "reason": ["spam", ""]})

    assert sentence(out) == "annotator x (spam), example d-1"
    assert sentence(out, most=1) == "annotator x (spam) and 1 more"
    assert sentence(out.iloc[:0]) == "nothing"
    assert reasons(pd.Index(["d-1", "x"]), out, "example") == ["no reason given", ""]
