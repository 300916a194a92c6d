"""What the pages share: navigation, the dataset and the run in use, and what is selected."""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar, cast

import pandas as pd
import plotly.graph_objects as go
import streamlit as st

import multiannotator_core as mc
from multiannotator_core.quality.audit import Audit, audit
from multiannotator_core.quality.exclusions import without_excluded
from multiannotator_core.samples import load_sample
from multiannotator_core.store import Dataset, DatasetInfo, default_home
from pages._jobs import PATIENCE, Job, await_job, finished, home, refresh_when_done, start
from pages._parts import dark, show, text

T = TypeVar("T")

PICTURES = Path(__file__).parent
DEFAULT_METHOD = "dawid_skene"
BASELINE = "majority_vote"
BLIND = "-blind"  # ends the name of a run that did not see the gold
KEPT_STATES = 2  # states of a run that stay on disk while pages of others may still show them
DESK_PATIENCE = 0.15  # seconds that the review desk waits for its last decision to take effect

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
        _sidebar()
        page.run()
    finally:
        _inside_app.reset(token)


def ensure_app() -> None:
    """The first call of every page: on a fresh server a deep link would run the page without app.py."""
    if not _inside_app.get():
        navigation()  # from now on this server routes through app.py
        st.rerun()


# ---------------------------------------------------------------------- the dataset and the run in use


@dataclass(frozen=True)
class InUse:
    """The dataset and the consensus that every page shows; `state` changes with every decision, `run` does not."""

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


@st.cache_resource(max_entries=4, show_spinner=False)
def _open_store(path: str) -> mc.Store:
    return mc.Store(path)


def store() -> mc.Store:
    """The store: the database of CROWDLENS_DATABASE_URL, or a file in CROWDLENS_HOME."""
    folder = Path(os.environ.get("CROWDLENS_HOME") or default_home())
    return _open_store(os.environ.get("CROWDLENS_DATABASE_URL") or str(folder / "crowdlens.db"))


def _sidebar() -> None:
    """Choose the dataset and the run; both stand in the address, so that a link opens the same view."""
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
        st.query_params.clear()
    if run is not None:
        st.session_state["run"] = run
        st.query_params.pop("run", None)


def current_info() -> DatasetInfo | None:
    """What is known of the dataset in use without loading it."""
    return next((info for info in store().datasets() if info.id == st.session_state.get("dataset")), None)


@st.cache_resource(max_entries=4, show_spinner=False)
def _load_dataset(home: str, dataset: str, inputs: str) -> Dataset:
    return store().load(dataset)


def open_dataset(info: DatasetInfo) -> Dataset:
    """The dataset, read from disk once for all sessions."""
    return _load_dataset(home(), info.id, info.inputs)


def counted_labels(info: DatasetInfo) -> mc.CrowdLabels:
    """The labels of the dataset without those of excluded annotators and examples; all names stay."""
    out = store().exclusions(info.id)
    return _counted_labels(home(), info.id, info.inputs, _names_of(out), out)


@st.cache_resource(max_entries=4, show_spinner=False)
def _counted_labels(home: str, dataset: str, inputs: str, names: str, _exclusions: pd.DataFrame) -> mc.CrowdLabels:
    return without_excluded(_load_dataset(home, dataset, inputs).labels, _exclusions)


def _names_of(exclusions: pd.DataFrame) -> str:
    """A short sign of what is excluded; empty when nothing is."""
    names = sorted(f"{kind} {name!r}" for kind, name in zip(exclusions["kind"], exclusions["name"], strict=True))
    return hashlib.blake2b("\n".join(names).encode(), digest_size=4).hexdigest() if names else ""


def run_name(inputs: str, method: str, options: Mapping[str, Any]) -> str:
    """The name of a run: equal inputs, method, options and version give the same name, whatever was decided since."""
    canonical = json.dumps([inputs, method, dict(options), mc.__version__], sort_keys=True, default=str)
    return f"{method}-{hashlib.blake2b(canonical.encode(), digest_size=5).hexdigest()}"


@dataclass(frozen=True)
class Run:
    """A finished run: under `key` in the store, after so many changes (decisions, exclusions)."""

    key: str
    changes: int
    title: str
    method: str
    options: Mapping[str, Any]
    seconds: float


