"""How right every method is on real crowds with gold, beside the peers.

python -m benchmarks.accuracy              (writes benchmarks/ACCURACY.md; with crowd-kit about half an hour, without two minutes)

Needs the real sets (CROWDLENS_DATA) and, for the comparison, the environment of requirements-bench.txt.
"""

from __future__ import annotations

import argparse
import time
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

import multiannotator_core as mc
from benchmarks import crowd_kit
from benchmarks.crowds import WITH_GOLD, Real, conditions, markdown, real_crowd

PAGE = Path(__file__).with_name("ACCURACY.md")

# Most that a method may fall behind the peer's of the same name before the page says so.
SLACK = 0.005

# Accuracies of peerannot 0.0.1.post43 on these sets, measured once, elsewhere, with exact repeated rows dropped.
PEERANNOT: dict[str, dict[str, float]] = {
    "majority_vote": {
        "weather_amt": 0.8533, "music_genre": 0.7057, "sentiment_polarity": 0.8864, "bluebirds": 0.7593, "dog": 0.8302,
        "d_product": 0.8966, "s_rel": 0.5446, "rte": 0.8975, "trec": 0.6505, "web": 0.7331,
    },
    "iwmv": {
        "weather_amt": 0.8567, "music_genre": 0.8, "sentiment_polarity": 0.8948, "bluebirds": 0.7593, "dog": 0.8327,
        "d_product": 0.8966, "s_rel": 0.557, "rte": 0.9225, "trec": 0.6453, "web": 0.8217,
    },
    "wawa": {
        "weather_amt": 0.8567, "music_genre": 0.7971, "sentiment_polarity": 0.895, "bluebirds": 0.7593, "dog": 0.829,
        "d_product": 0.8966, "s_rel": 0.5549, "rte": 0.9187, "trec": 0.6435, "web": 0.7983,
    },
    "dawid_skene": {
        "weather_amt": 0.8367, "music_genre": 0.7757, "sentiment_polarity": 0.915, "bluebirds": 0.8981, "dog": 0.8426,
        "d_product": 0.9397, "rte": 0.9275, "trec": 0.7033, "web": 0.8292,
    },
}  # fmt: skip

# Where ours is behind the peer's of the same name: why. Each sentence was checked once by the experiment that it describes.
NOTES = (
    "wawa and zero_based_skill on web: crowd-kit gives ties to the first class name, which is lucky there. With the classes renamed "
    "its accuracies on web are .7380 instead of .7765 (majority vote), .7934 instead of .8168 (Wawa) and .8191 instead of .8262 "
    "(ZeroBasedSkill). Ours do not depend on names: tied classes share the vote.",
    "one_coin on weather_amt: two of 300 examples, the price of the prior; with prior_strength=0 ours is .8600 too.",
    "glad on s_rel: crowd-kit's stops after 2 iterations, since its stopping rule compares a sum with a mean. Ours is .5556 after one "
    "iteration and falls as the likelihood rises: the model does not fit this set.",
    "mace on d_product: crowd-kit's assigns spam counts by name to annotators by first appearance, so its result depends on the order "
    "of rows (.695 to .93). With that mended it was .827; ours is between .834 and .836 for every seed, variational or not.",
    "iwmv on bluebirds, trec and s_rel: peerannot's .7593 on bluebirds is that of one iteration (ours too); further iterations, which "
    "the paper's Algorithm 1 asks for, end at .7222.",
    "dawid_skene on bluebirds beside peerannot's: one of 108 examples, the price of the prior; with prior_strength=0 ours is .8981 too.",
)


@dataclass(frozen=True)
class Measured:
    """ours: one row a (set, method); peers: one row a (set, method) of crowd-kit; choices: what `auto` took, a row a set."""

    ours: pd.DataFrame
    peers: pd.DataFrame
    choices: pd.DataFrame


def measure(names: list[str], limit: float) -> Measured:
    """Run everything; limit is the time for each run of a peer, 0 for no peers."""
    ours, peers, choices = [], [], []
    for name in names:
        crowd = real_crowd(name)
        for method in mc.METHODS:
            if mc.obstacle(crowd.labels, method) is None:
                start = time.perf_counter()
                result = mc.aggregate(crowd.labels, method)
                ours.append(row_of(crowd, method, result, time.perf_counter() - start))
                if method == "auto":
                    choices.append({"set": name, "selection": result.selection})
        if limit > 0 and crowd_kit.installed():
            peers += peer_rows(crowd, limit)
        print(name, flush=True)
    return Measured(pd.DataFrame(ours), pd.DataFrame(peers), pd.DataFrame(choices).set_index("set"))


