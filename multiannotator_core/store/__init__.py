"""Datasets, runs and review decisions on disk: nothing acknowledged is lost, and no decision is ever changed."""

from __future__ import annotations

from .catalog import DatasetInfo, RunInfo
from .checks import FLAGS
from .database import StoreError, default_home
from .journal import Conflict
from .shelf import Dataset
from .store import Store
from .versions import changed_examples

__all__ = ["FLAGS", "Conflict", "Dataset", "DatasetInfo", "RunInfo", "Store", "StoreError", "changed_examples", "default_home"]
