"""Simulated crowds, to learn which method to trust before money is spent: `simulate` and the STRATEGIES it knows.

A new strategy is one function from a `Setting` to a `Crowd`, and one line in STRATEGIES.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from ..labels import CrowdLabels
from ..names import listed
from .assignment import assign, blocks
from .confusions import checked_confusion, given_confusion, hammer_spammer, independent_confusion, mace, one_coin, student_teacher
from .crowd import Codes, Crowd, Floats, Random, Rows, Sampler, Setting
from .loads import LOADS, relative_loads
from .profiles import profiles
from .situations import copying, discrete_difficulty, drift, glad

__all__ = ["LOADS", "STRATEGIES", "SimulatedCrowd", "Strategy", "option_words", "profiles", "simulate", "strategy_options"]

# Timed crowds work from this moment on for this long: a date as good as any other, fixed so that a seed gives the same table.
FIRST_LABEL = np.datetime64("2026-01-05T08:00:00", "us")
WORKING_TIME = np.timedelta64(28, "D").astype("timedelta64[us]")


@dataclass(frozen=True)
class Strategy:
    """A way a crowd behaves: its title, the function that makes one, and where it comes from."""

    title: str
    run: Callable[..., Crowd]
    reference: str = ""


STRATEGIES: dict[str, Strategy] = {
    "hammer-spammer": Strategy("Hammers and spammers", hammer_spammer, "Lefort et al., figure 5"),
    "independent-confusion": Strategy("Independent mistakes", independent_confusion, "Lefort et al., section 3.2.1"),
    "student-teacher": Strategy("Correlated mistakes: students and teachers", student_teacher, "Lefort et al., section 3.2.2"),
    "discrete-difficulty": Strategy("Easy and hard examples", discrete_difficulty, "Lefort et al., section 7.1"),
    "one-coin": Strategy("One ability for each annotator", one_coin, "Zhang et al. 2014"),
    "glad": Strategy("Abilities and difficulties", glad, "Whitehill et al. 2009"),
    "mace": Strategy("Honest labels and spam", mace, "Hovy et al. 2013"),
    "copying": Strategy("Annotators who copy", copying),
    "drift": Strategy("Annotators who tire", drift),
    "given-confusion": Strategy("Given confusion matrices", given_confusion),
}


@dataclass(frozen=True, eq=False)
class SimulatedCrowd:
    """A crowd whose truth is known: N examples, J annotators, K classes. Arrays are read-only.

    Attributes:
        labels: what the annotators said; examples, annotators and classes are called 0, 1, 2 ...
        truth: the true class (N,), indexed by example name.
        confusion: (J, K, K) [annotator, true class, given class] that the labels come from, over all examples of this crowd.
        difficulty: (N,) high = hard, or None.
        annotator_accuracy: (J,) chance to be right on an example of this crowd.
        extra: what the strategy has of its own, arrays by name, such as `spammer` (J,) or `teacher` (J,).
        strategy, options: what was drawn.
    """

    labels: CrowdLabels
    truth: pd.Series
    confusion: Floats
    difficulty: Floats | None
    annotator_accuracy: Floats
    extra: Mapping[str, NDArray[Any]]
    strategy: str
    options: Mapping[str, Any]

    def __post_init__(self) -> None:
        for name in ("extra", "options"):
            object.__setattr__(self, name, MappingProxyType(dict(getattr(self, name))))
        for array in (self.confusion, self.difficulty, self.annotator_accuracy, *self.extra.values()):
            if array is not None:
                array.flags.writeable = False


def simulate(
    strategy: str = "hammer-spammer",
    *,
    n_examples: int = 200,
    n_annotators: int = 30,
    n_classes: int = 5,
    labels_per_example: int = 10,
    seed: int = 0,
    imbalance: bool = False,
    ratio: float | None = None,
    ratio_difficulty: float | None = None,
    labels_per_annotator: int | Sequence[int] | None = None,
    load: str | ArrayLike = "equal",
    class_balance: Sequence[float] | None = None,
    **options: Any,
) -> SimulatedCrowd:
    """Draw a crowd and its labels; the same arguments always give the same crowd.

    Time and memory grow with the number of labels, not with examples × annotators.

    Args:
        strategy: a name in STRATEGIES.
        n_examples, n_annotators, n_classes: the size; `given-confusion` takes the last two from its matrices.
        labels_per_example: distinct annotators for each example.
        seed: annotators, truth, assignment and labels have a random stream each, so that the same seed with more
            labels asks the same annotators about the same truth.
        imbalance: the number of labels is uniform from 1 to labels_per_example.
        ratio: share of spammers (hammer-spammer), students (student-teacher), good annotators (discrete-difficulty),
            copiers (copying), or tired annotators (drift); None: the strategy's own default.
        ratio_difficulty: P(easy) / P(hard) in discrete-difficulty; None: 1.
        labels_per_annotator: instead of labels_per_example, distinct examples for each annotator, one number or (J,) of them;
            an example may get none.
        load: with labels_per_example, who is asked: "equal" (uniformly), "heavy-tailed" (a few annotators give most labels, as in
            real crowds), or (J,) numbers above 0, relative to each other.
        class_balance: relative frequency (K,) of the true classes; default: all the same.
        options: what the strategy has of its own; see `strategy_options`.

    Raises:
        ValueError: a name is unknown or a number is out of its range.
    """
    own = {"ratio": ratio, "ratio_difficulty": ratio_difficulty, **options}
    own = _checked_options(strategy, {name: value for name, value in own.items() if value is not None})
    if "confusion" in own:
        own["confusion"] = checked_confusion(own["confusion"])
        n_annotators, n_classes = own["confusion"].shape[:2]
    _check_sizes(n_examples, n_annotators, n_classes, labels_per_example)
    each = _checked_load(labels_per_annotator, load, n_examples, n_annotators, labels_per_example)
    setting = Setting(n_examples, n_annotators, n_classes, _balance(class_balance, n_classes))
    crowd_rng, truth_rng, assignment_rng, label_rng = np.random.default_rng(seed).spawn(4)
    crowd = STRATEGIES[strategy].run(crowd_rng, setting, **own)
    truth = np.searchsorted(np.cumsum(setting.balance)[:-1], truth_rng.random(n_examples), side="right").astype(np.int32)
    weight = relative_loads(assignment_rng, load, n_annotators)
    example, annotator = assign(
        assignment_rng, n_examples, n_annotators, per_example=labels_per_example, per_annotator=each, imbalance=imbalance, weight=weight
    )
    label, progress = _draw(label_rng, crowd, truth, example, annotator)
    names = (
        pd.RangeIndex(n_examples, name="example"),
        pd.RangeIndex(n_annotators, name="annotator"),
        pd.RangeIndex(n_classes, name="class"),
    )
    times = None if progress is None else FIRST_LABEL + (progress * WORKING_TIME.astype(np.int64)).astype("timedelta64[us]")
    return SimulatedCrowd(
        CrowdLabels(*names, example, annotator, label, timestamp=times),
        pd.Series(truth.astype(np.int64), index=names[0], name="truth"),
        crowd.confusion,
        crowd.difficulty,
        np.einsum("t,jtt->j", np.bincount(truth, minlength=n_classes) / n_examples, crowd.confusion),
        crowd.extra,
        strategy,
        own,
    )


def strategy_options(strategy: str) -> dict[str, inspect.Parameter]:
    """The options of a strategy with their types and defaults, read from its signature.

    Raises:
        ValueError: the strategy is unknown.
    """
    if strategy not in STRATEGIES:
        raise ValueError(f"There is no strategy {strategy!r}; choose one of {', '.join(STRATEGIES)}.")
    parameters = inspect.signature(STRATEGIES[strategy].run, eval_str=True).parameters
    return {name: parameter for name, parameter in parameters.items() if parameter.kind is parameter.KEYWORD_ONLY}


def option_words(strategy: str) -> dict[str, str]:
    """What each option of a strategy means, from its docstring.

    Raises:
        ValueError: the strategy is unknown.
    """
    known = strategy_options(strategy)
    _, _, told = inspect.getdoc(STRATEGIES[strategy].run).partition("Args:")  # type: ignore[union-attr]
    words: dict[str, str] = {}
    for line in told.partition("\n\n")[0].splitlines():
        names, colon, text = line.strip().partition(": ")
        if colon and all(name in known for name in names.split(", ")):
            words |= dict.fromkeys(names.split(", "), text)
        elif words:
            words[next(reversed(words))] += f" {line.strip()}"
    return words


def _draw(rng: Random, crowd: Crowd, truth: Codes, example: Codes, annotator: Codes) -> tuple[Codes, Floats | None]:
    """Label (L,) of each row, and its progress (L,) in timed crowds; in blocks of whole examples."""
    draw = crowd.label
    if draw is None:
        sampler = Sampler(crowd.confusion)

        def draw(rng: Random, rows: Rows) -> Codes:
            return sampler(rows.annotator, rows.truth, rng.random(len(rows.truth)))

    label = np.empty(len(example), dtype=np.int32)
    progress = rng.random(len(example)) if crowd.timed else None
    for _, part in blocks(np.bincount(example, minlength=len(truth))):
        rows = Rows(example[part], annotator[part], truth[example[part]], None if progress is None else progress[part])
        label[part] = draw(rng, rows)
    return label, progress


def _checked_options(strategy: str, options: dict[str, Any]) -> dict[str, Any]:
    """The options with the strategy's defaults filled in."""
    known = strategy_options(strategy)
    for name in options:
        if name not in known:
            has = f"its options are {listed(known)}" if known else "it has none of its own"
            owners = [other for other in STRATEGIES if name in strategy_options(other)]
            hint = f" {name!r} belongs to {listed(owners)}." if owners else ""
            raise ValueError(f"Strategy {strategy!r} has no option {name!r}; {has}.{hint}")
    filled = {name: options.get(name, parameter.default) for name, parameter in known.items()}
    for name, value in filled.items():
        if value is inspect.Parameter.empty:
            raise ValueError(f"Strategy {strategy!r} needs {name}=.")
        if known[name].annotation is float and not isinstance(value, (int, float, np.integer, np.floating)):
            raise ValueError(f"{name} must be a number, got {value!r}.")
    return filled


