"""Compare our drop-in functions with cleanlab on seeded random inputs, and time both in one process.

A rare case differs because a tie is open but for rounding, and cleanlab lets the rounding decide: see the first
lines of `multiannotator_core/multiannotator.py`. Such a case is known by this: cleanlab's own answer changes when
the annotators change places or the model's probabilities change by one part in 10^13, or nothing differs but a worst class that is
tied so.

Run where cleanlab 2.9.0 is installed beside this library:

    python benchmarks/compare_cleanlab.py values --cases 300
    python benchmarks/compare_cleanlab.py speed --examples 20000 --annotators 200
"""

from __future__ import annotations

import argparse
import contextlib
import io
import logging
import time
import warnings
from collections import Counter
from collections.abc import Callable
from typing import Any

import cleanlab.multiannotator as peer
import numpy as np
import pandas as pd

import multiannotator_core.multiannotator as own

LARGEST_DIFFERENCE = 1e-8
SHUFFLES = 10
ROUNDING = 1e-12  # annotators whose sorting keys differ by less may change places


def random_table(rng: np.random.Generator, n_classes: int, n_annotators: int) -> np.ndarray:
    """A wide table: some classes never said, some examples with one label, no empty row or column."""
    n_examples = int(rng.integers(6, 80))
    used = rng.permutation(n_classes)[: max(2, n_classes - int(rng.integers(0, 3)))]
    truth = rng.choice(used, n_examples)
    skill = rng.uniform(0.2, 0.98, n_annotators)
    right = rng.random((n_examples, n_annotators)) < skill
    table = np.where(right, truth[:, None], rng.choice(used, (n_examples, n_annotators))).astype(float)
    density = rng.choice([0.15, 0.4, 0.9])
    table[rng.random(table.shape) > density] = np.nan
    single = rng.random(n_examples) < rng.choice([0.0, 0.3, 0.7])
    for i in np.flatnonzero(single):
        table[i, rng.permutation(n_annotators)[1:]] = np.nan
    for i in np.flatnonzero(np.isnan(table).all(axis=1)):
        table[i, rng.integers(n_annotators)] = truth[i]
    for j in np.flatnonzero(np.isnan(table).all(axis=0)):
        table[rng.integers(n_examples), j] = rng.choice(used)
    return table


def random_model(rng: np.random.Generator, table: np.ndarray, n_classes: int) -> np.ndarray:
    """(N, K) probabilities that lean towards one of the labels; sometimes rounded (ties), sometimes with zeros."""
    lean = np.array([rng.choice(row[~np.isnan(row)]) for row in table]).astype(int)
    alpha = np.full((len(table), n_classes), 0.5)
    alpha[np.arange(len(table)), lean] += rng.choice([0.5, 2.0, 20.0])
    probabilities = rng.gamma(alpha) + 1e-12
    style = rng.integers(4)
    if style == 0:
        probabilities = np.round(probabilities / probabilities.sum(axis=1, keepdims=True), 1) + 1e-300
    if style == 1:
        probabilities[rng.random(probabilities.shape) < 0.2] = 0.0
        probabilities[np.arange(len(table)), lean] += 0.1
    return probabilities / probabilities.sum(axis=1, keepdims=True)


def largest_difference(mine: Any, theirs: Any) -> float:
    """Between two results of the same kind; infinite if they differ in keys, names, order, types or shape."""
    if isinstance(theirs, dict):
        same = list(mine) == list(theirs)
        return max((largest_difference(mine[key], theirs[key]) for key in theirs), default=0.0) if same else np.inf
    if isinstance(theirs, pd.DataFrame):
        if list(mine.columns) != list(theirs.columns) or list(mine.dtypes) != list(theirs.dtypes):
            return np.inf
        if mine.index.names != theirs.index.names or mine.index.dtype != theirs.index.dtype or mine.columns.dtype != theirs.columns.dtype:
            return np.inf
        if not mine.index.equals(theirs.index):
            if float(np.abs(mine.to_numpy(float)[:, :2] - theirs.to_numpy(float)[:, :2]).max(initial=0.0)) > ROUNDING:
                return np.inf
            mine, theirs = mine.sort_index(), theirs.sort_index()  # the order of annotators that are equal but for rounding
            if not mine.index.equals(theirs.index):
                return np.inf
        return largest_difference(mine.to_numpy(float), theirs.to_numpy(float))
    if isinstance(theirs, tuple):
        return max(largest_difference(m, t) for m, t in zip(mine, theirs, strict=True))
    mine, theirs = np.asarray(mine, dtype=float), np.asarray(theirs, dtype=float)
    if mine.shape != theirs.shape or (np.isnan(mine) != np.isnan(theirs)).any():
        return np.inf
    return float(np.nanmax(np.abs(mine - theirs), initial=0.0))


