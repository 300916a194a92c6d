import streamlit as st

import multiannotator_core as mc
from multiannotator_core import benchmark
from pages._lab import ask, asked, cells_of, measured, runnable, source_titles
from pages._parts import card_title, how, page_title, text
from pages._rankings import calibration_card, printed_card, ranking_card, time_card
from pages._session import ensure_app, require_run
from pages._studies import chosen_study, learning_study, quality_study

ensure_app()
page_title("Which method is best here?", "Methods on data with known classes, over many draws; finished runs are kept and never repeated")
now = require_run()
study = chosen_study()
if study == "quality":
    quality_study(now)
elif study == "learning":
    learning_study()
if study != "methods":
    st.stop()
data, titles = source_titles(now), {name: mc.METHODS[name].title for name in mc.METHODS if name != "auto"}
with st.container(border=True):
    card_title("What shall be compared?", "Own data need gold; each draw of own data takes four fifths of the examples")
    preset = st.selectbox(
        "Comparison",
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
    cells = cells_of(now, wanted)
    rows = measured("Benchmark", cells, 0 if wanted["cores"] else 1)
    if wanted["preset"]:
        printed_card(wanted["preset"], rows, wanted["seeds"])
    ranking_card(rows)
    calibration_card(now, cells, rows)
    time_card(now, wanted)
except ValueError as error:
    st.error(text(error, 400))
    st.stop()
how(
    "How are they told apart?",
    "In every draw all methods see the same labels. A method is behind when the interval of its mean paired difference to the first "
    "leaves out 0. Mean ranks count ties as shared. Draws of your own data are parts of the same examples: more of them do not make it "
    "surer, and the interval says how far the result hangs on which examples have gold.",
    "Demšar 2006; delete-d jackknife: Shao & Wu 1989",
)
