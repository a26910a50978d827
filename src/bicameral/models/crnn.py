"""Convolutions turn a picture into a row of columns, bidirectional LSTMs read it from both sides.

Shi, Bai and Yao 2015, arXiv 1507.05717; sizes as in the authors' code. Differs: batch norm after every
convolution; the later pools halve the height without overlap, a fifth replaces the unpadded convolution, so
that a column is four pixels wide; any height will do, what is left of it is flattened; the default is narrow.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import cast

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from bicameral.models import require_counts
from bicameral.nn.bidirectional import Bidirectional
from bicameral.nn.conv_norm import ConvNorm2d
from bicameral.nn.gated import LSTM
from bicameral.nn.masking import Lengths, require_frames, strided, zero_padding
from bicameral.registry import model

# (channels as a multiple of the first, kernel, pool over height and width) of each convolution
LAYERS = (
    (1, 3, (2, 2)),
    (2, 3, (2, 2)),
    (4, 3, (1, 1)),
    (4, 3, (2, 1)),
    (8, 3, (1, 1)),
    (8, 3, (2, 1)),
    (8, 2, (2, 1)),
)
NUM_HALVINGS = 5  # of the height


@dataclass(frozen=True, kw_only=True)
class CRNNConfig:
    """How wide both chambers are."""

    width: int = 64  # units of each LSTM in each direction; the paper's have 256
    channels: int = 16  # of the first convolution; the paper's has 64

    def __post_init__(self) -> None:
        require_counts(self, "width", "channels")


@model(
    "crnn",
    config=CRNNConfig,
    family="hybrid",
    reads="map",
    gives="steps",
    paper="https://arxiv.org/abs/1507.05717",
    sizes={
        "small": {"width": 32, "channels": 8},
        "medium": {"width": 64},
        "large": {"width": 96, "channels": 32},
    },
    shortens=True,
)
class CRNN(nn.Module):
    """One step for every four columns of pixels."""

    def __init__(self, shape: tuple[int, ...], config: CRNNConfig):
        super().__init__()
        channels = [shape[0], *(config.channels * multiple for multiple, _, _ in LAYERS)]
        self.convs = nn.ModuleList(
            ConvNorm2d(before, after, kernel)
            for before, after, (_, kernel, _) in zip(channels, channels[1:], LAYERS, strict=False)
        )
        height = -(-shape[1] // 2**NUM_HALVINGS)
        self.first = _both_ways(channels[-1] * height, config.width)
        self.between = nn.Linear(2 * config.width, config.width)
        self.second = _both_ways(config.width, config.width)
        self.width = 2 * config.width

    def output_lengths(self, lengths: Lengths) -> Lengths:
        """Return the valid steps."""
        return strided(lengths, 4)

    def forward(self, x: Float[Tensor, "b c h w"], lengths: Lengths = None) -> Float[Tensor, "b t d"]:
        require_frames(x, axis=3)
        x = zero_padding(x, lengths, axis=3)
        for conv, (_, _, pool) in zip(cast(Iterable[ConvNorm2d], self.convs), LAYERS, strict=True):
            x = functional.max_pool2d(conv(x, lengths).relu(), pool, ceil_mode=True)
            lengths = strided(lengths, pool[1])
        columns = x.permute(0, 3, 1, 2).flatten(2)
        return self.second(self.between(self.first(columns, lengths)), lengths)


def _both_ways(num_inputs: int, width: int) -> Bidirectional:
    return Bidirectional(LSTM(num_inputs, width), LSTM(num_inputs, width))
