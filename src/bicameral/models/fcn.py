"""Fully convolutional network for time series.

Wang, Yan and Oates 2017, arXiv 1611.06455. Differs: rows may have different lengths; convolutions have no
bias and start as He et al. say instead of Glorot; batch norm adds 1e-5 to the variance (Keras 1e-3) and keeps
0.9 of its running statistics at each step (Keras 0.99).
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
class FCNConfig:
    """How wide the blocks are."""

    width: int = 128  # channels of the first and last block; the middle has twice as many

    def __post_init__(self) -> None:
        require_counts(self, "width")


@model(
    "fcn",
    config=FCNConfig,
    family="convolutional",
    reads="line",
    gives="maps",
    paper="https://arxiv.org/abs/1611.06455",
    sizes={"small": {"width": 32}, "medium": {"width": 64}, "large": {"width": 128}},
)
class FCN(Grid):
    """Three blocks of convolution, batch norm and ReLU, with kernels of 8, 5 and 3."""

    def __init__(self, shape: tuple[int, ...], config: FCNConfig):
        super().__init__()
        self.channels: Sequence[int] = [config.width, 2 * config.width, config.width]
        self.strides = [1, 1, 1]
        inputs = [shape[0], *self.channels]
        self.blocks = nn.ModuleList(map(ConvNorm1d, inputs, self.channels, (8, 5, 3)))

    def features(self, x: Float[Tensor, "b c t"], lengths: Lengths = None) -> list[Tensor]:
        maps = [zero_padding(x, lengths, axis=2)]
        for block in self.blocks:
            maps.append(block(maps[-1], lengths).relu())
        return maps[1:]
