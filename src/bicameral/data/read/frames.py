"""Data frames (pandas, polars, Arrow) and Parquet files, as the cells of a table that any CSV could hold."""

import io
from collections.abc import Mapping, Sequence
from datetime import datetime
from math import isnan
from types import ModuleType
from typing import Any

import narwhals.stable.v2 as nw

from bicameral.data.read.files import Blob
from bicameral.data.read.tables.columns import LABEL
from bicameral.data.read.tables.table import Table
from bicameral.errors import DataError, MissingExtraError

FRAMES = (".parquet", ".feather", ".arrow")
NAME = "frame"


def is_frame(source: Any) -> bool:
    """Return whether something is a data frame, or one with its targets beside it: (frame, y)."""
    if isinstance(source, tuple) and len(source) == 2:
        return is_frame(source[0])
    return isinstance(nw.from_native(source, pass_through=True), nw.DataFrame | nw.LazyFrame)


def table_of(source: Any, name: str = NAME) -> tuple[Table, str | None]:
    """Return the cells of a frame, and the name of the column that y became, where it was given."""
    source, y = source if isinstance(source, tuple) else (source, None)
    frame = nw.from_native(_with_clock(source))
    frame = frame.collect() if isinstance(frame, nw.LazyFrame) else frame
    columns = {str(column): frame[column].to_list() for column in frame.columns}
    label = None
    if y is not None:
        label = _label_name(y, columns)
        columns[label] = list(y)
    return table_of_columns(columns, name), label


def table_of_columns(columns: Mapping[str, Sequence[Any]], name: str) -> Table:
    """Return columns of values as cells: what is missing is empty, a stamp is ISO, a float has its point."""
    counts = {column: len(values) for column, values in columns.items()}
    if len(set(counts.values())) != 1 or not max(counts.values()):
        raise DataError(f"{name} has columns of the lengths {counts}; expected the same, and a row at least")
    return Table(
        name=name,
        columns={column: [_cell(value) for value in values] for column, values in columns.items()},
        lines=list(range(next(iter(counts.values())))),
        header=True,
    )


def read_parquet(blob: Blob) -> Table:
    """Read a Parquet, Feather or Arrow file."""
    polars = _polars()
    reader = polars.read_parquet if blob.suffix == ".parquet" else polars.read_ipc
    try:
        return table_of(reader(io.BytesIO(blob.read())), blob.name)[0]
    except polars.exceptions.PolarsError as error:
        raise DataError(f"{blob.name} is no readable {blob.suffix} file: {error}") from error


def _with_clock(source: Any) -> Any:
    # time stamps in the index of pandas are a column like any other
    index = getattr(source, "index", None)
    return source.reset_index() if type(index).__name__ in ("DatetimeIndex", "PeriodIndex") else source


def _label_name(y: Any, columns: Mapping[str, Any]) -> str:
    named = getattr(y, "name", None)
    return str(named) if named not in (None, "") and str(named) not in columns else _free(columns)


def _free(columns: Mapping[str, Any]) -> str:
    return next(name for name in LABEL if name not in columns)


def _cell(value: Any) -> str:
    if value is None or (isinstance(value, float) and isnan(value)) or str(value) in ("NaT", "<NA>"):
        return ""
    return value.isoformat(sep=" ") if isinstance(value, datetime) else str(value)


def _polars() -> ModuleType:
    try:
        import polars  # pyright: ignore[reportMissingImports]
        import polars.exceptions  # pyright: ignore[reportMissingImports]
    except ImportError as error:
        raise MissingExtraError("polars", "parquet", "reading Parquet and Arrow files") from error
    return polars
