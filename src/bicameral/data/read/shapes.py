"""Which kind of data an array is, by its shape, and its rows as raw items of that kind."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch

from bicameral.data.dataset import Kind, Stored
from bicameral.errors import DataError

CHANNELS = (1, 3, 4)
RULES = (
    "(n, h, w) uint8 or (n, c, h, w) or (n, h, w, c) is pictures, (n, t, d) float is series, (n, d) is "
    "features, or with kind=series series of one channel, five axes are clips, a list of arrays is series of "
    "unequal length, a list of str is texts; or pass kind="
)
Items = Sequence[Any]


class Stack(Stored, Sequence[np.ndarray]):
    """The rows of one array."""

    def __init__(self, array: np.ndarray):
        self.array = array

    def __len__(self) -> int:
        return len(self.array)

    def __getitem__(self, index: int | np.integer) -> np.ndarray:  # pyright: ignore
        return self.array[index]

    def contents(self) -> Iterator[Any]:
        yield self.array


def items_of(values: Any, kind: Kind | None, *, to_forecast: bool) -> tuple[Items, Kind, tuple[str, ...]]:
    """Return raw items, their kind and, for series, the channel names.

    to_forecast  without targets, one or two axes are one long series (t,) or (t, d)
    """
    values = values.detach().cpu().numpy() if isinstance(values, torch.Tensor) else values
    values = list(values) if isinstance(values, np.ndarray) and values.dtype == object else values
    if _is_text(values):
        return [str(text) for text in values], "text", ()
    if isinstance(values, list | tuple) and not _is_plain(values):
        return _ragged([_row(value) for value in values], kind)
    array = np.asarray(values)
    if not array.ndim or not len(array):
        raise DataError(f"X has the shape {array.shape}: there is no example in it")
    if array.dtype.kind not in "buif":
        raise DataError(f"an array of {array.dtype}; expected numbers or text: {RULES}")
    if to_forecast and array.ndim <= 2 and kind in (None, "series"):
        array = array.reshape(1, len(array), -1)
    if array.ndim == 2 and kind is None:
        # features are series of one step, so that each is scaled by itself
        return (
            Stack(_series(array[:, None])),
            "series",
            tuple(f"feature {at}" for at in range(array.shape[1])),
        )
    kind = kind or _kind(array)
    shaped = _SHAPES[kind](array)
    columns = tuple(f"channel {column}" for column in range(shaped.shape[-1])) if kind == "series" else ()
    return Stack(shaped), kind, columns


def _is_text(values: Any) -> bool:
    if isinstance(values, np.ndarray):
        return values.dtype.kind in "UT" or (
            values.dtype == object and all(isinstance(v, str) for v in values)
        )
    return isinstance(values, list | tuple) and len(values) > 0 and all(isinstance(v, str) for v in values)


def _is_plain(values: Sequence[Any]) -> bool:
    """Return whether a list is a rectangular array written as lists."""
    return len({np.shape(value) for value in values}) <= 1 and not any(hasattr(v, "shape") for v in values)


def _row(value: Any) -> np.ndarray:
    return value.detach().cpu().numpy() if isinstance(value, torch.Tensor) else np.asarray(value)


def _ragged(rows: list[np.ndarray], kind: Kind | None) -> tuple[Items, Kind, tuple[str, ...]]:
    axes = {row.ndim for row in rows}
    if len(axes) != 1:
        raise DataError(f"a list of arrays with {sorted(axes)} axes; expected the same number in each")
    kind = kind or _kind(rows[0][None])
    items = [_SHAPES[kind](row[None])[0] for row in rows]
    if kind != "series":
        return items, kind, ()
    widths = {item.shape[1] for item in items}
    if len(widths) > 1:
        raise DataError(f"series with {sorted(widths)} channels; expected (t, d) arrays of the same d")
    return items, kind, tuple(f"channel {column}" for column in range(widths.pop()))


def _kind(array: np.ndarray) -> Kind:
    if array.ndim == 5:
        return "clip"
    if array.ndim == 4:
        return _kind_of_four(array)
    if array.ndim == 3:
        return "image" if array.dtype == np.uint8 else "series"
    if array.ndim == 2:
        return "series"
    raise DataError(f"X has the shape {array.shape}; expected examples along the first axis: {RULES}")


def _kind_of_four(array: np.ndarray) -> Kind:
    if array.shape[1] in CHANNELS or array.shape[3] in CHANNELS:
        return "image"
    if array.dtype == np.uint8:
        return "clip"
    raise DataError(f"X has the shape {array.shape}, which may be pictures or clips: {RULES}")


def _pictures(array: np.ndarray) -> np.ndarray:
    if array.ndim == 3:
        array = array[:, None]
    if array.ndim != 4:
        raise DataError(
            f"pictures of the shape {array.shape}; expected (n, h, w) or (n, c, h, w) or (n, h, w, c)"
        )
    if array.shape[1] not in CHANNELS and array.shape[3] in CHANNELS:
        array = array.transpose(0, 3, 1, 2)
    return _pixels(array)


def _clips(array: np.ndarray) -> np.ndarray:
    if array.ndim == 3:
        array = array[None]  # one recording
    if array.ndim == 4:
        array = array[:, :, None]
    if array.ndim != 5:
        raise DataError(
            f"clips of the shape {array.shape}; expected (n, t, c, h, w), (n, t, h, w) or (t, h, w)"
        )
    if array.shape[2] not in CHANNELS and array.shape[4] in CHANNELS:
        array = array.transpose(0, 1, 4, 2, 3)
    return _pixels(array)


def _pixels(array: np.ndarray) -> np.ndarray:
    bytes_enough = array.dtype.kind in "bui" and array.size and array.min() >= 0 and array.max() <= 255
    return array.astype(np.uint8 if bytes_enough else np.float32, copy=False)


def _sounds(array: np.ndarray) -> np.ndarray:
    if array.ndim != 2:
        raise DataError(f"sounds of the shape {array.shape}; expected mono samples (n, samples)")
    return array.astype(np.float32, copy=False)


def _series(array: np.ndarray) -> np.ndarray:
    array = array[:, :, None] if array.ndim == 2 else array
    if array.ndim != 3:
        raise DataError(f"series of the shape {array.shape}; expected (n, t, d) or (n, t)")
    with np.errstate(over="ignore"):  # what float32 cannot hold becomes infinite, and is named by the reader
        return array.astype(np.float32, copy=False)


def _texts(array: np.ndarray) -> np.ndarray:
    raise DataError(f"kind='text' and an array of {array.dtype}; expected a list of str")


_SHAPES = {"image": _pictures, "clip": _clips, "sound": _sounds, "series": _series, "text": _texts}
