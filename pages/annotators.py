import pandas as pd
import streamlit as st

from multiannotator_core import figures
from multiannotator_core.quality.annotators import confusion_counts, disagreements
from multiannotator_core.quality.copying import pair_sentence, shared_examples
from multiannotator_core.quality.uncertainty import probability_better
from multiannotator_core.quality.verdicts import RULE
from multiannotator_core.quality.what_if import without_annotator
from pages._audit import excluded, exclusion_form, exclusion_list, gold_of, pair_select, report_button, told
from pages._compared import audited
from pages._parts import VERDICTS, card_title, dark, how, page_title, percent, short, show, shown, text, verdict_badge
from pages._session import choose_annotator, ensure_app, link, remember, require_run

ensure_app()
ROWS = 40  # annotators on one page of the ranking
page_title("Whom can we trust, and on what?", "Bars are 95% intervals; a verdict is given only when the interval allows it")
now = require_run()
labels, result, data = now.labels, now.result, now.dataset
names = shown(labels.annotators)
found = audited(now)
out = excluded(now)
out = out[out["kind"] == "annotator"]
metrics = found.table.drop(index=out["name"])
refused = told()
if refused:
    st.error(text(refused, 300))

SORTS = {
    "quality": "Quality",
    "raykar_yu": "Spammer score",
    "agreement_with_consensus": "Agreement with the consensus",
    "agreement_with_model": "Agreement with the model",
    "accuracy_on_gold": "Accuracy on gold",
    "n_labels": "Number of labels",
}
SORTS = {column: title for column, title in SORTS.items() if column in metrics}
counts_of = metrics["verdict"].value_counts()
wanted = st.pills(
    "Verdict",
    [verdict for verdict in VERDICTS if verdict in counts_of],
    selection_mode="multi",
    format_func=lambda verdict: f":material/{VERDICTS[verdict][0]}: {verdict} {counts_of[verdict]:,}",
    label_visibility="collapsed",
    key="ann_verdict",
    bind="query-params",
    wrap=True,
)
with st.container(horizontal=True, vertical_alignment="bottom"):
    by = st.selectbox("Rank by", list(SORTS), format_func=SORTS.__getitem__, key="ann_sort", bind="query-params", width=260)
    least = st.number_input("At least … labels", 0, int(metrics["n_labels"].max()), 0, key="ann_least", bind="query-params", width=170)
    report_button(now)
kept = metrics[(metrics["n_labels"] >= least) & (metrics["verdict"].isin(wanted) if wanted else True)]
ranked = kept.sort_values(by, kind="stable", na_position="last")
if ranked.empty:
    st.info("Nobody fits. Lower the number of labels, or choose other verdicts.")
    st.stop()
name = choose_annotator("ann_who", shown(ranked.index))
chosen = ranked.index[shown(ranked.index).index(name)]
j = names.index(name)
row = metrics.loc[chosen]

