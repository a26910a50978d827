"""LeNet-5, the convolutional network for handwritten digits.

LeCun, Bottou, Bengio and Haffner 1998. Differs: ReLU, max pooling, every map of C3 sees all maps of S2, a
linear head instead of radial basis functions. 28 x 28 pixels are padded to the paper's 32 x 32; other sizes
are padded alike, and below 20 pixels C3 is padded too, so that something is left of the map.
"""

from dataclasses import dataclass
from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from bicameral.models import require_counts
from bicameral.nn.grid import Grid
from bicameral.nn.masking import Lengths, zero_padding
from bicameral.registry import model


@dataclass(frozen=True, kw_only=True)
class LeNet5Config:
    """How wide the layers are."""

    width: int = 6  # maps of C1; the other layers keep the paper's ratios 6 : 16 : 120 : 84

    def __post_init__(self) -> None:
        require_counts(self, "width")


@model(
    "lenet5",
    config=LeNet5Config,
    family="convolutional",
    reads="map",
    gives="vector",
    paper="https://doi.org/10.1109/5.726791",
    sizes={"small": {"width": 3}, "medium": {"width": 6}, "large": {"width": 18}},
)
class LeNet5(Grid):
    """C1 S2 C3 S4 are the maps; C5 and F6 turn the last into a vector."""

    time_axis: ClassVar[int] = 3

    def __init__(self, shape: tuple[int, ...], config: LeNet5Config):
        super().__init__()
        in_channels, height, self.columns = shape
        c1, c3, c5, self.width = (round(config.width * ratio / 6) for ratio in (6, 16, 120, 84))
        self.channels, self.strides = [c1, c3], [2, 4]
        self.c1 = nn.Conv2d(in_channels, c1, 5, padding=2)
        self.c3 = nn.Conv2d(c1, c3, 5, padding=2 if min(height, self.columns) < 20 else 0)
        with torch.no_grad():
            cells = self.features(torch.zeros(1, *shape))[-1][0].numel()
        self.c5, self.f6 = nn.Linear(cells, c5), nn.Linear(c5, self.width)

    def features(self, x: Float[Tensor, "b c h w"], lengths: Lengths = None) -> list[Tensor]:
        s2 = _pool(self.c1(zero_padding(x, lengths, axis=3)))
        return [s2, _pool(self.c3(s2))]

    def forward(self, x: Float[Tensor, "b c h w"], lengths: Lengths = None) -> Float[Tensor, "b d"]:
        x = zero_padding(x, lengths, axis=3)
        s4 = self.features(functional.pad(x, (0, self.columns - x.shape[3])))[-1]
        return self.f6(self.c5(s4.flatten(1)).relu()).relu()


def _pool(maps: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c u v"]:
    return functional.max_pool2d(maps.relu(), 2, ceil_mode=True)
