"""LSTM and GRU on torch's fused kernels, under the recurrent contract."""

from typing import Any, NamedTuple

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

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
        y, (h, c) = _run(self.rnn, x, (_layers_first(state.h), _layers_first(state.c)), lengths)
        return y, LSTMState(h.transpose(0, 1), c.transpose(0, 1))


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
        y, h = _run(self.rnn, x, _layers_first(state), lengths)
        return y, h.transpose(0, 1)


def _layers_first(state: Float[Tensor, "b l d"]) -> Float[Tensor, "l b d"]:
    return state.transpose(0, 1).contiguous()


def _run(rnn: nn.RNNBase, x: Tensor, state: Any, lengths: Lengths) -> tuple[Tensor, Any]:
    if lengths is None:  # packing leaves the fastest kernel, so it is done only where rows differ
        return rnn(x, state)
    packed = pack_padded_sequence(x, lengths.cpu(), batch_first=True, enforce_sorted=False)
    y, state = rnn(packed, state)
    return pad_packed_sequence(y, batch_first=True, total_length=x.shape[1])[0], state


def _initialise(rnn: nn.RNNBase) -> None:
    for name, parameter in rnn.named_parameters():
        if "bias" in name:
            nn.init.zeros_(parameter)
            continue
        fill = nn.init.orthogonal_ if "weight_hh" in name else nn.init.xavier_uniform_
        for gate in parameter.data.split(rnn.hidden_size):
            fill(gate)
