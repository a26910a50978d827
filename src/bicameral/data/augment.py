"""Augmentation of prepared batches on their own device: lengths, padding, dtype and shape stay as they are.

Data are standardised, so zero is the mean of a channel. Forecasting should take series "jitter" alone:
the other changes would have to be made to the targets too.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int, Shaped
from torch import Generator, Tensor
from torch.nn import functional

from bicameral.data.dataset import Kind
from bicameral.data.preprocessing.text import PADDING, UNKNOWN
from bicameral.errors import ConfigError, nearest

Lengths = Int[Tensor, "b"]
Change = Callable[[Tensor, Lengths, Generator], Tensor]

SHIFT = 0.125  # of a side, or of the time
ANGLE, ZOOM = 0.17, 0.1  # radians, fraction
CUTOUT = 0.25  # of a side
MASK = 0.15  # of the frames, or of the bands
CROP = 0.8  # the least part of the time that is kept
NOISE, SCALE = 0.05, 0.1  # standard deviations
DROPPED = 0.1  # of the tokens


@dataclass(frozen=True)
class Augmentation:
    """A fixed list of random changes, applied in order to a batch."""

    changes: tuple[Change, ...]

    def __call__(
        self, x: Shaped[Tensor, "b *example"], lengths: Lengths | None, generator: Generator
    ) -> Shaped[Tensor, "b *example"]:
        """Return a changed batch of the same shape; the same generator state gives the same batch."""
        steps = torch.full((len(x),), x.shape[1], device=x.device) if lengths is None else lengths
        changed = x
        for change in self.changes:
            changed = change(changed, steps, generator)
        return changed if lengths is None else torch.where(_valid(x, lengths), changed, x)


def for_kind(kind: Kind, menu: Sequence[str] | None = None) -> Augmentation:
    """Return the changes named in `menu`, or those of DEFAULTS; pictures and clips can also be flipped."""
    known = MENUS[kind]
    names = DEFAULTS[kind] if menu is None else menu
    for name in names:
        if name not in known:
            raise ConfigError(f"no {kind} augmentation called {name!r}{nearest(name, known)}")
    return Augmentation(tuple(known[name] for name in names))


def _valid(x: Tensor, lengths: Lengths) -> Bool[Tensor, "b t *ones"]:
    valid = torch.arange(x.shape[1], device=x.device) < lengths[:, None]
    return valid.reshape(*valid.shape, *[1] * (x.ndim - 2))


def _uniform(
    x: Tensor, generator: Generator, low: float = -1.0, high: float = 1.0, columns: int = 1
) -> Tensor:
    """Draw (b columns) numbers on the generator's device, the same wherever the batch lies."""
    drawn = torch.rand(len(x), columns, generator=generator, device=generator.device)
    return drawn.to(x.device) * (high - low) + low


# Pictures (b c h w)


def shift(x: Float[Tensor, "b c h w"], _: Lengths, generator: Generator) -> Float[Tensor, "b c h w"]:
    """Move by whole pixels; the edge is repeated."""
    height, width = x.shape[2:]
    moves = _uniform(x, generator, columns=2) * SHIFT
    down = _moved(height, moves[:, :1])
    right = _moved(width, moves[:, 1:])
    return x[
        torch.arange(len(x), device=x.device)[:, None, None], :, down[:, :, None], right[:, None]
    ].movedim(3, 1)


def _moved(size: int, moves: Float[Tensor, "b 1"]) -> Int[Tensor, "b s"]:
    return (torch.arange(size, device=moves.device) + (moves * size).round().long()).clamp(0, size - 1)


def rotate(x: Float[Tensor, "b c h w"], _: Lengths, generator: Generator) -> Float[Tensor, "b c h w"]:
    """Turn and scale a little about the centre; the edge is repeated."""
    angle, zoom = (_uniform(x, generator, columns=2) * torch.tensor([ANGLE, ZOOM], device=x.device)).unbind(1)
    height, width = x.shape[2:]
    cos, sin, none = angle.cos() * (1 + zoom), angle.sin() * (1 + zoom), torch.zeros_like(angle)
    # Grid coordinates run from -1 to 1 along both sides, so a true rotation needs their ratio.
    rows = [
        torch.stack([cos, -sin * height / width, none], 1),
        torch.stack([sin * width / height, cos, none], 1),
    ]
    grid = functional.affine_grid(torch.stack(rows, 1), list(x.shape), align_corners=False)
    return functional.grid_sample(x, grid.to(x.dtype), padding_mode="border", align_corners=False)


def cutout(x: Float[Tensor, "b c h w"], _: Lengths, generator: Generator) -> Float[Tensor, "b c h w"]:
    """Set a rectangle to the mean."""
    height, width = x.shape[2:]
    down = _span(height, height * CUTOUT, _uniform(x, generator, 0.0))
    right = _span(width, width * CUTOUT, _uniform(x, generator, 0.0))
    return x.masked_fill((down[:, :, None] & right[:, None])[:, None], 0)


def _span(
    size: int, extent: float | Float[Tensor, "b 1"], position: Float[Tensor, "b 1"]
) -> Bool[Tensor, "b s"]:
    """Mark a run of `extent` places, anywhere from the first place to the last."""
    places = torch.arange(size, device=position.device)
    start = (position * (size - extent + 1)).floor()
    return (places >= start) & (places < start + extent)