def outcome(call: Callable[[], Any]) -> tuple[str, Any]:
    """('value', result), ('random', None) where cleanlab drew lots, or ('error', type)."""
    with warnings.catch_warnings(record=True) as caught, contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("always")
        try:
            result = call()
        except (ValueError, TypeError, KeyError, IndexError) as error:
            return "error", type(error)
    drew = any("random selection" in str(warning.message) for warning in caught)
    return ("random", None) if drew else ("value", result)


def undecided(function: str, arguments: list[Any], options: dict[str, Any], theirs: Any) -> bool:
    """Whether rounding decides cleanlab's answer."""
    for trial in range(SHUFFLES):
        rng = np.random.default_rng(trial)
        table, *models = arguments
        order = rng.permutation(table.shape[1])
        shuffled = table.iloc[:, order] if isinstance(table, pd.DataFrame) else table[:, order]
        nudged = [model * (1 + 1e-13 * rng.uniform(-1, 1, model.shape)) for model in models]
        for labels, given in ((shuffled, models), (table, nudged)):
            kind, again = outcome(lambda: getattr(peer, function)(labels.copy(), *(m.copy() for m in given), **options))  # noqa: B023
            if kind != "value":
                return True
            if largest_difference(consensus_of(again), consensus_of(theirs)) > LARGEST_DIFFERENCE:
                return True
    return False


def worst_class_tied(table: Any, mine: Any, theirs: Any) -> bool:
    """Whether the results differ in nothing but worst classes whose mean quality is the same but for rounding."""
    if not isinstance(theirs, dict) or "annotator_stats" not in theirs:
        return False
    stats = [result["annotator_stats"].sort_index() for result in (mine, theirs)]
    rest = [{**result, "annotator_stats": own.drop(columns="worst_class")} for result, own in zip((mine, theirs), stats, strict=True)]
    if largest_difference(*rest) > LARGEST_DIFFERENCE:
        return False
    quality = theirs["label_quality"]["consensus_quality_score"].to_numpy()
    for who, first, second in zip(stats[0].index, stats[0]["worst_class"], stats[1]["worst_class"], strict=True):
        said = (table[who] if isinstance(table, pd.DataFrame) else pd.Series(table[:, who])).to_numpy(float, na_value=np.nan)
        if abs(quality[said == first].mean() - quality[said == second].mean()) > ROUNDING:
            return False
    return True


def consensus_of(result: Any) -> Any:
    """What does not depend on the order of the annotators."""
    return result["label_quality"] if isinstance(result, dict) else result


def calls(rng: np.random.Generator) -> dict[str, tuple[str, list[Any], dict[str, Any]]]:
    """The calls of one random case: name -> (function, arguments, options)."""
    n_classes, n_annotators = int(rng.integers(2, 9)), int(rng.integers(2, 61))
    table = random_table(rng, n_classes, n_annotators)
    models = np.array([random_model(rng, table, n_classes) for _ in range(3)])
    pool = np.array([random_model(rng, random_table(rng, n_classes, 3)[:6], n_classes) for _ in range(3)])
    labels: Any = table
    if rng.random() < 0.6:
        labels = pd.DataFrame(table, columns=[f"a{j}" for j in range(n_annotators)], index=rng.permutation(len(table)))
        if rng.random() < 0.5:
            labels = labels.astype("Int64")
    single = np.full_like(table, np.nan)
    for i, row in enumerate(table):
        j = rng.choice(np.flatnonzero(~np.isnan(row)))
        single[i, j] = row[j]
    single = single[:, ~np.isnan(single).all(axis=0)]
    whole = np.where(np.isnan(table), 0, table).astype(int)  # an array without gaps
    methods = [["best_quality"], "majority_vote", ["majority_vote", "best_quality"], ["best_quality", "majority_vote"]]
    scores = [{}, {"method": "normalized_margin"}, {"method": "confidence_weighted_entropy"}, {"adjust_pred_probs": True}]
    scores += [{"method": "normalized_margin", "adjust_pred_probs": True}]
    flags = {"return_detailed_quality": bool(rng.random() < 0.8), "return_annotator_stats": bool(rng.random() < 0.8)}
    quality = "get_label_quality_multiannotator"
    return {
        "default": (quality, [labels, models[0]], {"return_weights": True}),
        "methods": (quality, [labels, models[0]], {"consensus_method": methods[rng.integers(4)], **flags}),
        "calibrated": (quality, [labels, models[0]], {"calibrate_probs": True, "return_weights": True, **flags}),
        "agreement": (quality, [labels, models[0]], {"quality_method": "agreement", "consensus_method": methods[rng.integers(4)]}),
        "scores": (quality, [labels, models[0]], {"label_quality_score_kwargs": scores[rng.integers(5)], **flags}),
        "ensemble": (quality + "_ensemble", [labels, models], {"return_weights": True, **flags}),
        "ensemble calibrated": (quality + "_ensemble", [labels, models], {"calibrate_probs": True, "return_weights": True}),
        "majority": ("get_majority_vote_label", [labels], {}),
        "majority with model": ("get_majority_vote_label", [labels, models[0]], {}),
        "active": ("get_active_learning_scores", [labels, models[0], pool[0]], {}),
        "active ensemble": ("get_active_learning_scores_ensemble", [labels, models, pool], {}),
        "active one label": ("get_active_learning_scores", [single, models[0], pool[0]], {}),
        "active one label ensemble": ("get_active_learning_scores_ensemble", [single, models, pool], {}),
        "whole numbers": (quality, [whole, models[0]], {"calibrate_probs": True, "return_weights": True}),
        "whole numbers active": ("get_active_learning_scores", [whole, models[0], pool[0]], {}),
        "whole numbers agreement": (quality, [whole, models[0]], {"quality_method": "agreement"}),
        "active unlabelled": ("get_active_learning_scores", [None, None, pool[0]], {}),
        "active unlabelled ensemble": ("get_active_learning_scores_ensemble", [None, None, pool], {}),
    }


