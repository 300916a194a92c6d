"""Data on which methods are compared: the user's own with gold, a sample, or a simulated crowd; each gives one set a seed."""

from __future__ import annotations

import hashlib
import inspect
import json
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import pandas as pd

from ..align import ensemble, positions
from ..labels import CrowdLabels
from ..samples import SAMPLES, load_sample
from ..simulate import LOADS, STRATEGIES, simulate, strategy_options

# The part of the examples that a seed takes where there are several: intervals then say how far a result hangs on which were labelled.
SHARE = 0.8

# Fewer gold labels say too little about an annotator's accuracy to rank it.
LEAST_GOLD_LABELS = 10


@dataclass(frozen=True, eq=False)
class Judged:
    """A set with its truth: labels, true classes by example, accuracy (J,) of annotators (NaN = unknown), and a model's pred_probs."""

    labels: CrowdLabels
    truth: pd.Series
    annotator_truth: np.ndarray[Any, np.dtype[np.float64]]
    pred_probs: Any = None


class Source(Protocol):
    """Gives a judged set for a seed; `key` is equal for equal sources, and only for those."""

    @property
    def name(self) -> str:
        """What tables call it."""

    @property
    def key(self) -> str:
        """Names it in stored results."""

    @property
    def share(self) -> float:
        """The part of its examples that a seed takes; 1 where seeds are independent sets."""

    def draw(self, seed: int) -> Judged:
        """The set of a seed."""


@dataclass(frozen=True, eq=False)
class Simulated:
    """A simulated crowd: `options` go to `simulate`; each seed is another crowd of the same kind."""

    strategy: str
    options: Mapping[str, Any] = field(default_factory=dict)
    title: str = ""

    @property
    def name(self) -> str:
        """The strategy, with the options that were given."""
        return self.title or ", ".join([STRATEGIES[self.strategy].title, *(f"{k} {v}" for k, v in self.options.items())])

    @property
    def share(self) -> float:
        """Each seed is a crowd of its own."""
        return 1.0

    @property
    def key(self) -> str:
        """Strategy and options."""
        return _digest(["simulated", self.strategy, dict(self.options)])

    def draw(self, seed: int) -> Judged:
        """The crowd of a seed."""
        crowd = simulate(self.strategy, seed=seed, **dict(self.options))
        return Judged(crowd.labels, crowd.truth, crowd.annotator_accuracy)


@dataclass(frozen=True, eq=False)
class Own:
    """Labels whose true classes are known for some examples; a seed takes a random `share` of the examples.

    Attributes:
        pred_probs: (N, K) probabilities of a model by position or by name, a list of them, or None.
    """

    name: str
    labels: CrowdLabels
    truth: pd.Series
    pred_probs: Any = None
    share: float = 1.0

    @property
    def key(self) -> str:
        """Labels, truth, model and share."""
        models = [] if self.pred_probs is None else ensemble(self.labels, self.pred_probs)
        hashes = [hashlib.blake2b(np.ascontiguousarray(model).tobytes(), digest_size=16).hexdigest() for model in models]
        truth = sorted((repr(name), repr(value)) for name, value in self.truth.items())
        return _digest(["own", self.labels.fingerprint, truth, hashes, self.share])

    def draw(self, seed: int) -> Judged:
        """The part of a seed, in the order of the labels."""
        labels, models = self.labels, None if self.pred_probs is None else ensemble(self.labels, self.pred_probs)
        truth = self.truth[positions(labels.examples, self.truth.index) >= 0]
        if self.share < 1:
            n = len(labels.examples)
            kept = np.sort(np.random.default_rng(seed).permutation(n)[: max(1, round(self.share * n))])
            names = labels.examples.take(kept)
            labels = labels.select(examples=names.tolist())
            truth = truth[positions(names, truth.index) >= 0]
            models = None if models is None else [model[kept] for model in models]
        return Judged(labels, truth, accuracy_on(labels, truth), models)


def simulated(text: str) -> Simulated:
    """A crowd from `student-teacher` or `student-teacher:ratio=0.8,n_examples=500`.

    Raises:
        ValueError: the strategy is unknown, or a part is not OPTION=VALUE.
    """
    strategy, _, rest = text.partition(":")
    if strategy not in STRATEGIES:
        raise ValueError(f"There is no strategy {strategy!r}; choose one of {', '.join(STRATEGIES)}.")
    options = {}
    for part in filter(None, rest.split(",")):
        key, _, value = part.partition("=")
        try:
            options[key] = value if value in LOADS else json.loads(value.casefold())
        except ValueError:
            raise ValueError(f"{text}: write OPTION=VALUE with a number, true or false, as in n_examples=500, and not {part!r}.") from None
    unknown = options.keys() - inspect.signature(simulate).parameters.keys() - strategy_options(strategy).keys()
    if unknown or "seed" in options:
        raise ValueError(f"{text}: {strategy} has no option {min(unknown | ({'seed'} & options.keys()))!r} here.")
    return Simulated(strategy, options)


def own(name: str, labels: CrowdLabels, truth: Mapping[Hashable, Hashable] | pd.Series, pred_probs: Any = None, *, seeds: int = 1) -> Own:
    """The user's own data; with several seeds each takes four fifths of the examples.

    Raises:
        ValueError: no example has a known class.
    """
    series = truth if isinstance(truth, pd.Series) else pd.Series(dict(truth), dtype=object)
    if not (positions(labels.examples, series.index) >= 0).any():
        raise ValueError(f"{name}: no example has a known class, so no method can be judged on it. Add gold, or choose other data.")
    return Own(name, labels, series.dropna(), pred_probs, SHARE if seeds > 1 else 1.0)


def sample(name: str, *, seeds: int = 1) -> Own:
    """A sample of the repository with the truth of every example.

    Raises:
        ValueError: there is no such sample.
    """
    loaded = load_sample(name)
    return own(SAMPLES[name].title, loaded.labels, loaded.truth, loaded.pred_probs, seeds=seeds)


def accuracy_on(labels: CrowdLabels, truth: pd.Series) -> np.ndarray[Any, np.dtype[np.float64]]:
    """(J,) share of right labels of each annotator on examples with a known class; NaN below ten such labels."""
    at = positions(labels.classes, pd.Index(truth.tolist(), tupleize_cols=False))
    true = np.full(len(labels.examples), -2, dtype=np.int64)
    true[positions(labels.examples, truth.index)] = np.where(at < 0, -1, at)
    known = true[labels.example] > -2
    n = np.bincount(labels.annotator[known], minlength=len(labels.annotators))
    right = known & (true[labels.example] == labels.label)
    hits = np.bincount(labels.annotator[right], minlength=len(labels.annotators))
    return np.where(n >= LEAST_GOLD_LABELS, hits / np.maximum(n, 1), np.nan)


def _digest(content: Any) -> str:
    return hashlib.blake2b(json.dumps(content, sort_keys=True, default=str).encode(), digest_size=12).hexdigest()
