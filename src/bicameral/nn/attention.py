"""The pre-norm transformer encoder block, and sinusoidal positions."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn import functional


class Attention(nn.Module):
    """Multi-head self-attention; `valid` says which frames may be looked at."""

    def __init__(self, width: int, num_heads: int):
        super().__init__()
        self.num_heads = num_heads
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)

    def forward(
        self, x: Float[Tensor, "b t d"], valid: Bool[Tensor, "b t"] | None = None
    ) -> Float[Tensor, "b t d"]:
        q, k, v = self.qkv(x).unflatten(-1, (3, self.num_heads, -1)).permute(2, 0, 3, 1, 4)
        mask = None if valid is None else valid[:, None, None]
        y = functional.scaled_dot_product_attention(q, k, v, mask)
        return self.out(y.transpose(1, 2).flatten(2))


class EncoderBlock(nn.Module):
    """x + attention(norm(x)), then x + mlp(norm(x))."""

    def __init__(self, width: int, num_heads: int, *, dropout: float = 0.0, expansion: int = 4):
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attention, self.dropout = Attention(width, num_heads), nn.Dropout(dropout)
        self.up, self.down = nn.Linear(width, expansion * width), nn.Linear(expansion * width, width)

    def forward(
        self, x: Float[Tensor, "b t d"], valid: Bool[Tensor, "b t"] | None = None
    ) -> Float[Tensor, "b t d"]:
        x = x + self.dropout(self.attention(self.norm1(x), valid))
        hidden = self.dropout(functional.gelu(self.up(self.norm2(x))))
        return x + self.dropout(self.down(hidden))


def initialise(module: nn.Module) -> None:
    """Xavier weights and zero biases for every linear layer."""
    for layer in module.modules():
        if isinstance(layer, nn.Linear):
            nn.init.xavier_uniform_(layer.weight)
            nn.init.zeros_(layer.bias)


def sinusoids(positions: Float[Tensor, "t"], width: int) -> Float[Tensor, "t d"]:
    """sin and cos of each position at `width / 2` wavelengths from 2π to nearly 20000π, half and half."""
    levels = torch.arange(width // 2, dtype=positions.dtype, device=positions.device)
    rates = 10_000 ** (-2 * levels / width)
    angles = positions[:, None] * rates
    return torch.cat([angles.sin(), angles.cos()], 1)
