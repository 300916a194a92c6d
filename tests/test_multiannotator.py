"""The drop-in functions: values computed with cleanlab 2.9.0 (numpy 2.4.6, pandas 2.3.3), shapes, and refusals.

The numbers below are cleanlab's results for the inputs below, printed with 12 digits. On many random inputs
`benchmarks/compare_cleanlab.py` compares both libraries side by side.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from multiannotator_core import multiannotator as drop_in

N = np.nan
TABLE = np.array(
    [
        [0, 0, N, 2],
        [1, N, 1, 1],
        [2, 2, 0, N],
        [N, 1, N, N],
        [0, 2, N, N],
        [N, 0, 0, 0],
        [2, N, N, 2],
        [1, 1, 2, 2],
        [0, N, N, N],
        [N, 2, 2, 1],
    ]
)
FRAME = pd.DataFrame(TABLE, columns=["ann", "bob", "cy", "dee"], index=list("abcdefghij"))
FIRST = np.array(
    [
        [0.7, 0.2, 0.1], [0.1, 0.8, 0.1], [0.2, 0.2, 0.6], [0.3, 0.4, 0.3], [0.5, 0.1, 0.4],
        [0.9, 0.05, 0.05], [0.1, 0.3, 0.6], [0.2, 0.45, 0.35], [0.3, 0.3, 0.4], [0.15, 0.35, 0.5],
    ]
)  # fmt: skip
SECOND = np.array(
    [
        [0.6, 0.3, 0.1], [0.2, 0.5, 0.3], [0.5, 0.2, 0.3], [0.2, 0.6, 0.2], [0.3, 0.1, 0.6],
        [0.8, 0.1, 0.1], [0.2, 0.2, 0.6], [0.1, 0.3, 0.6], [0.6, 0.2, 0.2], [0.05, 0.55, 0.4],
    ]
)  # fmt: skip
POOL = np.array([[0.4, 0.35, 0.25], [0.05, 0.9, 0.05], [0.3, 0.3, 0.4]])
POOL_SECOND = np.array([[0.3, 0.45, 0.25], [0.1, 0.8, 0.1], [0.2, 0.5, 0.3]])
BOTH, BOTH_POOLS = np.array([FIRST, SECOND]), np.array([POOL, POOL_SECOND])
SINGLE = np.full_like(TABLE, N)
SINGLE[np.arange(10), [0, 2, 1, 1, 0, 3, 0, 2, 0, 3]] = TABLE[np.arange(10), [0, 2, 1, 1, 0, 3, 0, 2, 0, 3]]

LABEL = [0, 1, 2, 1, 0, 0, 2, 1, 0, 2]
AGREEMENT = [2 / 3, 1, 2 / 3, 1, 0.5, 1, 1, 0.5, 1, 2 / 3]
WEIGHTS = {"model_weight": 1.581138830084, "annotator_weight": [3 / 11, 0.2, 3 / 11, 0.2]}
ENSEMBLE_WEIGHTS = {"model_weight": [0.527046276695] * 2, "annotator_weight": [1e-6] * 4}

# What cleanlab finds: options -> quality of each consensus label, and quality of each annotator, worst first.
FROZEN: dict[str, tuple[dict[str, Any], list[float], dict[str, float]]] = {
    "default": (
        {},
        [0.659463591804, 0.783979698531, 0.574797330615, 0.439300698417, 0.49668031825, 0.855228444679, 0.634524690199, 0.445322483652,
         0.366200721045, 0.519158998899],
        {"dee": 0.519132978729, "cy": 0.569476086307, "bob": 0.631328042858, "ann": 0.683963156495},
    ),
    "calibrated": (
        {"calibrate_probs": True},
        [0.43760201897, 0.512001438409, 0.417003833576, 0.387998656772, 0.389620082191, 0.523343974002, 0.458823201067, 0.382515690693,
         0.390845450861, 0.419032287733],
        {"dee": 0.439241328056, "cy": 0.477350683965, "bob": 0.531050702709, "ann": 0.582824383963},
    ),
    "margin": (
        {"label_quality_score_kwargs": {"method": "normalized_margin"}},
        [0.740924684732, 0.837984773898, 0.662782104513, 0.579475523813, 0.549557375767, 0.891421333509, 0.687401747715, 0.531289934609,
         0.50332835862, 0.590428035955],
        {"dee": 0.56634269228, "cy": 0.618309664759, "bob": 0.689140366824, "ann": 0.741398301185},
    ),
    "adjusted": (
        {"label_quality_score_kwargs": {"adjust_pred_probs": True}},
        [0.624240663908, 0.778258581742, 0.561355634497, 0.451989397908, 0.470151886272, 0.809549425828, 0.617892867277, 0.457689550669,
         0.346641397751, 0.508689028545],
        {"dee": 0.490576408219, "cy": 0.527945210811, "bob": 0.576701127324, "ann": 0.672550250503},
    ),
    "entropy": (
        {"label_quality_score_kwargs": {"method": "confidence_weighted_entropy"}},
        [0.655255409571, 0.739313281079, 0.605775687932, 0.526146221054, 0.578736404249, 0.797673828619, 0.647575767919, 0.538101544202,
         0.483737159269, 0.580964211991],
        {"dee": 0.56561169576, "cy": 0.607352354112, "bob": 0.667082950311, "ann": 0.71386378511},
    ),
}  # fmt: skip
FROZEN_ENSEMBLE = {
    False: (
        [0.649999691679, 0.650000284604, 0.450000260887, 0.500000237171, 0.499999881415, 0.849999715396, 0.600000284604, 0.474999857698,
         0.450000284605, 0.450000260887],
        {"ann": 0.5107151847, "dee": 0.520834104135, "bob": 0.539287149727, "cy": 0.555001176362},
    ),
    True: (
        [0.377755678474, 0.377628465355, 0.349545794594, 0.355010777783, 0.360879541929, 0.413351768772, 0.369790500826, 0.35474663843,
         0.348354254338, 0.357492337803],
        {"ann": 0.359462841947, "dee": 0.360726637043, "bob": 0.365400803722, "cy": 0.367801466303},
    ),
}  # fmt: skip
FROZEN_ACTIVE = {
    "one model": (
        [TABLE, FIRST, POOL],
        [0.427705210933, 0.495524126139, 0.40928748734, 0.381594255863, 0.383810996573, 0.50530884846, 0.445871993178, 0.378308270606,
         0.384341968024, 0.410898051692],
        [0.341382301857, 0.414739281664, 0.341054476585],
    ),
    "two models": (
        [TABLE, BOTH, BOTH_POOLS],
        [0.377755636331, 0.377628423333, 0.349545779213, 0.355010757218, 0.360879515796, 0.413351692861, 0.369790466239, 0.354746618115,
         0.348354240088, 0.357492314884],
        [0.342520413329, 0.413350734744, 0.34217871759],
    ),
    "one label each": (
        [SINGLE, FIRST, POOL],
        [0.577777777778, 0.644444444444, 0.511111111111, 0.377777777778, 0.444444444444, 0.711111111111, 0.511111111111, 0.344444444444,
         0.311111111111, 0.344444444444],
        [0.366666666667, 0.616666666667, 0.366666666667],
    ),
    "nothing labelled": ([None, None, POOL], [], [0.366666666667, 0.616666666667, 0.366666666667]),
    "nothing labelled, two models": ([None, None, BOTH_POOLS], [], [0.377777777778, 0.677777777778, 0.377777777778]),
}  # fmt: skip
CLOSE = {"rtol": 0, "atol": 1e-11}


@pytest.mark.parametrize("case", list(FROZEN))
def test_values_of_cleanlab(case: str) -> None:
    """Consensus, its quality, agreement, annotators and weights are those of cleanlab 2.9.0."""
    options, quality, annotators = FROZEN[case]

    found = drop_in.get_label_quality_multiannotator(FRAME, FIRST, return_weights=True, **options)

    assert list(found) == ["label_quality", "detailed_label_quality", "annotator_stats", "model_weight", "annotator_weight"]
    assert found["label_quality"]["consensus_label"].tolist() == LABEL
    assert found["annotator_stats"].index.tolist() == list(annotators)
    np.testing.assert_allclose(quality, found["label_quality"]["consensus_quality_score"], **CLOSE)
    np.testing.assert_allclose(AGREEMENT, found["label_quality"]["annotator_agreement"], **CLOSE)
    np.testing.assert_allclose(list(annotators.values()), found["annotator_stats"]["annotator_quality"], **CLOSE)
    for key, expected in WEIGHTS.items():
        np.testing.assert_allclose(expected, found[key], **CLOSE)


def test_frames_have_cleanlabs_form() -> None:
    """Columns, index, order and types are those that code written for cleanlab reads."""
    found = drop_in.get_label_quality_multiannotator(FRAME, FIRST, return_weights=True)
    quality, detailed, stats = found["label_quality"], found["detailed_label_quality"], found["annotator_stats"]

    assert list(quality.columns) == ["consensus_label", "consensus_quality_score", "annotator_agreement", "num_annotations"]
    assert quality.index.tolist() == list("abcdefghij")
    assert quality["consensus_label"].dtype == quality["num_annotations"].dtype == np.int64
    assert list(detailed.columns) == [f"quality_annotator_{name}" for name in FRAME.columns]
    np.testing.assert_allclose([0.659463591804, 0.659463591804, N, 0.162922185857], detailed.loc["a"], **CLOSE)
    assert list(stats.columns) == ["annotator_quality", "agreement_with_consensus", "worst_class", "num_examples_labeled"]
    assert stats["worst_class"].tolist() == [2, 0, 2, 0]
    assert stats["num_examples_labeled"].tolist() == [6, 5, 7, 7]
    np.testing.assert_allclose([0.5, 0.6, 6 / 7, 1], stats["agreement_with_consensus"], **CLOSE)
    assert isinstance(found["model_weight"], float)


@pytest.mark.parametrize("calibrate", [False, True])
def test_ensemble_values_of_cleanlab(calibrate: bool) -> None:
    """The same for two models, each with a weight of its own."""
    quality, annotators = FROZEN_ENSEMBLE[calibrate]

    found = drop_in.get_label_quality_multiannotator_ensemble(FRAME, BOTH, return_weights=True, calibrate_probs=calibrate)

    assert found["label_quality"]["consensus_label"].tolist() == [0, 1, 2, 1, 2, 0, 2, 2, 0, 2]
    assert found["annotator_stats"].index.tolist() == list(annotators)
    np.testing.assert_allclose(quality, found["label_quality"]["consensus_quality_score"], **CLOSE)
    np.testing.assert_allclose(list(annotators.values()), found["annotator_stats"]["annotator_quality"], **CLOSE)
    for key, expected in ENSEMBLE_WEIGHTS.items():
        np.testing.assert_allclose(expected, found[key], **CLOSE)


@pytest.mark.parametrize("case", list(FROZEN_ACTIVE))
def test_active_learning_values_of_cleanlab(case: str) -> None:
    """ActiveLab's scores of labelled and unlabelled examples are those of cleanlab 2.9.0."""
    arguments, labelled, unlabelled = FROZEN_ACTIVE[case]
    several = np.ndim(arguments[2]) == 3
    function = drop_in.get_active_learning_scores_ensemble if several else drop_in.get_active_learning_scores

    found = function(*arguments)

    np.testing.assert_allclose(labelled, found[0], **CLOSE)
    np.testing.assert_allclose(unlabelled, found[1], **CLOSE)


