"""Tables: joining the files of the parts, and telling texts, labelled series and forecasts apart."""

from collections.abc import Iterable

from bicameral.data.dataset import Dataset
from bicameral.data.read.files import Blob
from bicameral.data.read.frames import FRAMES, read_parquet
from bicameral.data.read.labelled_series import read_long, read_rows, roles
from bicameral.data.read.labels.join import join
from bicameral.data.read.labels.parts import part_in_stem
from bicameral.data.read.request import Request
from bicameral.data.read.series import read_series
from bicameral.data.read.tables.columns import SPLIT, TIME, pick
from bicameral.data.read.tables.numerals import numbers
from bicameral.data.read.tables.stamps import stamps
from bicameral.data.read.tables.table import Table, read_table
from bicameral.data.read.texts import looks_like_texts, read_text_table
from bicameral.errors import DataError

FORMAT = ("delimiter", "header")  # options of the table itself, whatever it holds
HEAD = 5  # rows that tell numbers from words
CLOCKS = ("month", "year", "week", "day", "quarter", "hour", "period")


def read_tables(request: Request, parts: dict[str, Blob]) -> Dataset:
    """Read one table, or the tables of a published split, as what their columns say they are."""
    table = _table(request, parts)
    if isinstance(request.options.get("labels"), str):
        path = next(iter(parts.values())).path.parent / request.options["labels"]
        asked = {role: request.options.get(role) for role in ("id", "group", "split")}
        table = join(table, path, target=request.target, **asked)
        request = request.without("labels", "group", "split", target="label")
    return read_table_as(request.without(*FORMAT), table, is_archive=_is_archive(table, parts))


def read_table_as(request: Request, table: Table, *, is_archive: bool = False) -> Dataset:
    """Read a table as what its columns say it is: texts, labelled rows or series, or one to be forecast.

    is_archive  of the UCR: parts, no header, the label first
    """
    if request.kind == "text" or (request.kind is None and looks_like_texts(table)):
        return request.call(read_text_table, request.name, table)
    if request.kind not in (None, "series"):
        raise DataError(
            f"{request.name} is a table, which is read as text or series, not as {request.kind!r}"
        )
    if request.options.get("labels") is False:
        return request.without("labels").call(read_rows, request.name, table, label=None)
    if is_archive:
        return request.call(read_rows, request.name, table, label=next(iter(table.columns)))
    return _read_series(request, table)


def _read_series(request: Request, table: Table) -> Dataset:
    """Choose by the columns: id and one label an id, a label a row, or a series to be forecast."""
    target = request.target if isinstance(request.target, str) else None
    if "ds" in table.columns and "answer" not in request.options:
        return request.call(read_series, request.name, table)
    label, series_id = roles(table, target, request.options.get("id"))
    if label and series_id and not _varies(table, label, series_id):
        return request.without("id").call(read_long, request.name, table, id=series_id, label=label)
    rows_wanted = "answer" in request.options
    if label and (rows_wanted or not (series_id or _has_clock(table, request.options.get("time")))):
        return request.call(read_rows, request.name, table, label=label)
    return request.call(read_series, request.name, table)


def _table(request: Request, parts: dict[str, Blob]) -> Table:
    options = {key: request.options[key] for key in FORMAT if key in request.options}
    if request.kind == "text" and request.options.get("labels") is False and _are_lines(parts):
        options = {"delimiter": "\n", "header": False} | options  # one text a line
    tables = {
        part: read_parquet(blob) if blob.suffix in FRAMES else read_table(blob, **options)
        for part, blob in parts.items()
    }
    return next(iter(tables.values())) if len(tables) == 1 else _joined(request.name, tables)


def _are_lines(parts: dict[str, Blob]) -> bool:
    return all(blob.suffix == ".txt" for blob in parts.values())


def _joined(name: str, tables: dict[str, Table]) -> Table:
    """Put the tables of the parts below each other, with the part as a column."""
    first, *others = tables.values()
    for other in others:
        if set(other.columns) != set(first.columns):
            raise DataError(f"{first.name} has the columns {first.seen}, but {other.name} has {other.seen}")
    columns = {column: _stacked(tables.values(), column) for column in first.columns}
    columns |= {"split": [part for part, table in tables.items() for _ in range(len(table))]}
    return Table(
        name=name,
        columns=columns,
        lines=[line for table in tables.values() for line in table.lines],
        header=first.header,
        faults=tuple(fault for table in tables.values() for fault in table.faults),
        sources=[table.name for table in tables.values() for _ in range(len(table))],
    )


def _stacked(tables: Iterable[Table], column: str) -> list[str]:
    return [cell for table in tables for cell in table.columns[column]]


def _is_archive(table: Table, parts: dict[str, Blob]) -> bool:
    """Return whether this is of the UCR archive: parts, no header, only numbers, the label first."""
    cells = (cells[:HEAD] for column, cells in table.columns.items() if column not in SPLIT)
    told = len(parts) > 1 or any(part_in_stem(blob.stem)[1] for blob in parts.values())
    return told and not table.header and all(numbers(head) is not None for head in cells)


def _has_clock(table: Table, asked: str | None) -> bool:
    first = next(iter(table.columns))
    named = pick(table, (*TIME, *CLOCKS), asked) is not None
    return named or stamps(table.columns[first]) is not None


def _varies(table: Table, label: str, series_id: str) -> bool:
    """Return whether the label changes inside most ids, so that it is a value and no label."""
    found: dict[str, set[str]] = {}
    for key, cell in zip(table.columns[series_id], table.columns[label], strict=True):
        found.setdefault(key, set()).add(cell)
    return sum(len(labels) > 1 for labels in found.values()) * 2 > len(found)
