"""Damaged files of every format that is read or written, and bombs: a result or one sentence, within 5 seconds and 1 GiB.

CROWDLENS_FUZZ=5000 runs as many cases; 300 are the default. `python -m tests.ingest.fuzz 5000` goes on after a finding and tells figures.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from tests.ingest import fuzz
from tests.ingest.fuzz import FILES, MEMORY, SECONDS

CASES = int(os.environ.get("CROWDLENS_FUZZ", "300"))


@pytest.mark.parametrize("name", FILES)
def test_damaged_files_end_in_a_result_or_a_sentence(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Labels, or one IngestError of one line that ends as a sentence; in time, in memory, and nothing appears on disk."""
    monkeypatch.chdir(tmp_path)
    for case, data, _, found in fuzz.cases(name, -(-CASES // len(FILES))):
        assert found == [], (case, data)

    assert list(tmp_path.iterdir()) == []
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 < 2 * MEMORY  # of the whole test run


# Computing time: a busy machine is no fault of the reader.
BOMBS = '''
import gzip, io, json, resource, sys, time, zipfile
import numpy as np
from multiannotator_core import ingest

def named(name, data):
    file = io.BytesIO(data if isinstance(data, bytes) else data.encode())
    file.name = name
    return file

def zipped(name, entries, level=9):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=level) as archive:
        for entry, content in entries:
            archive.writestr(entry, content)
    return named(name, out.getvalue())

def header(shape, descr="<f8"):
    out = io.BytesIO()
    np.lib.format.write_array_header_2_0(out, {"descr": descr, "fortran_order": False, "shape": shape})
    return out.getvalue()

def lying():
    """A zip whose directory says that its entry is small."""
    data = zipped("x.zip", [("a.csv", b"task,worker,label\\n" + b"t,w,a\\n" * 5_000_000)], 1).getvalue()
    return named("x.zip", data.replace((18 + 30_000_000).to_bytes(4, "little"), (100).to_bytes(4, "little")))

ROW = b"t1,w1,a\\n"
CASES = {
    "zip of blanks": lambda: zipped("x.zip", [("a.csv", b" " * 60_000_000)]),
    "zip of many": lambda: zipped("x.zip", [(f"{i}.csv", b"\\n" * 1_000_000) for i in range(60)]),
    "zip that lies": lying,
    "zip with 120,000 files": lambda: zipped("x.zip", [(f"{i}.csv", b"") for i in range(120_000)], 0),
    "gzip of blanks": lambda: named("x.gz", gzip.compress(b" " * 60_000_000)),
    "gzip of gzips": lambda: named("x.gz", gzip.compress(b"\\0" * 10_000_000) * 200),
    "npz that declares 1 GiB": lambda: zipped("x.npz", [("a.npy", header((2**27,)))]),
    "npy that declares 2**60": lambda: named("x.npy", header((2**30, 2**30))),
    "npy of texts": lambda: named("x.npy", header((2, 2), "<U500000000")),
    "npy of negative shape": lambda: named("x.npy", header((2, 2)).replace(b"(2, 2)", b"(-2,2)")),
    "a million columns": lambda: named("x.csv", ",".join(map(str, range(1_000_000))) + "\\n" + "a," * 999_999 + "a"),
    "a million columns, quoted": lambda: named("x.csv", ",".join(f'"{i}"' for i in range(1_000_000)) + "\\n"),
    "a million keys": lambda: named("x.json", json.dumps([{str(i): i for i in range(1_000_000)}])),
    "JSON 10,000 deep": lambda: named("x.json", "[" * 10_000 + "]" * 10_000),
    "JSON a million deep": lambda: named("x.json", '{"a":' * 1_000_000),
    "100,000 classes": lambda: named("x.csv", "task,worker,label\\n" + "".join(f"t{i % 9},w{i % 5},c{i}\\n" for i in range(100_000))),
    "100,000 annotators": lambda: named("x.csv", "task,worker,label\\n" + "".join(f"t{i % 9},w{i},c{i % 3}\\n" for i in range(100_000))),
    "a cell of 50 MB": lambda: named("x.csv", b"task,worker,label\\nt1,w1," + b"a" * 50_000_000),
    "a quote that never closes": lambda: named("x.csv", b'task,worker,label\\n"' + ROW * 3_000_000),
    "a line of 10 MB": lambda: named("x.csv", b"x" * 10_000_000),
    "quotes only": lambda: named("x.csv", b'"' * 10_000_000),
    "commas only": lambda: named("x.csv", b"," * 10_000_000),
    "newlines only": lambda: named("x.csv", b"\\n" * 10_000_000),
    "digits of a number": lambda: named("x.json", b'[{"task": ' + b"9" * 1_000_000 + b', "worker": 1, "label": 1}]'),
    "escapes": lambda: named("x.json", b'["' + b"\\\\ud800" * 1_000_000 + b'"]'),
    "names of 100 kB": lambda: named("x.csv", b"task,worker,label\\n" + b"".join(b"%d,w,%s\\n" % (i, b"y" * 100_000) for i in range(20))),
    "a JSON text of 50 MB": lambda: named("x.json", json.dumps([{"task": "t", "worker": "w", "label": "a" * 50_000_000}])),
}
from multiannotator_core.ingest import limits
told = {}
for case, make in CASES.items():
    file = make()
    slowest, said = 0.0, None
    for call in (ingest.read, ingest.propose):
        start = time.process_time()
        try:
            call(file)
        except ingest.IngestError as error:
            said = str(error)
        except BaseException as error:
            said = f"RAW {error!r}"
        slowest = max(slowest, time.process_time() - start)
    told[case] = [slowest, said if said is None else said[:500]]
    told[case].append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)
sys.stdout.write(json.dumps(told))
'''


@pytest.fixture(scope="module")
def bombs() -> dict[str, tuple[float, str | None, int]]:
    """Each bomb in a process of its own making: case -> seconds, what was said, highest memory until then."""
    root = Path(__file__).parent.parent.parent
    env = {**os.environ, "PYTHONPATH": str(root), "OMP_NUM_THREADS": "1"}
    done = subprocess.run([sys.executable, "-c", BOMBS], env=env, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


RESULTS = {"100,000 annotators", "names of 100 kB", "digits of a number"}  # large, but nothing wrong with them


def test_bombs_end_in_a_sentence(bombs: dict[str, tuple[float, str | None, int]]) -> None:
    """Zips, arrays, JSON and tables that are small outside and huge inside are refused, never by a raw error."""
    for case, (_, said, _) in bombs.items():
        assert (said is None) if case in RESULTS else (said is not None and not said.startswith("RAW")), (case, said)


def test_bombs_take_neither_time_nor_memory(bombs: dict[str, tuple[float, str | None, int]]) -> None:
    """Reading and proposing take at most five seconds of computing each, and the process never had more than 1 GiB."""
    slow = {case: seconds for case, (seconds, _, _) in bombs.items() if seconds > SECONDS}

    assert slow == {}
    assert max(memory for _, _, memory in bombs.values()) < MEMORY
