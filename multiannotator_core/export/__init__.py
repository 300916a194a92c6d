"""Results as files to take away: tables, arrays, other tools' formats, and a bundle with the script that reproduces them."""

from .reproduce import SCRIPT, bundle, script
from .tables import guarded, hard, pseudonymous, pseudonyms, soft, to_csv, to_excel, to_npy, to_parquet
from .writer import Outgoing, Writer
from .writers import WRITERS

__all__ = [
    "SCRIPT",
    "WRITERS",
    "Outgoing",
    "Writer",
    "bundle",
    "guarded",
    "hard",
    "pseudonymous",
    "pseudonyms",
    "script",
    "soft",
    "to_csv",
    "to_excel",
    "to_npy",
    "to_parquet",
]
