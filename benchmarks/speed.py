"""Ours and the peers' on the same simulated crowd, in one process, in balanced order: seconds, ratios, accuracies, peak memory.

python -m benchmarks.speed --sizes S M            (a few minutes)
python -m benchmarks.speed --sizes S M L XL       (writes benchmarks/SPEED.md with all sizes; about half an hour, 16 GiB)
python -m benchmarks.speed --memory               (only the last table, of XL, into SPEED.md as it is)

Every row is kept at once in SPEED.rows.jsonl; a run that was ended goes on from there, `--afresh` begins again.
Needs the environment of requirements-bench.txt. XL has no peers: it measures whether each of our methods fits in 4 GiB.
"""

from __future__ import annotations

import argparse
import gc
import importlib
import io
import multiprocessing
import os
import statistics
import time
import warnings
from collections.abc import Callable
from contextlib import redirect_stdout
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest import mock

import numpy as np
import pandas as pd
import pyarrow.csv

import multiannotator_core as mc
from benchmarks.crowds import conditions, markdown, skewed_confusion
from benchmarks.rows import Rows
from multiannotator_core.threads import VARIABLE

PAGE = Path(__file__).with_name("SPEED.md")

# name -> examples, annotators, classes, labels an example
SIZES = {
    "S": (2_000, 50, 5, 10),
    "M": (100_000, 1_000, 10, 5),
    "L": (1_000_000, 5_000, 10, 5),
    "XL": (1_000_000, 10_000, 10, 10),
}

# A peer that took longer than this once is not run a second time.
PATIENCE = 10.0

# Seconds that a method may take at XL, and where its table begins on the page.
LIMIT = 900.0
LARGEST = "## Every method on"


@dataclass(frozen=True)
class Size:
    """A simulated crowd: the shuffled long table that both sides get, our table, the truth, and a model's probabilities."""

    name: str
    labels: mc.CrowdLabels
    frame: pd.DataFrame
    truth: np.ndarray
    model: np.ndarray


@dataclass(frozen=True)
class Case:
    """One comparison.

    Attributes:
        title: what is compared.
        ours, theirs: size and number of iterations -> class of each example, or a number.
        iterations: by size; sizes that are not named are not run.
        largest: the largest size at which the peer is run at all.
        why: what happens to the peer beyond that.
    """

    title: str
    ours: Callable[[Size, int], Any]
    theirs: Callable[[Size, int], Any]
    iterations: dict[str, int]
    largest: str = "L"
    why: str = ""


def crowd(name: str) -> Size:
    """The crowd of a size, the same every time."""
    n, j, k, per_example = SIZES[name]
    made = mc.simulate("given-confusion", confusion=skewed_confusion(j, k, 0), n_examples=n, labels_per_example=per_example, seed=0)
    frame = made.labels.to_long().set_axis(["task", "worker", "label"], axis=1)
    rng = np.random.default_rng(1)
    truth = made.truth.to_numpy()
    model = rng.gamma(0.3, size=(n, k))
    model[np.arange(n), np.where(rng.random(n) < 0.86, truth, rng.integers(k, size=n))] += 1.0
    return Size(name, made.labels, frame.sample(frac=1, random_state=0), truth, model / model.sum(axis=1, keepdims=True))


# ---------------------------------------------------------------------- both sides


def ours(method: str, **options: Any) -> Callable[[Size, int], np.ndarray]:
    """Our method for exactly so many iterations, where it iterates."""

    def run(size: Size, iterations: int) -> np.ndarray:
        exactly = {"max_iter": iterations, "tol": 0} if "max_iter" in mc.METHODS[method].options else {}
        return mc.aggregate(size.labels, method, pred_probs=size.model, **exactly, **options).label

    return run


def crowd_kit(name: str, **options: Any) -> Callable[[Size, int], np.ndarray]:
    """crowd-kit's method for exactly so many iterations, where it iterates."""

    def run(size: Size, iterations: int) -> np.ndarray:
        from crowdkit import aggregation

        arguments = {key: iterations if value == "iterations" else value for key, value in options.items()}
        return getattr(aggregation, name)(**arguments).fit_predict(size.frame).sort_index().to_numpy()

    return run


