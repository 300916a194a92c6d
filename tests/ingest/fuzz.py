"""Damaged files of every format that is read or written: `python -m tests.ingest.fuzz 5000` runs as many and tells what it found.

The first cases of a long run are those of the short one in `test_fuzz.py`; a second number gives other cases.
"""

from __future__ import annotations

import io
import json
import os
import random
import re
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from copy import deepcopy
from typing import Any

import pandas as pd

import multiannotator_core as mc
from multiannotator_core import ingest
from multiannotator_core.export import WRITERS, Outgoing
from multiannotator_core.ingest.features import read_features
from tests.ingest.made import upload
from tests.ingest.test_hostile import SEEDS

SECONDS, MEMORY = 5, 2**30
PIECES = [
    *(b'"', b"{", b"]", b",", b"\n", b"null", b"[]", b"{}", b"\0", b"1e400", b"NaN", b"-1"),
    *(b"\\ud800", b"\xff", b"\x80\x04", b"PK\x03\x04"),
]
VALUES = [
    None,
    True,
    False,
    0,
    -1,
    2**70,
    1e300,
    "",
    " ",
    "nan",
    "=1+1",
    "x" * 3000,
    "\u0000",
    "é\u0301",
    [],
    {},
    [[]],
    [None],
    {"": None},
    {"id": {}},
]
CELLS = [
    "",
    " ",
    "nan",
    "-1",
    "1e999",
    "=1+1",
    "[",
    '{"a":',
    "[1,2]",
    '{"choices":["a","b"]}',
    "x" * 3000,
    "\u202e",
    "2026-13-45",
    "9" * 30,
]


def written() -> dict[str, bytes]:
    """A file of every format that we write: zips, workbooks, Parquet, arrays among them."""
    rows = [(f"t{i}", f"w{j}", "yn"[(i * j) % 2]) for i in range(4) for j in range(3)]
    labels = mc.CrowdLabels.from_long(pd.DataFrame(rows, columns=["task", "worker", "label"]))
    out = Outgoing(labels, mc.aggregate(labels, "majority_vote"), pd.Series({"t0": "y"}))
    return {f"{key}.{writer.ending}": writer.write(out) for key, writer in WRITERS.items()}


FILES = {**SEEDS, **written()}
LABELS = ingest.read_labels(upload("long.csv", SEEDS["long.csv"]))
CALLS: dict[str, Callable[[io.BytesIO], object]] = {
    "read": ingest.read,
    "propose": ingest.propose,
    "gold": lambda file: ingest.read_gold(file, LABELS),
    "pred_probs": lambda file: ingest.read_pred_probs(file, LABELS),
    "content": lambda file: ingest.read_content(file, LABELS),
    "features": lambda file: read_features(file, LABELS),
}


def damaged(data: bytes, rng: random.Random) -> bytes:
    """The bytes changed once or three times; JSON and tables also by their parts, which keeps them well formed."""
    inside = rng.random()
    if inside < 0.3 and data[:1] in b"[{":
        return _other_values(data, rng)
    if inside < 0.3 and data[:4] not in (b"PK\x03\x04", b"PAR1"):
        return _other_cells(data, rng)
    for _ in range(rng.choice([1, 1, 3])):
        data = _other_bytes(data, rng)
    return data


def _other_bytes(data: bytes, rng: random.Random) -> bytes:
    """Cut, flip, repeat, insert, replace, encode otherwise, mix line ends, write the header twice."""
    at = rng.randrange(len(data) + 1)
    end = min(len(data), at + rng.randrange(1, 40))
    values = list(re.finditer(rb'"[^"]*"|\d+', data[:20_000]))
    value = rng.choice(values).span() if values else (at, end)
    head = data[: data.find(b"\n") + 1]
    return rng.choice(
        [
            data[:at],
            data[:at] + bytes([rng.randrange(256)]) + data[at + 1 :],
            data[:at] + data[at:end] * 2 + data[end:],
            data[:at] + data[end:],
            data[:at] + rng.choice(PIECES) + data[at:],
            data[: value[0]] + rng.choice(PIECES) + data[value[1] :],
            data.replace(b"\n", b"\r\n"),
            data.replace(b"\n", b"\r", 1),
            b"\xef\xbb\xbf" + data,
            data.decode("latin-1").encode("utf-16"),
            head + data,
            head[:-1] + b"," + data,
        ]
    )


