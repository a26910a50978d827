"""Clips: a bounded number of evenly spaced frames of one common size, standardised per channel."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from bicameral.data.dataset import Dataset, Kind, Layout
from bicameral.data.preprocessing.contract import Framer, Frames, Preprocessing
from bicameral.data.preprocessing.image import common_shape, sized, standardise_maps
from bicameral.data.preprocessing.statistics import moments, sampled
from bicameral.errors import DataError

NUM_SAMPLED = 64  # clips of several frames each, slow to decode


@dataclass(frozen=True, kw_only=True)
class ClipPreprocessing(Preprocessing):
    """(t c h w) of any length and size -> float32 (t c h w) of one size and at most `frames` frames."""

    kind: ClassVar[Kind] = "clip"
    frames: int
    longest: int  # frames of the longest training clip looked at, after thinning
    size: tuple[int, int]  # height and width, pixels
    mean: tuple[float, ...]
    deviation: tuple[float, ...]

    @property
    def layout(self) -> Layout:
        return Layout("clip", (self.longest, len(self.mean), *self.size))

    def __call__(self, item: np.ndarray) -> np.ndarray:
        return self.standardised(thin(item, self.frames))

    def standardised(self, frames: np.ndarray) -> np.ndarray:
        """Prepare frames (n c h w), every one of them; missing pixels become the mean."""
        x = standardise_maps(sized(frames, len(self.mean), self.size), self.mean, self.deviation)
        return np.nan_to_num(x, copy=False)

    def framer(self, num_streams: int) -> Framer:  # noqa: ARG002  a frame depends on no other
        return ClipFramer(self)


class ClipFramer(Framer):
    """A piece is one frame of each clip, (k c h w). None is left out: which ones, only the end would tell."""

    axes, shape, dtype = 3, "a frame (c h w)", None

    def __init__(self, preprocessing: ClipPreprocessing):
        self.preprocessing = preprocessing

    def push(self, piece: np.ndarray, rows: np.ndarray) -> Frames:
        if not np.isfinite(piece).all():
            raise DataError("a frame holds pixels that are no numbers; leave it out or mend it")
        return [(self.preprocessing.standardised(piece), rows)]


def fit_clip(dataset: Dataset, rows: np.ndarray, *, frames: int = 16, size: int = 64) -> ClipPreprocessing:
    """Fit on the clips `rows`; `size` bounds the longer side of their median size."""
    shapes = [item.shape for item in sampled(dataset.items, rows, NUM_SAMPLED)]
    channels, shape = common_shape(shapes, size)
    maps = (sized(thin(item, frames), channels, shape) for item in sampled(dataset.items, rows, NUM_SAMPLED))
    mean, deviation = moments(np.moveaxis(x, -3, -1) for x in maps)
    longest = min(frames, max(shape[0] for shape in shapes))
    return ClipPreprocessing(frames=frames, longest=longest, size=shape, mean=mean, deviation=deviation)


def thin(item: np.ndarray, frames: int) -> np.ndarray:
    """Keep at most `frames` frames, evenly spaced from the first to the last."""
    if len(item) <= frames:
        return item
    return item[np.linspace(0, len(item) - 1, frames).round().astype(int)]
