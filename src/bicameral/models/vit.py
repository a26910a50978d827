"""Vision transformer: a picture as a sequence of patches.

Dosovitskiy et al. 2020, arXiv 2010.11929. Differs: fixed sinusoidal positions in two dimensions and the mean
over the patches instead of a class token (Beyer, Zhai and Kolesnikov 2022, arXiv 2205.01580), so that any
size will do; a picture is padded to whole patches; all weights start as Glorot says, those to q, k and v
together (a deviation of √(1 / 2 width), where timm has 0.02).
"""

from dataclasses import dataclass
from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from bicameral.errors import ConfigError
from bicameral.models import require_counts, require_fractions
from bicameral.nn.attention import EncoderBlock, initialise, sinusoids
from bicameral.nn.grid import Grid
from bicameral.nn.masking import Lengths, strided, valid_frames, zero_padding
from bicameral.registry import model


@dataclass(frozen=True, kw_only=True)
class ViTConfig:
    """How wide and deep."""

    width: int = 64  # of the residual stream
    depth: int = 4  # blocks
    num_heads: int = 4  # of each block; they share the width
    patch: int = 4  # pixels a side
    dropout: float = 0.0  # on each branch, in training

    def __post_init__(self) -> None:
        require_counts(self, "width", "depth", "num_heads", "patch")
        require_fractions(self, "dropout")
        if self.width % 4 or self.width % self.num_heads:
            expected = f"a multiple of 4 and of num_heads = {self.num_heads}"
            raise ConfigError(f"ViTConfig.width is {self.width}; expected {expected}")


@model(
    "vit",
    config=ViTConfig,
    family="attention",
    reads="map",
    gives="maps",
    paper="https://arxiv.org/abs/2010.11929",
    sizes={
        "small": {"width": 32, "depth": 2},
        "medium": {"width": 64},
        "large": {"width": 128, "depth": 6},
    },
)
class ViT(Grid):
    """Patches projected, plus positions, blocks, a last norm; the tokens come back as a map."""

    time_axis: ClassVar[int] = 3

    def __init__(self, shape: tuple[int, ...], config: ViTConfig):
        super().__init__()
        self.patch = config.patch
        self.channels, self.strides = [config.width], [config.patch]
        self.patches = nn.Conv2d(shape[0], config.width, config.patch, stride=config.patch)
        self.blocks = nn.ModuleList(
            EncoderBlock(config.width, config.num_heads, dropout=config.dropout) for _ in range(config.depth)
        )
        self.norm = nn.LayerNorm(config.width)
        initialise(self)

    def features(self, x: Float[Tensor, "b c h w"], lengths: Lengths = None) -> list[Tensor]:
        patch = self.patch
        x = functional.pad(zero_padding(x, lengths, axis=3), (0, -x.shape[3] % patch, 0, -x.shape[2] % patch))
        grid = self.patches(x)
        y = grid.flatten(2).transpose(1, 2) + _positions(grid)
        lengths = strided(lengths, patch)
        valid = None if lengths is None else valid_frames(lengths, grid.shape[3]).repeat(1, grid.shape[2])
        for block in self.blocks:
            y = block(y, valid)
        return [zero_padding(self.norm(y).transpose(1, 2).view_as(grid), lengths, axis=3)]


def _positions(grid: Float[Tensor, "b d h w"]) -> Float[Tensor, "n d"]:
    """Half of the width says the row, half the column."""
    _, width, *size = grid.shape
    rows, columns = (
        sinusoids(torch.arange(n, dtype=grid.dtype, device=grid.device), width // 2) for n in size
    )
    rows, columns = rows[:, None].expand(-1, size[1], -1), columns[None].expand(size[0], -1, -1)
    return torch.cat([rows, columns], -1).flatten(0, 1)
