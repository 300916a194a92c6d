"""Agreement of the crowd: published values, slow twins, and crowds at the edge."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from multiannotator_core import CrowdLabels
from multiannotator_core.quality.agreement import (
    LEVELS,
    WEIGHTS,
    cohen_kappa,
    fleiss_kappa,
    gwet_ac1,
    gwet_ac2,
    krippendorff_alpha,
    pairwise_agreement,
    scott_pi,
    wilson_interval,
)
from multiannotator_core.quality.alpha import alpha_interval, drop_one_alpha
from tests import naive_quality as naive

DATA = Path(os.environ.get("CROWDLENS_DATA", "../shared/data"))
real = pytest.mark.skipif(not DATA.is_dir(), reason="real crowd data not found: set CROWDLENS_DATA")

# Four observers, twelve units: the worked example of Krippendorff (2011); 0 = not labelled.
OBSERVERS = [
    [1, 2, 3, 3, 2, 1, 4, 1, 2, 0, 0, 0],
    [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, 0, 3],
    [0, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, 0],
    [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, 0],
]


def textbook() -> CrowdLabels:
    """Krippendorff's example as labels."""
    return CrowdLabels.from_wide(np.array(OBSERVERS).T, missing=0)


def read(name: str) -> CrowdLabels:
    """A real crowd."""
    return CrowdLabels.from_long(pd.read_csv(DATA / name / "answers.csv"))


@pytest.mark.parametrize(("level", "published"), [("nominal", 0.743), ("ordinal", 0.815), ("interval", 0.849)])
def test_alpha_of_krippendorffs_example(level, published):
    """Alpha reproduces the values that Krippendorff (2011) prints for his example with missing labels."""
    assert pytest.approx(published, abs=5e-4) == krippendorff_alpha(textbook(), level)


def test_gwet_and_fleiss_of_the_same_example():
    """AC1 and the generalised Fleiss' kappa reproduce the published .775 and .761 of this table."""
    assert pytest.approx(0.775, abs=5e-4) == gwet_ac1(textbook())
    assert pytest.approx(0.761, abs=5e-4) == fleiss_kappa(textbook())


@real
def test_gwet_ac1_of_the_published_ratings():
    """AC1 of the four raters' table is the published .775."""
    assert pytest.approx(0.775, abs=5e-4) == gwet_ac1(read("agree_cac_raw4raters"))


@real
def test_fleiss_kappa_of_the_diagnoses_of_1971():
    """Fleiss' own example, six psychiatrists and thirty patients, gives his .430."""
    assert pytest.approx(0.430, abs=5e-4) == fleiss_kappa(read("agree_diagnoses"))


def test_cohens_kappa_and_scotts_pi_by_hand():
    """50 examples, both yes 20, both no 15, a yes b no 5, a no b yes 10: kappa (.7 - .5) / .5, pi (.7 - .505) / .495."""
    a, b = [1] * 20 + [0] * 15 + [1] * 5 + [0] * 10, [1] * 20 + [0] * 15 + [0] * 5 + [1] * 10
    labels = CrowdLabels.from_wide(pd.DataFrame({"a": a, "b": b}))

    assert pytest.approx(0.4, abs=1e-12) == cohen_kappa(labels, "a", "b")
    assert pytest.approx((0.7 - 0.505) / 0.495, abs=1e-12) == scott_pi(labels, "a", "b")
    assert pytest.approx(fleiss_kappa(labels), abs=1e-12) == scott_pi(labels, "a", "b")


@pytest.mark.parametrize("repeats", [False, True], ids=["once", "repeated"])
def test_coefficients_equal_their_double_loops(repeats):
    """Counts give the same coefficients as loops over all pairs of labels, missing and repeated labels included."""
    for seed in range(60):
        labels = naive.random_crowd(seed, repeats)
        if not len(labels):
            continue
        weight = np.eye(len(labels.classes))
        weight[0, 1] = weight[1, 0] = 0.5

        for level in LEVELS:
            assert pytest.approx(naive.krippendorff_alpha(labels, level), abs=1e-9) == krippendorff_alpha(labels, level), (seed, level)
        assert pytest.approx(naive.fleiss_kappa(labels), abs=1e-9) == fleiss_kappa(labels), seed
        assert pytest.approx(naive.gwet_ac2(labels, np.eye(len(weight))), abs=1e-9) == gwet_ac1(labels), seed
        assert pytest.approx(naive.gwet_ac2(labels, weight), abs=1e-9) == gwet_ac2(labels, weight), seed


