"""The cards of the page Simulate: answers at a glance, all numbers, and what a made-up crowd looks like."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd
import streamlit as st

import multiannotator_core as mc
from multiannotator_core import benchmark, export, figures
from multiannotator_core.simulate import profiles
from pages._lab import example_crowd
from pages._parts import card_title, dark, download, percent, show, text


def answers_at_a_glance(answers: pd.DataFrame, draws: int) -> None:
    """One tile a question: how right the first method would be, what that gains, and what it costs."""
    first = answers[answers["method"] == answers["method"].iloc[0]]
    now = first[first["now"]].iloc[0]
    card_title(
        "What would change?",
        f"With {now['method']}, {_share(now['accuracy'])} right as it is. Mean of {draws} crowds like yours; 95% of them lie in the range",
    )
    with st.grid("auto", min_column_width=250, gap="small"):
        for line in first[~first["now"]].itertuples():
            with st.container(gap="xxsmall"):
                sure = line.gain_low > 0 or line.gain_high < 0
                change = f"{100 * line.gain:+.1f} points" if sure else "no clear change"
                st.metric(text(line.title), f"{_share(line.accuracy)} right", change, delta_color="normal" if sure else "off")
                st.caption(f"{100 * line.gain_low:+.1f} to {100 * line.gain_high:+.1f} points; {_cost(line.cost - now['cost'])}")


def _share(share: float) -> str:
    return f"{100 * share:.1f}%"


def _cost(more: float) -> str:
    if abs(more) < 0.5:
        return "costs the same"
    return f"costs {abs(more):,.0f} {'more' if more > 0 else 'less'}"


def all_answers(answers: pd.DataFrame) -> None:
    """Every number of every question and method."""
    with st.expander(f"All numbers: {answers['method'].nunique()} methods, with their ranges"):
        st.dataframe(
            {
                "Question": [text(title) for title in answers["title"]],
                "Method": answers["method"].tolist(),
                "Labels each": answers["labels_each"].round(2).tolist(),
                "Cost": answers["cost"].tolist(),
                "Right": (100 * answers["accuracy"]).tolist(),
                "from": (100 * answers["low"]).tolist(),
                "to": (100 * answers["high"]).tolist(),
                "Gain": (100 * answers["gain"]).tolist(),
                "gain from": (100 * answers["gain_low"]).tolist(),
                "gain to": (100 * answers["gain_high"]).tolist(),
            },
            column_config={
                "Cost": st.column_config.NumberColumn(format="%.0f"),
                **{name: st.column_config.NumberColumn(format="%.1f%%") for name in ("Right", "from", "to")},
                **{name: st.column_config.NumberColumn(format="%+.1f") for name in ("Gain", "gain from", "gain to")},
            },
            hide_index=True,
        )


def who_is_right(rows: pd.DataFrame, seeds: int) -> None:
    """Methods on made-up crowds, the best first."""
    ranking = benchmark.ranking(rows, "accuracy_ties_split")
    table = benchmark.summary(rows, "accuracy_ties_split").set_index("title").loc[ranking["title"]].reset_index()
    with st.container(border=True):
        card_title(
            "Which method is right most often?",
            f"Mean over {seeds} crowds with its interval; filled: not told apart from the first",
        )
        show(figures.method_intervals(table.assign(as_good=ranking["as_good"]), dark=dark()), "sim_made")
        best = ranking.iloc[0]
        st.caption(f"{text(best['title'])} comes first with {percent(best['mean'])} right.")


def what_it_looks_like(made: Mapping[str, Any]) -> None:
    """The first of the crowds: who labels how much, how its annotators err, and its files."""
    crowd = example_crowd(made)
    labels = crowd.labels
    with st.container(border=True):
        card_title("What does such a crowd look like?", f"The first one drawn: {len(labels):,} labels")
        left, right = st.columns(2)
        with left:
            show(figures.labels_per_annotator(labels, dark=dark()), "sim_loads")
        with right:
            show(figures.labels_per_example(labels, dark=dark()), "sim_per_example")
        chosen = profiles(crowd.annotator_accuracy)
        st.caption(f"How {len(chosen)} of {len(labels.annotators):,} annotators err, from the best to the worst: rows are true classes")
        names = [f"Annotator {labels.annotators[place]}" for place in chosen]
        notes = [f"{_share(crowd.annotator_accuracy[place])} right" for place in chosen]
        show(figures.confusion_multiples(crowd.confusion[chosen], names, list(labels.classes), notes=notes, dark=dark()), "sim_profiles")
        writers = mc.WRITERS
        to = st.selectbox(
            "Take it away as",
            ["csv", *(key for key in writers if key != "csv")],
            format_func=lambda key: writers[key].title,
            key="sim_format",
            width=300,
        )
        download(
            "crowd",
            {
                "Labels": (writers[to].ending, lambda: writers[to].write(export.Outgoing(labels))),
                "True classes": ("truth.csv", lambda: export.to_csv(crowd.truth.to_frame())),
            },
            writers[to].loses,
        )
