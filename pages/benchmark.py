import streamlit as st

import multiannotator_core as mc
from multiannotator_core import benchmark, export, figures
from pages._lab import ask, asked, measured, runnable, source_titles, sources
from pages._parts import card_title, dark, download, how, page_title, show, text
from pages._session import ensure_app, require_run

ensure_app()
page_title("Which method is best here?", "Methods on data with known classes, over many draws; finished runs are kept and never repeated")
now = require_run()
METRICS = {
    "accuracy": "Right",
    "macro_f1": "Macro F1",
    "log_loss": "Log loss (low is good)",
    "ece": "Calibration error (low is good)",
    "auroc": "Low quality finds errors (AUROC)",
    "annotator_spearman": "Ranks annotators (Spearman)",
    "seconds": "Seconds (low is good)",
}
data, titles = source_titles(now), {name: mc.METHODS[name].title for name in mc.METHODS if name != "auto"}
with st.container(border=True):
    card_title("What shall be compared?", "Own data need gold; each draw of own data takes four fifths of the examples")
    preset = st.selectbox(
        "Compare",
        [None, *benchmark.PRESETS],
        format_func=lambda name: "Methods and data of your choice" if name is None else f"The paper's {benchmark.PRESETS[name].title}",
        key="bench_preset",
        width=460,
    )
    if preset is None:
        common = [name for name in ("majority_vote", "wawa", "dawid_skene", "ibcc", "glad") if name in runnable(now)]
        methods = st.multiselect("Methods", list(titles), default=common, format_func=titles.__getitem__, key="bench_methods")
        chosen = st.multiselect("Data", list(data), default=list(data)[:1], format_func=data.__getitem__, key="bench_data")
    else:
        methods, chosen = [], []
    with st.container(horizontal=True, vertical_alignment="bottom"):
        seeds = st.number_input("draws", 1, 200, 10 if preset is None else benchmark.SEEDS, key=f"bench_seeds_{preset}", width=140)
        cores = st.toggle("all cores", key="bench_cores")
    wanted = {"preset": preset, "methods": methods, "data": chosen, "seeds": seeds, "cores": cores, "dataset": now.dataset.id}
    ready = preset is not None or (methods and chosen)
    st.button("Run", type="primary", icon=":material/play_arrow:", disabled=not ready, on_click=ask, args=("benchmark", wanted))

wanted = asked("benchmark")
if wanted is None or wanted["dataset"] != now.dataset.id:
    st.caption("Press Run: the methods run in the background, and the ranking appears here.")
    st.stop()
try:
    if wanted["preset"]:
        cells = benchmark.preset_cells(wanted["preset"], wanted["seeds"])
    else:
        contenders = [benchmark.Contender(name) for name in wanted["methods"]]
        cells = benchmark.cells(contenders, sources(now, wanted["data"], wanted["seeds"]), wanted["seeds"])
    rows = measured("Benchmark", cells, 0 if wanted["cores"] else 1)
except ValueError as error:
    st.error(text(error, 400))
    st.stop()

if wanted["preset"]:
    with st.container(border=True):
        card_title(f"The paper's {benchmark.PRESETS[wanted['preset']].title}", f"The paper prints one seed; here are {wanted['seeds']}")
        table = benchmark.beside_printed(wanted["preset"], rows)
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

with st.container(border=True):
    known = [name for name in METRICS if name in rows and rows[name].notna().any()]
    metric = st.selectbox("Judged by", known, format_func=METRICS.__getitem__, key="bench_metric", width=300)
    try:
        ranking = benchmark.ranking(rows, metric)
    except ValueError as error:
        st.info(text(error, 400))
        st.stop()
    blocks = int(ranking["n"].iloc[0])
    card_title(
        "Who comes first?",
        f"Over {blocks:,} draws; filled marks are not told apart from the first; the interval is that of the difference to it",
    )
    half = (ranking["behind_high"] - ranking["behind_low"]) / 2
    shown_as = ranking.assign(low=ranking["mean"] - half, high=ranking["mean"] + half)
    show(figures.method_intervals(shown_as, percent=metric == "accuracy", dark=dark()), "bench_ranking")
    st.dataframe(
        {
            "Method": ranking["title"].tolist(),
            "Mean rank": ranking["rank"].tolist(),
            "rank from": ranking["rank_low"].tolist(),
            "rank to": ranking["rank_high"].tolist(),
            METRICS[metric]: ranking["mean"].tolist(),
            "Behind the first": ranking["behind"].tolist(),
            "behind from": ranking["behind_low"].tolist(),
            "behind to": ranking["behind_high"].tolist(),
            "As good": ["not told apart" if good else "behind" for good in ranking["as_good"]],
            "Milliseconds a run": (1000 * ranking["seconds"]).tolist(),
        },
        column_config={
            **{name: st.column_config.NumberColumn(format="%.2f") for name in ("Mean rank", "rank from", "rank to")},
            **{
                name: st.column_config.NumberColumn(format="%.3f")
                for name in (METRICS[metric], "Behind the first", "behind from", "behind to")
            },
            "Milliseconds a run": st.column_config.NumberColumn(format="%.1f"),
        },
        hide_index=True,
    )
    left_out = rows[rows["trouble"].notna()].drop_duplicates("title")
    for title, why in left_out[["title", "trouble"]].itertuples(index=False):
        st.caption(f"{text(title)} was left out: it {text(why, 200)}.")
    download("benchmark", {"CSV": ("csv", lambda: export.to_csv(rows, index=False))}, "One row a run, with all metrics")
how(
    "How are they told apart?",
    "In every draw all methods see the same labels. A method is behind when the interval of its mean paired difference to the first "
    "leaves out 0. Mean ranks count ties as shared. Draws of your own data are parts of the same examples: more of them do not make it "
    "surer, and the interval says how far the result hangs on which examples have gold.",
    "Demšar 2006; delete-d jackknife: Shao & Wu 1989",
)
