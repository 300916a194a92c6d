"""Small pieces of pages: titles, cards, figures, names and contents, all safe for hostile text."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import pandas as pd
import plotly.graph_objects as go
import streamlit as st
from PIL import Image

import multiannotator_core as mc
from multiannotator_core import figures
from multiannotator_core.ingest import Proposal
from multiannotator_core.store import Dataset
from pages._images import remote_image

_MARKDOWN = re.compile(r"([\\`*_\[\]()#+\-!:<>$~{}|.@/])")
WIDEST_PAIR = 390  # pixels: two pairs stand in a row from a page of 1,280 pixels on, and one below the other on a tablet
SMALL_IMAGE = 96  # pixels: below this an image is enlarged without smoothing, so that its pixels can be judged


def text(value: Any, most: int = 80) -> str:
    """Data as one line of inert markdown: nothing in a name is ever a link, an image or a formula."""
    line = " ".join(str(value).split())
    return _MARKDOWN.sub(r"\\\1", short(line, most))


def short(value: Any, most: int = 40) -> str:
    """A name that fits: long ones lose their middle."""
    name = str(value)
    return name if len(name) <= most else f"{name[: most * 2 // 3]}…{name[len(name) - most // 3 + 1 :]}"


def page_title(question: str, caption: str) -> None:
    """The question that a page answers."""
    with st.container(gap="xxsmall"):
        st.title(question, anchor=False)
        st.caption(caption)


def card_title(title: str, caption: str | None = None, link: tuple[str, str] | None = None, badge: str | None = None) -> None:
    """The heading of a card: a question, what is counted, at most one link (page, words)."""
    with st.container(gap="xxsmall"):
        with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center", gap="small"):
            st.subheader(title, width="content", anchor=False)
            if badge:
                st.markdown(badge, width="content")
            if link:
                st.page_link(f"pages/{link[0]}.py", label=link[1], icon=":material/arrow_forward:", icon_position="right")
        if caption:
            st.caption(caption)


def fours(n: int, *, border: bool = False) -> list[Any]:
    """n places for numbers, four in a row or two, whatever the width: three and a lonely one look like a mistake."""
    pairs = st.grid(2, min_column_width=WIDEST_PAIR, gap="small")
    places: list[Any] = []
    for _ in range(-(-n // 2)):
        with pairs.cell():
            pair = st.grid(2, min_column_width=150, gap="small", border=border)
            places += [pair.cell(), pair.cell()]
    return places[:n]


def to_do(what: str, gain: str, page: str, words: str) -> None:
    """One line of advice: what to do, what it gains, and the page where it is done."""
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center", gap="small"):
        with st.container(gap=None, width="content"):
            st.markdown(what, width="content")
            st.caption(gain, width="content")
        st.page_link(f"pages/{page}.py", label=words, icon=":material/arrow_forward:", icon_position="right")


def dark() -> bool:
    """Whether the viewer's theme is dark."""
    return st.context.theme.type == "dark"


def show(figure: go.Figure, key: str, **options: Any) -> Any:
    """Draw a figure of the core."""
    return st.plotly_chart(figure, theme=None, config=figures.CONFIG, key=key, alt=figures.alt(figure), **options)


def how(question: str, answer: str, source: str = "") -> None:
    """The "how is this computed?" of a number; `answer` is our own markdown."""
    with st.expander(question, type="compact"):
        st.markdown(answer)
        if source:
            st.caption(source)


def shown(names: Iterable[Any]) -> list[str]:
    """Names for a table, as text."""
    return [str(name) for name in names]


