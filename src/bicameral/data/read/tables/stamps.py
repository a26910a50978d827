"""Time stamps: reading them, and what is wrong with their order."""

from collections.abc import Callable, Sequence
from datetime import datetime

import numpy as np

from bicameral.data.dataset import Fault
from bicameral.data.read.tables.zones import without_zones

FORMATS = (
    "%d/%m/%Y", "%m/%d/%Y", "%d/%m/%Y %H:%M", "%m/%d/%Y %H:%M", "%d/%m/%Y %H:%M:%S", "%m/%d/%Y %H:%M:%S",
    "%d.%m.%Y", "%d.%m.%Y %H:%M", "%d.%m.%Y %H:%M:%S", "%d-%m-%Y", "%d-%m-%Y %H:%M", "%Y/%m/%d",
    "%Y/%m/%d %H:%M", "%Y/%m/%d %H:%M:%S", "%b %d, %Y", "%d %b %Y", "%Y.%m.%d",
    "%d/%m/%Y %I:%M %p", "%m/%d/%Y %I:%M %p", "%d/%m/%Y %I:%M:%S %p", "%m/%d/%Y %I:%M:%S %p",
    "%Y-%m-%d %I:%M %p", "%Y-%m-%d %I:%M:%S %p",
)  # fmt: skip
UNITS = ("year", "month", "day", "hour", "minute")
RARE = 0.05  # gaps above this share of steps are the rhythm of the data (weekends), not missing rows


def stamps(cells: Sequence[str]) -> np.ndarray | None:
    """Return the cells as datetime64[s] (unreadable = NaT), or None if they are no dates."""
    if not cells or not any(sign in cells[0] for sign in "-/. "):
        return None
    plain, ahead = without_zones(cells)
    found = _iso(plain) if _is_iso(plain[0]) else _formatted(plain)
    return found if found is None or ahead is None else found - ahead


def assembled(columns: dict[str, np.ndarray]) -> np.ndarray | None:
    """Return stamps from the columns year, month, day, hour, minute, where at least the year is there."""
    if "year" not in columns or "month" not in columns:
        return None
    stamp = columns["year"].astype(np.int64).astype("U4").astype("datetime64[M]")
    stamp = (stamp + (columns["month"].astype(np.int64) - 1)).astype("datetime64[D]")
    stamp = (stamp + (columns.get("day", np.ones(len(stamp))).astype(np.int64) - 1)).astype("datetime64[s]")
    for unit, seconds in (("hour", 3600), ("minute", 60)):
        stamp = stamp + (columns.get(unit, np.zeros(len(stamp))) * seconds).astype("timedelta64[s]")
    return stamp


def in_order(times: np.ndarray) -> tuple[np.ndarray, dict[int, str]]:
    """Return the rows to keep, in order of time, and what is wrong with each row left out.

    A file that runs backwards throughout is turned round.
    """
    rows = np.arange(len(times))
    missing = np.isnat(times) if times.dtype.kind == "M" else np.isnan(times)
    if len(times) > 1 and bool((times[1:] < times[:-1]).all()):
        return rows[::-1], {}
    if not missing.any() and bool((times[1:] > times[:-1]).all()):
        return rows, {}
    bad = {int(row): "time stamp cannot be read" for row in rows[missing]}
    latest = None
    for row in rows[~missing]:
        if latest is not None and times[row] <= latest:
            bad[int(row)] = "time stamp repeated" if times[row] == latest else "time stamp runs backwards"
        else:
            latest = times[row]
    return np.array([row for row in rows if row not in bad], dtype=np.int64), bad


def gaps(times: np.ndarray) -> tuple[np.ndarray, int]:
    """Return where each row belongs on an even grid, and how many rows of that grid are missing.

    An uneven rhythm (months, trading days) is left as it is.
    """
    even = np.arange(len(times)), 0
    if len(times) < 3:
        return even
    steps = np.diff(times).astype(np.float64)
    usual = np.median(steps)
    counts = np.rint(steps / usual)
    wide = counts > 1
    regular = np.allclose(steps, counts * usual) and counts.min() >= 1
    if not regular or not wide.any() or wide.mean() > RARE or counts.sum() > 2 * len(times):
        return even
    places = np.concatenate([[0], counts.cumsum()]).astype(np.int64)
    return places, int(places[-1] + 1 - len(times))


def order_faults(bad: dict[int, str], where: Callable[[int], str]) -> list[Fault]:
    """Return one fault a row that was left out."""
    return [Fault(where(row), what) for row, what in sorted(bad.items())]


def _is_iso(cell: str) -> bool:
    try:
        datetime.fromisoformat(cell.strip())
    except ValueError:
        # a month alone is ISO to numpy and not to datetime
        return len(cell.strip()) == 7 and cell.strip()[4] == "-" and cell.strip().replace("-", "").isdigit()
    return True


def _iso(cells: Sequence[str]) -> np.ndarray:
    try:
        return np.array(cells, dtype="datetime64[s]")
    except ValueError:
        return np.array([_one(cell) for cell in cells], dtype="datetime64[s]")


def _one(cell: str) -> np.datetime64:
    try:
        return np.datetime64(datetime.fromisoformat(cell).replace(tzinfo=None), "s")
    except ValueError:
        return np.datetime64("NaT")


def _formatted(cells: Sequence[str]) -> np.ndarray | None:
    """Try the formats in turn; where day and month are ambiguous, the one that runs forward wins."""
    read = [found for pattern in FORMATS if (found := _with(cells, pattern)) is not None]
    forward = [found for found in read if bool((np.diff(found) > np.timedelta64(0)).all())]
    return next(iter(forward + read), None)


def _with(cells: Sequence[str], pattern: str) -> np.ndarray | None:
    try:
        return np.array([datetime.strptime(cell.strip(), pattern) for cell in cells], dtype="datetime64[s]")
    except ValueError:
        return None
