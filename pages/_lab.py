"""What the pages of the lab ask for, and the background jobs that answer."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import streamlit as st

import multiannotator_core as mc
from multiannotator_core import benchmark
from multiannotator_core.samples import SAMPLES
from multiannotator_core.simulate import LOADS, STRATEGIES, SimulatedCrowd, fitted, option_words, simulate, strategy_options
from multiannotator_core.store import default_home
from pages._compared import audited
from pages._jobs import await_job, start
from pages._parts import option_widget
from pages._runs import open_dataset, store
from pages._session import InUse, remember

OWN = "own"
TRACED_SEEDS = 5  # each is seven runs of a method
LOAD_TITLES = {"equal": "all the same", "heavy-tailed": "a few give most labels"}
UNPICKED = ("given-confusion",)  # needs matrices from a file: on the command line


def ask(kind: str, question: Mapping[str, Any]) -> None:
    """Keep what was asked, so that the answer stays while widgets change; call it in a callback."""
    st.session_state[f"_asked_{kind}"] = dict(question)


def asked(kind: str) -> dict[str, Any] | None:
    """What was asked last."""
    return st.session_state.get(f"_asked_{kind}")


def runnable(now: InUse) -> list[str]:
    """Methods that run on labels alone."""
    return [name for name in mc.METHODS if mc.obstacle(now.labels, name) is None and name != "auto"]


def fitted_crowd(now: InUse) -> tuple[fitted.FittedCrowd, fitted.Likeness]:
    """The crowd of the dataset, ready to draw from, and whether draws look like it."""

    def compute() -> tuple[fitted.FittedCrowd, fitted.Likeness]:
        crowd = fitted.fit(now.labels, now.result, store().gold(now.dataset.id))
        return crowd, fitted.likeness(now.labels, crowd, draws=10)

    return remember(now, "fitted crowd", compute)


def scenarios(now: InUse, more: int, fewer: float, worst: int) -> list[fitted.Scenario]:
    """The questions to a crowd, those with a number only."""
    found = []
    if more:
        found.append(fitted.Scenario(f"{more} more labels each", more=more))
    if fewer:
        found.append(fitted.Scenario(f"{fewer:.0%} fewer labels", fewer=fewer))
    if worst:
        names = audited(now).table["quality"].sort_values(kind="stable").index[:worst]
        found.append(fitted.Scenario(f"Without the {worst} worst annotators", without=tuple(names)))
    return found


def foretold(now: InUse, question: Mapping[str, Any]) -> pd.DataFrame:
    """Answers of the fitted crowd: the scenarios (kind "question") and the curve of labels against accuracy (kind "curve")."""
    crowd, _ = fitted_crowd(now)
    questions = scenarios(now, question["more"], question["fewer"], question["worst"])
    curve = [scenario for scenario in fitted.cost_curve(crowd) if scenario.each is not None]
    asked_for = [*questions, *curve]
    methods, draws = question["methods"], question["draws"]
    key = ("what if", now.dataset.id, now.state, json.dumps(dict(question), sort_keys=True))

    def work(job: Any) -> pd.DataFrame:
        table = fitted.what_if(crowd, asked_for, methods, draws=draws, price=question["price"], on_progress=lambda done, _: job.tell(done))
        in_curve = {scenario.title for scenario in curve} | {fitted.NOW.title}
        return table.assign(
            now=table["title"] == fitted.NOW.title,
            curve=table["title"].isin(in_curve),
            method=[mc.METHODS[name].title for name in table["method"]],
        )

    total = draws * (len(asked_for) + 1)
    return await_job(key, start(key, "Drawing crowds", work, total=total))


def strategy_widgets() -> tuple[str, dict[str, Any]]:
    """A strategy with its sizes and options, as widgets: what goes into `simulate`."""
    with st.grid("auto", min_column_width=170, gap="small"):
        strategy = st.selectbox(
            "How do they behave?", [name for name in STRATEGIES if name not in UNPICKED], format_func=lambda name: STRATEGIES[name].title
        )
        sizes = {
            "n_examples": st.number_input("examples", 10, 20_000, 200, key="sim_examples"),
            "n_annotators": (annotators := st.number_input("annotators", 2, 2_000, 30, key="sim_annotators")),
            "n_classes": st.number_input("classes", 2, 100, 5, key="sim_classes"),
            "labels_per_example": min(st.number_input("labels per example", 1, 200, 10, key="sim_each"), annotators),
            "load": st.selectbox("who labels how much", list(LOADS), format_func=LOAD_TITLES.__getitem__, key="sim_load"),
            "imbalance": st.toggle("unequal numbers of labels", key="sim_imbalance"),
        }
        own = {name: option_widget(f"sim_{strategy}", name, option.default) for name, option in strategy_options(strategy).items()}
    words = option_words(strategy)
    st.caption("; ".join(f"{name.replace('_', ' ')}: {words[name].rstrip('.')}" for name in own if name in words))
    return strategy, sizes | own


def sources(now: InUse, names: Sequence[str], seeds: int) -> list[benchmark.Source]:
    """Data of a benchmark by the names of `source_titles`."""
    found: list[benchmark.Source] = []
    for name in names:
        if name == OWN:
            found.append(benchmark.own(now.dataset.name, now.labels, now.dataset.gold, now.dataset.pred_probs, seeds=seeds))
        elif name in SAMPLES:
            found.append(benchmark.sample(name, seeds=seeds))
        elif name in (others := {info.id: info for info in store().datasets()}):
            data = open_dataset(others[name])
            if data.gold is not None:
                found.append(benchmark.own(data.name, data.labels, data.gold, data.pred_probs, seeds=seeds))
        else:
            found.append(benchmark.Simulated(name))
    return found


def source_titles(now: InUse) -> dict[str, str]:
    """What a benchmark can run on: your gold, other data sets with gold, the samples, simulated crowds."""
    own = {OWN: f"{now.dataset.name} (your gold)"} if now.dataset.gold is not None and len(now.dataset.gold) else {}
    crowds = {name: f"Simulated: {strategy.title}" for name, strategy in STRATEGIES.items() if name not in UNPICKED}
    others = {info.id: f"{info.name} (gold)" for info in store().datasets() if "gold" in info.companions and info.id != now.dataset.id}
    return {**own, **others, **{name: sample.title for name, sample in SAMPLES.items()}, **crowds}


def shelf() -> Path:
    """Where finished runs of benchmarks are kept."""
    return Path(os.environ.get("CROWDLENS_HOME") or default_home()) / "benchmarks"


def cells_of(now: InUse, wanted: Mapping[str, Any]) -> list[benchmark.Cell]:
    """The runs that the page Benchmark was asked for.

    Raises:
        ValueError: there is nothing to run.
    """
    return benchmark.cells(*_chosen(now, wanted), wanted["seeds"])


def _chosen(now: InUse, wanted: Mapping[str, Any]) -> tuple[list[benchmark.Contender], list[benchmark.Source]]:
    if wanted["preset"]:
        preset = benchmark.PRESETS[wanted["preset"]]
        return [benchmark.PRESET_COLUMNS[column] for column in preset.printed], [preset.crowd]
    return [benchmark.Contender(name) for name in wanted["methods"]], sources(now, wanted["data"], wanted["seeds"])


def measured(title: str, cells: Sequence[benchmark.Cell], jobs: int = 1) -> pd.DataFrame:
    """The rows of a benchmark, in the background; finished cells are kept on disk and never computed again."""
    key = ("benchmark", *_names(cells))

    def work(job: Any) -> pd.DataFrame:
        return benchmark.run(cells, folder=shelf(), jobs=jobs, on_progress=lambda done, _: job.tell(done))

    return await_job(key, start(key, title, work, total=len(cells)))


def traced(now: InUse, wanted: Mapping[str, Any]) -> pd.DataFrame:
    """Accuracy against time of what was asked for, in the background, one run after the other: others would slow the clock."""
    contenders, data = _chosen(now, wanted)
    seeds = min(wanted["seeds"], TRACED_SEEDS)
    key = ("trace", *_names(benchmark.cells(contenders, data, seeds)))

    def work(job: Any) -> pd.DataFrame:
        def tell(done: int, total: int) -> None:
            job.total = total
            job.tell(done)

        return benchmark.traced(contenders, data, seeds, folder=shelf(), on_progress=tell)

    return await_job(key, start(key, "Measuring time", work))


def claimed(now: InUse, cell: benchmark.Cell) -> Any:
    """What a method claims on the first draw, and what was right."""
    return remember(now, f"claims {cell.file(cell.source.key)}", lambda: benchmark.claims(cell))


def example_crowd(made: Mapping[str, Any]) -> SimulatedCrowd:
    """The first of the made-up crowds, to look at and to take away."""
    key = ("crowd", made["strategy"], json.dumps(made["options"], sort_keys=True))
    return await_job(key, start(key, "Drawing a crowd", lambda job: simulate(made["strategy"], **made["options"])))


def _names(cells: Sequence[benchmark.Cell]) -> list[str]:
    keys = {id(source): source.key for source in {id(cell.source): cell.source for cell in cells}.values()}
    return sorted({cell.file(keys[id(cell.source)]) for cell in cells})
