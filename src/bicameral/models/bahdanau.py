"""A bidirectional encoder and a decoder that searches it at every step.

Bahdanau, Cho and Bengio 2015, "Neural machine translation by jointly learning to align and translate", arXiv
1409.0473, section 3 and appendix A. Differs: it continues a series by changes from the last frame, always fed
its own answers; the read-out is linear in [s_t, c_t]; the reset gate acts after the recurrent product.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from bicameral.models import require_counts
from bicameral.nn.attention_decoder import BahdanauDecoder
from bicameral.nn.bidirectional import Bidirectional
from bicameral.nn.gated import GRU
from bicameral.nn.masking import require_frames
from bicameral.nn.roll_out import roll_out
from bicameral.registry import model


@dataclass(frozen=True, kw_only=True)
class BahdanauConfig:
    """How wide."""

    horizon: int = 1  # frames to forecast; the task fills it in
    width: int = 64  # units of the decoder, and of each direction of the encoder

    def __post_init__(self) -> None:
        require_counts(self, "horizon", "width")


@model(
    "bahdanau",
    config=BahdanauConfig,
    family="hybrid",
    reads="sequence",
    gives="forecast",
    paper="https://arxiv.org/abs/1409.0473",
    sizes={"small": {"width": 16}, "medium": {"width": 48}, "large": {"width": 96}},
)
class Bahdanau(nn.Module):
    """s_0 = tanh(W h) with h of the backward encoder at the first frame; the first input is zero."""

    def __init__(self, shape: tuple[int, ...], config: BahdanauConfig):
        super().__init__()
        self.horizon, width, num_channels = config.horizon, config.width, shape[1]
        self.encoder = Bidirectional(GRU(num_channels, width), GRU(num_channels, width))
        self.bridge = nn.Linear(width, width)
        self.decoder = BahdanauDecoder(num_channels, 2 * width, width)
        self.read_out = nn.Linear(self.decoder.width, num_channels)

    def forward(self, x: Float[Tensor, "b t d"]) -> Float[Tensor, "b horizon d"]:
        require_frames(x)
        memory = self.encoder(x)
        _, backward = memory[:, 0].chunk(2, -1)
        state = self.decoder.start(torch.tanh(self.bridge(backward)), memory)
        change = torch.zeros_like(x[:, -1])
        return x[:, -1:] + roll_out(self.decoder, self.read_out, change, state, self.horizon)
