"""A bundle with the script that repeats a run, and the files that it reads."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

import pandas as pd

from ..consensus import Consensus
from ..labels import CrowdLabels
from .tables import to_csv
from .writer import zipped

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
    labels: CrowdLabels,
    result: Consensus,
    *,
    name: str = "this dataset",
    has_pred_probs: bool = False,
    has_gold: bool = False,
    n_models: int = 1,
) -> str:
    """Python that repeats a run on the files of `bundle`; n_models: how many models the pred_probs are of."""
    read_probs = 'pd.read_csv({file}, dtype={{"example": str}}, keep_default_na=False).set_index("example")'
    if n_models == 1:
        read_probs = read_probs.format(file=f'"{_file(1, 1)}"')
    else:
        read_probs = f"[{read_probs.format(file='file')} for file in {[_file(place, n_models) for place in range(1, n_models + 1)]}]"
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
    pred_probs: pd.DataFrame | Sequence[pd.DataFrame] | None = None,
    gold: pd.Series | None = None,
    tables: Mapping[str, bytes] | None = None,
) -> bytes:
    """A zip with the labels, what went in beside them, the script that repeats the run, and further files."""
    files = {"labels.csv": to_csv(labels.to_long(), index=False, guard=False), **(tables or {})}
    models = [] if pred_probs is None else [pred_probs] if isinstance(pred_probs, pd.DataFrame) else list(pred_probs)
    for place, model in enumerate(models, start=1):
        files[_file(place, len(models))] = to_csv(model.rename_axis("example"), guard=False)
    if gold is not None:
        files["gold.csv"] = to_csv(gold.rename("gold").rename_axis("example").to_frame(), guard=False)
    n_models = max(len(models), 1)
    code = script(labels, result, name=name, has_pred_probs=bool(models), has_gold=gold is not None, n_models=n_models)
    files["reproduce.py"] = code.encode()
    return zipped(files)


def _file(place: int, n_models: int) -> str:
    return "pred_probs.csv" if n_models == 1 else f"pred_probs_{place}.csv"
