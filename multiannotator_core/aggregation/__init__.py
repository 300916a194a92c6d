"""From labels to a consensus: one file a paper, and the table of all methods."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Hashable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..align import ensemble, gold_codes
from ..consensus import Consensus
from ..labels import CrowdLabels
from .auto import auto
from .bwa import bwa
from .crowdlab import crowdlab
from .dawid_skene import dawid_skene
from .dawid_skene_clusters import dawid_skene_clusters
from .ebcc import ebcc
from .em import OnIteration
from .engine import Engine
from .fast_dawid_skene import fast_dawid_skene
from .glad import glad, glad_with_model
from .gold_majority_vote import gold_majority_vote
from .ibcc import ibcc
from .iwmv import iwmv
from .kos import kos
from .mace import mace
from .majority_vote import majority_vote, naive_soft
from .mmsr import mmsr
from .one_coin import one_coin
from .plantnet import plantnet
from .size import too_large
from .two_thirds import two_thirds
from .wawa import wawa
from .weighted_dawid_skene import weighted_dawid_skene
from .with_model import dawid_skene_with_model
from .zero_based_skill import zero_based_skill

# What `aggregate` itself hands to a method; everything else in a signature is an option of the method.
_GIVEN = ("labels", "gold", "pred_probs", "seed", "start", "on_iteration")


class Cancelled(Exception):
    """Raise it in `on_iteration` to stop a run; `aggregate` passes it on and leaves nothing half-done."""


@dataclass(frozen=True)
class Method:
    """One line of METHODS.

    Attributes:
        title: the name people know.
        run: labels and keyword options -> Consensus.
        family: where it stands on the Consensus page.
        when: one plain sentence: when to use it.
        needs: keys of NEEDS that must be met.
        reference: the paper.
    """

    title: str
    run: Callable[..., Consensus]
    family: str = "Voting"
    when: str = ""
    needs: tuple[str, ...] = ()
    reference: str = ""

    @property
    def options(self) -> dict[str, Any]:
        """Names and defaults of the options, from the signature."""
        parameters = inspect.signature(self.run).parameters.values()
        return {p.name: p.default for p in parameters if p.name not in _GIVEN}

    @property
    def blockwise(self) -> bool:
        """Whether it runs on any `Engine`, so also on labels that are larger than memory."""
        return "Engine" in str(inspect.signature(self.run).parameters["labels"].annotation)


METHODS: dict[str, Method] = {
    "majority_vote": Method(
        "Majority vote", majority_vote, "Voting", "The baseline: every label counts the same.", reference="de Condorcet 1785"
    ),
    "naive_soft": Method(
        "Naive soft", naive_soft, "Voting", "The shares of the votes, to train on soft labels.", reference="Lefort et al. 2023"
    ),
    "two_thirds": Method(
        "Two thirds",
        two_thirds,
        "Voting",
        "Majority vote that leaves an example undecided unless two thirds of its labels agree.",
        reference="iNaturalist; Lefort et al. 2024",
    ),
    "wawa": Method(
        "Wawa",
        wawa,
        "Voting",
        "A vote where annotators who agree with the majority count more; fast and easy to explain.",
        reference="Appen 2021",
    ),
    "zero_based_skill": Method(
        "Zero-based skill",
        zero_based_skill,
        "Voting",
        "Wawa repeated until annotators' weights settle.",
        reference="crowd-kit (Ustalov et al. 2024)",
    ),
    "iwmv": Method(
        "Iterative weighted vote",
        iwmv,
        "Voting",
        "A vote where annotators who guess count nothing and those who are worse count against; two or few classes.",
        reference="Li & Yu 2014",
    ),
    "gold_majority_vote": Method(
        "Gold majority vote",
        gold_majority_vote,
        "Voting",
        "A vote weighted by how each annotator did on your gold examples; for crowds tested with control questions.",
        needs=("gold",),
        reference="crowd-kit (Ustalov et al. 2024)",
    ),
    "plantnet": Method(
        "Pl@ntNet",
        plantnet,
        "Voting",
        "Many classes, few labels each: annotators who have identified more classes count more, and thin evidence stays undecided.",
        reference="Lefort et al. 2024",
    ),
    "dawid_skene": Method(
        "Dawid-Skene",
        dawid_skene,
        "Confusion",
        "Learns which classes each annotator mixes up.",
        reference="Dawid & Skene 1979",
    ),
    "one_coin": Method(
        "One-coin", one_coin, "Confusion", "One accuracy for each annotator; for few labels each.", reference="Zhang et al. 2014"
    ),
    "fast_dawid_skene": Method(
        "Fast Dawid-Skene",
        fast_dawid_skene,
        "Confusion",
        "Dawid-Skene with a firm decision in each step: almost as accurate in fewer steps.",
        reference="Sinha, Rao & Balasubramanian 2018",
    ),
    "dawid_skene_clusters": Method(
        "Dawid-Skene with clusters",
        dawid_skene_clusters,
        "Confusion",
        "Annotators of a few kinds share what is learned about their errors; for many annotators with few labels.",
        reference="Imamura, Sato & Sugiyama 2018",
    ),
    "weighted_dawid_skene": Method(
        "Weighted Dawid-Skene",
        weighted_dawid_skene,
        "Confusion",
        "Soft labels that keep the crowd's disagreement, weighted by reliability; to train a classifier.",
        reference="Lefort et al. 2022",
    ),
    "ibcc": Method(
        "IBCC",
        ibcc,
        "Bayesian",
        "Dawid-Skene that stays unsure about annotators with few labels.",
        reference="Kim & Ghahramani 2012",
    ),
    "ebcc": Method(
        "EBCC",
        ebcc,
        "Bayesian",
        "Allows for annotators who make the same mistakes on the same examples; slower.",
        reference="Li, Rubinstein & Cohn 2019 (ICML)",
    ),
    "bwa": Method(
        "BWA",
        bwa,
        "Bayesian",
        "Many labels an example from a crowd that is mostly good.",
        reference="Li, Rubinstein & Cohn 2019 (WWW)",
    ),
    "glad": Method(
        "GLAD",
        glad,
        "Difficulty",
        "When some examples are harder than others: learns the difficulty of each example and the ability of each annotator.",
        reference="Whitehill et al. 2009",
    ),
    "glad_with_model": Method(
        "GLAD with model",
        glad_with_model,
        "With a model",
        "GLAD where your model's predictions count as one more annotator.",
        needs=("pred_probs",),
        reference="Goh, Tkachenko & Mueller 2022",
    ),
    "dawid_skene_with_model": Method(
        "Dawid-Skene with model",
        dawid_skene_with_model,
        "With a model",
        "Dawid-Skene where your model's predictions count as one more annotator.",
        needs=("pred_probs",),
        reference="Goh, Tkachenko & Mueller 2022",
    ),
    "crowdlab": Method(
        "CROWDLAB",
        crowdlab,
        "With a model",
        "Labels and a model's probabilities together, each weighed by how far it can be trusted.",
        ("pred_probs",),
        "Goh, Tkachenko & Mueller 2022",
    ),
    "mace": Method(
        "MACE",
        mace,
        "Spam",
        "When some annotators click without looking: learns how far each can be trusted, and their habits.",
        reference="Hovy et al. 2013",
    ),
    "auto": Method(
        "Automatic",
        auto,
        "Automatic",
        "If you do not know which to take: tries every method on hidden labels and averages those that predict them best; needs no gold.",
    ),
    "kos": Method(
        "KOS",
        kos,
        "Spam",
        "For two classes: finds reliable annotators by passing messages, without assuming how good they are.",
        needs=("two_classes",),
        reference="Karger, Oh & Shah 2011",
    ),
    "mmsr": Method(
        "M-MSR",
        mmsr,
        "Spam",
        "When some annotators may collude: skills come from how often pairs agree, and extreme pairs are left out.",
        reference="Ma & Olshevsky 2020",
    ),
}

# A need -> what is wrong with this input, or None when the need is met.
NEEDS: dict[str, Callable[[CrowdLabels, Any, Any], str | None]] = {
    "pred_probs": lambda labels, pred_probs, gold: None if pred_probs is not None else "needs pred_probs of a model",
    "gold": lambda labels, pred_probs, gold: None if gold is not None and len(gold) else "needs gold for some examples",
    "two_classes": lambda labels, pred_probs, gold: (
        None if len(labels.classes) == 2 else f"needs exactly two classes, got {len(labels.classes)}"
    ),
}

# The same needs as engines call them.
NEEDS_OF_ENGINE = {"pred_probs": "models", "gold": "gold"}


def obstacle(labels: CrowdLabels, method: str, *, pred_probs: Any = None, gold: Any = None) -> str | None:
    """Why a method cannot run on this input, in a few words, or None when it can."""
    if not len(labels):
        return "needs at least one label"
    unmet = next((why for need in _method(method).needs if (why := NEEDS[need](labels, pred_probs, gold))), None)
    return unmet or too_large(method, len(labels.annotators), len(labels.classes))


class Stored(Protocol):
    """Labels that are not in memory and know how to run a method on themselves: a folder, see `large`."""

    def aggregate(self, method: str, **given: Any) -> Consensus:
        """See `aggregate`."""


def aggregate(
    labels: CrowdLabels | Stored,
    method: str = "dawid_skene",
    *,
    pred_probs: Any = None,
    gold: Mapping[Hashable, Hashable] | pd.Series | None = None,
    seed: int = 0,
    start: NDArray[np.float64] | None = None,
    on_iteration: OnIteration | None = None,
    **options: Any,
) -> Consensus:
    """Estimate the class of each example from the labels of the crowd.

    Args:
        labels: in memory, or the folder that `open_labels` gives, which takes `memory` and `output` too: see `LabelsFolder.aggregate`.
        method: a key of METHODS.
        pred_probs: (N, K) class probabilities of a model, an array in the order of the labels or a DataFrame by
            name; or a list of them, an ensemble. Methods that have no use for them ignore them.
        gold: {example name: class name} of trusted examples; their posterior is certain.
        seed: for methods that draw at random; the same seed gives the same result.
        start: posterior (N, K) of an earlier run on these labels, from which methods that can go on; others ignore it.
        on_iteration: called with (iteration, objective); raising `Cancelled` in it stops the run.
        options: the method's own, see METHODS[method].options.

    Raises:
        ValueError: an unknown method or option, or an input on which the method cannot run.
        Cancelled: when on_iteration raised it.
    """
    if not isinstance(labels, CrowdLabels):
        return labels.aggregate(method, pred_probs=pred_probs, gold=gold, seed=seed, start=start, on_iteration=on_iteration, **options)
    checked_options(method, options)
    why_not = obstacle(labels, method, pred_probs=pred_probs, gold=gold)
    if why_not:
        raise ValueError(f"{METHODS[method].title} cannot run: it {why_not}.")
    shape = (len(labels.examples), len(labels.classes))
    if start is not None and start.shape != shape:
        raise ValueError(f"start has shape {start.shape}, but the labels need {shape}: give the posterior of a run on these labels.")
    given = {
        "gold": gold_codes(labels, gold),
        "pred_probs": None if pred_probs is None else ensemble(labels, pred_probs),
        "seed": seed,
        "start": start,
        "on_iteration": on_iteration,
    }
    return _run(labels, method, given, options)


def run_blockwise(engine: Engine, method: str, *, seed: int = 0, on_iteration: OnIteration | None = None, **options: Any) -> Consensus:
    """`aggregate` on any engine: labels on disk, or on the workers of a cluster.

    Raises:
        ValueError: see `check_blockwise`.
    """
    check_blockwise(method, options, engine.shape, engine.n_labels, engine.given)
    return _run(engine, method, {"seed": seed, "on_iteration": on_iteration}, options)


def check_blockwise(
    method: str, options: Mapping[str, Any], shape: tuple[int, int, int], n_labels: int, given: Collection[str] = ()
) -> None:
    """Refuse what cannot run block by block.

    Args:
        shape: (N, J, K).
        given: "gold" and "models", as far as there are some.

    Raises:
        ValueError: the method needs all labels in memory, lacks something, has tables that do not fit, or has no such option.
    """
    title = checked_options(method, options).title
    if not METHODS[method].blockwise:
        able = ", ".join(name for name, one in METHODS.items() if one.blockwise)
        raise ValueError(f"{title} needs all labels in memory; of labels on disk or on a cluster these methods are able: {able}.")
    unmet = [need for need in METHODS[method].needs if NEEDS_OF_ENGINE[need] not in given]
    why_not = f"needs {unmet[0]}" if unmet else too_large(method, *shape[1:]) if n_labels else "needs at least one label"
    if why_not:
        raise ValueError(f"{title} cannot run: it {why_not}.")


def checked_options(method: str, options: Mapping[str, Any]) -> Method:
    """The method, if it has these options.

    Raises:
        ValueError: an unknown method or option.
    """
    chosen = _method(method)
    unknown = [name for name in options if name not in chosen.options]
    if unknown:
        known = ", ".join(chosen.options) or "none"
        raise ValueError(f"{chosen.title} has no option {unknown[0]!r}; its options: {known}.")
    return chosen


def _run(labels: CrowdLabels | Engine, method: str, given: Mapping[str, Any], options: Mapping[str, Any]) -> Consensus:
    """Hand a method what it takes, and note in the result what was run."""
    chosen = METHODS[method]
    accepted = inspect.signature(chosen.run).parameters
    arguments = {name: value for name, value in given.items() if name in accepted} | dict(options)
    return replace(chosen.run(labels, **arguments), method=method, options={**chosen.options, **options})


def _method(name: str) -> Method:
    if name not in METHODS:
        raise ValueError(f"There is no method {name!r}; choose one of {', '.join(METHODS)}.")
    return METHODS[name]
