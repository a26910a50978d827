"""LSTM, GRU, RNN and relatives on the gated kernels, under the recurrent contract.

The parameters of the first three are those of torch.nn.
"""

from collections.abc import Iterator
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from bicameral.kernels.gated import Weights, gated
from bicameral.kernels.gated.reference import EPS
from bicameral.nn.masking import Lengths
from bicameral.nn.recurrent import Recurrent

NAMES = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")


class TorchLayers(nn.Module):
    """The weights of layers under the names that torch.nn gives them: an nn.LSTM itself would not compile."""

    def __init__(self, num_inputs: int, width: int, depth: int, *, num_gates: int, dropout: float):
        super().__init__()
        self.depth, self.dropout = depth, dropout
        for layer in range(depth):
            sizes = ((width if layer else num_inputs,), (width,), (), ())
            for name, size in zip(NAMES, sizes, strict=True):
                # Random, as torch.nn fills them at first, so that a seed gives the weights it gives there.
                value = nn.Parameter(torch.rand(num_gates * width, *size))
                self.register_parameter(f"{name}_l{layer}", value)
        for name, parameter in self.named_parameters():
            _initialise(name, parameter, width)

    def __len__(self) -> int:
        return self.depth

    def __iter__(self) -> Iterator[Weights]:
        for layer in range(self.depth):
            yield Weights(*(getattr(self, f"{name}_l{layer}") for name in NAMES))


def _initialise(name: str, parameter: nn.Parameter, width: int) -> None:
    if name.startswith("bias"):
        nn.init.zeros_(parameter)
        return
    fill = nn.init.orthogonal_ if name.startswith("weight_hh") else nn.init.xavier_uniform_
    for gate in parameter.data.split(width):
        fill(gate)


class LSTMState(NamedTuple):
    """Output and cell of every layer."""

    h: Float[Tensor, "b l d"]
    c: Float[Tensor, "b l d"]


class LSTM(Recurrent[LSTMState]):
    """Layers of LSTM: orthogonal recurrent weights, forget bias one."""

    def __init__(self, num_inputs: int, width: int, *, depth: int = 1, dropout: float = 0.0):
        super().__init__()
        self.width = width
        self.rnn = TorchLayers(num_inputs, width, depth, num_gates=4, dropout=dropout)
        for layer in range(depth):  # gates stand in the order i f g o, and one of the two biases suffices
            nn.init.ones_(getattr(self.rnn, f"bias_ih_l{layer}").data[width : 2 * width])

    def initial_state(self, x_t: Float[Tensor, "b d"]) -> LSTMState:
        zeros = x_t.new_zeros(x_t.shape[0], len(self.rnn), self.width)
        return LSTMState(zeros, zeros)

    def scan(
        self, x: Float[Tensor, "b t d"], state: LSTMState, lengths: Lengths
    ) -> tuple[Float[Tensor, "b t e"], LSTMState]:
        x, last = _scan_layers("lstm", self.rnn, x, state, lengths)
        return x, LSTMState(*last)


class GRU(Recurrent[Tensor]):
    """Layers of GRU, the reset gate `after` or `before` the product; orthogonal recurrent weights."""

    def __init__(
        self, num_inputs: int, width: int, *, depth: int = 1, dropout: float = 0.0, reset: str = "after"
    ):
        super().__init__()
        self.width = width
        self.cell = {"after": "gru", "before": "reset_before_gru"}[reset]
        self.rnn = TorchLayers(num_inputs, width, depth, num_gates=3, dropout=dropout)

    def initial_state(self, x_t: Float[Tensor, "b d"]) -> Float[Tensor, "b l e"]:
        return x_t.new_zeros(x_t.shape[0], len(self.rnn), self.width)

    def scan(
        self, x: Float[Tensor, "b t d"], state: Float[Tensor, "b l e"], lengths: Lengths
    ) -> tuple[Float[Tensor, "b t e"], Float[Tensor, "b l e"]]:
        x, (state,) = _scan_layers(self.cell, self.rnn, x, (state,), lengths)
        return x, state


class RNN(Recurrent[Tensor]):
    """Layers of h = f(W x + U h), f being `tanh` or `relu`; orthogonal recurrent weights."""

    def __init__(
        self, num_inputs: int, width: int, *, depth: int = 1, dropout: float = 0.0, nonlinearity: str = "tanh"
    ):
        super().__init__()
        self.width = width
        self.cell = f"{nonlinearity}_rnn"
        self.rnn = TorchLayers(num_inputs, width, depth, num_gates=1, dropout=dropout)

    def initial_state(self, x_t: Float[Tensor, "b d"]) -> Float[Tensor, "b l e"]:
        return x_t.new_zeros(x_t.shape[0], len(self.rnn), self.width)

    def scan(
        self, x: Float[Tensor, "b t d"], state: Float[Tensor, "b l e"], lengths: Lengths
    ) -> tuple[Float[Tensor, "b t e"], Float[Tensor, "b l e"]]:
        x, (state,) = _scan_layers(self.cell, self.rnn, x, (state,), lengths)
        return x, state


def _scan_layers(
    cell: str, layers: TorchLayers, x: Float[Tensor, "b t d"], state: tuple[Tensor, ...], lengths: Lengths
) -> tuple[Float[Tensor, "b t e"], tuple[Tensor, ...]]:
    """Run one layer after another; the state holds them all."""
    last = []
    for layer, weights in enumerate(layers):
        if layer and layers.dropout:
            x = functional.dropout(x, layers.dropout, layers.training)
        start = tuple(part[:, layer] for part in state)
        x, after = gated(cell, x, start, weights, lengths)
        last.append(after)
    if len(last) == 1:
        return x, tuple(part.unsqueeze(1) for part in last[0])
    return x, tuple(torch.stack(parts, 1) for parts in zip(*last, strict=True))