def cleanlab(size: Size, iterations: int) -> np.ndarray:
    """cleanlab's CROWDLAB; the wide table that it needs is made beforehand and not timed."""
    from cleanlab.multiannotator import get_label_quality_multiannotator

    with redirect_stdout(io.StringIO()):
        found = get_label_quality_multiannotator(wide(size), size.model, verbose=False)
    return found["label_quality"]["consensus_label"].to_numpy()


def wide(size: Size, kept: dict[str, np.ndarray] = {}) -> np.ndarray:  # noqa: B006 - the cache is the point
    """(N, J) of classes, NaN where an annotator did not label; built once a size."""
    if size.name not in kept:
        kept.clear()
        kept[size.name] = np.full((len(size.labels.examples), len(size.labels.annotators)), np.nan)
        kept[size.name][size.labels.example, size.labels.annotator] = size.labels.label
    return kept[size.name]


def nltk_alpha(size: Size, iterations: int) -> float:
    """Krippendorff's alpha of crowd-kit, which calls nltk."""
    from crowdkit.metrics.data import alpha_krippendorff

    return float(alpha_krippendorff(size.frame))


def krippendorff_alpha(size: Size, iterations: int) -> float:
    """Krippendorff's alpha of the package of that name, from the wide table."""
    import krippendorff

    return float(krippendorff.alpha(reliability_data=wide(size).T, level_of_measurement="nominal"))


CASES = (
    Case("Majority vote", ours("majority_vote"), crowd_kit("MajorityVote"), {"S": 1, "M": 1, "L": 1}),
    Case("Wawa", ours("wawa"), crowd_kit("Wawa"), {"S": 1, "M": 1, "L": 1}),
    Case("ZeroBasedSkill", ours("zero_based_skill"), crowd_kit("ZeroBasedSkill", n_iter="iterations"), {"S": 100, "M": 20, "L": 5}),
    Case(
        "Dawid-Skene",
        ours("dawid_skene", prior_strength=0),
        crowd_kit("DawidSkene", n_iter="iterations", tol=-np.inf),
        {"S": 10, "M": 10, "L": 10},
    ),
    Case(
        "One-coin Dawid-Skene",
        ours("one_coin", prior_strength=0),
        crowd_kit("OneCoinDawidSkene", n_iter="iterations", tol=-np.inf),
        {"S": 5, "M": 5, "L": 5},
    ),
    Case(
        "GLAD, one EM iteration",
        ours("glad"),
        crowd_kit("GLAD", n_iter="iterations"),
        {"S": 1, "M": 1, "L": 1},
        largest="M",
        why="not run: a table of labels x K re-indexed at every call of its optimiser",
    ),
    Case(
        "MACE, one restart",
        ours("mace", n_restarts=1),
        crowd_kit("MACE", n_restarts=1, n_iter="iterations"),
        {"S": 10, "M": 10, "L": 3},
    ),
    Case(
        "M-MSR",
        ours("mmsr"),
        crowd_kit("MMSR", n_iter="iterations", tol=0.0),
        {"S": 20, "M": 20},
        largest="S",
        why="not run: its dense table of pairs of annotators and examples needs 615 GiB",
    ),
    Case(
        "CROWDLAB (cleanlab)",
        ours("crowdlab"),
        cleanlab,
        {"S": 1, "M": 1, "L": 1},
        largest="M",
        why="not run: its (N, J) table alone takes 37 GiB",
    ),
    Case(
        "Krippendorff's alpha (crowd-kit, nltk)",
        lambda size, _: mc.krippendorff_alpha(size.labels),
        nltk_alpha,
        {"S": 1, "M": 1, "L": 1},
        largest="S",
        why="not run",
    ),
    Case(
        "Krippendorff's alpha (krippendorff)",
        lambda size, _: mc.krippendorff_alpha(size.labels),
        krippendorff_alpha,
        {"S": 1, "M": 1, "L": 1},
        largest="M",
        why="not run: its (J, N) table alone takes 37 GiB",
    ),
)