@pytest.mark.parametrize("repeats", [False, True], ids=["once", "repeated"])
def test_pairs_equal_their_double_loop(repeats):
    """Sparse products give each pair's overlap, agreement and kappa; pairs without overlap have no row."""
    for seed in range(30):
        labels = naive.random_crowd(seed, repeats)
        expected = naive.pair_statistics(labels)
        pairs = pairwise_agreement(labels)

        assert [(labels.annotators[a], labels.annotators[b]) for a, b in expected] == list(
            zip(pairs["annotator_a"], pairs["annotator_b"], strict=True)
        )
        numbers = pairs[["n_shared", "agreement", "kappa"]].to_numpy(np.float64)
        assert np.allclose(numbers, np.array([row[:3] for row in expected.values()]).reshape(-1, 3), atol=1e-9)
        for (a, b), (_, _, kappa, pi) in expected.items():
            assert pytest.approx(kappa, abs=1e-9) == cohen_kappa(labels, labels.annotators[a], labels.annotators[b])
            assert pytest.approx(pi, abs=1e-9) == scott_pi(labels, labels.annotators[b], labels.annotators[a])


def test_interval_of_kappa_holds_the_kappa_and_shrinks():
    """The interval contains kappa, is never empty even at full agreement, and is narrower with more shared examples."""
    rng = np.random.default_rng(0)
    few, many = (CrowdLabels.from_wide(np.column_stack([x := rng.integers(0, 3, n), np.where(np.arange(n) % 4, x, 0)])) for n in (20, 500))
    one, other = pairwise_agreement(few).iloc[0], pairwise_agreement(many).iloc[0]

    assert one["kappa_low"] < one["kappa"] < one["kappa_high"]
    assert other["kappa_high"] - other["kappa_low"] < (one["kappa_high"] - one["kappa_low"]) / 2
    low, high = wilson_interval(np.array([0.0, 0.5, 1.0]), np.array([10.0, 10.0, 10.0]))
    assert pytest.approx([0.0, 0.2366, 0.7225], abs=1e-4) == low.tolist()
    assert pytest.approx([0.2775, 0.7634, 1.0], abs=1e-4) == high.tolist()


def coefficients(labels: CrowdLabels) -> list[float]:
    """All coefficients of the whole crowd."""
    alphas = [krippendorff_alpha(labels, level) for level in LEVELS]
    return [*alphas, fleiss_kappa(labels), gwet_ac1(labels), *(gwet_ac2(labels, weights) for weights in WEIGHTS)]


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        ([[1, 1], [1, 1]], 1.0),
        ([[1], [2]], 0.0),
        ([[1, None], [None, 2]], 0.0),
        ([[1, 1, None], [1, 1, None], [None, None, 2]], None),
    ],
    ids=["one class", "one annotator", "no overlap", "one class among the comparable"],
)
def test_crowds_at_the_edge_have_finite_coefficients(cells, expected):
    """One class is agreement 1, no overlap is 0, and nothing is ever NaN."""
    values = coefficients(CrowdLabels.from_wide(pd.DataFrame(cells, dtype=object)))

    assert np.isfinite(values).all()
    assert expected is None or [expected] * len(values) == values


def test_empty_crowd_has_no_pairs():
    """Without labels there are no pairs, and the coefficients say 0."""
    names = pd.Index(["a", "b"])
    labels = CrowdLabels(names, names, names, *(np.empty(0, dtype=np.int32),) * 3)

    assert len(pairwise_agreement(labels)) == 0
    assert coefficients(labels) == [0.0] * 9


def test_pairs_with_one_class_agree_fully():
    """Two annotators who only ever say one class have kappa 1, not a division by zero."""
    labels = CrowdLabels.from_wide(np.ones((5, 2), dtype=int))
    row = pairwise_agreement(labels).iloc[0]

    assert [row["n_shared"], row["agreement"], row["kappa"]] == [5, 1.0, 1.0]


def test_repeating_a_label_does_not_raise_agreement():
    """Nobody is compared with themselves: sending each label twice leaves every coefficient as it is."""
    frame = textbook().to_long()
    twice = CrowdLabels.from_long(pd.concat([frame, frame]))

    assert twice.repeated == len(frame)
    assert pytest.approx(coefficients(textbook()), abs=1e-12) == coefficients(twice)


def test_interval_uses_the_numbers_in_class_names():
    """Interval alpha knows that 1, 2 and 10 are not evenly spaced; without numbers the places count."""
    cells = np.array([[1, 2], [2, 2], [10, 10], [10, 2], [1, 1]])
    words = np.array(["a", "b", "c"])[np.searchsorted([1, 2, 10], cells)]
    places = np.searchsorted([1, 2, 10], cells)
    as_numbers, as_words, as_places = (krippendorff_alpha(CrowdLabels.from_wide(c), "interval") for c in (cells, words, places))

    assert as_words == as_places
    assert abs(as_numbers - as_words) > 0.01


