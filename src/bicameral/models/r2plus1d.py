"""Video network whose convolutions are factored into space and time.

Tran et al. 2018, R(2+1)D, arXiv 1711.11248. Differs: the stem keeps the size of the picture, unless asked,
and the default is narrow and has one block a stage, for small clips; the last batch norm of a block starts at
zero (Goyal et al. 2017, arXiv 1706.02677). The channels between the factors follow section 3.5 for every
convolution; the released networks have 45 in the large stem (here 83) and those of a block's first
convolution in its second, too.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import cast

from jaxtyping import Float
from torch import Tensor, nn

from bicameral.errors import ConfigError
from bicameral.models import require_choice, require_counts
from bicameral.nn.grid import Grid
from bicameral.nn.masking import Lengths, strided, zero_padding
from bicameral.nn.norm import BatchNorm
from bicameral.registry import model

BLOCKS = {10: (1, 1, 1, 1), 18: (2, 2, 2, 2), 34: (3, 4, 6, 3)}


@dataclass(frozen=True, kw_only=True)
class R2Plus1DConfig:
    """How deep and wide; the paper's are depth 18 or 34, width 64, the large stem."""

    depth: int = 10  # 10, 18 or 34 layers
    width: int = 16  # channels of the first stage, doubled at each next
    stem: str = "small"  # 3 x 3, or large: 7 x 7 with stride 2 in space

    def __post_init__(self) -> None:
        require_counts(self, "depth", "width")
        require_choice(self, "stem", ("small", "large"))
        if self.depth not in BLOCKS:
            raise ConfigError(f"R2Plus1DConfig.depth is {self.depth}; expected 10, 18 or 34")


def num_mids(num_inputs: int, channels: int, *, time: int = 3, space: int = 3) -> int:
    """Channels between the factors, so that both have as many weights as the whole kernel: section 3.5."""
    return time * space**2 * num_inputs * channels // (space**2 * num_inputs + time * channels)


class FactoredConv(nn.Module):
    """1 x d x d over space, batch norm, ReLU, t x 1 x 1 over time, batch norm; `mids` channels between."""

    def __init__(
        self, num_inputs: int, mids: int, channels: int, *, space: int = 3, strides: tuple[int, int] = (1, 1)
    ):
        super().__init__()
        self.stride, across = strides
        size, reach = (1, space, space), (0, space // 2, space // 2)
        self.space = nn.Conv3d(num_inputs, mids, size, (1, across, across), reach, bias=False)
        self.space_norm = BatchNorm(mids)
        self.time = nn.Conv3d(mids, channels, (3, 1, 1), (self.stride, 1, 1), (1, 0, 0), bias=False)
        self.time_norm = BatchNorm(channels)
        for conv in (self.space, self.time):
            nn.init.kaiming_normal_(conv.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, x: Float[Tensor, "b c t h w"], lengths: Lengths) -> Float[Tensor, "b e u i j"]:
        x = self.space_norm(self.space(x), lengths).relu()
        return self.time_norm(self.time(x), strided(lengths, self.stride))


class Projection(nn.Module):
    """A shortcut that changes size: one convolution of one voxel, batch norm."""

    def __init__(self, before: int, after: int, stride: int):
        super().__init__()
        self.conv, self.norm = nn.Conv3d(before, after, 1, stride, bias=False), BatchNorm(after)

    def forward(self, x: Float[Tensor, "b c t h w"], lengths: Lengths) -> Float[Tensor, "b e u i j"]:
        return self.norm(self.conv(x), lengths)


class Block(nn.Module):
    """relu(two factored convolutions + shortcut)."""

    def __init__(self, before: int, after: int, stride: int):
        super().__init__()
        self.stride = stride
        mids = num_mids(before, after)
        self.first = FactoredConv(before, mids, after, strides=(stride, stride))
        self.second = FactoredConv(after, num_mids(after, after), after)
        self.projection = None if before == after else Projection(before, after, stride)
        nn.init.zeros_(self.second.time_norm.weight)

    def forward(self, x: Float[Tensor, "b c t h w"], lengths: Lengths) -> Float[Tensor, "b e u i j"]:
        shorter = strided(lengths, self.stride)
        y = self.second(self.first(x, lengths).relu(), shorter)
        return (y + (x if self.projection is None else self.projection(x, shorter))).relu()


@model(
    "r2plus1d",
    config=R2Plus1DConfig,
    family="convolutional",
    reads="volume",
    gives="maps",
    paper="https://arxiv.org/abs/1711.11248",
    sizes={"small": {"width": 8}, "medium": {"width": 16}, "large": {"width": 32}},
)
class R2Plus1D(Grid):
    """A factored stem, then four stages of factored residual blocks."""

    def __init__(self, shape: tuple[int, ...], config: R2Plus1DConfig):
        super().__init__()
        space, across = (7, 2) if config.stem == "large" else (3, 1)
        mids = num_mids(shape[0], config.width, space=space)
        self.stem = FactoredConv(shape[0], mids, config.width, space=space, strides=(1, across))
        self.channels = [config.width * 2**stage for stage in range(4)]
        self.strides = [(2**stage, across * 2**stage, across * 2**stage) for stage in range(4)]
        before, self.stages = config.width, nn.ModuleList()
        for after, num_blocks in zip(self.channels, BLOCKS[config.depth], strict=True):
            first = Block(before, after, 1 if before == after else 2)
            self.stages.append(
                nn.ModuleList([first, *(Block(after, after, 1) for _ in range(num_blocks - 1))])
            )
            before = after

    def features(self, x: Float[Tensor, "b c t h w"], lengths: Lengths = None) -> list[Tensor]:
        x = self.stem(zero_padding(x, lengths, axis=2), lengths).relu()
        maps = []
        for blocks in self.stages:
            for block in cast(Iterable[Block], blocks):
                x, lengths = block(x, lengths), strided(lengths, block.stride)
            maps.append(x)
        return maps
