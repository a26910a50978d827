"""ConvLSTM is an LSTM on one-pixel maps, and its equations, written as a loop over pixels, elsewhere."""

import numpy as np
import pytest
import torch
from torch import nn

from bicameral.errors import ConfigError
from bicameral.models.conv_lstm import ConvLSTM, ConvLSTMConfig
from bicameral.nn.patches import cut, joined


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def convolved(x, weight):
    """Zero-padded correlation of (c h w) with (e c k k), pixel by pixel."""
    reach = weight.shape[2] // 2
    x = np.pad(x, ((0, 0), (reach, reach), (reach, reach)))
    height, width = x.shape[1] - 2 * reach, x.shape[2] - 2 * reach
    y = np.empty((len(weight), height, width))
    for row in range(height):
        for column in range(width):
            window = x[:, row : row + 2 * reach + 1, column : column + 2 * reach + 1]
            y[:, row, column] = (weight * window).sum((1, 2, 3))
    return y


def by_hand(x, inputs, bias, recurrent, peepholes):
    """Equation 3 of the paper for one sequence (t c h w)."""
    width = len(recurrent) // 4
    w = {gate: inputs[place * width : (place + 1) * width] for place, gate in enumerate("ifgo")}
    u = {gate: recurrent[place * width : (place + 1) * width] for place, gate in enumerate("ifgo")}
    b = {gate: bias[place * width : (place + 1) * width, None, None] for place, gate in enumerate("ifgo")}
    v = dict(zip("ifo", peepholes, strict=True))
    h = c = np.zeros((width, *x.shape[2:]))
    for x_t in x:
        a = {gate: convolved(x_t, w[gate]) + convolved(h, u[gate]) + b[gate] for gate in "ifgo"}
        new = sigmoid(a["f"] + v["f"] * c) * c + sigmoid(a["i"] + v["i"] * c) * np.tanh(a["g"])
        h, c = sigmoid(a["o"] + v["o"] * new) * np.tanh(new), new
        yield h


@pytest.mark.parametrize("depth", [1, 2])
def test_is_an_lstm_on_one_pixel(depth):
    theirs = nn.LSTM(5, 7, depth, batch_first=True)
    ours = ConvLSTM((6, 5, 1, 1), ConvLSTMConfig(width=7, depth=depth))
    for level, layer in enumerate(list(ours)[1:]):
        weights = {name: getattr(theirs, f"{name}_l{level}").data for name in ("weight_ih", "weight_hh")}
        for conv, weight in zip((layer.inputs, layer.recurrent), weights.values(), strict=True):
            conv.weight.data.zero_()[:, :, 1, 1] = weight
        layer.inputs.bias.data = sum(getattr(theirs, f"bias_{part}_l{level}").data for part in ("ih", "hh"))
    x = torch.randn(3, 6, 5)
    torch.testing.assert_close(ours(x[..., None, None])[0][..., 0, 0], theirs(x)[0])


@pytest.mark.parametrize("peepholes", [False, True])
def test_equals_its_equations(peepholes):
    config = ConvLSTMConfig(width=3, depth=1, patch=1, kernel=3, peepholes=peepholes)
    model = ConvLSTM((4, 2, 5, 6), config).double()
    layer = list(model)[1]
    weights = np.zeros((3, 3, 5, 6))
    if peepholes:
        nn.init.normal_(layer.peepholes)
        weights = layer.peepholes.detach().numpy()
    x = torch.randn(2, 4, 2, 5, 6, dtype=torch.float64)
    arrays = [
        array.detach().numpy() for array in (layer.inputs.weight, layer.inputs.bias, layer.recurrent.weight)
    ]
    expected = [list(by_hand(row.numpy(), *arrays, weights)) for row in x]
    torch.testing.assert_close(model(x)[0], torch.tensor(np.array(expected)))


def test_starts_to_remember():
    layer = list(ConvLSTM((4, 2, 8, 8), ConvLSTMConfig(width=4, depth=1)))[1]
    assert layer.inputs.bias.tolist() == [0.0] * 4 + [1.0] * 4 + [0.0] * 8
    for gate in layer.recurrent.weight.flatten(1).split(4):
        torch.testing.assert_close(gate @ gate.T, torch.eye(4))


def test_peepholes_are_of_the_patched_size_and_start_shut():
    model = ConvLSTM((4, 2, 9, 8), ConvLSTMConfig(width=4, depth=1, peepholes=True))
    layer = list(model)[1]
    assert layer.peepholes.shape == (3, 4, 3, 2)
    assert not layer.peepholes.any()


def test_an_even_kernel_is_refused():
    with pytest.raises(ConfigError, match="kernel is 4; expected an odd number"):
        ConvLSTMConfig(kernel=4)


@pytest.mark.parametrize("size", [(8, 8), (9, 7), (1, 5), (1, 1)])
def test_patches_come_back(size):
    x = torch.randn(3, 2, *size)
    stride = (min(4, size[0]), min(4, size[1]))
    y = cut(x, stride)
    assert y.shape == (3, 2 * stride[0] * stride[1], -(-size[0] // stride[0]), -(-size[1] // stride[1]))
    torch.testing.assert_close(joined(y, stride, size), x)


def test_square_patches_are_pixel_unshuffle():
    x = torch.randn(3, 2, 8, 12)
    torch.testing.assert_close(cut(x, (4, 4)), nn.functional.pixel_unshuffle(x, 4))
