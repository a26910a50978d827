"""iRNN against its equations in float64 with numpy's own interpolation, and what rounding does to it."""

import math

import numpy as np
import pytest
import torch

from bicameral.models.irnn import GATES, IRNN, IRNNConfig, IRNNLayer
from bicameral.nn.fixed_point import FixedPoint, rounded, rounded_weights
from bicameral.testing import recurrent_laws

WIDTH = 5


def mad_norm(x, norm):
    centred = x - x.mean(1, keepdims=True)
    y = centred / np.abs(centred).mean(1, keepdims=True) * norm.weight.detach().numpy()
    return y if norm.bias is None else y + norm.bias.detach().numpy()


def by_hand(layer, x):
    """LN-LSTM with mean absolute deviations; np.interp is constant beyond the knots."""
    w, b, u = (p.detach().numpy() for p in (layer.input.weight, layer.input.bias, layer.u))
    knots_s, knots_t = layer.sigmoid.knots.numpy(), layer.tanh.knots.numpy()

    def sigmoid(v):
        return np.interp(v, knots_s, 1 / (1 + np.exp(-knots_s)))

    def tanh(v):
        return np.interp(v, knots_t, np.tanh(knots_t))

    h = c = np.zeros((len(x), WIDTH))
    for t in range(x.shape[1]):
        recurrent = mad_norm(h @ u.T, layer.norm_h) if t else 0
        i, f, o, g = np.split(mad_norm(x[:, t] @ w.T + b, layer.norm_x) + recurrent, 4, 1)
        c = sigmoid(f) * c + sigmoid(i) * tanh(g)
        h = sigmoid(o) * tanh(mad_norm(c, layer.norm_c))
        yield h


def example():
    torch.manual_seed(1)
    layer = IRNNLayer(3, WIDTH, pieces=16, quantised=False).double()
    for parameter in layer.parameters():
        torch.nn.init.normal_(parameter)
    return layer, torch.randn(2, 9, 3, dtype=torch.float64)


def test_equals_its_equations():
    layer, x = example()
    expected = np.stack(list(by_hand(layer, x.numpy())), 1)
    torch.testing.assert_close(layer(x)[0], torch.from_numpy(expected), rtol=0, atol=1e-6)


def test_more_pieces_come_closer_to_smooth_activations():
    errors = []
    for pieces in (8, 32, 128):
        torch.manual_seed(0)
        layer = IRNNLayer(3, 16, pieces=pieces, quantised=False)
        x = torch.randn(4, 20, 3)
        rough = layer(x)[0]
        layer.sigmoid, layer.tanh = torch.nn.Sigmoid(), torch.nn.Tanh()
        errors.append((rough - layer(x)[0]).abs().max().item())
    assert errors[0] > 4 * errors[1] > 8 * errors[2]


@pytest.mark.parametrize(
    "law", [law for _, law in recurrent_laws(lambda: IRNNLayer(3, 8, pieces=16, quantised=True), (9, 3))]
)
def test_rounding_obeys_the_laws(law):
    law()


def test_rounding_stays_close_and_on_the_grid():
    torch.manual_seed(0)
    exact = IRNN((30, 3), IRNNConfig(width=32))
    coarse = IRNN((30, 3), IRNNConfig(width=32, quantised=True))
    coarse.load_state_dict(exact.state_dict())
    x = torch.randn(4, 30, 3)
    y, (state,) = coarse(x)
    assert torch.equal(y * 128, (y * 128).round())
    assert torch.equal(state.c * 2048, (state.c * 2048).round())
    assert 1e-4 < (y - exact(x)[0]).abs().mean() < 0.03


def test_gates_saturate():
    assert rounded(torch.tensor([100.0, -100.0]), GATES).tolist() == [8 - 2**-12, -8.0]


def test_gradient_passes_the_rounding_in_range_alone():
    x = torch.tensor([0.26, 7.0, -0.6], requires_grad=True)
    y = rounded(x, FixedPoint(bits=4, fraction=1))
    y.sum().backward()
    assert y.tolist() == [0.5, 3.5, -0.5]
    assert x.grad.tolist() == [1, 0, 1]


def test_each_gate_has_its_own_step():
    w = torch.tensor([[1.0, 0.3], [100.0, 30.0]], requires_grad=True)
    found = rounded_weights(w, 2)
    torch.testing.assert_close(found[1], 100 * found[0])
    assert found[0, 0] == 1
    assert math.isclose(found[0, 1].item(), 38 / 127, rel_tol=1e-6)
    found.sum().backward()
    assert (w.grad == 1).all()


def test_a_single_channel_keeps_its_size():
    layer = IRNNLayer(1, 16, pieces=16, quantised=False)
    x = torch.rand(1, 6, 1)
    assert not torch.allclose(layer(x)[0], layer(2 * x)[0], atol=1e-2)


def test_initialisation():
    layer = IRNNLayer(3, WIDTH, pieces=16, quantised=False)
    assert layer.norm_x.bias.view(4, WIDTH).sum(1).tolist() == [0, WIDTH, 0, 0]
    for u in layer.u.chunk(4):
        torch.testing.assert_close(u @ u.T, torch.eye(WIDTH))
