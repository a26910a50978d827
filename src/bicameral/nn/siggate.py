"""LSTM and GRU in which one gate sees nothing but the running signature of the sequence (SigGate)."""

from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn

from bicameral.kernels.gated import Weights, gated
from bicameral.nn.masking import Lengths
from bicameral.nn.recurrent import Recurrent
from bicameral.nn.signature import RunningSignature, SignatureState


class SignatureGate(Recurrent[SignatureState]):
    """y_t = W S_t + b, S_t the time-normalised signature of a projection of the frames beside their time.

    projection  channels of the path beside time
    level       up to which the signature is computed
    time_scale  frames that make a time of one
    """

    def __init__(
        self,
        num_inputs: int,
        width: int,
        *,
        projection: int = 3,
        level: int = 2,
        time_scale: int = 1,
        bias: float = 0.0,
    ):
        super().__init__()
        self.width = width
        self.projection = nn.Linear(num_inputs, projection, bias=False)
        self.signature = RunningSignature(projection, level, time_scale=time_scale)
        self.gate = nn.Linear(self.signature.width, width)
        nn.init.xavier_uniform_(self.projection.weight)
        nn.init.xavier_uniform_(self.gate.weight)
        nn.init.constant_(self.gate.bias, bias)

    def initial_state(self, x_t: Float[Tensor, "b d"]) -> SignatureState:
        return self.signature.initial_state(x_t.new_zeros(x_t.shape[0], self.projection.out_features))

    def scan(
        self, x: Float[Tensor, "b t d"], state: SignatureState, lengths: Lengths
    ) -> tuple[Float[Tensor, "b t e"], SignatureState]:
        s, state = self.signature(self.projection(x), state, lengths=lengths)
        return self.gate(s), state


class SigLSTMState(NamedTuple):
    """Output, cell and signature."""

    h: Float[Tensor, "b d"]
    c: Float[Tensor, "b d"]
    s: SignatureState


class SigLSTM(Recurrent[SigLSTMState]):
    """An LSTM whose forget gate is a `SignatureGate`, described by `gate`, and starts at a bias of one."""

    def __init__(self, num_inputs: int, width: int, **gate: int):
        super().__init__()
        self.width = width
        self.forget = SignatureGate(num_inputs, width, bias=1.0, **gate)
        self.input, self.recurrent = _projections(num_inputs, width, 3)  # i, g, o

    def initial_state(self, x_t: Float[Tensor, "b d"]) -> SigLSTMState:
        zeros = x_t.new_zeros(x_t.shape[0], self.width)
        return SigLSTMState(zeros, zeros, self.forget.initial_state(x_t))

    def scan(
        self, x: Float[Tensor, "b t d"], state: SigLSTMState, lengths: Lengths
    ) -> tuple[Float[Tensor, "b t e"], SigLSTMState]:
        f, s = self.forget(x, state.s, lengths=lengths)
        i, g, o = self.input(x).chunk(3, 2)
        weights = Weights(None, self.recurrent.weight)
        y, (h, c) = gated("sig_lstm", torch.cat([i, f, g, o], 2), (state.h, state.c), weights, lengths)
        return y, SigLSTMState(h, c, s)


class SigGRUState(NamedTuple):
    """Output and signature."""

    h: Float[Tensor, "b d"]
    s: SignatureState


class SigGRU(Recurrent[SigGRUState]):
    """A GRU whose reset gate, acting after the recurrent product, is a `SignatureGate`."""

    def __init__(self, num_inputs: int, width: int, **gate: int):
        super().__init__()
        self.width = width
        self.reset = SignatureGate(num_inputs, width, **gate)
        self.input, self.recurrent = _projections(num_inputs, width, 2)  # z, n
        self.recurrent_bias = nn.Parameter(torch.zeros(2 * width))

    def initial_state(self, x_t: Float[Tensor, "b d"]) -> SigGRUState:
        return SigGRUState(x_t.new_zeros(x_t.shape[0], self.width), self.reset.initial_state(x_t))

    def scan(
        self, x: Float[Tensor, "b t d"], state: SigGRUState, lengths: Lengths
    ) -> tuple[Float[Tensor, "b t e"], SigGRUState]:
        r, s = self.reset(x, state.s, lengths=lengths)
        gates = torch.cat([r, self.input(x)], 2)
        weights = Weights(None, self.recurrent.weight, b_h=self.recurrent_bias)
        y, (h,) = gated("sig_gru", gates, (state.h,), weights, lengths)
        return y, SigGRUState(h, s)


def _projections(num_inputs: int, width: int, num_gates: int) -> tuple[nn.Linear, nn.Linear]:
    """Weights of the frame, with a bias, and of the output before; each gate is initialised by itself."""
    x, h = nn.Linear(num_inputs, num_gates * width), nn.Linear(width, num_gates * width, bias=False)
    nn.init.zeros_(x.bias)
    for gate in range(num_gates):
        rows = slice(gate * width, (gate + 1) * width)
        nn.init.xavier_uniform_(x.weight.data[rows])
        nn.init.orthogonal_(h.weight.data[rows])
    return x, h
