"""Crowdlens: estimate labels, quality and trust from the labels of a crowd."""

from __future__ import annotations

from .aggregation import METHODS, Cancelled, Method, aggregate, obstacle
from .consensus import Consensus
from .labels import CrowdLabels

__all__ = ["METHODS", "Cancelled", "Consensus", "CrowdLabels", "Method", "aggregate", "obstacle"]
