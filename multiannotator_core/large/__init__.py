"""Labels that are larger than memory: a folder on disk, and the same methods over it block by block."""

from .convert import convert_labels
from .folder import LabelsFolder, open_labels
from .posterior import write_posterior
from .writing import save_labels

__all__ = ["LabelsFolder", "convert_labels", "open_labels", "save_labels", "write_posterior"]
