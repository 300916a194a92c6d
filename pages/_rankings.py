"""The cards of the page Benchmark: who comes first, whether methods know how right they are, and how fast they get there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
import streamlit as st

from multiannotator_core import benchmark, export, figures
from pages._lab import TRACED_SEEDS, ask, asked, claimed, traced
from pages._parts import card_title, dark, download, show, text
from pages._session import InUse

METRICS = {
    "accuracy": "Right",
    "macro_f1": "Macro F1",
    "log_loss": "Log loss (low is good)",
    "ece": "Calibration error (low is good)",
    "auroc": "Low quality finds errors (AUROC)",
    "auprc": "Low quality finds errors (AUPRC)",
    "lift_at_100": "Errors among the 100 lowest, times chance",
    "annotator_spearman": "Ranks annotators (Spearman)",
    "seconds": "Seconds (low is good)",
    "peak_mb": "Memory, MiB (low is good)",
}


def printed_card(preset: str, rows: pd.DataFrame, seeds: int) -> None:
    """A table of the paper beside ours."""
    table = benchmark.beside_printed(preset, rows)
    with st.container(border=True):
        card_title(f"The paper's {benchmark.PRESETS[preset].title}", f"The paper prints one seed; here are {seeds}")
        st.dataframe(
            {
                "Method": table["column"].tolist(),
                "Printed": table["printed"].tolist(),
                "Mean": table["mean"].tolist(),
                "from": table["low"].tolist(),
                "to": table["high"].tolist(),
                "95 % of seeds from": table["seed_low"].tolist(),
                "95 % of seeds to": table["seed_high"].tolist(),
                "Note": table["note"].tolist(),
            },
            column_config={
                name: st.column_config.NumberColumn(format="%.3f")
                for name in ("Printed", "Mean", "from", "to", "95 % of seeds from", "95 % of seeds to")
            },
            hide_index=True,
        )


def ranking_card(rows: pd.DataFrame) -> None:
    """The methods by one metric, with intervals over draws."""
    with st.container(border=True):
        known = [name for name in METRICS if name in rows and rows[name].notna().any()]
        heading = st.container()  # says who is first, by the metric that is chosen below it
        metric = st.selectbox("Judged by", known, format_func=METRICS.__getitem__, key="bench_metric", width=300)
        judged = rows[rows["seed"] == 0] if metric == "peak_mb" else rows  # memory is measured on the first draw
        ranking = benchmark.ranking(judged, metric)
        with heading:
            card_title("Who comes first?", _first(ranking, int(ranking["n"].iloc[0])))
        half = (ranking["behind_high"] - ranking["behind_low"]) / 2
        most = 1.0 if metric in benchmark.SHARES else None
        shown_as = ranking.assign(low=(ranking["mean"] - half).clip(lower=0.0), high=(ranking["mean"] + half).clip(upper=most))
        show(figures.method_intervals(shown_as, percent=metric == "accuracy", dark=dark()), "bench_ranking")
        with st.expander("All numbers"):
            _table(ranking, METRICS[metric])
        left_out = rows[rows["trouble"].notna()].drop_duplicates("title")
        for title, why in left_out[["title", "trouble"]].itertuples(index=False):
            st.caption(f"{text(title)} was left out: it {text(why, 200)}.")
        download("benchmark", {"CSV": ("csv", lambda: export.to_csv(rows, index=False))}, "One row a run, with all metrics")


def _first(ranking: pd.DataFrame, draws: int) -> str:
    best, others = ranking["title"].iloc[0], ranking["title"][1:][ranking["as_good"][1:]].tolist()
    after = f"not told apart from it: {', '.join(map(str, others))}" if others else "ahead of all others"
    return text(f"{best}, {after}. Over {draws:,} draws; bars: interval of the difference to the first", 400)


def _table(ranking: pd.DataFrame, title: str) -> None:
    st.dataframe(
        {
            "Method": ranking["title"].tolist(),
            "Mean rank": ranking["rank"].tolist(),
            "rank from": ranking["rank_low"].tolist(),
            "rank to": ranking["rank_high"].tolist(),
            title: ranking["mean"].tolist(),
            "Behind the first": ranking["behind"].tolist(),
            "behind from": ranking["behind_low"].tolist(),
            "behind to": ranking["behind_high"].tolist(),
            "As good": ["not told apart" if good else "behind" for good in ranking["as_good"]],
            "Milliseconds a run": (1000 * ranking["seconds"]).tolist(),
        },
        column_config={
            **{name: st.column_config.NumberColumn(format="%.2f") for name in ("Mean rank", "rank from", "rank to")},
            **{name: st.column_config.NumberColumn(format="%.3f") for name in (title, "Behind the first", "behind from", "behind to")},
            "Milliseconds a run": st.column_config.NumberColumn(format="%.1f"),
        },
        hide_index=True,
    )


def calibration_card(now: InUse, cells: Sequence[benchmark.Cell], rows: pd.DataFrame) -> None:
    """Whether the quality that a method claims comes true: a reliability diagram of its first draw."""
    ran = {
        f"{cell.contender.title} · {cell.source.name}": cell
        for cell, trouble in zip(cells, rows["trouble"], strict=True)
        if cell.seed == 0 and pd.isna(trouble)
    }
    with st.container(border=True):
        card_title("Does a method know how right it is?", "First draw: where 90% quality is claimed, 90% should be right")
        chosen = st.selectbox("Method", list(ran), key="bench_claims", width=420)
        quality, right = claimed(now, ran[chosen])
        show(figures.reliability(quality, right, dark=dark()), "bench_reliability")


def time_card(now: InUse, wanted: Mapping[str, Any]) -> None:
    """Accuracy against wall time, when it is asked for."""
    with st.container(border=True):
        seeds = min(wanted["seeds"], TRACED_SEEDS)
        card_title("How fast do they get there?", f"Each mark is a run of 1, 2, 4, 8 ... iterations; mean of {seeds} draws")
        if asked("trace") != dict(wanted):
            st.button("Measure", icon=":material/timer:", on_click=ask, args=("trace", wanted), key="bench_trace")
            return
        table = traced(now, wanted)
        names = list(dict.fromkeys(table["data"]))
        data = names[0] if len(names) < 2 else st.selectbox("Data", names, key="bench_trace_data", width=420, format_func=text)
        show(figures.accuracy_over_time(table[table["data"] == data], dark=dark()), "bench_time")
        download(
            "accuracy_over_time", {"CSV": ("csv", lambda: export.to_csv(table, index=False))}, "One row a method and number of iterations"
        )
