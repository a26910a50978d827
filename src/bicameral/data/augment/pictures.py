"""Changes of pictures (b c h w)."""

import torch
from jaxtyping import Float, Int
from torch import Generator, Tensor
from torch.nn import functional

from bicameral.data.augment.draws import Lengths, span, uniform

SHIFT = 0.125  # of a side
ANGLE, ZOOM = 0.17, 0.1  # radians, fraction
CUTOUT = 0.25  # of a side


def shift(x: Float[Tensor, "b c h w"], _: Lengths, generator: Generator) -> Float[Tensor, "b c h w"]:
    """Move by whole pixels; the edge is repeated."""
    height, width = x.shape[2:]
    moves = uniform(x, generator, columns=2) * SHIFT
    down = _moved(height, moves[:, :1])
    right = _moved(width, moves[:, 1:])
    each = torch.arange(len(x), device=x.device)[:, None, None]
    return x[each, :, down[:, :, None], right[:, None]].movedim(3, 1)


def _moved(size: int, moves: Float[Tensor, "b 1"]) -> Int[Tensor, "b s"]:
    return (torch.arange(size, device=moves.device) + (moves * size).round().long()).clamp(0, size - 1)


def rotate(x: Float[Tensor, "b c h w"], _: Lengths, generator: Generator) -> Float[Tensor, "b c h w"]:
    """Turn and scale a little about the centre; the edge is repeated."""
    angle, zoom = (uniform(x, generator, columns=2) * torch.tensor([ANGLE, ZOOM], device=x.device)).unbind(1)
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
    down = span(height, height * CUTOUT, uniform(x, generator, 0.0), height)
    right = span(width, width * CUTOUT, uniform(x, generator, 0.0), width)
    return x.masked_fill((down[:, :, None] & right[:, None])[:, None], 0)


def flip(x: Float[Tensor, "b c h w"], _: Lengths, generator: Generator) -> Float[Tensor, "b c h w"]:
    """Mirror half of the pictures left to right."""
    return torch.where(uniform(x, generator)[:, :, None, None] > 0, x.flip(3), x)