def _check_sizes(n_examples: int, n_annotators: int, n_classes: int, per_example: int) -> None:
    least = {"n_examples": (n_examples, 1), "n_annotators": (n_annotators, 1), "n_classes": (n_classes, 2)}
    for name, (value, bound) in (least | {"labels_per_example": (per_example, 1)}).items():
        if not isinstance(value, (int, np.integer)) or isinstance(value, bool) or value < bound:
            raise ValueError(f"{name} must be a whole number of {bound} or more, got {value!r}.")


def _checked_load(
    per_annotator: int | Sequence[int] | None, load: str | ArrayLike, n_examples: int, n_annotators: int, per_example: int
) -> NDArray[np.int64] | None:
    """(J,) labels of each annotator, or None where the labels of each example are given."""
    if per_annotator is None:
        if per_example > n_annotators:
            raise ValueError(
                f"labels_per_example={per_example}, but there are only {n_annotators} annotators, and each labels an example at most "
                "once. Ask for fewer labels or for more annotators."
            )
        return None
    if not isinstance(load, str) or load != "equal":
        raise ValueError("labels_per_annotator says itself what each annotator labels; leave out load, or give labels_per_example.")
    given = np.asarray(per_annotator)
    if given.shape not in ((), (n_annotators,)):
        raise ValueError(
            f"labels_per_annotator has shape {given.shape}; give one number, or one for each of the {n_annotators} annotators."
        )
    if given.dtype.kind not in "iu" or given.min() < (0 if given.ndim else 1) or not given.any():
        raise ValueError(f"labels_per_annotator must be a whole number of 1 or more, or several of 0 or more; got {per_annotator!r}.")
    if given.max() > n_examples:
        raise ValueError(f"labels_per_annotator={given.max()}, but there are only {n_examples} examples. Ask for fewer labels each.")
    return np.broadcast_to(given, n_annotators).astype(np.int64)


def _balance(class_balance: Sequence[float] | None, n_classes: int) -> Floats:
    """(K,) chance of each true class."""
    if class_balance is None:
        return np.full(n_classes, 1 / n_classes)
    balance = np.asarray(class_balance, dtype=np.float64)
    if balance.shape != (n_classes,):
        raise ValueError(f"class_balance has {balance.size} numbers, but there are {n_classes} classes; give one for each class.")
    if not np.isfinite(balance).all() or (balance < 0).any() or balance.sum() <= 0:
        raise ValueError(f"class_balance must hold numbers of 0 or more, not all 0; got {balance.tolist()}.")
    shares: Floats = balance / balance.sum()
    return shares
