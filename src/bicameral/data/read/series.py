"""CSV to be forecast: one series in a wide table, several in a long one with ids, or one a row."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from bicameral.data.dataset import Dataset, Fault
from bicameral.data.read.tables.columns import TIME, VALUE, pick, repeating_id
from bicameral.data.read.tables.numerals import BAD_SHARE, is_number, numbers
from bicameral.data.read.tables.stamps import UNITS, assembled, gaps, in_order, order_faults, stamps
from bicameral.data.read.tables.table import Table
from bicameral.errors import DataError

LEVELS = 20  # a column of words with at most so many different ones becomes one 0/1 channel a word
NUMBERING = ("no", "nr", "#", "index", "row", "id", "unnamed: 0", "column 1")  # columns that may count rows
Columns = dict[str, np.ndarray]


@dataclass(frozen=True, kw_only=True)
class Numeric:
    """What a table holds besides ids: channels, the clock, and what could not be used."""

    channels: Columns
    times: np.ndarray | None
    faults: list[Fault]

    @property
    def values(self) -> np.ndarray:
        """All channels side by side, float32 (t d)."""
        return np.stack(list(self.channels.values()), axis=1).astype(np.float32)


def read_series(
    name: str,
    table: Table,
    *,
    target: str | Sequence[str] | None = None,
    time: str | None = None,
    id: str | None = None,  # noqa: A002  the word people use for the column
) -> Dataset:
    """Read one or several series to be forecast; `target` names what, else every channel is."""
    if _is_one_a_row(table):
        return _rows(name, table)
    series_id = pick(table, ("unique_id", "series_id"), id) or repeating_id(table)
    numeric = numeric_part(table, time=time, leave_out={series_id} if series_id else set())
    wanted = _targets(target, numeric, table)
    rows = by_id(table.columns[series_id]) if series_id else {name: np.arange(len(table))}
    values, times, faults = [], [], []
    for key, members in rows.items():
        piece, clock, more = _one_series(numeric, members, key, table)
        values.append(piece)
        times.append(clock)
        faults += more
    _not_all_missing(values, table)
    return Dataset(
        name=name,
        kind="series",
        items=values,
        ids=list(rows),
        groups=np.array(list(rows)) if series_id else None,
        times=times if numeric.times is not None else None,
        columns=tuple(numeric.channels),
        target_columns=wanted,
        faults=(*table.faults, *numeric.faults, *faults),
    )


def numeric_part(table: Table, *, time: str | None, leave_out: set[str]) -> Numeric:
    """Divide a table into clock and channels; words become 0/1 channels, the rest is named as a fault."""
    clock_column, times = _clock(table, time)
    faults: list[Fault] = []
    if clock_column is not None and times is None:
        faults.append(
            Fault(f"{table.name}, column {clock_column}", "no time stamps; rows follow as they stand")
        )
    channels: Columns = {}
    for column, cells in table.columns.items():
        if column not in leave_out | {clock_column}:
            found, more = _channel(column, cells, table)
            channels |= found
            faults += more
    if (
        times is None
        and (times := assembled({name.lower(): values for name, values in channels.items()})) is not None
    ):
        channels = {name: values for name, values in channels.items() if name.lower() not in UNITS}
    if not any(name in table.columns for name in channels):
        raise DataError(f"{table.name} has no column of numbers; its columns are {table.seen}")
    return Numeric(channels=channels, times=times, faults=faults)


def number_columns(table: Table, names: Sequence[str]) -> tuple[Columns, list[Fault]]:
    """Return those of the columns that hold numbers; what is left out or kept as missing becomes a fault."""
    found: Columns = {}
    faults = []
    for name in names:
        if parsed := numbers(table.columns[name]):
            found[name] = parsed[0]
            faults += table.unread(name, parsed[1])
        else:
            faults.append(Fault(f"{table.name}, column {name}", "left out: no numbers"))
    if not found:
        raise DataError(f"{table.name} has no column of numbers; its columns are {table.seen}")
    return found, faults


def feature_columns(table: Table, leave_out: set[str]) -> tuple[Columns, list[Fault]]:
    """Return the columns as features: numbers, and one of 0 and 1 for each of a few words."""
    found: Columns = {}
    faults: list[Fault] = []
    for column, cells in table.columns.items():
        if column not in leave_out:
            more, wrong = _channel(column, cells, table)
            found |= more
            faults += wrong
    if not found:
        raise DataError(f"{table.name} has no column of numbers; its columns are {table.seen}")
    return found, faults


def by_id(cells: Sequence[str]) -> dict[str, np.ndarray]:
    """Return the rows of each id, in the order in which the ids first occur."""
    found: dict[str, list[int]] = {}
    for row, cell in enumerate(cells):
        found.setdefault(cell, []).append(row)
    return {key: np.array(rows) for key, rows in found.items()}


def _is_one_a_row(table: Table) -> bool:
    """Return whether the table is like those of the M4: a name, then numbered columns, empty at the end."""
    key, *steps = table.columns
    numbered = [int(hit[0]) for step in steps if (hit := re.search(r"\d+$", step))]
    in_a_row = len(numbered) == len(steps) > 2 and set(np.diff(numbered)) == {1}
    return in_a_row and len(set(table.columns[key])) == len(table) and numbers(table.columns[key]) is None


def _rows(name: str, table: Table) -> Dataset:
    key, *steps = table.columns
    columns, faults = number_columns(table, steps)
    values = np.stack(list(columns.values()), axis=1).astype(np.float32)
    return Dataset(
        name=name,
        kind="series",
        items=[unpadded(row)[:, None] for row in values],
        ids=list(table.columns[key]),
        groups=np.array(table.columns[key]),
        columns=("value",),
        target_columns=("value",),
        faults=(*table.faults, *faults),
    )


def unpadded(values: np.ndarray) -> np.ndarray:
    """Return a row without the missing values behind its last one."""
    known = np.flatnonzero(~np.isnan(values))
    return values[: known[-1] + 1] if len(known) else values[:0]


def _clock(table: Table, asked: str | None) -> tuple[str | None, np.ndarray | None]:
    column = pick(table, TIME, asked) or next(iter(table.columns))
    times = stamps(table.columns[column])
    if times is not None and np.isnat(times).mean() <= BAD_SHARE:
        return column, times
    counted = numbers(table.columns[column])
    if column.strip().lower() in TIME or asked:
        return column, counted[0] if counted else None
    return None, None


def _channel(column: str, cells: list[str], table: Table) -> tuple[Columns, list[Fault]]:
    parsed = numbers(cells)
    if parsed is None and 2 * sum(map(is_number, cells)) > len(cells):
        return {}, [Fault(f"{table.name}, column {column}", "left out: hardly a number that can be used")]
    if parsed is None:
        return _words(column, cells, table)
    values, bad = parsed
    if column.lower() in NUMBERING and bool((np.diff(values) == 1).all()):
        return {}, [Fault(f"{table.name}, column {column}", "left out: it numbers the rows")]
    return {column: values}, table.unread(column, bad)


def _words(column: str, cells: list[str], table: Table) -> tuple[Columns, list[Fault]]:
    levels = sorted(set(cells))
    if len(levels) > LEVELS:
        what = f"left out: {len(levels)} different words, at most {LEVELS} become channels"
        return {}, [Fault(f"{table.name}, column {column}", what)]
    words = np.array(cells)
    return {f"{column}={level}": (words == level).astype(np.float64) for level in levels}, []


def _targets(target: str | Sequence[str] | None, numeric: Numeric, table: Table) -> tuple[str, ...]:
    names = list(numeric.channels)
    if target is None:
        lower = {name.lower(): name for name in names}
        usual = [lower[name] for name in VALUE if name in lower]
        if not usual and (lost := next((name for name in table.columns if name.lower() in VALUE), None)):
            raise DataError(f"{table.name} is to be forecast by its column {lost!r}: {_why(lost, numeric)}")
        return tuple(usual[:1] or names)
    wanted = (target,) if isinstance(target, str) else tuple(target)
    for name in wanted:
        if name not in names:
            raise DataError(
                f"{table.name} has no channel called {name!r} to forecast; channels: {', '.join(names)}"
            )
    return wanted


def _why(column: str, numeric: Numeric) -> str:
    told = (fault.what for fault in numeric.faults if fault.where.endswith(f", column {column}"))
    return next(told, "holds no numbers") + "; mend it, or pass target= for another one"


def _one_series(
    numeric: Numeric, rows: np.ndarray, key: str, table: Table
) -> tuple[np.ndarray, Any, list[Fault]]:
    values = numeric.values[rows]
    if numeric.times is None:
        return values, None, []
    times = numeric.times[rows]
    keep, bad = in_order(times)
    faults = order_faults(bad, lambda row: table.where(int(rows[row])))
    values, times, missing = _on_grid(values[keep], times[keep])
    if missing:
        faults.append(Fault(key, f"{missing} time steps are not in the file; kept as missing values"))
    return values, times, faults


def _on_grid(values: np.ndarray, times: np.ndarray) -> tuple[np.ndarray, np.ndarray, int]:
    places, missing = gaps(times)
    if not missing:
        return values, times, 0
    whole = np.full((places[-1] + 1, values.shape[1]), np.nan, dtype=np.float32)
    whole[places] = values
    step = np.median(np.diff(times).astype(np.int64 if times.dtype.kind == "M" else np.float64))
    if times.dtype.kind == "M":
        return whole, times[0] + np.arange(len(whole)) * np.timedelta64(int(step), "s"), missing
    return whole, times[0] + np.arange(len(whole)) * step, missing


def _not_all_missing(values: list[np.ndarray], table: Table) -> None:
    if all(np.isnan(piece).all() for piece in values):
        raise DataError(f"{table.name} holds no number at all in its channels: everything is missing")