def usable_runs(info: DatasetInfo) -> dict[str, Run]:
    """The newest state of each run on the present inputs, by name; Dawid-Skene first."""
    newest: dict[str, Run] = {}
    for run in sorted(store().runs(info.id), key=lambda r: r.method != DEFAULT_METHOD):
        name, _, changes = run.key.rpartition("_")
        if run.method not in mc.METHODS or not changes.isdigit() or name != run_name(info.inputs, run.method, run.options):
            continue
        changed = {k: v for k, v in run.options.items() if mc.METHODS[run.method].options.get(k) != v}
        title = mc.METHODS[run.method].title + "".join(f", {k} {v}" for k, v in changed.items())
        if name not in newest or newest[name].changes < int(changes):
            newest[name] = Run(run.key, int(changes), title, run.method, run.options, run.seconds)
    return newest


def start_run(info: DatasetInfo, method: str, options: Mapping[str, Any]) -> tuple[str, Job]:
    """Begin a run in the background, unless it is under way; it is saved when it ends."""
    options = {**mc.METHODS[method].options, **options}
    name = run_name(info.inputs, method, options)
    database, data = store(), open_dataset(info)
    labels, blind = counted_labels(info), _blind_key(info.id, name)
    changes = database.changes(info.id)
    before = usable_runs(info).get(name)

    def work(job: Job) -> str:
        # After a decision the last state is a good place to go on from.
        last = None if before is None else database.load_run(info.id, before.key)
        start = None if last is None else last.posterior

        def run(gold: pd.Series | None) -> mc.Consensus:
            return mc.aggregate(labels, method, pred_probs=data.pred_probs, gold=gold, start=start, on_iteration=job.tell, **options)

        gold = database.gold(info.id)
        started = time.perf_counter()
        result = run(gold)
        seconds = time.perf_counter() - started
        known = {old.key for old in database.runs(info.id)}
        if blind not in known and "gold" not in mc.METHODS[method].needs:
            # Only a run that did not see gold and decisions can be judged by them.
            database.save_run(info.id, blind, run(None) if len(gold) else result, seconds=seconds)
        database.save_run(info.id, f"{name}_{changes}", result, seconds=seconds)
        for old in known:  # states before the last decision are of no use any more
            if old.startswith(f"{name}_") and int(old.rpartition("_")[2]) < changes - KEPT_STATES:
                database.remove_run(info.id, old)
        return name

    return name, start(("run", info.id, f"{name}_{changes}"), mc.METHODS[method].title, work, total=int(options.get("max_iter", 0)))


@st.cache_resource(max_entries=16, show_spinner=False)
def _load_run(home: str, dataset: str, run: str) -> mc.Consensus | None:
    return store().load_run(dataset, run)


def load_run(info: DatasetInfo, run: str) -> mc.Consensus:
    """A finished run, read from disk once for all sessions."""
    result = _load_run(home(), info.id, run)
    if result is None:
        raise ValueError("This run is no longer on disk. Run the method again on the page Consensus.")
    return result


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
    return InUse(info, open_dataset(info), name, run.key, load_run(info, run.key), counted_labels(info))


def _blind_key(dataset: str, run: str) -> str:
    return "-".join(part for part in (f"{run}{BLIND}", _names_of(store().exclusions(dataset))) if part)


def _load_blind(dataset: str, run: str) -> mc.Consensus | None:
    key = _blind_key(dataset, run)
    found = _load_run(home(), dataset, key)
    if found is None:  # after an exclusion it may be under way
        _load_run.clear(home(), dataset, key)
    return found


def gold_check(now: InUse, run: str | None = None) -> dict[str, Any] | None:
    """How a run that did not see the gold does on the gold that came with the data; None without gold.

    Decisions do not count here: those who review the worst first would measure the worst.
    """
    gold = now.dataset.gold
    blind = None if gold is None or not len(gold) else _load_blind(now.dataset.id, run or now.run)
    return None if blind is None else remember(now, f"gold {run}", lambda: mc.evaluate(now.labels, blind, gold))


def blind_run(now: InUse) -> mc.Consensus:
    """The run in use as it is without gold and decisions, to compare decisions with; votes where it cannot do without."""
    blind = _load_blind(now.dataset.id, now.run)
    return remember(now, "votes", lambda: mc.aggregate(now.labels, BASELINE)) if blind is None else blind


