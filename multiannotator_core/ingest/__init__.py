"""Files of other tools -> CrowdLabels and what stands beside them, or an IngestError that says what to do."""

from .content import read_content
from .errors import IngestError
from .gold import read_gold, with_gold_classes
from .places import open_folder, place
from .predictions import read_pred_probs
from .proposing import Proposal, propose
from .reader import Reader
from .readers import READERS
from .reading import Found, read, read_labels
from .report import Report

__all__ = [
    "READERS",
    "Found",
    "IngestError",
    "Proposal",
    "Reader",
    "Report",
    "open_folder",
    "place",
    "propose",
    "read",
    "read_content",
    "read_gold",
    "read_labels",
    "read_pred_probs",
    "with_gold_classes",
]
