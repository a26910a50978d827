"""A short unit vector of what an example looks or sounds like, blind to gain, offset and fine detail."""

from collections.abc import Sequence
from typing import Any

import numpy as np

PICTURE, FRAME, FRAMES = 16, 8, 6  # cells a side of a picture, of a frame; frames of a clip
ALIKE = 0.8  # correlation of near copies of series, step by step
SEGMENTS, BANDS, POINTS = 32, 8, 512  # of a sound; values kept of a series


def signature(item: np.ndarray, kind: str) -> np.ndarray:
    """Reduce one decoded example; two near copies lie close, a constant example becomes zero."""
    vector = np.nan_to_num(_REDUCE[kind](item).ravel().astype(np.float64))
    vector -= vector.mean()
    norm = float(np.sqrt(vector @ vector))
    return (vector / norm if norm > 1e-6 * len(vector) else np.zeros_like(vector)).astype(np.float32)


def agreeing(items: Sequence[Any], pairs: np.ndarray) -> np.ndarray:
    """Keep the pairs of series (m, 2) that agree step by step; few points of many channels look alike."""
    kept = [_correlation(items[a], items[b]) >= ALIKE for a, b in pairs.tolist()]
    return pairs[np.array(kept, bool)]


def _correlation(a: np.ndarray, b: np.ndarray) -> float:
    """Of two (t, d) drawn over the steps of the longer one, each channel about its mean."""
    steps = np.linspace(0, 1, max(len(a), len(b)))
    x, y = (_drawn(np.nan_to_num(np.asarray(item, np.float64)), steps) for item in (a, b))
    power = np.sqrt((x**2).sum() * (y**2).sum())
    return float((x * y).sum() / power) if power > 0 else 1.0


def _drawn(item: np.ndarray, steps: np.ndarray) -> np.ndarray:
    nearest = np.rint(steps * (len(item) - 1)).astype(np.intp)
    return item[nearest] - (item.mean(0) if len(item) > 1 else item.mean())


def cells(picture: np.ndarray, side: int) -> np.ndarray:
    """Average (h, w) over a grid of side x side cells."""
    for axis in (0, 1):
        edges = np.linspace(0, picture.shape[axis], side + 1).astype(np.intp)
        width = np.maximum(np.diff(edges), 1)
        sums = np.add.reduceat(picture, edges[:-1], axis=axis, dtype=np.float32)
        picture = sums / np.expand_dims(width, 1 - axis)
    return picture


def _image(item: np.ndarray) -> np.ndarray:
    grey = item[0] if len(item) == 1 else item.mean(0, dtype=np.float32)
    return cells(grey, PICTURE)


def _clip(item: np.ndarray) -> np.ndarray:
    chosen = np.linspace(0, len(item) - 1, FRAMES).round().astype(int)
    return np.stack([cells(frame.mean(0, dtype=np.float32), FRAME) for frame in item[chosen]])


def _sound(item: np.ndarray) -> np.ndarray:
    """Log energy in octave-like bands of equal pieces of the sound."""
    size = max(len(item) // SEGMENTS, 4 * BANDS)
    padded = np.zeros(size * SEGMENTS, np.float32)
    padded[: min(len(item), len(padded))] = item[: len(padded)]
    power = np.abs(np.fft.rfft(padded.reshape(SEGMENTS, size), axis=1)) ** 2
    edges = np.unique(np.geomspace(1, power.shape[1] - 1, BANDS).astype(int))
    energy = np.add.reduceat(power, edges, axis=1)
    return np.log(energy + 1e-6 * energy.max() + 1e-12)


def _series(item: np.ndarray) -> np.ndarray:
    """Every channel standardised and drawn with the same number of points."""
    steps, channels = item.shape
    points = min(steps, max(4, POINTS // channels))
    item = np.nan_to_num(item.astype(np.float32))
    at = np.linspace(0, steps - 1, points)
    drawn = np.stack([np.interp(at, np.arange(steps), item[:, j]) for j in range(channels)])
    return _at_least(drawn - drawn.mean(1, keepdims=True), max(4, POINTS // channels))


def _at_least(drawn: np.ndarray, points: int) -> np.ndarray:
    """Pad short series so that all signatures have one length."""
    return np.pad(drawn, ((0, 0), (0, points - drawn.shape[1])))


_REDUCE = {"image": _image, "clip": _clip, "sound": _sound, "series": _series}
