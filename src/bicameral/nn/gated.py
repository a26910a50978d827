"""LSTM, GRU and RNN on the gated kernels, under the recurrent contract. The parameters are those of torch.nn."""

from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from bicameral.kernels.gated import Weights, gated
from bicameral.nn.masking import Lengths
from bicameral.nn.recurrent import Recurrent


class LSTMState(NamedTuple):
    """Output and cell of every layer."""

    h: Float[Tensor, "b l d"]
    c: Float[Tensor, "b l d"]


class LSTM(Recurrent[LSTMState]):
    """Layers of LSTM: orthogonal recurrent weights, forget bias one."""

    def __init__(self, num_inputs: int, width: int, *, depth: int = 1, dropout: float = 0.0):
        super().__init__()
        self.width = width
        self.rnn = nn.LSTM(num_inputs, width, depth, batch_first=True, dropout=dropout if depth > 1 else 0.0)
        _initialise(self.rnn)
        for layer in range(depth):  # gates stand in the order i f g o, and one of the two biases suffices
            nn.init.ones_(getattr(self.rnn, f"bias_ih_l{layer}").data[width : 2 * width])

    def initial_state(self, x_t: Float[Tensor, "b d"]) -> LSTMState:
        zeros = x_t.new_zeros(len(x_t), self.rnn.num_layers, self.width)
        return LSTMState(zeros, zeros)

    def scan(
        self, x: Float[Tensor, "b t d"], state: LSTMState, lengths: Lengths
    ) -> tuple[Float[Tensor, "b t e"], LSTMState]:
        x, state = _scan_layers("lstm", self.rnn, x, state, lengths)
        return x, LSTMState(*state)


class GRU(Recurrent[Tensor]):
    """Layers of GRU (the reset gate after the product): orthogonal recurrent weights."""

    def __init__(self, num_inputs: int, width: int, *, depth: int = 1, dropout: float = 0.0):
        super().__init__()
        self.width = width
        self.rnn = nn.GRU(num_inputs, width, depth, batch_first=True, dropout=dropout if depth > 1 else 0.0)
        _initialise(self.rnn)

    def initial_state(self, x_t: Float[Tensor, "b d"]) -> Float[Tensor, "b l e"]:
        return x_t.new_zeros(len(x_t), self.rnn.num_layers, self.width)

    def scan(
        self, x: Float[Tensor, "b t d"], state: Float[Tensor, "b l e"], lengths: Lengths
    ) -> tuple[Float[Tensor, "b t e"], Float[Tensor, "b l e"]]:
        x, (state,) = _scan_layers("gru", self.rnn, x, (state,), lengths)
        return x, state


class RNN(Recurrent[Tensor]):
    """Layers of the simple recurrence h = f(W x + U h), f being `tanh` or `relu`; orthogonal recurrent weights."""

    def __init__(
        self, num_inputs: int, width: int, *, depth: int = 1, dropout: float = 0.0, nonlinearity: str = "tanh"
    ):
        super().__init__()
        self.width = width
        dropout = dropout if depth > 1 else 0.0
        self.rnn = nn.RNN(
            num_inputs, width, depth, batch_first=True, dropout=dropout, nonlinearity=nonlinearity
        )
        _initialise(self.rnn)

    def initial_state(self, x_t: Float[Tensor, "b d"]) -> Float[Tensor, "b l e"]:
        return x_t.new_zeros(len(x_t), self.rnn.num_layers, self.width)

    def scan(
        self, x: Float[Tensor, "b t d"], state: Float[Tensor, "b l e"], lengths: Lengths
    ) -> tuple[Float[Tensor, "b t e"], Float[Tensor, "b l e"]]:
        x, (state,) = _scan_layers(f"{self.rnn.nonlinearity}_rnn", self.rnn, x, (state,), lengths)
        return x, state


def _scan_layers(
    cell: str, rnn: nn.RNNBase, x: Float[Tensor, "b t d"], state: tuple[Tensor, ...], lengths: Lengths
) -> tuple[Float[Tensor, "b t e"], tuple[Tensor, ...]]:
    """Run one layer after another; the state holds them all."""
    last = []
    for layer, (w_x, w_h, b_x, b_h) in enumerate(rnn.all_weights):
        if layer and rnn.dropout:
            x = functional.dropout(x, rnn.dropout, rnn.training)
        start = tuple(part[:, layer] for part in state)
        x, after = gated(cell, x, start, Weights(w_x, w_h, b_x, b_h), lengths)
        last.append(after)
    if len(last) == 1:
        return x, tuple(part.unsqueeze(1) for part in last[0])
    return x, tuple(torch.stack(parts, 1) for parts in zip(*last, strict=True))


def _initialise(rnn: nn.RNNBase) -> None:
    for name, parameter in rnn.named_parameters():
        if "bias" in name:
            nn.init.zeros_(parameter)
            continue
        fill = nn.init.orthogonal_ if "weight_hh" in name else nn.init.xavier_uniform_
        for gate in parameter.data.split(rnn.hidden_size):
            fill(gate)
