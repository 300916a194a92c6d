"""Seconds and memory of Dawid-Skene from a folder of labels, from ten thousand to a hundred million: python -m benchmarks.scale.

Each size runs in a process of its own. The rows are kept beside the page, so that sizes can be measured one at a time.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

import multiannotator_core as mc
from benchmarks.rows import Rows
from multiannotator_core.large.writing import FolderWriter, aside

HERE = Path(__file__).parent
PAGE, FIGURE = HERE / "SCALE.md", HERE / "SCALE.svg"
ITERATIONS, CLASSES, LABELS_EACH = 20, 10, 5
FEW, MANY = 1_000, 100_000  # annotators
SIZES = (10_000, 100_000, 1_000_000, 10_000_000, 100_000_000)
HEAD = """
# From ten thousand labels to a hundred million

Written by `python -m benchmarks.scale --largest 1e8 --many 1e8 --convert`. Dawid-Skene, 20 iterations, K = 10, five labels an
example, from a folder of labels whose blocks are read anew in each iteration (`memory=0`), with a checkpoint after each; each row in a
process of its own. "memory" is the same from a `CrowdLabels`. The machine has two cores and was busy with other work (`load`: the load
average when the row was done; 2 is full), so that the wall clock says little here: CPU seconds of all threads are beside it. The peak
is that of the process, of which Python and the libraries take about 136 MiB.
"""
CHUNK = 500_000  # examples drawn at a time
REFERENCE = 5_000_000


def write_crowd(path: Path, n_labels: int, n_annotators: int) -> None:
    """A folder of labels of a one-coin crowd, drawn part by part."""
    rng = np.random.default_rng(0)
    skill = rng.uniform(0.4, 0.9, n_annotators)
    names = pa.array(np.arange(n_annotators)), pa.array(np.arange(CLASSES))
    n_examples = n_labels // LABELS_EACH
    with aside(path) as folder, FolderWriter(folder, *names) as writer:
        for begin in range(0, n_examples, CHUNK):
            n = min(CHUNK, n_examples - begin)
            annotator = np.sort(rng.integers(0, n_annotators, (n, LABELS_EACH), dtype=np.int32), axis=1).ravel()
            truth = np.repeat(rng.integers(0, CLASSES, n, dtype=np.int32), LABELS_EACH)
            label = np.where(rng.random(len(truth)) < skill[annotator], truth, rng.integers(0, CLASSES, len(truth), dtype=np.int32))
            writer.add(pa.array(np.arange(begin, begin + n)), np.full(n, LABELS_EACH), annotator, label)
        writer.finish()


def peak_mib() -> float:
    """Peak memory of this process alone."""
    return int(re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())[1]) / 1024  # type: ignore[index]


def measure(path: Path, where: str) -> dict[str, float]:
    """One run in this process; the time of an iteration is the mean of all but the first."""
    folder = mc.open_labels(path)
    labels = folder.to_labels() if where == "memory" else folder
    before = peak_mib()
    stamps: list[tuple[float, float]] = []
    began, cpu = time.perf_counter(), time.process_time()
    given = {} if where == "memory" else {"memory": 0, "output": path.with_name(f"{path.name}-run")}
    mc.aggregate(
        labels,
        "dawid_skene",
        max_iter=ITERATIONS,
        tol=0.0,
        on_iteration=lambda *_: stamps.append((time.perf_counter(), time.process_time())),
        **given,
    )
    return {
        "seconds": time.perf_counter() - began,
        "cpu": time.process_time() - cpu,
        "iteration": (stamps[-1][0] - stamps[0][0]) / (len(stamps) - 1),
        "iteration_cpu": (stamps[-1][1] - stamps[0][1]) / (len(stamps) - 1),
        "before_mib": before,
        "peak_mib": peak_mib(),
    }


def convert(path: Path) -> dict[str, float]:
    """Turn a shuffled Parquet file of text names into a folder, in 512 MiB."""
    source, n = path.with_suffix(".parquet"), 10_000_000
    rng = np.random.default_rng(0)
    with pq.ParquetWriter(source, pa.schema([("task", pa.string()), ("worker", pa.string()), ("label", pa.int64())])) as writer:
        for _ in range(10):
            example, annotator = rng.integers(0, n // LABELS_EACH, n // 10), rng.integers(0, FEW, n // 10)
            texts = pa.array(np.char.add("image-", example.astype(str))), pa.array(np.char.add("w", annotator.astype(str)))
            writer.write_table(pa.table([*texts, rng.integers(0, CLASSES, n // 10)], names=["task", "worker", "label"]))
    command = "import sys, multiannotator_core as mc; mc.convert_labels(sys.argv[1], sys.argv[2], memory=512 << 20)"
    tail = "\nimport resource, re; sys.stdout.write(re.search(r'VmHWM:\\s+(\\d+)', open('/proc/self/status').read())[1])"
    began = time.perf_counter()
    out = subprocess.run([sys.executable, "-c", command + tail, source, path], check=True, capture_output=True, text=True).stdout
    return {"seconds": time.perf_counter() - began, "peak_mib": int(out) / 1024, "megabytes": source.stat().st_size / 1e6}


def run(n_labels: int, n_annotators: int, where: str) -> None:
    """Measure one row in a process of its own, unless it is known, and note it."""
    rows = Rows(PAGE)
    if rows.has(n_labels=n_labels, n_annotators=n_annotators, where=where):
        return
    with tempfile.TemporaryDirectory() as place:
        path = Path(place) / "labels"
        if where == "convert":
            found = convert(path)
        else:
            write_crowd(path, n_labels, n_annotators)
            command = [sys.executable, "-m", "benchmarks.scale", "--measure", str(path), where]
            found = json.loads(subprocess.run(command, cwd=HERE.parent, check=True, capture_output=True, text=True).stdout)
    rows.add(n_labels=n_labels, n_annotators=n_annotators, where=where, load=os.getloadavg()[0], **found)


def write_page() -> None:
    """SCALE.md and its figure from the rows."""
    rows = pd.DataFrame(Rows(PAGE).where()).sort_values(["where", "n_annotators", "n_labels"])
    runs = rows[rows["where"] != "convert"]
    runs = runs.assign(ns=runs["iteration"] / runs["n_labels"] * 1e9, ns_cpu=runs["iteration_cpu"] / runs["n_labels"] * 1e9)
    few = runs[(runs["where"] == "folder") & (runs["n_annotators"] == FEW)].sort_values("n_labels")
    lines = [
        "| labels | annotators | from | seconds | CPU seconds | ns a label and iteration | the same in CPU | peak MiB | load |",
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    lines += [
        f"| {r.n_labels:,} | {r.n_annotators:,} | {r.where} | {r.seconds:.2f} | {r.cpu:.2f} | {r.ns:.1f} | {r.ns_cpu:.1f} | "
        f"{r.peak_mib:,.0f} | {r.load:.0f} |"
        for r in runs.itertuples()
    ]
    facts = [*slopes(few[few["n_labels"] >= 1_000_000]), *ratios(runs), *converted(rows)]
    listed = "\n".join(f"- {fact}" for fact in facts)
    PAGE.write_text("\n\n".join([HEAD.strip(), "\n".join(lines), "![The curve](SCALE.svg)", listed, further(few)]) + "\n", "utf-8")
    FIGURE.write_text(drawn(few), "utf-8")


def slopes(rows: pd.DataFrame) -> list[str]:
    """How time grows with the labels, from a million on."""
    if len(rows) < 2:
        return []
    steep = {what: np.polyfit(np.log(rows["n_labels"]), np.log(rows[what]), 1)[0] for what in ("iteration_cpu", "cpu", "seconds")}
    return [
        f"Slope of log time against log labels from 10⁶ on, {FEW:,} annotators: {steep['iteration_cpu']:.3f} (CPU of an iteration), "
        f"{steep['cpu']:.3f} (CPU of the run), {steep['seconds']:.3f} (wall clock)."
    ]


def ratios(runs: pd.DataFrame) -> list[str]:
    """Time a label and iteration of the largest run against five million labels in memory."""
    told = []
    for n_annotators in (FEW, MANY):
        of = runs[runs["n_annotators"] == n_annotators]
        memory = of[(of["where"] == "memory") & (of["n_labels"] == REFERENCE)]
        largest = of[of["where"] == "folder"].nlargest(1, "n_labels")
        if len(memory) and len(largest):
            ratio = {what: largest[what].iloc[0] / memory[what].iloc[0] for what in ("ns", "ns_cpu")}
            told.append(
                f"{largest['n_labels'].iloc[0]:,} labels from a folder against {REFERENCE:,} in memory, {n_annotators:,} annotators each: "
                f"{ratio['ns_cpu']:.2f} times the CPU a label and iteration, {ratio['ns']:.2f} times the wall clock."
            )
    return told


def further(rows: pd.DataFrame) -> str:
    """The paragraph that goes on, on paper, to a thousand million labels."""
    last = rows.iloc[-1]
    hours = last["ns_cpu"] * 1e9 * ITERATIONS * 1e-9 / 3600
    return f"""
