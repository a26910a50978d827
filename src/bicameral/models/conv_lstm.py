"""LSTM whose products are convolutions, so that its state is a map.

Shi et al. 2015, Convolutional LSTM Network, arXiv 1506.04214. Differs: forget bias one; no peepholes unless
asked for; one network reads and predicts, fed its own frames, where the paper copies the state into another.
"""

from dataclasses import dataclass

from bicameral.models import require_counts, require_odd
from bicameral.nn import conv_recurrent
from bicameral.nn.patches import Patches
from bicameral.nn.stack import Stack
from bicameral.registry import model


@dataclass(frozen=True, kw_only=True)
class ConvLSTMConfig:
    """How wide, deep and far-sighted."""

    width: int = 64  # maps of each state
    depth: int = 2  # layers; the paper has up to three
    kernel: int = 3  # pixels under each convolution, odd; the paper's best has 5
    patch: int = 4  # a square of so many pixels a side becomes one, its pixels channels
    peepholes: bool = False  # the gates see the cell, by weights for each pixel: fixes the picture's size

    def __post_init__(self) -> None:
        require_counts(self, "width", "depth", "kernel", "patch")
        require_odd(self, "kernel")


@model(
    "conv_lstm",
    config=ConvLSTMConfig,
    family="recurrent",
    reads="frames",
    gives="frames",
    paper="https://arxiv.org/abs/1506.04214",
    sizes={
        "small": {"width": 16, "depth": 1},
        "medium": {"width": 32},
        "large": {"width": 64, "depth": 3, "kernel": 5},
    },
)
class ConvLSTM(Stack):
    """i, f, o = σ(W∗x_t + U∗h + V c); c = f c + i tanh(W∗x_t + U∗h); h = o tanh(c); o sees the new c."""

    def __init__(self, shape: tuple[int, ...], config: ConvLSTMConfig):
        patches = Patches(shape[1], (shape[2], shape[3]), config.patch)
        peepholes = patches.size if config.peepholes else None
        inputs = [patches.width] + [config.width] * (config.depth - 1)
        layers = (
            conv_recurrent.ConvLSTM(width, config.width, config.kernel, peepholes=peepholes)
            for width in inputs
        )
        super().__init__([patches, *layers])
        self.stride = patches.stride