rank, card = st.columns(2, gap="medium")
with rank.container(border=True, height="stretch"):
    card_title("Ranking", f"{SORTS[by]}, worst first, {len(ranked):,} annotators. The selected one is shaded")
    pages = -(-len(ranked) // ROWS)
    page = st.pagination(pages, key="ann_page", bind="query-params") if pages > 1 else 1
    low, high = ("quality_low", "quality_high") if by == "quality" else (None, None)
    rows = ranked.iloc[ROWS * (page - 1) : ROWS * page]
    show(
        figures.annotator_ranking(rows, column=by, low=low, high=high, verdict="verdict", selected=chosen, title=SORTS[by], dark=dark()),
        "ranking",
    )
with card.container(border=True, height="stretch"):
    with st.container(horizontal=True, vertical_alignment="center"):
        st.selectbox("Annotator", shown(ranked.index), key="ann_who", label_visibility="collapsed", width=200, bind="query-params")
        st.markdown(verdict_badge(row["verdict"], row["sentence"]), width="content")
    with st.container(horizontal=True, vertical_alignment="center"):
        exclusion_form(now, chosen)
        report_button(now, chosen)
        what_if = st.toggle("What if they are left out?", key="ann_what_if")
    if what_if:
        found_out = remember(now, f"without {j}", lambda: without_annotator(labels, result, chosen, data.pred_probs, gold_of(now)))
        st.info(found_out.sentence, icon=":material/help_center:")
        if len(found_out.changed):
            changed = found_out.changed.head(200).reset_index(names="example").astype({"example": str, "before": str, "after": str})
            st.dataframe(
                changed,
                column_config={
                    "example": "Example",
                    "before": "Now",
                    "after": "Without them",
                    "quality_before": st.column_config.NumberColumn("Quality now", format="%.2f"),
                    "quality_after": st.column_config.NumberColumn("Without them", format="%.2f"),
                },
                hide_index=True,
                height=34 * min(6, len(changed) + 1) + 2,
                row_height=34,
                key="what_if",
                alt="Labels that change without this annotator",
            )
    with st.container(horizontal=True):
        st.metric(
            "Quality",
            f"{row['quality']:.2f}",
            f"{row['quality_low']:.2f} to {row['quality_high']:.2f}",
            delta_color="off",
            delta_arrow="off",
            help="The chance that a label of this annotator is right, with its 95% interval.",
        )
        st.metric(
            "Spammer score",
            f"{row['raykar_yu']:.2f}",
            "0 is at random",
            delta_color="off",
            delta_arrow="off",
            help="1 tells the classes apart perfectly, 0 labels without looking (Raykar & Yu 2011).",
        )
        seconds = row.get("median_seconds")
        st.metric(
            "Labels",
            f"{int(row['n_labels']):,}",
            f"{seconds:.1f} s each" if seconds is not None and not pd.isna(seconds) else None,
            delta_color="off",
            delta_arrow="off",
        )
    counts = confusion_counts(labels, result, chosen)
    kind = st.segmented_control(
        "Numbers",
        ["rates", "counts"],
        default="rates",
        required=True,
        label_visibility="collapsed",
        key="ann_show",
        format_func={"rates": "Estimated percent", "counts": "Labels counted"}.__getitem__,
    )
    card_title("What do they say for each class?", "Rows: the consensus class. Columns: the class they gave")
    show(figures.confusion_matrix(found.confusion[j], list(labels.classes), counts=counts, show=kind, dark=dark()), "confusion")
    facts = [
        f"Agrees with the consensus in {percent(row['agreement_with_consensus'])} of their labels",
        *([f"with the model in {percent(row['agreement_with_model'])}"] if "agreement_with_model" in row else []),
        *([f"right on {percent(row['accuracy_on_gold'])} of {int(row['n_gold'])} gold examples"] if row.get("n_gold", 0) else []),
        f"worst class: {text(metrics.at[chosen, 'worst_class'], 30)}",
    ]
    st.caption(" · ".join(facts))

    differing = disagreements(labels, result, chosen)
    card_title("Where do they differ from the consensus?", f"{len(differing):,} of {int(row['n_labels']):,} labels, least plausible first")
    if len(differing):
        link("review", f"Review {len(differing):,} disagreements", rev_annotator=name, rev_against="true")
        st.dataframe(
            differing.head(200).astype({"example": str, "label": str, "consensus": str}),
            column_config={
                "example": "Example",
                "label": "They said",
                "consensus": "Consensus",
                "quality": st.column_config.NumberColumn("Plausible", format="%.2f", help="The posterior of the label that they gave"),
            },
            hide_index=True,
            height=34 * 6,
            row_height=34,
            key="differing",
            alt="Labels that differ from the consensus",
        )
    else:
        st.caption("Every label of this annotator is the consensus label.")

if len(out):
    with st.container(border=True):
        card_title("Who is excluded?", "Their labels do not count in any run, export or report")
        exclusion_list(now)

if len(ranked) > 1:
    with st.container(border=True):
        card_title("How do two compare?", "Estimated percent; rows: the consensus class, columns: the class they gave")
        pair = pair_select("ann_cmp", shown(metrics.index), name, next(other for other in shown(ranked.index) if other != name))
        a, b = (labels.annotators[names.index(who)] for who in pair)
        sure = probability_better(metrics, a, b)
        both = shared_examples(labels, result, a, b)
        st.caption(
            f"{text(pair[0], 40)} is better than {text(pair[1], 40)} with probability {sure:.2f}. " + text(pair_sentence(both, *pair), 300)
        )
        sides = st.grid(2, min_column_width=320, gap="small")
        for side, who in zip("ab", (a, b), strict=True):
            with sides.cell():
                line = metrics.loc[who]
                st.markdown(f"**{text(who, 40)}** {verdict_badge(line['verdict'], line['sentence'])}")
                st.caption(
                    f"Quality {line['quality']:.2f} ({line['quality_low']:.2f} to {line['quality_high']:.2f}), {line['n_labels']:,} labels"
                )
                matrix = found.confusion[labels.annotators.get_loc(who)]
                show(figures.confusion_matrix(matrix, list(labels.classes), dark=dark()), f"compare_{side}")

with st.container(border=True):
    card_title("All numbers", f"{len(ranked):,} annotators; click a column to sort")
    columns = {
        "sentence": "Verdict",
        "quality": "Quality",
        "raykar_yu": "Spammer score",
        "frobenius": "Distance to rank one",
        "n_labels": "Labels",
        "agreement_with_consensus": "Agrees with consensus",
        "agreement_with_model": "Agrees with model",
        "accuracy_on_gold": "Right on gold",
        "trace": "Trace",
        "worst_class": "Worst class",
        "median_seconds": "Seconds",
    }
    every = ranked[[c for c in columns if c in ranked]].rename(columns=columns)
    every.insert(0, "Annotator", shown(every.index))
    every["Verdict"] = shown(every["Verdict"])
    every["Worst class"] = [short(c, 30) for c in every["Worst class"]]
    for share in ("Agrees with consensus", "Agrees with model", "Right on gold"):
        if share in every:
            every[share] = 100 * every[share].astype("Float64")
    st.dataframe(
        every.reset_index(drop=True),
        column_config={
            "Quality": st.column_config.ProgressColumn(format="%.2f", min_value=0, max_value=1, color="gray"),
            **{c: st.column_config.NumberColumn(format="%.2f") for c in ("Spammer score", "Distance to rank one", "Trace")},
            **{c: st.column_config.NumberColumn(format="%.0f%%") for c in ("Agrees with consensus", "Agrees with model", "Right on gold")},
            "Seconds": st.column_config.NumberColumn(format="%.1f", help="Median seconds for a label"),
        },
        hide_index=True,
        height=400,
        row_height=34,
        key="all_numbers",
        alt="All annotator metrics",
    )

how(
    "What are the spammer scores?",
    "Someone who labels without looking gives each class with the same frequency, whatever the truth is: all rows of their confusion "
    r"matrix $\pi$ are alike. The **spammer score** is $\frac{1}{K(K-1)} \sum_{c<c'} \lVert \pi_c - \pi_{c'} \rVert^2$ (with classes "
    "weighted by their frequency): 0 means alike, 1 means that the classes are never mixed up. The **distance to rank one** is the "
    "Frobenius distance of the matrix to the closest one of rank one.",
    "Raykar & Yu 2011, Ranking annotators for crowdsourced labeling tasks · Lefort et al. 2023, section 5.2",
)
how(
    "How is the verdict reached?",
    RULE.replace("\n", "  \n"),
    "Skill is linear in the confusion matrix: Youden's index where there are two classes",
)
how(
    "How is quality computed?",
    r"Quality is $\sum_k P(k)\, \pi_{kk}$: the chance of a right label, averaged over the classes as they occur. The confusion "
    r"matrix $\pi$ has a prior fitted to the crowd; the interval comes from its posterior and grows where the consensus itself is unsure. "
    "Where annotators err together, no interval of this kind sees it: check with gold.",
)
