"""Which quality score finds wrong consensus labels: the benchmark of CROWDLAB on crowds that come with this project or are public.

python -m benchmarks.quality            (some minutes; writes benchmarks/QUALITY.md; needs CROWDLENS_DATA for labelme)

The same rows, for any crowd with gold: python -m multiannotator_core benchmark quality FOLDER
"""

from __future__ import annotations

import argparse
from pathlib import Path

import pandas as pd

from benchmarks.crowds import conditions, folder, markdown
from multiannotator_core.benchmark.quality import CONSENSUS, LABEL_SETS, PERFECT, digits_case, folder_case, quality_benchmark
from multiannotator_core.evaluate import LIFT_SIZES

PAGE = Path(__file__).with_name("QUALITY.md")
LIFTS = [f"lift_at_{size}" for size in LIFT_SIZES]
WHICH = ("majority_vote", "dawid_skene", "crowdlab")  # the consensus methods whose errors the second table looks for


def measured(names: list[str], seeds: int) -> pd.DataFrame:
    """All rows of all crowds and seeds."""
    rows = []
    for name in names:
        case = digits_case() if name == "digits" else folder_case(folder() / name)
        rows += [quality_benchmark(case, seed=seed).assign(seed=seed) for seed in range(seeds)]
    return pd.concat(rows, ignore_index=True)


def consensus_table(rows: pd.DataFrame) -> pd.DataFrame:
    """Accuracy of each consensus and Spearman correlation of annotator quality with accuracy, by label set; with each model."""
    once = rows.drop_duplicates(["labels", "model", "consensus", "seed"])
    once = once.assign(
        model=once["model"].where(once["consensus"].isin(["crowdlab"]) | once["consensus"].str.endswith("_with_model"), "none")
    )
    wide = once.pivot_table(index=["consensus", "model"], columns="labels", values=["accuracy", "annotator_spearman"], sort=False)
    table = wide.loc[:, [(what, name) for what in ("accuracy", "annotator_spearman") for name in LABEL_SETS]]
    table.columns = [f"{'right' if what == 'accuracy' else 'Spearman'}, {name}" for what, name in table.columns]
    order = [key for method in CONSENSUS for key in table.index if key[0] == method]
    return table.loc[order]


def quality_table(rows: pd.DataFrame) -> pd.DataFrame:
    """How well low scores find wrong labels: means over the label sets, without and with the perfect model."""
    kept = rows[rows["consensus"].isin(WHICH)]
    kind = (kept["model"] == PERFECT).map({True: PERFECT, False: "trained"})
    table = kept.assign(model=kind).groupby(["consensus", "quality", "model"], sort=False)[["auroc", "auprc", *LIFTS]].mean()
    return table.rename(columns={"auroc": "AUROC", "auprc": "AUPRC", **{lift: lift.replace("lift_at_", "lift ") for lift in LIFTS}})


def page(rows: pd.DataFrame, command: str) -> str:
    """The page as text."""
    parts = [
        "# Which score finds wrong consensus labels",
        "",
        f"Written by `{command}`. {conditions()}",
        "",
        "The protocol of the CROWDLAB benchmark (Goh, Tkachenko & Mueller 2022): label sets `complete`, `uniform 1-5` and `worst",
        "annotators`; models are trained on the majority vote of each set in five folds, the perfect one on gold, still out of sample.",
        "Methods `..._with_model` count the model as one more annotator. CIFAR-10H itself cannot be shipped; where you have it,",
        "`python -m multiannotator_core benchmark quality cifar10h-raw.csv --pred-probs model.npy` runs the same protocol.",
    ]
    for name, own in rows.groupby("data", sort=False):
        best = quality_table(own).xs("trained", level="model")["AUROC"].groupby("consensus").idxmax().map(lambda key: key[1])
        told = ", ".join(f"{quality} for {consensus}" for consensus, quality in best.reindex(WHICH).items())
        parts += [
            "",
            f"## {name}",
            "",
            "Share of right consensus labels, and Spearman correlation of annotator quality with true accuracy.",
            "",
            markdown(consensus_table(own), 3),
            "",
            "Low scores as a finder of wrong consensus labels: means over the three label sets; n/a: no set has so many examples.",
            f"The highest AUROC with a trained model: {told}.",
            "",
            markdown(quality_table(own), 3),
        ]
    return "\n".join([*parts, ""])


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", nargs="+", default=["digits", "labelme"])
    parser.add_argument("--seeds", type=int, default=1)
    asked = parser.parse_args()
    command = f"python -m benchmarks.quality --data {' '.join(asked.data)} --seeds {asked.seeds}"
    PAGE.write_text(page(measured(asked.data, asked.seeds), command), "utf-8")