def flip(x: Float[Tensor, "b c h w"], _: Lengths, generator: Generator) -> Float[Tensor, "b c h w"]:
    """Mirror half of the pictures left to right."""
    return torch.where(_uniform(x, generator)[:, :, None, None] > 0, x.flip(3), x)


def _for_all_frames(change: Change) -> Change:
    """Make the change of a picture one of a clip: all frames change alike."""

    def changed(
        x: Float[Tensor, "b t c h w"], lengths: Lengths, generator: Generator
    ) -> Float[Tensor, "b t c h w"]:
        return change(x.flatten(1, 2), lengths, generator).reshape(x.shape)

    return changed


# Anything along time (b t ...)


def _at(x: Float[Tensor, "b t *d"], places: Int[Tensor, "b t"], lengths: Lengths) -> Float[Tensor, "b t *d"]:
    """Take the frames at `places`, or the nearest valid ones."""
    places = torch.minimum(places.clamp(min=0), lengths[:, None] - 1)
    return x[torch.arange(len(x), device=x.device)[:, None], places]


def time_jitter(
    x: Float[Tensor, "b t *d"], lengths: Lengths, generator: Generator
) -> Float[Tensor, "b t *d"]:
    """Exchange some frames for a neighbour, in order."""
    steps = torch.arange(x.shape[1], device=x.device)
    moves = (_uniform(x, generator, columns=x.shape[1]) * 0.75).round().long()
    return _at(x, (steps + moves).sort(1).values, lengths)


def time_shift(x: Float[Tensor, "b t *d"], lengths: Lengths, generator: Generator) -> Float[Tensor, "b t *d"]:
    """Move along time; the first or last frame is repeated."""
    moves = (_uniform(x, generator) * SHIFT * lengths[:, None]).round().long()
    return _at(x, torch.arange(x.shape[1], device=x.device) + moves, lengths)


def time_crop(x: Float[Tensor, "b t *d"], lengths: Lengths, generator: Generator) -> Float[Tensor, "b t *d"]:
    """Stretch a part of the time to the whole, by the nearest frame."""
    part, position = _uniform(x, generator, CROP, 1.0), _uniform(x, generator, 0.0)
    start = position * (1 - part) * (lengths[:, None] - 1)
    return _at(x, (start + torch.arange(x.shape[1], device=x.device) * part).round().long(), lengths)


def time_mask(x: Float[Tensor, "b t m"], lengths: Lengths, generator: Generator) -> Float[Tensor, "b t m"]:
    """Set a run of frames to the mean (SpecAugment)."""
    extent = (_uniform(x, generator, 0.0) * MASK * lengths[:, None]).floor()
    start = (_uniform(x, generator, 0.0) * (lengths[:, None] - extent)).floor()
    places = torch.arange(x.shape[1], device=x.device)
    return x.masked_fill(((places >= start) & (places < start + extent))[:, :, None], 0)


def band_mask(x: Float[Tensor, "b t m"], _: Lengths, generator: Generator) -> Float[Tensor, "b t m"]:
    """Set a run of bands to the mean (SpecAugment)."""
    bands = x.shape[2]
    extent = (_uniform(x, generator, 0.0) * MASK * bands).floor()
    return x.masked_fill(_span(bands, extent, _uniform(x, generator, 0.0))[:, None], 0)


def jitter(x: Float[Tensor, "b t d"], _: Lengths, generator: Generator) -> Float[Tensor, "b t d"]:
    """Add white noise."""
    return x + NOISE * torch.randn(x.shape, generator=generator, device=generator.device).to(x)


def scale(x: Float[Tensor, "b t d"], _: Lengths, generator: Generator) -> Float[Tensor, "b t d"]:
    """Multiply each channel by a factor near one."""
    drawn = torch.randn(len(x), 1, x.shape[2], generator=generator, device=generator.device)
    return x * (1 + SCALE * drawn.to(x))


def token_dropout(x: Int[Tensor, "b t"], _: Lengths, generator: Generator) -> Int[Tensor, "b t"]:
    """Make some tokens unknown."""
    dropped = _uniform(x, generator, 0.0, columns=x.shape[1]) < DROPPED
    return x.masked_fill(dropped & (x != PADDING), UNKNOWN)


_PICTURE: dict[str, Change] = {"shift": shift, "rotate": rotate, "cutout": cutout, "flip": flip}
MENUS: dict[Kind, dict[str, Change]] = {
    "image": _PICTURE,
    "clip": {name: _for_all_frames(change) for name, change in _PICTURE.items()} | {"jitter": time_jitter},
    "sound": {"time_mask": time_mask, "band_mask": band_mask, "shift": time_shift},
    "series": {"jitter": jitter, "scale": scale, "crop": time_crop, "shift": time_shift},
    "text": {"dropout": token_dropout},
}
# Mirrored digits and letters are other digits and letters: flipping is asked for by name.
DEFAULTS: dict[Kind, tuple[str, ...]] = {
    kind: tuple(name for name in menu if name != "flip") for kind, menu in MENUS.items()
}