@dataclass(frozen=True)
class ComparedRuns:
    """The runs of a dataset side by side: `table` has one row a run; the results are by title."""

    table: pd.DataFrame
    results: dict[str, mc.Consensus]
    key: str

    @property
    def sentence(self) -> str:
        """What the best run is, or why that cannot be said."""
        right = self.table["right"].dropna().sort_values(ascending=False)
        if len(right) < 2:
            return ""
        best, second = (self.table.loc[key] for key in right.index[:2])
        n = int(best["n_gold"])
        apart = round((best["right"] - second["right"]) * n)
        return f"{best['title']} and {second['title']} differ by {apart} of {n} gold examples. " + (
            "That is within chance." if apart**2 <= 4 * max(apart, 1) else "That is more than chance."
        )

    def use_clicked(self) -> None:
        """Take the run whose button was clicked."""
        use(run=str(self.table.index[st.session_state["use_run"].row]))


def compared_runs(now: InUse) -> ComparedRuns:
    """All finished runs on the present inputs, at most twelve."""
    majority = remember(now, "majority", lambda: mc.aggregate(now.labels, BASELINE, gold=store().gold(now.dataset.id)))
    rows, results = {}, {}
    for name, run in list(usable_runs(now.info).items())[:12]:
        result, checked = load_run(now.info, run.key), gold_check(now, name)
        rows[name] = {
            "title": run.title,
            "right": checked["accuracy"] if checked else None,
            "n_gold": checked["n"] if checked else 0,
            "unsure": int((result.quality < 0.7).sum()),
            "differs": float((result.label != majority.label).mean()),
            "seconds": run.seconds,
        }
        results[run.title] = result
    table = pd.DataFrame.from_dict(rows, orient="index").astype({"right": "Float64"})
    return ComparedRuns(table, results, " ".join(run.key for run in usable_runs(now.info).values()))


def audited(now: InUse) -> Audit:
    """What is known of the annotators by the run in use."""
    data = now.dataset
    return remember(now, "audit", lambda: audit(now.labels, now.result, data.pred_probs, store().gold(data.id)))


def other_runs(now: InUse) -> dict[str, mc.Consensus]:
    """The finished runs beside the one in use, by title."""
    return {run.title: load_run(now.info, run.key) for name, run in list(usable_runs(now.info).items())[:12] if name != now.run}


def no_dataset() -> None:
    """The empty state of every page."""
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
    use(dataset=store().add_dataset(sample.labels, name=name, pred_probs=sample.pred_probs, gold=sample.gold, content=sample.content))


def remember(in_use: InUse, what: str, compute: Callable[[], T]) -> T:
    """A result computed once, in the background, for a dataset, a run and a name; `what` must name all else it depends on."""
    key = ("result", in_use.dataset.id, in_use.dataset.inputs, in_use.state, what)
    try:
        return cast(T, await_job(key, start(key, "Computing", lambda job: compute())))
    except ValueError as error:
        st.error(text(error, 2000))
        st.stop()


def draw(in_use: InUse, name: str, build: Callable[..., go.Figure], depends_on: str = "") -> None:
    """Show a figure that is built once for a dataset, a state of the run, a theme and what else it `depends_on`."""
    show(_figure(home(), in_use.dataset.id, in_use.dataset.inputs, in_use.state, f"{name} {depends_on}", dark(), build), name)


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


def clicked_name(key: str, names: pd.Index) -> Any:
    """The name of the point that was clicked in a chart drawn with this key."""
    points = (st.session_state.get(key) or {}).get("selection", {}).get("points", [])
    for point in points:
        data = point.get("customdata")
        name = data[0] if isinstance(data, (list, tuple)) and data else data
        match = [known for known in names if str(known) == str(name)]
        if match:
            return match[0]
    return None


def link(page: str, label: str, **selection: str) -> None:
    """A link to a page with something selected there."""
    address = {what: st.session_state[what] for what in ("dataset", "run") if what in st.session_state}
    st.page_link(
        f"pages/{page}.py", label=label, icon=":material/arrow_forward:", icon_position="right", query_params={**address, **selection}
    )
