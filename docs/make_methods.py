"""Writes docs/methods.md from METHODS, their docstrings and the measurements: python -m docs.make_methods."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from pathlib import Path

from multiannotator_core.aggregation import METHODS, Method

PAGE = Path(__file__).with_name("methods.md")
MEASURED = Path(__file__).resolve().parents[1] / "benchmarks"

NEEDS = {"pred_probs": "a model's probabilities", "gold": "gold for some examples", "two_classes": "exactly two classes"}

COMMON = {
    "max_iter": "most iterations.",
    "tol": "end when the objective gains less than this for each label; 0 means exactly `max_iter` iterations.",
    "prior_strength": "imagined labels behind each estimate; 0 is the classical one.",
    "accelerate": "now and then leap ahead (SQUAREM), never to a lower objective.",
}

HEAD = """# Methods

Every method turns labels into a consensus with a posterior, a quality for each example and one for each annotator:
`mc.aggregate(labels, NAME)`, `crowdlens aggregate FILES -m NAME`, or the page Consensus. This page is made from the methods
themselves by `python -m docs.make_methods`.

Which one? On data with gold the page Benchmark tells (or `crowdlens benchmark`); without gold `auto` chooses by hidden labels.
What is written here of accuracy is measured: `right` is the mean over {sets} public crowds with gold, ties split, or over as many as stand
in brackets ([ACCURACY.md](../benchmarks/ACCURACY.md)); then the mean seconds of a run on them, and the seconds of three iterations on
10 million labels ([SPEED.md](../benchmarks/SPEED.md)). Differences of a few thousandths are noise. How methods do when a crowd is not as
they assume stands in [ROBUSTNESS.md](../benchmarks/ROBUSTNESS.md), the tables of the peerannot paper over 50 seeds in
[PAPER_TABLES.md](../benchmarks/PAPER_TABLES.md).
"""


def page() -> str:
    """The whole page."""
    accuracy, large = tables(MEASURED / "ACCURACY.md", "Means over"), tables(MEASURED / "SPEED.md", "Every method on")
    sets = max((int(row["sets"]) for row in accuracy.values() if row.get("sets", "").isdecimal()), default=0)
    parts = [HEAD.format(sets=sets), "\n".join(overview(accuracy, large, sets)) + "\n"]
    for family in dict.fromkeys(method.family for method in METHODS.values()):
        parts.append(f"## {family}\n")
        for name, method in METHODS.items():
            if method.family == family:
                parts += described(name, method, accuracy.get(name, {}), large.get(name, {}))
    return "\n".join(parts)


def overview(accuracy: dict[str, dict[str, str]], large: dict[str, dict[str, str]], sets: int) -> Iterator[str]:
    """One line a method."""
    yield "| method | name | when | needs | right | seconds | seconds, 10 M labels |"
    yield "|---|---|---|---|---|---|---|"
    for name, method in METHODS.items():
        right, quick = figure(accuracy.get(name, {}), "accuracy_ties_split", 3), figure(accuracy.get(name, {}), "seconds", 2)
        few = accuracy.get(name, {}).get("sets", "")
        right += f" ({few})" if right and few != str(sets) else ""
        needs = ", ".join(NEEDS[need] for need in method.needs)
        slow = figure(large.get(name, {}), "seconds with from_long", 0)
        yield f"| [{method.title}](#{anchor(method.title)}) | `{name}` | {method.when} | {needs} | {right} | {quick} | {slow} |"


def described(name: str, method: Method, accuracy: dict[str, str], large: dict[str, str]) -> Iterator[str]:
    """A heading, when to use it, the model, what was measured, and the options."""
    model, options = documented(method)
    yield f"### {method.title}\n"
    yield f"`{name}`" + (f" · {method.reference}" if method.reference else "") + "\n"
    yield f"**When:** {method.when}" + (f" Needs {', '.join(NEEDS[need] for need in method.needs)}." if method.needs else "") + "\n"
    yield from (f"{paragraph}\n" for paragraph in model)
    if figure(accuracy, "accuracy_ties_split", 3):
        told = f"**Measured:** {100 * float(accuracy['accuracy_ties_split']):.1f}% right in the mean over {accuracy['sets']} crowds"
        told += f", calibration error {float(accuracy['ece']):.3f}, {float(accuracy['seconds']):.2f} s a run"
        yield told + (f"; {large['seconds with from_long']} s on 10 million labels.\n" if large else ".\n")
    if method.options:
        yield "| option | default | what it does |\n|---|---|---|"
        yield "\n".join(f"| `{option}` | {default} | {meaning(option, options)} |" for option, default in method.options.items()) + "\n"


def meaning(option: str, told: dict[str, str]) -> str:
    """What an option does; those of the common loop are told here once for all methods."""
    words = told.get(option, COMMON.get(option, ""))
    if words.startswith("see `run_em`"):
        words = " ".join([COMMON[option], words.removeprefix("see `run_em`").removeprefix(".").strip()]).strip()
    return words[:1].upper() + words[1:]


def documented(method: Method) -> tuple[list[str], dict[str, str]]:
    """The paragraphs of a docstring before its arguments, and what each option means."""
    text = inspect.getdoc(method.run) or ""
    told, _, rest = text.partition("\nArgs:\n")
    paragraphs = [escaped(" ".join(part.split())) for part in told.strip().split("\n\n")]
    options: dict[str, str] = {}
    for line in re.split(r"\n\s*\n", rest)[0].splitlines():
        found = re.match(r"    (\w+(?:, \w+)*): (.*)", line)
        if found and not line.startswith("     "):
            options |= dict.fromkeys(found[1].split(", "), escaped(found[2]))
            last = found[1].split(", ")
        elif options:
            options |= {name: f"{options[name]} {escaped(line.strip())}" for name in last}
    return paragraphs, options


def escaped(text: str) -> str:
    """Text that a reader of Markdown sees as it is; code between backquotes stays code."""
    parts = re.split(r"(`[^`]*`)", text)
    return "".join(part if part.startswith("`") else re.sub(r"([*_|<\[\]])", r"\\\1", part) for part in parts)


def tables(file: Path, heading: str) -> dict[str, dict[str, str]]:
    """{method: {column: text}} of the first table after a heading that begins so; nothing where there is none."""
    found: dict[str, dict[str, str]] = {}
    lines = iter(file.read_text("utf-8").splitlines()) if file.is_file() else iter(())
    for line in lines:
        if line.startswith(f"## {heading}"):
            break
    columns: list[str] = []
    for line in lines:
        cells = [cell.strip() for cell in line.strip("|").split("|")] if line.startswith("|") else []
        if line.startswith("## ") or (columns and not cells):
            break
        if cells and not columns:
            columns = cells
        elif cells and cells[0] in METHODS:
            found[cells[0]] = dict(zip(columns, cells, strict=True))
    return found


def figure(row: dict[str, str], column: str, digits: int) -> str:
    """A number of a table, shorter; empty where nothing was measured."""
    try:
        return f"{float(row[column]):.{digits}f}"
    except (KeyError, ValueError):
        return ""


def anchor(title: str) -> str:
    """What a heading is called in links."""
    return re.sub(r"[^\w -]", "", title.casefold()).replace(" ", "-")


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
