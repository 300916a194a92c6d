"""The part of the page Train that finds ambiguous examples by how a network learns them, beside entropy and difficulty."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import streamlit as st
from numpy.typing import NDArray

import multiannotator_core as mc
from multiannotator_core import figures
from multiannotator_core.learning import networks
from multiannotator_core.quality.review import review_queue
from multiannotator_core.store import Dataset, DatasetInfo
from pages._jobs import await_job, start
from pages._learners import network_settings
from pages._networks import AMBIGUITY, begin, trainings, watch_trainings
from pages._parts import card_title, content, dark, download, how, show, shown, text
from pages._runs import counted_labels, load_run
from pages._session import link

EPOCHS = 20
SHOWN = 6  # examples of each measure


def ambiguity_part(info: DatasetInfo, data: Dataset, table: pd.DataFrame | None, columns: list[str], place: Any) -> None:
    """Settings at `place`, and below the most ambiguous examples by three measures."""
    with place.container(border=True, height="stretch"):
        _settings(info, table, columns)
    watch_trainings(info, AMBIGUITY)
    found = trainings(info, AMBIGUITY)
    if not found:
        st.caption("Nothing was looked at yet. Entropy sees only how labels differ; this also sees the examples.")
        return
    labels = counted_labels(info)
    key = ("difficulty", info.id, labels.fingerprint)
    glad: mc.Consensus = await_job(key, start(key, "Looking for difficult examples", lambda job: mc.aggregate(labels, "glad")))
    with st.container(horizontal=True, vertical_alignment="bottom"):
        chosen = st.selectbox("Found by", list(found), width=260)
        classes = shown(labels.classes)
        picked = st.selectbox(
            "Class", [None, *range(len(classes))], format_func=lambda k: "All classes" if k is None else classes[k], width=220
        )
    result = load_run(info, found[chosen].key)
    measures = {
        chosen: mc.example_quality(labels, result, "difficulty"),
        "Difficulty (GLAD)": mc.example_quality(labels, glad, "difficulty"),
        "Entropy of the labels": mc.example_quality(labels, result, "entropy"),
    }
    with st.grid(3, min_column_width=300, gap="small", border=True) as cards:
        for title, quality in measures.items():
            with cards.cell():
                _gallery(data, labels, result, title, quality, picked)
    link("review", "Review the most ambiguous", rev_quality=chosen)
    ordered = pd.DataFrame(measures, index=labels.examples).sort_values(chosen)
    download("ambiguous", {"CSV": ("csv", lambda: ordered.to_csv().encode())}, "All examples, the most ambiguous first; low = ambiguous")
    how(
        "How is this computed?",
        "While a network learns, it is noted how far each label's class is ahead of the next one, on average over the epochs. WAUM weighs "
        "the labels of an example by how far their annotators can be trusted on what the network sees; AUMC follows the majority. "
        "Examples that lie between classes, or are labelled wrongly, stay behind. Entropy needs several labels an example; this does not.",
        "Pleiss et al. 2020 (AUM) · Lefort et al. 2022 (WAUM) · Whitehill et al. 2009 (difficulty)",
    )


def _settings(info: DatasetInfo, table: pd.DataFrame | None, columns: list[str]) -> None:
    card_title("How shall it look?", "A network learns the labels; what it learns late or never is ambiguous, or wrong")
    missing = networks.torch_missing()
    if missing:
        st.info(missing)
    method = st.selectbox(
        "Measure", list(networks.AMBIGUITY), format_func=lambda name: networks.AMBIGUITY[name].title, key="trn_measure", bind="query-params"
    )
    st.caption(networks.AMBIGUITY[method].sentence)
    about = network_settings(EPOCHS)
    if st.button("Find them", type="primary", icon=":material/search:", disabled=not columns or bool(missing)) and table is not None:
        begin(info, AMBIGUITY, method, table, columns, about)
        st.rerun()


def _gallery(
    data: Dataset, labels: mc.CrowdLabels, result: mc.Consensus, title: str, quality: NDArray[np.float64], picked: int | None
) -> None:
    """The examples of the lowest quality, each with how the crowd labelled it."""
    card_title(title, "Lowest first; the bars are the labels that each example got")
    classes = shown(labels.classes)
    queue = review_queue(labels, result, quality, consensus_class=picked)
    queue = queue[labels.labels_per_example[queue] > 0][:SHOWN]
    if not len(queue):
        st.caption("No example has this majority label.")
    with st.grid(3, min_column_width=80, gap="small"):
        for i in queue:
            with st.container(gap="xxsmall"):
                if not content(data, labels.examples[i], compact=True):
                    st.caption(text(labels.examples[i], 40))
                bars = figures.vote_bars(labels.votes[i], classes, label=int(result.label[i]), dark=dark())
                show(bars, f"votes_{title}_{i}")
                st.caption(f"**{text(classes[result.label[i]], 20)}** · {quality[i]:.2f}")
