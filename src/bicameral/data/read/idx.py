"""The idx files of MNIST and its relatives, packed or not, as one set with its published split."""

import math
from collections.abc import Sequence

import numpy as np

from bicameral.data.read.files import Blob
from bicameral.data.read.labels.parts import part_of
from bicameral.errors import DataError

TYPES = {8: "u1", 9: "i1", 11: ">i2", 12: ">i4", 13: ">f4", 14: ">f8"}


def is_idx(blob: Blob) -> bool:
    """Return whether the name is like train-images-idx3-ubyte.gz."""
    return "-idx" in blob.name or ".idx" in blob.name


def load_idx(blobs: Sequence[Blob]) -> dict[str, np.ndarray]:
    """Load images and labels of every part that is there, as train_images, train_labels ..."""
    arrays = {}
    for blob in blobs:
        part, dash, what = blob.name.rsplit("/", 1)[-1].partition("-")
        if not dash:
            raise DataError(f"{blob.name} does not say what it holds; expected train-images-idx3-ubyte")
        what = what.split("-")[0]
        arrays[f"{part_of(part) or part}_{what}"] = _load(blob)
    return arrays


def _load(blob: Blob) -> np.ndarray:
    data = blob.read()
    kind, axes = TYPES.get(data[2]) if len(data) > 3 else None, data[3] if len(data) > 3 else 0
    if kind is None or data[:2] != b"\0\0" or not 0 < axes <= 8 or len(data) < 4 + 4 * axes:
        raise DataError(f"{blob.name} is no idx file: begins with {data[:4]!r}")
    shape = tuple(int(size) for size in np.frombuffer(data, ">u4", count=axes, offset=4))
    body = data[4 + 4 * axes :]
    values = np.frombuffer(body[: len(body) // np.dtype(kind).itemsize * np.dtype(kind).itemsize], kind)
    if values.size != math.prod(shape):
        raise DataError(f"{blob.name} is truncated: {values.size} of {math.prod(shape)} values of {shape}")
    return values.reshape(shape)
