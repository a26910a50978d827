"""GRU whose products are convolutions, so that its state is a map.

Ballas, Yao, Pal and Courville 2016, Delving deeper into convolutional networks for learning video
representations, arXiv 1511.06432. Differs: reads patches of the frames, not the maps of a pretrained network;
layers see only the layer below.
"""

from dataclasses import dataclass

from bicameral.models import require_counts, require_odd
from bicameral.nn import conv_recurrent
from bicameral.nn.patches import Patches
from bicameral.nn.stack import Stack
from bicameral.registry import model


@dataclass(frozen=True, kw_only=True)
class ConvGRUConfig:
    """How wide, deep and far-sighted."""

    width: int = 64  # maps of each state
    depth: int = 2  # layers
    kernel: int = 3  # pixels under each convolution, odd
    patch: int = 4  # a square of so many pixels a side becomes one, its pixels channels

    def __post_init__(self) -> None:
        require_counts(self, "width", "depth", "kernel", "patch")
        require_odd(self, "kernel")


@model(
    "conv_gru",
    config=ConvGRUConfig,
    family="recurrent",
    reads="frames",
    gives="frames",
    paper="https://arxiv.org/abs/1511.06432",
    sizes={
        "small": {"width": 16, "depth": 1},
        "medium": {"width": 32},
        "large": {"width": 64, "depth": 3, "kernel": 5},
    },
)
class ConvGRU(Stack):
    """z, r = σ(W∗x_t + U∗h); n = tanh(W∗x_t + U∗(r h)); h = (1 - z) h + z n."""

    def __init__(self, shape: tuple[int, ...], config: ConvGRUConfig):
        patches = Patches(shape[1], (shape[2], shape[3]), config.patch)
        inputs = [patches.width] + [config.width] * (config.depth - 1)
        layers = (conv_recurrent.ConvGRU(width, config.width, config.kernel) for width in inputs)
        super().__init__([patches, *layers])
        self.stride = patches.stride