class CellState(NamedTuple):
    """Output and cell of one layer."""

    h: Float[Tensor, "b d"]
    c: Float[Tensor, "b e"]


class PeepholeLSTM(Recurrent[CellState]):
    """One layer whose gates see the cell; without a say at first, so that it starts as an LSTM."""

    def __init__(self, num_inputs: int, width: int):
        super().__init__()
        self.width = width
        self.w_x, self.w_h, self.b = _parameters(num_inputs, width, num_gates=4, forget=1)
        self.peepholes = nn.Parameter(torch.zeros(3, width))  # of i, f and o

    def initial_state(self, x_t: Float[Tensor, "b d"]) -> CellState:
        return CellState(*x_t.new_zeros(2, x_t.shape[0], self.width))

    def scan(
        self, x: Float[Tensor, "b t d"], state: CellState, lengths: Lengths
    ) -> tuple[Float[Tensor, "b t e"], CellState]:
        weights = Weights(self.w_x, self.w_h, self.b, extra=self.peepholes)
        y, last = gated("peephole_lstm", x, state, weights, lengths)
        return y, CellState(*last)


class CoupledLSTM(Recurrent[CellState]):
    """One layer that takes in as much as it forgets."""

    def __init__(self, num_inputs: int, width: int):
        super().__init__()
        self.width = width
        self.w_x, self.w_h, self.b = _parameters(num_inputs, width, num_gates=3, forget=0)

    def initial_state(self, x_t: Float[Tensor, "b d"]) -> CellState:
        return CellState(*x_t.new_zeros(2, x_t.shape[0], self.width))

    def scan(
        self, x: Float[Tensor, "b t d"], state: CellState, lengths: Lengths
    ) -> tuple[Float[Tensor, "b t e"], CellState]:
        y, last = gated("coupled_lstm", x, state, Weights(self.w_x, self.w_h, self.b), lengths)
        return y, CellState(*last)


class LayerNormLSTM(Recurrent[CellState]):
    """One layer that normalises what input and state say to the gates, and the cell it shows."""

    def __init__(self, num_inputs: int, width: int):
        super().__init__()
        self.width = width
        self.w_x, self.w_h, self.b = _parameters(num_inputs, width, num_gates=4, forget=1)
        self.gain_x, self.gain_h = nn.Parameter(torch.ones(4 * width)), nn.Parameter(torch.ones(4, width))
        self.gain_c, self.bias_c = nn.Parameter(torch.ones(width)), nn.Parameter(torch.zeros(width))

    def initial_state(self, x_t: Float[Tensor, "b d"]) -> CellState:
        return CellState(*x_t.new_zeros(2, x_t.shape[0], self.width))

    def scan(
        self, x: Float[Tensor, "b t d"], state: CellState, lengths: Lengths
    ) -> tuple[Float[Tensor, "b t e"], CellState]:
        a = functional.linear(x, self.w_x)
        a = functional.layer_norm(a, a.shape[-1:], self.gain_x, self.b, EPS)
        extra = torch.cat([self.gain_h, self.gain_c[None], self.bias_c[None]])
        y, last = gated("layer_norm_lstm", a, state, Weights(None, self.w_h, extra=extra), lengths)
        return y, CellState(*last)


class ProjectedLSTM(Recurrent[CellState]):
    """One layer of `num_cells` cells, whose gates and outputs see a projection of them to `width` values."""

    def __init__(self, num_inputs: int, width: int, *, num_cells: int):
        super().__init__()
        self.width, self.num_cells = width, num_cells
        self.w_x, _, self.b = _parameters(num_inputs, num_cells, num_gates=4, forget=1)
        self.w_h = nn.Parameter(torch.empty(4 * num_cells, width))
        self.projection = nn.Parameter(torch.empty(width, num_cells))
        for block in (*self.w_h.data.split(num_cells), self.projection.data):
            nn.init.orthogonal_(block)

    def initial_state(self, x_t: Float[Tensor, "b d"]) -> CellState:
        return CellState(x_t.new_zeros(x_t.shape[0], self.width), x_t.new_zeros(x_t.shape[0], self.num_cells))

    def scan(
        self, x: Float[Tensor, "b t d"], state: CellState, lengths: Lengths
    ) -> tuple[Float[Tensor, "b t e"], CellState]:
        weights = Weights(self.w_x, self.w_h, self.b, extra=self.projection)
        y, last = gated("projected_lstm", x, state, weights, lengths)
        return y, CellState(*last)


def _parameters(
    num_inputs: int, width: int, *, num_gates: int, forget: int
) -> tuple[nn.Parameter, nn.Parameter, nn.Parameter]:
    """Xavier weights of the input, orthogonal ones of the state, biases zero but one for the forget gate."""
    w_x, w_h = torch.empty(num_gates * width, num_inputs), torch.empty(num_gates * width, width)
    for gate in w_x.split(width):
        nn.init.xavier_uniform_(gate)
    for gate in w_h.split(width):
        nn.init.orthogonal_(gate)
    b = torch.zeros(num_gates, width)
    b[forget] = 1
    return nn.Parameter(w_x), nn.Parameter(w_h), nn.Parameter(b.flatten())
