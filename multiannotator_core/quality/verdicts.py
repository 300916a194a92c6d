"""A plain verdict on each annotator, by one documented rule on intervals."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import betainc, betaincinv

from ..consensus import Consensus
from ..labels import CrowdLabels
from .uncertainty import ConfusionPosterior, confusion_posterior, intervals_of

VERDICTS = ("trustworthy", "ordinary", "mixes up", "answers at random", "always says", "not enough data")

MIN_LABELS = 10  # fewer labels say nothing, however sure the crowd is
WIDEST = 0.6  # an interval of the skill that is wider than this leaves everything open
TRUSTED_SKILL = 0.6  # "substantial" agreement in the scale of Landis & Koch (1977)
RANDOM_SKILL = 0.3  # at most this far from chance, of the way to perfect
ALWAYS = 0.8  # share of the examples of other classes that get the one class
MIXED_UP = 0.3  # share of a class that is called another one
TIMES_CROWD = 2.0  # a mix-up is the annotator's own when it is this often as frequent as in the crowd ...
OWN_FAULT = 0.5  # ... or as frequent as this
WEAK_PRIOR = 2.0  # imagined labels of the crowd for each class, when a mix-up is judged

RULE = f"""The first line that holds is the verdict. Skill is 0 for whoever labels without looking and 1 for whoever is always right; \
an interval is sure at the chosen level (95 %).
1. always says c: of the examples whose consensus is another class, surely more than {ALWAYS:.0%} get c.
2. not enough data: fewer than {MIN_LABELS} labels, or one class only.
3. answers at random: the interval of the skill lies between -{RANDOM_SKILL} and {RANDOM_SKILL}, and 0 is in it.
4. mixes up a and b: surely calls a "b" in more than {MIXED_UP:.0%} of the cases, and in more than {TIMES_CROWD:.0f} times \
as many as the crowd or in more than {OWN_FAULT:.0%}.
5. trustworthy: the skill is surely above {TRUSTED_SKILL}.
6. not enough data: the interval of the skill is wider than {WIDEST}.
7. ordinary: everybody else."""


def annotator_verdicts(
    labels: CrowdLabels,
    result: Consensus,
    level: float = 0.95,
    seed: int = 0,
    gold: Mapping[Hashable, Hashable] | pd.Series | None = None,
) -> pd.DataFrame:
    """The table of `annotator_intervals` with a verdict on each annotator; the rule is RULE.

    Returns:
        verdict: one of VERDICTS; class_a, class_b: the class that is always said, or the true class and what it is
        called instead (pd.NA elsewhere); sentence: the verdict in words. Then the columns of `annotator_intervals`.

    Raises:
        ValueError: level is not between 0 and 1, or gold does not fit.
    """
    return verdicts_of(labels, result, confusion_posterior(labels, result, gold), level, seed)


def verdicts_of(labels: CrowdLabels, result: Consensus, confusions: ConfusionPosterior, level: float = 0.95, seed: int = 0) -> pd.DataFrame:
    """`annotator_verdicts` from confusions that are known already."""
    intervals = intervals_of(confusions, level, seed)
    always, constant = _always(labels, result, level)
    mixed, true, given = _mix_up(confusions, level)
    low, high = intervals["skill_low"].to_numpy(), intervals["skill_high"].to_numpy()
    too_few = (labels.labels_per_annotator < MIN_LABELS) | (high - low > WIDEST) | (len(labels.classes) < 2)
    at_random = (low > -RANDOM_SKILL) & (low <= 0) & (high >= 0) & (high < RANDOM_SKILL)
    verdict = np.select(
        [always, too_few, at_random, mixed, low > TRUSTED_SKILL],
        ["always says", "not enough data", "answers at random", "mixes up", "trustworthy"],
        "ordinary",
    )
    names = labels.classes.tolist()
    class_a = [
        names[c] if v == "always says" else names[t] if v == "mixes up" else pd.NA for v, c, t in zip(verdict, constant, true, strict=True)
    ]
    class_b = [names[g] if v == "mixes up" else pd.NA for v, g in zip(verdict, given, strict=True)]
    sentences = [_sentence(v, a, b) for v, a, b in zip(verdict, class_a, class_b, strict=True)]
    columns: dict[str, Any] = {
        "verdict": verdict,
        "class_a": pd.Series(class_a, dtype=object).convert_dtypes().array,
        "class_b": pd.Series(class_b, dtype=object).convert_dtypes().array,
        "sentence": sentences,
    }
    return pd.concat([pd.DataFrame(columns, index=labels.annotators), intervals], axis=1)


def _names(labels: CrowdLabels, codes: NDArray[np.intp], known: NDArray[np.bool_]) -> list[Any]:
    return [labels.classes[code] if named else pd.NA for code, named in zip(codes.tolist(), known.tolist(), strict=True)]


def _sentence(verdict: str, a: Hashable, b: Hashable) -> str:
    if verdict == "mixes up":
        return f"mixes up {a} and {b} (calls {a} {b})"
    return f"always says {a}" if verdict == "always says" else verdict


def _always(labels: CrowdLabels, result: Consensus, level: float) -> tuple[NDArray[np.bool_], NDArray[np.intp]]:
    """Who surely gives one class to most examples of other classes, and the class each annotator gives most (J,)."""
    n_annotators, k = len(labels.annotators), len(labels.classes)
    cell = labels.annotator.astype(np.int64) * k + labels.label
    most = np.bincount(cell, minlength=n_annotators * k).reshape(n_annotators, k).argmax(axis=1)
    constant = most[labels.annotator]
    other = result.label[labels.example] != constant
    n = np.bincount(labels.annotator, weights=other, minlength=n_annotators)
    said = np.bincount(labels.annotator, weights=other & (labels.label == constant), minlength=n_annotators)
    # Jeffreys' interval: the crowd's prior would speak against what nobody else does.
    return betaincinv(said + 0.5, n - said + 0.5, (1 - level) / 2) > ALWAYS, most


def _mix_up(confusions: ConfusionPosterior, level: float) -> tuple[NDArray[np.bool_], NDArray[np.intp], NDArray[np.intp]]:
    """Who surely mixes up two classes, and the clearest pair (true, given) of each annotator (J,)."""
    k, prior = len(confusions.share), confusions.prior.crowd
    strength = prior.sum(axis=1, keepdims=True)
    crowd = prior / strength
    limit = np.clip(TIMES_CROWD * crowd, MIXED_UP, OWN_FAULT)
    # As with the one class, the crowd's prior may not talk an annotator out of what nobody else does.
    total = confusions.counts + crowd * np.minimum(strength, WEAK_PRIOR)
    rows = total.sum(axis=2)
    excess = np.where(np.eye(k, dtype=bool), -1.0, total / rows[:, :, None] - limit) * np.sqrt(rows)[:, :, None]
    pair = excess.reshape(len(excess), k * k).argmax(axis=1)
    everyone, true, given = np.arange(len(excess)), pair // k, pair % k
    called = total[everyone, true, given]
    below = betainc(called, np.maximum(rows[everyone, true] - called, 1e-9), limit[true, given])
    return (below < (1 - level) / 2) & (excess[everyone, true, given] > 0), true, given
