"""Whole clips, all frames kept, brought to one size so that windows can be cut from them."""

from collections.abc import Sequence

import numpy as np

from bicameral.data.preprocessing.image import common_shape, sized


def of_one_size(items: Sequence[np.ndarray], pixels: int | None = None) -> list[np.ndarray]:
    """Return whole clips, resized only where their sizes differ or are above `pixels`; bytes stay bytes."""
    decoded = [np.asarray(item) for item in items]
    shapes = [item.shape for item in decoded]
    limit = max(max(shape[-2:]) for shape in shapes) if pixels is None else pixels
    channels, size = common_shape(shapes, limit)
    return [
        item if item.shape[1:] == (channels, *size) else _resized(item, channels, size) for item in decoded
    ]


def _resized(item: np.ndarray, channels: int, size: tuple[int, int]) -> np.ndarray:
    x = sized(item, channels, size)
    return (255 * x).round().astype(np.uint8) if item.dtype == np.uint8 else x
