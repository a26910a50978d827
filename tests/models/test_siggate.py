"""SigGate against its equations in float64, signature and all, written without the package's own."""

import pytest
import torch

from bicameral.models.siggate_gru import SigGateGRU
from bicameral.models.siggate_lstm import SigGateConfig, SigGateLSTM

WIDTH, SCALE = 5, 4
CONFIG = SigGateConfig(width=WIDTH, time_scale=SCALE)


def gate_by_hand(gate, x):
    """The level-2 signature of [t; P x], by the sums that define it, over t."""
    gates = []
    for t in range(x.shape[1]):
        time = torch.arange(t + 1, dtype=x.dtype).expand(len(x), -1) / SCALE
        path = torch.cat([time[..., None], x[:, : t + 1] @ gate.projection.weight.T], 2)
        one = path[:, -1] - path[:, 0]
        two = torch.zeros(len(x), 4, 4, dtype=x.dtype)
        for u in range(t):
            step = path[:, u + 1] - path[:, u]
            middle = (path[:, u + 1] + path[:, u]) / 2 - path[:, 0]
            two += middle[:, :, None] * step[:, None, :]
        s = torch.cat([one, two.flatten(1)], 1) / (t / SCALE if t else 1)
        gates.append(torch.sigmoid(s @ gate.gate.weight.T + gate.gate.bias))
    return gates


def lstm_by_hand(layer, x):
    h = c = torch.zeros(len(x), WIDTH, dtype=x.dtype)
    w, b, u = layer.input.weight, layer.input.bias, layer.recurrent.weight
    for x_t, f in zip(x.unbind(1), gate_by_hand(layer.forget, x), strict=True):
        i, g, o = (x_t @ w.T + b + h @ u.T).split(WIDTH, 1)
        c = f * c + torch.sigmoid(i) * torch.tanh(g)
        h = torch.sigmoid(o) * torch.tanh(c)
        yield h


def gru_by_hand(layer, x):
    h = torch.zeros(len(x), WIDTH, dtype=x.dtype)
    w_z, w_n = layer.input.weight.split(WIDTH)
    b_z, b_n = layer.input.bias.split(WIDTH)
    u_z, u_n = layer.recurrent.weight.split(WIDTH)
    c_z, c_n = layer.recurrent_bias.split(WIDTH)
    for x_t, r in zip(x.unbind(1), gate_by_hand(layer.reset, x), strict=True):
        z = torch.sigmoid(x_t @ w_z.T + b_z + h @ u_z.T + c_z)
        n = torch.tanh(x_t @ w_n.T + b_n + r * (h @ u_n.T + c_n))
        h = (1 - z) * n + z * h
        yield h


def example(model):
    torch.manual_seed(2)
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.5)
    return torch.randn(2, 9, 3, dtype=torch.float64)


@pytest.mark.parametrize(("cls", "by_hand"), [(SigGateLSTM, lstm_by_hand), (SigGateGRU, gru_by_hand)])
def test_equals_its_equations(cls, by_hand):
    model = cls((9, 3), CONFIG).double()
    x = example(model)
    torch.testing.assert_close(model(x)[0], torch.stack(list(by_hand(model.layers[0], x)), 1))


@pytest.mark.parametrize(("cls", "gate"), [(SigGateLSTM, "forget"), (SigGateGRU, "reset")])
def test_the_gate_never_sees_the_state(cls, gate):
    """Neither the frame itself: only the path's increments and its time."""
    model = cls((9, 3), CONFIG).double()
    x = example(model)
    gates = getattr(model.layers[0], gate)(x)[0]
    torch.testing.assert_close(getattr(model.layers[0], gate)(x + 7)[0], gates)
    assert not torch.allclose(model(x + 7)[0], model(x)[0])


def test_terms_and_parameters():
    """A path of time and 3 channels has 4 + 16 terms up to level 2."""
    model = SigGateLSTM((9, 8), SigGateConfig(width=16))
    assert model.layers[0].forget.gate.in_features == 20
    cell = 3 * 16 * (8 + 16 + 1)
    assert sum(p.numel() for p in model.parameters()) == cell + 3 * 8 + 16 * (20 + 1)


def test_initialisation():
    layer = SigGateLSTM((9, 3), CONFIG).layers[0]
    assert (layer.forget.gate.bias == 1).all()
    for u in layer.recurrent.weight.split(WIDTH):
        torch.testing.assert_close(u @ u.T, torch.eye(WIDTH))
    assert (SigGateGRU((9, 3), CONFIG).layers[0].reset.gate.bias == 0).all()


def test_long_streams_stay_finite():
    """The signature grows without bound, what reads it does not."""
    model = SigGateLSTM((9, 3), CONFIG)
    state = None
    for _ in range(4):
        y, state = model(torch.randn(1, 1000, 3), state)
    assert y.isfinite().all()
