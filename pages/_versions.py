"""How annotators changed between the files of a project."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from multiannotator_core import figures
from multiannotator_core.quality.over_versions import changes_over_versions, quality_over_versions
from multiannotator_core.store import DatasetInfo
from pages._jobs import await_job, start
from pages._parts import card_title, dark, show, shown
from pages._pseudonyms import hidden, shown_name
from pages._runs import DEFAULT_METHOD, counted_labels, load_run, open_dataset, start_run, store, usable_runs

MOST_VERSIONS = 8


def versions_card(info: DatasetInfo) -> None:
    """Quality of the annotators in each file of the project; nothing while there is only one."""
    versions = store().versions(info.id)[-MOST_VERSIONS:]
    if len(versions) < 2:
        return
    titles = {version.id: f"{version.version}: {version.created:%d %b}" for version in versions}
    with st.container(border=True):
        card_title(
            "How did the annotators change between files?",
            "Quality by Dawid-Skene on all labels of each file; a newer file mostly has the labels of the older one too",
        )
        table = _seen(info, _table(versions, titles))
        changed = changes_over_versions(table)
        named = changed.index[changed["apart"]].tolist() or changed.index[: min(3, len(changed))].tolist()
        show(figures.quality_over_versions(table, list(titles.values()), named, dark=dark()), "versions")
        if not changed["apart"].any():
            st.caption("Nobody changed more than chance would: the ranges of their first and last file overlap.")
        st.dataframe(
            {
                "Annotator": shown(changed.index),
                "Course": changed["qualities"].tolist(),
                "First": changed["first"],
                "Last": changed["last"],
                "Range of the last": [
                    f"{low:.2f} to {high:.2f}" for low, high in zip(changed["last_low"], changed["last_high"], strict=True)
                ],
                "Change": changed["change"],
                "More than chance": changed["apart"],
                "Labels": changed["n_labels"],
            },
            column_config={
                "Course": st.column_config.LineChartColumn(y_min=0, y_max=1),
                "First": st.column_config.NumberColumn(format="%.2f"),
                "Last": st.column_config.NumberColumn(format="%.2f"),
                "Change": st.column_config.NumberColumn(format="%+.2f"),
            },
            hide_index=True,
            row_height=34,
            height=min(320, 36 + 34 * max(1, len(changed))),
            key="version_changes",
            alt="How the quality of each annotator changed",
        )


def _table(versions: list[DatasetInfo], titles: dict[str, str]) -> pd.DataFrame:
    """Quality of each annotator in each version; methods that did not run on one yet do so first."""
    states = []
    for version in versions:
        runs = [run for run in usable_runs(version).values() if run.method == DEFAULT_METHOD]
        if not runs:
            open_dataset(version)
            name, job = start_run(version, DEFAULT_METHOD, {})
            await_job(("run", version.id, f"{name}_{store().changes(version.id)}"), job)
            runs = [run for run in usable_runs(version).values() if run.method == DEFAULT_METHOD]
        states.append((titles[version.id], counted_labels(version), load_run(version, runs[0].key), runs[0].key))
    key = ("versions", versions[-1].id, " ".join(state for *_, state in states))
    found: pd.DataFrame = await_job(
        key, start(key, "Comparing the files", lambda job: quality_over_versions({t: (labels, run) for t, labels, run, _ in states}))
    )
    return found


def _seen(info: DatasetInfo, table: pd.DataFrame) -> pd.DataFrame:
    """The table with the names that pages show; where names are hidden, those who are in no pseudonym's list are left out."""
    if not hidden():
        return table
    known = table[table["annotator"].isin(list(open_dataset(info).labels.annotators))]
    return known.assign(annotator=[shown_name(info, name) for name in known["annotator"]])
