"""How good a result is where the truth is known: `evaluate`, and the tables behind its numbers."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from .align import positions
from .consensus import TIE, Consensus
from .labels import CrowdLabels
from .names import listed

# Log loss of a true class to which a result gives no chance at all; without a floor one such example makes it infinite.
LOG_LOSS_FLOOR = 1e-15

# Bins of the calibration error: the number of Guo et al. 2017, and the one of the design.
CALIBRATION_BINS = 15

# How many of the worst examples a reviewer looks at, as in the benchmark of Goh, Tkachenko & Mueller 2022.
LIFT_SIZES = (10, 50, 100, 300, 500, 1000)

# Log odds closer than this are a tie: sums in another order differ in the last digits.
TIED_DIGITS = 9


@dataclass(frozen=True, eq=False)
class Scored:
    """The n examples with a known truth, and what the result says about each.

    Attributes:
        example: (n,) position in labels.examples.
        truth: (n,) class code; codes from K on are classes that the labels do not have.
        label: (n,) consensus class code.
        posterior: (n, K).
        quality, log_odds: (n,) of the consensus label; low = look at it.
        correct: (n,) whether the consensus label is the truth.
    """

    example: NDArray[np.intp]
    truth: NDArray[np.intp]
    label: NDArray[np.int32]
    posterior: NDArray[np.float64]
    quality: NDArray[np.float64]
    log_odds: NDArray[np.float64]
    correct: NDArray[np.bool_]


def evaluate(
    labels: CrowdLabels,
    result: Consensus,
    truth: Mapping[Hashable, Hashable] | pd.Series,
    annotator_truth: Mapping[Hashable, float] | pd.Series | ArrayLike | None = None,
) -> dict[str, float | int | None]:
    """Metrics of a result over the examples whose true class is known; None where a metric is not defined, never NaN.

    Args:
        truth: true class by example name; a class that no label names counts as wrong. Examples that the
            labels do not have are left out.
        annotator_truth: true accuracy by annotator name, or (J,) in the order of labels.annotators.

    Returns:
        n; accuracy; accuracy_ties_split (classes tied at the top share the example); macro_f1 (over all classes that are
        true or chosen); log_loss (nats); ece (Guo et al. 2017, 15 equal bins of quality); expected_errors (sum of 1 - quality)
        and actual_errors; auroc, auprc and lift_at_10 ... lift_at_1000 of low quality finding wrong consensus labels (examples
        of equal quality share the lift; None where n is smaller); annotator_spearman, of annotator_quality with
        annotator_truth over annotators who gave labels.

    Raises:
        ValueError: no example of truth is among the labels, truth names two classes for one example, or sizes differ.
    """
    known = scored(labels, result, truth)
    metrics: dict[str, float | int | None] = {
        "n": len(known.example),
        "accuracy": float(known.correct.mean()),
        "accuracy_ties_split": _accuracy_ties_split(known),
        "macro_f1": _macro_f1(known),
        "log_loss": _log_loss(known),
        "ece": calibration_error(reliability(known)),
        "expected_errors": float((1 - known.quality).sum()),
        "actual_errors": int((~known.correct).sum()),
    }
    metrics |= _error_finding(known)
    metrics["annotator_spearman"] = None if annotator_truth is None else _annotator_spearman(labels, result, annotator_truth)
    return metrics


def scored(labels: CrowdLabels, result: Consensus, truth: Mapping[Hashable, Hashable] | pd.Series) -> Scored:
    """The examples with a known truth beside what the result says about them, in the order of labels.examples.

    Raises:
        ValueError: see `evaluate`.
    """
    shape = (len(labels.examples), len(labels.classes))
    if result.posterior.shape != shape:
        raise ValueError(
            f"The result is about {result.posterior.shape} examples and classes, but the labels have {shape}. Run it on these labels."
        )
    example, code = _truth_codes(labels, truth)
    label = result.label[example]
    return Scored(example, code, label, result.posterior[example], result.quality[example], result.log_odds[example], label == code)


def reliability(known: Scored, n_bins: int = CALIBRATION_BINS) -> pd.DataFrame:
    """One row a bin of quality (lower, upper]: n, mean quality and accuracy of its examples (NaN where n is 0).

    This is the reliability diagram of Guo et al. 2017; its weighted mean gap is the calibration error.
    """
    inside = np.clip(np.ceil(known.quality * n_bins - TIE) - 1, 0, n_bins - 1).astype(np.intp)
    n = np.bincount(inside, minlength=n_bins)
    total = {
        "quality": np.bincount(inside, weights=known.quality, minlength=n_bins),
        "accuracy": np.bincount(inside, weights=known.correct, minlength=n_bins),
    }
    means = {name: np.divide(values, n, out=np.full(n_bins, np.nan), where=n > 0) for name, values in total.items()}
    edges = np.arange(n_bins + 1) / n_bins
    return pd.DataFrame({"lower": edges[:-1], "upper": edges[1:], "n": n, **means})


def lift(known: Scored, size: int) -> float | None:
    """How many times more errors the `size` examples of lowest quality hold than as many random ones; None if not defined.

    Examples of equal quality at the cut count with the share of them that fits, so that their order does not matter.
    """
    wrong = ~known.correct
    n = len(wrong)
    if n < size or not wrong.any():
        return None
    odds = np.round(known.log_odds, TIED_DIGITS)
    cut = np.partition(odds, size - 1)[size - 1]
    below, at = odds < cut, odds == cut
    found = wrong[below].sum() + (size - below.sum()) * wrong[at].mean()
    return float((found / size) / wrong.mean())


# ---------------------------------------------------------------------- the metrics one by one


def _accuracy_ties_split(known: Scored) -> float:
    tied = known.posterior >= known.posterior.max(axis=1, keepdims=True) - TIE
    right = _at_truth(known, tied.astype(np.float64))
    return float((right / tied.sum(axis=1)).mean())


def _macro_f1(known: Scored) -> float:
    """Mean over the classes that are true or chosen of 2 hits / (true + chosen)."""
    size = int(max(known.truth.max(), known.label.max())) + 1
    hits, true, chosen = (np.bincount(codes, minlength=size) for codes in (known.truth[known.correct], known.truth, known.label))
    occurs = true + chosen > 0
    return float((2 * hits[occurs] / (true + chosen)[occurs]).mean())


def _log_loss(known: Scored) -> float:
    return float(-np.log(np.maximum(_at_truth(known, known.posterior), LOG_LOSS_FLOOR)).mean())


def _at_truth(known: Scored, values: NDArray[np.float64]) -> NDArray[np.float64]:
    """The value (n,) of each row of (n, K) at the true class; 0 for classes that the labels do not have."""
    n, k = values.shape
    return np.where(known.truth < k, values[np.arange(n), np.minimum(known.truth, k - 1)], 0.0)


def calibration_error(bins: pd.DataFrame) -> float:
    """Mean gap between quality and accuracy of the bins of `reliability`, weighted by their size (Guo et al. 2017)."""
    filled = bins[bins["n"] > 0]
    gap = (filled["accuracy"] - filled["quality"]).abs()
    return float((gap * filled["n"]).sum() / filled["n"].sum())


def _error_finding(known: Scored) -> dict[str, float | int | None]:
    """Auroc, auprc and lifts of low quality as a finder of wrong consensus labels; log odds, since posteriors saturate at 1."""
    wrong = ~known.correct
    suspicion = -np.round(known.log_odds, TIED_DIGITS)
    found: dict[str, float | int | None] = {"auroc": None, "auprc": None}
    if wrong.any() and not wrong.all():
        found = {"auroc": _auroc(wrong, suspicion), "auprc": _average_precision(wrong, suspicion)}
    return found | {f"lift_at_{size}": lift(known, size) for size in LIFT_SIZES}


def _auroc(wrong: NDArray[np.bool_], suspicion: NDArray[np.float64]) -> float:
    """Chance that a wrong example is more suspicious than a right one, ties half (Mann-Whitney)."""
    n_wrong, n_right = wrong.sum(), (~wrong).sum()
    return float((_ranks(suspicion)[wrong].sum() - n_wrong * (n_wrong + 1) / 2) / (n_wrong * n_right))


def _average_precision(wrong: NDArray[np.bool_], suspicion: NDArray[np.float64]) -> float:
    """Mean over the wrong examples of the share of wrong ones among all that are at least as suspicious."""
    order = np.argsort(-suspicion, kind="stable")
    last = np.append(np.flatnonzero(np.diff(suspicion[order])), len(order) - 1)  # examples of equal suspicion enter together
    found = np.cumsum(wrong[order])[last]
    return float((np.diff(found, prepend=0) * found / (last + 1)).sum() / found[-1])


def _annotator_spearman(labels: CrowdLabels, result: Consensus, truth: Mapping[Hashable, float] | pd.Series | ArrayLike) -> float | None:
    if isinstance(truth, Mapping):
        truth = pd.Series(list(truth.values()), index=pd.Index(list(truth), tupleize_cols=False))
    if isinstance(truth, pd.Series):
        at = positions(truth.index, labels.annotators)
        if (at < 0).all():
            raise ValueError(f"No annotator of annotator_truth is among the labels: it has {listed(truth.index)}.")
        accuracy = np.where(at < 0, np.nan, truth.to_numpy(np.float64, na_value=np.nan)[at])
    else:
        accuracy = np.asarray(truth, dtype=np.float64)
        if accuracy.shape != (len(labels.annotators),):
            raise ValueError(
                f"annotator_truth has shape {accuracy.shape}, but there are {len(labels.annotators)} annotators; give one number each."
            )
    compared = ~np.isnan(accuracy) & (labels.labels_per_annotator > 0)
    ranks = [_ranks(np.round(values[compared], TIED_DIGITS)) for values in (accuracy, result.annotator_quality)]
    if compared.sum() < 2 or any(np.ptp(rank) == 0 for rank in ranks):
        return None
    return float(np.corrcoef(ranks[0], ranks[1])[0, 1])


def _ranks(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Ranks (n,) from 1, ties in the middle."""
    ranks: NDArray[np.float64] = pd.Series(values).rank().to_numpy(np.float64)
    return ranks


