"""CSV, TSV, JSONL and plain number files as columns of cells, packed or not, with or without a header."""

import csv
import json
import math
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from bicameral.data.dataset import Fault
from bicameral.data.read.files import Blob
from bicameral.errors import DataError

TABLES = (".csv", ".tsv", ".jsonl", ".txt", ".tab")
MISSING = ("", "na", "n/a", "nan", "null", "none", "?", "-")
BAD_SHARE = 0.1  # a column with more unreadable cells than this is not a column of numbers
HEADER_WORDS = {
    "file", "filename", "path", "label", "labels", "class", "category", "sentiment", "target", "y", "group",
    "split", "text", "sentence", "review", "comment", "content", "message", "question", "document", "title",
    "id", "unique_id", "series_id", "ds", "date", "time", "timestamp", "datetime", "row",
}  # fmt: skip
Row = tuple[int, list[str]]  # the line in the file and its cells


@dataclass(frozen=True, kw_only=True)
class Table:
    """Columns of equal length, every cell as it is written."""

    name: str
    columns: dict[str, list[str]]
    lines: list[int]  # the line in the file of each row
    header: bool  # whether the names of the columns stand in the file
    faults: tuple[Fault, ...] = ()
    sources: list[str] = field(default_factory=list)  # the file of each row, where several were joined

    def __len__(self) -> int:
        return len(self.lines)

    @property
    def seen(self) -> str:
        """The column names for a message, at most twelve."""
        names = list(self.columns)
        return ", ".join(names[:12]) + (f", ... ({len(names)} in all)" if len(names) > 12 else "")

    def where(self, row: int) -> str:
        """Return file:line of a row."""
        return f"{self.sources[row] if self.sources else self.name}:{self.lines[row]}"

    def unread(self, column: str, rows: Sequence[int]) -> list[Fault]:
        """Name the cells of a column of numbers that hold none."""
        cells = self.columns[column]
        what = "no number that can be used; kept as missing"
        return [Fault(self.where(row), f"{column} is {cells[row]!r}, {what}") for row in rows]

    def rows(self, keep: Sequence[int]) -> "Table":
        """Return some of the rows."""
        columns = {name: [cells[row] for row in keep] for name, cells in self.columns.items()}
        sources = [self.sources[row] for row in keep] if self.sources else []
        lines = [self.lines[row] for row in keep]
        return Table(
            name=self.name,
            columns=columns,
            lines=lines,
            header=self.header,
            faults=self.faults,
            sources=sources,
        )


def read_table(blob: Blob, *, delimiter: str | None = None, header: bool | None = None) -> Table:
    """Read one file; rows that are too short, too long or not UTF-8 become faults."""
    text, faults = _text(blob)
    if blob.suffix == ".jsonl":
        rows, more = _json_rows(text, blob.name)
        header = True
    else:
        delimiter = delimiter or _delimiter(text, blob.suffix)
        rows, more = list(_rows(text, delimiter, blob)), []
    faults += more
    if not rows:
        first = f": {faults[0].where} is {faults[0].what}" if faults else ""
        raise DataError(f"{blob.name} holds no row{first}; expected rows of cells, for example label,text")
    return _assemble(blob.name, rows, header, faults)


def numbers(cells: Sequence[str]) -> tuple[np.ndarray, list[int]] | None:
    """Return the cells as float64 (missing = NaN) and the rows without a finite number; None if too many."""
    plain = ["nan" if cell.strip().lower() in MISSING else cell for cell in cells]
    try:
        values = np.array(plain, dtype=np.str_).astype(np.float64)
    except ValueError:
        values = np.array([_number(cell) for cell in plain])
    unknown = np.flatnonzero(~(np.abs(values) <= np.finfo(np.float32).max))
    bad = [int(row) for row in unknown if plain[row] != "nan"]
    values[bad] = np.nan
    return (values, bad) if len(bad) <= BAD_SHARE * len(cells) else None


def is_number(cell: str) -> bool:
    """Return whether the cell is written as a number."""
    return not np.isnan(_number(cell))


def _number(cell: str) -> float:
    try:
        return float(cell)
    except ValueError:
        return float("nan")


def _text(blob: Blob) -> tuple[str, list[Fault]]:
    data = blob.read()
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return data.decode("utf-16", errors="replace"), []
    text = data.decode("utf-8-sig", errors="surrogateescape")
    if not re.search("[\udc80-\udcff]", text):
        return text, []
    faults, kept = [], []
    for number, line in enumerate(text.splitlines(keepends=True), start=1):
        broken = re.search("[\udc80-\udcff]", line)
        faults += [Fault(f"{blob.name}:{number}", "not UTF-8; save the file as UTF-8")] if broken else []
        kept.append("\n" if broken else line)
    return "".join(kept), faults