def compare_values(n_cases: int, seed: int) -> None:
    """Print, for each kind of call, how many cases agree, and every case that does not."""
    counts: dict[str, Counter[str]] = {}
    worst: dict[str, float] = {}
    for case in range(n_cases):
        for name, (function, arguments, options) in calls(np.random.default_rng([seed, case])).items():
            copies = [a.copy() if hasattr(a, "copy") else a for a in arguments]  # cleanlab overwrites its inputs
            kind, theirs = outcome(lambda: getattr(peer, function)(*copies, **options))  # noqa: B023
            my_kind, mine = outcome(lambda: getattr(own, function)(*arguments, **options))  # noqa: B023
            verdict = kind
            if kind == "value":
                difference = largest_difference(mine, theirs) if my_kind == "value" else np.inf
                verdict = "agree" if difference < LARGEST_DIFFERENCE else "DIFFER"
                if verdict == "DIFFER" and my_kind == "value" and arguments[0] is not None:
                    tied = worst_class_tied(arguments[0], mine, theirs) or undecided(function, arguments, options, theirs)
                    verdict = "rounding decides there" if tied else verdict
                if verdict == "DIFFER":
                    print(f"case {case}, {name}: " + (f"{difference:.3g}" if my_kind == "value" else str(mine)))
                if verdict == "agree":
                    worst[name] = max(worst.get(name, 0.0), difference)
            elif kind == "error":
                verdict = f"both {theirs.__name__}" if (my_kind, mine) == (kind, theirs) else f"{theirs.__name__} there, {my_kind} here"
            counts.setdefault(name, Counter())[verdict] += 1
    for name, counter in counts.items():
        print(f"{name:28s} largest difference {worst.get(name, 0.0):.1e}   " + ", ".join(f"{v} {k}" for k, v in counter.items()))


def compare_speed(n_examples: int, n_annotators: int, per_example: int, n_classes: int) -> None:
    """Time both on the same table, one after the other in this process, and print the ratio."""
    rng = np.random.default_rng(0)
    truth = rng.integers(n_classes, size=n_examples)
    table = np.full((n_examples, n_annotators), np.nan)
    for _ in range(per_example):
        who = rng.integers(n_annotators, size=n_examples)
        said = np.where(rng.random(n_examples) < 0.7, truth, rng.integers(n_classes, size=n_examples))
        table[np.arange(n_examples), who] = said
    table[np.arange(n_annotators) % n_examples, np.arange(n_annotators)] = truth[np.arange(n_annotators) % n_examples]
    model = rng.dirichlet(np.ones(n_classes), n_examples)
    model[np.arange(n_examples), truth] += 1.5
    model /= model.sum(axis=1, keepdims=True)
    print(f"{n_examples:,} examples, {n_annotators:,} annotators, {int((~np.isnan(table)).sum()):,} labels, K = {n_classes}")
    for function in ("get_majority_vote_label", "get_label_quality_multiannotator", "get_active_learning_scores"):
        spent, results = [], []
        for module in (own, peer):
            start = time.perf_counter()
            _, result = outcome(lambda: getattr(module, function)(table, model))  # noqa: B023
            spent.append(time.perf_counter() - start)
            results.append(result)
        ratio = spent[1] / spent[0]
        gap = largest_difference(*results)
        print(f"{function:36s} ours {spent[0]:8.3f} s, cleanlab {spent[1]:8.3f} s, ratio {ratio:7.1f}, difference {gap:.1e}")


def main() -> None:
    """Read the command line."""
    logging.disable(logging.CRITICAL)
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=("values", "speed"))
    parser.add_argument("--cases", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--examples", type=int, default=20_000)
    parser.add_argument("--annotators", type=int, default=200)
    parser.add_argument("--labels", type=int, default=5, help="labels an example")
    parser.add_argument("--classes", type=int, default=10)
    arguments = parser.parse_args()
    if arguments.what == "values":
        compare_values(arguments.cases, arguments.seed)
    else:
        compare_speed(arguments.examples, arguments.annotators, arguments.labels, arguments.classes)


if __name__ == "__main__":
    main()
