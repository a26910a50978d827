"""Gated dilated causal convolutions, each giving to the next and, by a short cut, to the output.

van den Oord et al. 2016, WaveNet, arXiv 1609.03499. Differs: reads any sequence, not samples of sound; ends
with the sum of the short cuts and one 1x1 convolution; the softmax is the task's.
"""

from dataclasses import dataclass
from typing import cast

from jaxtyping import Float
from torch import Tensor, nn

from bicameral.models import require_counts
from bicameral.nn.causal_conv import CausalConv1d
from bicameral.nn.masking import Lengths
from bicameral.nn.recurrent import Recurrent
from bicameral.registry import model


@dataclass(frozen=True, kw_only=True)
class WaveNetConfig:
    """How wide and far-sighted: y_t sees kernel + cycles (kernel - 1) (2^depth - 1) frames."""

    width: int = 32  # channels of every block
    skip: int = 64  # channels of the short cuts and of the output
    depth: int = 5  # blocks of a cycle, dilated by 1, 2, 4, ...; the paper has 10
    cycles: int = 2  # times the dilations are gone through; the paper has three or more
    kernel: int = 2  # taps of every convolution

    def __post_init__(self) -> None:
        require_counts(self, "width", "skip", "depth", "cycles", "kernel")


class GatedBlock(nn.Module):
    """z = tanh(W_f∗x) σ(W_g∗x); the next block, if there is one, gets x + V z, the output U z."""

    def __init__(self, config: WaveNetConfig, dilation: int, *, is_last: bool):
        super().__init__()
        self.conv = CausalConv1d(config.width, 2 * config.width, config.kernel, dilation=dilation)
        self.residual = None if is_last else nn.Linear(config.width, config.width)
        self.skip = nn.Linear(config.width, config.skip)

    def forward(
        self, x: Float[Tensor, "b t d"], state: Float[Tensor, "b k d"], lengths: Lengths
    ) -> tuple[Float[Tensor, "b t d"], Float[Tensor, "b t e"], Float[Tensor, "b k d"]]:
        y, state = self.conv(x, state, lengths=lengths)
        signal, gate = y.chunk(2, -1)
        z = signal.tanh() * gate.sigmoid()
        return x if self.residual is None else x + self.residual(z), self.skip(z), state


@model(
    "wavenet",
    config=WaveNetConfig,
    family="convolutional",
    reads="sequence",
    gives="steps",
    paper="https://arxiv.org/abs/1609.03499",
    sizes={
        "small": {"width": 16, "skip": 32, "depth": 4, "cycles": 1},
        "medium": {"width": 32},
        "large": {"width": 64, "skip": 128, "depth": 7},
    },
    causal=True,
)
class WaveNet(Recurrent[tuple]):
    """A causal convolution, gated blocks, relu of the summed short cuts, a 1x1 convolution and relu."""

    def __init__(self, shape: tuple[int, ...], config: WaveNetConfig):
        super().__init__()
        self.width = config.skip
        dilations = [2**level for level in range(config.depth)] * config.cycles
        self.first = CausalConv1d(shape[-1], config.width, config.kernel)
        last = len(dilations) - 1
        self.blocks = nn.ModuleList(
            GatedBlock(config, dilation, is_last=place == last) for place, dilation in enumerate(dilations)
        )
        self.last = nn.Linear(config.skip, config.skip)
        self.receptive_field = config.kernel + (config.kernel - 1) * sum(
            dilations
        )  # frames, its own included

    def initial_state(self, x_t: Float[Tensor, "b d"]) -> tuple[Tensor, ...]:
        inside = self.first.output_like(x_t)
        convs = [cast(GatedBlock, block).conv for block in self.blocks]
        return (self.first.initial_state(x_t), *(conv.initial_state(inside) for conv in convs))

    def scan(
        self, x: Float[Tensor, "b t d"], state: tuple[Tensor, ...], lengths: Lengths
    ) -> tuple[Float[Tensor, "b t e"], tuple[Tensor, ...]]:
        x, first = self.first(x, state[0], lengths=lengths)
        total, states = x.new_zeros(()), [first]
        for block, before in zip(self.blocks, state[1:], strict=True):
            x, skip, after = block(x, before, lengths)
            total = total + skip
            states.append(after)
        return self.last(total.relu()).relu(), tuple(states)
