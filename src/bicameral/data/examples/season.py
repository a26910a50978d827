"""How long a season is: by the clock where there are time stamps, else by what repeats."""

from collections.abc import Sequence
from itertools import islice

import numpy as np

from bicameral.data.dataset import Dataset

DAY = 86400.0
BY_CLOCK = (
    (7 * DAY, 52),
    (28 * DAY, 12),
    (90 * DAY, 4),
    (365 * DAY, 1),
)  # seconds a step at least, and season
MOST_LAGS, MOST_SERIES = 400, 20  # that autocorrelation is computed for
REPEATS = 0.3  # autocorrelation of the changes from which on something repeats
NEAR = 0.9  # of the highest autocorrelation: the first lag that has as much is the season, not its multiples


def season_of(dataset: Dataset) -> int:
    """Steps after which a series resembles itself: 24 for hours, 12 for months; 1 where nothing repeats."""
    step = _seconds_a_step(dataset.times)
    if step is not None and step >= DAY / 24 / 6:
        return _by_clock(step)
    return _by_repetition([np.asarray(item, np.float64) for item in islice(dataset.items, MOST_SERIES)])


def _seconds_a_step(times: Sequence[np.ndarray] | None) -> float | None:
    if times is None or not len(times) or len(times[0]) < 3 or times[0].dtype.kind != "M":
        return None
    gaps = np.diff(times[0].astype("datetime64[s]").astype(np.int64))
    return float(np.median(gaps)) or None


def _by_clock(step: float) -> int:
    if step < DAY:
        return round(DAY / step)
    return next((season for least, season in reversed(BY_CLOCK) if step >= least), 7)


def _by_repetition(items: Sequence[np.ndarray]) -> int:
    """Return the first clear peak of the autocorrelation of changes, averaged over series and channels."""
    shortest = min(len(item) for item in items)
    lags = min(MOST_LAGS, shortest // 3)
    if lags < 3:
        return 1
    found = np.mean([_autocorrelation(column, lags) for item in items for column in item.T], axis=0)
    peaks = [lag for lag in range(2, lags) if found[lag] >= max(found[lag - 1], found[lag + 1], REPEATS)]
    return next((lag for lag in peaks if found[lag] >= NEAR * found[peaks].max()), 1)


def _autocorrelation(values: np.ndarray, lags: int) -> np.ndarray:
    """Autocorrelation of the changes at lags 0 to `lags`; zeroes for a constant."""
    changes = np.nan_to_num(np.diff(values))
    changes = changes - changes.mean()
    power = np.abs(np.fft.rfft(changes, 2 * len(changes))) ** 2
    products = np.fft.irfft(power)[: lags + 1]
    return products / products[0] if products[0] > 0 else np.zeros(lags + 1)
