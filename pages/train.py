import streamlit as st

from multiannotator_core import figures
from multiannotator_core.learning import CLASSIFIERS, feature_columns, rounds_table
from pages._parts import card_title, dark, how, page_title, show, text
from pages._runs import open_dataset
from pages._session import ensure_app, link, require_dataset
from pages._training import Plan, begin, just_used, last_training, own_features, use_predictions

ensure_app()
page_title("Can a model help?", "A model learns from the consensus, and the consensus from what the model says about examples it never saw")
info = require_dataset()
data = open_dataset(info)
labels = data.labels
if just_used():
    st.success("The predictions are kept with the dataset. CROWDLAB and the other methods with a model can use them now.")
    link("consensus", "Run a method with a model")

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
        columns = []
        st.caption("This dataset has no contents yet. Bring features here, or texts and images on the page Data.")
with right.container(border=True, height="stretch"):
    card_title("How shall it learn?", "Each example is predicted by a model that was trained without it")
    classifier = st.selectbox(
        "Classifier", list(CLASSIFIERS), format_func=lambda c: CLASSIFIERS[c].title, key="trn_classifier", bind="query-params"
    )
    st.caption(CLASSIFIERS[classifier].sentence)
    with st.container(horizontal=True):
        folds = st.number_input("Folds", 2, 20, 5, key="trn_folds", bind="query-params", help="Into how many parts the examples are dealt.")
        rounds = st.number_input("Rounds", 1, 10, 2, key="trn_rounds", bind="query-params", help="Train, better consensus, train again …")
    calibrate = st.toggle(
        "Calibrate",
        value=True,
        key="trn_calibrate",
        help="One temperature for all probabilities, at which they fit the held-out consensus.",
    )
    if st.button("Train", type="primary", icon=":material/model_training:", disabled=not columns):
        begin(info, data, table, Plan(tuple(columns), classifier, int(folds), int(rounds), calibrate))

try:
    trained = last_training(info)
except ValueError as error:
    st.error(text(error, 2000))
    trained = None
if trained is None:
    st.caption("Nothing was trained yet.")
    st.stop()

plan, found = trained
progress = rounds_table(labels, found)
judged = found[-1].model_on_gold
title = f"{CLASSIFIERS[plan.classifier].title}, {plan.folds} folds, {len(plan.columns)} column{'s' if len(plan.columns) > 1 else ''}"
grid = st.grid(2, min_column_width=330, gap="small", border=True)
with grid.cell():
    on_gold = "accuracy on gold that neither saw" if judged is not None else "add gold on the page Data to see which round is right"
    card_title("Does it get better?", f"{title}; {on_gold}")
    names = {
        "consensus_accuracy": "Consensus right",
        "model_accuracy": "Model right",
        "model_ece": "Model's calibration error",
        "model_agrees": "Model agrees",
        "changed": "Consensus changed",
        "unsure": "Below 0.7",
    }
    shares = ("consensus_accuracy", "model_accuracy", "model_agrees")
    numbers = progress.assign(**{share: 100 * progress[share] for share in shares if share in progress})
    st.dataframe(
        numbers[[c for c in names if c in numbers]].rename(columns=names).rename_axis("Round").reset_index(),
        column_config={
            **{names[share]: st.column_config.NumberColumn(format="%.1f%%") for share in shares},
            names["model_ece"]: st.column_config.NumberColumn(format="%.3f"),
            names["changed"]: st.column_config.NumberColumn(
                help="Examples with another consensus than in the round before (first: majority)"
            ),
            names["unsure"]: st.column_config.NumberColumn(help="Examples whose consensus has a quality below 0.7"),
        },
        hide_index=True,
        row_height=34,
        key="rounds",
        alt="Accuracy and calibration a round",
    )
    chosen = st.selectbox("Round to use", list(progress.index), index=len(progress) - 1, width=160)
    st.button(
        "Use these predictions",
        type="primary",
        icon=":material/check:",
        on_click=use_predictions,
        args=(info, data, found[chosen - 1]),
        help="Keeps them with the dataset, in place of those that are there. Runs with a model are then computed anew.",
    )
    if data.pred_probs is not None:
        st.caption("This dataset has predictions already; they would be replaced.")
with grid.cell():
    if judged is None:
        card_title("Can its probabilities be believed?", "This needs gold")
        st.caption("With gold for some examples this shows how often the model is right when it claims to be.")
    else:
        known = found[chosen - 1].model_on_gold
        card_title("Can its probabilities be believed?", f"Round {chosen}: claimed and found, on {len(known.example):,} gold examples")
        show(figures.reliability(known.quality, known.correct, dark=dark()), "reliability")

how(
    "How does this work?",
    "The first consensus is the majority vote. The examples are dealt into folds; each fold is predicted by a model that the consensus of "
    "the other folds taught, words and scales included, so no example is ever predicted by a model that saw it. CROWDLAB then weighs these "
    "predictions against the labels, and the next round trains on its consensus. Gold only judges.",
    "Goh, Tkachenko & Mueller 2022, CROWDLAB · Guo et al. 2017 for temperature and calibration error",
)
