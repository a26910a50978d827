"""Piecewise linear activations: how far off, and their gradients; MadNorm: what it is blind to."""

import math

import pytest
import torch

from bicameral.nn.mad_norm import MadNorm
from bicameral.nn.piecewise import PiecewiseLinear, greedy_knots

MEASURED = [  # function, range, pieces, largest error of the greedy pieces, found beforehand by other code
    (torch.sigmoid, 8.0, 8, 0.017),
    (torch.sigmoid, 8.0, 16, 0.0045),
    (torch.sigmoid, 8.0, 32, 0.0012),
    (torch.tanh, 4.0, 16, 0.0089),
    (torch.tanh, 4.0, 32, 0.0023),
]


@pytest.mark.parametrize(("function", "end", "pieces", "error"), MEASURED)
def test_largest_error(function, end, pieces, error):
    piecewise = PiecewiseLinear(function, -end, end, pieces)
    x = torch.linspace(-end, end, 20_001)
    found = (piecewise(x) - function(x)).abs().max().item()
    assert found == pytest.approx(error, rel=0.06)
    assert len(piecewise.slopes) == pieces


def test_knots_lie_on_the_function():
    knots = greedy_knots(torch.tanh, -4, 4, 16)
    assert (knots.diff() > 0).all()
    piecewise = PiecewiseLinear(torch.tanh, -4, 4, 16).double()
    torch.testing.assert_close(piecewise(knots), knots.tanh(), rtol=0, atol=1e-6)


def test_constant_outside():
    piecewise = PiecewiseLinear(torch.sigmoid, -8, 8, 16)
    x = torch.tensor([-1e9, -8.0, 8.0, 1e9], requires_grad=True)
    y = piecewise(x)
    assert y[0] == y[1]
    assert y[2] == y[3]
    y.sum().backward()
    assert x.grad[0] == x.grad[3] == 0


def test_gradient_is_the_slope_of_the_piece():
    piecewise = PiecewiseLinear(torch.sigmoid, -8, 8, 8)
    middles = ((piecewise.knots[1:] + piecewise.knots[:-1]) / 2).requires_grad_()
    piecewise(middles).sum().backward()
    torch.testing.assert_close(middles.grad, piecewise.slopes)
    assert not torch.allclose(middles.grad, middles.sigmoid() * (1 - middles.sigmoid()), atol=1e-3)


def test_mad_norm_is_blind_to_shift_and_scale():
    x, norm = torch.randn(5, 64, dtype=torch.float64), MadNorm(64).double()
    y = norm(x)
    torch.testing.assert_close(norm(30 * x - 7), y)
    torch.testing.assert_close(y.mean(1), torch.zeros(5, dtype=torch.float64))
    torch.testing.assert_close(y.abs().mean(1), torch.ones(5, dtype=torch.float64))


def test_mad_norm_of_a_normal_row_is_layer_norm_over_the_ratio():
    x = torch.randn(20, 20_000, dtype=torch.float64)
    ratio = torch.nn.functional.layer_norm(x, (20_000,)) / MadNorm(20_000).double()(x)
    torch.testing.assert_close(ratio.mean().item(), math.sqrt(2 / math.pi), rtol=0, atol=2e-3)


def test_mad_norm_of_a_constant_row_is_its_bias():
    norm = MadNorm(4)
    torch.nn.init.ones_(norm.bias)
    x = torch.full((2, 4), 3.0, requires_grad=True)
    y = norm(x)
    assert (y == 1).all()
    y.sum().backward()
    assert x.grad.isfinite().all()
