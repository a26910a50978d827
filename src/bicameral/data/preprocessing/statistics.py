"""Statistics of training examples: which of them are looked at, mean and deviation per channel."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np

NUM_SAMPLED = 1024  # pictures or sounds: decoding costs more than a mean moves by seeing more


def sampled(items: Sequence[Any], rows: np.ndarray, most: int = NUM_SAMPLED) -> Iterator[np.ndarray]:
    """Yield the items of `rows`, or `most` evenly spaced ones of them."""
    for position in np.linspace(0, len(rows) - 1, min(len(rows), most)).round().astype(int):
        yield items[int(rows[position])]


def moments(arrays: Iterable[np.ndarray]) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return mean and deviation of the finite values of each channel; channels are the last axis.

    A constant or empty channel gets deviation 1. Chan, Golub, LeVeque: Updating formulae (1979).
    """
    count, mean, squares = np.zeros(1), np.zeros(1), np.zeros(1)
    for array in arrays:
        values = array.reshape(-1, array.shape[-1]).astype(np.float64)
        finite = np.isfinite(values)
        added = finite.sum(0)
        centre = np.where(finite, values, 0).sum(0) / np.maximum(added, 1)
        spread = np.where(finite, values - centre, 0)
        shift, total = centre - mean, count + added
        squares = squares + (spread**2).sum(0) + shift**2 * count * added / np.maximum(total, 1)
        mean, count = mean + shift * added / np.maximum(total, 1), total
    deviation = np.sqrt(squares / np.maximum(count, 1))
    # A constant channel differs from its mean by rounding alone; dividing by that would invent a signal.
    deviation = np.where(deviation > 1e-12 * np.abs(mean), deviation, 1.0)
    return tuple(mean.tolist()), tuple(deviation.tolist())


def standardise(x: np.ndarray, mean: tuple[float, ...], deviation: tuple[float, ...]) -> np.ndarray:
    """Subtract the mean and divide by the deviation of each channel, the last axis."""
    # In float64, for a channel far from zero would lose its mean to the rounding of float32.
    return ((x - np.array(mean)) / np.array(deviation)).astype(np.float32)
