import pandas as pd
import streamlit as st

import multiannotator_core as mc
from multiannotator_core import figures
from multiannotator_core.quality.review import review_queue
from pages._parts import card_title, content, dark, how, page_title, show, shown, text
from pages._session import ensure_app, pick, quality_methods, remember, require_run, step

ensure_app()
page_title("Which labels are most likely wrong?", "Worst quality first. Look at the example, then at who said what")
now = require_run()
labels, result, data = now.labels, now.result, now.dataset
classes, annotators = shown(labels.classes), shown(labels.annotators)

methods = quality_methods(now)
with st.container(horizontal=True, vertical_alignment="bottom"):
    method = st.selectbox("Order by", list(methods), format_func=lambda m: methods[m], key="rev_quality", bind="query-params", width=230)
    of_class = st.selectbox("Consensus class", ["all", *classes], key="rev_class", bind="query-params", width=180)
    by = st.selectbox("Labelled by", ["anyone", *annotators], key="rev_annotator", bind="query-params", width=180)
    against = st.toggle("Only where a label differs", key="rev_against", bind="query-params")

quality = remember(now, f"quality {method}", lambda: mc.example_quality(labels, result, method, pred_probs=data.pred_probs))
queue = remember(
    now,
    f"queue {method} {of_class} {by} {against}",
    lambda: review_queue(
        labels, result, quality, consensus_class=classes.index(of_class) if of_class in classes else None,
        annotator=annotators.index(by) if by in annotators else None, against_consensus=against,
    ),
)  # fmt: skip
if not len(queue):
    st.info("Nothing to review with these filters. Choose another class or annotator, or switch off the filter.")
    st.stop()

place = pick("rev_example", [str(name) for name in labels.examples.take(queue[:1000])])
i = int(queue[place])
name = labels.examples[i]
with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
    st.markdown(f"**{place + 1:,}** of {len(queue):,} in this queue", width="content")
    with st.container(horizontal=True, width="content"):
        st.button("Previous", icon=":material/chevron_left:", on_click=step, args=("rev_example", -1), disabled=place == 0, shortcut="k")
        st.button("Next", icon=":material/chevron_right:", on_click=step, args=("rev_example", 1), disabled=place + 1 >= min(len(queue), 1000), shortcut="j", type="primary")  # fmt: skip

model = None if data.pred_probs is None else data.pred_probs.to_numpy()[i]
grid = st.grid(4, min_column_width=238, gap="small", border=True)
with grid.cell():
    card_title(f"Example {text(name, 30)}")
    if not content(data, name):
        st.caption("Nothing is known of this example but its name. Add texts or images on the page Data.")
with grid.cell():
    sure = ":red-badge[:material/priority_high: unsure]" if quality[i] < 0.5 else ":orange-badge[:material/help: unsure]" if quality[i] < 0.7 else ":gray-badge[:material/check: sure enough]"  # fmt: skip
    card_title("How sure?", badge=sure)
    best = result.posterior[i].argsort()[::-1][:2]
    second = f", then **{text(classes[best[1]], 24)}** at {result.posterior[i, best[1]]:.2f}" if len(best) > 1 else ""
    st.markdown(f"**{text(classes[result.label[i]], 24)}** at {result.quality[i]:.2f}{second}")
    show(figures.posterior_bars(result.posterior[i], classes, label=int(result.label[i]), model=model, dark=dark()), "posterior")
    st.caption(f"Bars: consensus by {now.method}." + (" ◇ the model, which has not seen the labels." if model is not None else ""))
with grid.cell(column_span=2):
    rows = labels.example == i
    agreeing = labels.label[rows] == result.label[i]
    card_title("Who said what?", f"{int(rows.sum())} label(s), {int(agreeing.sum())} for the consensus")
    who = labels.annotator[rows]
    st.dataframe(
        pd.DataFrame(
            {
                "Label": [classes[k] for k in labels.label[rows]],
                "": ["=" if same else "≠" for same in agreeing],
                "Annotator": [annotators[j] for j in who],
                "Annotator quality": result.annotator_quality[who],
                **({"Seconds": labels.seconds[rows]} if labels.seconds is not None else {}),
            }
        ).sort_values("Annotator quality", ascending=False),
        column_config={
            "": st.column_config.TextColumn(width=40, help="Whether the label is the consensus label"),
            "Annotator quality": st.column_config.ProgressColumn(format="%.2f", min_value=0, max_value=1, color="gray"),
            "Seconds": st.column_config.NumberColumn(format="%.1f"),
        },
        hide_index=True, row_height=34, key="who", alt="All labels of this example",
    )  # fmt: skip

with st.container(border=True):
    card_title("What comes next in the queue?", f"{methods[method]}, worst first")
    page = queue[place : place + 20]
    st.dataframe(
        {
            "Example": shown(labels.examples.take(page)),
            "Quality": quality[page],
            "Consensus": [classes[k] for k in result.label[page]],
            "Labels": labels.labels_per_example[page],
            "Agree": 100 * labels.votes[page, result.label[page]] / labels.labels_per_example[page].clip(1),
        },
        column_config={
            "Quality": st.column_config.ProgressColumn(format="%.2f", min_value=0, max_value=1, color="gray"),
            "Agree": st.column_config.NumberColumn(format="%.0f%%", help="Share of the labels that say the consensus label"),
        },
        hide_index=True, height=34 * 8, row_height=34, key="queue", alt="The next examples of the queue",
    )  # fmt: skip
how("How is the order computed?", mc.QUALITY_METHODS[method].sentence)
