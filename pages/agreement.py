from functools import partial

import pandas as pd
import streamlit as st

from multiannotator_core import figures
from multiannotator_core.quality.copying import COPYING_RULE, copying, pair_sentence, shared_examples
from multiannotator_core.quality.crowd_agreement import crowd_agreement
from multiannotator_core.quality.patterns import DRIFT_RULE, drift, duplicates
from pages._audit import gold_of, look_at, look_at_clicked, pair_select
from pages._parts import card_title, how, page_title, shown, text
from pages._session import draw, ensure_app, link, remember, require_run

ensure_app()
MOST_LISTED = 1000  # annotators in a table; a page may not send more
page_title("Do the annotators agree?", "Agreement beyond chance, who is far from the others, and who is suspiciously close")
now = require_run()
labels, result, data = now.labels, now.result, now.dataset
names = shown(labels.annotators)
found = remember(now, "agreement", lambda: crowd_agreement(labels))
gold = gold_of(now)
suspects = remember(now, "copying", lambda: copying(labels, result, gold))
copied = suspects[suspects["suspected"]]
changed = remember(now, "drift", lambda: drift(labels, result, gold))
changed = changed[changed["suspected"]]
twice = remember(now, "duplicates", lambda: duplicates(labels))

with st.container(border=True):
    card_title("How far beyond chance?", found.sentence)
    with st.container(horizontal=True):
        for title, value, note, words in (
            (
                "Krippendorff's alpha",
                found.alpha,
                f"{found.alpha_low:.2f} to {found.alpha_high:.2f}",
                "1 is perfect, 0 is chance. 95% interval.",
            ),
            ("Fleiss' kappa", found.fleiss, None, "As alpha, for labels that are all there."),
            ("Gwet's AC1", found.ac1, None, "Stays meaningful where one class is far more frequent than the others."),
        ):
            st.metric(title, f"{value:.2f}", note, delta_color="off", delta_arrow="off", help=words)
        st.metric("Examples compared", f"{found.n_compared:,}", "two annotators or more", delta_color="off", delta_arrow="off")

grid = st.grid(3, min_column_width=300, gap="small", border=True)
with grid.cell(column_span=2):
    card_title(
        "Who agrees with whom?",
        "Cohen's kappa of each two: blue agrees beyond chance, brown less than chance would, blank has fewer than five examples in "
        "common. Who agrees stands side by side, the group that agrees least first. Click a cell to see where the two differ",
    )
    draw(
        now,
        "agreement",
        partial(figures.agreement_matrix, found.pairs, order=found.order, clicks=True),
        on_select=partial(look_at_clicked, "agreement", "agr"),
        selection_mode="points",
    )
with grid.cell():
    without = found.without.head(MOST_LISTED)
    more = f". The first {MOST_LISTED:,} of {len(names):,}" if len(names) > MOST_LISTED else ""
    card_title("Who lowers alpha?", f"Alpha would be this without them; with all it is {found.alpha:.3f}{more}")
    st.dataframe(
        pd.DataFrame({"Annotator": shown(without.index), "Alpha without": without["alpha"], "Labels": without["n_labels"]}),
        column_config={
            "Alpha without": st.column_config.NumberColumn(format="%.3f"),
            "Labels": st.column_config.NumberColumn(format="localized"),
        },
        hide_index=True,
        height=34 * min(19, len(names) + 1) + 2,
        row_height=34,
        key="drop_one",
        alt="Alpha without each annotator",
    )

with grid.cell():
    card_title("Does anyone copy?", f"{len(suspects):,} pairs were tested for mistakes they share" if len(suspects) else None)
    for row in copied.head(5).itertuples():
        pair = str(row.annotator_a), str(row.annotator_b)
        st.markdown(f":red-badge[:material/content_copy: suspected] {text(row.sentence, 300)}")
        st.button(
            "See their examples",
            key=f"pair {pair}",
            type="tertiary",
            icon=":material/compare_arrows:",
            on_click=look_at,
            args=("agr", *pair),
        )
    if len(copied) > 5:
        st.caption(f"… and {len(copied) - 5:,} more pairs.")
    if not len(suspects):
        st.caption("No two annotators have ten examples in common, so copying cannot be seen.")
    elif not len(copied):
        st.caption("No pair shares more mistakes than two who err on their own.")
with grid.cell(column_span=2):
    card_title("Does anyone change?", "Quality over the order of time, and examples labelled twice")
    if labels.timestamp is None:
        st.caption(
            "These labels have no times, so a change cannot be seen. The order of the rows in a file is no time: "
            "many tools sort them. Bring a column with the time of each label, and this card answers."
        )
    elif not len(changed):
        st.caption("Nobody gets surely better or worse with time.")
    for row in changed.head(6).itertuples():
        st.markdown(
            f":orange-badge[:material/trending_down: changes] {text(row.sentence, 200)}, with a turn near {row.changed_at:%d %b %Y %H:%M}."
        )
    repeated = twice[twice["repeated"] > 0]
    st.caption(
        f"{len(repeated):,} annotators labelled an example more than once; "
        f"{int(repeated['contradicting'].sum()):,} times they contradict themselves."
        if len(repeated)
        else "Nobody labelled an example twice."
    )
    instant = twice[twice["same_instant"] > 0]
    if len(instant):
        st.caption(
            f"Several labels in one instant: {text(instant.index[0], 30)} has {int(instant['same_instant'].iloc[0]):,} of them"
            + (f", and {len(instant) - 1:,} more annotators have some" if len(instant) > 1 else "")
            + ". They were sent together, or by a program."
        )

with st.container(border=True):
    card_title("On what do two annotators differ?", "All examples that both labelled, their differences first")
    if len(names) < 2:
        st.caption("There is only one annotator.")
    else:
        closest = copied if len(copied) else found.pairs.nlargest(1, "n_shared")
        first, second = shown(closest[["annotator_a", "annotator_b"]].iloc[0]) if len(closest) else names[:2]
        one, other = pair_select("agr", names, first, second)
        a, b = (labels.annotators[names.index(name)] for name in (one, other))
        both = shared_examples(labels, result, a, b)
        st.caption(text(pair_sentence(both, one, other), 400))
        if len(both):
            columns = {"example": "Example", "label_a": one, "label_b": other, "consensus": "Consensus"}
            st.dataframe(
                pd.DataFrame({title: shown(both[column][:1000]) for column, title in columns.items()}),
                hide_index=True,
                height=34 * min(8, len(both) + 1) + 2,
                row_height=34,
                key="shared",
                alt="Examples that both labelled",
            )
            link("review", f"Review what {text(one, 30)} labelled", rev_annotator=one)

how(
    "What do the coefficients mean?",
    "Raw agreement flatters: two who always say the most frequent class agree, too. **Krippendorff's alpha** is one less the ratio of "
    "observed and expected disagreement, and takes any number of labels for an example. Above 0.80 labels are reliable, from 0.67 on "
    "tentative conclusions are safe. Its interval is over other examples of the same kind. **Cohen's kappa** compares two annotators.",
    "Krippendorff 2004, Content Analysis · Fleiss 1971 · Gwet 2008 · Cohen 1960",
)
how("When is a pair suspected of copying?", COPYING_RULE.replace("\n", " "))
how("When does an annotator change?", DRIFT_RULE.replace("\n", " "))
