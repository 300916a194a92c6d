"""What a reviewer says, checked against the names of the dataset before it is written."""

from __future__ import annotations

import json
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any

import pandas as pd

from ..align import positions
from ..names import listed

FLAGS = ("ambiguous", "bad example")

KINDS = ("annotator", "example")


@dataclass(frozen=True)
class Decision:
    """What a reviewer says about one example: a class, or a flag instead of a class."""

    example: Hashable
    label: Hashable | None
    flag: str | None
    reviewer: str
    note: str | None
    audit: float | None


def known(names: pd.Index, name: Hashable, what: str) -> Any:
    """The name as the labels have it; 1 and "1" are the same name when only one of them exists.

    Raises:
        ValueError: there is no such name.
    """
    try:
        at = int(positions(names, pd.Index([name], tupleize_cols=False))[0])
    except (TypeError, UnicodeError):  # a list, or half of a surrogate pair, is no name
        at = -1
    if at < 0:
        raise ValueError(f"There is no {what} {name!r}; the labels have {listed(names)}.")
    return names[at : at + 1].tolist()[0]


def optional_text(value: str | None, what: str) -> str | None:
    """A text that every database takes, without blanks around it.

    Raises:
        ValueError: it is no text, or holds a character that is no character.
    """
    if value is None:
        return None
    if not isinstance(value, str):
        raise ValueError(f"The {what} must be a text, not {value!r}.")
    if "\0" in value or any("\ud800" <= character <= "\udfff" for character in value):
        raise ValueError(f"The {what} holds a character that cannot be stored (NUL or half of a surrogate pair). Leave it out.")
    return value.strip()


def required_text(value: str, what: str) -> str:
    """As `optional_text`, and neither None nor blank."""
    text = optional_text(value, what)
    if not text:
        raise ValueError(f"The {what} is empty; give a text.")
    return text


def check_decision(classes: pd.Index, decision: Decision) -> Decision:
    """The decision with its class as the labels have it.

    Raises:
        ValueError: an unknown class or flag, both or neither of class and flag, or a bad text.
    """
    if (decision.label is None) == (decision.flag is None):
        raise ValueError(f"Decide on a class, or on one of the flags {', '.join(FLAGS)}: one of the two.")
    if decision.flag is not None and decision.flag not in FLAGS:
        raise ValueError(f"There is no flag {decision.flag!r}; choose one of {', '.join(FLAGS)}.")
    if decision.audit is not None and not 0 < decision.audit <= 1:
        raise ValueError(f"audit is the probability with which the example was drawn, above 0 and at most 1, not {decision.audit!r}.")
    return Decision(
        decision.example,
        None if decision.label is None else known(classes, decision.label, "class"),
        decision.flag,
        required_text(decision.reviewer, "reviewer"),
        optional_text(decision.note, "note"),
        None if decision.audit is None else float(decision.audit),
    )


def same_texts(names: pd.Index) -> frozenset[str]:
    """Texts that two names share, such as 1 and "1"; only an index of objects can hold such names."""
    if names.dtype != object:
        return frozenset()
    texts = pd.Index([str(name) for name in names])
    return frozenset(texts[texts.duplicated()])


def key_of(name: Hashable, shared: frozenset[str]) -> str:
    """What a project knows a name by: its text, or type and text where two names share it."""
    return json.dumps([type(name).__name__, str(name)] if str(name) in shared else str(name))
