"""CSV, TSV and their relatives as a table of text."""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections import Counter

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv

from . import limits
from .errors import IngestError, NotRecognisedError
from .memory import frugal_pool
from .report import Notes

DELIMITERS = {",": "comma", "\t": "tab", ";": "semicolon", "|": "vertical bar"}
SNIFFED_RECORDS = 200
SNIFFED_FIRST, SNIFFED_CHARACTERS = 100_000, 1_000_000  # the second where the first hold no whole record
CHUNK = 1 << 20
GUARDED_SIGNS = (b"=", b"+", b"-", b"@", b"\t", b"\r")
GUARD = r"\A'('*[=+\-@\t\r])"
PARSE_BLOCK = 1 << 20  # small blocks parse in parallel; a record that is longer needs one block for the whole file


def decoded(data: bytes, name: str, notes: Notes) -> bytes:
    """The text of a file as UTF-8 bytes, without its byte order mark.

    Raises:
        IngestError: a NUL byte, or an encoding that is not UTF-8, UTF-16 or Windows-1252.
    """
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        notes.assume(f"{name} is in UTF-16, as its first bytes say.")
        try:
            data = data.decode("utf-16").encode()
        except UnicodeError:
            raise IngestError(f"{name}: the first bytes say UTF-16, but the text is not. Save it again as UTF-8.") from None
    elif data.startswith(codecs.BOM_UTF8):
        data = data[len(codecs.BOM_UTF8) :]
    elif not _is_utf8(data):
        data = _windows(data, name, notes)
    if (at := data.find(b"\0")) >= 0:
        row = data.count(b"\n", 0, at) + 1
        raise IngestError(f"{name}, row {row}: there is a NUL byte, so this is no text file or it is damaged. Save it again as UTF-8 text.")
    if not _is_utf8(data):
        raise IngestError(f"{name}: the text is not valid UTF-8. Save it again as UTF-8.")
    return data


def _is_utf8(data: bytes) -> bool:
    if data.isascii():
        return True
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        for start in range(0, len(data), CHUNK):  # in pieces, so that no second copy of the file is in memory
            decoder.decode(data[start : start + CHUNK])
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def _windows(data: bytes, name: str, notes: Notes) -> bytes:
    try:
        text = data.decode("cp1252")
    except UnicodeDecodeError as error:
        row = data.count(b"\n", 0, error.start) + 1
        raise IngestError(
            f"{name}, row {row}: the encoding is not known; it is neither UTF-8 nor UTF-16 nor Windows-1252. Save the file again as UTF-8."
        ) from None
    found = re.findall(r"\w{0,20}[^\x00-\x7f]\w{0,20}", text[:SNIFFED_CHARACTERS])  # bounded: a run of letters may be a megabyte long
    words = list(dict.fromkeys(found))[:5]
    notes.assume(f"{name} is not UTF-8 and was read as Windows-1252; check words such as {', '.join(words) or 'those with accents'}.")
    return text.encode()


def read_delimited(text: bytes, name: str, notes: Notes, *, guarded: bool = True) -> pa.Table:
    """A table of text columns from UTF-8 bytes; the first record is the header.

    Raises:
        IngestError: no delimiter fits, a row has too many or too few cells, two columns share a name.
    """
    text = _without_preamble(text.lstrip(b"\r\n"), name, notes)
    head = text[:SNIFFED_CHARACTERS].decode(errors="ignore")
    start = head[:SNIFFED_FIRST] if "\n" in head[:SNIFFED_FIRST] else head
    delimiter = _sniffed_delimiter(start, len(text) > len(start), name)
    cells = _first_record(head, delimiter, name)
    header = _header(cells, name)
    notes.assume(f"{name}: the cells are separated by a {DELIMITERS[delimiter]}.")
    table = _parse(text, delimiter, len(header), name)
    if b'"' in text:
        _refuse_open_quote(table, text, name)
    refuse_long_cells(table, name)
    guarded = guarded and b"'" in text and any(b"'" + sign in text for sign in GUARDED_SIGNS)
    table = (unguarded(table) if guarded else table).rename_columns(header)
    return _unindented(table, name, notes) if len(cells) > 1 and all(cell.startswith(" ") for cell in cells[1:]) else table


def _without_preamble(text: bytes, name: str, notes: Notes) -> bytes:
    """Without Excel's line sep=; and without lines of comment above the header, which hold fewer delimiters than what follows."""
    while text[:1] == b"#" or text[:4].lower() == b"sep=":
        first, _, rest = text.partition(b"\n")
        second = rest[: max(0, rest.find(b"\n"))] or rest[:SNIFFED_FIRST]
        if text[:1] == b"#" and all(first.count(sign) >= second.count(sign) for sign in map(str.encode, DELIMITERS)):
            break
        notes.assume(f"{name}: the line {first[:60].decode(errors='replace').strip()!r} above the header was passed over.")
        text = rest.lstrip(b"\r\n")
    return text


def _unindented(table: pa.Table, name: str, notes: Notes) -> pa.Table:
    """Without the blank before each cell, where all cells but those of the first column have one ("t1, w1, yes"), as the header has."""
    later = table.columns[1:]
    if not all(pc.all(_indented(column)).as_py() for column in later):
        return table
    notes.assume(f"{name}: the blank after each delimiter was taken away.")
    cut = [table.column(0), *(pc.replace_substring_regex(column, r"\A +", "") for column in later)]
    return pa.table(cut, names=table.column_names)


