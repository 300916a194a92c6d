import streamlit as st

from multiannotator_core import figures
from multiannotator_core.quality.tables import who_said_what
from pages._audit import told as refused
from pages._decisions import decisions, message, progress_words
from pages._desk import alike_examples, decision_bar, proposals
from pages._leases import hold
from pages._parts import card_title, content, dark, how, page_title, show, shown, text
from pages._people import may
from pages._queues import Filters, mixed_queue, orders, queue_of, sentence, worth
from pages._runs import revision_of
from pages._session import DESK_PATIENCE, ensure_app, pick, require_run, step

ensure_app()
page_title(
    "Which labels are most likely wrong?",
    "Worst quality first. Look, see who said what, and decide: each decision becomes gold and teaches the consensus at once",
)
now = require_run(DESK_PATIENCE)
labels, result, data = now.labels, now.result, now.dataset
classes, annotators = shown(labels.classes), shown(labels.annotators)

titles = orders(now)
with st.container(horizontal=True, vertical_alignment="bottom"):
    view = st.segmented_control("View", ["One", "Grid"], default="One", required=True, key="rev_view", bind="query-params")
    order = st.selectbox("Order by", list(titles), format_func=lambda m: titles[m], key="rev_quality", bind="query-params", width=190)
    of_class = st.selectbox("Consensus class", ["all", *classes], key="rev_class", bind="query-params", width=130)
    by = st.selectbox("Labelled by", ["anyone", *annotators], key="rev_annotator", bind="query-params", width=140)
    with st.popover("More filters", icon=":material/filter_alt:"):
        against = st.toggle("Only where a label differs", key="rev_against", bind="query-params")
        model_says = data.pred_probs is not None and st.toggle("Only where the model differs", key="rev_model", bind="query-params")
        hide = st.toggle("Hide decided", value=True, key="rev_hide", bind="query-params")
        why = "One example in five is drawn at random: only those tell how good the rest is."
        audit = st.toggle("Audit", value=True, key="rev_audit", bind="query-params", help=why)
    steps = st.container(horizontal=True, width="content", gap="xsmall")

filters = Filters(
    of_class=classes.index(of_class) if of_class in classes else None,
    annotator=annotators.index(by) if by in annotators else None,
    against=against,
    model=model_says,
)
quality = worth(now, order)
decided = decisions(now)
grid_view = view == "Grid"
queue, chance, total = mixed_queue(
    now, queue_of(now, order, quality, filters), decided, hide=hide or grid_view, audit=audit and not grid_view
)
told = message()
if why_not := refused():
    st.error(text(why_not, 300))
if not len(queue):
    if told:
        st.markdown(f":{'red' if told[0] == 'error' else 'green'}-badge[{text(told[1], 200)}]")
    st.info("Nothing to review with these filters. Choose another class or annotator, or show what was decided.")
    st.stop()

place = 0 if grid_view else pick("rev_example", [str(name) for name in labels.examples.take(queue)])
with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
    where = f"**{total:,}** in this queue" if grid_view else f"**{place + 1:,}** of {total:,} in this queue"
    st.markdown(f"{where} · {progress_words(now, decided)}", width="content")
    if told:
        st.markdown(f":{'red' if told[0] == 'error' else 'green'}-badge[{text(told[1], 200)}]", width="content")
    if not grid_view:
        with steps:
            back, on = place == 0, place + 1 >= len(queue)
            st.button("Previous", icon=":material/chevron_left:", on_click=step, args=("rev_example", -1), disabled=back, shortcut="k")
            st.button("Next", icon=":material/chevron_right:", on_click=step, args=("rev_example", 1), disabled=on, shortcut="j")
if grid_view:
    if not proposals(now, queue):
        st.info("All that is left in this queue was put aside for one at a time. Choose the view One.")
    how("How is the order computed?", sentence(order))
    st.stop()

i, drawn = int(queue[place]), chance[place] > 0
name = labels.examples[i]
standing = decided.loc[name] if name in decided.index else None
if may("decide"):
    hold(now, [i])

model = None if data.pred_probs is None else data.pred_probs.to_numpy()[i]
grid = st.grid(4, min_column_width=238, gap="small", border=True)
with grid.cell():
    card_title(f"Example {text(name, 30)}", badge=":violet-badge[:material/casino: at random]" if drawn else None)
    if standing is not None:
        said = f"flagged: {standing['flag']}" if standing["flag"] else f"decided: {text(standing['label'], 30)}"
        st.markdown(f":blue-badge[:material/gavel: {said}] by {text(standing['reviewer'], 40)}")
    if not content(data, name):
        st.caption("Nothing is known of this example but its name. Add texts or images on the page Data.")
    alike_examples(now, i)
with grid.cell():
    sure = (
        ":red-badge[:material/priority_high: unsure]"
        if result.quality[i] < 0.5
        else ":orange-badge[:material/help: unsure]"
        if result.quality[i] < 0.7
        else ":gray-badge[:material/check: sure enough]"
    )
    card_title("How sure?", badge=sure)
    best = result.posterior[i].argsort()[::-1][:2]
    second = f", then **{text(classes[best[1]], 24)}** at {result.posterior[i, best[1]]:.2f}" if len(best) > 1 else ""
    st.markdown(f"**{text(classes[result.label[i]], 24)}** at {result.quality[i]:.2f}{second}")
    show(figures.posterior_bars(result.posterior[i], classes, label=int(result.label[i]), model=model, dark=dark()), "posterior")
    st.caption(f"Bars: consensus by {now.method}." + (" ◇ the model, which has not seen the labels." if model is not None else ""))
with grid.cell(column_span=2):
    rows = labels.example == i
    agreeing = labels.label[rows] == result.label[i]
    card_title("Who said what?", f"{int(agreeing.sum())} of {int(rows.sum())} labels say the consensus")
    said = who_said_what(labels, result, name, data.pred_probs)
    st.dataframe(
        said.assign(
            weight=100 * said["weight"],
            label=shown(said["label"]),
            source=shown(said["source"]),
            agrees=["=" if same else "≠" for same in said["agrees"]],
        ),
        column_config={
            "label": "Label",
            "agrees": st.column_config.TextColumn("", width=40, help="Whether they say the consensus label"),
            "source": "Who",
            "weight": st.column_config.ProgressColumn(
                "Weight", format="%.0f%%", min_value=0, max_value=100, color="gray", help="Of all that speaks for or against the consensus"
            ),
            "quality": st.column_config.NumberColumn("Quality", format="%.2f", help="Of the annotator, by this run"),
            "seconds": st.column_config.NumberColumn("Seconds", format="%.1f"),
        },
        hide_index=True,
        row_height=34,
        key="who",
        alt="All labels of this example",
    )
    how(
        "How are the weights computed?",
        "How much each label moves the posterior between the consensus class and the runner-up: with a confusion matrix the size of "
        r"$\log P(\text{label} \mid \text{consensus}) - \log P(\text{label} \mid \text{runner-up})$ as a share of all; in CROWDLAB the "
        "weight in its average; in voting the weight of the vote.",
    )

best_first = result.posterior[i].argsort()[::-1]
decision_bar(
    now,
    name,
    int(result.label[i]),
    best_first,
    revision_of(now.info, name),
    float(chance[place]) if drawn else None,
)

with st.container(border=True):
    card_title("What comes next in the queue?", f"Ordered by {titles[order].lower()}, worst first")
    page = queue[place + 1 : place + 21]
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
        hide_index=True,
        height=34 * 8,
        row_height=34,
        key="queue",
        alt="The next examples of the queue",
    )
how("How is the order computed?", sentence(order))
