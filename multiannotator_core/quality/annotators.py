"""What is known of each annotator: one row each, and the labels behind it."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..aggregation.dawid_skene import confusion_of
from ..aggregation.engine import Blocks
from ..align import ensemble, gold_codes, positions
from ..consensus import Consensus, break_ties
from ..labels import CrowdLabels
from ..names import listed
from .spammers import rank_one_distance, row_spread

# A class counts as seen by an annotator from about one expected example on (one label, posterior 0.9): below that,
# it is the doubt about the truth and not the annotator.
SEEN = 0.9
FAST = 0.25  # of the crowd's median time: who labels so fast can hardly have looked


def annotator_metrics(
    labels: CrowdLabels,
    result: Consensus,
    pred_probs: Any = None,
    gold: Mapping[Hashable, Hashable] | pd.Series | None = None,
) -> pd.DataFrame:
    """All metrics of each annotator, one row an annotator in the order of labels.annotators.

    Args:
        pred_probs: (N, K) class probabilities of a model, or a list of them (their mean is taken).
        gold: {example name: class name} of trusted examples.

    Returns:
        n_labels: labels given; n_shared: labels on examples that another annotator labelled too.
        agreement_with_consensus: share of the labels that say the consensus class (own label included).
        agreement_with_others: mean share of the other annotators' labels of the same example that say the same.
        agreement_with_model: share of labels that say the model's most probable class. Only with pred_probs.
        n_gold, accuracy_on_gold: labels on gold examples, and the share of them that is right. Only with gold.
        quality: result.annotator_quality, in [0, 1].
        trace: sum of the diagonal of the confusion, 0 to K; 1 is chance.
        frobenius, raykar_yu: see `spammer_scores`; the prior is the mean posterior.
        worst_class: class with the smallest diagonal among those of which the annotator saw about one example or more.
        mixup_true, mixup_given: the most frequent mistake: consensus class and given class; ties by expected count.
        label_entropy: entropy of the annotator's labels divided by log K: 0 = always one class, 1 = all equally often.
        median_seconds, fast_share: of the labels with a known time, the median, and the share given in less than a quarter of
            the median of the whole crowd. Only where labels have seconds.
        Then the method's own result.annotator_scores.

    Without a confusion in the result, the one that belongs to its posterior is used. pd.NA marks what cannot be known,
    such as the agreement of an annotator without labels; nothing is NaN.

    Raises:
        ValueError: pred_probs or gold do not fit the labels.
    """
    n = labels.labels_per_annotator
    counts = Blocks(labels).counts(result.posterior)
    confusion = result.confusion if result.confusion is not None else confusion_of(labels, result.posterior)
    prior = result.posterior.mean(axis=0) if len(result.posterior) else np.full(len(labels.classes), 1.0 / len(labels.classes))
    says_consensus = labels.label == result.label[labels.example]
    columns: dict[str, Any] = {"n_labels": n}
    columns |= _with_others(labels)
    columns["agreement_with_consensus"] = _mean(labels, says_consensus, n)
    if pred_probs is not None:
        model = break_ties(np.mean(ensemble(labels, pred_probs), axis=0), labels.labels_per_class)
        columns["agreement_with_model"] = _mean(labels, labels.label == model[labels.example], n)
    columns |= _on_gold(labels, gold)
    columns["quality"] = result.annotator_quality
    columns["trace"] = np.trace(confusion, axis1=1, axis2=2)
    columns |= {"frobenius": rank_one_distance(confusion), "raykar_yu": row_spread(confusion, prior)}
    columns |= _weak_spots(labels, result.label, counts, confusion)
    columns["label_entropy"] = _label_entropy(counts.sum(axis=2), n)
    if labels.seconds is not None:
        columns["median_seconds"] = _median_seconds(labels, labels.seconds)
        timed = ~np.isnan(labels.seconds)
        n_timed = np.bincount(labels.annotator[timed], minlength=len(labels.annotators))
        columns["fast_share"] = _mean(labels, too_fast(labels), n_timed)
    return pd.DataFrame(columns | dict(result.annotator_scores), index=labels.annotators)


def disagreements(labels: CrowdLabels, result: Consensus, annotator: Hashable) -> pd.DataFrame:
    """The labels of one annotator that differ from the consensus, the least plausible first.

    Returns:
        example, label, consensus (names), and quality: the posterior of the label that was given, in [0, 1].

    Raises:
        ValueError: there is no such annotator.
    """
    rows = np.flatnonzero(labels.annotator == annotator_code(labels, annotator))
    rows = rows[labels.label[rows] != result.label[labels.example[rows]]]
    quality = result.posterior[labels.example[rows], labels.label[rows]]
    order = np.argsort(quality, kind="stable")
    example = labels.example[rows[order]]
    return pd.DataFrame(
        {
            "example": labels.examples.take(example),
            "label": labels.classes.take(labels.label[rows[order]]),
            "consensus": labels.classes.take(result.label[example]),
            "quality": quality[order],
        }
    )


def confusion_counts(labels: CrowdLabels, result: Consensus, annotator: Hashable) -> NDArray[np.int64]:
    """counts[consensus class, given class] (K, K) of the labels of one annotator.

    Raises:
        ValueError: there is no such annotator.
    """
    own = labels.annotator == annotator_code(labels, annotator)
    k = len(labels.classes)
    cell = result.label[labels.example[own]].astype(np.int64) * k + labels.label[own]
    return np.bincount(cell, minlength=k * k).reshape(k, k)


def annotator_code(labels: CrowdLabels, annotator: Hashable) -> int:
    """Position of an annotator's name in labels.annotators.

    Raises:
        ValueError: there is no such annotator.
    """
    code = int(positions(labels.annotators, pd.Index([annotator], tupleize_cols=False))[0])
    if code < 0:
        raise ValueError(f"There is no annotator {annotator!r}; the labels have {listed(labels.annotators)}.")
    return code


def too_fast(labels: CrowdLabels) -> NDArray[np.bool_]:
    """Which labels (L,) were given in less than a quarter of the crowd's median time; none where no time is known."""
    if labels.seconds is None or np.isnan(labels.seconds).all():
        return np.zeros(len(labels), dtype=bool)
    fast: NDArray[np.bool_] = labels.seconds < FAST * float(np.nanmedian(labels.seconds))
    return fast


