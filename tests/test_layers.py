"""The structure of the house: who may import whom."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
CORE = ROOT / "multiannotator_core"

# A third party may be imported only in the parts that own it.
HOME = {
    "streamlit": {"app", "pages"},
    "plotly": {"figures", "pages"},
    "sqlalchemy": {"store"},
    "torch": {"learning"},
    "dask": {"cluster"},
    "distributed": {"cluster"},
}

# A part of the core may import these parts and itself; these six are open to all.
OPEN = {"labels", "names", "incoming", "consensus", "align", "threads"}
MAY_IMPORT = {
    "labels": set(),
    "names": set(),
    "incoming": set(),
    "consensus": set(),
    "align": set(),
    "threads": set(),
    "aggregation": set(),
    "large": {"aggregation"},
    "cluster": {"aggregation", "large"},
    "quality": {"aggregation"},
    "active": {"aggregation", "quality"},
    "simulate": {"aggregation", "evaluate", "quality"},
    "evaluate": set(),
    "figures": set(),
    "ingest": set(),
    "store": set(),
    "samples": set(),
    "benchmark": {"active", "aggregation", "evaluate", "learning", "quality", "samples", "simulate"},
    "__main__": {"cli"},
    "cli": {
        "aggregation",
        "benchmark",
        "cluster",
        "download",
        "export",
        "figures",
        "ingest",
        "large",
        "learning",
        "quality",
        "reference_sets",
        "relabel",
        "report",
        "samples",
        "simulate",
        "store",
    },
    "download": set(),
    "reference_sets": set(),
    "export": set(),
    "multiannotator": {"aggregation", "quality", "active", "wide"},
    "wide": {"aggregation", "quality"},
    "learning": {"aggregation", "evaluate"},
    "relabel": {"aggregation", "quality"},
    "report": {"aggregation", "quality", "figures", "export"},
}


def files():
    return [ROOT / "app.py", *sorted((ROOT / "pages").glob("*.py")), *sorted(CORE.rglob("*.py"))]


def part_of(path):
    """The first folder or module name below the root or the core."""
    inside = path.relative_to(CORE if CORE in path.parents else ROOT)
    return inside.parts[0].removesuffix(".py")


def imports(path):
    """(level, dotted name) of every import in a file, also of those inside functions."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((0, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            names = [node.module] if node.module else [alias.name for alias in node.names]
            yield from ((node.level, name) for name in names)


def foreigners(path):
    """Third parties that a file imports and that live elsewhere."""
    found = {name.split(".")[0] for level, name in imports(path) if level == 0}
    return {name for name in found if name in HOME and part_of(path) not in HOME[name]}


def strangers(path):
    """Parts of the core that a file of the core imports and may not."""
    part, found = part_of(path), set()
    for level, name in imports(path):
        if level == 0 and name.startswith("multiannotator_core."):
            found.add(name.split(".")[1])
        elif level and len(path.relative_to(CORE).parts) == level:  # the dots lead to the core itself
            found.add(name.split(".")[0])
    return found - MAY_IMPORT.get(part, set()) - OPEN - {part}


@pytest.mark.parametrize("path", files(), ids=lambda p: str(p.relative_to(ROOT)))
def test_third_parties_stay_in_their_home(path):
    """Streamlit is imported only by the app, plotly only by the figures, the SQL library only by the store."""
    assert foreigners(path) == set()


@pytest.mark.parametrize(
    "path", [p for p in files() if CORE in p.parents and p != CORE / "__init__.py"], ids=lambda p: str(p.relative_to(CORE))
)
def test_parts_of_the_core_look_one_way(path):
    """Figures never import aggregation, the store never imports readers, and nothing imports the pages."""
    assert strangers(path) == set()


def test_every_part_is_in_the_table():
    """A new part of the core says here what it may import."""
    parts = {part_of(path) for path in CORE.rglob("*.py")} - {"__init__", "__main__"}

    assert parts <= set(MAY_IMPORT)


@pytest.mark.parametrize("path", sorted((ROOT / "pages").glob("[!_]*.py")), ids=lambda p: p.name)
def test_every_page_starts_with_the_guard(path):
    """A cold deep link runs a page without app.py: the first statement after the imports sends it back."""
    body = [node for node in ast.parse(path.read_text("utf-8")).body if not isinstance(node, (ast.Import, ast.ImportFrom))]
    body = [node for node in body if not (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))]

    assert ast.unparse(body[0]) == "ensure_app()"


@pytest.mark.parametrize("path", files(), ids=lambda p: str(p.relative_to(ROOT)))
def test_no_markup_no_pickle_no_print(path):
    """Data is never rendered as markup or unpickled, and nothing mutable is a default argument."""
    tree = ast.parse(path.read_text("utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.keyword):
            assert node.arg not in ("unsafe_allow_html", "unsafe_allow_javascript")
            assert not (node.arg == "allow_pickle" and getattr(node.value, "value", False) is not False)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            assert node.func.id not in ("print", "eval", "exec")
        if isinstance(node, ast.Import):
            assert not {"pickle", "joblib"} & {alias.name for alias in node.names}
        if isinstance(node, ast.arguments):
            assert not any(isinstance(default, (ast.List, ast.Dict, ast.Set)) for default in [*node.defaults, *node.kw_defaults])


def test_pages_hold_no_state():
    """No page touches session state, caches or threads: the files with an underscore do it for them."""
    for path in sorted((ROOT / "pages").glob("[!_]*.py")):
        source = path.read_text("utf-8")
        for word in ("session_state", "threading", "cache_resource", "cache_data", "query_params"):
            assert word not in source, path


def test_the_layer_test_can_fail():
    """A streamlit import in the core would be seen."""
    found = {name for _, name in imports(ROOT / "pages" / "_session.py")}

    assert "streamlit" in found
    assert part_of(CORE / "labels.py") not in HOME["streamlit"]


def test_no_page_shares_its_stem_with_a_module():
    """Streamlit takes `_x.py` and `x.py` for the same address: every cold link would break."""
    stems = [path.stem.lstrip("_") for path in (ROOT / "pages").glob("*.py")]

    assert sorted(stems) == sorted(set(stems))
