"""How one kind of data is read by models made for another: as map, line, volume, sequence or frames.

              image (c h w)         clip (t c h w)         sound (t m)    text, series (t d)
    map       c h w                 8 frames as channels   1 m t          d 1 t
    line      (c h) w               (c h' w') t            m t            d t
    volume    c 1 h w               c t h w                1 t m 1        d t 1 1
    sequence  h (c w)               t (c h' w')            t m            t d
    frames    1 c h w               t c h w                t 1 m 1        t d 1 1

Mel bands have neighbours, so they are an axis of a map. The channels of a series or of an embedding have none
and stay channels of a one-pixel map, on which a ConvLSTM is an LSTM. h' and w' are averaged to 16 at most.
"""

import math
from collections.abc import Callable

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional

from bicameral.data.dataset import Kind
from bicameral.errors import ConfigError, nearest
from bicameral.registry import Form

Example = tuple[int, ...]

NUM_STACKED = 8  # frames of a clip read as one map
MOST_PIXELS = 16  # a side of a frame read as one vector
MOST_PATCHES = 64


def shape_as(shape: Example, kind: Kind, form: Form, reading: str = "rows") -> Example:
    """Return the shape of one example of `shape`, read as `form`; texts are embedded before (t d)."""
    seen, _ = view_as(torch.empty(1, *shape, device="meta"), None, kind, form, reading)
    return tuple(seen.shape[1:])


def view_as(
    x: Float[Tensor, "b *example"],
    lengths: Int[Tensor, "b"] | None,
    kind: Kind,
    form: Form,
    reading: str = "rows",
) -> tuple[Float[Tensor, "b *form"], Int[Tensor, "b"] | None]:
    """Read a batch as `form`: padding becomes zero, lengths count along `time_axis` or vanish with it.

    `reading` says how a picture becomes a sequence.
    """
    if lengths is not None:
        x = zero_padding(x, lengths)
    if (kind, form) == ("clip", "map"):
        return stacked_frames(x, lengths), None
    view = READINGS[reading] if _is_scan(kind, form, reading) else VIEWS[kind, form]
    return view(x), lengths


def time_axis(kind: Kind, form: Form) -> int | None:
    """Return the axis of the viewed batch along which lengths count; None where time is no axis."""
    if kind == "image" or (kind, form) == ("clip", "map"):
        return None
    return {"map": 3, "line": 2, "volume": 2, "sequence": 1, "frames": 1}[form]


def zero_padding(x: Float[Tensor, "b t *d"], lengths: Int[Tensor, "b"]) -> Float[Tensor, "b t *d"]:
    """Return the batch with zeros behind the valid frames, whatever was there."""
    padding = torch.arange(x.shape[1], device=x.device) >= lengths[:, None]
    return x.masked_fill(padding.reshape(*padding.shape, *[1] * (x.ndim - 2)), 0)


def stacked_frames(
    x: Float[Tensor, "b t c h w"], lengths: Int[Tensor, "b"] | None
) -> Float[Tensor, "b tc h w"]:
    """Stack a fixed number of evenly spaced valid frames as channels."""
    last = torch.full((len(x),), x.shape[1], device=x.device) - 1 if lengths is None else lengths - 1
    steps = torch.arange(NUM_STACKED, device=x.device)
    gaps = NUM_STACKED - 1
    chosen = (2 * steps * last[:, None] + gaps) // (2 * gaps)  # rounded to the nearest frame
    return x[torch.arange(len(x), device=x.device)[:, None], chosen].flatten(1, 2)


def _is_scan(kind: Kind, form: Form, reading: str) -> bool:
    if reading not in READINGS:
        raise ConfigError(f"no reading called {reading!r}{nearest(reading, READINGS)}")
    if (kind, form) == ("image", "sequence"):
        return True
    if reading != "rows":
        raise ConfigError(f"reading={reading!r} is for pictures read as a sequence, not for {kind} as {form}")
    return False


def _whole(x: Float[Tensor, "*batch"]) -> Float[Tensor, "*batch"]:
    return x


