from functools import partial

import streamlit as st

from multiannotator_core import export
from multiannotator_core.active import ACQUISITION_METHODS
from multiannotator_core.figures import budget_curve
from pages._budget import planned, to_teach
from pages._parts import card_title, download, how, page_title, percent, shown, text
from pages._session import draw, ensure_app, link, require_run

ensure_app()
MOST_SHOWN = 1000  # rows of the list on the page; the file has all
page_title(
    "Which labels should we buy next, and from whom?",
    "A budget goes where further labels are expected to mend most, to those who are good at it",
)
now = require_run()
labels = now.labels
n = len(labels.examples)

with st.container(border=True), st.container(horizontal=True, vertical_alignment="bottom"):
    most_labels = max(100, min(2000, n))
    budget = st.slider("Labels to buy", 10, most_labels, min(100, most_labels), step=10, key="rel_budget", bind="query-params", width=420)
    cap = st.number_input(
        "At most for one annotator",
        1,
        10_000,
        max(1, budget // 5),
        help="So that the plan does not rest on one or two people.",
        width=190,
    )
    most = st.number_input("At most for one example", 1, 5, 3, key="rel_most", bind="query-params", width=190)
    away = st.multiselect("Not to be asked", shown(labels.annotators), key="rel_away", placeholder="Everybody can be asked", width=300)
names = shown(labels.annotators)
found = planned(now, budget, int(cap), int(most), [labels.annotators[names.index(who)] for who in away])
trust, table = found.trust, found.table
to_ask = export.ToAsk(table, labels, now.dataset.content)

grid = st.grid(3, min_column_width=300, gap="small", border=True, dense=True)
with grid.cell():
    card_title("What is it expected to bring?", f"Consensus labels that are right, of the {found.n:,} without gold or decision")
    with st.container(horizontal=True):
        for title, expected in (("Now", found.before), (f"After {len(table):,} labels", found.after)):
            st.metric(
                title,
                f"{100 * expected.value:.1f}%",
                f"{100 * expected.low:.1f}% to {100 * expected.high:.1f}%",
                delta_color="off",
                delta_arrow="off",
            )
    st.markdown(found.stop)
    if trust.n_gold:
        st.caption(
            f":material/verified: Calibrated on {trust.n_gold:,} gold examples. Recalibrated on the other gold, the run claims "
            f"{percent(trust.claimed)} there, and {percent(trust.right)} are right."
        )
    else:
        st.caption(
            ":material/warning: **Uncalibrated**: without 20 gold examples the range comes from simulated crowds, from independent "
            "annotators to ones who err together on 60% of the examples."
        )
        link("data", "Add gold")
with grid.cell(column_span=2):
    card_title(
        "Where does it stop being worth it?",
        f"Expected share of right labels by {now.method}; the band is the 95% range"
        if trust.n_gold
        else f"Expected share of right labels by {now.method}; the band is the range of the simulations",
    )
    draw(now, "budget", partial(budget_curve, found.curve, len(table)), f"{budget} {cap} {most} {away}")

with grid.cell(column_span=2):
    if len(table):
        card_title("Whom to ask about what?", f"{len(table):,} labels of {table['example'].nunique():,} examples, the most useful first")
        lists = export.TASK_LISTS
        with st.container(horizontal=True, vertical_alignment="bottom"):
            kind = st.selectbox("Task list for", list(lists), format_func=lambda key: lists[key].title, key="rel_list", width=280)
            download(f"labels_to_buy_{kind}", {"Download": (lists[kind].ending, lambda: lists[kind].write(to_ask))})
        st.caption(text(lists[kind].use, 400))
        rows = table.head(MOST_SHOWN)
        st.dataframe(
            rows.assign(**{c: shown(rows[c]) for c in ("example", "annotator", "consensus", "runner_up")}),
            column_order=["example", "annotator", "consensus", "chance", "runner_up", "expected_accuracy", "reason"],
            column_config={
                "example": "Example",
                "annotator": "Ask",
                "consensus": "Consensus",
                "chance": st.column_config.ProgressColumn("Chance", format="%.2f", min_value=0, max_value=1, color="gray"),
                "runner_up": "Or",
                "expected_accuracy": st.column_config.NumberColumn(
                    "Right there", format="%.2f", help="The chance that this annotator labels this example rightly"
                ),
                "reason": st.column_config.TextColumn("Why", width="large"),
            },
            hide_index=True,
            height=34 * 12,
            row_height=34,
            key="to_buy",
            alt="Which labels to buy from whom",
        )
        if len(table) < budget:
            st.caption(f"{budget - len(table):,} labels of the budget are left: nothing that the others may label is expected to change.")
    else:
        card_title("Whom to ask about what?")
        st.caption(found.stop)
with grid.cell():
    card_title("How many for whom?", "Labels of the plan for each annotator")
    if len(table):
        counts = table.groupby("annotator", sort=False)["expected_accuracy"].agg(["size", "mean"]).sort_values("size", ascending=False)
        st.dataframe(
            counts.assign(who=shown(counts.index)).reset_index(drop=True),
            column_order=["who", "size", "mean"],
            column_config={
                "who": "Annotator",
                "size": st.column_config.NumberColumn("Labels", format="localized"),
                "mean": st.column_config.NumberColumn("Right there", format="%.2f"),
            },
            hide_index=True,
            row_height=34,
            key="asked",
            alt="Labels of the plan for each annotator",
        )
    else:
        st.caption("Nobody is asked.")

with grid.cell(column_span="all"):
    models = now.dataset.models
    card_title("Which labels would teach a model most?", "All examples, labelled or not, the one whose next label helps most first")
    if models:
        way = st.selectbox(
            "Chosen by",
            list(ACQUISITION_METHODS),
            format_func=lambda name: ACQUISITION_METHODS[name].title,
            key="rel_way",
            bind="query-params",
            width=280,
        )
        st.caption(f"{ACQUISITION_METHODS[way].sentence} Seen by {'one model' if len(models) == 1 else f'{len(models)} models'}.")
        teach = to_teach(now, way)
        first = teach.head(MOST_SHOWN)
        st.dataframe(
            first.assign(example=shown(first["example"]), model=shown(first["model"])),
            column_config={
                "example": "Example",
                "score": st.column_config.NumberColumn("Score", format="%.3f", help="Low: label it next"),
                "n_labels": st.column_config.NumberColumn("Labels so far", format="localized"),
                "model": "The model says",
                "probability": st.column_config.ProgressColumn("Probability", format="%.2f", min_value=0, max_value=1, color="gray"),
            },
            hide_index=True,
            height=34 * 8,
            row_height=34,
            key="to_teach",
            alt="Which examples to label next for the model",
        )
        download("to_teach", {"CSV": ("csv", lambda: export.to_csv(teach, index=False))}, f"All {len(teach):,} examples")
    else:
        st.caption("This needs the probabilities of a model for every example: upload them, or train a model here.")
        with st.container(horizontal=True):
            link("data", "Add predictions")
            link("train", "Train a model")

how(
    "How is this computed?",
    "For each example we ask what one, two or three more labels may say, and how likely the class that is then likeliest is right: "
    r"$\sum_{\ell} \max_k P(k)\, P(\ell \mid k) - \max_k P(k)$. The budget goes to the best gains. Each label goes to the annotator "
    "with the best expected accuracy on that example, $\\sum_k P(k)\\, \\pi_{kk}$, who has not labelled it and is below the cap. "
    "Before that, posteriors are brought to the temperature at which as many are right on the gold as they claim; the range is its "
    "uncertainty, and the chance in which examples come out right. On simulated crowds the stop rule said *stop* where the next 100 labels "
    "mended 0.8 labels on average, and *go on* where they mended 9 (benchmarks/RELABEL.md).",
    "The gain is the knowledge gradient of Frazier, Powell & Dayanik 2008; temperature: Clarté et al. 2023; ActiveLab: Goh & Mueller 2023",
)
