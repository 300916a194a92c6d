from functools import partial

import pandas as pd
import streamlit as st

from multiannotator_core import figures
from multiannotator_core.quality.annotators import confusion_counts
from multiannotator_core.quality.copying import pair_sentence, shared_examples
from multiannotator_core.quality.evidence import evidence
from multiannotator_core.quality.uncertainty import probability_better
from multiannotator_core.quality.verdicts import RULE
from multiannotator_core.quality.what_if import without_annotator
from pages._audit import (
    choose_clicked,
    exclude_example_button,
    excluded,
    exclusion_form,
    exclusion_list,
    gold_of,
    pair_select,
    report_button,
    told,
)
from pages._compared import audited, other_runs
from pages._evidence import MOST_ROWS, all_numbers, cell_clicked, choose_evidence, choose_kind, evidence_table
from pages._parts import VERDICTS, card_title, dark, how, page_title, percent, show, shown, text, verdict_badge
from pages._session import choose_annotator, ensure_app, link, remember, require_run

ensure_app()
ROWS = 40  # annotators on one page of the ranking
MOST_LISTED = 1000  # annotators in the table of all numbers; a page may not send more
page_title("Whom can we trust, and on what?", "Bars are 95% intervals; a verdict is given only when the interval allows it")
now = require_run()
labels, result, data = now.labels, now.result, now.dataset
names = shown(labels.annotators)
found = audited(now)
gold = gold_of(now)
out = excluded(now)
metrics = found.table[~found.table.index.isin(out["name"][out["kind"] == "annotator"])]
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
    card_title("Ranking", f"{SORTS[by]}, worst first, {len(ranked):,} annotators. The selected one is shaded; click a mark to select")
    pages = -(-len(ranked) // ROWS)
    page = st.pagination(pages, key="ann_page", bind="query-params") if pages > 1 else 1
    low, high = ("quality_low", "quality_high") if by == "quality" else (None, None)
    rows_of_page = ranked.iloc[ROWS * (page - 1) : ROWS * page]
    show(
        figures.annotator_ranking(
            rows_of_page, column=by, low=low, high=high, verdict="verdict", selected=chosen, title=SORTS[by], dark=dark()
        ),
        "ranking",
        on_select=partial(choose_clicked, "ranking", "ann_who"),
        selection_mode="points",
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
        found_out = remember(now, f"without {j}", lambda: without_annotator(labels, result, chosen, data.pred_probs, gold))
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
    seconds = row.get("median_seconds")
    with st.container(horizontal=True):
        for title, value, note, words in (
            (
                "Quality",
                f"{row['quality']:.2f}",
                f"{row['quality_low']:.2f} to {row['quality_high']:.2f}",
                "The chance that a label of this annotator is right, with its 95% interval. It comes from the matrix below.",
            ),
            (
                "Spammer score",
                f"{row['raykar_yu']:.2f}",
                f"{percent(row['better_than_chance'])} sure: better than chance",
                "1 tells the classes apart perfectly, 0 labels without looking (Raykar & Yu 2011). It comes from the matrix below.",
            ),
            (
                "Labels",
                f"{int(row['n_labels']):,}",
                f"{int(row['n_labels'] - row['n_shared']):,} alone" + (f", {seconds:.1f} s each" if pd.notna(seconds) else ""),
                "Alone: nobody else labelled the example, so nobody can contradict.",
            ),
        ):
            st.metric(title, value, note, delta_color="off", delta_arrow="off", help=words)
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
    card_title(
        "What do they say for each class?", "Rows: the consensus class. Columns: the class they gave. Click a cell to see its labels"
    )
    show(
        figures.confusion_matrix(found.confusion[j], list(labels.classes), counts=counts, show=kind, clicks=True, dark=dark()),
        "confusion",
        on_select=partial(cell_clicked, "confusion", name),
        selection_mode="points",
    )

    card_title("Which labels are behind these numbers?", "The least plausible first")
    every_label = evidence(labels, result, chosen, data.pred_probs, gold)
    facts = [
        (f"Agrees with the consensus in {percent(row['agreement_with_consensus'])}", "consensus"),
        *([(f"with the model in {percent(row['agreement_with_model'])}", "model")] if "agreement_with_model" in row else []),
        *([(f"right on {percent(row['accuracy_on_gold'])} of {int(row['n_gold'])} gold", "gold")] if row.get("n_gold", 0) else []),
        *([(f"{percent(row['fast_share'])} very fast", "fast")] if pd.notna(row.get("fast_share")) else []),
    ]
    with st.container(horizontal=True, gap="small"):
        for words, of in facts:
            st.button(words, key=f"ann_fact_{of}", type="tertiary", on_click=choose_kind, args=(of,))
    rows = choose_evidence(labels, every_label, name)
    if len(rows):
        evidence_table(rows)
        with st.container(horizontal=True, vertical_alignment="center"):
            examples = rows["example"].head(MOST_ROWS).drop_duplicates().tolist()
            at = st.selectbox(
                "Example", range(len(examples)), format_func=lambda i: str(examples[i]), label_visibility="collapsed", width=180
            )
            link("review", "Open", rev_example=str(examples[at]), rev_hide="false")
            exclude_example_button(now, examples[at])
            link("review", "Review all that differ", rev_annotator=name, rev_against="true")
        if len(rows) > MOST_ROWS:
            st.caption(f"The first {MOST_ROWS} of {len(rows):,} labels.")
    else:
        st.caption("No label of this kind.")

with st.container(border=True):
    card_title(
        "Who labels differently from the others?", "Rows: the consensus class, columns: the class they gave; blue is right, red is wrong"
    )
    offered = list(dict.fromkeys([name, *shown(rows_of_page.index)]))
    many = st.multiselect(
        "Annotators",
        offered,
        default=shown(rows_of_page.index)[:8],
        max_selections=figures.MOST_MATRICES,
        label_visibility="collapsed",
        help="Those on this page of the ranking; twelve at most.",
    )
    at = [labels.annotators[names.index(who)] for who in many]
    notes = metrics.loc[at, "sentence"].tolist()
    show(
        figures.confusion_multiples(
            found.confusion[[names.index(who) for who in many]], many, list(labels.classes), notes=notes, dark=dark()
        ),
        "many",
    )

elsewhere = {title: run.confusion[j] for title, run in other_runs(now).items() if run.confusion is not None}
if elsewhere:
    by = dict(list({now.method: found.confusion[j], **elsewhere}.items())[: figures.MOST_MATRICES])
    with st.container(border=True):
        card_title(f"Do other runs say the same of {text(name, 30)}?", "Each run, and each network of the page Train, by itself")
        show(figures.confusion_multiples(list(by.values()), list(by), list(labels.classes), dark=dark()), "elsewhere")

for kind_of, question in (("annotator", "Who is excluded?"), ("example", "Which examples are excluded?")):
    n_out = int((out["kind"] == kind_of).sum())
    if n_out:
        with st.container(border=True):
            card_title(question, f"{n_out:,}; their labels do not count in any run, export or report")
            exclusion_list(now, kind_of)

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
    first = f"the first {MOST_LISTED:,} of {len(ranked):,} by this ranking; the page Export has all" if len(ranked) > MOST_LISTED else ""
    card_title("All numbers", first or f"{len(ranked):,} annotators; click a column to sort")
    all_numbers(ranked.head(MOST_LISTED))

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
