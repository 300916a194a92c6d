import pandas as pd
import streamlit as st

from multiannotator_core import export
from multiannotator_core.quality.review_progress import reviewer_agreement
from pages._decisions import history, message, revert
from pages._parts import card_title, download, page_title, percent, shown, text
from pages._people import may, reviewer_input
from pages._session import ensure_app, link, require_dataset
from pages._versions import versions_card

ensure_app()
page_title("Who decided what, and when?", "Nothing is ever overwritten: taking back a decision is a new line")
info = require_dataset()
table = history(info.id)
told = message()
if told:
    st.markdown(f":{'red' if told[0] == 'error' else 'green'}-badge[{text(told[1], 200)}]")
if not len(table):
    with st.container(border=True, width=640):
        st.markdown("**Nothing was decided yet**")
        st.caption("Decisions made on the page Review appear here. They become gold for every method.")
        link("review", "Open the queue")
    versions_card(info)
    st.stop()

with st.container(horizontal=True, vertical_alignment="bottom"):
    reviewers = sorted(set(shown(table["reviewer"])))
    kinds = {"all": "Everything", "class": "Classes", "flag": "Flags", "undo": "Taken back", "audit": "Drawn at random"}
    reviewer = st.selectbox("Reviewer", ["anyone", *reviewers], key="his_reviewer", bind="query-params", width=200)
    decided = st.selectbox("Class", ["all", *sorted(set(shown(table["label"].dropna())))], key="his_class", bind="query-params", width=150)
    kind = st.selectbox("Kind", list(kinds), format_func=kinds.__getitem__, key="his_kind", bind="query-params", width=170)
    find = st.text_input("Example", key="his_example", bind="query-params", placeholder="part of its name", width=200)
    download("decisions", {"CSV": ("csv", lambda: export.to_csv(some, index=False))})
some = table
if reviewer != "anyone":
    some = some[some["reviewer"].astype(str) == reviewer]
if decided != "all":
    some = some[some["label"].astype(str) == decided]
if kind != "all":
    undone = some["undoes"].notna()
    chosen = {"class": some["label"].notna() & ~undone, "flag": some["flag"].notna() & ~undone, "undo": undone}
    some = some[chosen.get(kind, some["audit"].notna())]
if find.strip():
    some = some[[find.strip().casefold() in str(name).casefold() for name in some["example"]]]

with st.container(border=True):
    card_title("All decisions", f"{len(some):,} lines about {some['example'].nunique():,} examples, the newest first")
    view = some.head(2000)
    st.dataframe(
        {
            "When": view["time"],
            "Who": shown(view["reviewer"]),
            "Example": shown(view["example"]),
            "Decided": [
                ("" if flag is None else f"flag: {flag}") if label is None else str(label)
                for label, flag in zip(view["label"], view["flag"], strict=True)
            ],
            "Takes back": ["" if undone is pd.NA else f"decision {undone}" for undone in view["undoes"]],
            "Drawn": ["at random" if drawn else "" for drawn in view["audit"].notna()],
            "Note": view["note"].fillna(""),
        },
        column_config={
            "When": st.column_config.DatetimeColumn(format="localized"),
            "Takes back": st.column_config.TextColumn(help="Which decision on this example the line took back: 1 is the first"),
            "Drawn": st.column_config.TextColumn(help="Whether the random audit chose the example, or the reviewer's queue"),
        },
        hide_index=True,
        row_height=34,
        height=min(420, 36 + 34 * max(1, len(view))),
        key="history",
        alt="All decisions",
    )

left, right = st.columns(2, gap="medium")
with left.container(border=True, height="stretch"):
    card_title("Do the reviewers agree?", "Of the examples that two reviewers decided on, both by a class")
    pairs = reviewer_agreement(table)
    if not len(pairs):
        st.caption("No example was decided by two reviewers yet. Switch off “Hide decided” on the page Review to look at one again.")
    else:
        st.dataframe(
            {
                "Reviewer": shown(pairs["one"]),
                "and": shown(pairs["other"]),
                "Agree": [
                    f"{percent(row.share)} of {row.n:,} ({percent(row.low)} to {percent(row.high)})"
                    for row in pairs.itertuples(index=False)
                ],
            },
            hide_index=True,
            row_height=34,
            key="reviewers",
            alt="Agreement of pairs of reviewers",
        )
if may("undo"):
    with right.container(border=True, height="stretch"):
        card_title("Take back a decision", "What stood before it stands again")
        with st.container(horizontal=True, vertical_alignment="bottom"):
            names = list(dict.fromkeys(some["example"]))[:1000]
            example = st.selectbox("Which one", names, format_func=str, width=170)
            who = reviewer_input()
            seen = 0 if example is None else int(table.loc[table["example"] == example, "revision"].max())
            idle = not who or example is None
            st.button("Take back", icon=":material/undo:", on_click=revert, args=(info.id, example, seen), disabled=idle)
versions_card(info)