def test_agreement_repeats_cleanlabs_shares() -> None:
    """quality_method='agreement' with gaps in the table counts as cleanlab 2.9.0 does; an array of integers is counted right."""
    whole = np.array([[2, 2, 2], [1, 1, 0], [0, 0, 2]])

    packed = drop_in.get_label_quality_multiannotator(FRAME, FIRST, quality_method="agreement")
    right = drop_in.get_label_quality_multiannotator(whole, FIRST[:3], quality_method="agreement")

    assert packed["label_quality"]["consensus_label"].tolist() == [0, 0, 1, 0, 0, 0, 0, 1, 0, 1]
    assert packed["annotator_stats"].index.tolist() == ["cy", "dee", "bob", "ann"]
    assert right["label_quality"]["consensus_label"].tolist() == [2, 1, 0]


def test_options_choose_the_keys() -> None:
    """Each return_ option adds its keys and nothing else."""
    plain = drop_in.get_label_quality_multiannotator(FRAME, FIRST, return_detailed_quality=False, return_annotator_stats=False)
    detailed = drop_in.get_label_quality_multiannotator(FRAME, FIRST, return_annotator_stats=False)

    assert list(plain) == ["label_quality"]
    assert list(detailed) == ["label_quality", "detailed_label_quality"]


def test_a_list_of_consensus_methods_adds_columns() -> None:
    """The first method fills the main columns, the second its own."""
    found = drop_in.get_label_quality_multiannotator(FRAME, FIRST, consensus_method=["majority_vote", "best_quality"])["label_quality"]
    best = drop_in.get_label_quality_multiannotator(FRAME, FIRST)["label_quality"]

    assert list(found.columns)[4:] == [
        f"{name}_best_quality" for name in ("consensus_label", "consensus_quality_score", "annotator_agreement")
    ]
    np.testing.assert_array_equal(best["consensus_quality_score"], found["consensus_quality_score_best_quality"])


