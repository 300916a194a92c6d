"""Class probabilities of a model that never saw the example: K-fold cross-validation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy import sparse

from .features import Features, as_features

# A class with a smaller share of an example's posterior teaches the model nothing that would be noticed.
SMALLEST_SHARE = 0.01

# Trees need a table that is not sparse: texts become this many dimensions (latent semantic analysis).
TEXT_DIMENSIONS = 100
MOST_WORDS = 20_000


class Classifier(NamedTuple):
    """One line of CLASSIFIERS: make(seed) -> a scikit-learn classifier; `linear` ones take scaled and sparse features."""

    title: str
    sentence: str
    linear: bool
    make: Callable[[int], Any]


# scikit-learn takes a second to import, so it is imported where a model is made.


def _logistic_regression(seed: int) -> Any:
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression(max_iter=200, tol=1e-3, random_state=seed)


def _gradient_boosting(seed: int) -> Any:
    from sklearn.ensemble import HistGradientBoostingClassifier

    return HistGradientBoostingClassifier(max_iter=60, early_stopping=False, random_state=seed)


def _extra_trees(seed: int) -> Any:
    from sklearn.ensemble import ExtraTreesClassifier

    return ExtraTreesClassifier(100, random_state=seed)


CLASSIFIERS: dict[str, Classifier] = {
    "logistic_regression": Classifier(
        "Logistic regression", "A good start for texts and for features from a larger model; fast.", True, _logistic_regression
    ),
    "gradient_boosting": Classifier(
        "Gradient boosting", "For tables of numbers with many examples; slow with many classes.", False, _gradient_boosting
    ),
    "extra_trees": Classifier("Extra trees", "For tables of numbers and small images; works without tuning.", False, _extra_trees),
}

OnFold = Callable[[int], Any]


def cross_validated(
    features: Features | ArrayLike | pd.DataFrame | Sequence[str],
    target: ArrayLike,
    n_classes: int | None = None,
    *,
    classifier: str = "logistic_regression",
    n_folds: int = 5,
    seed: int = 0,
    on_fold: OnFold | None = None,
) -> NDArray[np.float64]:
    """(N, K) out-of-sample probabilities: those of an example come from the one model that was trained without its fold.

    Words, scales and means of features are learned inside each fold too. A class without a training example in a fold
    has probability 0 there.

    Args:
        features: numbers (N, F), images (N, height, width), a table, N texts, or `Features`.
        target: the class codes (N,), -1 where an example shall not teach; or a posterior (N, K), by whose shares an
            example teaches several classes. A row of NaN does not teach.
        n_classes: K; default: the largest code + 1, or the width of the posterior.
        classifier: a key of CLASSIFIERS.
        n_folds: 2 or more; examples of a class are dealt evenly to the folds.
        seed: for the folds and the classifier.
        on_fold: called with the number of folds done; what it raises stops the work.

    Raises:
        ValueError: sizes differ, an unknown classifier, or too few examples to teach.
    """
    seen = as_features(features)
    if classifier not in CLASSIFIERS:
        raise ValueError(f"There is no classifier {classifier!r}; choose one of {', '.join(CLASSIFIERS)}.")
    shares = _shares(np.asarray(target), n_classes)
    if len(shares) != len(seen):
        raise ValueError(f"There are features of {len(seen):,} examples, but classes of {len(shares):,}; give one row for each.")
    teaches = shares.sum(axis=1) > 0
    if n_folds < 2 or teaches.sum() < n_folds:
        raise ValueError(f"{n_folds} folds need from 2 to as many as there are examples with a class, and there are {teaches.sum():,}.")
    fold = folds(shares.argmax(axis=1), teaches, n_folds, seed)
    probabilities = np.empty(shares.shape)
    for f in range(n_folds):
        train, test = np.flatnonzero((fold != f) & teaches), np.flatnonzero(fold == f)
        probabilities[test] = _fit_and_predict(CLASSIFIERS[classifier], seen, shares, train, test, seed)
        if on_fold is not None:
            on_fold(f + 1)
    return probabilities


def predicted(
    features: Features | ArrayLike | pd.DataFrame | Sequence[str],
    target: ArrayLike,
    new: Features | ArrayLike | pd.DataFrame | Sequence[str],
    n_classes: int | None = None,
    *,
    classifier: str = "logistic_regression",
    seed: int = 0,
) -> NDArray[np.float64]:
    """(M, K) probabilities for M new examples of one model that all N examples with a class teach; see `cross_validated`."""
    old, fresh = as_features(features), as_features(new)
    shares = _shares(np.asarray(target), n_classes)
    teaches = np.flatnonzero(shares.sum(axis=1) > 0)
    if classifier not in CLASSIFIERS or not len(teaches) or len(shares) != len(old) or (old.texts is None) != (fresh.texts is None):
        raise ValueError("Give a known classifier, a class for some examples, and features of one kind for old and new examples.")
    texts = None if old.texts is None or fresh.texts is None else old.texts + fresh.texts
    both = Features(np.vstack([old.numbers, fresh.numbers]), texts)
    padded = np.vstack([shares, np.zeros((len(fresh), shares.shape[1]))])
    return _fit_and_predict(CLASSIFIERS[classifier], both, padded, teaches, len(old) + np.arange(len(fresh)), seed)


def folds(code: NDArray[np.intp], teaches: NDArray[np.bool_], n_folds: int, seed: int) -> NDArray[np.intp]:
    """(N,) fold of each example: shuffled, then dealt out class by class, those that do not teach last."""
    order = np.random.default_rng(seed).permutation(len(code))
    key = np.where(teaches, code, code.max(initial=0) + 1)
    order = order[np.argsort(key[order], kind="stable")]
    fold = np.empty(len(code), dtype=np.intp)
    fold[order] = np.arange(len(code)) % n_folds
    return fold


def _shares(target: NDArray[Any], n_classes: int | None) -> NDArray[np.float64]:
    """(N, K) share of each class in what an example teaches; a row of zeros teaches nothing."""
    if target.ndim == 2:
        shares = np.nan_to_num(target.astype(np.float64))
        if n_classes not in (None, shares.shape[1]):
            raise ValueError(f"The posterior has {shares.shape[1]} classes, not {n_classes}.")
        return np.where(shares < SMALLEST_SHARE, 0.0, shares)
    if target.ndim != 1 or target.dtype.kind not in "iu":
        raise ValueError(f"The classes have shape {target.shape} and type {target.dtype}; give whole numbers (N,) or a posterior (N, K).")
    k = int(target.max(initial=0)) + 1 if n_classes is None else n_classes
    if len(target) and not -1 <= target.min() <= target.max() < k:
        raise ValueError(f"Class codes run from {target.min()} to {target.max()}; with {k} classes they go from 0 to {k - 1}.")
    shares = np.zeros((len(target), k))
    known = np.flatnonzero(target >= 0)
    shares[known, target[known]] = 1.0
    return shares


def _fit_and_predict(
    classifier: Classifier, features: Features, shares: NDArray[np.float64], train: NDArray[np.intp], test: NDArray[np.intp], seed: int
) -> NDArray[np.float64]:
    """(len(test), K) probabilities of a model taught by the examples `train` alone."""
    row, code = np.nonzero(shares[train])  # an example that is unsure teaches several classes, each by its share
    predicted = np.zeros((len(test), shares.shape[1]))
    if len(np.unique(code)) == 1:
        predicted[:, code[0]] = 1.0
        return predicted
    x_train, x_test = _prepared(classifier, features, train, test, seed)
    model = classifier.make(seed)
    model.fit(x_train[row], code, sample_weight=shares[train][row, code])
    predicted[:, model.classes_] = model.predict_proba(x_test)
    return predicted


def prepared(features: Features, train: NDArray[np.intp], rows: NDArray[np.intp]) -> Any:
    """What a linear model or a network sees of the examples `rows`: (n, F), sparse where there are texts.

    Words, means and scales come from the examples `train` alone.
    """
    numbers = _numbers(features.numbers, train, rows, True)
    if features.texts is None:
        return numbers
    return sparse.hstack([sparse.csr_array(numbers), _words(features.texts, train, rows)[1]]).tocsr()


def _prepared(classifier: Classifier, features: Features, train: NDArray[np.intp], test: NDArray[np.intp], seed: int) -> tuple[Any, Any]:
    """What the model sees of the examples `train` and `test`; words, means and scales come from `train` alone."""
    numbers = [_numbers(features.numbers, train, rows, classifier.linear) for rows in (train, test)]
    if features.texts is None:
        return numbers[0], numbers[1]
    words = _words(features.texts, train, test)
    if classifier.linear:
        return tuple(sparse.hstack([sparse.csr_array(n), w]).tocsr() for n, w in zip(numbers, words, strict=True))
    from sklearn.decomposition import TruncatedSVD

    if words[0].shape[1] > TEXT_DIMENSIONS:
        meaning = TruncatedSVD(TEXT_DIMENSIONS, random_state=seed).fit(words[0])
        dense = [meaning.transform(w) for w in words]
    else:
        dense = [w.toarray() for w in words]
    return np.hstack([numbers[0], dense[0]]), np.hstack([numbers[1], dense[1]])


def _numbers(numbers: NDArray[np.float64], train: NDArray[np.intp], rows: NDArray[np.intp], scale: bool) -> NDArray[np.float64]:
    """Rows (n, F) with the training mean where a number is unknown; scaled to the training spread for linear models."""
    known = ~np.isnan(numbers[train])
    n = np.maximum(known.sum(axis=0), 1)
    mean = np.where(known, numbers[train], 0.0).sum(axis=0) / n
    filled = np.where(np.isnan(numbers[rows]), mean, numbers[rows])
    if not scale:
        return filled
    spread = np.sqrt((np.where(known, numbers[train] - mean, 0.0) ** 2).sum(axis=0) / n)
    scaled: NDArray[np.float64] = (filled - mean) / np.where(spread > 0, spread, 1.0)
    return scaled


def _words(texts: tuple[str, ...], train: NDArray[np.intp], test: NDArray[np.intp]) -> list[Any]:
    """TF-IDF of words and pairs of words, learned from the training texts; no columns when these hold no word."""
    from sklearn.feature_extraction.text import TfidfVectorizer

    vectorizer = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, max_features=MOST_WORDS, token_pattern=r"(?u)\b\w+\b")
    try:
        vectorizer.fit([texts[i] for i in train])
    except ValueError:  # an empty vocabulary
        return [sparse.csr_array((len(rows), 0)) for rows in (train, test)]
    return [vectorizer.transform([texts[i] for i in rows]) for rows in (train, test)]
