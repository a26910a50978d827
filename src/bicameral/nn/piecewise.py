"""Activations made of straight pieces, as integer arithmetic evaluates them: a look-up, a product, a sum."""

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor, nn

SAMPLES = 8192  # points between `low` and `high` where a knot may stand


class PiecewiseLinear(nn.Module):
    """`function` by greedily placed knots on [low, high], constant outside; the gradient is the slope."""

    knots: Tensor
    slopes: Tensor
    intercepts: Tensor

    def __init__(self, function: Callable[[Tensor], Tensor], low: float, high: float, num_pieces: int):
        super().__init__()
        self.low, self.high = low, high
        knots = greedy_knots(function, low, high, num_pieces)
        values = function(knots)
        slopes = values.diff() / knots.diff()
        self.register_buffer("knots", knots.float())
        self.register_buffer("slopes", slopes.float())
        self.register_buffer("intercepts", (values[:-1] - slopes * knots[:-1]).float())

    def forward(self, x: Float[Tensor, "*b d"]) -> Float[Tensor, "*b d"]:
        x = x.clamp(self.low, self.high)
        piece = torch.bucketize(x, self.knots[1:-1])
        return torch.addcmul(self.intercepts[piece], self.slopes[piece], x)


def greedy_knots(
    function: Callable[[Tensor], Tensor], low: float, high: float, num_pieces: int
) -> Float[Tensor, "k"]:
    """Return the ends and, one after another, the point where the pieces so far are furthest off."""
    grid = torch.linspace(low, high, SAMPLES + 1, dtype=torch.float64)
    values, chosen = function(grid), [0, SAMPLES]
    for _ in range(num_pieces - 1):
        error = (_through(grid, values, sorted(chosen)) - values).abs()
        chosen.append(int(error.argmax()))
    return grid[sorted(chosen)]


def _through(grid: Float[Tensor, "n"], values: Float[Tensor, "n"], chosen: list[int]) -> Float[Tensor, "n"]:
    """Interpolate between the chosen points."""
    knots, heights = grid[chosen], values[chosen]
    piece = torch.bucketize(grid, knots[1:-1])
    share = (grid - knots[piece]) / (knots[piece + 1] - knots[piece])
    return torch.lerp(heights[piece], heights[piece + 1], share)
