"""Numbers of few bits, to train what integers will compute: rounded forwards, passed through backwards."""

from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor


class FixedPoint(NamedTuple):
    """Signed integers of `bits` bits, each 2^-fraction; beyond their range they saturate."""

    bits: int
    fraction: int


def rounded(x: Float[Tensor, "*b d"], form: FixedPoint) -> Float[Tensor, "*b d"]:
    """Return the nearest numbers of that form; the gradient passes wherever `x` is in range."""
    step, count = 2.0**-form.fraction, 2 ** (form.bits - 1)
    return straight_through(x.clamp(-count * step, (count - 1) * step), step)


def rounded_weights(w: Float[Tensor, "e d"], num_blocks: int, bits: int = 8) -> Float[Tensor, "e d"]:
    """Return weights on a symmetric grid; each block of rows has a step of its own, by its largest weight."""
    blocks = w.unflatten(0, (num_blocks, -1))
    step = blocks.detach().abs().amax((1, 2), keepdim=True) / (2 ** (bits - 1) - 1)
    return straight_through(blocks, step.clamp(min=torch.finfo(w.dtype).tiny)).flatten(0, 1)


def straight_through(x: Float[Tensor, "*b d"], step: float | Tensor) -> Float[Tensor, "*b d"]:
    """Return the nearest multiples of `step`, with the gradient of `x` itself."""
    return x + ((x / step).round() * step - x).detach()