def _rows(x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b h c*w"]:
    return x.transpose(1, 2).flatten(2)


def _columns(x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b w c*h"]:
    return x.flatten(1, 2).transpose(1, 2)


def _pixels(x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b h*w c"]:
    return x.flatten(2).transpose(1, 2)


def _patches(x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b n d"]:
    """Cut into squares row by row, the side a power of two, the last ones filled with zeros."""
    side = patch_side(*x.shape[2:])
    x = functional.pad(x, (0, -x.shape[3] % side, 0, -x.shape[2] % side))
    return functional.unfold(x, side, stride=side).transpose(1, 2)


def patch_side(height: int, width: int) -> int:
    """Return the smallest power of two that needs few enough patches."""
    side = 1
    while math.ceil(height / side) * math.ceil(width / side) > MOST_PATCHES:
        side *= 2
    return side


def _image_line(x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c*h w"]:
    return x.flatten(1, 2)


def _image_volume(x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c 1 h w"]:
    return x[:, :, None]


def _image_frames(x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b 1 c h w"]:
    return x[:, None]


def _clip_volume(x: Float[Tensor, "b t c h w"]) -> Float[Tensor, "b c t h w"]:
    return x.transpose(1, 2)


def _clip_sequence(x: Float[Tensor, "b t c h w"]) -> Float[Tensor, "b t d"]:
    size = min(x.shape[3], MOST_PIXELS), min(x.shape[4], MOST_PIXELS)
    small = functional.adaptive_avg_pool2d(x.flatten(0, 1), size)
    return small.unflatten(0, x.shape[:2]).flatten(2)


def _clip_line(x: Float[Tensor, "b t c h w"]) -> Float[Tensor, "b d t"]:
    return _line(_clip_sequence(x))


def _line(x: Float[Tensor, "b t d"]) -> Float[Tensor, "b d t"]:
    return x.transpose(1, 2)


def _band_map(x: Float[Tensor, "b t m"]) -> Float[Tensor, "b 1 m t"]:
    return x.transpose(1, 2)[:, None]


def _band_volume(x: Float[Tensor, "b t m"]) -> Float[Tensor, "b 1 t m 1"]:
    return x[:, None, :, :, None]


def _band_frames(x: Float[Tensor, "b t m"]) -> Float[Tensor, "b t 1 m 1"]:
    return x[:, :, None, :, None]


def _channel_map(x: Float[Tensor, "b t d"]) -> Float[Tensor, "b d 1 t"]:
    return x.transpose(1, 2)[:, :, None]


def _channel_volume(x: Float[Tensor, "b t d"]) -> Float[Tensor, "b d t 1 1"]:
    return x.transpose(1, 2)[:, :, :, None, None]


def _channel_frames(x: Float[Tensor, "b t d"]) -> Float[Tensor, "b t d 1 1"]:
    return x[:, :, :, None, None]


READINGS: dict[str, Callable[[Tensor], Tensor]] = {
    "rows": _rows,
    "columns": _columns,
    "patches": _patches,
    "pixels": _pixels,
}

_STEPS: dict[Form, Callable[[Tensor], Tensor]] = {
    "map": _channel_map,
    "line": _line,
    "volume": _channel_volume,
    "sequence": _whole,
    "frames": _channel_frames,
}
_BANDS: dict[Form, Callable[[Tensor], Tensor]] = {
    "map": _band_map,
    "line": _line,
    "volume": _band_volume,
    "sequence": _whole,
    "frames": _band_frames,
}
_IMAGE: dict[Form, Callable[[Tensor], Tensor]] = {
    "map": _whole,
    "line": _image_line,
    "volume": _image_volume,
    "frames": _image_frames,
}
_CLIP: dict[Form, Callable[[Tensor], Tensor]] = {
    "line": _clip_line,
    "volume": _clip_volume,
    "sequence": _clip_sequence,
    "frames": _whole,
}
_TABLES: dict[Kind, dict[Form, Callable[[Tensor], Tensor]]] = {
    "image": _IMAGE,
    "clip": _CLIP,
    "sound": _BANDS,
    "text": _STEPS,
    "series": _STEPS,
}
VIEWS = {(kind, form): view for kind, table in _TABLES.items() for form, view in table.items()}