def row_of(crowd: Real, method: str, result: mc.Consensus, seconds: float) -> dict[str, object]:
    """What the tables need to know of one run."""
    metrics = mc.evaluate(crowd.labels, result, crowd.truth)
    keep = ("n", "accuracy", "accuracy_ties_split", "ece", "log_loss", "expected_errors", "actual_errors", "auroc")
    iterations = len(result.trace) or np.nan
    return {"set": crowd.name, "method": method, "seconds": seconds, "iterations": iterations, **{key: metrics[key] for key in keep}}


def peer_rows(crowd: Real, limit: float) -> list[dict[str, object]]:
    """Accuracy and seconds of crowd-kit's methods on one set."""
    frame = crowd.labels.to_long().set_axis(["task", "worker", "label"], axis=1)
    rows = []
    for method in crowd_kit.SAME_NAME:
        if mc.obstacle(crowd.labels, method) is None:
            run = crowd_kit.run(method, frame, limit)
            right = np.nan if run.label is None else float((run.label.reindex(crowd.truth.index) == crowd.truth).mean())
            rows.append({"set": crowd.name, "method": method, "accuracy": right, "seconds": run.seconds, "trouble": run.trouble})
    return rows


# ---------------------------------------------------------------------- tables


def by_set(ours: pd.DataFrame, value: str) -> pd.DataFrame:
    """One row a method in the order of METHODS, one column a set, and the mean for methods that run on all."""
    table = ours.pivot_table(index="method", columns="set", values=value, sort=False, dropna=False)
    table = table.reindex(index=list(mc.METHODS), columns=list(ours["set"].unique()))
    table["mean"] = table.mean(axis=1, skipna=False)
    return table


def summary(ours: pd.DataFrame) -> pd.DataFrame:
    """One row a method: means over the sets on which it runs, and sums of errors and seconds."""
    groups = ours.groupby("method", sort=False)
    table = groups[["accuracy", "accuracy_ties_split", "log_loss", "ece", "auroc"]].mean()
    table["expected errors"] = groups["expected_errors"].sum().round().astype(int)
    table["actual errors"] = groups["actual_errors"].sum()
    table["seconds"] = groups["seconds"].sum()
    table["iterations"] = groups["iterations"].mean().round(1)
    table["sets"] = groups.size()
    return table.reindex(list(mc.METHODS))


def errors(ours: pd.DataFrame) -> pd.DataFrame:
    """Expected / actual number of wrong labels by method and set."""
    pairs = ours.assign(pair=ours["expected_errors"].map("{:.0f}".format) + " / " + ours["actual_errors"].astype(str))
    table = pairs.pivot_table(index="method", columns="set", values="pair", aggfunc="first")
    return table.reindex(index=list(mc.METHODS), columns=list(ours["set"].unique())).dropna(how="all")


def beside(ours: pd.DataFrame, theirs: pd.DataFrame) -> pd.DataFrame:
    """ours / theirs by method and set; "!" where ours is more than SLACK behind."""
    mine = ours.set_index(["method", "set"])["accuracy"]
    table = pd.DataFrame(index=theirs["method"].unique(), columns=ours["set"].unique(), dtype=object).rename_axis("method")
    for row in theirs.itertuples():
        own = mine[row.method, row.set]
        behind = " !" if own < row.accuracy - SLACK else ""
        other = row.trouble if np.isnan(row.accuracy) else f"{row.accuracy:.4f}{behind}"
        table.loc[row.method, row.set] = f"{own:.4f} / {other}"
    return table


def automatic(measured: Measured) -> pd.DataFrame:
    """What auto chose on each set, beside Dawid-Skene and the best method of all (which only gold can tell)."""
    table = by_set(measured.ours, "accuracy_ties_split").drop(columns="mean")
    single = table.drop(index="auto")
    rows = {}
    for name in table.columns:
        selection = measured.choices.loc[name, "selection"]
        chosen = next(iter(selection.index[selection["chosen"]]), "majority_vote")
        best = single[name].idxmax()
        values = [chosen, table.loc["auto", name], table.loc["dawid_skene", name], best, single.loc[best, name]]
        rows[name] = dict(zip(("auto chose", "auto", "dawid_skene", "best", "best accuracy"), values, strict=True))
    result = pd.DataFrame(rows).T
    numbers = ["auto", "dawid_skene", "best accuracy"]
    result.loc["mean"] = {column: result[column].astype(float).mean() if column in numbers else "" for column in result.columns}
    result.index.name = "set"
    return result


