"""Series: standardised per channel; what is missing becomes the mean and is marked as missing."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from bicameral.data.dataset import Dataset, Kind, Layout
from bicameral.data.preprocessing.contract import Framer, Frames, Preprocessing
from bicameral.data.preprocessing.statistics import moments, standardise
from bicameral.errors import DataError


@dataclass(frozen=True, kw_only=True)
class SeriesPreprocessing(Preprocessing):
    """(t d) with NaN -> float32 (t d + marks): a mark is 1 where its channel, one of `marked`, is missing.

    No value is carried from one step to another, so nothing of the future can reach the past.
    """

    kind: ClassVar[Kind] = "series"
    longest: int  # steps of the longest training series
    marked: tuple[int, ...]  # channels with gaps in training
    mean: tuple[float, ...]
    deviation: tuple[float, ...]

    @property
    def layout(self) -> Layout:
        return Layout("series", (self.longest, len(self.mean) + len(self.marked)))

    def __call__(self, item: np.ndarray) -> np.ndarray:
        if item.ndim != 2 or item.shape[1] != len(self.mean):
            raise DataError(f"a series of shape {item.shape} was given; expected (t, {len(self.mean)})")
        # An empty series still is one step long: everything is missing.
        item = item if len(item) else np.full((1, len(self.mean)), np.nan, np.float32)
        missing = ~np.isfinite(item)
        x = np.where(missing, 0, standardise(np.where(missing, 0, item), self.mean, self.deviation))
        return np.concatenate([x, missing[:, list(self.marked)]], axis=1, dtype=np.float32)

    def framer(self, num_streams: int) -> Framer:  # noqa: ARG002  a row depends on no other
        return SeriesFramer(self)


class SeriesFramer(Framer):
    """A piece is one step of each series, (k d)."""

    axes, shape = 1, "a row of channels (d,)"

    def __init__(self, preprocessing: SeriesPreprocessing):
        self.preprocessing = preprocessing

    def push(self, piece: np.ndarray, rows: np.ndarray) -> Frames:
        return [(self.preprocessing(piece), rows)]

    def rest(self, fresh: np.ndarray) -> Frames:
        """Give a step where everything is missing to a series without any."""
        return [(np.repeat(self.preprocessing(self._empty), len(fresh), 0), fresh)] if len(fresh) else ()

    @property
    def _empty(self) -> np.ndarray:
        return np.empty((0, len(self.preprocessing.mean)), np.float32)


def fit_series(dataset: Dataset, rows: np.ndarray) -> SeriesPreprocessing:
    """Fit on the series `rows`."""
    items = [dataset.items[int(row)] for row in rows]
    mean, deviation = moments(items)
    gaps = np.any([~np.isfinite(item).all(axis=0) for item in items], axis=0)
    return SeriesPreprocessing(
        longest=max(1, *map(len, items)),
        marked=tuple(np.flatnonzero(gaps).tolist()),
        mean=mean,
        deviation=deviation,
    )
