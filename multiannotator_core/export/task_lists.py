"""Labels to buy as task lists: in the import formats of the labelling tools, and as a plain table.

The rows come from a plan, the most useful first, and keep that order. What the crowd said so far must not lead those who are asked:
tools that show meta data beside a task get only whom to ask, and Label Studio gets the consensus as a prediction, which it shows when
a project asks for that.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pandas as pd

from ..labels import CrowdLabels
from .label_studio import CONTROL, OBJECT, OURS
from .tables import to_csv
from .writer import Outgoing, as_json, as_lines, texts

COLUMNS = ("example", "annotator", "how_many", "consensus", "chance", "expected_gain")


@dataclass(frozen=True)
class Asked:
    """One example of the list: its name, what it shows, and whom to ask; what is known of it so far."""

    name: str
    fields: dict[str, str]
    ask: list[str]
    consensus: str
    chance: float
    expected_gain: float

    def whom(self) -> dict[str, Any]:
        """What may stand beside the task."""
        return {"ask": ", ".join(self.ask), "how_many": len(self.ask)}

    def known(self) -> dict[str, Any]:
        """What the crowd said so far; expected_gain: consensus labels that its further labels are expected to mend."""
        return {"consensus": self.consensus, "chance": round(self.chance, 4), "expected_gain": round(self.expected_gain, 4)}


@dataclass(frozen=True, eq=False)
class ToAsk:
    """What there is to write: `table` has one row a label to buy with example, annotator, consensus, chance and expected_gain;
    labels give the classes, content what examples show.
    """

    table: pd.DataFrame
    labels: CrowdLabels
    content: pd.DataFrame | None = None

    def examples(self) -> list[Asked]:
        """One entry an example, in the order of the table."""
        wanted = self.table.groupby("example", sort=False)
        names = list(wanted.groups)
        content = None if self.content is None else self.content[self.content.index.isin(names)]
        shown = Outgoing(_named(names, self.labels), content=content).shown()
        entries = []
        for fields, (name, rows) in zip(shown, wanted, strict=True):
            first = rows.iloc[0]
            ask = [str(who) for who in rows["annotator"]]
            entries.append(
                Asked(str(name), fields, ask, str(first["consensus"]), float(first["chance"]), float(rows["expected_gain"].sum()))
            )
        return entries


@dataclass(frozen=True)
class TaskList:
    """One format: its title for people, the ending of the file's name, how it is written, and what to do with it there."""

    title: str
    ending: str
    write: Callable[[ToAsk], bytes]
    use: str


def _named(names: list[Any], labels: CrowdLabels) -> CrowdLabels:
    """A table without labels of the examples on the list, in their order."""
    none = labels.example[:0]
    return CrowdLabels(pd.Index(names, tupleize_cols=False), labels.annotators, labels.classes, none, none, none)


def _csv(out: ToAsk) -> bytes:
    entries = {asked.name: asked for asked in out.examples()}
    rows = []
    for example, annotator in out.table[["example", "annotator"]].itertuples(index=False):
        asked = entries[str(example)]
        row = dict(zip(COLUMNS, (asked.name, str(annotator), len(asked.ask), *asked.known().values()), strict=True))
        rows.append(row | {key: value for key, value in asked.fields.items() if key not in row and value != asked.name})
    return to_csv(pd.DataFrame(rows, columns=None if rows else list(COLUMNS)), index=False)


def _label_studio(out: ToAsk) -> bytes:
    def task(asked: Asked) -> dict[str, Any]:
        result = {"from_name": CONTROL, "to_name": OBJECT, "type": "choices", "value": {"choices": [asked.consensus]}}
        prediction = {"model_version": "crowd consensus", "score": asked.chance, "result": [result]}
        return {
            "data": {"text": asked.name, **asked.fields, OURS: asked.name},
            "meta": asked.whom() | asked.known(),
            "predictions": [prediction],
        }

    return as_json([task(asked) for asked in out.examples()])


def _doccano(out: ToAsk) -> bytes:
    return as_lines({"text": asked.name, **asked.fields, "label": [], OURS: asked.name, **asked.whom()} for asked in out.examples())


def _prodigy(out: ToAsk) -> bytes:
    options = [{"id": name, "text": name} for name in texts(out.labels.classes)]

    def records(asked: Asked) -> list[dict[str, Any]]:
        """One for each person to ask: Prodigy leaves out a task whose _task_hash it has seen."""
        fields: dict[str, Any] = {"text": asked.name, **{key: asked.fields[key] for key in ("text", "html") if key in asked.fields}}
        number = _hashed(asked.name)
        return [
            {
                **fields,
                "options": options,
                "meta": {OURS: asked.name, "ask": who},
                "_input_hash": number,
                "_task_hash": _hashed(f"{asked.name}\0{who}"),
                "_view_id": "choice",
            }
            for who in asked.ask
        ]

    return as_lines(record for asked in out.examples() for record in records(asked))


def _argilla(out: ToAsk) -> bytes:
    return as_json([{"id": asked.name, "text": asked.name, **asked.fields, **asked.whom()} for asked in out.examples()])


def _hashed(text: str) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=4).digest(), signed=True)


TASK_LISTS: dict[str, TaskList] = {
    "csv": TaskList("A spreadsheet (CSV)", "csv", _csv, "One row a label: whom to ask about which example."),
    "label_studio": TaskList(
        "Label Studio (JSON tasks)",
        "json",
        _label_studio,
        "Import it into a project with a <Text> named text and <Choices> named label. Whom to ask stands in the task's meta data. "
        "The consensus comes as a prediction: do not show predictions, so that nobody is led.",
    ),
    "doccano": TaskList(
        "doccano (JSONL)", "jsonl", _doccano, "Import it into a project of text classification that does not share annotations."
    ),
    "prodigy": TaskList(
        "Prodigy (JSONL)", "jsonl", _prodigy, "One line a person to ask, named in the meta data; a source for `mark` with --view-id choice."
    ),
    "argilla": TaskList(
        "Argilla (JSON records)",
        "json",
        _argilla,
        "Load the file and hand the list to dataset.records.log; ask and how_many are meta data.",
    ),
}
