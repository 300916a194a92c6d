"""One row a label for people with a spreadsheet: CSV and Excel, guarded against formulas."""

from __future__ import annotations

import pandas as pd

from .tables import beyond_excel, to_csv, to_excel
from .writer import NO_LABEL, TEXT, UNUSED, Outgoing, Writer, instants, texts

LOSES = f"{TEXT} {UNUSED} {NO_LABEL} Times spent below zero or above a day are lost."


def write_csv(out: Outgoing) -> bytes:
    """CSV of example, annotator, label, and gold, timestamp, seconds where known."""
    return to_csv(_table(out), index=False)


def write_excel(out: Outgoing) -> bytes:
    """The same as an Excel workbook."""
    return to_excel(_table(out), index=False)


def _table(out: Outgoing) -> pd.DataFrame:
    labels = out.labels
    frame = pd.DataFrame(
        {
            "example": texts(labels.examples.take(labels.example)),
            "annotator": texts(labels.annotators.take(labels.annotator)),
            "label": texts(labels.classes.take(labels.label)),
        },
        dtype=object,
    )
    if out.gold is not None:
        gold = out.known()
        frame["gold"] = pd.Series([gold.get(i) for i in labels.example.tolist()], dtype=object)
    if labels.timestamp is not None:
        frame["timestamp"] = pd.Series(instants(labels), dtype=object)
    if labels.seconds is not None:
        frame["seconds"] = labels.seconds
    return frame


CSV = Writer("A spreadsheet (CSV)", "csv", write_csv, LOSES)
EXCEL = Writer(
    "A spreadsheet (Excel)",
    "xlsx",
    write_excel,
    f"{LOSES} A sheet holds 15 digits of a number, no control characters, no carriage returns and no text of more than 32,767 characters.",
    lambda labels: beyond_excel(len(labels), 6),
)
