"""IndRNN against its equation in float64, its initialisation and the cut of its recurrent weights."""

import torch

from bicameral.models.indrnn import IndRNN, IndRNNConfig, IndRNNLayer


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
    """u from (0, 2^(1/T)); in the last layer from (2^(-1/T), 2^(1/T)), so that every memory there is long."""
    model = IndRNN((9, 3), IndRNNConfig(width=2000, depth=2, horizon=10))
    first, last = (layer.u.detach() for layer in layers(model))
    limit = 2**0.1
    for u, lowest in ((first, 0.0), (last, 1 / limit)):
        assert lowest <= u.min()
        assert u.max() <= limit
        assert abs(u.mean() - (lowest + limit) / 2) < 0.02 * limit


def test_weights_are_cut():
    """Beyond the limit they act as the limit."""
    layer = IndRNNLayer(1, 2, limit=1.1).eval()
    with torch.no_grad():
        layer.input.weight.fill_(0)
        layer.u.copy_(torch.tensor([5.0, 0.5]))
    y, _ = layer(torch.zeros(1, 3, 1), torch.ones(1, 2))
    torch.testing.assert_close(y[0], torch.tensor([[1.1, 0.5], [1.21, 0.25], [1.331, 0.125]]))


def test_descent_brings_cut_weights_back_but_not_further_out():
    layer = IndRNNLayer(1, 2, limit=1.0).eval()
    with torch.no_grad():
        layer.input.weight.fill_(0)
        layer.u.copy_(torch.tensor([1.5, 1.5]))
    y, _ = layer(torch.zeros(1, 1, 1), torch.ones(1, 2))
    (y[0, 0] * torch.tensor([1.0, -1.0])).sum().backward()
    assert layer.u.grad.tolist() == [1.0, 0.0]


def test_parameters():
    model = IndRNN((9, 3), IndRNNConfig(width=8, depth=2))
    assert sum(p.numel() for p in model.parameters()) == (3 * 8 + 3 * 8) + (8 * 8 + 3 * 8)