def _delimiter(text: str, suffix: str) -> str:
    if suffix in (".tsv", ".tab"):
        return "\t"
    lines = [line for line in text[:65536].splitlines()[:20] if line.strip()]
    for sign in ",;\t|":
        counts = [line.count(sign) for line in lines]
        if counts and min(counts) > 0 and max(Counter(counts).values()) * 2 > len(counts):
            return sign
    return " " if suffix == ".txt" else ","


def _rows(text: str, delimiter: str, blob: Blob) -> Iterator[Row]:
    if delimiter == ",":
        yield from _quoted_rows(text, delimiter, blob)
        return
    # elsewhere quotes are text, and a reader that honours them swallows rows
    for number, line in enumerate(text.split("\n"), start=1):
        line = line.rstrip("\r")
        if line.strip():
            yield number, line.split() if delimiter == " " else line.split(delimiter)


def _quoted_rows(text: str, delimiter: str, blob: Blob) -> Iterator[Row]:
    csv.field_size_limit(2**31 - 1)
    reader = csv.reader(text.splitlines(keepends=True), delimiter=delimiter)
    try:
        for cells in reader:
            if any(cells):
                yield reader.line_num, cells
    except csv.Error as error:
        raise DataError(f"{blob.name}:{reader.line_num} is not CSV: {error}") from error


def _json_rows(text: str, name: str) -> tuple[list[Row], list[Fault]]:
    found: list[tuple[int, dict[str, object]]] = []
    faults = []
    for number, line in enumerate(text.splitlines(), start=1):
        try:
            value = json.loads(line) if line.strip() else None
        except json.JSONDecodeError as error:
            value = f"not JSON: {error.msg}"
        if isinstance(value, dict):
            found.append((number, value))
        elif value is not None:
            reason = value if isinstance(value, str) else "not an object like {...}"
            faults.append(Fault(f"{name}:{number}", reason))
    keys = list(dict.fromkeys(key for _, value in found for key in value))
    rows = [(number, [_cell(value.get(key)) for key in keys]) for number, value in found]
    return [(0, keys), *rows] if rows else [], faults


def _cell(value: object) -> str:
    return "" if value is None else str(value)


def _assemble(name: str, rows: list[Row], header: bool | None, faults: list[Fault]) -> Table:
    header = _has_header(rows) if header is None else header
    width = Counter(len(cells) for _, cells in rows[:1000]).most_common(1)[0][0]
    width = len(rows[0][1]) if header else width
    names = _names(rows[0][1]) if header else [str(column) for column in range(width)]
    kept = []
    for line, cells in rows[header:]:
        if len(cells) == width:
            kept.append((line, cells))
        else:
            faults.append(Fault(f"{name}:{line}", f"{len(cells)} cells where {width} belong"))
    if not kept:
        reason = f"; the first fault is {faults[0].where}: {faults[0].what}" if faults else ""
        raise DataError(f"{name} has no rows below its header ({', '.join(names[:12])}){reason}")
    columns = {column: [cells[place] for _, cells in kept] for place, column in enumerate(names)}
    lines = [line for line, _ in kept]
    return Table(name=name, columns=columns, lines=lines, header=bool(header), faults=tuple(faults))


def _has_header(rows: list[Row]) -> bool:
    first = rows[0][1]
    if any(cell.strip().lower() in HEADER_WORDS for cell in first):
        return True
    second = rows[1][1] if len(rows) > 1 else []
    if not any(map(is_number, first)):
        return any(map(is_number, second))
    return all(map(is_number, first)) and _are_numbered_names(first, [cells for _, cells in rows[1:100]])


def _are_numbered_names(first: list[str], below: list[list[str]]) -> bool:
    """Whether they are the numbers of sensors: whole, all different, far above whatever is measured."""
    values = [abs(float(cell)) for cells in below for cell in cells if is_number(cell)]
    whole = all(cell.strip().isdigit() for cell in first)
    return (
        whole
        and len(set(first)) == len(first) > 1
        and min(map(float, first)) > 10 * max(values, default=math.inf)
    )


def _names(cells: list[str]) -> list[str]:
    names: list[str] = []
    for column, cell in enumerate(cells):
        name = cell.strip() or f"column {column + 1}"
        names.append(name if name not in names else f"{name} ({column + 1})")
    return names
