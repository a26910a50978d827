"""ConvGRU against its equations, one gate and one frame at a time, and Cho's GRU on one-pixel maps."""

import pytest
import torch
from torch.nn.functional import conv2d, linear

from bicameral.errors import ConfigError
from bicameral.models.conv_gru import ConvGRU, ConvGRUConfig


def test_equals_its_equations():
    model = ConvGRU((5, 2, 6, 7), ConvGRUConfig(width=3, depth=1, patch=1, kernel=5)).double()
    layer = list(model)[1]
    w_r, w_z, w_n = layer.inputs.weight.chunk(3)
    b_r, b_z, b_n = layer.inputs.bias.chunk(3)
    u_r, u_z = layer.gates.weight.chunk(2)
    x = torch.randn(2, 5, 2, 6, 7, dtype=torch.float64)
    h, expected = torch.zeros(2, 3, 6, 7, dtype=torch.float64), []
    for x_t in x.unbind(1):
        z = torch.sigmoid(conv2d(x_t, w_z, b_z, padding=2) + conv2d(h, u_z, padding=2))
        r = torch.sigmoid(conv2d(x_t, w_r, b_r, padding=2) + conv2d(h, u_r, padding=2))
        n = torch.tanh(conv2d(x_t, w_n, b_n, padding=2) + conv2d(r * h, layer.candidate.weight, padding=2))
        h = (1 - z) * h + z * n
        expected.append(h)
    torch.testing.assert_close(model(x)[0], torch.stack(expected, 1))


def test_is_chos_gru_on_one_pixel():
    model = ConvGRU((4, 3, 1, 1), ConvGRUConfig(width=5, depth=1)).double()
    layer = list(model)[1]
    w, u = layer.inputs.weight[:, :, 1, 1], layer.gates.weight[:, :, 1, 1]
    x, h = torch.randn(2, 4, 3, dtype=torch.float64), torch.zeros(2, 5, dtype=torch.float64)
    for x_t in x.unbind(1):
        a = linear(x_t, w, layer.inputs.bias)
        r, z = torch.sigmoid(a[:, :10] + linear(h, u)).chunk(2, 1)
        h = (1 - z) * h + z * torch.tanh(a[:, 10:] + linear(r * h, layer.candidate.weight[:, :, 1, 1]))
    torch.testing.assert_close(model(x[..., None, None])[0][:, -1, :, 0, 0], h)


def test_recurrent_weights_start_orthogonal_and_biases_at_zero():
    layer = list(ConvGRU((4, 2, 8, 8), ConvGRUConfig(width=4, depth=1)))[1]
    assert not layer.inputs.bias.any()
    for gate in (*layer.gates.weight.flatten(1).split(4), layer.candidate.weight.flatten(1)):
        torch.testing.assert_close(gate @ gate.T, torch.eye(4))


def test_an_even_kernel_is_refused():
    with pytest.raises(ConfigError, match="kernel is 2; expected an odd number"):
        ConvGRUConfig(kernel=2)
