from functools import partial

import pandas as pd
import streamlit as st

from multiannotator_core import figures
from multiannotator_core.quality.classes import (
    careful_labels,
    class_difficulty,
    confused_examples,
    confused_pairs,
    crowd_confusion,
    said_on_true,
)
from multiannotator_core.quality.difficulty import REASON_RULE
from multiannotator_core.quality.patterns import class_bias
from pages._audit import choose_clicked, exclude_example_button, excluded, exclusion_list, gold_of, told
from pages._compared import audited
from pages._parts import card_title, content, how, page_title, shown, text
from pages._session import draw, ensure_app, link, remember, require_run

ensure_app()
SHOWN = 8  # examples of a pair with their content
page_title("Which classes should the guidelines explain better?", "What the crowd mixes up, why, and the examples to show it with")
now = require_run()
labels, result, data = now.labels, now.result, now.dataset
gold = gold_of(now)
out = excluded(now)
refused = told()
if refused:
    st.error(text(refused, 300))
careful = remember(now, "careful labels", lambda: careful_labels(labels, audited(now).table["verdict"]))
left_out = len(labels.annotators) - len(careful.annotators)
pairs = remember(now, "confused pairs", lambda: confused_pairs(careful, result, 30))
hard = remember(now, "class difficulty", lambda: class_difficulty(labels, result))
biased = remember(now, "class bias", lambda: class_bias(labels, result, gold))
biased = biased[biased["biased"]]

grid = st.grid(2, min_column_width=330, gap="small", border=True)
with grid.cell():
    who = f", without {left_out:,} who answer at random or always say one class" if left_out else ""
    worst = (
        f"{text(pairs.iloc[0]['true'], 24)} is called {text(pairs.iloc[0]['given'], 24)} most often"
        if len(pairs)
        else "No class is mixed up"
    )
    card_title("Which are mixed up most?", f"{worst}{who}")
    draw(
        now,
        "confused",
        partial(figures.confused_classes, pairs),
        on_select=partial(choose_clicked, "confused", "cls_pair"),
        selection_mode="points",
    )
    st.caption("Click a bar to see its examples below.")
with grid.cell():
    card_title("What does the crowd say for each class?", "Percent of all labels. Rows: the consensus class. Columns: the class they gave")
    rates, counts = crowd_confusion(careful, result), said_on_true(careful, result)
    draw(now, "crowd_confusion", partial(figures.confusion_matrix, rates, list(labels.classes), counts=counts))

if len(pairs):
    with st.container(border=True):
        titles = {f"{row.true} called {row.given}": (row.true, row.given) for row in pairs.itertuples()}
        with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
            card_title("What do they look like?", "Examples on which the crowd hesitates between two classes, the most even votes first")
            pair = st.selectbox("Pair", list(titles), key="cls_pair", bind="query-params", label_visibility="collapsed", width=240)
        a, b = titles[pair]
        found = remember(now, f"confused examples {pair}", lambda: confused_examples(careful, result, a, b))
        if len(found):
            cells = st.grid(4, min_column_width=200, gap="small", border=True)
            for name, row in found.head(SHOWN).iterrows():
                with cells.cell():
                    content(data, name, compact=True)
                    st.markdown(f"{row['said_a']} say **{text(a, 24)}**, {row['said_b']} say **{text(b, 24)}**, of {row['n_labels']}")
                    st.caption(f"{row['reason']} · consensus {text(row['consensus'], 24)} at {row['quality']:.2f}")
                    with st.container(horizontal=True, vertical_alignment="center"):
                        link("review", f"Open {text(name, 24)}", rev_example=str(name), rev_hide="false")
                        exclude_example_button(now, name, f" {name!r}")
            st.caption(f"{min(SHOWN, len(found)):,} of {len(found):,} examples.")
        else:
            st.caption("No example has votes for both of these classes.")

grid = st.grid(2, min_column_width=330, gap="small", border=True)
with grid.cell():
    card_title("Hard examples, or poor annotators?", "Of the examples of each class with two labels or more; hardest class first")
    st.dataframe(
        pd.DataFrame(
            {"Class": shown(hard.index), "Hard examples": 100 * hard["hard"], "Poor annotators": 100 * hard["poor"],
             "Agreed": 100 * hard["agreed"], "Labels right": 100 * hard["right"], "Examples": hard["n_examples"]}
        ),
        column_config={
            **{c: st.column_config.NumberColumn(format="%.0f%%") for c in ("Poor annotators", "Agreed", "Labels right")},
            "Hard examples": st.column_config.ProgressColumn(format="%.0f%%", min_value=0, max_value=100, color="gray"),
            "Examples": st.column_config.NumberColumn(format="localized"),
        },
        hide_index=True,
        height=34 * min(11, len(hard) + 1) + 2,
        row_height=34,
        key="class_difficulty",
        alt="Why the examples of each class are disputed",
    )  # fmt: skip
with grid.cell():
    card_title("Who says a class too often?", "Surely more often than the examples they saw let expect")
    if len(biased):
        st.dataframe(
            pd.DataFrame(
                {"Annotator": shown(biased["annotator"]), "Class": shown(biased["class"]), "Said": biased["said"],
                 "Expected": biased["expected"], "Times": biased["ratio"]}
            ),
            column_config={
                "Said": st.column_config.NumberColumn(format="localized"),
                "Expected": st.column_config.NumberColumn(format="%.0f"),
                "Times": st.column_config.NumberColumn(format="%.1f×"),
            },
            hide_index=True,
            height=34 * min(11, len(biased) + 1) + 2,
            row_height=34,
            key="class_bias",
            alt="Annotators who say a class too often",
        )  # fmt: skip
    else:
        st.caption("Nobody says a class surely more often than expected.")

n_out = int((out["kind"] == "example").sum())
if n_out:
    with st.container(border=True):
        card_title("Which examples are excluded?", f"{n_out:,}; their labels do not count in any run, export or report")
        exclusion_list(now, "example")

how("Hard example or poor annotators: how is it decided?", REASON_RULE.replace("\n", " "))
how(
    "When does someone say a class too often?",
    "Each example that they labelled counts with what the other annotators say of it; the sum is what is to be expected of each class. A "
    "likelihood-ratio test compares it with what they said, and at most 5% of the suspicions are false (Benjamini & Hochberg 1995).",
)
