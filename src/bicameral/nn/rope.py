"""Rotary positions: what two frames say to each other depends on their distance alone (arXiv 2104.09864)."""

import torch
from jaxtyping import Float, Int
from torch import Tensor

from bicameral.nn.attention import sinusoids


def rotate(
    x: Float[Tensor, "b t n e"], positions: Int[Tensor, "t"], num_rotated: int
) -> Float[Tensor, "b t n e"]:
    """Turn the first `num_rotated` dimensions of every head, the first half of them against the second."""
    exact = positions.to(torch.promote_types(x.dtype, torch.float32))
    sin, cos = sinusoids(exact, num_rotated).to(x.dtype)[:, None].chunk(2, -1)
    first, second, rest = x.split([num_rotated // 2, num_rotated // 2, x.shape[-1] - num_rotated], -1)
    return torch.cat([first * cos - second * sin, second * cos + first * sin, rest], -1)
