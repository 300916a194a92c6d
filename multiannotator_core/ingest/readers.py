"""The formats, most specific first: a new one is a file and a line here."""

from __future__ import annotations

from . import (
    appen,
    argilla,
    cleanlab,
    crowd_kit,
    doccano,
    ground_truth,
    label_studio,
    label_studio_table,
    labelbox,
    long_table,
    mturk,
    nested,
    ours,
    peerannot,
    prodigy,
    toloka,
    wide_table,
    zooniverse,
)
from .reader import Reader

READERS: dict[str, Reader] = {
    "crowdlens": ours.READER,
    "appen": appen.READER,
    "toloka": toloka.READER,
    "mturk": mturk.READER,
    "zooniverse": zooniverse.READER,
    "label_studio_table": label_studio_table.READER,
    "label_studio": label_studio.READER,
    "prodigy": prodigy.READER,
    "labelbox": labelbox.READER,
    "argilla": argilla.READER,
    "ground_truth": ground_truth.READER,
    "doccano": doccano.READER,
    "nested": nested.READER,
    "crowd_kit": crowd_kit.READER,
    "cleanlab": cleanlab.READER,
    "peerannot": peerannot.READER,
    "long": long_table.READER,
    "wide": wide_table.READER,
}