## On paper: 10⁹ labels

Not measured. At {last["ns_cpu"]:.0f} ns of CPU a label and iteration ({last["n_labels"]:,} labels), 10⁹ labels of 200 million examples
need {last["ns_cpu"]:.0f} CPU seconds an iteration and {hours:.1f} CPU hours for 20, about half of that on two free cores. The codes are
6.6 GB on disk (5 bytes a label, 8 an example), the posterior 16 GB (8 GB with float32). A pass over them costs nothing more as long as
the system keeps them in its cache; with less memory than that each iteration reads 6.6 GB, which a disk of 1 GB/s does in 7 s, less
than the arithmetic takes. Memory of the process grows only by the consensus label of each example, 0.8 GB.

What breaks first is not Dawid-Skene but what is kept for each label: GLAD's state is 8 bytes a label and 8 an example, so 9.6 GB are
written and read again in each iteration, and the disk decides. Next are the names: they are read in parts for gold and Parquet, but
whoever asks for `folder.examples`, as every page does, gets 200 million of them in memory. Next is the number of annotators: a
confusion for each is 800 bytes at K = 10, of which six tables are held at the peak, so that 5 million annotators need 24 GB, and
a method with one number each (`one_coin`, `glad`) has to take their place.
""".strip()


def converted(rows: pd.DataFrame) -> list[str]:
    """What a conversion took."""
    return [
        f"`convert_labels` of {r.n_labels:,} shuffled rows with text names ({r.megabytes:.0f} MB of Parquet, memory=512 MiB): "
        f"{r.seconds:.0f} s, peak {r.peak_mib:,.0f} MiB."
        for r in rows[rows["where"] == "convert"].itertuples()
    ]


def drawn(rows: pd.DataFrame) -> str:
    """A log-log figure: CPU seconds (circles) and peak MiB (squares) against labels."""
    width, height, left, bottom = 640, 360, 60, 310

    def place(x: float, y: float) -> tuple[float, float]:
        return left + (np.log10(x) - 4) / 4 * (width - left - 20), bottom - (np.log10(y) + 2) / 6 * (bottom - 20)

    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="12">']
    parts += [f'<rect width="{width}" height="{height}" fill="white"/>']
    for power in range(4, 9):
        x, _ = place(10**power, 1)
        parts.append(f'<line x1="{x:.0f}" x2="{x:.0f}" y1="20" y2="{bottom}" stroke="#ddd"/>')
        parts.append(f'<text x="{x:.0f}" y="{bottom + 18}" text-anchor="middle">10<tspan dy="-5" font-size="9">{power}</tspan></text>')
    for power in range(-2, 5):
        _, y = place(1e4, 10**power)
        parts.append(f'<line x1="{left}" x2="{width - 20}" y1="{y:.0f}" y2="{y:.0f}" stroke="#ddd"/>')
        parts.append(f'<text x="{left - 8}" y="{y + 4:.0f}" text-anchor="end">{10.0**power:g}</text>')
    for what, colour, name, at in (("cpu", "#1f5fa8", "CPU seconds, 20 iterations", 40), ("peak_mib", "#b4531f", "peak MiB", 58)):
        spots = [place(x, y) for x, y in zip(rows["n_labels"], rows[what], strict=True)]
        line = " ".join(f"{x:.1f},{y:.1f}" for x, y in spots)
        parts.append(f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="2"/>')
        parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="{colour}"/>' for x, y in spots]
        parts.append(f'<text x="{left + 12}" y="{at}" fill="{colour}">{name}</text>')
    parts.append(f'<text x="{(left + width) / 2:.0f}" y="{height - 8}" text-anchor="middle">labels ({FEW:,} annotators)</text></svg>')
    return "\n".join(parts)


def main() -> None:
    """Measure what is asked for, then write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--measure", nargs=2, metavar=("FOLDER", "WHERE"))
    parser.add_argument("--largest", type=float, default=1e7, help="most labels of the curve")
    parser.add_argument("--many", type=float, default=0, help="labels of the run with 100,000 annotators")
    parser.add_argument("--convert", action="store_true", help="also measure a conversion")
    parser.add_argument("--page", action="store_true", help="only write the page")
    asked = parser.parse_args()
    if asked.measure:
        print(json.dumps(measure(Path(asked.measure[0]), asked.measure[1])))
        return
    if not asked.page:
        for n_labels in SIZES:
            if n_labels <= asked.largest:
                run(n_labels, FEW, "folder")
        run(REFERENCE, FEW, "memory")
        if asked.many:
            run(REFERENCE, MANY, "memory")
            run(int(asked.many), MANY, "folder")
        if asked.convert:
            run(10_000_000, FEW, "convert")
    write_page()


if __name__ == "__main__":
    main()