@st.cache_data(max_entries=256, show_spinner=False)
def _enlarged(image: bytes) -> bytes:
    with Image.open(io.BytesIO(image)) as picture:
        if max(picture.size) >= SMALL_IMAGE:
            return image
        factor = -(-256 // max(picture.size))
        out = io.BytesIO()
        picture.convert("RGBA").resize((picture.width * factor, picture.height * factor), Image.Resampling.NEAREST).save(out, "PNG")
        return out.getvalue()


def picture(dataset: Dataset, example: Any) -> bytes | None:
    """The first picture of an example, large enough to see."""
    if dataset.content is None or example not in dataset.content.index:
        return None
    return next((_enlarged(value) for value in dataset.content.loc[example] if isinstance(value, bytes)), None)


def content(dataset: Dataset, example: Any, *, compact: bool = False) -> bool:
    """Show what an example is: its image, its texts. False when nothing is known but its name."""
    if dataset.content is None or example not in dataset.content.index:
        return False
    row = dataset.content.loc[example]
    found = False
    for column, value in row.items():
        if isinstance(value, bytes):
            st.image(_enlarged(value), width="stretch", alt=f"Example {short(example)}")
            found = True
        elif remote_image(dataset.id, column, value):
            st.image(value, width="stretch", alt=f"Example {short(example)}")
            found = True
        elif not pd.isna(value):
            found = True
            if compact:
                st.caption(text(value, 160))
            else:
                st.caption(text(column))
                with st.container(height=min(320, 60 + len(str(value)) // 2), border=False):
                    st.text(str(value))
    return found


def percent(share: Any) -> str:
    """A share for a sentence."""
    return "an unknown share" if pd.isna(share) else f"{100 * float(share):.0f}%"


def option_widget(method: str, option: str, default: Any) -> Any:
    """The input for an option of a method, by the type of its default."""
    key, label = f"option_{method}_{option}", option.replace("_", " ")
    if isinstance(default, bool):
        return st.toggle(label, default, key=key)
    if isinstance(default, int):
        return st.number_input(label, min_value=0, value=default, step=1, key=key)
    if isinstance(default, float):
        return st.number_input(label, min_value=0.0, value=default, format="%g", key=key)
    return st.text_input(label, str(default), key=key)


def download(name: str, formats: dict[str, tuple[str, Callable[[], bytes]]], note: str = "") -> None:
    """One button for each format; the file is made when it is asked for."""
    with st.container(horizontal=True, vertical_alignment="center", gap="xsmall"):
        for title, (ending, make) in formats.items():
            st.download_button(
                title, make, file_name=f"{name}.{ending}", icon=":material/download:", on_click="ignore", key=f"download_{name}_{ending}"
            )
        if note:
            st.caption(note, width="content")


TITLES = {
    "quality": "Quality",
    "trace": "Trace",
    "raykar_yu": "Spammer score",
    "frobenius": "Distance to rank one",
    "agreement_with_consensus": "Agrees with consensus",
    "agreement_with_others": "Agrees with others",
    "agreement_with_model": "Agrees with model",
    "accuracy_on_gold": "Right on gold",
    "n_labels": "Labels",
    "label_entropy": "Label entropy",
    "median_seconds": "Median seconds",
    "ability": "Ability",
    "accuracy": "Accuracy",
    "trust": "Trust",
    "weight": "Weight",
}


VERDICTS = {
    "answers at random": ("casino", "red"), "always says": ("push_pin", "red"), "mixes up": ("sync_alt", "orange"),
    "not enough data": ("hourglass_empty", "violet"), "ordinary": ("check", "gray"), "trustworthy": ("verified", "green"),
}  # fmt: skip


def verdict_badge(verdict: str, sentence: str) -> str:
    """A verdict as a badge: an icon and words, never the colour alone."""
    icon, colour = VERDICTS[verdict]
    return f":{colour}-badge[:material/{icon}: {text(sentence, 60)}]"


def verdict_column(title: str = "Verdict") -> Any:
    """The column of a table that holds [verdict]."""
    return st.column_config.MultiselectColumn(title, options=list(VERDICTS), color=[colour for _, colour in VERDICTS.values()])


def metric_titles(frame: pd.DataFrame) -> dict[str, str]:
    """The numeric columns that say something, with the words for them."""
    titles = {**TITLES, **{name: method.title for name, method in mc.QUALITY_METHODS.items()}}
    return {
        column: titles.get(column, str(column))
        for column in sorted(frame.columns, key=lambda c: list(TITLES).index(c) if c in TITLES else len(TITLES))
        if (column in titles or "(" in str(column)) and pd.api.types.is_numeric_dtype(frame[column]) and frame[column].notna().any()
    }


MAPPED = {
    "example": "example",
    "annotator": "annotator",
    "label": "label",
    "timestamp": "time",
    "seconds": "seconds spent",
    "gold": "known class",
}
POLICIES = {
    "keep": "Count each",
    "collapse": "Count equal ones once",
    "first": "Keep the first",
    "last": "Keep the last",
    "drop": "Leave out contradictions",
    "error": "Refuse",
}


@dataclass(frozen=True)
class Choice:
    """How an upload is to be read."""

    format: str
    mapping: dict[str, str | None]
    question: str | None
    duplicates: str


def mapping_widgets(seen: Proposal) -> Choice:
    """What was understood of a file, as widgets that can be changed."""
    mapping: dict[str, str | None] = {}
    question = None
    with st.grid("auto", min_column_width=170, gap="small"):
        if len(seen.candidates) > 1:
            st.selectbox("Format", list(seen.candidates), key="map_format", format_func=seen.candidates.__getitem__)
        for what, title in MAPPED.items():
            if what in seen.mapping:
                options = [None, *seen.columns]
                guess = seen.mapping[what]
                mapping[what] = st.selectbox(
                    title.capitalize(),
                    options,
                    index=options.index(guess) if guess in options else 0,
                    key=f"map_{what}_{seen.format}",
                    format_func=lambda column: "—" if column is None else short(column, 40),
                )
        if seen.questions:
            question = st.selectbox("Question", list(seen.questions), key=f"map_question_{seen.format}", format_func=lambda q: short(q, 60))
        duplicates = st.selectbox(
            "Repeated labels",
            list(POLICIES),
            format_func=POLICIES.__getitem__,
            key="map_duplicates",
            help="What to do when an annotator labelled an example more than once.",
        )
    return Choice(seen.format, {k: v for k, v in mapping.items() if v}, question, duplicates)
