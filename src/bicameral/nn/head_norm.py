"""Layer norm over each head by itself, with one gain a channel and no bias."""

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional


class HeadNorm(nn.Module):
    """Heads side by side in, heads side by side out."""

    def __init__(self, width: int, num_heads: int):
        super().__init__()
        self.num_heads = num_heads
        self.weight = nn.Parameter(torch.ones(width))

    def forward(self, x: Float[Tensor, "*b d"]) -> Float[Tensor, "*b d"]:
        heads = x.unflatten(-1, (self.num_heads, -1))
        return functional.layer_norm(heads, heads.shape[-1:]).flatten(-2) * self.weight
