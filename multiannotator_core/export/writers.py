"""The formats that are written: a new one is a file and a line here."""

from __future__ import annotations

from . import argilla, cleanlab, crowd_kit, doccano, label_studio, lossless, peerannot, prodigy, spreadsheet
from .writer import Writer

WRITERS: dict[str, Writer] = {
    "label_studio": label_studio.WRITER,
    "doccano": doccano.WRITER,
    "prodigy": prodigy.WRITER,
    "argilla": argilla.WRITER,
    "crowd_kit": crowd_kit.WRITER,
    "peerannot": peerannot.WRITER,
    "cleanlab": cleanlab.CSV,
    "cleanlab_npy": cleanlab.NPY,
    "csv": spreadsheet.CSV,
    "excel": spreadsheet.EXCEL,
    "crowdlens": lossless.WRITER,
}