def _other_values(data: bytes, rng: random.Random) -> bytes:
    """JSON with some values replaced, left out or given twice; keys stay mostly what they are."""
    lines = data.splitlines() if data.count(b"\n{") else [data]
    values = [json.loads(line) for line in lines if line.strip()]
    for _ in range(rng.choice([1, 1, 2])):
        _change(values, rng)
    return b"\n".join(json.dumps(value).encode() for value in values)


def _change(value: Any, rng: random.Random) -> None:
    """Walk down at random and change what is there, in place."""
    while True:
        keys = list(value) if isinstance(value, dict) else list(range(len(value)))
        if not keys:
            return
        key = rng.choice(keys)
        if isinstance(value[key], (dict, list)) and value[key] and rng.random() < 0.8:
            value = value[key]
            continue
        kind = rng.randrange(4)
        if kind == 0 and isinstance(value, dict):
            del value[key]
        elif kind == 0:
            value.append(value[key])
        elif kind == 1:
            value[key] = [value[key], deepcopy(rng.choice(VALUES))]
        else:
            value[key] = deepcopy(rng.choice(VALUES))
        return


def _other_cells(data: bytes, rng: random.Random) -> bytes:
    """A table with some cells replaced, a column left out, a name of a column changed or the rows repeated."""
    text = data.decode("utf-8", "replace")
    sign = "\t" if "\t" in text else ","
    rows = [line.split(sign) for line in text.splitlines()]
    kind, column = rng.randrange(5), rng.randrange(len(rows[0]))
    if kind == 0:
        rows = [row[:column] + row[column + 1 :] for row in rows]
    elif kind == 1:
        rows[0][column] = rng.choice([*CELLS, rows[0][column].upper(), f" {rows[0][column]} "])
    elif kind == 2:
        rows += rows[1:] * rng.choice([1, 50])
    for _ in range(rng.choice([0, 1, 3])):
        row = rng.choice(rows[1:] or rows)
        if row:
            cell = rng.choice(CELLS)
            row[rng.randrange(len(row))] = cell if sign not in cell else '"' + cell.replace('"', '""') + '"'
    return "\n".join(sign.join(row) for row in rows).encode()


def refusal(call: Callable[[io.BytesIO], object], file: io.BytesIO) -> str | None:
    """What the IngestError says; None where there is a result."""
    try:
        call(file)
    except ingest.IngestError as error:
        return str(error)
    return None


def complaint(said: str | None, name: str) -> str | None:
    """What is wrong with a refusal: it is one line, ends as a sentence, and names the file."""
    if said is None:
        return None
    if len(said) <= 20 or "\n" in said or said[-1] not in ".!?)…":
        return f"no sentence: {said!r}"
    if name not in said and not name.endswith((".zip", ".xlsx")):
        return f"the file is not named: {said!r}"
    return None


def cases(name: str, count: int, seed: str = "") -> Iterator[tuple[int, bytes, float, list[str]]]:
    """Number, bytes, the longest computing time of a call, and what was found, for each damaged copy of a file.

    Computing time, since a busy machine is no fault of the reader.
    """
    rng = random.Random(name + seed)
    for case in range(count):
        data = damaged(FILES[name], rng)
        longest, found = 0.0, []
        for title, call in CALLS.items():
            start = time.process_time()
            try:
                wrong = complaint(refusal(call, upload(name, data)), name)
            except Exception as error:
                wrong = f"raw {type(error).__name__}: {error}"
            longest = max(longest, time.process_time() - start)
            if wrong:
                found.append(f"{title}: {wrong}")
        if longest > SECONDS:
            found.append(f"{longest:.1f} seconds")
        yield case, data, longest, found


def main(total: int, seed: str = "") -> None:
    """Run, and write what was found and the figures to the standard output."""
    share, done, slowest, findings = -(-total // len(FILES)), 0, 0.0, 0
    os.chdir(tempfile.mkdtemp())
    for name in FILES:
        for case, data, seconds, found in cases(name, share, seed):
            done, slowest = done + 1, max(slowest, seconds)
            for wrong in found:
                findings += 1
                sys.stdout.write(f"{name} {case}: {wrong}\n    {data[:600]!r}\n")
        sys.stdout.flush()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10
    sys.stdout.write(
        f"{done:,} damaged files of {len(FILES)} formats, {done * len(CALLS):,} calls: {findings} findings, slowest call {slowest:.2f} s, "
        f"highest memory {peak:,.0f} MB, {len(os.listdir())} files written.\n"
    )


if __name__ == "__main__":
    main(int(sys.argv[1]), *sys.argv[2:3])
