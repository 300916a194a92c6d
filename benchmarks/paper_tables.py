"""The simulations of the peerannot paper (tables 1, 2, 3 and 5) over many seeds, beside the printed values.

python -m benchmarks.paper_tables --results runs      (writes benchmarks/PAPER_TABLES.md; a quarter of an hour on two cores;
                                                       with --results it goes on where it ended)
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import pandas as pd

from benchmarks.crowds import conditions, markdown
from multiannotator_core import benchmark

PAGE = Path(__file__).with_name("PAPER_TABLES.md")

# The paper's models have no prior; ours have one unless told otherwise.
CLASSICAL = ("dawid_skene", "dawid_skene_clusters", "glad")


def classical(cells: list[benchmark.Cell]) -> list[benchmark.Cell]:
    """The same cells without a prior, as far as their method has one."""
    return [
        replace(cell, contender=replace(cell.contender, options={**cell.contender.options, "prior_strength": 0.0}))
        for cell in cells
        if cell.contender.method in CLASSICAL
    ]


def table_of(name: str, seeds: int, results: Path | None, jobs: int) -> pd.DataFrame:
    """A table of the paper: printed, ours with its intervals, and ours without a prior."""
    cells = benchmark.preset_cells(name, seeds)
    table = benchmark.beside_printed(name, benchmark.run(cells, folder=results, jobs=jobs))
    bare = benchmark.summary(benchmark.run(classical(cells), folder=results, jobs=jobs), "accuracy_ties_split")
    bare_of = {title.replace(", prior_strength 0.0", ""): line for title, line in bare.set_index("title").iterrows()}
    found = []
    for line in table.to_dict("records"):
        other = bare_of.get(benchmark.PRESET_COLUMNS[line["column"]].title)
        within = other is None or other["seed_low"] - 1e-9 <= line["printed"] <= other["seed_high"] + 1e-9
        found.append(
            {
                "column": line["column"],
                "printed": f"{line['printed']:.3f}",
                "mean": f"{line['mean']:.3f}",
                "95 % interval of the mean": f"{line['low']:.3f} to {line['high']:.3f}",
                "95 % of the seeds": f"{line['seed_low']:.3f} to {line['seed_high']:.3f}",
                "mean without prior": "" if other is None else f"{other['mean']:.3f}",
                "95 % of its seeds": "" if other is None else f"{other['seed_low']:.3f} to {other['seed_high']:.3f}",
                "note": " ".join(filter(None, [line["note"], "" if within else "Also without a prior."])) if line["note"] else "",
            }
        )
    return pd.DataFrame(found).set_index("column")


def main() -> None:
    """Measure and write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=benchmark.SEEDS)
    parser.add_argument("--jobs", type=int, default=0, help="processes; 0 takes all cores")
    parser.add_argument("--results", type=Path, help="folder of finished runs")
    asked = parser.parse_args()
    parts = []
    for name, preset in benchmark.PRESETS.items():
        table = table_of(name, asked.seeds, asked.results, asked.jobs)
        outside = int((table["note"] != "").sum())
        told = f"{outside} of {len(table)} printed values lie outside 95 % of our seeds." if outside else "All printed values lie within."
        parts += [f"## {preset.title}", told, markdown(table, missing="")]
        print(name, flush=True)
    text = [
        "# The tables of the peerannot paper",
        f"Written by `python -m benchmarks.paper_tables --seeds {asked.seeds}`. {conditions()}",
        "Lefort, Charlier, Joly & Salmon print one seed (0) of their own generator in each table, which cannot be drawn again here. So the "
        f"printed value is held against {asked.seeds} crowds of the same kind: 200 examples, as their commands say (the appendix speaks "
        "of 500 for table 5). `mean` is the share of right examples with ties split evenly; the first interval is that of the mean "
        "(Student), and single seeds lie in the second, against which a single printed value has to be judged. Their models have no "
        "prior; the columns without prior show ours with `prior_strength=0`.",
        *parts,
    ]
    PAGE.write_text("\n\n".join(text) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
