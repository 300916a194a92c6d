"""Crowdlens: estimate labels, quality and trust from the labels of a crowd."""

from __future__ import annotations

import importlib
from types import ModuleType

from .active import active_learning_scores, what_to_label
from .aggregation import METHODS, Cancelled, Method, aggregate, obstacle
from .consensus import Consensus
from .evaluate import evaluate
from .labels import CrowdLabels
from .quality.agreement import cohen_kappa, fleiss_kappa, gwet_ac1, gwet_ac2, krippendorff_alpha, pairwise_agreement, scott_pi
from .quality.annotators import annotator_metrics
from .quality.examples import QUALITY_METHODS, example_quality, label_quality, why_this_label
from .quality.spammers import spammer_scores
from .simulate import SimulatedCrowd, simulate

__version__ = "0.1.0"

__all__ = [
    "METHODS",
    "QUALITY_METHODS",
    "READERS",
    "Cancelled",
    "Consensus",
    "CrowdLabels",
    "LabelsFolder",
    "Method",
    "SimulatedCrowd",
    "Store",
    "active_learning_scores",
    "aggregate",
    "annotator_metrics",
    "cluster",
    "cohen_kappa",
    "convert_labels",
    "evaluate",
    "example_quality",
    "export",
    "figures",
    "fleiss_kappa",
    "gwet_ac1",
    "gwet_ac2",
    "ingest",
    "krippendorff_alpha",
    "label_quality",
    "multiannotator",
    "obstacle",
    "open_labels",
    "pairwise_agreement",
    "read_labels",
    "save_labels",
    "scott_pi",
    "simulate",
    "spammer_scores",
    "what_to_label",
    "why_this_label",
    "write_posterior",
]

# Parts that need plotly, SQLAlchemy or time to import are loaded when they are first used.
_MODULES = {"benchmark", "cluster", "export", "figures", "ingest", "large", "learning"}
_MODULES |= {"multiannotator", "relabel", "report", "samples", "store"}
_FROM = {"READERS": "ingest", "IngestError": "ingest", "read_labels": "ingest", "Conflict": "store", "Store": "store", "WRITERS": "export"}
_FROM |= dict.fromkeys(("LabelsFolder", "convert_labels", "open_labels", "save_labels", "write_posterior"), "large")


def __getattr__(name: str) -> object:
    if name in _MODULES:
        return importlib.import_module(f"{__name__}.{name}")
    if name in _FROM:
        module: ModuleType = importlib.import_module(f"{__name__}.{_FROM[name]}")
        return getattr(module, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