# ---------------------------------------------------------------------- measuring


def timed(run: Callable[[Size, int], Any], size: Size, iterations: int, threads: int) -> tuple[Any, float, float]:
    """Result, wall seconds and CPU seconds of one run with so many threads of ours."""
    gc.collect()
    with mock.patch.dict(os.environ, {VARIABLE: str(threads)}), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        wall, cpu = time.perf_counter(), time.process_time()
        result = run(size, iterations)
        return result, time.perf_counter() - wall, time.process_time() - cpu


def duel(case: Case, size: Size) -> dict[str, Any]:
    """Ours and theirs in the order ours, theirs, theirs, ours; theirs once only if it is slow. Medians of seconds."""
    iterations, meets = case.iterations[size.name], reaches(case, size)
    spent: dict[str, list[tuple[float, float]]] = {"ours": [], "two": [], "theirs": []}
    timed(case.ours, size, iterations, 1)  # votes and counts are cached in the table
    trouble, other = case.why, None
    for side in ("ours", "two", "theirs", "theirs", "two", "ours"):
        if side != "theirs":
            mine, *seconds = timed(case.ours, size, iterations, 2 if side == "two" else 1)
            spent[side].append((seconds[0], seconds[1]))
        elif meets and (not spent["theirs"] or spent["theirs"][0][1] < PATIENCE):
            try:
                other, *seconds = timed(case.theirs, size, iterations, 1)
                spent["theirs"].append((seconds[0], seconds[1]))
            except Exception as error:  # a benchmark reports every way in which a peer fails
                trouble, meets = f"fails: {type(error).__name__}", False
    wall, cpu = ({of: statistics.median(pair[k] for pair in pairs) if pairs else np.nan for of, pairs in spent.items()} for k in (0, 1))
    return {
        "size": size.name,
        "what": case.title,
        "iterations": iterations,
        "ours s": f"{cpu['ours']:.4f}",
        "peer s": trouble if np.isnan(cpu["theirs"]) else f"{cpu['theirs']:.3f}",
        "ratio": "" if np.isnan(cpu["theirs"]) else f"{cpu['theirs'] / cpu['ours']:.1f}",
        "ours 1 / 2 threads, wall s": f"{wall['ours']:.4f} / {wall['two']:.4f}",
        "ratio 2 threads, wall": "" if np.isnan(wall["theirs"]) else f"{wall['theirs'] / wall['two']:.1f}",
        "ours right": quality(mine, size),
        "peer right": "" if other is None else quality(other, size),
        "same": "" if other is None else f"{np.mean(np.isclose(mine, other)):.5f}",
    }


def reaches(case: Case, size: Size) -> bool:
    """Whether the peer is run at this size."""
    return list(SIZES).index(size.name) <= list(SIZES).index(case.largest)


def quality(result: Any, size: Size) -> str:
    """Accuracy of labels, or the number itself."""
    return f"{result:.6f}" if isinstance(result, float) else f"{np.mean(np.asarray(result) == size.truth):.4f}"


def peak(work: Callable[[], object], limit: float | None = None) -> tuple[float, float]:
    """Seconds, and growth in MiB of the largest resident size, of work in a process of its own; NaN if it dies or takes too long."""
    context = multiprocessing.get_context("fork")
    here, there = context.Pipe(duplex=False)
    child = context.Process(target=_watched, args=(there, work))
    child.start()
    there.close()
    found = (np.nan, np.nan)
    try:
        if here.poll(limit):
            found = here.recv()
    except EOFError:
        pass
    child.kill()
    child.join()
    return found


def _watched(answer: Connection, work: Callable[[], object]) -> None:
    gc.freeze()  # or the collector would touch, and so copy, the parent's pages
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")  # the peak counts from here
    before, start = _resident("VmRSS"), time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        work()
    answer.send((time.perf_counter() - start, _resident("VmHWM") - before))


