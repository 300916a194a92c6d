"""What the review desk promises, in the slowest and plainest way."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable

from multiannotator_core.labels import CrowdLabels


class NaiveDesk:
    """Gold of a dataset whose reviewers decide and undo: a stack of decisions for each example."""

    def __init__(self, given: dict[Hashable, Hashable]) -> None:
        self.given = given
        self.stacks: dict[Hashable, list[Hashable | None]] = {}
        self.revisions: dict[Hashable, int] = {}

    def decide(self, example: Hashable, label: Hashable | None) -> int:
        """A class, or None for a flag."""
        self.stacks.setdefault(example, []).append(label)
        return self._next(example)

    def undo(self, example: Hashable) -> int | None:
        """None when there is nothing to undo."""
        if not self.stacks.get(example):
            return None
        self.stacks[example].pop()
        return self._next(example)

    def _next(self, example: Hashable) -> int:
        self.revisions[example] = self.revisions.get(example, 0) + 1
        return self.revisions[example]

    def gold(self) -> dict[Hashable, Hashable]:
        """Given gold, overlaid with the top of each stack; a flag takes the gold away."""
        gold = dict(self.given)
        for example, stack in self.stacks.items():
            if stack and stack[-1] is None:
                gold.pop(example, None)
            elif stack:
                gold[example] = stack[-1]
        return gold


def changed_examples(before: CrowdLabels, after: CrowdLabels) -> dict[str, tuple[str, int, int]]:
    """Example -> (change, number of labels before, after), one example at a time."""
    found = {}
    for name in {str(name) for name in [*before.examples, *after.examples]}:
        old, new = _labels_of(before, name), _labels_of(after, name)
        if old is None or new is None or old != new:
            change = "added" if old is None else "removed" if new is None else "changed"
            found[name] = (change, (old or Counter()).total(), (new or Counter()).total())
    return found


def _labels_of(labels: CrowdLabels, name: str) -> Counter[tuple[str, str]] | None:
    if name not in {str(example) for example in labels.examples}:
        return None
    rows = labels.to_long().astype(str)
    rows = rows[rows["example"] == name]
    return Counter(zip(rows["annotator"], rows["label"], strict=True))
