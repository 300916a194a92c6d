import streamlit as st

from multiannotator_core.learning import feature_columns
from pages._ambiguity import ambiguity_part
from pages._learners import networks_part
from pages._parts import card_title, page_title, text
from pages._rounds import rounds_part
from pages._runs import open_dataset
from pages._session import ensure_app, link, require_dataset
from pages._training import just_used, own_features

ensure_app()
page_title("Can a model help?", "A model that sees the examples knows what the labels alone cannot say")
info = require_dataset()
data = open_dataset(info)
labels = data.labels
if just_used():
    st.success("The predictions are kept with the dataset. CROWDLAB and the other methods with a model can use them now.")
    link("consensus", "Run a method with a model")

PARTS = {
    "rounds": ("Improve the consensus", rounds_part),
    "networks": ("Learn from every label", networks_part),
    "ambiguous": ("Find ambiguous examples", ambiguity_part),
}
part = st.segmented_control(
    "What for",
    list(PARTS),
    default="rounds",
    required=True,
    label_visibility="collapsed",
    format_func=lambda name: PARTS[name][0],
    key="trn_part",
    bind="query-params",
)
left, right = st.columns(2, gap="medium")
with left.container(border=True, height="stretch"):
    card_title("What may the model look at?", "Texts become words, images their pixels; numbers stay")
    table, ordered = data.content, False
    with st.expander("Bring features of your own", expanded=table is None):
        st.caption("CSV or Parquet with the example and columns of numbers or text; or NPY, one row an example in their order")
        try:
            own = own_features(data)
        except ValueError as error:
            st.error(text(error, 2000))
            own = None
    if own is not None:
        table, ordered = own
    kinds = {} if table is None else feature_columns(table)
    columns: list[str] = []
    if kinds:
        columns = st.multiselect(
            "Columns",
            list(kinds),
            default=list(kinds)[:500],
            format_func=lambda column: f"{column} ({kinds[column]})",
            help="Leave out what gives the class away, such as file names that spell it.",
        )
        missing = len(labels.examples) - int(labels.examples.isin(table.index).sum())
        rows = f"{len(table):,} examples have features" + (f", {missing:,} have none" if missing else "")
        st.caption(rows + (f". Row by row: the first is example {text(labels.examples[0], 40)}" if ordered else ""))
    else:
        st.caption("This dataset has no contents yet. Bring features here, or texts and images on the page Data.")
PARTS[part][1](info, data, table, columns, right)