def _truth_codes(labels: CrowdLabels, truth: Mapping[Hashable, Hashable] | pd.Series) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Positions (n,) of the examples with a truth, ascending, and their class codes (n,), from K on for unknown classes."""
    series = (
        truth
        if isinstance(truth, pd.Series)
        else pd.Series(list(truth.values()), index=pd.Index(list(truth), tupleize_cols=False), dtype=object)
    )
    series = series.dropna()
    if not len(series):
        raise ValueError("truth is empty; give the true class of at least one example.")
    if pd.api.types.is_float_dtype(series.dtype) and bool((series % 1 == 0).all()):
        series = series.astype(np.int64)  # whole numbers beside empty cells were read as floats
    example = positions(labels.examples, series.index)
    if (example < 0).all():
        raise ValueError(
            f"No example of truth is among the labels: truth has {listed(series.index)}, the labels have {listed(labels.examples)}."
        )
    classes, names = pd.factorize(pd.Index(series.tolist(), tupleize_cols=False))
    code = positions(labels.classes, names)
    stranger = code < 0
    code[stranger] = len(labels.classes) + np.arange(stranger.sum())
    per_example = np.full(len(labels.examples), -1, dtype=np.intp)
    found = example >= 0
    per_example[example[found]] = code[classes][found]
    clash = np.flatnonzero(per_example[example[found]] != code[classes][found])
    if clash.size:
        raise ValueError(f"truth names two classes for example {series.index[found][clash[0]]!r}; keep one.")
    known = np.flatnonzero(per_example >= 0)
    return known, per_example[known]
