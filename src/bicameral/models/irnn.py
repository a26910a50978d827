"""An LSTM of nothing but what integers can compute: straight pieces, mean absolute deviations, saturation.

Sari, Courville and Partovi Nia 2021, "iRNN: Integer-only Recurrent Neural Network", arXiv 2109.09828 (not the
IRNN of Le et al. 2015). Of the paper we could read the abstract and appendix A.1 alone: that it trains with
rounding, piecewise linear activations and an integer layer norm. Ours, and not checked against theirs: knots
by greedy insertion, MadNorm as the integer layer norm (placed as in LN-LSTM, arXiv 1607.06450),
pre-activations in Q3.12, which saturates at 8. It starts chaotic: a change of 1e-4 of the input is one of 0.2
of the output 128 frames later. One direction only, no attention. The model computes in floating point;
`quantised` rounds as the integers will.
"""

from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import linear

from bicameral.models import require_counts, require_fractions
from bicameral.nn.fixed_point import FixedPoint, rounded, rounded_weights
from bicameral.nn.mad_norm import MadNorm
from bicameral.nn.masking import Lengths, last_state
from bicameral.nn.piecewise import PiecewiseLinear
from bicameral.nn.recurrent import Recurrent
from bicameral.nn.stack import Stack, chain
from bicameral.registry import model

FRAME = FixedPoint(bits=8, fraction=4)  # standardised inputs, to 8 standard deviations
OUTPUT = FixedPoint(bits=8, fraction=7)
GATES = FixedPoint(bits=16, fraction=12)
CELL = FixedPoint(bits=16, fraction=11)
GATE_END, TANH_END = 8.0, 4.0  # where GATES saturates; where tanh is flat to half a step of OUTPUT


@dataclass(frozen=True, kw_only=True)
class IRNNConfig:
    """How wide and deep, and how finely computed."""

    width: int = 128  # units a layer
    depth: int = 1  # layers
    pieces: int = 32  # of each activation; 16 are off by one step of 8 bits, 32 by a third
    quantised: bool = False  # round weights, frames and outputs to 8 bits, gates and cells to 16
    dropout: float = 0.0  # between layers, in training

    def __post_init__(self) -> None:
        require_counts(self, "width", "depth", "pieces")
        require_fractions(self, "dropout")


class IRNNState(NamedTuple):
    """Output and cell."""

    h: Float[Tensor, "b d"]
    c: Float[Tensor, "b d"]


class IRNNLayer(Recurrent[IRNNState]):
    """Gates from N(W x_t + b) + N(U h); c = f c + i g; h = o tanh(N(c)); all σ and tanh piecewise linear.

    The bias within the norm keeps the size of a single channel: of W x_t alone only the sign would be left.
    """

    def __init__(self, num_inputs: int, width: int, *, pieces: int, quantised: bool):
        super().__init__()
        self.width, self.quantised = width, quantised
        self.input, self.u = nn.Linear(num_inputs, 4 * width), nn.Parameter(torch.empty(4 * width, width))
        self.norm_x, self.norm_h = MadNorm(4 * width), MadNorm(4 * width, bias=False)
        self.norm_c = MadNorm(width)
        self.sigmoid = PiecewiseLinear(torch.sigmoid, -GATE_END, GATE_END, pieces)
        self.tanh = PiecewiseLinear(torch.tanh, -TANH_END, TANH_END, pieces)
        for u in self.u.data.chunk(4):
            nn.init.orthogonal_(u)
        assert self.norm_x.bias is not None
        nn.init.ones_(self.norm_x.bias.data[width : 2 * width])  # the forget gate: blocks stand as i f o g

    def initial_state(self, x_t: Float[Tensor, "b d"]) -> IRNNState:
        return IRNNState(self.output_like(x_t), self.output_like(x_t))

    def scan(
        self, x: Float[Tensor, "b t d"], state: IRNNState, lengths: Lengths
    ) -> tuple[Float[Tensor, "b t e"], IRNNState]:
        w, u = (rounded_weights(w, 4) if self.quantised else w for w in (self.input.weight, self.u))
        (h, c), outputs, cells = state, [], []
        x = self.norm_x(linear(self._as(FRAME, x), w, self.input.bias))
        for x_t in x.unbind(1):
            gates = self._as(GATES, x_t + self.norm_h(linear(h, u)))
            i, f, o = self.sigmoid(gates[:, : 3 * self.width]).chunk(3, 1)
            c = self._as(CELL, torch.addcmul(f * c, i, self.tanh(gates[:, 3 * self.width :])))
            h = self._as(OUTPUT, o * self.tanh(self.norm_c(c)))
            outputs.append(h)
            cells.append(c)
        y, c = torch.stack(outputs, 1), torch.stack(cells, 1)
        return y, IRNNState(last_state(y, state.h, lengths), last_state(c, state.c, lengths))

    def _as(self, form: FixedPoint, x: Float[Tensor, "*b d"]) -> Float[Tensor, "*b d"]:
        return rounded(x, form) if self.quantised else x


@model(
    "irnn",
    config=IRNNConfig,
    family="recurrent",
    reads="sequence",
    gives="steps",
    paper="https://arxiv.org/abs/2109.09828",
    sizes={"small": {"width": 32}, "medium": {"width": 96}, "large": {"width": 160, "depth": 2}},
    causal=True,
)
class IRNN(Stack):
    """Layers with dropout between them."""

    def __init__(self, shape: tuple[int, ...], config: IRNNConfig):
        layer = partial(IRNNLayer, width=config.width, pieces=config.pieces, quantised=config.quantised)
        super().__init__(chain(layer, shape[-1], config.depth), dropout=config.dropout)
