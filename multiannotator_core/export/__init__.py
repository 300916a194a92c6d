"""Results as files to take away: tables, arrays, other tools' formats, and a bundle with the script that reproduces them."""

from .pseudonyms import pseudonymous, pseudonymous_result, pseudonyms
from .reproduce import SCRIPT, bundle, script
from .tables import guarded, hard, soft, to_csv, to_excel, to_npy, to_parquet
from .task_lists import TASK_LISTS, TaskList, ToAsk
from .writer import Outgoing, Writer
from .writers import WRITERS

__all__ = [
    "SCRIPT",
    "TASK_LISTS",
    "WRITERS",
    "Outgoing",
    "TaskList",
    "ToAsk",
    "Writer",
    "bundle",
    "guarded",
    "hard",
    "pseudonymous",
    "pseudonymous_result",
    "pseudonyms",
    "script",
    "soft",
    "to_csv",
    "to_excel",
    "to_npy",
    "to_parquet",
]
