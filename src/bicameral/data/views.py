"""How one kind of data is read by models made for another: as map, line, volume, sequence or frames.

Mel bands have neighbours, so they are an axis of a map. The channels of a series or of an embedding have none
and stay channels of a one-pixel map, on which a ConvLSTM is an LSTM.
"""

import math
import re
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional

from bicameral.data.dataset import Kind
from bicameral.errors import ConfigError, nearest
from bicameral.registry import Form

Example = tuple[int, ...]

NUM_STACKED = 8  # frames of a clip read as one map
MOST_PIXELS = 16  # a side of a frame read as a vector
MOST_PATCHES = 64

AXES: dict[Kind, str] = {"image": "c h w", "clip": "t c h w", "sound": "t m", "text": "t d", "series": "t d"}
_CHANNELS: dict[Form, str] = {
    "map": "d 1 t",
    "line": "d t",
    "volume": "d t 1 1",
    "sequence": "t d",
    "frames": "t d 1 1",
}
PATTERNS: dict[Kind, dict[Form, str]] = {
    "image": {
        "map": "c h w",
        "line": "(c h) w",
        "volume": "c 1 h w",
        "sequence": "h (c w)",
        "frames": "1 c h w",
    },
    "clip": {
        "map": "(t c) h w",  # t: NUM_STACKED even frames
        "line": "(c h w) t",  # h, w: averaged to MOST_PIXELS
        "volume": "c t h w",
        "sequence": "t (c h w)",  # h, w: averaged to MOST_PIXELS
        "frames": "t c h w",
    },
    "sound": {
        "map": "1 m t",
        "line": "m t",
        "volume": "1 t m 1",
        "sequence": "t m",
        "frames": "t 1 m 1",
    },
    "text": _CHANNELS,
    "series": _CHANNELS,
}
SCANS = {"rows": "h (c w)", "columns": "w (c h)", "pixels": "(h w) c"}  # of pictures read as a sequence
READINGS = (*SCANS, "patches")


@dataclass(frozen=True, kw_only=True)
class Arrangement:
    """Where the axes of a batch go."""

    order: tuple[int, ...]  # of the axes before
    merged: tuple[int, ...]  # how many of them make up each axis after; 0 is a new axis of size one
    time_axis: int | None  # after

    def __call__(self, x: Float[Tensor, "b *before"]) -> Float[Tensor, "b *after"]:
        """Return the batch rearranged."""
        x = x.permute(self.order)
        for axis, count in enumerate(self.merged):
            x = x.flatten(axis, axis + count - 1) if count else x.unsqueeze(axis)
        return x


def arrangement(before: str, after: str) -> Arrangement:
    """Read a pattern such as "t c h w", "(c h w) t", of one example."""
    axes = ["b", *before.split()]
    parts = re.findall(r"\(.*?\)|\S+", f"b {after}")
    groups = [[name for name in part.strip("()").split() if name != "1"] for part in parts]
    return Arrangement(
        order=tuple(axes.index(name) for group in groups for name in group),
        merged=tuple(map(len, groups)),
        time_axis=groups.index(["t"]) if ["t"] in groups else None,
    )


ARRANGEMENTS = {
    (kind, form): arrangement(AXES[kind], pattern)
    for kind, patterns in PATTERNS.items()
    for form, pattern in patterns.items()
}
_SCANS = {name: arrangement(AXES["image"], pattern) for name, pattern in SCANS.items()}


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

    reading  one of READINGS: how a picture becomes a sequence
    """
    _check(reading, kind, form)
    if reading != "rows":
        return patches(x) if reading == "patches" else _SCANS[reading](x), None
    if lengths is not None:
        x = zero_padding(x, lengths)
    if kind == "clip":
        x = _reduced(x, lengths, form)
    return ARRANGEMENTS[kind, form](x), None if time_axis(kind, form) is None else lengths


def time_axis(kind: Kind, form: Form) -> int | None:
    """Return the axis of the viewed batch along which lengths count; None where time is no axis."""
    return ARRANGEMENTS[kind, form].time_axis


def zero_padding(x: Float[Tensor, "b t *d"], lengths: Int[Tensor, "b"]) -> Float[Tensor, "b t *d"]:
    """Return the batch with zeros behind the valid frames, whatever was there."""
    padding = torch.arange(x.shape[1], device=x.device) >= lengths[:, None]
    return x.masked_fill(padding.reshape(*padding.shape, *[1] * (x.ndim - 2)), 0)


def patches(x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b n d"]:
    """Cut pictures into squares row by row, their side a power of two, the last ones filled with zeros."""
    side = patch_side(*x.shape[2:])
    x = functional.pad(x, (0, -x.shape[3] % side, 0, -x.shape[2] % side))
    return functional.unfold(x, side, stride=side).transpose(1, 2)


def patch_side(height: int, width: int) -> int:
    """Return the smallest power of two that needs few enough patches."""
    side = 1
    while math.ceil(height / side) * math.ceil(width / side) > MOST_PATCHES:
        side *= 2
    return side


def even_frames(
    x: Float[Tensor, "b t c h w"], lengths: Int[Tensor, "b"] | None
) -> Float[Tensor, "b n c h w"]:
    """Take a fixed number of valid frames, evenly spaced from the first to the last."""
    last = torch.full(x.shape[:1], x.shape[1], device=x.device) - 1 if lengths is None else lengths - 1
    gaps = NUM_STACKED - 1
    steps = torch.arange(NUM_STACKED, device=x.device) * last[:, None]
    chosen = (2 * steps + gaps) // (2 * gaps)  # rounded to the nearest frame
    return x[torch.arange(x.shape[0], device=x.device)[:, None], chosen]


def small_frames(x: Float[Tensor, "b t c h w"]) -> Float[Tensor, "b t c y x"]:
    """Average frames down to a few pixels."""
    size = min(x.shape[3], MOST_PIXELS), min(x.shape[4], MOST_PIXELS)
    return functional.adaptive_avg_pool2d(x.flatten(0, 1), size).unflatten(0, x.shape[:2])


def _reduced(x: Tensor, lengths: Tensor | None, form: Form) -> Tensor:
    if form == "map":
        return even_frames(x, lengths)
    return small_frames(x) if form in ("line", "sequence") else x


def _check(reading: str, kind: Kind, form: Form) -> None:
    if reading not in READINGS:
        raise ConfigError(f"no reading called {reading!r}{nearest(reading, READINGS)}")
    if reading != "rows" and (kind, form) != ("image", "sequence"):
        raise ConfigError(f"reading={reading!r} is for pictures read as a sequence, not for {kind} as {form}")