@pytest.mark.parametrize("kind", ["array", "Int64", "object with NA"])
def test_kinds_of_tables_are_read_alike(kind: str) -> None:
    """Arrays and frames of nullable integers or objects with pd.NA give what the float frame gives."""
    labels: Any = {"array": TABLE, "Int64": FRAME.astype("Int64"), "object with NA": FRAME.astype("Int64").astype(object)}[kind]
    expected = drop_in.get_label_quality_multiannotator(FRAME, FIRST)["label_quality"]

    actual = drop_in.get_label_quality_multiannotator(labels, FIRST)["label_quality"]

    np.testing.assert_array_equal(expected.to_numpy(), actual.to_numpy())


def test_majority_vote() -> None:
    """With and without a model, and the published example of ties without overlap."""
    ties = np.array([[1, N, N, 2, N], [N, 1, 0, N, N], [N, N, 0, N, N], [N, 2, N, N, N], [2, N, 0, 2, N], [N, N, N, 2, 1]])

    assert drop_in.get_majority_vote_label(TABLE).tolist() == LABEL
    assert drop_in.get_majority_vote_label(TABLE, FIRST).tolist() == LABEL
    assert drop_in.get_majority_vote_label(ties).tolist() == [1, 1, 0, 2, 2, 1]


def test_majority_vote_of_ties_only_is_not_drawn() -> None:
    """Where cleanlab fails or draws lots, the first class is taken, and the same again."""
    tied = np.array([[0, 1], [1, 0], [0, 1], [1, 0]])
    expected = [0, 0, 0, 0]

    with pytest.warns(UserWarning, match="do not agree"):
        assert drop_in.get_majority_vote_label(tied).tolist() == expected
    assert drop_in.get_majority_vote_label(tied, verbose=False).tolist() == expected


