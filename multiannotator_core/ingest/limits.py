"""All limits on what is read, in one place; an environment variable of the same name with CROWDLENS_ in front changes one."""

from __future__ import annotations

import os


def _limit(name: str, default: int) -> int:
    return int(os.environ.get(f"CROWDLENS_{name}", default))


MAX_BYTES = _limit("MAX_BYTES", 2**30)  # of one file, and of everything unpacked from one archive
MAX_FILES = _limit("MAX_FILES", 100_000)  # entries of a zip or folder: an image set has one file for each example
MAX_RATIO = _limit("MAX_RATIO", 100)  # unpacked to packed; ordinary text stays below 20
RATIO_FROM_BYTES = _limit("RATIO_FROM_BYTES", 20_000_000)  # small files may be all blanks; only large ones can hurt
MAX_ROWS = _limit("MAX_ROWS", 100_000_000)
MAX_COLUMNS = _limit("MAX_COLUMNS", 20_000)
MAX_CELLS = _limit("MAX_CELLS", 200_000_000)  # rows x columns of a wide table or an array
MAX_CELL_BYTES = _limit("MAX_CELL_BYTES", 10_000_000)  # of one cell: a name or a text
MAX_CLASSES = _limit("MAX_CLASSES", 1_000)
MAX_DEPTH = _limit("MAX_DEPTH", 50)  # lists and objects inside each other in JSON
MAX_PIXELS = _limit("MAX_PIXELS", 40_000_000)  # of one image
MAX_IMAGE_BYTES = _limit("MAX_IMAGE_BYTES", 20_000_000)


def how_to_raise(name: str) -> str:
    """The half sentence that tells how to change a limit."""
    return f"the limit is {globals()[name]:,}; the environment variable CROWDLENS_{name} changes it"