def _indented(column: pa.ChunkedArray) -> pa.ChunkedArray:
    return pc.or_(pc.starts_with(column, " "), pc.equal(column, ""))


def unguarded(table: pa.Table) -> pa.Table:
    """Without the quote that spreadsheet exports put before what would be a formula: of one or more, one goes."""
    return pa.table([pc.replace_substring_regex(column, GUARD, r"\1") for column in table.columns], names=table.column_names)


def _sniffed_delimiter(head: str, cut: bool, name: str) -> str:
    """The delimiter that gives the same number of cells in every one of the first records, quotes honoured."""
    best, most = "", 0.0
    for delimiter in DELIMITERS:
        quoted = rf'(?:(?<=[{re.escape(delimiter)}\r\n])|\A)"[^"]*+(?:""[^"]*+)*+"'
        records = [line for line in re.sub(quoted, "", head).splitlines() if line]
        counts = [line.count(delimiter) for line in records[: -1 if cut and len(records) > 1 else None][:SNIFFED_RECORDS]]
        if not counts or not counts[0]:
            continue
        # Share of records that agree with the header; a damaged row must not change the delimiter, only be refused.
        agree = sum(count == counts[0] for count in counts) / len(counts)
        if agree > 0.5 and agree + counts[0] * 1e-6 > most:
            best, most = delimiter, agree + counts[0] * 1e-6
    if not best:
        raise NotRecognisedError(f"{name} is no table: no comma, tab, semicolon or vertical bar separates the cells of its rows evenly.")
    return best


def _first_record(head: str, delimiter: str, name: str) -> list[str]:
    try:
        return next(csv.reader(io.StringIO(head, newline=""), delimiter=delimiter))
    except csv.Error:
        raise IngestError(f"{name}, row 1: the header cannot be read. Give each column a short name in the first row.") from None


def _header(cells: list[str], name: str) -> list[str]:
    if len(cells) > limits.MAX_COLUMNS:
        raise IngestError(f"{name} has {len(cells):,} columns; {limits.how_to_raise('MAX_COLUMNS')}.")
    names = [re.sub(GUARD, r"\1", cell.strip()) or f"column {i + 1}" for i, cell in enumerate(cells)]
    refuse_repeated(names, name)
    return names


def refuse_repeated(names: list[str], file: str) -> None:
    """Refuse a header that has a name twice."""
    repeated, times = Counter(names).most_common(1)[0]
    if times > 1:
        raise IngestError(f"{file}, row 1: {times} columns are called {repeated!r}. Give each column its own name.")


def refuse_long_cells(table: pa.Table, name: str) -> None:
    """Refuse a cell that is too long for a name or a text; ordering and comparing such names would take minutes."""
    for column in table.columns:
        # In pieces, so that the lengths of a million cells are not in memory at once.
        longest: int = max((pc.max(pc.binary_length(chunk)).as_py() or 0 for chunk in column.chunks), default=0)
        if longest > limits.MAX_CELL_BYTES:
            lengths = pc.binary_length(column)
            row = pc.index(lengths, pa.scalar(longest, lengths.type)).as_py() + 2
            raise IngestError(f"{name}, row {row}: a cell has {longest:,} bytes; {limits.how_to_raise('MAX_CELL_BYTES')}.")


def _parse(text: bytes, delimiter: str, columns: int, name: str, *, threads: bool = True, block: int = PARSE_BLOCK) -> pa.Table:
    names = [str(i) for i in range(columns)]
    try:
        return pacsv.read_csv(
            pa.BufferReader(text),
            read_options=pacsv.ReadOptions(column_names=names, skip_rows_after_names=1, use_threads=threads, block_size=block),
            parse_options=pacsv.ParseOptions(delimiter=delimiter, newlines_in_values=b'"' in text),
            convert_options=pacsv.ConvertOptions(column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=False),
            memory_pool=frugal_pool(),
        )
    except pa.ArrowInvalid as error:
        message = str(error)
    if "straddling" in message and block < len(text):
        return _parse(text, delimiter, columns, name, threads=threads, block=len(text) + 1)
    if threads:  # only one thread can tell the number of the row
        return _parse(text, delimiter, columns, name, threads=False, block=block)
    bad = re.search(r"Row #(\d+): Expected (\d+) columns, got (\d+)", message)
    if bad:
        raise IngestError(
            f"{name}, row {bad[1]}: there are {bad[3]} cells, but the header has {bad[2]}. "
            'Correct that row; a cell that holds the delimiter needs quotes ("...") around it.'
        )
    raise IngestError(f"{name}: the rows cannot be told apart ({DELIMITERS[delimiter]} as delimiter). Save the file again as CSV.")


def _refuse_open_quote(table: pa.Table, text: bytes, name: str) -> None:
    """A quote that never closes swallows the rest of the file into one cell."""
    if not table.num_rows:
        return
    cell = table.column(table.num_columns - 1)[-1].as_py()
    opened = b'"' + cell.encode().replace(b'"', b'""')
    end = len(text)
    while end and text[end - 1] in b"\r\n":
        end -= 1
    tail = text[max(0, end - len(opened)) : end]  # not the whole text without its last line breaks: that would be a copy of the file
    swallowed = "\n" in cell or "\r" in cell or (cell and tail == opened)
    if swallowed and not tail.endswith(b'"'):
        raise IngestError(f'{name}, row {table.num_rows + 1}: a quote (") opens a cell and never closes. Close it, or write it twice ("").')
