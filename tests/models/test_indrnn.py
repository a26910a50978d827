"""IndRNN against its equation in float64, its initialisation and the cut of its recurrent weights."""

import pytest
import torch

from bicameral import registry
from bicameral.models.indrnn import IndRNN, IndRNNConfig, IndRNNLayer

SIZES = registry.entry("indrnn").sizes


def layers(model):
    return [layer for layer in model.layers if isinstance(layer, IndRNNLayer)]


def by_hand(model, x):
    """Unit by unit and frame by frame, batch norm at its running statistics."""
    for layer in layers(model):
        norm = layer.norm
        scale = norm.weight / (norm.running_var + norm.eps).sqrt()
        y = torch.zeros(*x.shape[:2], layer.width, dtype=x.dtype)
        for unit in range(layer.width):
            h = torch.zeros(len(x), dtype=x.dtype)
            for t in range(x.shape[1]):
                drive = (x[:, t] * layer.input.weight[unit]).sum(1)
                h = (
                    (drive - norm.running_mean[unit]) * scale[unit] + norm.bias[unit] + layer.u[unit] * h
                ).relu()
                y[:, t, unit] = h
        x = y
    return x


def test_equals_its_equation():
    torch.manual_seed(0)
    model = IndRNN((9, 3), IndRNNConfig(width=4, depth=2, horizon=9)).double()
    x = torch.randn(2, 9, 3, dtype=torch.float64)
    model(x)  # moves the running statistics
    model.eval()
    torch.testing.assert_close(model(x)[0], by_hand(model, x))


def test_initialisation():
    """u from (0, 1); in the last layer from (2^(-1/T), 1), so that every memory there is long."""
    for frames, horizon in ((9, 10), (10, None)):
        model = IndRNN((frames, 3), IndRNNConfig(width=2000, depth=2, horizon=horizon))
        first, last = (layer.u.detach() for layer in layers(model))
        for u, lowest in ((first, 0.0), (last, 0.5**0.1)):
            assert lowest <= u.min()
            assert u.max() <= 1
            assert abs(u.mean() - (lowest + 1) / 2) < 0.02


@torch.no_grad()
@pytest.mark.parametrize("size", SIZES)
def test_stays_finite_as_a_stream(size):
    """20,000 frames in pieces of 1,000, all weights at the cut: sums grow, but nothing doubles by itself."""
    torch.manual_seed(0)
    model = IndRNN((1000, 8), IndRNNConfig(**SIZES[size])).eval()
    for layer in layers(model):
        layer.u.fill_(2.0)
    state = None
    for _ in range(20):
        y, state = model(torch.randn(1, 1000, 8), state)
    assert y.isfinite().all()
    assert y.max() < 20_000 ** (len(layers(model)))


def test_weights_are_cut():
    """Beyond one they act as one."""
    layer = IndRNNLayer(1, 3).eval()
    with torch.no_grad():
        layer.input.weight.fill_(0)
        layer.u.copy_(torch.tensor([5.0, 0.5, -3.0]))
    y, _ = layer(torch.zeros(1, 3, 1), torch.tensor([[1.0, 1.0, 1.0]]))
    torch.testing.assert_close(y[0], torch.tensor([[1, 0.5, 0], [1, 0.25, 0], [1, 0.125, 0]]))


def test_descent_brings_cut_weights_back_but_not_further_out():
    layer = IndRNNLayer(1, 2).eval()
    with torch.no_grad():
        layer.input.weight.fill_(0)
        layer.u.copy_(torch.tensor([1.5, 1.5]))
    y, _ = layer(torch.zeros(1, 1, 1), torch.ones(1, 2))
    (y[0, 0] * torch.tensor([1.0, -1.0])).sum().backward()
    assert layer.u.grad.tolist() == [1.0, 0.0]


def test_parameters():
    model = IndRNN((9, 3), IndRNNConfig(width=8, depth=2))
    assert sum(p.numel() for p in model.parameters()) == (3 * 8 + 3 * 8) + (8 * 8 + 3 * 8)