def _resident(field: str) -> float:
    """MiB of VmRSS (now) or VmHWM (most so far)."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return float(next(line.split()[1] for line in lines if line.startswith(field))) / 1024


def memory(case: Case, size: Size) -> dict[str, Any]:
    """Growth of memory from the long table to the result: ours with `from_long`, theirs with all that they build."""

    def mine() -> None:
        labels = mc.CrowdLabels.from_long(size.frame)
        case.ours(Size(size.name, labels, size.frame, size.truth, size.model), case.iterations[size.name])

    own = peak(mine)[1]
    theirs = peak(lambda: case.theirs(size, case.iterations[size.name]))[1] if reaches(case, size) else np.nan
    share = "" if np.isnan(theirs) else f"{own / max(theirs, 1e-9):.2f}"
    return {
        "size": size.name,
        "what": case.title,
        "ours MiB": round(own),
        "peer MiB": "" if np.isnan(theirs) else round(theirs),
        "share": share,
    }


def reading(size: Size) -> dict[str, Any]:
    """CSV with text names -> CrowdLabels, beside pyarrow reading the same file; CPU seconds, pyarrow on one thread."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "answers.csv"
        named = pd.DataFrame({column: column[0] + size.frame[column].astype(str) for column in size.frame})
        named.to_csv(path, index=False)
        spent: dict[str, list[float]] = {"ours": [], "from_long": [], "theirs": []}
        for order in (("ours", "theirs", "from_long"), ("from_long", "theirs", "ours")):
            for side in order:
                gc.collect()
                start = time.process_time()
                if side == "ours":
                    mc.read_labels(path)
                elif side == "theirs":
                    pyarrow.csv.read_csv(path, read_options=pyarrow.csv.ReadOptions(use_threads=False))
                else:
                    mc.CrowdLabels.from_long(named)
                spent[side].append(time.process_time() - start)
        own, built, theirs = (statistics.median(spent[side]) for side in ("ours", "from_long", "theirs"))
        return {
            "size": size.name,
            "MB": round(path.stat().st_size / 1e6),
            "read_labels": f"{own:.3f}",
            "pyarrow": f"{theirs:.3f}",
            "times pyarrow": f"{own / theirs:.1f}",
            "from_long of the frame": f"{built:.3f}",
        }


def every_method(rows: Rows, size: Size) -> None:
    """Seconds and growth of memory of each of our methods on the largest crowd, three iterations each, table included."""
    for method, of in mc.METHODS.items():
        why = mc.obstacle(size.labels, method, pred_probs=size.model, gold={0: 0})
        if rows.has(of="largest", method=method):
            continue
        if why:
            rows.add(of="largest", method=method, seconds="", GiB=why)
            continue
        options = {key: value for key, value in (("max_iter", 3), ("tol", 0), ("n_restarts", 1)) if key in of.options}
        gold = {i: int(size.truth[i]) for i in range(1000)} if "gold" in of.needs else None
        model = size.model if "pred_probs" in of.needs else None

        def work(method: str = method, gold: Any = gold, model: Any = model, options: dict[str, Any] = options) -> None:
            labels = mc.CrowdLabels.from_long(size.frame)
            mc.aggregate(labels, method, pred_probs=model, gold=gold, **options)

        seconds, grown = peak(work, LIMIT)
        missed = np.isnan(seconds)
        rows.add(
            of="largest",
            method=method,
            seconds=f"over {LIMIT:.0f}, or no result" if missed else f"{seconds:.1f}",
            GiB="" if missed else f"{grown / 1024:.2f}",
        )
        print(rows.where(of="largest")[-1], flush=True)


def largest_table(rows: Rows) -> str:
    """The section of SPEED.md about the largest crowd."""
    n, j, k, per = SIZES["XL"]
    parts = [
        f"{LARGEST} {n * per:,} labels ({n:,} examples, {j:,} annotators, K = {k}), three iterations",
        f"Seconds (wall) and growth of memory with `from_long`; the table that it reads is not counted. One start of methods that have "
        f"several; `auto` as it is. Load average at the end: {os.getloadavg()[1]:.1f}.",
        markdown(rows.frame(of="largest").set_index("method"), missing=""),
    ]
    return "\n\n".join(parts) + "\n"


