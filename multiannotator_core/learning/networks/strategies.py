"""The ways to learn from a crowd: a new one is a file with a function, and a line here."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .conal import conal
from .consensus import consensus
from .crowd import Crowd, Objective
from .crowdlayer import crowdlayer
from .raykar import raykar


@dataclass(frozen=True)
class Strategy:
    """One line of STRATEGIES.

    Attributes:
        title: the name people know.
        make: a crowd and keyword options -> what the network is trained for.
        sentence: when to use it, for people.
        reference: the paper.
    """

    title: str
    make: Callable[..., Objective]
    sentence: str
    reference: str = ""

    @property
    def options(self) -> dict[str, Any]:
        """Names and defaults of the options, from the signature."""
        return {p.name: p.default for p in inspect.signature(self.make).parameters.values() if p.kind is p.KEYWORD_ONLY}


STRATEGIES: dict[str, Strategy] = {
    "consensus": Strategy("Consensus first", consensus, "A method settles the labels, then the network learns them."),
    "crowdlayer": Strategy(
        "CrowdLayer", crowdlayer, "The network learns from every label, and a layer for each annotator what they mix up.",
        "Rodrigues & Pereira 2018",
    ),
    "conal": Strategy(
        "CoNAL", conal, "Like CrowdLayer, for crowds who share mistakes: one confusion of all and one of each, mixed for every label.",
        "Chu, Ma & Wang 2021",
    ),
    "raykar": Strategy(
        "EM with a classifier", raykar, "Dawid-Skene and the network in turns: each corrects what the other believes.", "Raykar et al. 2010"
    ),
}  # fmt: skip


def objective_of(crowd: Crowd, strategy: str, **options: Any) -> Objective:
    """What a strategy trains a network for on this crowd.

    Raises:
        ValueError: the strategy or an option is unknown.
    """
    check(strategy, options)
    return STRATEGIES[strategy].make(crowd, **options)


def check(strategy: str, options: dict[str, Any]) -> None:
    """Refuse a strategy or an option that does not exist."""
    if strategy not in STRATEGIES:
        raise ValueError(f"There is no strategy {strategy!r}; choose one of {', '.join(STRATEGIES)}.")
    chosen = STRATEGIES[strategy]
    unknown = [name for name in options if name not in chosen.options]
    if unknown:
        raise ValueError(f"{chosen.title} has no option {unknown[0]!r}; its options: {', '.join(chosen.options)}.")
