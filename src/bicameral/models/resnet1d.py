"""Residual network for time series.

Wang, Yan and Oates 2017, arXiv 1611.06455. Differs: rows may have different lengths; where a block keeps its
channels the shortcut is the input itself, without a batch norm; otherwise as FCN differs.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor, nn

from bicameral.models import require_counts
from bicameral.nn.conv_norm import ConvNorm1d
from bicameral.nn.grid import Grid
from bicameral.nn.masking import Lengths, zero_padding
from bicameral.registry import model


@dataclass(frozen=True, kw_only=True)
class ResNet1dConfig:
    """How wide the blocks are."""

    width: int = 64  # channels of the first block; the other two have twice as many

    def __post_init__(self) -> None:
        require_counts(self, "width")


class Block(nn.Module):
    """Three convolutions with kernels of 8, 5 and 3 around a shortcut."""

    def __init__(self, before: int, after: int):
        super().__init__()
        self.first = ConvNorm1d(before, after, 8)
        self.second = ConvNorm1d(after, after, 5)
        self.third = ConvNorm1d(after, after, 3)
        self.shortcut = None if before == after else ConvNorm1d(before, after, 1)

    def forward(self, x: Float[Tensor, "b c t"], lengths: Lengths) -> Float[Tensor, "b e t"]:
        y = self.first(x, lengths).relu()
        y = self.second(y, lengths).relu()
        y = self.third(y, lengths)
        return (y + (x if self.shortcut is None else self.shortcut(x, lengths))).relu()


@model(
    "resnet1d",
    config=ResNet1dConfig,
    family="convolutional",
    reads="line",
    gives="maps",
    paper="https://arxiv.org/abs/1611.06455",
    sizes={"small": {"width": 16}, "medium": {"width": 32}, "large": {"width": 64}},
)
class ResNet1d(Grid):
    """Three residual blocks at full resolution."""

    def __init__(self, shape: tuple[int, ...], config: ResNet1dConfig):
        super().__init__()
        self.channels: Sequence[int] = [config.width, 2 * config.width, 2 * config.width]
        self.strides = [1, 1, 1]
        self.blocks = nn.ModuleList(map(Block, [shape[0], *self.channels], self.channels))

    def features(self, x: Float[Tensor, "b c t"], lengths: Lengths = None) -> list[Tensor]:
        maps = [zero_padding(x, lengths, axis=2)]
        for block in self.blocks:
            maps.append(block(maps[-1], lengths))
        return maps[1:]
