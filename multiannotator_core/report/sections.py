"""The sections of a report, each from the facts to markup."""

from __future__ import annotations

from collections.abc import Hashable

import pandas as pd

from ..figures import agreement_matrix, annotator_ranking, confused_classes, confusion_matrix
from ..quality.annotators import confusion_counts, disagreements
from ..quality.classes import careful_labels, confused_pairs
from ..quality.copying import COPYING_RULE
from ..quality.difficulty import REASON_RULE, why_disputed
from ..quality.patterns import DRIFT_RULE
from ..quality.verdicts import RULE
from .facts import Subject
from .markup import facts, number, paragraph, picture, section, table

MOST_ANNOTATORS = 500  # rows of the table; the lowest qualities come first
MOST_EXAMPLES = 40
MOST_PAIRS = 50


def origin(subject: Subject) -> str:
    """What the numbers come from."""
    return section("What went in?", facts(subject.origin()))


def agreement(subject: Subject) -> str:
    """How far the crowd agrees."""
    found = subject.agreement
    numbers = {
        "Krippendorff's alpha (nominal)": f"{found.alpha:.3f}, 95% interval {found.alpha_low:.3f} to {found.alpha_high:.3f}",
        "Fleiss' kappa": f"{found.fleiss:.3f}",
        "Gwet's AC1": f"{found.ac1:.3f}",
        "Examples compared": f"{found.n_compared:,}, by two annotators or more",
    }
    return section(
        "Do the annotators agree?", paragraph(found.sentence), facts(numbers), picture(agreement_matrix(found.pairs, order=found.order), 1)
    )


def ranking(subject: Subject) -> str:
    """All annotators with intervals and verdicts."""
    rows = _judged(subject).sort_values("quality", kind="stable")
    shown = rows.head(MOST_ANNOTATORS)
    told = ", ".join(f"{n:,} {verdict}" for verdict, n in rows["verdict"].value_counts().items())
    more = f" The {len(shown):,} with the lowest quality of {len(rows):,} are listed." if len(rows) > len(shown) else ""
    cells = [
        (name, row["sentence"], number(row["quality"]), f"{row['quality_low']:.2f} to {row['quality_high']:.2f}",
         number(row["skill"]), number(row["raykar_yu"]), number(int(row["n_labels"])))
        for name, row in shown.iterrows()
    ]  # fmt: skip
    titles = ("Annotator", "Verdict", "Quality", "95% interval", "Skill", "Spammer score", "Labels")
    return section(
        "Whom can we trust?",
        paragraph(f"{len(rows):,} annotators: {told}." + more),
        picture(annotator_ranking(rows.head(40), low="quality_low", high="quality_high", verdict="verdict", title="Quality"), 2),
        table(cells, titles, numbers=titles[2:]),
        paragraph(
            "Quality is the chance that a label is right. Skill is 0 for who does not look, 1 for who is always right. The spammer score "
            "is 0 for who labels at random (Raykar & Yu 2011). Intervals hold if annotators err on their own; where all err together no "
            "such interval sees it.",
            "quiet",
        ),
    )


def patterns(subject: Subject, annotator: Hashable = None) -> str:
    """Copying, change and bias with the evidence in words; of one annotator where one is given."""
    copied, changed, biased = subject.copied, subject.changed, subject.biased
    if annotator is not None:
        copied = copied[(copied["annotator_a"] == annotator) | (copied["annotator_b"] == annotator)]
        changed, biased = changed[changed.index == annotator], biased[biased["annotator"] == annotator]
    said = [
        f"{who} said {name} {n:,} times, where {expected:,.0f} were to be expected."
        for who, name, n, expected in biased[["annotator", "class", "said", "expected"]].head(MOST_PAIRS).itertuples(index=False)
    ]
    return section(
        "What else is conspicuous?",
        *[paragraph("Suspected copying: " + words) for words in copied["sentence"].head(MOST_PAIRS)],
        *[paragraph("Changes with time: " + words + ".") for words in changed["sentence"].head(MOST_PAIRS)],
        *[paragraph("Says a class too often: " + words) for words in said],
        ""
        if len(copied) + len(changed) + len(biased)
        else paragraph("No copying, no change with time, and no class said too often was found."),
    )


def classes(subject: Subject) -> str:
    """The classes that are mixed up."""
    careful = careful_labels(subject.labels, subject.audit.table["verdict"])
    found = confused_pairs(careful, subject.result)
    return section("Which classes are mixed up?", picture(confused_classes(found), 3)) if len(found) else ""


