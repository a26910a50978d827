"""CSV, TSV, JSONL and plain number files as columns of cells, packed or not, with or without a header."""

import gc
import math
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from bicameral.data.dataset import Fault
from bicameral.data.read.files import Blob
from bicameral.data.read.tables.numerals import is_number, is_numeral
from bicameral.data.read.tables.rows import Row, rows_of
from bicameral.errors import DataError

TABLES = (".csv", ".tsv", ".jsonl", ".txt", ".tab")
HEADER_WORDS = {
    "file", "filename", "path", "label", "labels", "class", "category", "sentiment", "target", "y", "group",
    "split", "text", "sentence", "review", "comment", "content", "message", "question", "document", "title",
    "id", "unique_id", "series_id", "ds", "date", "time", "timestamp", "datetime", "row",
}  # fmt: skip


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
    with _uncollected():
        rows, faults = rows_of(blob, delimiter)
        return _table(blob, rows, faults, header)


@contextmanager
def _uncollected() -> Iterator[None]:
    # half of the time of a large table goes into looking for circles among its cells, where there are none
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


def _table(blob: Blob, rows: list[Row], faults: list[Fault], header: bool | None) -> Table:
    if not rows:
        first = f": {faults[0].where} is {faults[0].what}" if faults else ""
        raise DataError(f"{blob.name} holds no row{first}; expected rows of cells, for example label,text")
    return _assemble(blob.name, rows, True if blob.suffix == ".jsonl" else header, faults)


def _assemble(name: str, rows: list[Row], header: bool | None, faults: list[Fault]) -> Table:
    header = _has_header(rows) if header is None else header
    width = Counter(len(cells) for _, cells in rows[:1000]).most_common(1)[0][0]
    width = len(rows[0][1]) if header else width
    names = _names(rows[0][1]) if header else [str(column) for column in range(width)]
    below = rows[header:]
    kept = [row for row in below if len(row[1]) == width]
    if len(kept) < len(below):
        wrong = ((line, len(cells)) for line, cells in below if len(cells) != width)
        faults += [Fault(f"{name}:{line}", f"{count} cells where {width} belong") for line, count in wrong]
    if not kept:
        reason = f"; the first fault is {faults[0].where}: {faults[0].what}" if faults else ""
        raise DataError(f"{name} has no rows below its header ({', '.join(names[:12])}){reason}")
    columns = dict(zip(names, map(list, zip(*(cells for _, cells in kept), strict=True)), strict=True))
    lines = [line for line, _ in kept]
    return Table(name=name, columns=columns, lines=lines, header=bool(header), faults=tuple(faults))


def _has_header(rows: list[Row]) -> bool:
    first = rows[0][1]
    if any(cell.strip().lower() in HEADER_WORDS for cell in first):
        return True
    second = rows[1][1] if len(rows) > 1 else []
    if not any(map(is_number, first)):
        return any(map(is_numeral, second))
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
    taken: set[str] = set()
    names: list[str] = []
    for column, cell in enumerate(cells):
        name = cell.strip() or f"column {column + 1}"
        names.append(name if name not in taken else f"{name} ({column + 1})")
        taken.add(names[-1])
    return names
