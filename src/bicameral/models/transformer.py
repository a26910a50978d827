"""Transformer encoder over a sequence.

Vaswani et al. 2017, arXiv 1706.03762. Differs: norms before the branches and one at the end (Xiong et al.
2020, arXiv 2002.04745), GELU, frames projected instead of words embedded.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from bicameral.errors import ConfigError
from bicameral.models import require_counts, require_fractions
from bicameral.nn.attention import EncoderBlock, initialise, sinusoids
from bicameral.nn.masking import Lengths, valid_frames, zero_padding
from bicameral.registry import model


@dataclass(frozen=True, kw_only=True)
class TransformerConfig:
    """How wide and deep."""

    width: int = 64  # of the residual stream
    depth: int = 2  # blocks
    num_heads: int = 4  # of each block; they share the width
    dropout: float = 0.1  # on each branch, in training

    def __post_init__(self) -> None:
        require_counts(self, "width", "depth", "num_heads")
        require_fractions(self, "dropout")
        if self.width % (2 * self.num_heads):
            expected = f"an even multiple of num_heads = {self.num_heads}"
            raise ConfigError(f"TransformerConfig.width is {self.width}; expected {expected}")


@model(
    "transformer",
    config=TransformerConfig,
    family="attention",
    reads="sequence",
    gives="steps",
    paper="https://arxiv.org/abs/1706.03762",
    sizes={"small": {"width": 32}, "medium": {"width": 64}, "large": {"width": 128, "depth": 4}},
)
class Transformer(nn.Module):
    """A projection plus positions, blocks, a last norm. Every frame sees every valid frame."""

    def __init__(self, shape: tuple[int, ...], config: TransformerConfig):
        super().__init__()
        self.width = config.width
        self.project = nn.Linear(shape[-1], config.width)
        self.blocks = nn.ModuleList(
            EncoderBlock(config.width, config.num_heads, dropout=config.dropout) for _ in range(config.depth)
        )
        self.norm = nn.LayerNorm(config.width)
        initialise(self)

    def forward(self, x: Float[Tensor, "b t d"], lengths: Lengths = None) -> Float[Tensor, "b t e"]:
        positions = torch.arange(x.shape[1], dtype=x.dtype, device=x.device)
        y = self.project(zero_padding(x, lengths)) + sinusoids(positions, self.width)
        valid = None if lengths is None else valid_frames(lengths, x.shape[1])
        for block in self.blocks:
            y = block(y, valid)
        return zero_padding(self.norm(y), lengths)
