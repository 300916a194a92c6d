"""Labels that are larger than memory: `convert` writes a folder of them, `aggregate` runs over one."""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click
import numpy as np

from ..aggregation import METHODS
from ..ingest import read_gold
from ..large import convert_labels, open_labels, save_labels, write_posterior
from ..large.folder import is_folder_of_labels
from ..large.tables import TABLES
from .inputs import SAMPLE, given, mapping, opened
from .output import Progress, note, refuse_existing

FOLDER = "folder"
UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}


def size(text: str) -> int:
    """Bytes of 500M or 4G."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([KMGT]?)(?:i?B)?", text.strip(), re.IGNORECASE)
    if found is None:
        raise click.BadParameter(f"{text!r} is no size; write it as 500M or 4G.")
    return int(float(found[1]) * UNITS[found[2].upper()])


MEMORY = click.option(
    "--memory", type=size, metavar="SIZE", help="For a folder of labels: how much memory to use, such as 4G; default: by what is free."
)
CLUSTER = click.option(
    "--cluster", metavar="ADDRESS", help="Run on a Dask cluster with its scheduler there, such as tcp://10.0.0.5:8786; see docs/large.md."
)
FLOAT32 = click.option("--float32", is_flag=True, help="For a folder of labels: probabilities in half the room.")


def aggregate_folder(asked: Mapping[str, Any], arguments: Mapping[str, Any]) -> bool:
    """`aggregate` of a folder of labels; False where it is something else.

    Raises:
        ValueError: there is no file for the result.
    """
    files = asked["files"]
    if len(files) != 1 or not is_folder_of_labels(files[0]):
        if arguments["memory"] is not None or arguments["float32"]:
            raise click.UsageError("--memory and --float32 are for a folder of labels; write one with convert --to folder.")
        return False
    output, method = arguments["output"], arguments["method"]
    if output is None or output.suffix.casefold() != ".parquet":
        raise ValueError("The consensus of a folder of labels is written as Parquet, part by part; give -o FILE.parquet.")
    refuse_existing(arguments["force"], output)
    folder = open_labels(files[0])
    gold = read_gold(opened(asked["gold_file"])) if asked["gold_file"] and not asked["ignore_gold"] else None
    models = [np.load(file, mmap_mode="r") for file in asked["prob_files"]]
    dtype = "float32" if arguments["float32"] else "float64"
    beside = output.with_name(f".{output.name}.run")  # where a run that was killed goes on
    of_methods = {name for one in METHODS.values() for name in one.options}
    options = {name: value for name, value in arguments.items() if name in of_methods and value is not None}
    with Progress("iteration", {**METHODS[method].options, **options}.get("max_iter", 0)) as progress:
        everywhere = {"gold": gold, "pred_probs": models or None, "seed": arguments["seed"], "on_iteration": progress, **options}
        if arguments["cluster"] is not None:
            from ..cluster import aggregate, connected  # Dask is an extra

            with connected(arguments["cluster"]) as client:
                result = aggregate(folder, method, client=client, checkpoint=beside, **everywhere)
        else:
            result = folder.aggregate(method, memory=arguments["memory"], output=beside, dtype=dtype, **everywhere)
    write_posterior(folder, result, output, soft=arguments["soft"], dtype=dtype)
    shutil.rmtree(beside, ignore_errors=True)
    return True


def convert_to_folder(asked: Mapping[str, Any], arguments: Mapping[str, Any]) -> bool:
    """`convert --to folder`; False for another format. Tables are read in parts, other formats in one piece.

    Raises:
        ValueError: there is no name for the folder.
    """
    if arguments["to"] != FOLDER:
        if arguments["memory"] is not None:
            raise click.UsageError("--memory is for convert --to folder.")
        return False
    output, force = arguments["output"], arguments["force"]
    if output is None:
        raise ValueError("A folder of labels needs a name; give -o FOLDER.")
    files = asked["files"]
    if any(file == "-" or file.startswith(SAMPLE) or not _in_parts(Path(file)) for file in files):
        found = given(**asked)
        if found.gold is not None or found.content is not None:
            note("A folder of labels holds labels only; keep gold and texts in files of their own.")
        save_labels(found.labels, output, force=force)
        return True
    roles = mapping(asked["columns"])
    strange = [role for role in roles if role not in ("example", "annotator", "label")]
    if strange:
        raise ValueError(f"--column {strange[0]}: a folder of labels holds example, annotator and label only.")
    with Progress("row") as progress:
        convert_labels(files, output, **roles, duplicates=asked["duplicates"], memory=arguments["memory"], force=force, on_rows=progress)
    return True


def _in_parts(path: Path) -> bool:
    """Whether a path is a table, or a folder of tables and nothing else."""
    if path.is_dir():
        files = [file for file in path.rglob("*") if file.is_file()]
        return bool(files) and all(_in_parts(file) for file in files)
    return path.name.casefold().endswith(TABLES)