def examples(subject: Subject) -> str:
    """The examples whose consensus is least sure."""
    labels, result = subject.labels, subject.result
    labelled = labels.labels_per_example > 0  # an excluded example has no label that counts
    worst = pd.Series(result.quality)[labelled].sort_values(kind="stable").index[:MOST_EXAMPLES].to_numpy()
    reason = why_disputed(labels, result)["reason"].to_numpy()
    cells = [(labels.examples[i], labels.classes[result.label[i]], number(result.quality[i]), _votes(subject, i), reason[i]) for i in worst]
    return section(
        "Which examples are least sure?",
        paragraph(f"The {len(cells):,} of {int(labelled.sum()):,} whose consensus label has the lowest quality."),
        table(cells, ("Example", "Consensus", "Quality", "Labels", "Why"), numbers=("Quality",)),
    )


def exclusions(subject: Subject) -> str:
    """What does not count, and why."""
    rows = subject.exclusions
    if not len(rows):
        return section("What was excluded?", paragraph("Nothing: every label counts."))
    cells = [(row.kind, row.name, row.reason, row.reviewer, f"{row.time:%Y-%m-%d %H:%M}") for row in rows.itertuples(index=False)]
    return section(
        "What was excluded?",
        paragraph("The labels of these do not count anywhere in this report."),
        table(cells, ("Kind", "Name", "Reason", "By", "Time (UTC)")),
    )


def rules(*, alone: bool = False) -> str:
    """How verdicts and suspicions come about."""
    parts = [paragraph("Verdicts. " + RULE, "rule"), paragraph("Copying. " + COPYING_RULE), paragraph("Change with time. " + DRIFT_RULE)]
    return section("By which rules?", *parts, "" if alone else paragraph("Why an example is unsure. " + REASON_RULE))


def one_annotator(subject: Subject, annotator: Hashable) -> str:
    """The report card of one annotator."""
    row, others = subject.audit.table.loc[annotator], _judged(subject)
    place = int((others["rank"] < row["rank"]).sum()) + 1
    numbers = {
        "Verdict": row["sentence"],
        "Quality": f"{row['quality']:.2f}, 95% interval {row['quality_low']:.2f} to {row['quality_high']:.2f}",
        "Rank": f"{place:,} of {len(others):,}, 95% interval {min(int(row['rank_low']), place):,} to "
        f"{min(int(row['rank_high']), len(others)):,}",
        "Better than chance": f"probability {row['better_than_chance']:.3f}",
        "Spammer score": f"{row['raykar_yu']:.2f}; 0 labels at random, 1 tells all classes apart",
        "Labels": f"{int(row['n_labels']):,}, of them {int(row['n_shared']):,} on examples that others labelled too",
        "Agrees with the consensus": _percent(row["agreement_with_consensus"]),
        "Agrees with other annotators": _percent(row["agreement_with_others"]),
    }
    if "accuracy_on_gold" in row and row["n_gold"]:
        numbers["Right on gold"] = f"{_percent(row['accuracy_on_gold'])} of {int(row['n_gold']):,}"
    if "median_seconds" in row and not pd.isna(row["median_seconds"]):
        fast = f"; {_percent(row['fast_share'])} in less than a quarter of the crowd's median time"
        numbers["Median time for a label"] = f"{row['median_seconds']:.1f} s{fast}"
    at = subject.labels.annotators.get_loc(annotator)
    counts = confusion_counts(subject.labels, subject.result, annotator)
    matrix = confusion_matrix(subject.audit.confusion[at], list(subject.labels.classes), counts=counts)
    return section("What is known?", facts(numbers)) + section("What do they say for each class?", picture(matrix, 1))


def disputed(subject: Subject, annotator: Hashable) -> str:
    """The labels of one annotator that are least plausible."""
    found = disagreements(subject.labels, subject.result, annotator)
    cells = [(row.example, row.label, row.consensus, number(row.quality)) for row in found.head(MOST_EXAMPLES).itertuples(index=False)]
    return section(
        "Where do they differ from the consensus?",
        paragraph(f"{len(found):,} labels differ; the {len(cells):,} least plausible are listed." if len(cells) else "Nowhere."),
        table(cells, ("Example", "They said", "Consensus", "Plausible"), numbers=("Plausible",)) if cells else "",
    )


def _judged(subject: Subject) -> pd.DataFrame:
    """The table of the audit without those who are excluded."""
    out = subject.exclusions["name"][subject.exclusions["kind"] == "annotator"]
    table_of = subject.audit.table
    return table_of[~table_of.index.isin(out)]


def _votes(subject: Subject, example: int) -> str:
    votes = subject.labels.votes[example]
    return ", ".join(f"{subject.labels.classes[k]} ×{int(votes[k]):,}" for k in (-votes).argsort(kind="stable") if votes[k] > 0) or "none"


def _percent(share: float) -> str:
    return "unknown" if pd.isna(share) else f"{share:.0%}"