def own_repeats(labels: CrowdLabels) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """For each label (L,): how many labels its annotator gave to its example, and how many of these say the same."""
    if not labels.repeated:
        ones = np.ones(len(labels), dtype=np.int64)
        return ones, ones
    pair = (np.diff(labels.example, prepend=-1) != 0) | (np.diff(labels.annotator, prepend=-1) != 0)
    same = pair | (np.diff(labels.label, prepend=-1) != 0)
    # Rows are sorted by example, annotator and label, so repeats stand together.
    first, second = (np.cumsum(starts) - 1 for starts in (pair, same))
    return np.bincount(first)[first], np.bincount(second)[second]


def _with_others(labels: CrowdLabels) -> dict[str, Any]:
    own, own_same = own_repeats(labels)
    others = labels.labels_per_example[labels.example] - own
    agreeing = labels.votes[labels.example, labels.label] - own_same
    n_shared = np.bincount(labels.annotator, weights=others > 0, minlength=len(labels.annotators)).astype(np.int64)
    return {"n_shared": n_shared, "agreement_with_others": _mean(labels, agreeing / np.maximum(others, 1), n_shared)}


def _on_gold(labels: CrowdLabels, gold: Mapping[Hashable, Hashable] | pd.Series | None) -> dict[str, Any]:
    codes = gold_codes(labels, gold)
    if codes is None:
        return {}
    known = codes[labels.example]
    n_gold = np.bincount(labels.annotator, weights=known >= 0, minlength=len(labels.annotators)).astype(np.int64)
    return {"n_gold": n_gold, "accuracy_on_gold": _mean(labels, labels.label == known, n_gold)}


def _weak_spots(
    labels: CrowdLabels, consensus: NDArray[np.int32], counts: NDArray[np.float64], confusion: NDArray[np.float64]
) -> dict[str, Any]:
    """Worst class and most frequent mistake, from counts[j, given, true] and confusion[j, true, given]."""
    n_annotators, k = confusion.shape[:2]
    seen = counts.sum(axis=1)
    right = np.where(seen >= SEEN, np.einsum("jkk->jk", confusion), np.inf)
    worst = break_ties(-right, -seen)
    cell = (labels.annotator.astype(np.int64) * k + consensus[labels.example]) * k + labels.label
    by_class = np.bincount(cell, minlength=n_annotators * k * k).reshape(n_annotators, k, k)
    mistakes = (by_class * (1.0 - np.eye(k))).reshape(n_annotators, k * k)
    mixup = break_ties(mistakes, -counts.transpose(0, 2, 1).reshape(n_annotators, k * k))
    mixed_up = mistakes.max(axis=1) > 0
    return {
        "worst_class": _class_names(labels, worst, (seen >= SEEN).any(axis=1)),
        "mixup_true": _class_names(labels, mixup // k, mixed_up),
        "mixup_given": _class_names(labels, mixup % k, mixed_up),
    }


def _label_entropy(given: NDArray[np.float64], n: NDArray[np.int64]) -> pd.arrays.FloatingArray:
    """Entropy of the labels given[j, class], divided by log K."""
    share = given / np.maximum(n, 1)[:, None]
    entropy = -(share * np.log(np.where(share > 0, share, 1.0))).sum(axis=1)
    return _floats(np.clip(entropy / np.log(max(given.shape[1], 2)), 0.0, 1.0), n > 0)


def _median_seconds(labels: CrowdLabels, seconds: NDArray[np.float64]) -> pd.arrays.FloatingArray:
    median = pd.Series(seconds).groupby(labels.annotator).median().reindex(range(len(labels.annotators))).to_numpy()
    return _floats(median, ~np.isnan(median))


def _mean(labels: CrowdLabels, values: NDArray[Any], n: NDArray[np.int64]) -> pd.arrays.FloatingArray:
    """Sum of values (L,) over each annotator's labels, divided by n (J,); pd.NA where n is 0."""
    total = np.bincount(labels.annotator, weights=values, minlength=len(n))
    return _floats(total / np.maximum(n, 1), n > 0)


def _floats(values: NDArray[np.float64], known: NDArray[np.bool_]) -> pd.arrays.FloatingArray:
    return pd.arrays.FloatingArray(np.where(known, values, 0.0), ~known)


def _class_names(labels: CrowdLabels, codes: NDArray[Any], known: NDArray[np.bool_]) -> Any:
    names = pd.Series(labels.classes.to_numpy(dtype=object)[codes], dtype=object)
    return names.where(pd.Series(known), pd.NA).convert_dtypes().array