def test_classes_that_are_no_plain_numbers_have_places():
    """Names such as pairs, or numbers written twice ("1", "01"), fall back to the order of the classes."""
    for classes in ([("a", 1), ("a", 2), ("b", 1)], ["1", "01", "2"]):
        index = pd.Index(classes, tupleize_cols=False)
        codes = [np.array(values, dtype=np.int32) for values in ([0, 0, 1, 1, 2, 2], [0, 1, 0, 1, 0, 1], [0, 1, 1, 1, 2, 2])]
        labels = CrowdLabels(pd.RangeIndex(3), pd.RangeIndex(2), index, *codes)
        places = CrowdLabels(pd.RangeIndex(3), pd.RangeIndex(2), pd.RangeIndex(3), *codes)

        assert krippendorff_alpha(places, "interval") == krippendorff_alpha(labels, "interval")
        assert gwet_ac2(places, "linear") == gwet_ac2(labels, "linear")


@pytest.mark.parametrize("repeats", [False, True], ids=["once", "repeated"])
@pytest.mark.parametrize("level", ["nominal", "interval"])
def test_drop_one_alpha_is_alpha_without_the_annotator(level, repeats):
    """The linear-time formula equals leaving each annotator out and computing alpha again."""
    for seed in range(60):
        labels = naive.random_crowd(seed, repeats)
        if not len(labels):
            continue
        expected = [krippendorff_alpha(labels.select(annotators=labels.annotators.drop(name)), level) for name in labels.annotators]

        assert np.allclose(expected, drop_one_alpha(labels, level), atol=1e-9), seed


def test_who_disagrees_with_all_lowers_alpha():
    """Without the one who labels at random alpha is highest; the names of the result are the annotators."""
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 3, (100, 1))
    cells = np.where(rng.random((100, 5)) < [0.9, 0.9, 0.9, 0.9, 0.0], truth, rng.integers(0, 3, (100, 5)))
    labels = CrowdLabels.from_wide(pd.DataFrame(cells, columns=list("abcde")))
    without = drop_one_alpha(labels)

    assert without.idxmax() == "e"
    assert (without.drop("e") < krippendorff_alpha(labels)).all()
    assert krippendorff_alpha(labels) < without["e"]


@pytest.mark.parametrize("level", LEVELS)
def test_interval_of_alpha_covers_the_alpha_of_many_examples(level):
    """Over 200 samples of 80 examples, about 95 % of the intervals hold the alpha of a very large sample."""

    def sample(rng: np.random.Generator, n: int) -> CrowdLabels:
        truth = rng.integers(0, 4, (n, 1))
        cells = np.where(rng.random((n, 5)) < 0.7, truth, rng.integers(0, 4, (n, 5))).astype(float)
        cells[rng.random((n, 5)) < 0.3] = np.nan
        return CrowdLabels.from_wide(cells[~np.isnan(cells).all(axis=1)], classes=range(4))

    whole = krippendorff_alpha(sample(np.random.default_rng(0), 40_000), level)
    ends = [alpha_interval(sample(np.random.default_rng(seed), 80), level) for seed in range(1, 201)]

    assert 0.90 <= np.mean([low <= whole <= high for low, high in ends]) <= 0.98


def test_interval_of_alpha_at_the_edge():
    """Full agreement has a point, no overlap the whole range, and wider confidence a wider interval."""
    assert alpha_interval(CrowdLabels.from_wide(np.ones((4, 2), dtype=int))) == (1.0, 1.0)
    assert alpha_interval(CrowdLabels.from_wide(np.array([[1], [2]]))) == (-1.0, 1.0)
    (low, high), (lower, higher) = alpha_interval(textbook()), alpha_interval(textbook(), confidence=0.99)

    assert lower < low < krippendorff_alpha(textbook()) < high <= higher <= 1.0


def test_unknown_options_name_the_choices():
    """A wrong level, weight or annotator gets a sentence that lists what there is."""
    labels = textbook()

    with pytest.raises(ValueError, match="nominal, ordinal, interval"):
        krippendorff_alpha(labels, "ratio")
    with pytest.raises(ValueError, match="identity, linear"):
        gwet_ac2(labels, "cubic")
    with pytest.raises(ValueError, match="symmetric"):
        gwet_ac2(labels, np.ones((5, 5)) * 2)
    with pytest.raises(ValueError, match="no annotator 'zoe'"):
        cohen_kappa(labels, "zoe", 1)
