"""An LSTM encoder and an LSTM decoder whose answers attend to it.

Luong, Pham and Manning 2015, "Effective approaches to attention-based neural machine translation", arXiv
1508.04025, section 3: global attention with input feeding. Differs: one layer; it continues a series by
changes from the last frame, always fed its own answers.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from bicameral.models import require_choice, require_counts
from bicameral.nn.attention_decoder import SCORES, LuongDecoder
from bicameral.nn.gated import LSTM
from bicameral.nn.masking import require_frames
from bicameral.nn.roll_out import roll_out
from bicameral.registry import model


@dataclass(frozen=True, kw_only=True)
class LuongConfig:
    """How wide, and how a state is compared with the memory."""

    horizon: int = 1  # frames to forecast; the task fills it in
    width: int = 64  # units of the encoder and of the decoder
    score: str = "general"  # dot, general or concat

    def __post_init__(self) -> None:
        require_counts(self, "horizon", "width")
        require_choice(self, "score", SCORES)


@model(
    "luong",
    config=LuongConfig,
    family="hybrid",
    reads="sequence",
    gives="forecast",
    paper="https://arxiv.org/abs/1508.04025",
    sizes={"small": {"width": 16}, "medium": {"width": 64}, "large": {"width": 128}},
)
class Luong(nn.Module):
    """The decoder starts in the last state of the encoder; its first input is zero."""

    def __init__(self, shape: tuple[int, ...], config: LuongConfig):
        super().__init__()
        self.horizon, num_channels = config.horizon, shape[1]
        self.encoder = LSTM(num_channels, config.width)
        self.decoder = LuongDecoder(num_channels, config.width, config.width, score=config.score)
        self.read_out = nn.Linear(config.width, num_channels)

    def forward(self, x: Float[Tensor, "b t d"]) -> Float[Tensor, "b horizon d"]:
        require_frames(x)
        memory, encoded = self.encoder(x)
        state = self.decoder.start(encoded.h.squeeze(1), encoded.c.squeeze(1), memory)
        change = torch.zeros_like(x[:, -1])
        return x[:, -1:] + roll_out(self.decoder, self.read_out, change, state, self.horizon)
