"""LSTM and GRU against torch with the same weights and against their equations in float64."""

import pytest
import torch
from torch import nn

from bicameral.models.gru import GRU, GRUConfig
from bicameral.models.lstm import LSTM, LSTMConfig


def lstm_by_hand(rnn, x):
    h = c = torch.zeros(len(x), rnn.hidden_size, dtype=x.dtype)
    for x_t in x.unbind(1):
        gates = x_t @ rnn.weight_ih_l0.T + rnn.bias_ih_l0 + h @ rnn.weight_hh_l0.T + rnn.bias_hh_l0
        i, f, g, o = gates.chunk(4, 1)
        c = f.sigmoid() * c + i.sigmoid() * g.tanh()
        h = o.sigmoid() * c.tanh()
        yield h


def gru_by_hand(rnn, x):
    h = torch.zeros(len(x), rnn.hidden_size, dtype=x.dtype)
    for x_t in x.unbind(1):
        r, z, n = (x_t @ rnn.weight_ih_l0.T + rnn.bias_ih_l0).chunk(3, 1)
        hr, hz, hn = (h @ rnn.weight_hh_l0.T + rnn.bias_hh_l0).chunk(3, 1)
        z = (z + hz).sigmoid()
        n = (n + (r + hr).sigmoid() * hn).tanh()
        h = (1 - z) * n + z * h
        yield h


@pytest.mark.parametrize(
    ("model", "by_hand"),
    [
        (LSTM((7, 3), LSTMConfig(width=5)), lstm_by_hand),
        (GRU((7, 3), GRUConfig(width=5)), gru_by_hand),
    ],
)
def test_equals_its_equations(model, by_hand):
    x = torch.randn(2, 7, 3, dtype=torch.float64)
    y, _ = model.double()(x)
    torch.testing.assert_close(y, torch.stack(list(by_hand(model.rnn, x)), 1))


@pytest.mark.parametrize(
    ("model", "theirs"),
    [
        (LSTM((7, 3), LSTMConfig(width=5, depth=2)), nn.LSTM(3, 5, 2, batch_first=True)),
        (GRU((7, 3), GRUConfig(width=5, depth=2)), nn.GRU(3, 5, 2, batch_first=True)),
    ],
)
def test_equals_torch_with_its_weights(model, theirs):
    model.rnn.load_state_dict(theirs.state_dict())
    x = torch.randn(4, 7, 3)
    torch.testing.assert_close(model(x)[0], theirs(x)[0])


@pytest.mark.parametrize(
    ("model", "theirs"),
    [
        (LSTM((7, 3), LSTMConfig(width=5, depth=2)), nn.LSTM(3, 5, 2, batch_first=True)),
        (GRU((7, 3), GRUConfig(width=5, depth=2)), nn.GRU(3, 5, 2, batch_first=True)),
    ],
)
def test_holding_the_state_equals_packing(model, theirs):
    model.rnn.load_state_dict(theirs.state_dict())
    x, lengths = torch.randn(4, 7, 3), torch.tensor([3, 7, 1, 5])
    packed = nn.utils.rnn.pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
    outputs, state = theirs(packed)
    expected, _ = nn.utils.rnn.pad_packed_sequence(outputs, batch_first=True)
    y, ours = model(x, lengths=lengths)
    torch.testing.assert_close(y, expected)
    torch.testing.assert_close([part.transpose(0, 1) for part in _parts(ours)], list(_parts(state)))


def _parts(state):
    return state if isinstance(state, tuple) else (state,)
