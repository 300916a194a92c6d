"""Networks that learn from the labels of a crowd. They need PyTorch; this module can be imported without."""

from __future__ import annotations

from .backbones import BACKBONES, Backbone
from .crowd import Batch, Crowd, FlatLabels, Objective
from .extra import INSTALL, torch_missing
from .inputs import ImageFiles, Images, image_folder, images_of
from .learned import Known, Learned, probability_metrics
from .loop import Epoch, Schedule
from .margins import AMBIGUITY, Ambiguity, aumc, waum, waum_per_annotator
from .stored import ambiguity_run, prediction_run
from .strategies import STRATEGIES, Strategy
from .training import train

__all__ = [
    "AMBIGUITY",
    "BACKBONES",
    "INSTALL",
    "STRATEGIES",
    "Ambiguity",
    "Backbone",
    "Batch",
    "Crowd",
    "Epoch",
    "FlatLabels",
    "ImageFiles",
    "Images",
    "Known",
    "Learned",
    "Objective",
    "Schedule",
    "Strategy",
    "ambiguity_run",
    "aumc",
    "image_folder",
    "images_of",
    "prediction_run",
    "probability_metrics",
    "torch_missing",
    "train",
    "waum",
    "waum_per_annotator",
]
