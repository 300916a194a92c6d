"""What the pages share: navigation, the dataset and the run in use, and what is selected."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar, cast

import pandas as pd
import plotly.graph_objects as go
import streamlit as st

import multiannotator_core as mc
from multiannotator_core.samples import load_sample
from multiannotator_core.store import Dataset, DatasetInfo
from pages._jobs import PATIENCE, await_job, finished, home, refresh_when_done, start
from pages._parts import dark, show, text
from pages._people import admit, identity, may, write
from pages._pseudonyms import (
    ADDRESS,
    HIDDEN,
    forget_address,
    hidden,
    names_switch,
    read_address,
    seen_dataset,
    seen_labels,
    seen_run,
    seen_state,
)
from pages._runs import BASELINE, DEFAULT_METHOD, counted_labels, load_run, start_run, store, usable_runs

T = TypeVar("T")

PICTURES = Path(__file__).parent
DESK_PATIENCE = 0.05  # seconds that the review desk waits for its last decision to take effect

PAGES = {
    "": [("overview", "Overview", "space_dashboard"), ("data", "Data", "database")],
    "Labels": [("consensus", "Consensus", "how_to_vote"), ("review", "Review", "rate_review"), ("history", "History", "history")],
    "Annotators": [
        ("annotators", "Annotators", "groups"),
        ("agreement", "Agreement", "handshake"),
        ("compare_metrics", "Compare metrics", "scatter_plot"),
        ("classes", "Classes", "category"),
    ],
    "Next": [("relabel", "Relabel", "shopping_cart"), ("train", "Train", "model_training")],
    "Lab": [("simulate", "Simulate", "casino"), ("benchmark", "Benchmark", "leaderboard")],
    "Results": [("export", "Export", "ios_share")],
}

# ---------------------------------------------------------------------- navigation

_inside_app: ContextVar[bool] = ContextVar("inside_app", default=False)


def page_list() -> dict[str, list[Any]]:
    """The pages by section, as the sidebar shows them."""
    return {
        section: [
            st.Page(f"pages/{name}.py", title=title, icon=f":material/{icon}:", url_path=name, default=name == "overview")
            for name, title, icon in pages
        ]
        for section, pages in PAGES.items()
    }


def navigation() -> Any:
    """The page that was asked for, with our name, pictures and list of pages around it."""
    # A picture of our own: the named icon of a page would be fetched from another host.
    st.set_page_config(page_title="Crowdlens", page_icon=str(PICTURES / "icon.png"), layout="wide")
    st.logo(PICTURES / "logo.svg", size="large")
    return st.navigation(page_list(), expanded=True)


def run_page(page: Any) -> None:
    """Draw the sidebar and run the page; the last call of app.py."""
    token = _inside_app.set(True)
    try:
        admit()
        _sidebar()
        page.run()
    finally:
        _inside_app.reset(token)


def ensure_app() -> None:
    """The first call of every page: on a fresh server a deep link would run the page without app.py."""
    if not _inside_app.get():
        navigation()  # from now on this server routes through app.py
        st.rerun()
    admit()


# ---------------------------------------------------------------------- the dataset and the run in use


@dataclass(frozen=True)
class InUse:
    """The dataset and the consensus that every page shows; `state` changes with every decision, `run` does not.

    Where names are hidden, labels and result have pseudonyms: `real_name` of pages/_pseudonyms.py is what the store knows.
    """

    info: DatasetInfo
    dataset: Dataset
    run: str
    state: str
    result: mc.Consensus
    labels: mc.CrowdLabels  # those that count: without what is excluded

    @property
    def method(self) -> str:
        """The title of the method of the run."""
        return mc.METHODS[self.result.method].title


def _sidebar() -> None:
    """Choose the dataset and the run; both stand in the address, so that a link opens the same view."""
    read_address()
    datasets = {info.id: info for info in store().datasets()}
    if not datasets:
        return
    current = _chosen("dataset", list(datasets))
    info = datasets[current]
    with st.sidebar:
        st.selectbox(
            "Dataset",
            list(datasets),
            key="_dataset",
            format_func=lambda i: datasets[i].name,
            on_change=_choose,
            args=("dataset", "_dataset"),
        )
        runs = usable_runs(info)
        if runs:
            _chosen("run", list(runs))
            st.selectbox(
                "Consensus from",
                list(runs),
                key="_run",
                format_func=lambda name: runs[name].title,
                on_change=_choose,
                args=("run", "_run"),
                help="All pages show this run. More methods: page Consensus.",
            )
        n = f"{info.n_examples:,} examples · {info.n_annotators:,} annotators · {info.n_labels:,} labels"
        st.caption(n)
        names_switch()
        identity()


def _chosen(what: str, options: list[str]) -> str:
    """The option in use: from the address when that changed, else from this session, else the first."""
    address = st.query_params.get(what)
    if address in options and address != st.session_state.get(f"_address_{what}"):
        st.session_state[what] = address
    current: str = st.session_state.get(what, "")
    if current not in options:  # a run that is still under way stays wanted
        current = options[0]
        if what == "dataset":
            st.session_state[what] = current
    st.query_params[what] = st.session_state[f"_address_{what}"] = current
    st.session_state[f"_{what}"] = current
    return current


def _choose(what: str, widget: str) -> None:
    use(**{what: st.session_state[widget]})


def use(*, dataset: str | None = None, run: str | None = None) -> None:
    """Make a dataset or a run the one in use; call it in a callback."""
    if dataset is not None:
        st.session_state["dataset"] = dataset
        st.session_state.pop("run", None)
        forget_address()
    if run is not None:
        st.session_state["run"] = run
        st.query_params.pop("run", None)


def current_info() -> DatasetInfo | None:
    """What is known of the dataset in use without loading it."""
    return next((info for info in store().datasets() if info.id == st.session_state.get("dataset")), None)


def require_dataset() -> DatasetInfo:
    """The dataset in use; without one the page shows what to do, and ends."""
    info = current_info()
    if info is None:
        no_dataset()
        st.stop()
    return info


def require_run(patience: float = PATIENCE) -> InUse:
    """The dataset and run in use; on a new dataset Dawid-Skene runs first.

    After a decision the run is computed again in the background; until then, and for at most `patience` seconds
    of waiting, pages show its last state.
    """
    info = require_dataset()
    runs = usable_runs(info)
    if not runs:
        name, job = start_run(info, DEFAULT_METHOD, {})
        start_run(info, BASELINE, {})
        await_job(("run", info.id, f"{name}_{store().changes(info.id)}"), job)
        st.rerun()
    name = st.session_state.get("run")
    name = name if name in runs else next(iter(runs))
    run = runs[name]
    if run.changes < store().changes(info.id):
        job = start_run(info, run.method, run.options)[1]
        if finished(job, patience):
            run = usable_runs(info)[name]
        else:
            with st.sidebar:
                refresh_when_done(job)
    result, labels = seen_run(info, load_run(info, run.key)), seen_labels(info, counted_labels(info))
    return InUse(info, seen_dataset(info), name, seen_state(run.key), result, labels)


def catch_up(now: InUse) -> None:
    """Draw the page again if the wanted run ended after the page had chosen what to show; call it after `running` was asked."""
    wanted = st.session_state.get("run")
    if wanted != st.query_params.get("run") and wanted in usable_runs(now.info):
        st.rerun()


def no_dataset() -> None:
    """The empty state of every page."""
    if not may("add_dataset"):
        st.info("There are no labels yet. Ask the owner of this app to bring some.")
        return
    with st.container(border=True, width=640):
        st.markdown("**No labels yet**")
        st.caption("Bring a file with one row for each label: who gave which label to which example. Or look around first.")
        with st.container(horizontal=True, vertical_alignment="center"):
            sample_button()
            st.page_link("pages/data.py", label="Open a file", icon=":material/upload_file:")


def sample_button(name: str = "digits", label: str = "Try the digits sample", kind: str = "primary") -> None:
    """One click from nothing to results."""
    key = "load_sample" if name == "digits" else f"load_sample_{name}"
    if st.button(label, key=key, type=kind, icon=":material/science:", on_click=_add_sample, args=(name,)):
        st.switch_page("pages/overview.py")


def _add_sample(name: str) -> None:
    sample = load_sample(name)
    companions = {"pred_probs": sample.pred_probs, "gold": sample.gold, "content": sample.content}
    use(dataset=write("add_dataset", sample.labels, name=name, **companions))


def remember(in_use: InUse, what: str, compute: Callable[[], T]) -> T:
    """A result computed once, in the background, for a dataset, a run and a name; `what` must name all else it depends on."""
    key = ("result", in_use.dataset.id, in_use.dataset.inputs, in_use.state, what)
    try:
        return cast(T, await_job(key, start(key, "Computing", lambda job: compute())))
    except ValueError as error:
        st.error(text(error, 2000))
        st.stop()


def draw(in_use: InUse, name: str, build: Callable[..., go.Figure], depends_on: str = "", **options: Any) -> None:
    """Show a figure that is built once for a dataset, a state of the run, a theme and what else it `depends_on`."""
    figure = _figure(home(), in_use.dataset.id, in_use.dataset.inputs, in_use.state, f"{name} {depends_on}", dark(), build)
    show(figure, name, **options)


@st.cache_resource(max_entries=256, show_spinner=False)
def _figure(home: str, dataset: str, inputs: str, state: str, name: str, dark: bool, _build: Callable[..., go.Figure]) -> go.Figure:
    return _build(dark=dark)


# ---------------------------------------------------------------------- what is selected


def pick(key: str, options: list[str]) -> int:
    """Place of the selected option; the address holds its name, so that a link opens it again."""
    wanted = st.query_params.get(key)
    place = options.index(wanted) if wanted in options else 0
    st.query_params[key] = options[place]
    st.session_state[f"_options_{key}"] = options
    return place


def step(key: str, by: int) -> None:
    """Go on in the options of `pick`; call it in a callback."""
    options = st.session_state[f"_options_{key}"]
    place = options.index(st.query_params.get(key, options[0]))
    st.query_params[key] = options[min(max(place + by, 0), len(options) - 1)]


def choose_annotator(key: str, names: list[str]) -> str:
    """The selected annotator, the first of `names` when there is none; set before its select box is drawn."""
    if st.session_state.get(key) not in names:
        st.session_state[key] = st.query_params.get(key) if st.query_params.get(key) in names else names[0]
    return str(st.session_state[key])


def clicked(key: str) -> list[Any]:
    """What the point says (customdata) that was clicked in a chart drawn with this key; empty when none was."""
    points = (st.session_state.get(key) or {}).get("selection", {}).get("points", [])
    data = points[0].get("customdata") if points else None
    return list(data) if isinstance(data, (list, tuple)) else [] if data is None else [data]


def clicked_name(key: str, names: pd.Index) -> Any:
    """The name of the point that was clicked in a chart drawn with this key."""
    said = clicked(key)[:1]
    return next((known for known in names if said and str(known) == str(said[0])), None)


def link(page: str, label: str, **selection: str) -> None:
    """A link to a page with something selected there."""
    address = {what: st.session_state[what] for what in ("dataset", "run") if what in st.session_state}
    address |= {ADDRESS: HIDDEN} if hidden() else {}
    st.page_link(
        f"pages/{page}.py", label=label, icon=":material/arrow_forward:", icon_position="right", query_params={**address, **selection}
    )
