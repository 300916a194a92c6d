"""Words and numbers in figures: names from data made harmless and short, numbers with sensible digits."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from math import ceil, floor, log10
from typing import Any

import numpy as np
from numpy.typing import NDArray

LONGEST = 24  # characters of a name on an axis


def escape(name: Any) -> str:
    """A name as plotly shows it literally: plotly reads `<b>`, `<a>` and `&lt;` in any text as markup."""
    return " ".join(str(name).split()).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def cut(name: Any, longest: int = LONGEST) -> str:
    """A name with its middle left out when it is long: both ends tell names apart. Not escaped."""
    text = " ".join(str(name).split())
    if len(text) <= longest:
        return text
    head = longest // 2
    return f"{text[:head]}…{text[len(text) - (longest - head - 1) :]}"


def short(name: Any, longest: int = LONGEST) -> str:
    """A name for an axis: cut, then escaped."""
    return escape(cut(name, longest))


def broken(name: Any, width: int = 12) -> str:
    """A title on at most three lines, broken at spaces and after hyphens; escaped."""
    lines = [""]
    for part in cut(name, 3 * width).replace("-", "- ").split():
        word = cut(part, width + 4)  # a word as long as that has no place to break
        glue = "" if not lines[-1] or lines[-1].endswith("-") else " "
        if lines[-1] and len(lines[-1] + glue + word) > width and len(lines) < 3:
            lines.append(word)
        else:
            lines[-1] += glue + word
    return "<br>".join(escape(line) for line in lines)


def listed(names: Iterable[Any], most: int = 5) -> str:
    """The first names and how many follow, for an alternative text."""
    names = list(names)
    more = f" and {len(names) - most:,} more" if len(names) > most else ""
    return ", ".join(cut(name) for name in names[:most]) + more


def percent(share: float, digits: int = 0) -> str:
    """A share in percent; one that is there but rounds to nothing says so."""
    smallest = 10.0**-digits
    if 0 < 100 * share < smallest / 2:
        return f"<{smallest:g}%"
    return f"{100 * share:.{digits}f}%"


def plain(value: float) -> str:
    """A number with about three digits: 0.74, 12.5, 1,240."""
    if value == 0 or abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}" if abs(value) >= 0.01 else f"{value:.1g}"


def count(value: float) -> str:
    """A number of labels, which may be an expected one: 12, 1,204, 30.6."""
    return f"{value:,.0f}" if value >= 100 or abs(value - round(value)) < 1e-6 else f"{value:,.1f}"


def brief(value: float) -> str:
    """A number for a narrow place: 950, 1.2k, 34k, 2.1M."""
    for size, unit in ((1e6, "M"), (1e3, "k")):
        if abs(value) >= size:
            return f"{value / size:.1f}".removesuffix(".0") + unit if abs(value) < 10 * size else f"{value / size:.0f}{unit}"
    return f"{value:g}"


def signed(value: float, digits: int) -> str:
    """A number with a real minus sign, which is as wide as a digit; never "−0.00"."""
    text = f"{value:,.{digits}f}"
    return (text if text.strip("-0.,") else text.lstrip("-")).replace("-", "−")


def key(name: Hashable) -> Any:
    """A name as it comes back from a click: JSON knows text and numbers, all else becomes text."""
    value = name.item() if hasattr(name, "item") else name
    return value if isinstance(value, (str, int, float, bool)) else str(value)


def same(names: Iterable[Any], selected: Hashable | None) -> NDArray[np.bool_]:
    """Which names are the selected one; a name may be of any type, so pandas must not read a tuple as several."""
    return np.array([selected is not None and name == selected for name in names], dtype=bool)


def ticks(low: float, high: float, about: int = 4, *, whole: bool = False) -> list[float]:
    """Round numbers between two limits, `about` of them; whole numbers for counts."""
    if not high > low:
        return [low]
    raw = (high - low) / about
    size = 10.0 ** floor(log10(raw))
    step = min((factor * size for factor in (1, 2, 5, 10)), key=lambda step: abs(log10(step / raw)))
    if whole:
        step = max(1.0, round(step))
    first, last = ceil(low / step - 1e-9), floor(high / step + 1e-9)
    return [round(i * step, 10) for i in range(first, last + 1)]


def name_axis(names: Sequence[Any], *, longest: int = LONGEST, down: bool = False, every: int = 1) -> dict[str, Any]:
    """Layout of an axis with a name at each position 0, 1, ...

    Marks stand at positions and not at names: plotly would read names such as "10" as numbers, and
    would merge two names that are equal once they are cut. `down` puts the first name on top; `every` third name
    is written where there is no room for all.
    """
    ends = [-0.5, max(len(names), 1) - 0.5]
    return {
        "tickmode": "array",
        "tickvals": list(range(0, len(names), every)),
        "ticktext": [short(name, longest) for name in names[::every]],
        "range": ends[::-1] if down else ends,
    }


def number_axis(values: Sequence[float], text: Sequence[str] | None = None, **more: Any) -> dict[str, Any]:
    """Layout of an axis with ticks at given numbers."""
    shown = [f"{value:,g}" for value in values] if text is None else list(text)
    return {"tickmode": "array", "tickvals": list(values), "ticktext": shown, **more}