def test_long_to_wide() -> None:
    """Tasks become rows and annotators columns, without names on the axes."""
    long = pd.DataFrame({"task": [1, 1, 0], "annotator": ["b", "a", "a"], "label": [2, 0, 1]})
    expected = pd.DataFrame({"a": [1.0, 0.0], "b": [N, 2.0]}, index=[0, 1])

    actual = drop_in.convert_long_to_wide_dataset(long)

    pd.testing.assert_frame_equal(expected, actual)


def test_inputs_stay_as_they_are() -> None:
    """Calibration of an ensemble does not overwrite what was given."""
    models, pools, labels = BOTH.copy(), BOTH_POOLS.copy(), TABLE.copy()

    drop_in.get_label_quality_multiannotator_ensemble(labels, models, calibrate_probs=True)
    drop_in.get_active_learning_scores_ensemble(labels, models, pools)

    np.testing.assert_array_equal(BOTH, models)
    np.testing.assert_array_equal(BOTH_POOLS, pools)
    np.testing.assert_array_equal(TABLE, labels)


def _with(array: np.ndarray, place: tuple[int, int], value: float) -> np.ndarray:
    changed = array.copy()
    changed[place] = value
    return changed


QUALITY, ENSEMBLE = drop_in.get_label_quality_multiannotator, drop_in.get_label_quality_multiannotator_ensemble
ACTIVE, ACTIVE_ENSEMBLE = drop_in.get_active_learning_scores, drop_in.get_active_learning_scores_ensemble
VOTE, LONG = drop_in.get_majority_vote_label, drop_in.convert_long_to_wide_dataset
REFUSED: dict[str, tuple[Any, list[Any], dict[str, Any], type[Exception], str]] = {
    "NaN in pred_probs": (QUALITY, [FRAME, _with(FIRST, (2, 1), N)], {}, ValueError, "is not a number"),
    "negative pred_probs": (QUALITY, [FRAME, _with(FIRST, (2, 1), -0.2)], {}, ValueError, "is negative"),
    "rows do not sum to 1": (QUALITY, [FRAME, FIRST * 0.9], {}, ValueError, "sum to 0.9"),
    "ensemble with NaN": (ENSEMBLE, [FRAME, np.array([FIRST, _with(FIRST, (0, 0), N)])], {}, ValueError, "is not a number"),
    "active with NaN": (ACTIVE, [SINGLE, _with(FIRST, (0, 0), N)], {}, ValueError, "is not a number"),
    "pool with NaN": (ACTIVE, [TABLE, FIRST, _with(POOL, (0, 0), N)], {}, ValueError, "pred_probs_unlabeled: .*is not a number"),
    "pool alone not summing to 1": (ACTIVE, [None, None, POOL * 2], {}, ValueError, "sum to 2"),
    "vote with negative": (VOTE, [TABLE, _with(FIRST, (0, 0), -1.0)], {"verbose": False}, ValueError, "is negative"),
    "a list of labels": (QUALITY, [TABLE.tolist(), FIRST], {}, ValueError, "either a NumPy array or Pandas DataFrame"),
    "flat labels": (QUALITY, [TABLE[:, 0], FIRST], {}, ValueError, "labels_multiannotator must be a 2D array or dataframe"),
    "text array": (QUALITY, [np.array([["a", "b"], ["b", "b"]]), FIRST[:2]], {}, ValueError, "Labels cannot be strings"),
    "text in an array of objects": (QUALITY, [np.array([["1", 0], [1, 1]], dtype=object), FIRST[:2]], {}, ValueError, "Labels cannot be"),
    "text frame": (QUALITY, [pd.DataFrame([["a", "b"], ["b", "b"]]), FIRST[:2]], {}, ValueError, "Labels cannot be strings"),
    "half a class": (QUALITY, [_with(TABLE, (0, 0), 0.5), FIRST], {}, ValueError, "no whole number"),
    "half a class, quietly": (VOTE, [_with(TABLE, (0, 0), 0.5)], {"verbose": False}, ValueError, "no whole number"),
    "infinite class": (QUALITY, [_with(TABLE, (0, 0), np.inf), FIRST], {}, ValueError, "no whole number"),
    "negative class": (QUALITY, [_with(TABLE, (0, 0), -1), FIRST], {}, ValueError, "a negative one"),
    "empty rows": (QUALITY, [np.vstack([TABLE, [N] * 4]), FIRST], {}, ValueError, r"rows with all NaN.*\n.*Examples \[10\] do not have"),
    "empty column": (QUALITY, [FRAME.assign(eve=N), FIRST], {}, ValueError, r"columns with all NaN.*\n.*Annotators \['eve'\] did not"),
    "empty column of an array": (QUALITY, [np.c_[TABLE, [N] * 10], FIRST], {}, ValueError, r"Annotators \[4\] did not label"),
    "one annotator": (QUALITY, [TABLE[[0, 1, 2], :1], FIRST[:3]], {}, ValueError, "more than one column"),
    "one label each": (QUALITY, [SINGLE, FIRST], {}, ValueError, "Each example only has one label"),
    "pred_probs as a list": (QUALITY, [FRAME, FIRST.tolist()], {}, TypeError, "must be a numpy array"),
    "pred_probs of two dimensions": (ENSEMBLE, [FRAME, FIRST], {}, ValueError, "use the non-ensemble version of this function"),
    "pred_probs of three dimensions": (QUALITY, [FRAME, BOTH], {}, ValueError, "use the ensemble version of this function"),
    "pred_probs of one dimension": (QUALITY, [FRAME, FIRST[:, 0]], {}, ValueError, "must be a 2d array"),
    "another length": (QUALITY, [FRAME, FIRST[:5]], {}, ValueError, "must have same length"),
    "too few classes": (QUALITY, [FRAME, FIRST[:, :2]], {}, ValueError, "pred_probs must have at least 3 columns"),
    "unknown consensus method": (QUALITY, [FRAME, FIRST], {"consensus_method": "x"}, ValueError, "x is not a valid consensus method"),
    "no consensus method": (QUALITY, [FRAME, FIRST], {"consensus_method": []}, ValueError, "empty list"),
    "unknown quality method": (QUALITY, [FRAME, FIRST], {"quality_method": "x"}, ValueError, "x is not a valid quality method"),
    "weights of agreement": (
        QUALITY,
        [FRAME, FIRST],
        {"quality_method": "agreement", "return_weights": True},
        ValueError,
        "only applicable",
    ),
    "unknown score": (QUALITY, [FRAME, FIRST], {"label_quality_score_kwargs": {"method": "x"}}, ValueError, "x is not a valid scoring"),
    "entropy cannot be adjusted": (
        QUALITY,
        [FRAME, FIRST],
        {"label_quality_score_kwargs": {"method": "confidence_weighted_entropy", "adjust_pred_probs": True}},
        ValueError,
        "not currently supported",
    ),
    "nothing to score": (ACTIVE, [], {}, ValueError, "cannot both be None"),
    "no labels": (ACTIVE, [None, FIRST], {}, ValueError, "labels_multiannotator cannot be None"),
    "other classes in the pool": (ACTIVE, [TABLE, FIRST, POOL[:, :2]], {}, ValueError, "must have the same number of classes"),
    "flat pool": (ACTIVE, [None, None, POOL[0]], {}, ValueError, "pred_probs_unlabeled must be a 2d array"),
    "pool of an ensemble": (ACTIVE_ENSEMBLE, [None, None, POOL], {}, ValueError, "use the non-ensemble version"),
    "no column": (LONG, [pd.DataFrame({"task": [1], "label": [1]})], {}, KeyError, "needs the columns task, annotator and label"),
    "labelled twice": (
        LONG,
        [pd.DataFrame({"task": [1, 1], "annotator": ["a", "a"], "label": [1, 2]})],
        {},
        ValueError,
        "duplicate entries.*annotator a labelled task 1",
    ),
}


@pytest.mark.parametrize("case", list(REFUSED))
def test_bad_input_is_refused(case: str) -> None:
    """The error has cleanlab's type and names the place; probabilities that are none always raise."""
    function, arguments, options, kind, message = REFUSED[case]

    with pytest.raises(kind, match=message):
        function(*arguments, **options)
