"""Residual networks, for small pictures and for large.

He, Zhang, Ren and Sun 2016, arXiv 1512.03385. Differs: the stride of a bottleneck is in its 3 x 3 convolution
("v1.5"); the last batch norm of a block starts at zero (Goyal et al. 2017, arXiv 1706.02677); the stem may be
chosen apart from the depth.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import ClassVar, cast

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from bicameral.errors import ConfigError
from bicameral.models import require_choice, require_counts
from bicameral.nn.conv_norm import ConvNorm2d
from bicameral.nn.grid import Grid
from bicameral.nn.masking import Lengths, strided, zero_padding
from bicameral.registry import model

BLOCKS = {18: (2, 2, 2, 2), 34: (3, 4, 6, 3), 50: (3, 4, 6, 3)}  # the depths for ImageNet


@dataclass(frozen=True, kw_only=True)
class ResNetConfig:
    """How deep and wide. The paper's networks for ImageNet have the large stem."""

    depth: int = 20  # 6 n + 2 layers in three stages (8, 14, 20, 32, ...), or 18, 34 or 50 in four
    width: int = 16  # channels of the first stage, doubled at each next: 16, or 64 for 18, 34 and 50
    stem: str = "small"  # 3 x 3, or large: 7 x 7 with stride 2 and a max pool

    def __post_init__(self) -> None:
        require_counts(self, "depth", "width")
        require_choice(self, "stem", ("small", "large"))
        if self.depth not in BLOCKS and (self.depth < 8 or self.depth % 6 != 2):
            expected = "8, 14, 20, ... (6 n + 2), 18, 34 or 50"
            raise ConfigError(f"ResNetConfig.depth is {self.depth}; expected {expected}")

    @property
    def blocks(self) -> tuple[int, ...]:
        """Blocks of each stage."""
        return BLOCKS.get(self.depth, ((self.depth - 2) // 6,) * 3)


class Stem(nn.Module):
    """The first convolution: 3 x 3, or 7 x 7 with stride 2 and a max pool with stride 2."""

    def __init__(self, num_inputs: int, channels: int, *, large: bool):
        super().__init__()
        self.conv = ConvNorm2d(num_inputs, channels, 7 if large else 3, stride=2 if large else 1)
        self.stride = 4 if large else 1

    def forward(self, x: Float[Tensor, "b c h w"], lengths: Lengths) -> Float[Tensor, "b e u v"]:
        x = self.conv(x, lengths).relu()
        return x if self.stride == 1 else functional.max_pool2d(x, 3, stride=2, padding=1)


class Block(nn.Module):
    """relu(convolutions(x) + shortcut(x)); option A pads the channels, option B projects them."""

    def __init__(self, convs: Sequence[ConvNorm2d], before: int, after: int, stride: int, *, projects: bool):
        super().__init__()
        self.convs, self.stride, self.grown = nn.ModuleList(convs), stride, after - before
        projected = projects and (stride > 1 or self.grown)
        self.projection = ConvNorm2d(before, after, 1, stride=stride) if projected else None
        nn.init.zeros_(convs[-1].norm.weight)

    def forward(self, x: Float[Tensor, "b c h w"], lengths: Lengths) -> Float[Tensor, "b e u v"]:
        y, valid = x, lengths
        for index, conv in enumerate(cast(Iterable[ConvNorm2d], self.convs)):
            y = conv(y.relu() if index else y, valid)
            valid = strided(valid, conv.stride)
        return (y + self._shortcut(x, lengths)).relu()

    def _shortcut(self, x: Float[Tensor, "b c h w"], lengths: Lengths) -> Float[Tensor, "b e u v"]:
        if self.projection is not None:
            return self.projection(x, lengths)
        x = x[:, :, :: self.stride, :: self.stride]
        return functional.pad(x, (0, 0, 0, 0, 0, self.grown))


def basic_block(before: int, after: int, stride: int, *, projects: bool) -> Block:
    """Two 3 x 3 convolutions."""
    convs = [ConvNorm2d(before, after, 3, stride=stride), ConvNorm2d(after, after, 3)]
    return Block(convs, before, after, stride, projects=projects)


def bottleneck(before: int, after: int, stride: int, *, projects: bool) -> Block:
    """A 3 x 3 convolution between two 1 x 1, with a quarter of the channels."""
    inner = after // 4
    convs = [
        ConvNorm2d(before, inner, 1),
        ConvNorm2d(inner, inner, 3, stride=stride),
        ConvNorm2d(inner, after, 1),
    ]
    return Block(convs, before, after, stride, projects=projects)


@model(
    "resnet",
    config=ResNetConfig,
    family="convolutional",
    reads="map",
    gives="maps",
    paper="https://arxiv.org/abs/1512.03385",
    sizes={"small": {"depth": 8}, "medium": {"depth": 20}, "large": {"depth": 20, "width": 32}},
)
class ResNet(Grid):
    """A stem, then stages of residual blocks; each stage after the first halves the map."""

    time_axis: ClassVar[int] = 3

    def __init__(self, shape: tuple[int, ...], config: ResNetConfig):
        super().__init__()
        make, expansion = (bottleneck, 4) if config.depth == 50 else (basic_block, 1)
        self.stem = Stem(shape[0], config.width, large=config.stem == "large")
        self.stages = nn.ModuleList()
        self.channels, self.strides = [], []
        before = config.width
        for stage, num_blocks in enumerate(config.blocks):
            after = config.width * expansion * 2**stage
            shapes = [(before, after, 1 if stage == 0 else 2)] + [(after, after, 1)] * (num_blocks - 1)
            projects = config.depth in BLOCKS  # option B of the paper for ImageNet, A for CIFAR
            self.stages.append(nn.ModuleList(make(*shape, projects=projects) for shape in shapes))
            self.channels.append(after)
            self.strides.append(self.stem.stride * 2**stage)
            before = after

    def features(self, x: Float[Tensor, "b c h w"], lengths: Lengths = None) -> list[Tensor]:
        x = self.stem(zero_padding(x, lengths, axis=3), lengths)
        lengths = strided(lengths, self.stem.stride)
        maps = []
        for blocks in self.stages:
            for block in cast(Iterable[Block], blocks):
                x, lengths = block(x, lengths), strided(lengths, block.stride)
            maps.append(x)
        return maps