def page(rows: Rows, command: str) -> str:
    """The text of SPEED.md."""
    duels, memories, readings = (rows.frame(of=of) for of in ("duel", "memory", "reading"))
    sizes = "; ".join(f"{name}: {n:,} examples, {j:,} annotators, K = {k}, {n * per:,} labels" for name, (n, j, k, per) in SIZES.items())
    parts = [
        "# Speed and memory beside the peers",
        f"Written by `{command}`. {conditions()} BLAS threads: {os.environ.get('OMP_NUM_THREADS', 'not pinned')}.",
        f"Sizes: {sizes}. Both sides get the same shuffled table with integer names, in one process, in the order ours, theirs, theirs, "
        "ours, for the same number of iterations. Seconds and `ratio` are CPU seconds on one thread, since the machine may be shared; wall "
        "seconds show what a second thread brings, as far as the machine had one free. Peers: crowd-kit 1.4.2, "
        "cleanlab 2.9.0, krippendorff 0.9.0. `right`: share of examples with the true class (or the coefficient itself). "
        "`same`: share of examples on which both agree.",
        "Ours is timed from a `CrowdLabels`, as a page or a notebook has it; building it from a table is in the last table, once for all "
        "methods. crowd-kit's seconds contain its own first vote, and its Dawid-Skene computes one M step and a bound more.",
        "## Seconds, and ratios (peer / ours)",
        markdown(duels.set_index("size"), missing=""),
    ]
    if len(memories):
        parts += ["## Growth of memory from the long table to the result", markdown(memories.set_index("size"), missing="")]
    if len(readings):
        parts += ["## A CSV with text names -> CrowdLabels", markdown(readings.set_index("size"))]
    if rows.has(of="largest"):
        parts += [largest_table(rows)]
    return "\n\n".join(parts).rstrip("\n") + "\n"


def main() -> None:
    """Read the command line, measure, write the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", nargs="+", default=["S", "M"], choices=SIZES)
    parser.add_argument("--only", help="run the cases whose title contains this")
    parser.add_argument("--memory", action="store_true", help="only the memory of every method at XL")
    parser.add_argument("--afresh", action="store_true", help="forget what an earlier run has measured")
    arguments = parser.parse_args()
    rows = Rows(PAGE, arguments.afresh)
    if arguments.memory:
        every_method(rows, crowd("XL"))
        before = PAGE.read_text("utf-8").split(LARGEST)[0]
        PAGE.write_text(before + largest_table(rows), encoding="utf-8")
        return
    for module in ("crowdkit.aggregation", "crowdkit.metrics.data", "cleanlab.multiannotator"):
        importlib.import_module(module)  # seconds of importing are nobody's speed
    for name in arguments.sizes:
        measure(rows, name, (arguments.only or "").lower())
    PAGE.write_text(page(rows, f"python -m benchmarks.speed --sizes {' '.join(arguments.sizes)}"), encoding="utf-8")


def measure(rows: Rows, name: str, only: str) -> None:
    """The rows of one size that are not there yet."""
    size = crowd(name)
    if name == "XL":
        every_method(rows, size)
        return
    for case in (case for case in CASES if name in case.iterations and only in case.title.lower()):
        if not rows.has(of="duel", size=name, what=case.title):
            rows.add(of="duel", **duel(case, size))
            print(rows.where(of="duel")[-1], flush=True)
        if case.title in ("Dawid-Skene", "CROWDLAB (cleanlab)") and not rows.has(of="memory", size=name, what=case.title):
            rows.add(of="memory", **memory(case, size))
            print(rows.where(of="memory")[-1], flush=True)
    if not rows.has(of="reading", size=name):
        rows.add(of="reading", **reading(size))
        print(rows.where(of="reading")[-1], flush=True)


if __name__ == "__main__":
    main()
