"""Studies of scores on the page Benchmark: which of them finds wrong labels, and which says best what to label next."""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from multiannotator_core import METHODS, export, figures
from multiannotator_core.benchmark import active_learning, quality
from pages._jobs import await_job, start
from pages._lab import OWN, ask, asked, shelf
from pages._parts import card_title, dark, download, show
from pages._session import InUse

WHAT = {"methods": "Methods", "quality": "Quality scores", "learning": "What to label next"}
STARTS: dict[str, int | None] = {"All examples have a label at the start": None, "500 examples have a label at the start": 500}
FOUND = {"accuracy": "Consensus right", "auroc": "AUROC", "auprc": "AUPRC", "lift_at_50": "Lift at 50", "lift_at_100": "Lift at 100"}


def chosen_study() -> str:
    """What the page compares: a key of WHAT."""
    return str(
        st.segmented_control("Compare", list(WHAT), format_func=WHAT.__getitem__, default="methods", required=True, key="bench_what")
    )


def quality_study(now: InUse) -> None:
    """Consensus methods x quality scores x models on three label sets; own data needs gold and a model."""
    data = {"digits": "Digits (sample)"}
    if now.dataset.gold is not None and now.dataset.models:
        data = {OWN: f"{now.dataset.name} (your gold and model)", **data}
    with st.container(border=True):
        card_title("Which score finds wrong labels?", "Scores are low where a consensus label is wrong, if they are good")
        with st.container(horizontal=True, vertical_alignment="bottom"):
            which = st.selectbox("Data", list(data), format_func=data.__getitem__, key="study_data", width=320)
            wanted = {"data": which, "dataset": now.dataset.id}
            st.button("Measure", type="primary", icon=":material/play_arrow:", on_click=ask, args=("quality", wanted))
    wanted = asked("quality")
    if wanted is None or wanted["dataset"] != now.dataset.id:
        st.caption("Press Measure: on the digits sample it takes about half a minute, in the background.")
        return
    rows = _quality_rows(now, wanted["data"])
    sets = list(dict.fromkeys(rows["labels"]))
    with st.container(border=True):
        card_title(
            "The best finders first",
            f"Means over {len(sets)} label sets ({', '.join(sets)}); the perfect model was trained on gold, out of sample",
        )
        table = rows.groupby(["model", "consensus", "quality"], sort=False)[list(FOUND)].mean().reset_index()
        table = table.sort_values("auroc", ascending=False, kind="stable")
        st.dataframe(
            table.assign(consensus=[METHODS[name].title for name in table["consensus"]]),
            column_config={
                "model": "Model",
                "consensus": "Consensus",
                "quality": "Score",
                **{name: st.column_config.NumberColumn(title, format="%.3f") for name, title in FOUND.items()},
            },
            hide_index=True,
            height=34 * 12,
            row_height=34,
            alt="How well each score finds wrong labels",
        )
        download("quality_scores", {"CSV": ("csv", lambda: export.to_csv(rows, index=False))}, "One row a label set, with all lifts")


def _quality_rows(now: InUse, which: str) -> pd.DataFrame:
    data = now.dataset
    key = ("study quality", which) if which != OWN else ("study quality", data.id, data.inputs)

    def work(job: Any) -> pd.DataFrame:
        def tell(done: int, total: int) -> None:
            job.total = total
            job.tell(done)

        if which != OWN:
            return quality.quality_benchmark(quality.digits_case(), on_progress=tell)
        models = {f"model {place}": model.to_numpy() for place, model in enumerate(data.models, start=1)}
        truth = pd.Series(dtype=object) if data.gold is None else data.gold
        case = quality.Case(data.name, data.labels, truth, None)
        return quality.quality_benchmark(case, models=lambda labels: models, on_progress=tell)

    return await_job(key, start(key, "Measuring quality scores", work))


def learning_study() -> None:
    """The loop of the ActiveLab benchmark on the digits sample."""
    with st.container(border=True):
        card_title(
            "What gains most, label by label?",
            "The digits sample: two thirds to label, one third to test; 100 labels a round. Finished runs are kept and never repeated",
        )
        with st.container(horizontal=True, vertical_alignment="bottom"):
            begin = st.selectbox("Start", list(STARTS), key="study_start", width=330)
            runs = st.number_input("runs", 1, 20, 1, key="study_runs", width=120)
            rounds = st.number_input("rounds", 1, 40, 10, key="study_rounds", width=120)
            names = list(active_learning.METHODS)
            methods = st.multiselect(
                "Chosen by",
                names,
                default=["activelab", "random", "active_label_cleaning"],
                format_func=lambda name: active_learning.METHODS[name].title,
                key="study_methods",
            )
            wanted = {"start": begin, "runs": int(runs), "rounds": int(rounds), "methods": methods}
            st.button("Run", type="primary", icon=":material/play_arrow:", disabled=not methods, on_click=ask, args=("learning", wanted))
    wanted = asked("learning")
    if wanted is None:
        st.caption("Press Run: a round takes one or two seconds for each method, in the background.")
        return
    table = active_learning.curves(_learning_rows(wanted))
    for what, title in (("consensus_accuracy", "How much of the consensus is right?"), ("model_accuracy", "How good is the model?")):
        with st.container(border=True):
            card_title(title, f"Mean of {wanted['runs']} run(s); the band is from the lowest to the highest")
            show(figures.learning_curves(table, what, dark=dark()), f"study_{what}")
    download("active_learning", {"CSV": ("csv", lambda: export.to_csv(table, index=False))}, "One row a method and round")


def _learning_rows(wanted: dict[str, Any]) -> pd.DataFrame:
    key = ("study learning", wanted["start"], str(wanted["runs"]), str(wanted["rounds"]), *wanted["methods"])

    def work(job: Any) -> pd.DataFrame:
        return active_learning.active_learning(
            active_learning.digits_pool,
            methods=wanted["methods"],
            n_start=STARTS[wanted["start"]],
            runs=wanted["runs"],
            rounds=wanted["rounds"],
            folder=shelf() / "active-learning",
            on_progress=lambda done, _: job.tell(done),
        )

    total = len(wanted["methods"]) * wanted["runs"] * (wanted["rounds"] + 1)
    return await_job(key, start(key, "Buying labels", work, total=total))
