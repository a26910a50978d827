"""Series of unequal length in one array: padded, or all frames in a row, and the `lengths` beside them."""

from typing import Any

import numpy as np

from bicameral.errors import DataError

FITTING = "one whole number an example, at most the steps of x (n, t, d), or adding up to all frames in a row"


def cut_to_lengths(arrays: dict[str, Any], name: str) -> dict[str, Any]:
    """Cut what is padded (n t d), or follows frame after frame, into a list of series; the rest stays."""
    if arrays.get("lengths") is None:
        return arrays
    lengths = _checked(arrays["lengths"], name)
    whole = {key: value for key, value in arrays.items() if key != "lengths"}
    padded = {
        key: [row[:length] for row, length in zip(value, lengths, strict=True)]
        for key, value in whole.items()
        if np.ndim(value) == 3 and len(value) == len(lengths) and max(lengths) <= value.shape[1]
    }
    packed = {
        key: np.split(np.reshape(value, (len(value), -1)), np.cumsum(lengths)[:-1])
        for key, value in whole.items()
        if np.ndim(value) > 0 and key not in padded and len(value) == sum(lengths) != len(lengths)
    }
    if not padded and not packed:
        shapes = ", ".join(f"{key} {np.shape(value)}" for key, value in whole.items())
        raise DataError(
            f"{name}: {len(lengths)} lengths, {min(lengths)} to {max(lengths)}, fit none of {shapes}; "
            f"expected {FITTING}"
        )
    return whole | padded | packed | ({"x": next(iter(packed.values()))} if len(packed) == 1 else {})


def _checked(given: Any, name: str) -> list[int]:
    lengths = np.asarray(given)
    numbers = lengths.ndim == 1 and len(lengths) > 0 and lengths.dtype.kind in "iuf"
    if not numbers or not bool(((lengths >= 0) & (lengths == np.floor(lengths))).all()):
        raise DataError(f"{name}: lengths are {lengths.dtype} {lengths.shape}; expected {FITTING}")
    return lengths.astype(np.int64).tolist()
