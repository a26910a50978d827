"""A GRU over segments of a series that forecasts every segment ahead in one parallel step.

Lin et al. 2023, "SegRNN: segment recurrent neural network for long-term time series forecasting", arXiv
2308.11200, section 3. Shared over channels. Differs: a look-back that does not divide into segments is
lengthened by its oldest frame, and a longer forecast is cut; recurrent weights start orthogonal; the gradient
of the input passes through the last frame, too.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from bicameral.errors import ConfigError
from bicameral.models import require_counts, require_fractions
from bicameral.nn import gated
from bicameral.nn.masking import require_frames
from bicameral.registry import model


@dataclass(frozen=True, kw_only=True)
class SegRNNConfig:
    """How long a segment is, and how wide the GRU."""

    horizon: int = 1  # frames to forecast; the task fills it in
    segment: int = 24  # frames of one step of the GRU
    width: int = 512  # units, even: half of a decoder's input says which segment, half which channel
    dropout: float = 0.5  # before the read-out, in training

    def __post_init__(self) -> None:
        require_counts(self, "horizon", "segment", "width")
        require_fractions(self, "dropout")
        if self.width % 2:
            raise ConfigError(f"SegRNNConfig.width is {self.width}; expected an even number of units")


@model(
    "segrnn",
    config=SegRNNConfig,
    family="recurrent",
    reads="sequence",
    gives="forecast",
    paper="https://arxiv.org/abs/2308.11200",
    sizes={"small": {"width": 64}, "medium": {"width": 192}, "large": {"width": 512}},
)
class SegRNN(nn.Module):
    """h = GRU(segments of x - last); segment i of channel c is last + W GRU([p_i, q_c], h)."""

    def __init__(self, shape: tuple[int, ...], config: SegRNNConfig):
        super().__init__()
        self.num_frames, self.horizon, self.segment = shape[0], config.horizon, config.segment
        self.oldest = -shape[0] % config.segment  # copies of the oldest frame
        self.embed = nn.Linear(config.segment, config.width)
        self.gru = gated.GRU(config.width, config.width)
        num_segments = -(-config.horizon // config.segment)
        self.positions = nn.Parameter(torch.randn(num_segments, config.width // 2))
        self.channels = nn.Parameter(torch.randn(shape[1], config.width // 2))
        self.dropout = nn.Dropout(config.dropout)
        self.read_out = nn.Linear(config.width, config.segment)

    def forward(self, x: Float[Tensor, "b t d"]) -> Float[Tensor, "b horizon d"]:
        require_frames(x, num_frames=self.num_frames)
        last = x[:, -1:]
        h = self.encode((x - last).transpose(1, 2))
        segments = self.read_out(self.dropout(self.decode(h)))
        return last + segments.flatten(2)[..., : self.horizon].transpose(1, 2)

    def encode(self, x: Float[Tensor, "b d t"]) -> Float[Tensor, "b d e"]:
        """Return the state after the last segment of every channel."""
        x = functional.pad(x, (self.oldest, 0), mode="replicate")
        segments = x.unflatten(2, (-1, self.segment)).flatten(0, 1)
        _, h = self.gru(self.embed(segments).relu())
        return h.unflatten(0, x.shape[:2]).squeeze(2)

    def decode(self, h: Float[Tensor, "b d e"]) -> Float[Tensor, "b d m e"]:
        """One step of the same GRU from `h` for every segment ahead.

        What the products see varies over (b d) or (d m) alone; only the gates are computed for (b d m).
        """
        (weights,) = self.gru.rnn
        inputs = weights.of_input(self.inputs())
        r, z, n = inputs.chunk(3, -1)
        hr, hz, hn = weights.of_state(h).unsqueeze(2).chunk(3, -1)
        n = torch.tanh(n + torch.sigmoid(r + hr) * hn)
        return n + torch.sigmoid(z + hz) * (h.unsqueeze(2) - n)

    def inputs(self) -> Float[Tensor, "d m e"]:
        """What tells the decoder the place of a segment and its channel."""
        num_channels, num_segments = len(self.channels), len(self.positions)
        positions = self.positions.expand(num_channels, -1, -1)
        channels = self.channels.unsqueeze(1).expand(-1, num_segments, -1)
        return torch.cat([positions, channels], -1)
