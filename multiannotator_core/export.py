"""Results as files to take away: tables, arrays, and a bundle with the script that reproduces them."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from .consensus import Consensus
from .labels import CrowdLabels


def hard(labels: CrowdLabels, result: Consensus, gold: pd.Series | None = None) -> pd.DataFrame:
    """One row an example: the consensus label, its quality and agreement, and whether it is gold."""
    frame = result.to_frame(labels)
    frame["is_gold"] = frame.index.isin(gold.index) if gold is not None else False
    return frame


def soft(labels: CrowdLabels, result: Consensus) -> pd.DataFrame:
    """One row an example, one column a class: the posterior. Rows sum to 1."""
    return pd.DataFrame(result.posterior, index=labels.examples, columns=[str(name) for name in labels.classes])


def pseudonyms(labels: CrowdLabels) -> pd.Series:
    """A-001 … for each annotator (index), in an order that says nothing about their names."""
    mixed = [hashlib.blake2b(f"{labels.fingerprint}{name!r}".encode()).digest() for name in labels.annotators]
    rank = np.argsort(np.argsort(np.array(mixed, dtype="S64"), kind="stable"))
    width = max(3, len(str(len(mixed))))
    return pd.Series([f"A-{place + 1:0{width}d}" for place in rank], index=labels.annotators, name="pseudonym")


def pseudonymous(labels: CrowdLabels) -> CrowdLabels:
    """The same labels with `pseudonyms` in place of the annotators' names."""
    frame = labels.to_long()
    frame["annotator"] = pseudonyms(labels).to_numpy()[labels.annotator]
    times = {column: column for column in ("timestamp", "seconds") if column in frame}
    return CrowdLabels.from_long(frame, "example", "annotator", "label", classes=labels.classes.tolist(), **times)


def to_csv(frame: pd.DataFrame, *, index: bool = True) -> bytes:
    """A table as UTF-8 CSV; numbers keep all their digits."""
    return frame.to_csv(index=index, lineterminator="\n").encode()


def to_parquet(frame: pd.DataFrame) -> bytes:
    """A table as Parquet. Names of mixed types become text, since a Parquet column has one type."""
    frame = frame.reset_index() if frame.index.name else frame
    for column in [name for name, kind in frame.dtypes.items() if kind.kind == "O"]:
        frame = frame.assign(**{column: frame[column].astype("str")})
    out = io.BytesIO()
    frame.to_parquet(out, index=False)
    return out.getvalue()


def to_npy(values: NDArray[Any]) -> bytes:
    """An array as NPY, without pickle."""
    out = io.BytesIO()
    np.save(out, values, allow_pickle=False)
    return out.getvalue()


SCRIPT = '''"""The consensus of {name}: the same numbers as on the screen.

Needs the package multiannotator_core; reads the files beside it. Labels: fingerprint {fingerprint}.
"""

import pandas as pd

import multiannotator_core as mc

text = dict(dtype=str, keep_default_na=False)
labels = mc.CrowdLabels.from_long(pd.read_csv("labels.csv", **text), classes={classes})
pred_probs = {pred_probs}
gold = {gold}
result = mc.aggregate(labels, {method!r}, pred_probs=pred_probs, gold=gold{options})

print(result.to_frame(labels).sort_values("consensus_quality_score").head(20))
print(mc.annotator_metrics(labels, result, pred_probs, gold).sort_values("quality").head(20))
result.to_frame(labels).to_csv("consensus.csv")
'''


def script(
    labels: CrowdLabels, result: Consensus, *, name: str = "this dataset", has_pred_probs: bool = False, has_gold: bool = False
) -> str:
    """Python that repeats a run on the files of `bundle`."""
    read_probs = 'pd.read_csv("pred_probs.csv", dtype={"example": str}, keep_default_na=False).set_index("example")'
    return SCRIPT.format(
        name=json.dumps(name),
        fingerprint=labels.fingerprint,
        classes=[str(value) for value in labels.classes],
        pred_probs=read_probs if has_pred_probs else None,
        gold='pd.read_csv("gold.csv", **text).set_index("example")["gold"]' if has_gold else None,
        method=result.method,
        options="".join(f", {key}={value!r}" for key, value in result.options.items()),
    )


def bundle(
    labels: CrowdLabels,
    result: Consensus,
    *,
    name: str,
    pred_probs: pd.DataFrame | None = None,
    gold: pd.Series | None = None,
    tables: Mapping[str, bytes] | None = None,
) -> bytes:
    """A zip with the labels, what went in beside them, the script that repeats the run, and further files."""
    files = {"labels.csv": to_csv(labels.to_long(), index=False), **(tables or {})}
    if pred_probs is not None:
        files["pred_probs.csv"] = to_csv(pred_probs.rename_axis("example"))
    if gold is not None:
        files["gold.csv"] = to_csv(gold.rename("gold").rename_axis("example").to_frame())
    files["reproduce.py"] = script(labels, result, name=name, has_pred_probs=pred_probs is not None, has_gold=gold is not None).encode()
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, data in files.items():
            archive.writestr(zipfile.ZipInfo(path, (1980, 1, 1, 0, 0, 0)), data, zipfile.ZIP_DEFLATED)
    return out.getvalue()
