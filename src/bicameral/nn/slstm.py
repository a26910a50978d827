"""The sLSTM cell of xLSTM (arXiv 2405.04517): exponential gates, a normaliser and heads."""

from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn

from bicameral.kernels.slstm import slstm
from bicameral.nn.masking import Lengths, last_state
from bicameral.nn.recurrent import Recurrent

NOTHING = -1e30  # the stabiliser before the first frame: what stood there weighs nothing


class SLSTMState(NamedTuple):
    """Output, cell, normaliser and stabiliser; the true c and n are e^m times as large."""

    h: Float[Tensor, "b n d"]
    c: Float[Tensor, "b n d"]
    n: Float[Tensor, "b n d"]
    m: Float[Tensor, "b n d"]


class SLSTM(Recurrent[SLSTMState]):
    """c = σ(f) c + e^i tanh(z), n = σ(f) n + e^i, h = σ(o) c / n; a frame holds i, f, z, o side by side.

    The recurrent weights act within each head and start at zero.
    depth  of the block, from 0 to 1 in its stack: the deeper, the more forget biases are high
    """

    def __init__(self, width: int, num_heads: int, *, depth: float = 0.0):
        super().__init__()
        self.width, self.num_heads = width, num_heads
        size = width // num_heads
        self.r = nn.Parameter(torch.zeros(num_heads, size, 4 * size))
        self.bias = nn.Parameter(torch.zeros(4, num_heads, size))
        self.bias.data[1] = power_law(size, depth)

    def initial_state(self, x_t: Float[Tensor, "b d"]) -> SLSTMState:
        zeros = self.output_like(x_t).unflatten(1, (self.num_heads, -1))
        return SLSTMState(zeros, zeros, zeros, torch.full_like(zeros, NOTHING))

    def scan(
        self, x: Float[Tensor, "b t d"], state: SLSTMState, lengths: Lengths
    ) -> tuple[Float[Tensor, "b t e"], SLSTMState]:
        frames = x.unflatten(2, (4, self.num_heads, -1)) + self.bias
        states = slstm(frames, self.r, *state)
        return states[0].flatten(2), SLSTMState(
            *(last_state(*parts, lengths) for parts in zip(states, state, strict=True))
        )


def power_law(size: int, depth: float) -> Float[Tensor, "d"]:
    """Forget biases from 5 down to -7 over a head: 5 - 12 (j / (size - 1))^(0.3 + 1.3 depth)."""
    return 5 - 12 * torch.linspace(0, 1, size) ** (0.3 + 1.3 * depth)
