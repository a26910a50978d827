"""Changes along time (b t ...): only valid frames are looked at."""

import torch
from jaxtyping import Float, Int
from torch import Generator, Tensor

from bicameral.data.augment.draws import Lengths, normal, span, uniform
from bicameral.data.preprocessing.text import PADDING, UNKNOWN

SHIFT = 0.125  # of the time
MASK = 0.15  # of the frames, or of the bands
CROP = 0.8  # the least part of the time that is kept
NOISE, SCALE = 0.05, 0.1  # standard deviations
DROPPED = 0.1  # of the tokens


def _at(x: Float[Tensor, "b t *d"], places: Int[Tensor, "b t"], lengths: Lengths) -> Float[Tensor, "b t *d"]:
    """Take the frames at `places`, or the nearest valid ones."""
    places = torch.minimum(places.clamp(min=0), lengths[:, None] - 1)
    return x[torch.arange(len(x), device=x.device)[:, None], places]


def time_jitter(
    x: Float[Tensor, "b t *d"], lengths: Lengths, generator: Generator
) -> Float[Tensor, "b t *d"]:
    """Exchange some frames for a neighbour, in order."""
    steps = torch.arange(x.shape[1], device=x.device)
    moves = (uniform(x, generator, columns=x.shape[1]) * 0.75).round().long()
    return _at(x, (steps + moves).sort(1).values, lengths)


def time_shift(x: Float[Tensor, "b t *d"], lengths: Lengths, generator: Generator) -> Float[Tensor, "b t *d"]:
    """Move along time; the first or last frame is repeated."""
    moves = (uniform(x, generator) * SHIFT * lengths[:, None]).round().long()
    return _at(x, torch.arange(x.shape[1], device=x.device) + moves, lengths)


def time_crop(x: Float[Tensor, "b t *d"], lengths: Lengths, generator: Generator) -> Float[Tensor, "b t *d"]:
    """Stretch a part of the time to the whole, by the nearest frame."""
    part, position = uniform(x, generator, CROP, 1.0), uniform(x, generator, 0.0)
    start = position * (1 - part) * (lengths[:, None] - 1)
    return _at(x, (start + torch.arange(x.shape[1], device=x.device) * part).round().long(), lengths)


def time_mask(x: Float[Tensor, "b t m"], lengths: Lengths, generator: Generator) -> Float[Tensor, "b t m"]:
    """Set a run of frames to the mean (SpecAugment)."""
    extent = (uniform(x, generator, 0.0) * MASK * lengths[:, None]).floor()
    masked = span(lengths[:, None], extent, uniform(x, generator, 0.0), x.shape[1])
    return x.masked_fill(masked[:, :, None], 0)


def band_mask(x: Float[Tensor, "b t m"], _: Lengths, generator: Generator) -> Float[Tensor, "b t m"]:
    """Set a run of bands to the mean (SpecAugment)."""
    num_bands = x.shape[2]
    extent = (uniform(x, generator, 0.0) * MASK * num_bands).floor()
    masked = span(num_bands, extent, uniform(x, generator, 0.0), num_bands)
    return x.masked_fill(masked[:, None], 0)


def jitter(x: Float[Tensor, "b t d"], _: Lengths, generator: Generator) -> Float[Tensor, "b t d"]:
    """Add white noise."""
    return x + NOISE * normal(x, generator, *x.shape)


def scale(x: Float[Tensor, "b t d"], _: Lengths, generator: Generator) -> Float[Tensor, "b t d"]:
    """Multiply each channel by a factor near one."""
    return x * (1 + SCALE * normal(x, generator, len(x), 1, x.shape[2]))


def token_dropout(x: Int[Tensor, "b t"], _: Lengths, generator: Generator) -> Int[Tensor, "b t"]:
    """Make some tokens unknown."""
    dropped = uniform(x, generator, 0.0, columns=x.shape[1]) < DROPPED
    return x.masked_fill(dropped & (x != PADDING), UNKNOWN)
