from functools import partial

import streamlit as st

import multiannotator_core as mc
from multiannotator_core import figures
from multiannotator_core.quality.classes import confused_pairs
from multiannotator_core.quality.review import review_queue
from pages._compared import audited, gold_check
from pages._parts import card_title, content, fours, how, page_title, shown, text, to_do, verdict_column
from pages._session import draw, ensure_app, remember, require_run

ensure_app()
page_title("What needs your attention?", "The crowd's labels at a glance: how sure, how much agreement, who stands out")
now = require_run()
labels, result = now.labels, now.result
n = len(labels.examples)
unsure = int(((result.quality < 0.7) & (labels.labels_per_example > 0)).sum())
alpha = remember(now, "alpha", lambda: mc.krippendorff_alpha(labels))
metrics = audited(now).table
bad = int(metrics["verdict"].isin(["answers at random", "always says"]).sum())
checked = gold_check(now)

right = (f"{100 * checked['accuracy']:.1f}%", f"{round(checked['accuracy'] * checked['n']):,} of {checked['n']:,}") if checked else None
tiles = (
    (
        "Labels to review",
        f"{unsure:,}",
        f"of {n:,} are below 0.7",
        "Examples whose consensus label has a quality below 0.7, by the run in use.",
    ),
    (
        "Right on gold",
        *(right or ("no gold", "add trusted labels on Data")),
        "The same method on the same labels without the gold, compared with the gold."
        if right
        else "With some trusted labels the accuracy of the consensus can be measured.",
    ),
    ("Agreement (alpha)", f"{alpha:.2f}", "0 is chance, 1 is perfect", "Krippendorff's alpha: how much annotators agree beyond chance."),
    (
        "Annotators to look at",
        f"{bad:,} of {len(metrics):,}",
        "random, or always the same" if bad else "none labels at random",
        "Annotators whose labels hardly depend on the example, judged only where the data suffice.",
    ),
)
for place, (title, value, note, words) in zip(fours(len(tiles)), tiles, strict=True):
    place.metric(title, value, note, border=True, height="stretch", delta_color="off", delta_arrow="off", help=words)

grid = st.grid(3, min_column_width=300, gap="small", border=True, dense=True)
with grid.cell(column_span=2):
    card_title(
        "How sure are we of each label?",
        f"Quality of the consensus label by {now.method}, n = {n:,}. {unsure:,} are below 0.7, the line for review",
    )
    draw(now, "quality", partial(figures.quality_histogram, result.quality))
with grid.cell():
    card_title("What to do next")
    pairs = remember(now, "pairs", lambda: confused_pairs(labels, result, 6))
    if unsure:
        to_do(f":material/rate_review: **Review {unsure:,} examples**", "quality below 0.7", "review", "Review")
    if bad:
        to_do(f":material/groups: **Look at {bad:,} annotators**", "they label at random", "annotators", "See who")
    if len(pairs):
        first, second = (text(pairs[column][0], 16) for column in ("true", "given"))
        to_do(f":material/menu_book: **Explain {first} and {second} better**", "the most frequent mix-up", "classes", "See the pair")
    if now.dataset.pred_probs is None:
        to_do(":material/neurology: **Bring a model's predictions**", "labels and a model together do better", "data", "Add")
    elif now.result.method != "crowdlab":
        to_do(":material/how_to_vote: **Compare with CROWDLAB**", "it weighs your model too", "consensus", "Compare")

with grid.cell(column_span="all"):
    classes = shown(labels.classes)
    card_title(
        "What do the examples look like?",
        "Under each: how the crowd labelled it, and the consensus with its quality",
        ("review", "Open the queue"),
    )
    with st.container(horizontal=True, vertical_alignment="bottom"):
        order = st.segmented_control(
            "Order",
            ["Least sure", "Surest"],
            default="Least sure",
            required=True,
            label_visibility="collapsed",
            key="ov_order",
            bind="query-params",
        )
        picked = st.selectbox(
            "Class",
            [None, *range(len(classes))],
            format_func=lambda k: "All classes" if k is None else classes[k],
            label_visibility="collapsed",
            width=220,
            key="ov_class",
            persist_state="session",
        )
    queue = review_queue(labels, result, result.quality, consensus_class=picked, best_first=order == "Surest")[:6]
    if not len(queue):
        st.caption("No example has this consensus class.")
    with st.grid(6, min_column_width=96, gap="small"):
        for i in queue:
            with st.container(gap="xxsmall"):
                if not content(now.dataset, labels.examples[i], compact=True):
                    st.caption(text(labels.examples[i], 40))
                draw(now, f"votes_{i}", partial(figures.vote_bars, labels.votes[i], classes, label=int(result.label[i])))
                st.caption(f"**{text(classes[result.label[i]], 20)}** at {result.quality[i]:.2f}")

with grid.cell(column_span=2):
    card_title("Which annotators stand out?", f"Lowest quality first, {len(labels.annotators):,} in all", ("annotators", "All annotators"))
    worst = metrics.sort_values("quality").head(7)
    st.dataframe(
        {
            "Annotator": shown(worst.index),
            "Quality": worst["quality"].to_numpy(),
            "Agrees with consensus": (100 * worst["agreement_with_consensus"]).astype("Float64"),
            "Labels": worst["n_labels"].to_numpy(),
            "Verdict": [[verdict] for verdict in worst["verdict"]],
        },
        column_config={
            "Verdict": verdict_column(),
            "Quality": st.column_config.ProgressColumn(format="%.2f", min_value=0, max_value=1, color="gray"),
            "Agrees with consensus": st.column_config.NumberColumn(format="%.0f%%"),
        },
        hide_index=True,
        row_height=34,
        key="worst",
        alt="The seven annotators with the lowest quality",
    )
with grid.cell():
    card_title("Which classes get mixed up?", "Share of the labels on the first class that say the second")
    if len(pairs):
        draw(now, "pairs", partial(figures.confused_classes, pairs))
    else:
        st.caption("No class is mixed up with another.")

with grid.cell():
    card_title("Which classes are there?", "Share of the labels given, and of the consensus labels")
    draw(now, "balance", partial(figures.class_balance, labels, result))
with grid.cell():
    card_title("How much did each annotator do?", f"Labels of each annotator, n = {len(labels.annotators):,}")
    draw(now, "load", partial(figures.labels_per_annotator, labels))
with grid.cell():
    alone = int((labels.labels_per_example == 1).sum())
    card_title("How many opinions has each example?", f"Labels of each example, n = {n:,}. {alone:,} have a single one")
    draw(now, "effort", partial(figures.labels_per_example, labels))

how(
    "How is the agreement computed?",
    r"Krippendorff's alpha is $\alpha = 1 - D_o / D_e$: the disagreement that is observed within examples, divided by the one "
    "expected if all labels were shuffled. Examples with a single label do not enter. Values above 0.8 are usually called reliable, "
    "below 0.67 not.",
    "Krippendorff 2011, Computing Krippendorff's alpha-reliability",
)
