"""What `accelerate` saves: iterations and seconds to the same objective, on real crowds and simulated ones on which EM crawls.

python -m benchmarks.acceleration          (a minute; writes benchmarks/ACCELERATION.md)
"""

from __future__ import annotations

import statistics
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import multiannotator_core as mc
from benchmarks.crowds import conditions, markdown, real_crowd

PAGE = Path(__file__).with_name("ACCELERATION.md")

REPEATS = 3

# Further than the default, for those who want the last digits.
FAR = {"max_iter": 1000, "tol": 1e-8}


def crowds() -> dict[str, mc.CrowdLabels]:
    """Real sets on which EM takes long, and two simulated crowds near chance."""
    real = {name: real_crowd(name).labels for name in ("music_genre", "web", "trec", "s_rel")}
    weak = {"n_annotators": 60, "n_classes": 2, "labels_per_example": 3, "lowest": 0.4, "highest": 0.7, "seed": 3}
    return real | {
        "one coin near chance": mc.simulate("one-coin", n_examples=1500, **weak).labels,
        "copiers": mc.simulate("copying", n_examples=800, n_annotators=60, n_classes=4, labels_per_example=4, ratio=0.5, seed=3).labels,
    }


def seconds(labels: mc.CrowdLabels, method: str, **options: Any) -> float:
    """Median CPU seconds of a few runs."""
    spent = []
    for _ in range(REPEATS):
        start = time.process_time()
        mc.aggregate(labels, method, **options)
        spent.append(time.process_time() - start)
    return statistics.median(spent)


def compare(labels: mc.CrowdLabels, method: str, prior_strength: float, until: dict[str, float]) -> dict[str, Any]:
    """A plain run to its stopping rule, and the accelerated one to the first iteration that is no worse."""
    options = {"prior_strength": prior_strength}
    plain = mc.aggregate(labels, method, **options, **until)
    fast = mc.aggregate(labels, method, **options, **{**until, "tol": until["tol"] / 10}, accelerate=True)
    there = np.flatnonzero(np.array(fast.trace) >= plain.trace[-1] - 1e-9 * abs(plain.trace[-1]))
    if not there.size:
        return {"plain": plain.n_iter, "accelerated": f"ends {plain.trace[-1] - fast.trace[-1]:.2f} lower"}
    needed = int(there[0]) + 1
    spent = seconds(labels, method, **options, max_iter=plain.n_iter, tol=0)
    spent_fast = seconds(labels, method, **options, max_iter=needed, tol=0, accelerate=True)
    times = {"seconds": f"{spent:.3f}", "seconds accelerated": f"{spent_fast:.3f}", "times faster": f"{spent / spent_fast:.1f}"}
    return {"plain": plain.n_iter, "accelerated": needed, **times}


def main() -> None:
    """Measure and write the page."""
    rows = []
    for name, labels in crowds().items():
        for method in ("dawid_skene", "one_coin"):
            for prior_strength in (0, 5):
                for until in ({"max_iter": 1000, "tol": 1e-6}, FAR):
                    key = {"crowd": name, "method": method, "prior_strength": prior_strength, "tol": f"{until['tol']:g}"}
                    rows.append(key | compare(labels, method, prior_strength, until))
        print(name, flush=True)
    table = pd.DataFrame(rows).set_index("crowd")
    text = [
        "# What accelerate saves",
        f"Written by `python -m benchmarks.acceleration`. {conditions()}",
        "Iterations and CPU seconds of plain EM to its stopping rule (a gain below tol for each label), and of the accelerated one "
        "(SQUAREM, Varadhan & Roland 2008) until its objective is the same. A guess that would lower the objective is forgotten; "
        "the E step that found that out is in the seconds, not in the iterations. Where it stops before that "
        "(a gain below tol / 10) or ends in another optimum, the table says how much lower.",
        markdown(table, missing=""),
    ]
    PAGE.write_text("\n\n".join(text) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
