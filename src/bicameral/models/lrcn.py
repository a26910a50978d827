"""A small convolutional network on every frame, an LSTM over the frames.

Donahue et al. 2015, LRCN, arXiv 1411.4389. Differs: the network of the frames is small and not pretrained.
"""

from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor, nn

from bicameral.models import require_counts
from bicameral.nn.conv_norm import ConvNorm2d
from bicameral.nn.gated import LSTM
from bicameral.nn.stack import Framewise, Stack
from bicameral.registry import model


@dataclass(frozen=True, kw_only=True)
class LRCNConfig:
    """How wide both chambers are, and how deep the first."""

    width: int = 128  # units of the LSTM; the paper's has 256
    channels: int = 16  # of the first convolution, doubled at each next
    depth: int = 3  # convolutions, each but the first with stride 2

    def __post_init__(self) -> None:
        require_counts(self, "width", "channels", "depth")


class FrameCNN(nn.Module):
    """Convolutions, then the mean over the picture."""

    def __init__(self, num_inputs: int, channels: int, depth: int):
        super().__init__()
        widths = [channels * 2**level for level in range(depth)]
        self.width = widths[-1]
        self.convs = nn.ModuleList(
            ConvNorm2d(before, after, 3, stride=1 if level == 0 else 2)
            for level, (before, after) in enumerate(zip([num_inputs, *widths], widths, strict=False))
        )

    def forward(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n d"]:
        for conv in self.convs:
            x = conv(x).relu()
        return x.mean((2, 3))


@model(
    "lrcn",
    config=LRCNConfig,
    family="hybrid",
    reads="frames",
    gives="steps",
    paper="https://arxiv.org/abs/1411.4389",
    sizes={
        "small": {"width": 32, "channels": 8},
        "medium": {"width": 96},
        "large": {"width": 192, "channels": 32},
    },
)
class LRCN(Stack):
    """Convolution sees each frame, recurrence hears their order; it runs frame by frame."""

    def __init__(self, shape: tuple[int, ...], config: LRCNConfig):
        cnn = FrameCNN(shape[1], config.channels, config.depth)
        super().__init__([Framewise(cnn, cnn.width), LSTM(cnn.width, config.width)])
