"""Gated models against torch with the same weights and against their papers' equations in float64."""

import pytest
import torch
from torch import nn

from bicameral import registry
from bicameral.errors import ConfigError
from bicameral.models.gru import GRU, GRUConfig
from bicameral.models.lstm import LSTM, LSTMConfig
from bicameral.models.rnn import RNN, RNNConfig


def zeros(x, width):
    return torch.zeros(len(x), width, dtype=x.dtype)


def lstm_by_hand(rnn, x):
    h = c = zeros(x, rnn.weight_hh_l0.shape[1])
    for x_t in x.unbind(1):
        gates = x_t @ rnn.weight_ih_l0.T + rnn.bias_ih_l0 + h @ rnn.weight_hh_l0.T + rnn.bias_hh_l0
        i, f, g, o = gates.chunk(4, 1)
        c = f.sigmoid() * c + i.sigmoid() * g.tanh()
        h = o.sigmoid() * c.tanh()
        yield h


def gru_by_hand(rnn, x):
    h = zeros(x, rnn.weight_hh_l0.shape[1])
    for x_t in x.unbind(1):
        r, z, n = (x_t @ rnn.weight_ih_l0.T + rnn.bias_ih_l0).chunk(3, 1)
        hr, hz, hn = (h @ rnn.weight_hh_l0.T + rnn.bias_hh_l0).chunk(3, 1)
        z = (z + hz).sigmoid()
        n = (n + (r + hr).sigmoid() * hn).tanh()
        h = (1 - z) * n + z * h
        yield h


def cho_by_hand(rnn, x):
    """Cho et al. 2014, equations 5 to 8, with z as there: it keeps the old state."""
    h, (w_r, w_z, w) = zeros(x, rnn.weight_hh_l0.shape[1]), rnn.weight_ih_l0.chunk(3)
    u_r, u_z, u = rnn.weight_hh_l0.chunk(3)
    b_r, b_z, b = (rnn.bias_ih_l0 + rnn.bias_hh_l0).chunk(3)
    for x_t in x.unbind(1):
        r = torch.sigmoid(x_t @ w_r.T + h @ u_r.T + b_r)
        z = torch.sigmoid(x_t @ w_z.T + h @ u_z.T + b_z)
        h = z * h + (1 - z) * torch.tanh(x_t @ w.T + (r * h) @ u.T + b)
        yield h


def elman_by_hand(rnn, x):
    h = zeros(x, rnn.weight_hh_l0.shape[1])
    for x_t in x.unbind(1):
        h = torch.tanh(x_t @ rnn.weight_ih_l0.T + rnn.bias_ih_l0 + h @ rnn.weight_hh_l0.T + rnn.bias_hh_l0)
        yield h


@pytest.mark.parametrize(
    ("model", "by_hand"),
    [
        (LSTM((7, 3), LSTMConfig(width=5)), lstm_by_hand),
        (GRU((7, 3), GRUConfig(width=5)), gru_by_hand),
        (GRU((7, 3), GRUConfig(width=5, reset="before")), cho_by_hand),
        (RNN((7, 3), RNNConfig(width=5)), elman_by_hand),
    ],
)
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_equals_its_equations(model, by_hand, dtype):
    for parameter in model.parameters():
        nn.init.normal_(parameter, std=0.5)
    x = torch.randn(2, 7, 3, dtype=torch.float64)
    expected = torch.stack(list(by_hand(model.double().rnn, x)), 1)
    y, _ = model.to(dtype)(x.to(dtype))
    torch.testing.assert_close(y, expected.to(dtype))


def peephole_by_hand(layer, x):
    """Gers and Schmidhuber 2000, equations 4 to 8; the blocks of weights in the order i f g o."""
    h = c = zeros(x, layer.width)
    w, u, b = layer.w_x.chunk(4), layer.w_h.chunk(4), layer.b.chunk(4)
    p_i, p_f, p_o = layer.peepholes
    for x_t in x.unbind(1):
        i, f, g, o = (x_t @ w[n].T + h @ u[n].T + b[n] for n in range(4))
        i, f = torch.sigmoid(i + p_i * c), torch.sigmoid(f + p_f * c)
        c = f * c + i * torch.tanh(g)
        h = torch.sigmoid(o + p_o * c) * torch.tanh(c)
        yield h


def coupled_by_hand(layer, x):
    h = c = zeros(x, layer.width)
    w, u, b = layer.w_x.chunk(3), layer.w_h.chunk(3), layer.b.chunk(3)
    for x_t in x.unbind(1):
        f, g, o = (x_t @ w[n].T + h @ u[n].T + b[n] for n in range(3))
        f = torch.sigmoid(f)
        c = f * c + (1 - f) * torch.tanh(g)
        h = torch.sigmoid(o) * torch.tanh(c)
        yield h


def normal(v):
    return (v - v.mean(1, keepdim=True)) / (v.var(1, unbiased=False, keepdim=True) + 1e-5).sqrt()


