"""Layer norm that needs neither a square nor a root: deviations over their mean absolute value."""

import torch
from jaxtyping import Float
from torch import Tensor, nn


class MadNorm(nn.Module):
    """(x - mean) / mean |x - mean|, times a gain, plus a bias.

    Blind to shift and scale as layer norm is. The mean deviation of a normal row is sqrt(2 / pi) standard
    deviations: multiply the gain of a trained layer norm by that. It counts as `smallest` at least.
    """

    def __init__(self, width: int, *, bias: bool = True, smallest: float = 1e-3):
        super().__init__()
        self.smallest = smallest
        self.weight = nn.Parameter(torch.ones(width))
        self.bias = nn.Parameter(torch.zeros(width)) if bias else None

    def forward(self, x: Float[Tensor, "*b d"]) -> Float[Tensor, "*b d"]:
        centred = x - x.mean(-1, keepdim=True)
        deviation = centred.abs().mean(-1, keepdim=True).clamp(min=self.smallest)
        y = centred / deviation * self.weight
        return y if self.bias is None else y + self.bias
