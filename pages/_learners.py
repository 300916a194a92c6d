"""The part of the page Train where a network learns from every label: settings, curves, and the trainings side by side."""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from multiannotator_core.learning import networks
from multiannotator_core.store import Dataset, DatasetInfo
from pages._networks import NETWORK, begin, judged, trainings, watch_trainings
from pages._parts import card_title, how, option_widget
from pages._people import may
from pages._runs import load_run
from pages._training import use_predictions

EPOCHS = 30


def networks_part(info: DatasetInfo, data: Dataset, table: pd.DataFrame | None, columns: list[str], place: Any) -> None:
    """Settings at `place`, and below the trainings under way and those that are kept."""
    with place.container(border=True, height="stretch"):
        _settings(info, table, columns)
    watch_trainings(info, NETWORK)
    found = trainings(info, NETWORK)
    if not found:
        st.caption("No network was trained yet. It needs no consensus: it learns whom to believe while it learns the classes.")
        return
    results = judged(info, found, data.gold)
    on_gold = results["accuracy"].notna().any()
    with st.container(border=True):
        card_title(
            "Which network can be believed?",
            f"Right on {len(data.gold):,} gold examples that it never saw"
            if on_gold and data.gold is not None
            else "Add gold on the page Data to see which network is right",
            ("compare_metrics", "Compare annotators by them"),
        )
        st.dataframe(
            {
                "Training": results["title"],
                **({"Right": 100 * results["accuracy"], "Calibration error": results["ece"]} if on_gold else {}),
                "Seconds": results["seconds"],
            },
            column_config={
                "Right": st.column_config.ProgressColumn(format="%.1f%%", min_value=0, max_value=100, color="gray"),
                "Calibration error": st.column_config.NumberColumn(
                    format="%.3f", help="How far claimed and found accuracy lie apart on average; 0 is best"
                ),
                "Seconds": st.column_config.NumberColumn(format="%.0f"),
            },
            hide_index=True,
            row_height=34,
            key="networks",
            alt="The networks trained so far",
        )
        with st.container(horizontal=True, vertical_alignment="bottom"):
            chosen = st.selectbox("Predictions of", list(found), width=320)
            st.button(
                "Use these predictions",
                type="primary",
                icon=":material/check:",
                on_click=use_predictions,
                disabled=not may("update"),
                args=(info, data, load_run(info, found[chosen].key).posterior),
                help="Keeps them with the dataset, in place of those that are there. Runs with a model are then computed anew.",
            )
    how(
        "How does this work?",
        "CrowdLayer and CoNAL put a small layer for each annotator behind the network, which learns what that annotator mixes up; EM with "
        "a classifier takes turns between Dawid-Skene and the network; consensus first trains on the labels of a method. The examples are "
        "dealt into folds, and each is predicted by a network that saw neither it nor its labels.",
        " · ".join(strategy.reference for strategy in networks.STRATEGIES.values() if strategy.reference),
    )


def _settings(info: DatasetInfo, table: pd.DataFrame | None, columns: list[str]) -> None:
    card_title("How shall it learn?", "One network for all, and what each annotator mixes up")
    missing = networks.torch_missing()
    if missing:
        st.info(missing)
    strategy = st.selectbox(
        "Strategy",
        list(networks.STRATEGIES),
        index=list(networks.STRATEGIES).index("crowdlayer"),
        format_func=lambda name: networks.STRATEGIES[name].title,
        key="trn_strategy",
        bind="query-params",
    )
    st.caption(networks.STRATEGIES[strategy].sentence)
    about = network_settings(EPOCHS)
    with st.container(horizontal=True, vertical_alignment="center"):
        clicked = st.button("Train", type="primary", icon=":material/model_training:", disabled=not columns or bool(missing))
        options: dict[str, Any] = {}
        if networks.STRATEGIES[strategy].options:
            with st.popover("Options", type="tertiary", key=f"options_{strategy}"):
                options = {
                    option: option_widget(strategy, option, default) for option, default in networks.STRATEGIES[strategy].options.items()
                }
    if clicked and table is not None:
        about["folds"] = 5
        begin(info, NETWORK, strategy, table, columns, about, **options)
        st.rerun()


def network_settings(epochs: int) -> dict[str, Any]:
    """The widgets for backbone and epochs."""
    with st.container(horizontal=True):
        backbone = st.selectbox(
            "Network",
            [name for name, one in networks.BACKBONES.items() if not one.images],
            index=1,
            format_func=lambda name: networks.BACKBONES[name].title,
            help="Linear for texts, two dense layers for numbers and small images.",
        )
        n_epochs = st.number_input("Epochs", 1, 500, epochs, help="How often it goes through all examples, at most.")
    return {"backbone": backbone, "epochs": int(n_epochs)}
