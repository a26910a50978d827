"""Pictures: one common size, values in [0, 1], then standardised per channel."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from torch.nn import functional

from bicameral.data.dataset import Dataset, Kind, Layout
from bicameral.data.preprocessing.contract import Preprocessing
from bicameral.data.preprocessing.statistics import moments, sampled, standardise
from bicameral.errors import DataError

LUMA = np.array([0.299, 0.587, 0.114], np.float32)  # ITU-R BT.601


@dataclass(frozen=True, kw_only=True)
class ImagePreprocessing(Preprocessing):
    """(c h w) of any size -> float32 (c h w) of one size; aspect ratios are not kept."""

    kind: ClassVar[Kind] = "image"
    size: tuple[int, int]  # height and width, pixels
    mean: tuple[float, ...]
    deviation: tuple[float, ...]

    @property
    def layout(self) -> Layout:
        return Layout("image", (len(self.mean), *self.size))

    def __call__(self, item: np.ndarray) -> np.ndarray:
        return standardise_maps(sized(item, len(self.mean), self.size), self.mean, self.deviation)


def fit_image(dataset: Dataset, rows: np.ndarray, *, size: int = 128) -> ImagePreprocessing:
    """Fit on the pictures `rows`; `size` bounds the longer side of their median size."""
    channels, shape = common_shape([item.shape for item in sampled(dataset.items, rows)], size)
    maps = (sized(item, channels, shape) for item in sampled(dataset.items, rows))
    mean, deviation = moments(np.moveaxis(x, -3, -1) for x in maps)
    return ImagePreprocessing(size=shape, mean=mean, deviation=deviation)


def common_shape(shapes: Sequence[tuple[int, ...]], limit: int) -> tuple[int, tuple[int, int]]:
    """Return the most channels, and the median height and width, shrunk until both are within `limit`."""
    height, width = np.median([shape[-2:] for shape in shapes], axis=0)
    scale = min(1.0, limit / max(height, width))
    return max(shape[-3] for shape in shapes), (max(1, round(height * scale)), max(1, round(width * scale)))


def sized(item: np.ndarray, channels: int, size: tuple[int, int]) -> np.ndarray:
    """Return (... c h w) as float32 of that many channels and that size; bytes become [0, 1]."""
    x = item.astype(np.float32)
    return resize(match_channels(x / 255 if item.dtype == np.uint8 else x, channels), size)


def match_channels(x: np.ndarray, channels: int) -> np.ndarray:
    """Make grey colour, colour grey, or drop transparency, as the training pictures ask."""
    match x.shape[-3], channels:
        case found, wanted if found == wanted:
            return x
        case 1, 3 | 4:
            return np.repeat(x, channels, axis=-3)
        case 2 | 4, _:
            return match_channels(x[..., :-1, :, :], channels)
        case 3, 1:
            return np.tensordot(LUMA, x, axes=(0, -3))[..., None, :, :]
    raise DataError(f"a picture has {x.shape[-3]} channels, but the training pictures have {channels}")


def resize(x: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Resize (... h w) bilinearly, averaging where it shrinks so that nothing aliases."""
    if x.shape[-2:] == size:
        return x
    maps = torch.from_numpy(np.ascontiguousarray(x)).reshape(1, -1, *x.shape[-2:])
    small = functional.interpolate(maps, size, mode="bilinear", antialias=True)
    return small.numpy().reshape(*x.shape[:-2], *size)


def standardise_maps(x: np.ndarray, mean: tuple[float, ...], deviation: tuple[float, ...]) -> np.ndarray:
    """Standardise (... c h w) per channel."""
    return np.ascontiguousarray(np.moveaxis(standardise(np.moveaxis(x, -3, -1), mean, deviation), -1, -3))