def layer_norm_by_hand(layer, x):
    """Ba et al. 2016, equations 20 to 22."""
    h = c = zeros(x, layer.width)
    for x_t in x.unbind(1):
        seen = layer.gain_h.flatten() * normal(h @ layer.w_h.T)
        i, f, g, o = (seen + layer.gain_x * normal(x_t @ layer.w_x.T) + layer.b).chunk(4, 1)
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        h = torch.sigmoid(o) * torch.tanh(layer.gain_c * normal(c) + layer.bias_c)
        yield h


def projected_by_hand(layer, x):
    theirs = nn.LSTM(x.shape[2], layer.num_cells, batch_first=True, proj_size=layer.width).double()
    weights = [layer.w_x, layer.w_h, layer.b, torch.zeros_like(layer.b), layer.projection]
    with torch.no_grad():
        for name, weight in zip(theirs.state_dict(), weights, strict=True):
            getattr(theirs, name).copy_(weight)
    return theirs(x)[0].unbind(1)


LAYERED = {
    "peephole_lstm": peephole_by_hand,
    "coupled_lstm": coupled_by_hand,
    "layer_norm_lstm": layer_norm_by_hand,
    "projected_lstm": projected_by_hand,
}


def build(name, **config):
    return registry.entry(name).cls((7, 3), registry.entry(name).configure({"width": 5, **config}))


@pytest.mark.parametrize("name", LAYERED)
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_relative_equals_its_equations(name, dtype):
    model = build(name)
    for parameter in model.parameters():
        nn.init.normal_(parameter, std=parameter.shape[-1] ** -0.5)  # 256 cells are projected to 5
    x = torch.randn(2, 7, 3, dtype=torch.float64)
    expected = torch.stack(list(LAYERED[name](model.double().layers[0], x)), 1)
    y, _ = model.to(dtype)(x.to(dtype))
    torch.testing.assert_close(y, expected.to(dtype))


@pytest.mark.parametrize("name", LAYERED)
def test_relative_starts_orthogonal_and_remembers(name):
    layer = build(name, depth=2).layers[0]
    gates = layer.b.chunk(3 if name == "coupled_lstm" else 4)
    forget = 0 if name == "coupled_lstm" else 1
    assert [bool((gate == 1).all()) for gate in gates] == [n == forget for n in range(len(gates))]
    u = layer.w_h.chunk(len(gates))[0]
    torch.testing.assert_close(u.T @ u, torch.eye(layer.width))


def test_peepholes_start_without_a_say():
    model, lstm = build("peephole_lstm"), LSTM((7, 3), LSTMConfig(width=5))
    layer = model.layers[0]
    with torch.no_grad():
        lstm.rnn.weight_ih_l0.copy_(layer.w_x)
        lstm.rnn.weight_hh_l0.copy_(layer.w_h)
    x = torch.randn(2, 7, 3)
    torch.testing.assert_close(model(x)[0], lstm(x)[0])


@pytest.mark.parametrize("name", LAYERED)
def test_dropout_stands_between_layers(name):
    alone, deep = build(name, dropout=0.5).train(), build(name, depth=2, dropout=0.5).train()
    x = torch.randn(2, 7, 3)
    assert torch.equal(alone(x)[0], alone(x)[0])
    assert not torch.equal(deep(x)[0], deep(x)[0])


PAIRS = [
    (LSTM((7, 3), LSTMConfig(width=5, depth=2)), nn.LSTM(3, 5, 2, batch_first=True)),
    (GRU((7, 3), GRUConfig(width=5, depth=2)), nn.GRU(3, 5, 2, batch_first=True)),
    (RNN((7, 3), RNNConfig(width=5, depth=2)), nn.RNN(3, 5, 2, batch_first=True)),
    (
        RNN((7, 3), RNNConfig(width=5, nonlinearity="relu")),
        nn.RNN(3, 5, batch_first=True, nonlinearity="relu"),
    ),
]


@pytest.mark.parametrize(("model", "theirs"), PAIRS)
def test_equals_torch_with_its_weights(model, theirs):
    model.rnn.load_state_dict(theirs.state_dict())
    x = torch.randn(4, 7, 3)
    torch.testing.assert_close(model(x)[0], theirs(x)[0])


@pytest.mark.parametrize(("model", "theirs"), PAIRS)
def test_gradients_equal_torchs(model, theirs):
    model.rnn.load_state_dict(theirs.state_dict())
    x = torch.randn(4, 7, 3)
    ours, expected = (
        torch.autograd.grad(module(x)[0].square().sum(), list(module.parameters()))
        for module in (model, theirs)
    )
    torch.testing.assert_close(ours, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("model", "theirs"), PAIRS)
def test_ragged_rows_equal_packing(model, theirs):
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


@pytest.mark.parametrize(("name", "field"), [("rnn", "nonlinearity"), ("gru", "reset")])
def test_unknown_choices_are_refused(name, field):
    with pytest.raises(ConfigError, match=field):
        registry.entry(name).configure({field: "sideways"})
