"""Which column of a table is which: the words of other tools for our three, and for what may stand beside them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from ..names import listed
from .errors import IngestError

REQUIRED = ("example", "annotator", "label")

# Lower case, letters and digits only. Earlier words win, so that "task" is the example where there is an "id" beside it.
ALIASES: dict[str, tuple[str, ...]] = {
    "example": (
        *("example", "exampleid", "task", "taskid", "item", "itemid", "unit", "unitid", "question", "questionid", "document", "documentid"),
        *("docid", "doc", "image", "imageid", "imagename", "subject", "subjectid", "hit", "hitid", "object", "objectid", "instance"),
        *("instanceid", "sample", "sampleid", "tweetid", "postid", "sentenceid", "textid", "filename", "file", "id", "key", "uid"),
        *("promptid", "caseid", "recordid", "rowid", "articleid", "utteranceid", "pairid", "queryid", "prompt"),
    ),
    "annotator": (
        *("annotator", "annotatorid", "worker", "workerid", "performer", "performerid", "user", "userid", "username", "rater", "raterid"),
        *("coder", "coderid", "labeler", "labelerid", "labeller", "labellerid", "judge", "judgeid", "annotatorname", "annotatoremail"),
        *("workername", "ratername", "reviewer", "reviewerid", "crowdworker", "contributor", "contributorid", "participant"),
        *(
            "participantid",
            "assessor",
            "assessorid",
            "evaluator",
            "evaluatorid",
            "turker",
            "turkerid",
            "completedby",
            "createdby",
            "model",
            "modelname",
            "modelid",
            "judgemodel",
            "llm",
        ),
    ),
    "label": (
        *("label", "answer", "response", "annotation", "class", "category", "vote", "value", "rating", "judgment", "judgement", "choice"),
        *("labels", "verdict", "score", "prediction", "decision", "sentiment", "givenlabel", "assignedlabel"),
    ),
    "gold": (
        *("gold", "truth", "truelabel", "gt", "groundtruth", "expected", "goldlabel", "goldstandard", "trueclass", "goldclass", "golden"),
        *("correct", "correctlabel", "correctanswer", "answerkey", "reference", "labeltrue"),
    ),
    "timestamp": (
        *("timestamp", "submittedat", "submittime", "submitted", "createdat", "updatedat", "completedat", "finishedat", "datetime"),
        *("labeledat", "labelledat", "annotatedat", "date", "time"),
    ),
    "seconds": (
        *("seconds", "durations", "duration", "leadtime", "timespent", "timespentinseconds", "worktimeinseconds", "elapsed"),
        *("elapsedseconds", "responsetime", "secondstolabel", "durationseconds", "timetaken", "timeseconds"),
    ),
    "status": ("status", "labelstatus", "responsestatus", "assignmentstatus", "wascancelled", "cancelled", "canceled", "skipped"),
}

# Taken out always, unless the user maps the column: who somebody is beyond the id, and where and with what they sat.
PRIVATE = frozenset(
    (
        *("ip", "userip", "ipaddress", "iphash", "city", "region", "country", "latitude", "longitude", "location", "postcode", "zipcode"),
        *("useragent", "session", "sessionid", "device", "deviceid", "browser", "cookie", "email", "emailaddress", "mail", "phone"),
        *("phonenumber", "firstname", "lastname", "surname", "fullname", "realname", "gender", "sex", "age", "birthdate", "birthday"),
        *("dateofbirth", "nationality", "ethnicity", "approvalrate", "lifetimeapprovalrate", "last30daysapprovalrate"),
        *("last7daysapprovalrate", "requesterfeedback", "feedback", "comment", "comments", "notes", "channel", "workeremail", "useremail"),
        *("workerip", "annotatorip", "workercity", "workercountry", "annotatoremail", "annotatorname", "workername", "ratername"),
    )
)


# Columns that show what an example is.
CONTENT = frozenset(("text", "sentence", "title", "content", "url", "image", "description", "question", "prompt", "hypothesis", "premise"))


def plain(column: str) -> str:
    """A column name in lower case, letters and digits only: "Task_ID" and "task id" are the same."""
    return re.sub(r"[^0-9a-z]", "", column.casefold())


def guess(columns: Sequence[str], roles: Iterable[str] = tuple(ALIASES)) -> tuple[dict[str, str], dict[str, list[str]]]:
    """Column of each role that an alias names, and the roles where two columns bear the same name."""
    by_plain: dict[str, list[str]] = {}
    for column in columns:
        by_plain.setdefault(plain(column), []).append(column)
    found: dict[str, str] = {}
    clashes: dict[str, list[str]] = {}
    for role in roles:
        for alias in ALIASES[role]:
            free = [column for column in by_plain.get(alias, ()) if column not in found.values()]
            if len(free) > 1:
                clashes[role] = free
            elif free:
                found[role] = free[0]
            if free:
                break
    return found, clashes


def refuse_roles(mapping: object) -> None:
    """Refuse what is no mapping of our roles to names of columns.

    Raises:
        IngestError: not a mapping, an unknown role, or a column that is no text.
    """
    if not isinstance(mapping, Mapping):
        raise IngestError(f"mapping= is a {type(mapping).__name__}; give a dict such as {{'example': 'task', 'annotator': 'worker'}}.")
    for role, column in mapping.items():
        if role not in ALIASES:
            raise IngestError(f"mapping= has no role {role!r}; the roles are {', '.join(ALIASES)}.")
        if column is not None and not isinstance(column, str):
            raise IngestError(f"mapping= names {column!r} for the {role}; give the name of a column as text.")


def checked(mapping: Mapping[str, str | None] | None, columns: Sequence[str], file: str) -> dict[str, str]:
    """The user's mapping, where every role and every column exists.

    Raises:
        IngestError: an unknown column.
    """
    given = {role: column for role, column in (mapping or {}).items() if column is not None}
    for role, column in given.items():
        twice = next((other for other in REQUIRED if other != role and given.get(other) == column), None)
        if role in REQUIRED and twice:
            raise IngestError(f"{file}: mapping= names column {column!r} for the {role} and for the {twice}. Give each its own column.")
        if column not in columns:
            raise IngestError(f"{file} has no column {column!r} (mapping= names it for the {role}); it has {listed(columns, most=12)}.")
    return given


def private(columns: Iterable[str]) -> list[str]:
    """Columns that may identify a person."""
    return [column for column in columns if plain(column) in PRIVATE]
