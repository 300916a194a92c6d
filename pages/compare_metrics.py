import streamlit as st

from multiannotator_core import figures
from multiannotator_core.quality.tables import example_metrics, with_other_runs
from pages._compared import audited, other_runs
from pages._parts import card_title, dark, fours, metric_titles, page_title, show, shown, text
from pages._session import clicked_name, ensure_app, link, remember, require_run

ensure_app()
page_title("Do the numbers tell the same story?", "Two measures that agree strengthen each other; a point off the line is worth a look")
now = require_run()
labels, result, data = now.labels, now.result, now.dataset
MOST_NAMES = 20_000  # in a select box; a page may not send more
FIRST = (
    "quality",
    "raykar_yu",
    "agreement_with_others",
    "agreement_with_model",
    "median_seconds",
    "n_labels",
    "posterior",
    "crowdlab",
    "entropy",
    "agreement",
)
of = st.segmented_control(
    "Metrics of",
    ["annotators", "examples"],
    default="annotators",
    required=True,
    label_visibility="collapsed",
    format_func=str.capitalize,
    key="cmp_of",
    bind="query-params",
)
if of == "annotators":
    frame = with_other_runs(audited(now).table, other_runs(now))
else:
    frame = remember(now, "example metrics", lambda: example_metrics(labels, result, data.pred_probs))
titles = metric_titles(frame)
first = [column for column in FIRST if column in titles] or list(titles)
picked = st.pills(
    "Metrics",
    list(titles),
    selection_mode="multi",
    default=first[:4],
    format_func=titles.__getitem__,
    label_visibility="collapsed",
    key=f"cmp_metrics_{of}",
    persist_state="session",
    wrap=True,
)
if len(picked) < 2:
    st.info("Choose at least two metrics.")
    st.stop()
if len(picked) > 6:
    st.caption("The first six are drawn.")

with st.container(border=True):
    card_title(
        "How do they go together?",
        f"Each point is one {of[:-1]}, n = {len(frame):,}. Below the diagonal pairs, on it each alone, above it the rank correlation",
    )
    selected = clicked_name("cmp_plot", frame.index)
    figure = figures.pairwise_metrics(frame[picked[:6]].astype("Float64").astype(float), selected=selected, titles=titles, dark=dark())
    show(figure, "cmp_plot", on_select="rerun", selection_mode="points")
    if selected is None and any(trace.type == "scatter" and len(trace.x) for trace in figure.data):
        st.caption(f"Click a point to see which {of[:-1]} it is.")

names = shown(frame.index)
with st.container(border=True):
    with st.container(horizontal=True, vertical_alignment="bottom"):
        place = names.index(str(selected)) if selected is not None and str(selected) in names else 0
        who = st.selectbox(of[:-1].capitalize(), names[:MOST_NAMES], index=min(place, MOST_NAMES - 1), width=260)
        if of == "annotators":
            link("annotators", "Open the annotator", ann_who=who)
        else:
            link("review", "Open the example", rev_example=who)
    row = frame.iloc[names.index(who)]
    ranks = frame[picked].rank(method="min")
    for place, column in zip(fours(len(picked)), picked, strict=True):
        with place:
            value = row[column]
            rank = ranks.iloc[names.index(who)][column]
            known = value == value and value is not None
            st.metric(
                text(titles[column]),
                (f"{value:,.0f}" if column == "n_labels" else f"{value:.2f}") if known else "not enough data",
                f"rank {int(rank):,} of {len(frame):,} from the lowest" if known else None,
                delta_color="off",
                delta_arrow="off",
            )