def parity(names: list[str], limit: float) -> pd.DataFrame:
    """Classical Dawid-Skene beside crowd-kit's after ten iterations each: share of examples with the same label."""
    rows = {}
    for name in names:
        crowd = real_crowd(name)
        frame = crowd.labels.to_long().set_axis(["task", "worker", "label"], axis=1)
        run = crowd_kit.run("dawid_skene", frame, limit, n_iter=10, tol=-np.inf)
        result = mc.aggregate(crowd.labels, prior_strength=0, max_iter=10, tol=0)
        own = pd.Series(crowd.labels.classes.take(result.label), index=crowd.labels.examples)
        theirs = None if run.label is None else run.label.reindex(own.index)
        rows[name] = {"examples": len(own), "same label": np.nan if theirs is None else float((own == theirs).mean())}
    table = pd.DataFrame(rows).T.astype({"examples": int})
    table.index.name = "set"
    return table


def page(measured: Measured, agreement: pd.DataFrame | None, command: str) -> str:
    """The text of ACCURACY.md."""
    ours = measured.ours
    means = by_set(ours, "accuracy_ties_split")["mean"].drop("auto").dropna()
    parts = [
        "# Accuracy on real crowds",
        f"Written by `{command}`. {conditions()}",
        "Every method of METHODS with its default options on every real set with gold. Exact repeated rows are dropped; gold is used "
        "to judge and never given to a method. Accuracy splits ties evenly unless said otherwise. n/a: the method needs a model's "
        "pred_probs or gold, or exactly two classes. The order of the sets is that of their size.",
        "## Accuracy, ties split",
        markdown(by_set(ours, "accuracy_ties_split")),
        "## Means over the sets on which a method runs",
        "`accuracy` is that of the labels as delivered (ties to the rarer class). Expected errors are the sum of 1 - quality, over all "
        "sets; where they are far below the actual ones, the method is surer than it should be.",
        markdown(summary(ours), {"seconds": 2, "iterations": 1, "sets": 0, "expected errors": 0, "actual errors": 0}),
        "## Automatic choice",
        f"The best single method over all sets is {means.idxmax()} ({means.max():.4f}); no method can be known to be best beforehand.",
        markdown(automatic(measured)),
    ]
    if len(measured.peers):
        parts += ["## Ours / crowd-kit's of the same name"]
        parts += [f"Accuracy of the labels as delivered, each with its own rule of ties. ! : ours is more than {SLACK} behind."]
        parts += [markdown(beside(ours, measured.peers), missing="")]
        parts += ["Seconds of crowd-kit's runs:", markdown(by_set(measured.peers, "seconds").dropna(how="all").drop(columns="mean"), 2, "")]
    known = pd.DataFrame([{"set": s, "method": m, "accuracy": a} for m, of in PEERANNOT.items() for s, a in of.items()])
    known = known[known["set"].isin(ours["set"])].assign(trouble="")
    parts += ["## Ours / peerannot's of the same name"]
    parts += ["peerannot's figures are reference values, measured once, elsewhere. Its Dawid-Skene is the classical one, without a prior."]
    parts += [markdown(beside(ours, known), missing="")]
    parts += ["## Where ours is behind, and why", "\n".join(f"- {note}" for note in NOTES)]
    if agreement is not None:
        parts += ["## Classical Dawid-Skene at equal iterations, ours and crowd-kit's", markdown(agreement)]
    parts += ["## Calibration error (ECE) by set", markdown(by_set(ours, "ece"))]
    parts += ["## Expected / actual errors by set", markdown(errors(ours))]
    parts += ["## Iterations by set", markdown(by_set(ours, "iterations").drop(columns="mean").dropna(how="all"), 0, "")]
    parts += ["## Seconds by set", markdown(by_set(ours, "seconds").drop(columns="mean").dropna(how="all"), 3, "")]
    return "\n\n".join(parts) + "\n"


def main() -> None:
    """Read the command line, measure, write the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sets", nargs="+", default=list(WITH_GOLD), choices=WITH_GOLD)
    parser.add_argument("--limit", type=float, default=60.0, help="seconds for each run of a peer; 0 = no peers")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore", category=FutureWarning)
    measured = measure(arguments.sets, arguments.limit)
    agreement = parity(arguments.sets, arguments.limit) if len(measured.peers) else None
    PAGE.write_text(page(measured, agreement, f"python -m benchmarks.accuracy --limit {arguments.limit:g}"), encoding="utf-8")


if __name__ == "__main__":
    main()
