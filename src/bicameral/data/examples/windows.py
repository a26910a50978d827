"""Windows of series to be forecast and of clips to be continued: views, never filled from the future."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from bicameral.data.dataset import Dataset, Fault, Stored
from bicameral.data.examples.clips import of_one_size
from bicameral.errors import DataError, nearest

PARTS = ("train", "val", "test")
_PLURALS = {"series": "series", "clip": "clips"}


class LookBacks(Stored, Sequence[np.ndarray]):
    """The rows (lookback ...) that each window sees, values or time stamps, cut out on access."""

    def __init__(self, rows: np.ndarray, starts: np.ndarray, lookback: int):
        self.rows, self.starts, self.lookback = rows, starts, lookback

    def __len__(self) -> int:
        return len(self.starts)

    def __getitem__(self, index: int | np.integer) -> np.ndarray:  # pyright: ignore
        start = self.starts[index]
        return self.rows[start : start + self.lookback]

    def contents(self) -> Iterator[Any]:
        yield from (self.rows, self.starts, self.lookback)


class Horizons(Stored):
    """The frames (n horizon *frame) that follow each look-back, gathered for the rows that are asked for.

    A frame is (d,) of a series, (c h w) of a clip; bytes become [0, 1].

    scales  (n d) how much each column of a window's series moved in a season before it: a last row, by
            which errors of series of any size can be compared
    """

    dtype = np.dtype(np.float32)

    def __init__(
        self, values: np.ndarray, starts: np.ndarray, horizon: int, scales: np.ndarray | None = None
    ):
        self.values, self.starts, self.horizon, self.scales = values, starts, horizon, scales

    @property
    def shape(self) -> tuple[int, ...]:
        """Windows, steps ahead (and a row of scales), and what a frame has."""
        return len(self.starts), self.horizon + (self.scales is not None), *self.values.shape[1:]

    @property
    def ndim(self) -> int:
        """Three of series, five of clips."""
        return len(self.shape)

    def __len__(self) -> int:
        return len(self.starts)

    def __getitem__(self, rows: Any) -> np.ndarray:
        values = self.values[self.starts[rows][..., None] + np.arange(self.horizon)]
        if self.scales is not None:
            return np.concatenate([values, self.scales[rows][..., None, :]], axis=-2)
        return values.astype(np.float32) / 255 if values.dtype == np.uint8 else values

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        del copy  # gathering always copies
        return np.asarray(self[:], dtype=dtype)

    def contents(self) -> Iterator[Any]:
        yield from (self.values, self.starts, self.horizon, self.scales)


def windows(
    dataset: Dataset,
    *,
    lookback: int,
    horizon: int,
    stride: int = 1,
    target_columns: Sequence[str] | None = None,
    borders: Sequence[int] | None = None,
    pixels: int | None = None,
    season: int | None = None,
) -> Dataset:
    """Cut every series or clip into look-backs and the horizons that follow them.

    A horizon of a series with a missing value, or of a clip with an empty frame, is left out and counted; a
    look-back keeps its missing values.

    borders  rows where train, val and test end, as published for a set; a look-back may reach back over one
    pixels   clips: bound of the longer side of a frame; as it is if not given
    season   series: steps of a season, by whose changes errors are scaled; without it they are not
    """
    _check(dataset, lookback, horizon, stride)
    wanted = _columns(dataset, target_columns)
    items = list(dataset.items) if dataset.kind == "series" else of_one_size(dataset.items, pixels)
    lengths = np.array([len(item) for item in items])
    # one long array: a window is then one number, whichever series it comes from
    if dataset.kind == "series":
        values = np.concatenate([np.asarray(item, dtype=np.float32) for item in items])
        goals = values[:, [dataset.columns.index(column) for column in wanted]]
    else:
        goals = values = np.concatenate(items) if len(items) > 1 else items[0]
    offsets = np.concatenate([[0], lengths.cumsum()[:-1]])
    starts, series, faults = _starts(dataset, goals, offsets, lengths, lookback, horizon, stride)
    rows = starts - offsets[series]
    keep, split = _bordered(rows + lookback, horizon, borders)
    starts, series, rows = starts[keep], series[keep], rows[keep]
    if not len(starts):
        reasons = "; ".join(fault.what for fault in faults[:3]) or f"none lies inside the borders {borders}"
        raise DataError(f"no window of {dataset.name} is left: {reasons}")
    scales = None if season is None else _scales(goals, offsets, starts + lookback, series, season)
    begin = _clock(dataset, offsets, lengths, starts + lookback, series)
    end = _clock(dataset, offsets, lengths, starts + lookback + horizon - 1, series)
    ids = np.array([str(key) for key in dataset.ids])[series]
    return Dataset(
        name=dataset.name,
        kind=dataset.kind,
        items=LookBacks(values, starts, lookback),
        targets=Horizons(goals, starts + lookback, horizon, scales),
        ids=[f"{key}:{row}" for key, row in zip(ids, rows, strict=True)],
        groups=ids,
        split=dataset.split[series] if split is None and dataset.split is not None else split,
        times=None if dataset.times is None else LookBacks(np.concatenate(dataset.times), starts, lookback),
        columns=dataset.columns,
        target_columns=wanted,
        rate=dataset.rate,
        properties={"begin": begin, "end": end},
        faults=(*dataset.faults, *faults),
    )


def _check(dataset: Dataset, lookback: int, horizon: int, stride: int) -> None:
    if dataset.kind not in ("series", "clip") or dataset.targets is not None:
        raise DataError(
            f"{dataset.name} is labelled {dataset.kind} data; windows are cut from series to forecast and "
            "clips to continue"
        )
    for name, value in (("lookback", lookback), ("horizon", horizon), ("stride", stride)):
        if value < 1:
            raise DataError(f"{name} is {value}; expected a number of steps of at least 1")
    longest = max(len(item) for item in dataset.items)
    if longest < lookback + horizon:
        raise DataError(
            f"{dataset.name} has {_PLURALS[dataset.kind]} of at most {longest} steps, too short for lookback "
            f"{lookback} and horizon {horizon}; "
            + (f"make lookback + horizon at most {longest}" if longest > 1 else "bring longer ones")
        )


def _columns(dataset: Dataset, wanted: Sequence[str] | None) -> tuple[str, ...]:
    wanted = tuple(wanted or dataset.target_columns or dataset.columns)
    for column in wanted:
        if column not in dataset.columns:
            raise DataError(
                f"{dataset.name} has no channel called {column!r}{nearest(column, dataset.columns)}"
            )
    return wanted


def _starts(
    dataset: Dataset, goals: np.ndarray, offsets: np.ndarray, lengths: np.ndarray,
    lookback: int, horizon: int, stride: int,
) -> tuple[np.ndarray, np.ndarray, list[Fault]]:  # fmt: skip
    """Return the start of each window in the long array, its series, and what was left out."""
    missing = np.concatenate([[0], _unknown(goals).cumsum()])
    starts, series, faults = [], [], []
    for number, (offset, length) in enumerate(zip(offsets, lengths, strict=True)):
        first = offset + np.arange(0, length - lookback - horizon + 1, stride)
        whole = missing[first + lookback + horizon] == missing[first + lookback]
        starts.append(first[whole])
        series.append(np.full(int(whole.sum()), number))
        if what := _left_out(int(length), len(first), int(whole.sum()), lookback + horizon):
            faults.append(Fault(str(dataset.ids[number]), what))
    return np.concatenate(starts), np.concatenate(series), faults


def _unknown(goals: np.ndarray) -> np.ndarray:
    """Return which frames cannot be judged: of a series for one missing value, of a clip if all are."""
    if goals.dtype == np.uint8:
        return np.zeros(len(goals), dtype=bool)
    missing = ~np.isfinite(goals.reshape(len(goals), -1))
    return np.asarray(missing.any(axis=1) if goals.ndim == 2 else missing.all(axis=1))


def _left_out(length: int, cut: int, whole: int, needed: int) -> str:
    if not cut:
        return f"has {length} steps, too short for a window of {needed}"
    return f"{cut - whole} of {cut} windows left out: a value to forecast is missing" if whole < cut else ""


def _bordered(
    begin: np.ndarray, horizon: int, borders: Sequence[int] | None
) -> tuple[np.ndarray, np.ndarray | None]:
    """Return the windows whose whole horizon lies inside one part, and that part."""
    if borders is None:
        return np.arange(len(begin)), None
    if len(borders) != len(PARTS) or not 0 < borders[0] < borders[1] < borders[2]:
        raise DataError(f"borders are {borders}; expected three growing rows: ends of train, val and test")
    first = np.searchsorted(borders, begin, side="right")
    last = np.searchsorted(borders, begin + horizon - 1, side="right")
    keep = np.flatnonzero((first == last) & (first < len(PARTS)))
    return keep, np.array(PARTS)[first[keep]]


def _scales(
    goals: np.ndarray, offsets: np.ndarray, ends: np.ndarray, series: np.ndarray, season: int
) -> np.ndarray:
    """Mean absolute change over a season in each series before the rows `ends`: the scale of MASE (n d).

    Hyndman and Koehler 2006, doi 10.1016/j.ijforecast.2006.03.001. Of a series shorter than a season, or that
    never changed: the change between steps, else its size, else 1.
    """
    found = np.zeros((len(ends), goals.shape[1]))
    for lag in (season, 1):
        found = np.where(found > 0, found, _changes(goals, offsets, ends, series, lag))
    size = np.abs(np.nan_to_num(goals[ends - 1])).astype(np.float64)
    return np.where(found > 0, found, np.where(size > 0, size, 1.0)).astype(np.float32)


def _changes(
    goals: np.ndarray, offsets: np.ndarray, ends: np.ndarray, series: np.ndarray, lag: int
) -> np.ndarray:
    changes = np.full(goals.shape, np.nan)
    changes[lag:] = np.abs(goals[lag:].astype(np.float64) - goals[:-lag])
    own = np.arange(len(goals)) - offsets[np.searchsorted(offsets, np.arange(len(goals)), side="right") - 1]
    changes[own < lag] = np.nan  # reaches into the series before
    known = np.isfinite(changes)
    totals = np.concatenate([np.zeros((1, goals.shape[1])), np.where(known, changes, 0).cumsum(0)])
    counts = np.concatenate([np.zeros((1, goals.shape[1])), known.cumsum(0)])
    first = offsets[series]
    return (totals[ends] - totals[first]) / np.maximum(counts[ends] - counts[first], 1)


def _clock(
    dataset: Dataset, offsets: np.ndarray, lengths: np.ndarray, rows: np.ndarray, series: np.ndarray
) -> np.ndarray:
    """Return when rows of the long array happen, as a share (0..1) of all time.

    Series with time stamps share one calendar; without, each runs from its own start to its own end.
    """
    if dataset.times is None:
        return (rows - offsets[series]) / lengths[series]
    calendar, place = np.unique(np.concatenate(dataset.times), return_inverse=True)
    return place[rows] / len(calendar)
