"""LSTM and GRU in which one gate sees nothing but the running signature of the sequence (SigGate)."""

from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn

from bicameral.nn.masking import Lengths, last_valid
from bicameral.nn.recurrent import Recurrent
from bicameral.nn.signature import RunningSignature, SignatureState


class SignatureGate(Recurrent[SignatureState]):
    """y_t = σ(W S_t + b), S_t the time-normalised signature of a projection of the frames beside their time.

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
        return self.signature.initial_state(x_t.new_zeros(len(x_t), self.projection.out_features))

    def scan(
        self, x: Float[Tensor, "b t d"], state: SignatureState, lengths: Lengths
    ) -> tuple[Float[Tensor, "b t e"], SignatureState]:
        s, state = self.signature(self.projection(x), state, lengths=lengths)
        return self.gate(s).sigmoid(), state


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
        self.input, self.recurrent = _projections(num_inputs, width, 3)

    def initial_state(self, x_t: Float[Tensor, "b d"]) -> SigLSTMState:
        zeros = x_t.new_zeros(len(x_t), self.width)
        return SigLSTMState(zeros, zeros, self.forget.initial_state(x_t))

    def scan(
        self, x: Float[Tensor, "b t d"], state: SigLSTMState, lengths: Lengths
    ) -> tuple[Float[Tensor, "b t e"], SigLSTMState]:
        f, s = self.forget(x, state.s, lengths=lengths)
        h, c, outputs, cells = state.h, state.c, [], []
        for x_t, f_t in zip(self.input(x).unbind(1), f.unbind(1), strict=True):
            gates = torch.addmm(x_t, h, self.recurrent.weight.T)
            i, o = gates[:, : 2 * self.width].sigmoid().chunk(2, 1)
            c = torch.addcmul(f_t * c, i, gates[:, 2 * self.width :].tanh())
            h = o * c.tanh()
            outputs.append(h)
            cells.append(c)
        y, c = torch.stack(outputs, 1), torch.stack(cells, 1)
        return y, SigLSTMState(last_valid(y, lengths), last_valid(c, lengths), s)


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
        self.input, self.recurrent = _projections(num_inputs, width, 2)
        self.recurrent_bias = nn.Parameter(torch.zeros(width))

    def initial_state(self, x_t: Float[Tensor, "b d"]) -> SigGRUState:
        return SigGRUState(x_t.new_zeros(len(x_t), self.width), self.reset.initial_state(x_t))

    def scan(
        self, x: Float[Tensor, "b t d"], state: SigGRUState, lengths: Lengths
    ) -> tuple[Float[Tensor, "b t e"], SigGRUState]:
        r, s = self.reset(x, state.s, lengths=lengths)
        h, outputs = state.h, []
        bias = nn.functional.pad(self.recurrent_bias, (self.width, 0))
        for x_t, r_t in zip(self.input(x).unbind(1), r.unbind(1), strict=True):
            z, n = torch.addmm(bias, h, self.recurrent.weight.T).chunk(2, 1)
            z = (x_t[:, : self.width] + z).sigmoid()
            h = torch.lerp(torch.addcmul(x_t[:, self.width :], r_t, n).tanh(), h, z)
            outputs.append(h)
        y = torch.stack(outputs, 1)
        return y, SigGRUState(last_valid(y, lengths), s)


def _projections(num_inputs: int, width: int, num_gates: int) -> tuple[nn.Linear, nn.Linear]:
    """Weights of the frame, with a bias, and of the output before; each gate is initialised by itself."""
    x, h = nn.Linear(num_inputs, num_gates * width), nn.Linear(width, num_gates * width, bias=False)
    nn.init.zeros_(x.bias)
    for gate in range(num_gates):
        rows = slice(gate * width, (gate + 1) * width)
        nn.init.xavier_uniform_(x.weight.data[rows])
        nn.init.orthogonal_(h.weight.data[rows])
    return x, h
