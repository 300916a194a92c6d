import streamlit as st

import multiannotator_core as mc
from multiannotator_core import benchmark, figures
from pages._crowds import all_answers, answers_at_a_glance, what_it_looks_like, who_is_right
from pages._lab import ask, asked, fitted_crowd, foretold, measured, runnable, strategy_widgets
from pages._parts import card_title, dark, how, page_title, show, text
from pages._session import ensure_app, require_run

ensure_app()
page_title("What would another crowd give?", "Simulated crowds, before money is spent: like yours with other labels, or made up")
now = require_run()
which = st.segmented_control(
    "Which crowd?",
    ["like", "made"],
    default="like",
    required=True,
    format_func={"like": "Like yours", "made": "Made up"}.get,
    key="sim_which",
    bind="query-params",
    label_visibility="collapsed",
)
titles = {name: mc.METHODS[name].title for name in runnable(now)}
first = list(dict.fromkeys([name for name in (now.result.method, "majority_vote") if name in titles]))

if which == "like":
    with st.container(border=True):
        card_title(
            "What do you want to know?", "Each question is put to the same drawn crowds, so that differences are due to the question alone"
        )
        with st.grid("auto", min_column_width=170, gap="small"):
            question = {
                "more": st.number_input("more labels each", 0, 100, 2, key="sim_more"),
                "fewer": st.number_input("fewer labels, percent", 0, 95, 30, step=5, key="sim_fewer") / 100,
                "worst": st.number_input(
                    "without the worst annotators",
                    0,
                    max(0, len(now.labels.annotators) - 2),
                    min(3, max(0, len(now.labels.annotators) - 2)),
                    key="sim_worst",
                ),
                "price": st.number_input("price of a label", 0.0, value=1.0, format="%g", key="sim_price"),
                "draws": st.number_input("crowds to draw", 5, 200, 30, key="sim_draws"),
            }
        question["dataset"] = now.dataset.id
        question["methods"] = st.multiselect("Methods", list(titles), default=first, format_func=titles.__getitem__, key="sim_methods")
        st.button("Ask", type="primary", icon=":material/casino:", disabled=not question["methods"], on_click=ask, args=("like", question))
    question = asked("like")
    if question is None or question["dataset"] != now.dataset.id:
        st.caption("Press Ask: crowds like yours are drawn in the background, and the answer appears here.")
        st.stop()
    try:
        table = foretold(now, question)
    except ValueError as error:
        st.error(text(error, 400))
        st.stop()
    _, likeness = fitted_crowd(now)
    if likeness.warning:
        st.warning(likeness.warning)
    answers = table[~table["curve"] | table["now"]]
    with st.container(border=True):
        answers_at_a_glance(answers, question["draws"])
        all_answers(answers)
    with st.container(border=True):
        card_title("What does accuracy cost?", "Mean over the draws with 95 % of them; the diamond is your crowd as it is")
        show(figures.accuracy_against_cost(table[table["curve"]], dark=dark()), "sim_curve")
    how(
        "How is this computed?",
        "Each annotator's confusion is drawn from what is known of it: their labels, and the whole crowd where they gave few. The truth is "
        "drawn from the class balance, and annotators are asked in proportion to their loads. Then the methods run as on real labels. "
        "Annotators who are left out are replaced by the others, so that the number of labels stays. In simulated "
        "crowds whose truth is known, what two more labels each gain was foretold within 2.5 points in the mean; accuracies were up to "
        "5 points too high, and far more where examples differ in difficulty, of which the page warns.",
    )
else:
    with st.container(border=True):
        card_title("Which crowd?", "Its truth is known, so every method can be judged")
        strategy, options = strategy_widgets()
        seeds = st.number_input("crowds to draw", 2, 200, 10, key="sim_seeds", width=170)
        methods = st.multiselect(
            "Methods",
            list(titles),
            default=[n for n in ("majority_vote", "dawid_skene", "glad") if n in titles],
            format_func=titles.__getitem__,
            key="sim_made_methods",
        )
        made = {"strategy": strategy, "options": options, "seeds": seeds, "methods": methods}
        st.button("Draw and compare", type="primary", icon=":material/casino:", disabled=not methods, on_click=ask, args=("made", made))
    made = asked("made")
    if made is None:
        st.caption("Press Draw and compare: the crowds are drawn in the background, and the answer appears here.")
        st.stop()
    source = benchmark.Simulated(made["strategy"], made["options"])
    try:
        cells = benchmark.cells([benchmark.Contender(name) for name in made["methods"]], [source], made["seeds"])
        rows = measured("Drawing crowds", cells)
        who_is_right(rows, made["seeds"])
    except ValueError as error:
        st.error(text(error, 400))
        st.stop()
    what_it_looks_like(made)
