"""Convolutions shorten a line, a bidirectional GRU reads what is left.

Arik et al. 2017, convolutional recurrent networks for keyword spotting, arXiv 1703.05390. Differs: two
convolutions along time only, with batch norm; one recurrent layer; pooling and head are the task's.
"""

from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor, nn

from bicameral.models import require_counts
from bicameral.nn.bidirectional import Bidirectional
from bicameral.nn.conv_norm import ConvNorm1d
from bicameral.nn.gated import GRU
from bicameral.nn.masking import Lengths, require_frames, strided, zero_padding
from bicameral.registry import model


@dataclass(frozen=True, kw_only=True)
class CNNGRUConfig:
    """How wide both chambers are, and how much the first shortens."""

    width: int = 64  # units of the GRU in each direction
    channels: int = 64  # of every convolution
    depth: int = 2  # convolutions; each halves the number of frames
    kernel: int = 5  # frames under each convolution

    def __post_init__(self) -> None:
        require_counts(self, "width", "channels", "depth", "kernel")


@model(
    "cnn_gru",
    config=CNNGRUConfig,
    family="hybrid",
    reads="line",
    gives="steps",
    paper="https://arxiv.org/abs/1703.05390",
    sizes={
        "small": {"width": 16, "channels": 32},
        "medium": {"width": 48},
        "large": {"width": 96, "channels": 128},
    },
    shortens=True,
)
class CNNGRU(nn.Module):
    """One step for every 2^depth frames."""

    def __init__(self, shape: tuple[int, ...], config: CNNGRUConfig):
        super().__init__()
        inputs = [shape[0]] + [config.channels] * (config.depth - 1)
        self.convs = nn.ModuleList(
            ConvNorm1d(num_inputs, config.channels, config.kernel, stride=2) for num_inputs in inputs
        )
        self.rnn = Bidirectional(*(GRU(config.channels, config.width) for _ in range(2)))
        self.width, self.stride = self.rnn.width, 2**config.depth

    def output_lengths(self, lengths: Lengths) -> Lengths:
        """Return the valid steps."""
        return strided(lengths, self.stride)

    def forward(self, x: Float[Tensor, "b c t"], lengths: Lengths = None) -> Float[Tensor, "b u d"]:
        require_frames(x, axis=2)
        x = zero_padding(x, lengths, axis=2)
        for conv in self.convs:
            x = conv(x, lengths).relu()
            lengths = strided(lengths, 2)
        return self.rnn(x.transpose(1, 2), lengths)
