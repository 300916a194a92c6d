from functools import partial

import pandas as pd
import streamlit as st

import multiannotator_core as mc
from multiannotator_core import figures
from multiannotator_core.quality.tables import split_examples
from pages._compared import compared_runs
from pages._jobs import failures, running, watch
from pages._parts import card_title, how, option_widget, page_title, shown
from pages._runs import start_run
from pages._session import catch_up, draw, ensure_app, require_run, use

ensure_app()
page_title("What is the right label, and how sure are we?", "Choose a method, run it, and compare. All pages then show the run in use")
now = require_run()
labels, data = now.labels, now.dataset

families = list(dict.fromkeys(method.family for method in mc.METHODS.values()))
family = st.segmented_control(
    "Family",
    families,
    default=mc.METHODS[now.result.method].family,
    required=True,
    label_visibility="collapsed",
    key="con_family",
    persist_state="session",
)
with st.grid(3, min_column_width=230, gap="small", border=True) as cards:
    for name, method in mc.METHODS.items():
        if method.family != family:
            continue
        with cards.cell():
            why_not = mc.obstacle(labels, name, pred_probs=data.pred_probs, gold=data.gold)
            st.markdown(f"**{method.title}**{'  :blue-badge[Good default]' if name == 'dawid_skene' else ''}")
            st.caption(f":material/block: {why_not}" if why_not else method.when)
            with st.container(horizontal=True, vertical_alignment="center", gap="small"):
                options = {}
                kind = "primary" if name == "dawid_skene" else "secondary"
                clicked = st.button("Run", key=f"run_{name}", icon=":material/play_arrow:", disabled=bool(why_not), type=kind)
                if method.options and not why_not:
                    with st.popover("Options", type="tertiary", key=f"options_{name}"):
                        st.caption(method.reference)
                        options = {option: option_widget(name, option, default) for option, default in method.options.items()}
            if clicked:
                use(run=start_run(now.info, name, options)[0])
                st.rerun()

for job in running("run", data.id).values():
    watch(job)
catch_up(now)
for title, reason in failures("run", data.id):
    st.error(f"{title} did not run: {reason}")

runs = compared_runs(now)
table = runs.table
grid = st.grid(3, min_column_width=300, gap="small", border=True, dense=True)
with grid.cell(column_span=2):
    checked = (
        "Right: on gold that the run did not see" if table["right"].notna().any() else "Add gold on the page Data to see which run is right"
    )
    card_title("Which run is best?", f"{len(table)} {'run' if len(table) == 1 else 'runs'} on these labels. {checked}")
    st.dataframe(
        pd.DataFrame(
            {
                "Method": table["title"],
                **({"Right": 100 * table["right"]} if table["right"].notna().any() else {}),
                "Below 0.7": table["unsure"],
                "≠ majority": 100 * table["differs"],
                "Seconds": table["seconds"],
                "": ["In use" if key == now.run else "Use" for key in table.index],
            }
        ),
        column_config={
            "Right": st.column_config.ProgressColumn(format="%.1f%%", min_value=0, max_value=100, color="gray"),
            "Below 0.7": st.column_config.NumberColumn(help="Examples whose quality is below 0.7", format="localized"),
            "≠ majority": st.column_config.NumberColumn(format="%.1f%%", help="Examples with another label than majority vote"),
            "Seconds": st.column_config.NumberColumn(format="%.1f"),
            "": st.column_config.ButtonColumn("", type="tertiary", key="use_run", on_click=runs.use_clicked),
        },
        hide_index=True,
        row_height=34,
        key="runs",
        alt="The runs so far",
    )
    if runs.sentence:
        st.caption(runs.sentence)
with grid.cell():
    card_title("Where do they differ?", "Percent of examples with another label")
    if len(table) > 1:
        draw(now, "differences", partial(figures.run_differences, {title: run.label for title, run in runs.results.items()}), runs.key)
    else:
        st.caption("Run a second method to see where the two disagree.")
with grid.cell(column_span=2):
    card_title(
        "Which run leaves the fewest unsure?", f"Examples whose consensus label has a quality below 0.9, of {len(labels.examples):,}"
    )
    draw(now, "unsure", partial(figures.unsure_counts, {title: run.quality for title, run in runs.results.items()}), runs.key)
with grid.cell():
    trace = now.result.trace
    state = f"{now.method}, {len(trace)} iterations, " + ("converged" if now.result.converged else "not converged: raise max_iter")
    card_title("Has it converged?", state if trace else f"{now.method} has no iterations")
    if trace:
        draw(now, "convergence", partial(figures.convergence, trace))
with grid.cell(column_span="all"):
    card_title(
        "How sure is the run in use?",
        f"Quality of the consensus label by {now.method}, n = {len(labels.examples):,}",
        ("review", "Open the queue"),
    )
    draw(now, "quality", partial(figures.quality_histogram, now.result.quality))

if len(runs.results) > 1:
    split = split_examples(labels, runs.results)
    with st.container(border=True):
        card_title("On which examples do the runs split?", f"{len(split):,} examples (at most 200), those with most different labels first")
        st.dataframe(
            split.assign(**{title: shown(split[title]) for title in runs.results}).reset_index().astype({"example": str}),
            column_config={
                "example": "Example",
                "lowest_quality": st.column_config.ProgressColumn("Lowest quality", format="%.2f", min_value=0, max_value=1, color="gray"),
            },
            hide_index=True,
            height=34 * 8,
            row_height=34,
            key="split",
            alt="Examples on which the runs differ",
        )
if now.result.selection is not None:
    with st.container(border=True):
        card_title("Why these methods?", "A tenth of the labels was hidden; the methods that predict them best together are averaged")
        st.dataframe(now.result.selection, row_height=34, key="selection", alt="How well each method predicts hidden labels")

how(
    f"How does {now.method} work?",
    mc.METHODS[now.result.method].when
    + "  \nIts quality is the posterior probability of the consensus label. Posteriors of models that take "
    "annotators as independent are too sure on real data: trust their order more than their size, and check with gold.",
    mc.METHODS[now.result.method].reference,
)
