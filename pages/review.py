import streamlit as st

import multiannotator_core as mc
from multiannotator_core import figures
from multiannotator_core.quality.review import review_queue
from multiannotator_core.quality.tables import eligible_qualities, who_said_what
from multiannotator_core.store import FLAGS
from pages._decisions import class_keys, decide, decisions, hold, message, mixed_queue, progress_words, reviewer_input, undo
from pages._parts import card_title, content, dark, how, page_title, show, shown, text
from pages._session import DESK_PATIENCE, ensure_app, pick, remember, require_run, step

ensure_app()
page_title(
    "Which labels are most likely wrong?",
    "Worst quality first. Look, see who said what, and decide: each decision becomes gold and teaches the consensus at once",
)
now = require_run(DESK_PATIENCE)
labels, result, data = now.labels, now.result, now.dataset
classes, annotators = shown(labels.classes), shown(labels.annotators)

methods = eligible_qualities(result, data.pred_probs)
with st.container(horizontal=True, vertical_alignment="bottom"):
    method = st.selectbox("Order by", list(methods), format_func=lambda m: methods[m], key="rev_quality", bind="query-params", width=230)
    of_class = st.selectbox("Consensus class", ["all", *classes], key="rev_class", bind="query-params", width=180)
    by = st.selectbox("Labelled by", ["anyone", *annotators], key="rev_annotator", bind="query-params", width=180)
    against = st.toggle("Only where a label differs", key="rev_against", bind="query-params")
    hide = st.toggle("Hide decided", value=True, key="rev_hide", bind="query-params")
    why = "One example in five is drawn at random: only those tell how good the rest is."
    audit = st.toggle("Audit", value=True, key="rev_audit", bind="query-params", help=why)

quality = remember(now, f"quality {method}", lambda: mc.example_quality(labels, result, method, pred_probs=data.pred_probs))
queue = remember(
    now,
    f"queue {method} {of_class} {by} {against}",
    lambda: review_queue(
        labels,
        result,
        quality,
        consensus_class=classes.index(of_class) if of_class in classes else None,
        annotator=annotators.index(by) if by in annotators else None,
        against_consensus=against,
    ),
)
decided = decisions(now)
queue, audited, total = mixed_queue(now, queue, decided, hide=hide, audit=audit)
if not len(queue):
    st.info("Nothing to review with these filters. Choose another class or annotator, or show what was decided.")
    st.stop()

place = pick("rev_example", [str(name) for name in labels.examples.take(queue)])
i = int(queue[place])
hold(now, i)
name = labels.examples[i]
standing = decided.loc[name] if name in decided.index else None
told = message()
with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
    st.markdown(f"**{place + 1:,}** of {total:,} in this queue · {progress_words(now, decided)}", width="content")
    if told:
        st.markdown(f":{'red' if told[0] == 'error' else 'green'}-badge[{text(told[1], 200)}]", width="content")
    with st.container(horizontal=True, width="content"):
        st.button("Previous", icon=":material/chevron_left:", on_click=step, args=("rev_example", -1), disabled=place == 0, shortcut="k")
        last = place + 1 >= len(queue)
        st.button("Next", icon=":material/chevron_right:", on_click=step, args=("rev_example", 1), disabled=last, shortcut="j")

model = None if data.pred_probs is None else data.pred_probs.to_numpy()[i]
grid = st.grid(4, min_column_width=238, gap="small", border=True)
with grid.cell():
    card_title(f"Example {text(name, 30)}", badge=":violet-badge[:material/casino: at random]" if audited[place] else None)
    if standing is not None:
        said = f"flagged: {standing['flag']}" if standing["flag"] else f"decided: {text(standing['label'], 30)}"
        st.markdown(f":blue-badge[:material/gavel: {said}] by {text(standing['reviewer'], 40)}")
    if not content(data, name):
        st.caption("Nothing is known of this example but its name. Add texts or images on the page Data.")
with grid.cell():
    sure = (
        ":red-badge[:material/priority_high: unsure]"
        if quality[i] < 0.5
        else ":orange-badge[:material/help: unsure]"
        if quality[i] < 0.7
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

revision = 0 if standing is None else int(standing["revision"])
chance = 1 / max(1, len(labels.examples) - len(decided)) if audited[place] else None
proposed = int(result.label[i])
few = list(range(len(classes))) if len(classes) <= 12 else [int(k) for k in result.posterior[i].argsort()[::-1][:6]]
keys = class_keys(classes) if len(classes) <= 12 else class_keys([""] * len(classes))
with st.bottom, st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
    with st.container(horizontal=True, gap="xsmall", width="content"):
        reviewer_input()
        for place_of, k in enumerate(few):
            key = keys[k] if len(classes) <= 12 else keys[place_of]
            kind = "primary" if k == proposed else "secondary"
            label = text(classes[k], 18)
            st.button(
                label,
                key=f"decide_{k}",
                shortcut=key,
                type=kind,
                on_click=decide,
                args=(now, name, labels.classes[k], None, revision, chance),
            )
        if len(few) < len(classes):
            other = st.selectbox(
                "Another class",
                [None, *classes],
                format_func=lambda c: "Another class …" if c is None else c,
                key="rev_other",
                label_visibility="collapsed",
                width=170,
            )
            if other is not None:
                chosen = labels.classes[classes.index(other)]
                st.button("Decide", key="decide_other", on_click=decide, args=(now, name, chosen, None, revision, chance))
    with st.container(horizontal=True, gap="xsmall", width="content"):
        with st.popover("Note", icon=":material/edit_note:", type="tertiary"):
            st.text_input("Note for the next decision", key="rev_note", max_chars=500)
        with st.popover("Flag", icon=":material/flag:", type="tertiary"):
            for flag in FLAGS:
                st.button(flag.capitalize(), key=f"flag_{flag}", on_click=decide, args=(now, name, None, flag, revision, chance))
        st.button("Undo", icon=":material/undo:", type="tertiary", shortcut="u", on_click=undo)

with st.container(border=True):
    card_title("What comes next in the queue?", f"Ordered by {methods[method].lower()}, worst first")
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
how("How is the order computed?", mc.QUALITY_METHODS[method].sentence)
