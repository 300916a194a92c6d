"""Who copies from whom: pairs of annotators who make the same mistakes on the same examples too often."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse
from scipy.special import pdtrc

from ..consensus import Consensus
from ..labels import CrowdLabels
from .annotators import annotator_code, own_repeats
from .left_out import BLOCK, LeftOut, false_discovery, leave_out

LEAST_SHARED = 10  # with fewer examples in common nothing can be shown
FALSE_DISCOVERY = 0.05
ALWAYS_LATER = 0.9  # share of the examples on which one is later than the other that is worth a word
TIMES_EXPECTED = 2.0  # people who find the same examples hard share some mistakes; copying is more than that

COPYING_RULE = f"""For each two annotators with at least {LEAST_SHARED} examples in common, the mistakes that they share are counted: the
same label from both, and not the class that all others say. Against it stands the number to be expected if both err on their own: from
their confusion matrices and from what the others say of these very examples, raised by the factor by which all other pairs exceed it.
A pair is suspected if it shares more than {TIMES_EXPECTED:.0f} times as many mistakes as expected, and if chance (Poisson) gives so many so
rarely that, over all pairs, at most {FALSE_DISCOVERY:.0%} of the suspicions are false (Benjamini & Hochberg 1995). Friends who sit
together, a shared wrong guideline and one person with two accounts look the same as copying: talk to them first."""


def copying(labels: CrowdLabels, result: Consensus, gold: Mapping[Hashable, Hashable] | pd.Series | None = None) -> pd.DataFrame:
    """All pairs of annotators with enough examples in common, the most suspicious first; the rule is COPYING_RULE.

    Time grows with the pairs of labels of one example, not with the square of the annotators.

    Returns:
        annotator_a, annotator_b (names); n_shared: examples that both labelled; same_mistakes: examples to which both gave
        one label that the others do not choose; expected: how many of these chance gives; p_value: probability of so many
        or more; q_value: the share of false alarms at which the pair is reported; suspected; sentence: the evidence in words.

    Raises:
        ValueError: gold does not fit.
    """
    pair_of = _pairs(labels)
    size = pair_of.nnz
    counts, same, expected = np.zeros(size), np.zeros(size), np.zeros(size)
    if size:
        others = leave_out(labels, result, gold)
        for a, b in _label_pairs(labels):
            place = np.asarray(pair_of[labels.annotator[a], labels.annotator[b]]).ravel().astype(np.int64) - 1
            a, b, place = a[place >= 0], b[place >= 0], place[place >= 0]
            shared, chance = _shared_mistakes(others, a, b)
            counts += np.bincount(place, minlength=size)
            same += np.bincount(place, weights=shared, minlength=size)
            expected += np.bincount(place, weights=chance, minlength=size)
    # What all other pairs share beyond their expectation is the examples' fault: hard ones mislead everybody alike.
    rest_same, rest_expected = same.sum() - same, expected.sum() - expected
    expected = expected * np.maximum((rest_same + 1) / (rest_expected + 1), 1.0)
    p_values = np.where(same > 0, pdtrc(same - 1, np.maximum(expected, 1e-12)), 1.0)
    q_values = false_discovery(p_values)
    one, other = pair_of.tocoo().coords if size else (np.empty(0, int), np.empty(0, int))
    frame = pd.DataFrame(
        {
            "annotator_a": labels.annotators.take(one),
            "annotator_b": labels.annotators.take(other),
            "n_shared": counts.astype(np.int64),
            "same_mistakes": same.astype(np.int64),
            "expected": expected,
            "p_value": p_values,
            "q_value": q_values,
            "suspected": (q_values <= FALSE_DISCOVERY) & (same > TIMES_EXPECTED * expected),
        }
    ).sort_values(["suspected", "p_value"], ascending=[False, True], kind="stable", ignore_index=True)
    return frame.assign(sentence=[_sentence(*row) for row in frame.iloc[:, :6].itertuples(index=False)])


def shared_examples(labels: CrowdLabels, result: Consensus, a: Hashable, b: Hashable) -> pd.DataFrame:
    """What two annotators said of the examples that both labelled, their differences first; one row a pair of labels.

    Returns:
        example, label_a, label_b, consensus (names), differ, and b_after_a: seconds from a's label to b's, where times are known.

    Raises:
        ValueError: there is no such annotator.
    """
    rows_a, rows_b = (np.flatnonzero(labels.annotator == annotator_code(labels, name)) for name in (a, b))
    first = pd.DataFrame({"example": labels.example[rows_a], "row_a": rows_a})
    both = first.merge(pd.DataFrame({"example": labels.example[rows_b], "row_b": rows_b}), on="example")
    row_a, row_b = both["row_a"].to_numpy(np.intp), both["row_b"].to_numpy(np.intp)
    example = both["example"].to_numpy(np.intp)
    columns = {
        "example": labels.examples.take(example),
        "label_a": labels.classes.take(labels.label[row_a]),
        "label_b": labels.classes.take(labels.label[row_b]),
        "consensus": labels.classes.take(result.label[example]),
        "differ": labels.label[row_a] != labels.label[row_b],
    }
    if labels.timestamp is not None:
        columns["b_after_a"] = (labels.timestamp[row_b] - labels.timestamp[row_a]) / np.timedelta64(1, "s")
    return pd.DataFrame(columns).sort_values("differ", ascending=False, kind="stable", ignore_index=True)


def pair_sentence(both: pd.DataFrame, a: str, b: str) -> str:
    """The `shared_examples` of two annotators in one sentence."""
    if not len(both):
        return f"{a} and {b} have no example in common."
    differ, n = int(both["differ"].sum()), len(both)
    said = f"They differ on {differ:,} of {n:,} examples."
    if differ:
        right = [int((both["differ"] & (both[column] == both["consensus"])).sum()) for column in ("label_a", "label_b")]
        said += f" There the consensus is with {a} {right[0]:,} times, with {b} {right[1]:,} times."
    if "b_after_a" in both and both["b_after_a"].notna().any():
        known = both["b_after_a"].dropna()
        later = float((known > 0).mean())
        name, share = (b, later) if later >= 0.5 else (a, 1 - later)
        if share > ALWAYS_LATER and n >= LEAST_SHARED:
            said += f" {name} labelled after the other in {share:.0%} of them, in the middle by {known.abs().median():,.0f} seconds."
    return said


def _pairs(labels: CrowdLabels) -> sparse.csr_array:
    """Upper triangle (J, J): 1, 2, 3 ... for each pair of annotators with enough examples in common."""
    once = own_repeats(labels)[0] == 1
    cells = (labels.annotator[once], labels.example[once])
    labelled = sparse.csr_array((np.ones(once.sum(), dtype=np.int32), cells), shape=(len(labels.annotators), len(labels.examples)))
    both = sparse.coo_array(sparse.triu(labelled @ labelled.T, k=1))
    kept = both.data >= LEAST_SHARED
    numbered = sparse.csr_array((np.ones(kept.sum()), (both.coords[0][kept], both.coords[1][kept])), shape=both.shape)
    numbered.sort_indices()
    numbered.data = np.arange(1, numbered.nnz + 1, dtype=np.float64)
    return numbered


def _label_pairs(labels: CrowdLabels) -> Iterator[tuple[NDArray[np.intp], NDArray[np.intp]]]:
    """Rows of each two labels of one example, in blocks; who labelled an example twice is left out there."""
    rows = np.flatnonzero(own_repeats(labels)[0] == 1)
    n = np.bincount(labels.example[rows], minlength=len(labels.examples))
    first = np.cumsum(n) - n
    for m in np.unique(n[n >= 2]).tolist():
        examples = np.flatnonzero(n == m)
        one, other = np.triu_indices(m, k=1)
        step = max(1, BLOCK // len(one))
        for start in range(0, len(examples), step):
            begin = first[examples[start : start + step]][:, None]
            yield rows[(begin + one).ravel()], rows[(begin + other).ravel()]


def _shared_mistakes(others: LeftOut, a: NDArray[np.intp], b: NDArray[np.intp]) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    """For each two labels: whether they are one mistake, and the chance that two who err on their own make one."""
    labels = others.labels
    posterior = others.without(a, b)
    consensus = posterior.argmax(axis=1)
    shared = (labels.label[a] == labels.label[b]) & (labels.label[a] != consensus)
    by_a, by_b = others.confusion[labels.annotator[a]], others.confusion[labels.annotator[b]]  # [row, true, given]
    each = np.arange(len(a))
    alike = np.einsum("ltg,ltg->lt", by_a, by_b) - by_a[each, :, consensus] * by_b[each, :, consensus]
    return shared, np.einsum("lt,lt->l", posterior, alike)


def _sentence(a: Hashable, b: Hashable, n: int, same: int, expected: float, p_value: float) -> str:
    chance = "less than one in a million" if p_value < 1e-6 else f"{p_value:.2g}"
    return (
        f"{a} and {b} share {same:,} mistake{'s' if same != 1 else ''} on {n:,} examples that both labelled; {expected:.1f} were to be "
        f"expected of two who err on their own (probability of so many: {chance})."
    )
