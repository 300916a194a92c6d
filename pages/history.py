import streamlit as st

from multiannotator_core import export
from pages._decisions import history, message, revert, reviewer_input
from pages._parts import card_title, download, page_title, shown, text
from pages._session import ensure_app, link, require_dataset

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
    st.stop()

with st.container(horizontal=True, vertical_alignment="bottom"):
    reviewer = st.selectbox(
        "Reviewer", ["anyone", *sorted(set(shown(table["reviewer"])))], key="his_reviewer", bind="query-params", width=220
    )
    download("decisions", {"CSV": ("csv", lambda: export.to_csv(table, index=False))})
some = table if reviewer == "anyone" else table[table["reviewer"].astype(str) == reviewer]
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
            "Takes back": view["undoes"],
            "Note": view["note"],
        },
        column_config={"When": st.column_config.DatetimeColumn(format="localized")},
        hide_index=True,
        row_height=34,
        height=420,
        key="history",
        alt="All decisions",
    )
with st.container(border=True):
    card_title("Take back a decision", "What stood before it stands again")
    with st.container(horizontal=True, vertical_alignment="bottom"):
        names = list(dict.fromkeys(some["example"]))[:1000]
        example = st.selectbox("Example", names, format_func=str, width=260)
        name = reviewer_input()
        st.button("Take back", icon=":material/undo:", on_click=revert, args=(info.id, example, name), disabled=not name)
